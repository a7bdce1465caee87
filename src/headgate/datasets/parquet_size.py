"""How large a Parquet file is once decoded, known before it is: some hundred bytes of one may stand for gigabytes.

Numbers take their width for each value that the file's metadata counts, in lists of a fixed length also for each that
a missing list has a place for. Text may take more than its bytes: a dictionary, or a prefix shared with the value
before, makes many long values of one. Where the metadata alone do not say that text fits, its columns are read as
dictionaries, which repeat no value; the few that cannot be, by so few rows at a time that values as long as the largest
page fit. What the metadata say falsely is found out when the table is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.datasets.parquet_footer import chunks_of, largest_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyarrow import parquet

    from headgate.datasets.parquet_footer import Chunk

__all__ = ["decoded_size", "table_size"]


class _Leaf(NamedTuple):
    """A column of Parquet as Arrow has it."""

    kind: Any
    repeats: int  # places in each list of a fixed length above it, which a missing list takes too
    flat: bool  # below no list of another length

    def places(self, chunk: Chunk) -> int:
        """Return for how many values Arrow makes room, or more."""
        return max(chunk.values, (chunk.rows if self.flat else chunk.values) * self.repeats)


class _Text(NamedTuple):
    """A column of text in one row group, which may hold more than its chunk: values share what they have alike."""

    path: str
    column: int
    chunk: Chunk
    least: int  # bytes, of the places of its values or of what the writer says of them


def decoded_size(file: parquet.ParquetFile, content: bytes, most: int) -> int:
    """Return the bytes that ``file``, which lies in ``content``, takes in Arrow, exactly only near ``most``.

    Fewer may be returned where it is sure to fit, and where it is sure not to.

    Raises
    ------
    pyarrow.ArrowException, OSError, ValueError
        It is damaged, or pyarrow cannot read it.
    """
    size, texts = _by_metadata(file, content)
    least = size + sum(text.least for text in texts)
    # No value has more bytes than its chunk.
    if least > most or least + sum(text.chunk.size * text.chunk.values for text in texts) <= most:
        return least
    return size + _text_size(content, texts, most - size)


def table_size(table: pa.Table) -> int:
    """Return the bytes of ``table`` with each value in its place: a dictionary's counts as often as it is used."""
    return sum(_array_size(chunk) for column in table.columns for chunk in column.chunks)


def _by_metadata(file: parquet.ParquetFile, content: bytes) -> tuple[int, list[_Text]]:
    """Return the bytes that the metadata tell of, and the columns of text of which they tell too little."""
    size, texts = 0, []
    leaves = list(_leaves(file.schema_arrow))
    widths = [_width(leaf.kind) for leaf in leaves]
    paths = [file.schema.column(index).path for index in range(file.metadata.num_columns)]
    texty = [file.schema.column(index).physical_type == "BYTE_ARRAY" for index in range(file.metadata.num_columns)]
    for group in chunks_of(content):
        for index, (path, leaf, chunk) in enumerate(zip(paths, leaves, group, strict=True)):
            room = (leaf.places(chunk) * widths[index] + 7) // 8
            if not texty[index]:
                size += room
            elif chunk.dictionary or chunk.prefixes:
                texts.append(_Text(path, index, chunk, max(room, chunk.text)))
            else:  # the chunk has the lengths of its values, in about as many bytes as Arrow has their places
                size += max(room, chunk.size)
    return size, texts


def _text_size(content: bytes, texts: list[_Text], most: int) -> int:
    """Return the bytes of columns of text, or as many of them as are more than ``most``."""
    import pyarrow as pa
    from pyarrow import parquet

    paths = sorted({text.path for text in texts})
    size = 0
    with parquet.ParquetFile(pa.BufferReader(content), read_dictionary=paths) as file:
        leaves = list(_leaves(file.schema_arrow))
        whole = {text.path for text in texts if pa.types.is_dictionary(leaves[text.column].kind)}
        whole -= {text.path for text in texts if text.chunk.prefixes}
        try:
            # One group at a time: pyarrow cannot put nested dictionaries of several together.
            for index in range(file.num_row_groups if whole else 0):
                size += table_size(file.read_row_group(index, columns=sorted(whole)))
        except pa.ArrowNotImplementedError:  # what it can read otherwise is read otherwise
            size, whole = 0, set()
    with parquet.ParquetFile(pa.BufferReader(content)) as file:
        for path in set(paths) - whole:
            rows = max(1, most // max(_row_size(content, text.chunk) for text in texts if text.path == path))
            for batch in file.iter_batches(batch_size=rows, columns=[path]):
                size += sum(_array_size(column) for column in batch.columns)
                if size > most:
                    return size
    return size


def _row_size(content: bytes, chunk: Chunk) -> int:
    """Return the bytes that a row has at most, if all rows have equally many values."""
    return largest_page(content, chunk) * -(-chunk.values // max(chunk.rows, 1))


def _leaves(fields: Any, repeats: int = 1, *, flat: bool = True) -> Iterator[_Leaf]:
    """Yield the columns of Parquet below these fields, in its order."""
    import pyarrow as pa

    for field in fields:
        kind = _stored(field.type)
        if pa.types.is_fixed_size_list(kind):
            yield from _leaves([kind.value_field], repeats * kind.list_size, flat=flat)
        elif pa.types.is_struct(kind):
            yield from _leaves([kind.field(index) for index in range(kind.num_fields)], repeats, flat=flat)
        elif pa.types.is_nested(kind):  # a map's fields, or a list's
            within = ["key_field", "item_field"] if pa.types.is_map(kind) else ["value_field"]
            yield from _leaves([getattr(kind, name) for name in within], repeats, flat=False)
        else:
            yield _Leaf(kind, repeats, flat)


def _stored(kind: Any) -> Any:
    import pyarrow as pa

    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _width(kind: Any) -> int:
    """Return the bits of a value in Arrow, or of the place of a text."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return 32 if _is_text(kind.value_type) else _width(kind.value_type)
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return 128
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        return 64
    if _is_text(kind):
        return 32
    return 0 if pa.types.is_null(kind) else int(kind.bit_width)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(one(kind) for one in (*text, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view))


def _array_size(array: Any) -> int:
    import pyarrow as pa
    from pyarrow import compute

    kind = array.type
    if pa.types.is_dictionary(kind):
        if pa.types.is_primitive(kind.value_type):
            return len(array) * ((int(kind.value_type.bit_width) + 7) // 8)
        lengths: Any = compute.binary_length(array.dictionary.cast(pa.large_binary()))
        return int(array.indices.nbytes + (compute.sum(lengths.take(array.indices)).as_py() or 0))
    if isinstance(kind, pa.BaseExtensionType):
        within = [array.storage]
    elif pa.types.is_map(kind):
        within = [array.keys, array.items]
    elif pa.types.is_fixed_size_list(kind):  # missing lists have items too
        within = [array.values.slice(array.offset * kind.list_size, len(array) * kind.list_size)]
    elif pa.types.is_nested(kind):  # a struct's fields, or a list's items
        flat = array.flatten()
        within = flat if pa.types.is_struct(kind) else [flat]
    else:
        return int(array.nbytes)
    return sum(_array_size(child) for child in within)
