"""How large a Parquet file is once decoded, known before it is: some hundred bytes of one may stand for gigabytes.

Numbers take their width for each value that the file's metadata counts. Text may take more than its bytes: a
dictionary, or a prefix shared with the value before, makes many long values of one. Where the metadata alone do not say
that text fits, its columns are read as dictionaries, which repeat no value; the few that cannot be, by so few rows at a
time that one value to a row fits. What the metadata say falsely is found out when the table is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.datasets.parquet_footer import chunks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyarrow import parquet

    from headgate.datasets.parquet_footer import Chunk

__all__ = ["decoded_size", "table_size"]

# Bytes of a value in Arrow, and of the place of a text.
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 8, "FLOAT": 4, "DOUBLE": 8}
_DECIMAL_WIDTH = 16
_PLACE_WIDTH = 4


class _Text(NamedTuple):
    """A column of text in one row group, which may hold more than its chunk: values share what they have alike."""

    path: str
    column: int
    chunk: Chunk  # no value has more bytes than it


def decoded_size(file: parquet.ParquetFile, content: bytes, most: int) -> int:
    """Return the bytes that ``file``, which lies in ``content``, takes in Arrow, exactly only near ``most``.

    Fewer may be returned where it is sure to fit, and where it is sure not to.

    Raises
    ------
    pyarrow.ArrowException, OSError, ValueError
        It is damaged.
    """
    size, texts = _by_metadata(file, content)
    if size > most or size + sum((text.chunk.size + _PLACE_WIDTH) * text.chunk.values for text in texts) <= most:
        return size
    return size + _text_size(content, texts, most - size)


def table_size(table: pa.Table) -> int:
    """Return the bytes of ``table`` with each value in its place: a dictionary's counts as often as it is used."""
    return sum(_array_size(chunk) for column in table.columns for chunk in column.chunks)


def _by_metadata(file: parquet.ParquetFile, content: bytes) -> tuple[int, list[_Text]]:
    """Return the bytes that the metadata tell of, and the columns of text of which they tell too little."""
    size, texts = 0, []
    declared = [file.schema.column(index) for index in range(file.metadata.num_columns)]
    for group in chunks_of(content):
        for index, (column, chunk) in enumerate(zip(declared, group, strict=True)):
            if column.logical_type.type == "DECIMAL":
                size += chunk.values * _DECIMAL_WIDTH
            elif column.physical_type != "BYTE_ARRAY":
                size += chunk.values * (_WIDTHS.get(column.physical_type) or column.length or 0)
            elif chunk.dictionary or chunk.prefixes:
                texts.append(_Text(column.path, index, chunk))
            else:
                size += chunk.values * _PLACE_WIDTH + chunk.size
    return size, texts


def _text_size(content: bytes, texts: list[_Text], most: int) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    paths = sorted({text.path for text in texts})
    with parquet.ParquetFile(pa.BufferReader(content), read_dictionary=paths) as file:
        leaves = list(_leaves(file.schema_arrow))
        whole = {text.path for text in texts if leaves[text.column]}
        whole -= {text.path for text in texts if text.chunk.prefixes}
        size = table_size(file.read(columns=sorted(whole))) if whole else 0
    with parquet.ParquetFile(pa.BufferReader(content)) as file:
        for path in paths:
            rows = max(1, most // max(text.chunk.size for text in texts if text.path == path))
            steps = iter(()) if path in whole else file.iter_batches(batch_size=rows, columns=[path])
            for batch in steps:
                size += sum(_array_size(column) for column in batch.columns)
                if size > most:
                    break
    return size


def _leaves(types: Any) -> Iterator[bool]:
    """Yield, for each column of Parquet below these fields, whether Arrow has a dictionary of it."""
    import pyarrow as pa

    for field in types:
        kind = field.type
        if isinstance(kind, pa.BaseExtensionType):
            yield from (False for _ in _leaves([pa.field("", kind.storage_type)]))
        elif pa.types.is_map(kind):
            yield from _leaves([kind.key_field, kind.item_field])
        elif pa.types.is_nested(kind):
            yield from _leaves([kind.field(index) for index in range(kind.num_fields)])
        else:
            yield pa.types.is_dictionary(kind)


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
    elif pa.types.is_nested(kind):  # a struct's fields, or a list's items
        flat = array.flatten()
        within = flat if pa.types.is_struct(kind) else [flat]
    else:
        return int(array.nbytes)
    return sum(_array_size(child) for child in within)
