"""Parquet from bytes that are here already; pyarrow decodes them, and never fetches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.datasets.stores import MAX_BYTES
from headgate.errors import CorruptObjectError, DatasetError, DatasetSetupError, SchemaError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

__all__ = ["MAX_VALUES", "only_column", "read_table"]

# Rows times columns: nulls and bits take next to nothing in Arrow, and many bytes each as Python's values.
MAX_VALUES = 2**27
_ADVICE = "split it, or raise max_bytes if it is right"


def read_table(content: bytes, where: str, max_bytes: int = MAX_BYTES, advice: str = _ADVICE) -> pa.Table:
    """Return the table in ``content``; some hundred bytes can stand for gigabytes, so its size is known beforehand.

    ``advice`` is what to do about a file that is too large.

    Raises
    ------
    CorruptObjectError
        It is no Parquet file, or a damaged one.
    DatasetError
        It holds more than `MAX_VALUES`, takes more than ``max_bytes`` once decoded, or is beyond pyarrow.
    DatasetSetupError
        pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise DatasetSetupError("pyarrow is not installed; pip install 'headgate[s3]'") from error
    from headgate.datasets.parquet_size import decoded_size, table_size

    kind, excess, beyond = "?", "", False
    try:
        with parquet.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as file:
            values = file.metadata.num_rows * max(file.metadata.num_columns, 1)
            if values > MAX_VALUES:
                excess = f"{values} values, more than the {MAX_VALUES} to be held; split it"
            elif (size := decoded_size(file, content, max_bytes)) <= max_bytes:
                table = _whole(file)
                table.validate(full=True)
                size = table_size(table)
                if size <= max_bytes:
                    return table
            excess = excess or (
                f"about {size} bytes or more once decoded, more than the {max_bytes} to be held; {advice}"
            )
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        kind, beyond = type(error).__name__, isinstance(error, pa.ArrowNotImplementedError)
    # Outside the handler: Arrow's text may quote the content.
    if beyond:
        raise DatasetError(
            f"{where}: Parquet that pyarrow cannot read: encodings or types that it does not know, or damage; "
            "write it with others, or store it again"
        )
    if excess:
        raise DatasetError(f"{where}: {excess}")
    raise CorruptObjectError(f"{where}: no Parquet file, or a damaged one ({kind}); store it again")


def _whole(file: parquet.ParquetFile) -> pa.Table:
    import pyarrow as pa

    try:
        return file.read()
    except pa.ArrowNotImplementedError:  # of nested dictionaries it reads only one row group at a time
        return pa.concat_tables([file.read_row_group(index) for index in range(file.num_row_groups)])


def only_column(table: pa.Table, where: str) -> Any:
    """Return the one column of ``table`` as an array.

    Raises
    ------
    SchemaError
        It has several columns, or nulls, or times with a zone, which NumPy would drop.
    """
    if table.num_columns != 1:
        raise SchemaError(f"{where}: {table.num_columns} columns, expected one; give a dataclass for the type")
    if table.column(0).null_count:
        raise SchemaError(f"{where}: its column has nulls, which an array has no place for; give a dataclass")
    kind = table.column(0).type
    kind = getattr(kind, "value_type", kind)  # of a dictionary
    if getattr(kind, "tz", None) is not None:
        raise SchemaError(f"{where}: its times have a zone, which an array has no place for; give a dataclass")
    return table.column(0).to_numpy()
