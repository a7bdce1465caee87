"""What a Spark task does with its rows, without Spark: any cut into batches, every bad index, indices far out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import InputError
from headgate.transforms.definition import error_bound, oracle
from headgate.transforms.spark_blocks import MAX_INDEX, Plan, transform_batches, transform_segment

DTYPES = ("int32", "int64", "float32", "float64")


def plan(dtype="int64", window=3, block_rows=4, *, keys=(), coefficients=(0, 1), anchor="absolute"):
    columns = ("n", "x", *keys)
    return Plan(columns, "x", "n", keys, "b", "y", dtype, window, block_rows, tuple(coefficients), anchor)


def task(index, values, what, *key):
    """The rows of one task as the shuffle would bring them: with the halos, sorted by block and index."""
    rows = [
        (n // what.block_rows + k, n, i)
        for i, n in enumerate(index)
        for k in range((n + what.window) // what.block_rows - n // what.block_rows + 1)
    ]
    rows.sort()
    at = [i for _, _, i in rows]
    data = {"n": pa.array([n for _, n, _ in rows], pa.int64()), "x": pa.array(np.asarray(values)[at])}
    if key:
        data["k"] = pa.array([*key] * len(rows), pa.string())
    return pa.table({**data, "b": pa.array([b for b, _, _ in rows], pa.int64())})


def cut(table, sizes):
    """The same rows in batches of these sizes, over and over."""
    batches, at, turn = [], 0, 0
    while at < table.num_rows:
        batches += table.slice(at, sizes[turn % len(sizes)]).combine_chunks().to_batches()
        at += sizes[turn % len(sizes)]
        turn += 1
    return batches


def result(batches, what):
    parts = list(transform_batches(batches, what))
    return pa.Table.from_batches(parts) if parts else None


@pytest.mark.parametrize("sizes", [(1,), (2, 3), (4,), (5, 1, 7), (1000,)])
@pytest.mark.parametrize("window", [1, 3, 4, 5, 13, 40])
def test_batches_may_end_anywhere(window, sizes):
    x = np.arange(30) ** 2
    what = plan(window=window)
    got = result(cut(task(range(30), x, what), sizes), what)
    assert got["n"].to_pylist() == list(range(30))
    assert got["x"].to_pylist() == x.tolist()
    assert got["y"].to_pylist() == oracle(x, window).tolist()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_agrees_with_the_oracle_whatever_the_blocks(data):
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    whole = st.integers(-(2**31), 2**31 - 1)
    floats = st.one_of(st.floats(-(2.0**60), 2.0**60, width=32), st.sampled_from([np.inf, -np.inf, np.nan]))
    x = np.array(data.draw(st.lists(whole if dtype.kind == "i" else floats, min_size=1, max_size=60)), dtype)
    window, block_rows = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 30))
    coefficients = tuple(data.draw(st.lists(st.integers(-5, 5), min_size=1, max_size=4)))
    anchor = data.draw(st.sampled_from(["absolute", "lag"]))
    weights = coefficients if dtype.kind == "i" else tuple(map(float, coefficients))
    what = plan(dtype.name, window, block_rows, coefficients=weights, anchor=anchor)
    batches = cut(task(range(x.size), x, what), data.draw(st.lists(st.integers(1, 50), min_size=1, max_size=4)))
    got = result(batches, what)["y"].to_numpy()
    want = oracle(x, window, weights, anchor)
    if dtype.kind == "i":
        np.testing.assert_array_equal(got, want)
        return
    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite])
    error = np.abs(got[finite].astype(float) - want[finite].astype(float))
    assert (error <= error_bound(x, window, weights, anchor)[finite]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("coefficients", [(0, 1), (7, -3), (3, -2, 1), (0, 0, 0, 0, 0, 0, 0, 0, 1)])
def test_a_stretch_far_from_the_start_is_as_exact_as_the_whole_array(coefficients, dtype, agreement):
    # The oracle cannot be given the elements before the start, but p shifted there in exact arithmetic is the same sum.
    x = np.random.default_rng(5).integers(-(2**20), 2**20, 300).astype(dtype)
    kind = np.dtype(dtype).kind
    for start in (1, 262_144, 10**9 + 7):
        if kind == "f" and len(coefficients) > 4 and dtype == "float32":
            continue  # i^8 at 10^9 is beyond float32
        out = np.empty_like(x)
        transform_segment(
            x, start, 20, coefficients if kind == "i" else tuple(map(float, coefficients)), "absolute", out
        )
        terms = [[c * (start + i) ** j * int(v) for j, c in enumerate(coefficients)] for i, v in enumerate(x.tolist())]
        exact = [sum(sum(term) for term in terms[max(0, n - 20) : n]) for n in range(x.size)]
        if kind == "i":
            bits = 8 * x.itemsize
            assert [value % 2**bits for value in out.tolist()] == [value % 2**bits for value in exact]
            continue
        size = [sum(abs(part) for term in terms[max(0, n - 20) : n] for part in term) for n in range(x.size)]
        error = [abs(int(got) - want) for got, want in zip(out.tolist(), exact, strict=True)]
        assert all(e <= 8 * float(np.finfo(dtype).eps) * s for e, s in zip(error, size, strict=True))


def test_a_float_result_does_not_depend_on_batches_or_neighbours():
    x = np.random.default_rng(1).standard_normal(500)
    what = plan("float64", 37, 64, coefficients=(0.5, 1.0))
    whole = task(range(500), x, what)
    first = result(cut(whole, (1000,)), what)
    for sizes in ((1,), (63,), (64, 3)):
        np.testing.assert_array_equal(result(cut(whole, sizes), what)["y"].to_numpy(), first["y"].to_numpy())
    alone = whole.filter(pa.array(whole["b"].to_numpy() == 4))
    np.testing.assert_array_equal(result(cut(alone, (7,)), what)["y"].to_numpy(), first["y"].to_numpy()[256:320])


def test_nothing_comes_of_nothing():
    assert result([], plan()) is None
    empty = task([], np.array([], np.int64), plan())
    assert result(empty.to_batches() or [pa.RecordBatch.from_pylist([], empty.schema)], plan()) is None


def test_a_halo_without_a_block_of_its_own_is_dropped():
    what = plan(window=50)
    assert result(cut(task([0, 1], [5, 6], what), (3,)), what)["y"].to_pylist() == [0, 0]


def test_series_follow_each_other_in_one_task():
    what = plan(keys=("k",))
    tables = [task(range(n), np.arange(n) + 1, what, key) for key, n in ((None, 9), ("", 1), ("a", 4), ("b", 9))]
    for sizes in ((1,), (3,), (100,)):
        got = result(cut(pa.concat_tables(tables), sizes), what)
        want = [value for n in (9, 1, 4, 9) for value in oracle(np.arange(n) + 1, 3).tolist()]
        assert got["y"].to_pylist() == want


BAD = {
    "gap": ([0, 1, 2, 4, 5], "has no 3: the next index there is 4"),
    "gap at a block's end": ([0, 1, 2, 4], "has no 3"),
    "gap at a block's start": ([0, 1, 2, 3, 5], "has no 4: the next index there is 5"),
    "gap of a whole block": ([*range(4), *range(8, 12)], "has no 5"),
    "gap longer than window and block": ([0, *range(40, 44)], "has no 37"),
    "start": ([1, 2, 3], "has no 0: the next index there is 1"),
    "late start": ([100, 101], "has no 97"),
    "duplicate": ([0, 1, 1, 2], "holds 1 more than once"),
    "duplicate at a block's end": ([0, 1, 2, 3, 3, 4], "holds 3 more than once"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_an_index_that_does_not_count_the_rows_is_refused_by_number(name, size):
    index, said = BAD[name]
    what = plan()
    with pytest.raises(InputError, match=f"column 'n' {said}"):
        result(cut(task(index, index, what), (size,)), what)


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (None, "is null in a row"),
        (-3, "holds -3; it must count rows from 0"),
        (MAX_INDEX + 1, f"to {MAX_INDEX} at most"),
    ],
)
def test_an_index_that_belongs_to_no_block_is_refused(index, said):
    table = pa.table({"n": pa.array([index], pa.int64()), "x": [1], "b": pa.array([-1], pa.int64())})
    with pytest.raises(InputError, match=said):
        result(table.to_batches(), plan())


def test_a_null_value_is_refused_by_index():
    table = pa.table({"n": [0, 1, 2], "x": [1, None, 3], "b": [0, 0, 0]})
    with pytest.raises(InputError, match="column 'x' is null at 'n' = 1;"):
        result(table.to_batches(), plan())


def test_an_error_names_the_series_and_cuts_a_long_key():
    what = plan(keys=("k",))
    with pytest.raises(InputError, match=r"has no 1: the next index there is 2 \(of k = 'AB'\)"):
        result(cut(task([0, 2], [1, 1], what, "AB"), (9,)), what)
    with pytest.raises(InputError) as caught:
        result(cut(task([0, 2], [1, 1], what, "A" * 5000), (9,)), what)
    assert len(str(caught.value)) < 300


def test_float_weights_that_overflow_are_refused():
    what = plan("float64", coefficients=(0.0, 1e308))
    with pytest.raises(InputError, match="overflow float64 within 4 rows"):
        result(cut(task(range(9), np.ones(9), what), (9,)), what)
