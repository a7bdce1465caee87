"""What a Spark task does: cut its sorted rows into blocks, check them, and run the native kernel on each.

A row with index i belongs to block i // B. Block b is computed from its own rows and its halo, the `window` rows before
index b * B, which are copies that are dropped afterwards. One block is one call of the kernel, so a float result
depends on B and not on how Spark happens to share out rows, batches or tasks. Nothing here needs Spark itself.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.errors import InputError
from headgate.transforms.polynomial import scaled, shifted, wrap
from headgate.transforms.registry import load, unavailable_reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["INVALID_BLOCK", "MAX_INDEX", "Plan", "check_weights", "transform_batches", "transform_segment"]

MAX_INDEX = 2**53
"""The largest index: beyond it a float64 weight no longer tells one index from the next."""

INVALID_BLOCK = -1
"""Where rows without a usable index are sent, so that one of the tasks meets and names them."""

OUTPUT_BATCH_ROWS = 65_536
"""Rows to an Arrow batch on the way out: enough to spread a batch's fixed cost, little enough for the JVM's buffers."""

MOST_KEY_CHARACTERS = 60
"""How much of a key an error message shows."""


@dataclass(frozen=True)
class Plan:
    """What every task is told; plain values, so that it pickles small.

    Attributes
    ----------
    columns : tuple of str
        The input's columns, in their order; `value`, `index` and `keys` are among them.
    block : str
        The helper column that holds the block of a row, or of a copy of it.
    output : str
        The result's column.
    dtype : str
        NumPy's name of the value's dtype.
    window, block_rows : int
        At least 1.
    coefficients : tuple
        As a kernel takes them.
    anchor : {"absolute", "lag"}
    """

    columns: tuple[str, ...]
    value: str
    index: str
    keys: tuple[str, ...]
    block: str
    output: str
    dtype: str
    window: int
    block_rows: int
    coefficients: tuple[float, ...]
    anchor: str


def transform_batches(batches: Iterable[pa.RecordBatch], plan: Plan) -> Iterator[pa.RecordBatch]:
    """Transform the rows of one task, sorted by keys, block and index; what ``mapInArrow`` is given.

    The columns that come in are those of `plan` and the block, in that order, under any names.

    A batch may end anywhere: rows wait until their block is complete, so at most one block and a batch are in memory.

    Raises
    ------
    InputError
        A null, a gap, a duplicate or an index out of range; the message names the column and the index.
    """
    waiting: list[pa.RecordBatch] = []
    for one in batches:
        if one.num_rows == 0:
            continue
        batch = one.rename_columns([*plan.columns, plan.block])
        starts = _starts([waiting[-1].slice(waiting[-1].num_rows - 1), batch] if waiting else [batch], plan)
        if waiting:
            starts = starts[1:] - 1
        if starts.size == 0 or starts[-1] == 0:
            if starts.size:
                yield from _finish(waiting, plan)
                waiting = []
            waiting.append(batch)
            continue
        cut = int(starts[-1])
        yield from _finish([*waiting, batch.slice(0, cut)], plan)
        waiting = [batch.slice(cut)]
    yield from _finish(waiting, plan)


def transform_segment(
    values: Array, start: int, window: int, coefficients: tuple[float, ...], anchor: str, out: Array
) -> None:
    """Transform consecutive elements of a longer array, the first of which has the index `start`, into `out`.

    Under the absolute anchor p(start + i) is a polynomial in i whose coefficients are found exactly (Taylor's shift)
    and rounded once. With start >= 0 its terms are together no larger than p's own, term by term:
    sum over j of C(d, j) start^(d-j) i^j = (start + i)^d. So the transforms' error bound holds as it does for one
    array. For integers the shift is exact modulo 2^bits.
    """
    if values.size == 0:
        return
    if anchor == "absolute" and start:
        coefficients = _shift(coefficients, start, values.dtype)
    kernel = load(_engine())
    kernel(values[np.newaxis], out[np.newaxis], min(window, values.size), coefficients, anchor, 1)


def check_weights(coefficients: Sequence[float], reach: int, dtype: np.dtype[Any]) -> None:
    """Refuse a float polynomial that overflows within `reach`, as the transforms of arrays do."""
    if dtype.kind != "f":
        return
    try:
        largest = sum(abs(c) * float(reach) ** j for j, c in enumerate(coefficients))
    except OverflowError:
        largest = np.inf
    if not np.isfinite(largest):
        raise InputError(f"coefficients: the weights overflow float64 within {reach} rows; scale them down")


def _shift(coefficients: tuple[float, ...], start: int, dtype: np.dtype[Any]) -> tuple[float, ...]:
    """Turn p into q with q(i) = p(start + i)."""
    exact, scale = scaled(coefficients)
    moved = shifted(exact, start)
    if dtype.kind in "iu":
        return tuple(wrap(number, dtype) for number in moved)
    return tuple(number / scale for number in moved)


@functools.cache
def _engine() -> str:
    """Take the native kernel where it is built, else NumPy; chosen on the machine that computes."""
    return "cython" if unavailable_reason("cython") is None else "numpy"


def _starts(parts: Sequence[pa.RecordBatch], plan: Plan) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Where segments (the rows of one block of one series) begin in the rows of `parts`; the first is always 0."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = pa.Table.from_batches(parts).select([plan.block, *plan.keys]).combine_chunks()
    block = table[plan.block].to_numpy()
    changes = np.ones(len(block), bool)
    changes[1:] = block[1:] != block[:-1]
    for key in plan.keys:
        column: Any = table[key].combine_chunks()
        now, before = column.slice(1), column.slice(0, max(len(column) - 1, 0))
        differs = pc.fill_null(pc.not_equal(now, before), False)
        null_or_not = pc.not_equal(pc.is_null(now), pc.is_null(before))
        changes[1:] |= np.asarray(pc.or_(differs, null_or_not))
    return np.flatnonzero(changes)


def _finish(parts: Sequence[pa.RecordBatch], plan: Plan) -> Iterator[pa.RecordBatch]:
    """Check and transform whole segments; give back the rows that are not halo."""
    import pyarrow as pa

    if not parts:
        return
    table = pa.Table.from_batches(parts)
    starts = _starts(parts, plan)
    ends = np.append(starts[1:], table.num_rows)
    block = table[plan.block].to_numpy()
    if block[0] == INVALID_BLOCK or (block == INVALID_BLOCK).any():
        raise _bad_index(table, plan, int(np.argmax(block == INVALID_BLOCK)))
    index = table[plan.index].to_numpy().astype(np.int64, copy=False)
    _check_order(table, plan, index, starts)
    first = block[starts] * plan.block_rows
    owned = index[ends - 1] >= first  # the others are halo of a block that does not exist
    _check_first(table, plan, index, starts[owned], first[owned])
    values = _values(table, plan)
    out = np.empty_like(values)
    reach = int(index.max()) + 1 if plan.anchor == "absolute" else min(plan.window, int((ends - starts).max()))
    check_weights(plan.coefficients, reach, values.dtype)
    for begin, end in zip(starts[owned].tolist(), ends[owned].tolist(), strict=True):
        transform_segment(
            values[begin:end], int(index[begin]), plan.window, plan.coefficients, plan.anchor, out[begin:end]
        )
    result = table.select(list(plan.columns)).append_column(plan.output, pa.array(out))
    own = index >= block * plan.block_rows
    yield from result.filter(pa.array(own)).to_batches(max_chunksize=OUTPUT_BATCH_ROWS)


def _values(table: pa.Table, plan: Plan) -> Array:
    """Return the values as one contiguous array; a null has no place in a sum."""
    column = table[plan.value]
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy()))
        raise InputError(
            f"column {plan.value!r} is null at {plan.index!r} = {_at(table, plan, row)}; fill or drop such rows first "
            "(a dropped row leaves a gap: renumber)"
        )
    return np.require(column.to_numpy(), np.dtype(plan.dtype), ["C", "A"])


def _check_order(table: pa.Table, plan: Plan, index: Array, starts: np.ndarray[Any, np.dtype[np.intp]]) -> None:
    """Within a segment each row's index is its predecessor's plus one."""
    step = np.diff(index)
    step[starts[1:] - 1] = 1
    if (step == 1).all():
        return
    row = int(np.argmax(step != 1))
    if step[row] < 1:
        raise InputError(
            f"column {plan.index!r} holds {_at(table, plan, row + 1)} more than once; every index must be there once"
        )
    raise _missing(table, plan, row + 1, int(index[row]) + 1)


def _check_first(table: pa.Table, plan: Plan, index: Array, starts: Array, first: Array) -> None:
    """Each block begins with its whole halo, so a gap of any length shows in the block after it."""
    expected = np.maximum(first - plan.window, 0)
    wrong = index[starts] != expected
    if wrong.any():
        which = int(np.argmax(wrong))
        raise _missing(table, plan, int(starts[which]), int(expected[which]))


def _missing(table: pa.Table, plan: Plan, row: int, expected: int) -> InputError:
    return InputError(
        f"column {plan.index!r} has no {expected}: the next index there is {_at(table, plan, row)}; renumber from 0 "
        "without gaps, with row_number() - 1"
    )


def _bad_index(table: pa.Table, plan: Plan, row: int) -> InputError:
    if not table[plan.index][row].is_valid:
        return InputError(
            f"column {plan.index!r} is null in a row{_series(table, plan, row)}; it must count rows from 0"
        )
    return InputError(
        f"column {plan.index!r} holds {_at(table, plan, row)}; it must count rows from 0, to {MAX_INDEX} at most"
    )


def _at(table: pa.Table, plan: Plan, row: int) -> str:
    """Say the row's index, and in which series if there are several."""
    return f"{table[plan.index][row].as_py()}{_series(table, plan, row)}"


def _series(table: pa.Table, plan: Plan, row: int) -> str:
    keys = [f"{key} = {table[key][row].as_py()!r}" for key in plan.keys]
    return f" (of {', '.join(keys)[:MOST_KEY_CHARACTERS]})" if keys else ""
