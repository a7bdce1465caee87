"""How large a Parquet file is once decoded, known before it is; and what its footer tells."""

import contextlib
import io
import traceback
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from headgate.datasets import parquet_size
from headgate.datasets.decode_parquet import read_table
from headgate.datasets.parquet_footer import Chunk, chunks_of
from headgate.errors import DatasetError

WHERE = "s3://bucket/dir/data"


def as_parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def keep_the_texts_size_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no chunk tell the size of its text, as those of older writers do not."""

    def quiet(content: bytes) -> list[list[Chunk]]:
        return [[chunk._replace(text=0) for chunk in group] for group in chunks_of(content)]

    monkeypatch.setattr(parquet_size, "chunks_of", quiet)


LONG = "x" * 1_000_000
ZSTD = {"compression": "zstd", "write_statistics": False}
SHARED = {**ZSTD, "use_dictionary": False, "column_encoding": {"a": "DELTA_BYTE_ARRAY"}}
SHARED_IN_LISTS = {**SHARED, "column_encoding": {"a.list.element": "DELTA_BYTE_ARRAY"}}
NO_ARROW_SCHEMA = {**ZSTD, "store_schema": False}


@pytest.mark.parametrize(
    ("table", "options"),
    [
        (pa.table({"a": pa.repeat(1, 30_000)}), ZSTD),
        (pa.table({"a": pa.array([[7] * 30_000])}), ZSTD),
        (pa.table({"a": pa.repeat(pa.scalar(b"y" * 1000, pa.binary(1000)), 210)}), ZSTD),
        (pa.table({"a": pa.repeat(LONG, 30)}), NO_ARROW_SCHEMA),
        (pa.table({"a": pa.repeat(LONG, 30).dictionary_encode()}), ZSTD),
        (pa.table({"a": pa.array([[LONG] * 15, [LONG] * 15])}), ZSTD),
        (pa.table({"a": pa.array([[("k", LONG)]] * 30, pa.map_(pa.string(), pa.string()))}), ZSTD),
        (pa.table({"a": pa.array([{"b": LONG, "c": 1}] * 30)}), ZSTD),
        (pa.table({"a": pa.array([LONG + str(number) for number in range(30)])}), SHARED),
        (pa.table({"a": pa.array([[LONG + str(number) for number in range(30)]])}), SHARED_IN_LISTS),
        (pa.table({"a": pa.nulls(100, pa.list_(pa.float64(), 1000))}), ZSTD),
        (pa.table({"a": pa.nulls(100, pa.list_(pa.struct([("b", pa.list_(pa.int64(), 1000))]), 1))}), ZSTD),
        (pa.table({"a": pa.array([[None] * 50] * 2, pa.list_(pa.list_(pa.float64(), 1000)))}), ZSTD),
        (pa.table({"a": pa.nulls(100, pa.list_(pa.string(), 2000))}), ZSTD),
    ],
    ids=[
        *("numbers", "a list", "bytes", "text", "a dictionary", "lists", "maps", "records", "shared prefixes"),
        *("shared prefixes in a list", "fixed lists", "fixed lists in them", "fixed lists in lists", "fixed of text"),
    ],
)
@pytest.mark.parametrize("told", [True, False], ids=["text's size told", "not told"])
def test_a_file_larger_decoded_than_max_bytes_is_refused_and_the_limit_can_be_raised(
    table: pa.Table, options: dict[str, Any], told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not told:
        keep_the_texts_size_quiet(monkeypatch)
    sink = io.BytesIO()
    parquet.write_table(table, sink, **options)
    content = sink.getvalue()
    assert len(content) < 5000
    most = 200_000 if table.nbytes < 10**6 else 20 * len(LONG)
    with pytest.raises(
        DatasetError, match=f"^{WHERE}: about .* once decoded, more than the {most} .* raise max_bytes"
    ) as caught:
        read_table(content, WHERE, most)
    assert type(caught.value) is DatasetError
    assert read_table(content, WHERE, 40 * len(LONG)).num_rows == table.num_rows


def test_missing_lists_of_a_fixed_length_are_not_decoded_to_find_out_how_large_they_are() -> None:
    content = as_parquet(pa.table({"a": pa.nulls(1000, pa.list_(pa.float64(), 60_000))}))
    assert len(content) < 1000
    with held_memory() as peak, pytest.raises(DatasetError, match="once decoded"):
        read_table(content, WHERE, 2**20)
    assert peak() < 2**20


NAMES = [f"name-{number % 700}" for number in range(2000)]
NESTED = pa.table(
    {
        "list": [[one, one] for one in NAMES],
        "record": [{"a": one, "b": 1} for one in NAMES],
        "map": pa.array([[(one, one)] for one in NAMES], pa.map_(pa.string(), pa.string())),
        "records": [[{"a": one}] for one in NAMES],
        "fixed": pa.array(
            [[one, None] if number % 3 else None for number, one in enumerate(NAMES)], pa.list_(pa.string(), 2)
        ),
        "number": pa.array([[1.0, 2.0]] * len(NAMES), pa.list_(pa.float32(), 2)),
        "chosen": pa.StructArray.from_arrays([pa.array(NAMES).dictionary_encode()], ["name"]),
    }
)


@pytest.mark.parametrize("column", NESTED.column_names)
@pytest.mark.parametrize("rows", [2000, 300])
def test_text_inside_lists_maps_and_records_is_read_from_any_number_of_row_groups(column: str, rows: int) -> None:
    sink = io.BytesIO()
    parquet.write_table(NESTED.select([column]), sink, row_group_size=rows)
    found = read_table(sink.getvalue(), WHERE, 2 * NESTED.column(column).nbytes + 40_000)
    assert found.to_pylist() == NESTED.select([column]).to_pylist()


def test_nested_text_that_cannot_be_read_as_dictionaries_is_measured_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise pa.ArrowNotImplementedError("Nested data conversions")

    monkeypatch.setattr(parquet.ParquetFile, "read_row_group", refuse)
    table = NESTED.select(["list"])
    content = as_parquet(table)
    assert read_table(content, WHERE, table.nbytes + 1000).num_rows == table.num_rows
    with pytest.raises(DatasetError, match="once decoded"):
        read_table(content, WHERE, table.nbytes // 2)


def test_what_pyarrow_cannot_read_is_not_called_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise pa.ArrowNotImplementedError("swordfish")

    for reader in ("read", "read_row_group"):
        monkeypatch.setattr(parquet.ParquetFile, reader, refuse)
    with pytest.raises(DatasetError, match=r"that pyarrow cannot read: .* write it with others") as caught:
        read_table(as_parquet(EVERY_KIND), WHERE)
    assert type(caught.value) is DatasetError
    assert "swordfish" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"a": pa.array([1] * 10_000, pa.int8())}),
        pa.table({"a": pa.array([True] * 10_000)}),
        pa.table({"a": ["ab"] * 10_000}),
        pa.table({"a": pa.array([0.5] * 10_000, pa.float16())}),
        pa.table({"a": pa.array([Decimal("1.5")] * 10_000, pa.decimal32(5, 2))}),
        pa.table({"a": pa.array([[1.0] * 10] * 1000, pa.list_(pa.float32(), 10))}),
    ],
    ids=["a byte", "a bit", "short text", "half a float", "few digits", "fixed lists"],
)
def test_what_fits_once_decoded_is_not_refused(table: pa.Table) -> None:
    sink = io.BytesIO()
    parquet.write_table(table, sink, use_dictionary=False, store_schema=True)
    assert read_table(sink.getvalue(), WHERE, table.nbytes + 2000).num_rows == table.num_rows


@pytest.mark.slow
def test_text_of_shared_prefixes_is_measured_in_large_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"a": [f"order/{number * 7919 % 10**9:09d}" for number in range(200_000)]})
    sink = io.BytesIO()
    parquet.write_table(table, sink, **SHARED)
    steps: list[int] = []
    usual = parquet.ParquetFile.iter_batches

    def counted(self: parquet.ParquetFile, **how: Any) -> Any:
        for batch in usual(self, **how):
            steps.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", counted)
    assert read_table(sink.getvalue(), WHERE).num_rows == table.num_rows
    assert 0 < len(steps) < 200_000 // 1000


EVERY_KIND = pa.table(
    {
        "text": ["a", "b", "a"],
        "list": [[1], [2, 3], None],
        "map": pa.array([[("k", 1.5)], [], None], pa.map_(pa.string(), pa.float64())),
        "record": [{"a": True, "b": b"1"}, {"a": None, "b": b"2"}, None],
        "decimal": [Decimal("1.5")] * 3,
        "at": pa.array([1, 2, 3], pa.timestamp("us")),
    }
)


@pytest.mark.parametrize("options", [{}, {"row_group_size": 2}, {"use_dictionary": False, "write_statistics": False}])
def test_the_footer_tells_here_what_it_tells_pyarrow(options: dict[str, Any]) -> None:
    sink = io.BytesIO()
    parquet.write_table(EVERY_KIND, sink, **options)
    metadata = parquet.ParquetFile(io.BytesIO(sink.getvalue())).metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    columns = [[group.column(index) for index in range(group.num_columns)] for group in groups]
    assert [[chunk[:3] for chunk in group] for group in chunks_of(sink.getvalue())] == [
        [(one.num_values, one.total_uncompressed_size, one.has_dictionary_page) for one in group] for group in columns
    ]


@pytest.mark.slow
@pytest.mark.parametrize("flip", [0x01, 0x10, 0xFF])
def test_a_byte_of_a_footer_that_is_damaged_ends_in_a_typed_error_or_in_records(flip: int) -> None:
    content = as_parquet(EVERY_KIND.select(["text", "list"]))
    footer = int.from_bytes(content[-8:-4], "little")
    for place in range(len(content) - 8 - footer, len(content)):
        damaged = bytearray(content)
        damaged[place] ^= flip
        with contextlib.suppress(DatasetError):
            read_table(bytes(damaged), WHERE)


@contextlib.contextmanager
def held_memory() -> Iterator[Callable[[], int]]:
    """Count what Arrow takes; give what it took at most."""
    usual, counting = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(counting)
    try:
        yield lambda: counting.max_memory() or 0
    finally:
        pa.set_memory_pool(usual)


def test_a_large_file_is_not_decoded_to_find_out_how_large_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_the_texts_size_quiet(monkeypatch)
    many = pa.DictionaryArray.from_arrays(pa.array([0] * 300, pa.int32()), pa.array([LONG]))
    sink = io.BytesIO()
    parquet.write_table(pa.table({"a": many}), sink, **NO_ARROW_SCHEMA)
    with held_memory() as peak, pytest.raises(DatasetError, match="once decoded"):
        read_table(sink.getvalue(), WHERE)
    assert 0 < peak() < 20 * len(LONG)
