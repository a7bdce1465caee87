"""The sliding polynomial on Spark: columns of DataFrames, many series in one of them, and arrays on storage.

Rows are cut into blocks by their index; each block is also sent a copy of the `window` rows before it (its halo), in
one shuffle, and is transformed by the native kernel where it arrives. Nothing is ever gathered in one task.
Importing this module does not import pyspark. The package must be installed where the executors run.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

from headgate.errors import UsageError
from headgate.transforms.spark_blocks import INVALID_BLOCK, MAX_INDEX, Plan, transform_batches
from headgate.transforms.spark_errors import input_errors
from headgate.transforms.spark_files import transform_file
from headgate.transforms.spark_plan import make_plan, quoted
from headgate.transforms.validate import DEFAULT_COEFFICIENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame

__all__ = ["input_errors", "sliding_polynomial", "transform_file"]


def sliding_polynomial(  # noqa: PLR0913 - the transform's own arguments, and what a DataFrame adds to them
    df: DataFrame,
    value: str,
    order_by: str,
    window: int,
    *,
    coefficients: Sequence[float] = DEFAULT_COEFFICIENTS,
    anchor: str = "absolute",
    partition_by: str | Sequence[str] | None = None,
    output: str = "sliding_polynomial",
    block_rows: int | None = None,
    check: str = "action",
) -> DataFrame:
    """Add the sliding polynomial of one column, in the order of another, to a DataFrame.

    The definition, the wrapping of integers, NaN and the error bound of floats are those of
    :func:`headgate.transforms.sliding_polynomial`. Integers give the same bits however the rows are distributed; so do
    floats, for one `block_rows` and one kind of CPU.

    Parameters
    ----------
    df : DataFrame
        In any order and partitioning; not streaming. Every other column is carried along.
    value : str
        int, bigint, float or double, without nulls.
    order_by : str
        A whole-number column that counts the rows from 0, each number once: the n of the formula.
    window : int
        Rows per sum, at least 1.
    coefficients, anchor
        As for arrays.
    partition_by : str or sequence of str, optional
        Columns that tell series apart, each counted from 0 on its own. A null is a key like any other.
    output : str
        The name of the column to add, of the value's type.
    block_rows : int, optional
        Rows to a block: what a task holds at once is one block and its halo. By default 262,144, or four windows where
        that is more.
    check : {"action", "eager"}
        Whether bad rows are found when the result is first used (wrap that in :func:`input_errors` to get an
        InputError), or by a job of their own before this returns, which costs about as much as the transform itself.

    Returns
    -------
    DataFrame
        The columns of `df`, then `output`; rows come sorted by keys and index within partitions.

    Raises
    ------
    UsageError
        An argument is wrong, or a column is not there or of another type.
    InputError
        Under check="eager": a null, gap, duplicate or number out of range; the message names the index.
    """
    plan = make_plan(df, value, order_by, window, coefficients, anchor, partition_by, output, block_rows)
    if check not in {"action", "eager"}:
        raise UsageError(f"check: {check!r} is not one of 'action', 'eager'")
    if check == "eager":
        _check_rows(df, plan)
    return _transformed(df, plan)


def _check_rows(df: DataFrame, plan: Plan) -> None:
    """Compute it all from the columns that matter, and throw it away."""
    needed = tuple(dict.fromkeys((*plan.keys, plan.index, plan.value)))
    checked = _transformed(df.select(*map(quoted, needed)), dataclasses.replace(plan, columns=needed))
    with input_errors():
        checked.write.format("noop").mode("overwrite").save()


def _transformed(df: DataFrame, plan: Plan) -> DataFrame:
    """Copy the halos, shuffle once by block, sort, and hand the rows to :func:`transform_batches`."""
    from pyspark.sql import functions as F  # noqa: N812 - everyone's name for it
    from pyspark.sql.types import StructField, StructType

    index, block = f"cast({quoted(plan.index)} as bigint)", quoted(plan.block)
    own = f"({index} div {plan.block_rows})"
    last = f"(({index} + {min(plan.window, MAX_INDEX)}) div {plan.block_rows})"
    invalid = f"{index} is null or {index} < 0 or {index} > {MAX_INDEX}"
    blocks = f"case when {invalid} then array({INVALID_BLOCK}L) else sequence({own}, {last}) end"
    copied = df.select("*", F.explode(F.expr(blocks)).alias(plan.block))
    needed = {plan.value, plan.index, *plan.keys}
    carried = [  # a copy carries what the sum needs and nothing else
        quoted(name) if name in needed else f"case when {block} = {own} then {quoted(name)} end"
        for name in plan.columns
    ]
    # mapInArrow looks columns up by unquoted names, so they travel under names of no meaning.
    travels = {name: f"c{place}" for place, name in enumerate((*plan.columns, plan.block))}
    rows = copied.selectExpr(
        *(f"{column} as {name}" for column, name in zip([*carried, block], travels.values(), strict=True))
    )
    by = [travels[name] for name in (*plan.keys, plan.block)]
    rows = rows.repartition(*by).sortWithinPartitions(*by[:-1], F.expr(_order(plan, travels)))
    added = StructField(plan.output, df.schema[plan.value].dataType, nullable=False)
    schema = StructType([*df.schema.fields, added])
    transformed: DataFrame = rows.mapInArrow(functools.partial(transform_batches, plan=plan), schema)
    return transformed


def _order(plan: Plan, travels: dict[str, str]) -> str:
    """Write one number that orders rows by block, then by index: Spark sorts it by radix, two columns by comparison.

    Block b holds the indices b*B - w to b*B + B - 1. With b*w added they end one before those of block b + 1 begin.
    MAX_INDEX and MOST_COPIES keep it in 64 bits.
    """
    block = travels[plan.block]
    return f"if({block} < 0, {INVALID_BLOCK}L, cast({travels[plan.index]} as bigint) + {block} * {plan.window}L)"
