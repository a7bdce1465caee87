"""An object's bytes into what was asked for: typed records, a NumPy array or a pyarrow table.

Two steps, so that formats and results do not multiply: a format gives plain rows (or, where there is no schema, an
array as it is); the schema makes records of the rows, and of the records the result is made. A Parquet table that stays
a table is checked by column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from headgate.datasets.schema import Schema
from headgate.datasets.stores import MAX_BYTES
from headgate.errors import SchemaError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

__all__ = ["FORMATS", "Form", "Format", "check_target", "decode", "format_of"]

Format = Literal["json", "jsonl", "parquet", "npy"]
Form = Literal["list", "numpy", "table"]
FORMATS = get_args(Format)
_ENDINGS: dict[str, Format] = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".npy": "npy",
}


def format_of(name: str) -> Format:
    """Return the format that the end of ``name`` tells.

    Raises
    ------
    UsageError
        It tells none.
    """
    for ending, found in _ENDINGS.items():
        if name.lower().endswith(ending):
            return found
    raise UsageError(f"{name}: its ending tells no format; give format= {', '.join(FORMATS)}")


def check_target(target: Schema[Any] | np.dtype[Any], into: Form) -> None:
    """Refuse what cannot be made, before anything is loaded.

    Raises
    ------
    UsageError
        Records of a dtype, or an array of a dataclass that has no dtype.
    """
    if into not in get_args(Form):
        raise UsageError(f"into={into!r}: expected one of {', '.join(get_args(Form))}")
    if into == "numpy":
        if isinstance(target, Schema):
            from headgate.datasets.decode_numpy import record_dtype

            record_dtype(target)
    elif not isinstance(target, Schema):
        raise UsageError(f"into={into!r} needs a dataclass for its type; a dtype is for into='numpy'")


def decode(
    content: bytes,
    form: Format,
    target: Schema[Any] | np.dtype[Any],
    into: Form,
    where: str,
    max_bytes: int = MAX_BYTES,
) -> Any:
    """Return what ``content`` holds, checked against ``target``; ``where`` names the object in messages.

    ``max_bytes`` bounds what a Parquet file becomes; other formats are as large as what they hold.

    Raises
    ------
    SchemaError
        It is not what the type says; the message names record (or line) and field.
    CorruptObjectError
        It is not of its format at all.
    DatasetError
        It is a Parquet file of more than ``max_bytes`` once decoded.
    """
    if not isinstance(target, Schema):
        return _array(content, form, target, where, max_bytes)
    if into == "table" and form == "parquet":
        from headgate.datasets.decode_parquet import read_table
        from headgate.datasets.decode_table import typed_table

        return typed_table(read_table(content, where, max_bytes), target, where)
    records = [target.record(row, place) for row, place in _rows(content, form, where, max_bytes)]
    if into == "list":
        return records
    if into == "table":
        from headgate.datasets.decode_table import records_table

        return records_table(records, target, where)
    from headgate.datasets.decode_numpy import record_array

    return record_array(records, target, where)


def _array(content: bytes, form: Format, dtype: np.dtype[Any], where: str, max_bytes: int) -> Any:
    from headgate.datasets.decode_numpy import check_dtype, numbers, read_array

    if form == "npy":
        return check_dtype(read_array(content, where), dtype, where)
    if form == "json":
        from headgate.datasets.decode_json import parse

        return numbers(parse(content, where), dtype, where)
    if form == "parquet":
        from headgate.datasets.decode_parquet import only_column, read_table

        return check_dtype(only_column(read_table(content, where, max_bytes), where), dtype, where)
    raise UsageError(f"{where}: JSON Lines hold records; give a dataclass for the type, or JSON with an array")


def _rows(content: bytes, form: Format, where: str, max_bytes: int) -> Iterator[tuple[Any, str]]:
    """Yield each row as plain values, and the place it stands at."""
    if form == "jsonl":
        from headgate.datasets.decode_json import parse_lines

        yield from parse_lines(content, where)
        return
    for number, row in enumerate(_all_rows(content, form, where, max_bytes), start=1):
        yield row, f"{where}: record {number}"


def _all_rows(content: bytes, form: Format, where: str, max_bytes: int) -> list[Any]:
    if form == "parquet":
        from headgate.datasets.decode_parquet import read_table
        from headgate.datasets.decode_table import plain_rows

        return plain_rows(read_table(content, where, max_bytes), where)
    if form == "npy":
        from headgate.datasets.decode_numpy import array_rows, read_array

        return array_rows(read_array(content, where), where)
    from headgate.datasets.decode_json import parse

    found = parse(content, where)
    if isinstance(found, dict):
        return [found]
    if isinstance(found, list):
        return found
    raise SchemaError(
        f"{where}: expected an object or an array of objects, found {type(found).__name__}; mend the data"
    )
