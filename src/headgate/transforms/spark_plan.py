"""The arguments of the transform on Spark, checked against a DataFrame's schema before anything runs."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.errors import UsageError
from headgate.transforms.spark_blocks import MAX_INDEX, Plan
from headgate.transforms.validate import apply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

__all__ = ["DEFAULT_BLOCK_ROWS", "check_block_rows", "check_polynomial", "make_plan", "quoted"]

DEFAULT_BLOCK_ROWS = 262_144
"""Rows to a block where the window does not ask for more: 4 MiB of index and value, a few milliseconds of work."""

WINDOWS_PER_BLOCK = 4
"""A block has at least so many windows' rows: then the copies add at most a quarter to the shuffle."""

MOST_COPIES = 100
"""A window that spans more blocks than this multiplies every row beyond reason; the block must be longer."""

VALUE_DTYPES = {"int": "int32", "bigint": "int64", "float": "float32", "double": "float64"}
"""A value column's type as Spark says it, and the kernel's dtype. Others are refused: a cast is the caller's choice."""

INDEX_TYPES = ("tinyint", "smallint", "int", "bigint")

KEY_TYPES = (*INDEX_TYPES, "string", "boolean", "date", "timestamp", "timestamp_ntz", "binary")
"""Types whose equality is the same in Spark and in Arrow (decimals besides); floats have NaN and two zeros."""


def make_plan(  # noqa: PLR0913, PLR0917 - the public arguments
    df: DataFrame,
    value: str,
    order_by: str,
    window: int,
    coefficients: Sequence[float],
    anchor: str,
    partition_by: str | Sequence[str] | None,
    output: str,
    block_rows: int | None,
) -> Plan:
    """Check the arguments against the DataFrame's schema."""
    if df.isStreaming:
        raise UsageError("df: is a streaming DataFrame; its index has no end to cut blocks from, pass a batch one")
    keys = (partition_by,) if isinstance(partition_by, str) else tuple(partition_by or ())
    schema = df.schema
    names = [name.lower() for name in schema.names]
    if len(set(names)) < len(names):
        raise UsageError("df: two of its columns have one name; rename them first")
    if not output or output.lower() in names:
        raise UsageError(f"output: {output!r} is empty or already a column; choose another name")
    dtype = VALUE_DTYPES.get(_type(schema, "value", value))
    if dtype is None:
        raise UsageError(
            f"value: column {value!r} is {_type(schema, 'value', value)}; cast it to one of {', '.join(VALUE_DTYPES)}"
        )
    if _type(schema, "order_by", order_by) not in INDEX_TYPES:
        raise UsageError(
            f"order_by: column {order_by!r} is {_type(schema, 'order_by', order_by)}, not a whole number; number the "
            "rows from 0 with row_number() - 1"
        )
    for key in keys:
        kind = _type(schema, "partition_by", key)
        if kind not in KEY_TYPES and not kind.startswith("decimal"):
            raise UsageError(f"partition_by: column {key!r} is {kind}, which has no plain equality; cast it to string")
    length, weights = check_polynomial(window, coefficients, anchor, np.dtype(dtype))
    block = "__block"
    while block.lower() in {*names, output.lower()}:
        block += "_"
    rows = check_block_rows(block_rows, length, DEFAULT_BLOCK_ROWS, WINDOWS_PER_BLOCK)
    return Plan(tuple(schema.names), value, order_by, keys, block, output, dtype, length, rows, weights, anchor)


def check_polynomial(
    window: int, coefficients: Sequence[float], anchor: str, dtype: np.dtype[Any]
) -> tuple[int, tuple[float, ...]]:
    """Apply the checks of a transform of arrays; return window and coefficients as kernels take them."""
    given: list[tuple[float, ...]] = []

    def keep(x: Any, out: Any, window: int, coefficients: tuple[float, ...], anchor: str, threads: int) -> None:  # noqa: ARG001 - a kernel's
        given.append(coefficients)

    try:
        apply(keep, np.zeros(1, dtype), window, coefficients, anchor, -1, None, 1)
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from None
    return min(operator.index(window), MAX_INDEX), given[0]


def check_block_rows(block_rows: int | None, window: int, default: int, windows: int) -> int:
    """Resolve ``block_rows``: what was given, or `default` and at least so many `windows`."""
    if block_rows is None:
        return max(default, windows * window)
    if isinstance(block_rows, bool) or not isinstance(block_rows, int) or block_rows < 1:
        raise UsageError(f"block_rows: must be a whole number of at least 1; got {block_rows!r}")
    if window > MOST_COPIES * block_rows:
        raise UsageError(
            f"block_rows: with {block_rows} rows to a block and a window of {window} every row would be copied "
            f"{window // block_rows} times; use at least {-(-window // MOST_COPIES)}, or leave it to the default"
        )
    return min(block_rows, MAX_INDEX)


def _type(schema: StructType, argument: str, name: str) -> str:
    """Spark's name of a column's type; the name must be exact."""
    if name not in schema.names:
        raise UsageError(f"{argument}: there is no column {name!r}; it has: {', '.join(map(repr, schema.names))}")
    return schema[name].dataType.simpleString()


def quoted(name: str) -> str:
    """Write a column's name as SQL takes it whatever is in it."""
    return "`" + name.replace("`", "``") + "`"
