"""NumPy arrays: from .npy files without pickle, from JSON's arrays of numbers, from records without objects."""

from __future__ import annotations

import io
import tokenize
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.errors import CorruptObjectError, SchemaError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.datasets.schema import Schema

__all__ = ["array_rows", "check_dtype", "numbers", "read_array", "record_array", "record_dtype"]

_MAGIC = b"\x93NUMPY"
# What np.load raises of a damaged header, which it parses as Python.
_UNREADABLE = (
    *(ValueError, EOFError, OSError, MemoryError, SyntaxError, TypeError, OverflowError),
    *(tokenize.TokenError, RecursionError, LookupError, AttributeError, ArithmeticError),
)
_FIELD_DTYPES = {
    "integer": "int64",
    "float": "float64",
    "boolean": "bool",
    "date": "datetime64[D]",
    "timestamp": "datetime64[us]",
    "string": "U",
}


def read_array(content: bytes, where: str) -> np.ndarray[Any, Any]:
    """Return the array of the .npy file in ``content``; pickled objects are never loaded.

    Raises
    ------
    CorruptObjectError
        It is no .npy file, is cut short, or something follows it.
    SchemaError
        It holds Python objects.
    """
    stream = io.BytesIO(content)
    kind = "another format"
    if content.startswith(_MAGIC):  # np.load would read an archive, and a pickle, too
        try:
            array = np.load(stream, allow_pickle=False)
        except _UNREADABLE as error:
            kind = type(error).__name__
            if "Object arrays" in str(error):
                kind = "Python objects"
        else:
            if array.size and not array.dtype.itemsize:
                kind = "values of no bytes, of which a file has any number"
            elif stream.tell() == len(content):
                return np.asarray(array)
            else:
                kind = "something follows the array"
    if kind == "Python objects":
        raise SchemaError(f"{where}: it holds Python objects, which are never unpickled; store numbers or records")
    raise CorruptObjectError(f"{where}: no .npy file, or a damaged one ({kind}); store it again")


def check_dtype(array: np.ndarray[Any, Any], dtype: np.dtype[Any], where: str) -> np.ndarray[Any, Any]:
    """Return ``array`` if it is of ``dtype``, in this machine's byte order.

    Raises
    ------
    SchemaError
        It is of another dtype.
    """
    if array.dtype.newbyteorder("=") != dtype.newbyteorder("="):
        raise SchemaError(f"{where}: expected an array of {dtype}, found {array.dtype}; mend the data or the type")
    return array.astype(dtype, copy=False)


def numbers(value: Any, dtype: np.dtype[Any], where: str) -> np.ndarray[Any, Any]:
    """Return the JSON array ``value``, of any depth, as an array of ``dtype``.

    Raises
    ------
    SchemaError
        It is no array, is ragged, or holds something that ``dtype`` does not take exactly.
    """
    if not isinstance(value, list):
        raise SchemaError(f"{where}: expected an array of numbers, found {type(value).__name__}; mend the data")
    wanted: tuple[type, ...] = {"f": (float, int), "i": (int,), "u": (int,), "b": (bool,)}.get(dtype.kind, ())
    if not wanted:
        raise UsageError(f"{dtype}: JSON's numbers become integers, floats or bools; give such a dtype")
    _check_leaves(value, wanted, where)
    try:
        with np.errstate(over="ignore"):  # what overflows is refused below
            array = np.array(value, dtype=dtype)
        # JSON has no infinities: one that is there is a number beyond the dtype.
        exact = dtype.kind != "f" or bool(np.isfinite(array).all())
        exact = exact and (dtype.kind != "f" or all(int(number) == whole for number, whole in _integers(array, value)))
    except (ValueError, OverflowError):
        exact = False
    if not exact:
        raise SchemaError(f"{where}: ragged, or a number that {dtype} does not hold exactly; mend the data or the type")
    return array


def _check_leaves(value: Any, wanted: tuple[type, ...], where: str) -> None:
    for item in value:
        if isinstance(item, list):
            _check_leaves(item, wanted, where)
        elif type(item) not in wanted:
            raise SchemaError(f"{where}: expected {wanted[0].__name__}, found a value of type {type(item).__name__}")


def _integers(array: np.ndarray[Any, Any], value: list[Any]) -> Any:
    """Yield each whole number of ``value`` beside what became of it: a float may not hold it."""
    for made, given in zip(array, value, strict=True):
        if isinstance(given, list):
            yield from _integers(made, given)
        elif isinstance(given, int):
            yield made, given


def record_dtype(schema: Schema[Any]) -> np.dtype[Any]:
    """Return the dtype of an array of records.

    Raises
    ------
    UsageError
        A field has no place in one: it may be None, holds others, or is bytes or a Decimal.
    """
    for field in schema.fields:
        if field.nullable or field.kind not in _FIELD_DTYPES:
            raise UsageError(
                f"{schema.type.__name__}.{field.name}: an array has no place for {field.kind}"
                f"{' or None' if field.nullable else ''}; load it into a list or a table"
            )
    return np.dtype([(field.name, _FIELD_DTYPES[field.kind]) for field in schema.fields])


def record_array(records: Sequence[Any], schema: Schema[Any], where: str) -> np.ndarray[Any, Any]:
    """Return the one-dimensional structured array of ``records``; text takes the width of the longest.

    Raises
    ------
    SchemaError
        A time has a zone, for which NumPy has no place, or a text ends in NUL, which NumPy would drop.
    """
    rows = [schema.to_mapping(record) for record in records]
    columns = []
    for field in schema.fields:
        values = [row[field.name] for row in rows]
        if field.kind == "timestamp" and any(value.tzinfo is not None for value in values):
            raise SchemaError(f"{where}: field {field.name}: times with a zone; load them into a list or a table")
        if field.kind == "string" and any(value.endswith("\0") for value in values):
            raise SchemaError(f"{where}: field {field.name}: text that ends in NUL; load it into a list or a table")
        columns.append(np.array(values, dtype=_FIELD_DTYPES[field.kind]))
    array = np.empty(
        len(rows), [(field.name, column.dtype) for field, column in zip(schema.fields, columns, strict=True)]
    )
    for field, column in zip(schema.fields, columns, strict=True):
        array[field.name] = column
    return array


def array_rows(array: np.ndarray[Any, Any], where: str) -> list[dict[str, Any]]:
    """Return the rows of a structured array as mappings.

    Raises
    ------
    SchemaError
        It is not a one-dimensional array of records, or holds text that is none.
    """
    names = array.dtype.names
    if names is None or array.ndim != 1:
        raise SchemaError(
            f"{where}: an array of {array.dtype} in {array.ndim} dimensions holds no records; give its dtype"
        )
    try:
        rows = array.tolist()
    except (ValueError, SystemError):  # numpy's words for a character beyond Unicode
        rows = None
    if rows is None:
        raise SchemaError(f"{where}: it holds text that is none (a character beyond Unicode); mend the data")
    return [dict(zip(names, row, strict=True)) for row in rows]
