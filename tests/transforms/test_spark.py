"""The transform on Spark against the oracle: dtypes, windows, sizes, series; what is refused; what is tried again."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spark_session import local_session

from headgate.errors import InputError, UsageError
from headgate.transforms import get, sliding_polynomial
from headgate.transforms.spark import input_errors
from headgate.transforms.spark import sliding_polynomial as on_spark

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("spark")]

DTYPES = ("int32", "int64", "float32", "float64")
POLYNOMIALS = {"i": (3, -2, 1), "f": (3.0, -2.5, 0.25)}
BLOCK = 64


@pytest.fixture(scope="module")
def spark():
    return local_session()


def frame(spark, **columns):
    """A DataFrame of these columns, its rows in no order, in three partitions."""
    table = pa.table(columns)
    mixed = table.take(np.random.default_rng(0).permutation(table.num_rows))
    return spark.createDataFrame(mixed).repartition(3)


def by_index(df, name="sliding_polynomial"):
    return df.orderBy("n").toArrow()[name].to_numpy()


@pytest.mark.parametrize("dtype", DTYPES)
def test_agrees_with_the_oracle_at_every_size_and_window_around_the_block(spark, dtype, agreement):
    # One job a window: every size is a series of its own.
    sizes = sorted({1, 2, 9, 10, 11, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 3})
    df = frame(
        spark,
        n=np.concatenate([np.arange(n) for n in sizes]),
        x=np.concatenate([agreement.row(dtype, n) for n in sizes]),
        size=np.repeat(sizes, sizes),
    )
    cases = [(1, (0, 1), "absolute"), (10, (0, 1), "absolute"), (10, POLYNOMIALS[np.dtype(dtype).kind], "lag")]
    for window, coefficients, anchor in [*cases, (BLOCK, (0, 1), "absolute"), (3 * BLOCK + 1, (1, 1), "absolute")]:
        got = on_spark(
            df, "x", "n", window, coefficients=coefficients, anchor=anchor, partition_by="size", block_rows=BLOCK
        )
        table = got.orderBy("size", "n").toArrow()
        assert table.column_names == ["n", "x", "size", "sliding_polynomial"]
        results = np.split(table["sliding_polynomial"].to_numpy(), np.cumsum(sizes)[:-1])
        for n, result in zip(sizes, results, strict=True):
            agreement.check(result, *agreement.expected(dtype, n, window, coefficients, anchor))


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_series_without_a_key_agrees_too(spark, dtype, agreement):
    for n, window, block_rows in ((1, 1, None), (7, 50, None), (300, 77, 50), (700, 10, 64)):
        df = frame(spark, n=np.arange(n), x=agreement.row(dtype, n))
        got = by_index(on_spark(df, "x", "n", window, block_rows=block_rows))
        agreement.check(got, *agreement.expected(dtype, n, window, (0, 1), "absolute"))


def test_an_empty_dataframe_and_empty_partitions_are_no_special_case(spark):
    df = spark.createDataFrame(pa.table({"n": [0, 1, 2], "x": [5.0, 6.0, 7.0]}))
    empty = on_spark(df.where("n < 0"), "x", "n", 2, check="eager")
    assert (empty.columns, empty.count()) == (["n", "x", "sliding_polynomial"], 0)
    assert by_index(on_spark(df.repartition(16), "x", "n", 2, block_rows=1)).tolist() == [0, 0, 6]


def test_nan_and_infinities_reach_the_windows_that_hold_them_and_no_others(spark):
    x = np.linspace(-3, 4, 300)
    x[[0, 80, 150, 152, 230]] = np.inf, -np.inf, np.inf, -np.inf, np.nan
    got = by_index(on_spark(frame(spark, n=np.arange(300), x=x), "x", "n", 20, block_rows=BLOCK))
    want = sliding_polynomial(x, 20)
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))
    np.testing.assert_array_equal(got[~np.isfinite(want)], want[~np.isfinite(want)])


def test_every_other_column_comes_along_whatever_its_name_and_type(spark):
    n = 200
    df = frame(spark, n=np.arange(n, dtype=np.int16), x=np.arange(n), **{"a `b`.c": [str(i) for i in range(n)]})
    df = df.selectExpr(
        "*", "struct(n, x) as pair", "array(n) as list", "if(n % 2 = 0, n, null) as holes", "1 as __block"
    )
    got = on_spark(df, "x", "n", 10, block_rows=16, output="Δ y")
    assert got.columns == [*df.columns, "Δ y"]
    rows = got.orderBy("n").collect()
    assert [row["Δ y"] for row in rows] == sliding_polynomial(np.arange(n), 10).tolist()
    assert [tuple(row)[:-1] for row in rows] == [tuple(row) for row in df.orderBy("n").collect()]


def test_the_index_may_itself_be_summed(spark):
    got = on_spark(spark.range(100).withColumnRenamed("id", "n"), "n", "n", 7, block_rows=16)
    assert by_index(got).tolist() == sliding_polynomial(np.arange(100), 7).tolist()


def test_series_by_several_keys_of_skewed_length_stay_apart(spark):
    lengths = {("a", 1): 700, ("a", None): 3, (None, 1): 65, ("b", 2): 1}
    names, numbers = zip(*[key for key, n in lengths.items() for _ in range(n)], strict=True)
    df = frame(
        spark,
        name=pa.array(names, pa.string()),
        number=pa.array(numbers, pa.int64()),
        n=np.concatenate([np.arange(n) for n in lengths.values()]),
        price=np.concatenate([np.arange(n) + 1.0 for n in lengths.values()]),
    )
    got = on_spark(df, "price", "n", 10, partition_by=["name", "number"], block_rows=BLOCK).orderBy("n").collect()
    for (name, number), n in lengths.items():
        series = [row["sliding_polynomial"] for row in got if (row["name"], row["number"]) == (name, number)]
        np.testing.assert_allclose(series, sliding_polynomial(np.arange(n) + 1.0, 10), rtol=1e-14)


def test_the_rows_are_shuffled_once_and_never_gathered(spark):
    df = on_spark(spark.range(1000).selectExpr("id as n", "double(id) as x"), "x", "n", 10, block_rows=64)
    plan = df._jdf.queryExecution().optimizedPlan().toString()
    assert plan.count("Repartition") == 1
    assert "Window" not in plan
    assert df.rdd.getNumPartitions() > 0


BAD_ROWS = {
    "a null value": ("if(n = 70, null, x)", "n", "column 'x' is null at 'n' = 70;"),
    "a null index": ("x", "if(n = 70, null, n)", "column 'n' is null in a row"),
    "a negative index": ("x", "n - 1", "column 'n' holds -1; it must count rows from 0"),
    "a late start": ("x", "n + 1", "column 'n' has no 0: the next index there is 1"),
    "a gap": ("x", "if(n > 70, n + 1, n)", "column 'n' has no 71: the next index there is 72"),
    "a duplicate": ("x", "if(n = 70, 69L, n)", "column 'n' holds 69 more than once"),
    "an index out of range": ("x", "if(n = 70, 9223372036854775807L, n)", "column 'n' holds 9223372036854775807; "),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_rows_that_cannot_be_used_are_refused_with_their_index(spark, name):
    x, n, said = BAD_ROWS[name]
    df = spark.range(200).selectExpr("id as n", "double(id) as x").selectExpr(f"{n} as n", f"{x} as x")
    lazy = on_spark(df, "x", "n", 10, block_rows=64)
    with pytest.raises(InputError, match=said), input_errors():
        lazy.collect()


def test_an_eager_check_refuses_them_at_the_call(spark):
    df = spark.range(200).where("id <> 70").selectExpr("id as n", "double(id) as x", "'text' as other")
    with pytest.raises(InputError, match="has no 70: the next index there is 71"):
        on_spark(df, "x", "n", 10, check="eager")


def test_an_error_that_is_not_ours_passes_as_it_is(spark):
    from pyspark.errors import PySparkException

    with pytest.raises(PySparkException), input_errors():
        spark.sql("select raise_error('headgate is not involved')").collect()
    with pytest.raises(ZeroDivisionError), input_errors():
        1 / 0  # noqa: B018 - it raises


COLUMNS = "id as n", "double(id) as x", "'t' as text", "decimal(1) as money", "double(1) as rate"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"value": "y"}, "value: there is no column 'y'; it has: 'n', 'x'"),
        ({"value": "text"}, "value: column 'text' is string; cast it to one of int, bigint, float, double"),
        ({"value": "money"}, r"value: column 'money' is decimal\(10,0\); cast"),
        ({"order_by": "x"}, "order_by: column 'x' is double, not a whole number"),
        ({"order_by": "m"}, "order_by: there is no column 'm'"),
        ({"partition_by": "rate"}, "partition_by: column 'rate' is double, which has no plain equality"),
        ({"partition_by": ["text", "k"]}, "partition_by: there is no column 'k'"),
        ({"window": 0}, "window: must be at least 1; got 0"),
        ({"window": 2.0}, "window: must be a whole number"),
        ({"coefficients": ()}, "coefficients: must be 1 to 9 numbers"),
        ({"anchor": "here"}, "anchor: 'here' is not one of 'absolute', 'lag'"),
        ({"output": "N"}, "output: 'N' is empty or already a column"),
        ({"block_rows": 0}, "block_rows: must be a whole number of at least 1; got 0"),
        ({"block_rows": 10, "window": 10**6}, "every row would be copied 100000 times; use at least 10000"),
        ({"check": "never"}, "check: 'never' is not one of 'action', 'eager'"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused_before_anything_runs(spark, given, said):
    df = spark.range(5).selectExpr(*COLUMNS)
    with pytest.raises(UsageError, match=said):
        on_spark(df, **{"value": "x", "order_by": "n", "window": 3, **given})


def test_a_streaming_dataframe_and_ambiguous_columns_are_refused(spark):
    stream = spark.readStream.format("rate").load().selectExpr("value as n", "double(value) as x")
    with pytest.raises(UsageError, match="df: is a streaming DataFrame"):
        on_spark(stream, "x", "n", 3)
    with pytest.raises(UsageError, match="df: two of its columns have one name"):
        on_spark(spark.range(3).selectExpr("id as n", "id as x", "id as X"), "x", "n", 3)


def test_a_task_that_fails_is_tried_again_with_the_same_result(spark, tmp_path):
    marker = tmp_path / "failed once"

    def fail_once(batches):
        for batch in batches:
            if not marker.exists():
                marker.touch()
                raise OSError("a machine goes away")
            yield batch

    x = np.random.default_rng(3).standard_normal(500)
    df = frame(spark, n=np.arange(500), x=x)
    flaky = df.mapInArrow(fail_once, df.schema)
    got = by_index(on_spark(flaky, "x", "n", 33, block_rows=BLOCK))
    assert marker.exists()
    np.testing.assert_array_equal(got, by_index(on_spark(df, "x", "n", 33, block_rows=BLOCK)))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_agrees_with_the_native_kernel_whatever_the_arguments(spark, data):
    x = np.array(data.draw(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=60)), np.int32)
    window, block_rows = data.draw(st.integers(1, 80)), data.draw(st.integers(1, 40))
    coefficients = tuple(data.draw(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=5)))
    given = {"coefficients": coefficients, "anchor": data.draw(st.sampled_from(["absolute", "lag"]))}
    got = by_index(on_spark(frame(spark, n=np.arange(x.size), x=x), "x", "n", window, block_rows=block_rows, **given))
    np.testing.assert_array_equal(got, sliding_polynomial(x, window, **given))


@pytest.mark.parametrize("dtype", [*DTYPES, "uint32", "uint64"])
def test_the_variant_takes_arrays_of_any_shape_and_dtype(spark, dtype, agreement):
    got = sliding_polynomial(agreement.row(dtype, 300), 7, coefficients=(3, 2), variant="spark")
    agreement.check(got, *agreement.expected(dtype, 300, 7, (3, 2), "absolute"))
    if dtype == "int32":
        cube = np.arange(60, dtype=dtype).reshape(3, 4, 5)
        for axis in range(3):
            np.testing.assert_array_equal(get("spark")(cube, 2, axis=axis), get("cython")(cube, 2, axis=axis))
        assert get("spark")(cube[:0], 2).shape == (0, 4, 5)
