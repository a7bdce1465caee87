"""Decoding: every format into every result, checked by type; what does not fit is refused without being shown."""

import contextlib
import io
import json
import traceback
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from headgate.datasets import decode_parquet
from headgate.datasets.decode import Form, Format, check_target, decode, format_of
from headgate.datasets.decode_json import parse
from headgate.datasets.schema import Schema, Secret
from headgate.errors import CorruptObjectError, DatasetError, SchemaError, UsageError

WHERE = "s3://bucket/dir/data"


@dataclass(frozen=True)
class Reading:
    device: str
    count: int
    value: float
    good: bool


@dataclass(frozen=True)
class Rich:
    day: date
    moment: datetime
    amount: Decimal
    raw: bytes
    mode: Literal["fast", "safe"]
    tags: list[str]
    limits: dict[str, float]
    inner: Reading
    note: Annotated[str | None, Secret] = None


READINGS = [Reading("lamp", 1, 0.5, good=True), Reading("fän", -7, 2.0, good=False)]
RICH = [
    Rich(
        *(date(2026, 1, 31), datetime(2026, 1, 31, 12, 0, 0, 250, tzinfo=UTC), Decimal("1.50"), b"\0\xff"),
        *("fast", ["a", "b"], {"x": 1.0}, READINGS[0], "hunter2"),
    ),
    Rich(date(1, 1, 1), datetime(2000, 1, 1, tzinfo=UTC), Decimal("-2.25"), b"", "safe", [], {}, READINGS[1]),
]


def as_parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def as_npy(array: np.ndarray[Any, Any], **options: Any) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array, **options)
    return sink.getvalue()


def encoded(records: list[Any], form: Format) -> bytes:
    schema = Schema.of(type(records[0]))
    if form == "json":
        return json.dumps([schema.to_json(record) for record in records]).encode()
    if form == "jsonl":
        return b"".join(json.dumps(schema.to_json(record)).encode() + b"\n\n" for record in records)
    if form == "parquet":
        return as_parquet(pa.Table.from_pylist([schema.to_mapping(record) for record in records]))
    rows = [tuple(schema.to_mapping(record).values()) for record in records]
    return as_npy(np.array(rows, dtype=[("device", "U8"), ("count", "i8"), ("value", "f8"), ("good", "?")]))


@pytest.mark.parametrize("form", ["json", "jsonl", "parquet", "npy"])
def test_every_format_gives_the_same_list_array_and_table(form: Format) -> None:
    content, schema = encoded(READINGS, form), Schema.of(Reading)
    assert decode(content, form, schema, "list", WHERE) == READINGS
    array = decode(content, form, schema, "numpy", WHERE)
    assert array["device"].tolist() == ["lamp", "fän"]
    assert [array.dtype[name].kind for name in array.dtype.names] == ["U", "i", "f", "b"]
    table = decode(content, form, schema, "table", WHERE)
    assert table.schema.types == [pa.string(), pa.int64(), pa.float64(), pa.bool_()]
    assert list(schema.records(table.to_pylist())) == READINGS
    assert not any(field.nullable for field in table.schema)


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_rich_records_come_back_from_text_and_through_a_table(form: Format) -> None:
    content, schema = encoded(RICH, form), Schema.of(Rich)
    assert decode(content, form, schema, "list", WHERE) == RICH
    table = decode(content, form, schema, "table", WHERE)
    assert list(schema.records(table.to_pylist())) == RICH
    again = as_parquet(table)
    assert decode(again, "parquet", schema, "list", WHERE) == RICH
    assert decode(again, "parquet", schema, "table", WHERE).equals(table)


def test_one_object_is_a_list_of_one_and_nothing_is_an_empty_list() -> None:
    schema = Schema.of(Reading)
    one = json.dumps(schema.to_json(READINGS[0])).encode()
    assert decode(one, "json", schema, "list", WHERE) == READINGS[:1]
    assert decode(b"\xef\xbb\xbf[]", "json", schema, "list", WHERE) == []
    assert decode(b"", "jsonl", schema, "list", WHERE) == []
    assert len(decode(b"", "jsonl", schema, "numpy", WHERE)) == 0
    assert decode(b"", "jsonl", schema, "table", WHERE).num_rows == 0


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (b'{"device": "hunter2"', CorruptObjectError, "line 1, column 21"),
        (b'[\n{"device": hunter2}]', CorruptObjectError, "line 2"),
        (b'\n"\xffhunter2"', CorruptObjectError, "not UTF-8 (line 2)"),
        (b"", CorruptObjectError, "line 1"),
        (b"[NaN]", SchemaError, "NaN"),
        (b"[-Infinity]", SchemaError, "Infinity"),
        (b"[1e999]", SchemaError, "beyond the floats"),
        (b"[" * 200_000, SchemaError, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", SchemaError, "too many digits"),
        (b'{"hunter2": 1, "hunter2": 2}', SchemaError, "a name twice"),
        (b'"hunter2"', SchemaError, "found str"),
        (b'["hunter2"]', SchemaError, "record 1: expected an object"),
    ],
)
def test_bad_json_is_named_by_place_and_never_quoted(content: bytes, error: type[DatasetError], said: str) -> None:
    with pytest.raises(error) as caught:
        decode(content, "json", Schema.of(Reading), "list", WHERE)
    assert str(caught.value).startswith(WHERE)
    assert said in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_a_bad_line_is_named_by_its_number() -> None:
    good = json.dumps(Schema.of(Reading).to_json(READINGS[0])).encode()
    for bad, error in ((b"{", CorruptObjectError), (b"{}", SchemaError), (b'{"a": NaN}', SchemaError)):
        with pytest.raises(error, match=f"^{WHERE}: line 4: "):
            decode(b"\n".join([good, b"", good, bad, good]), "jsonl", Schema.of(Reading), "list", WHERE)


@given(st.binary(max_size=60))
def test_garbage_ends_in_a_typed_error_or_in_records(content: bytes) -> None:
    for form in ("json", "jsonl", "parquet", "npy"):
        for prefix in (b"", b"\x93NUMPY", b"PAR1"):
            # Anything but these two would come out of here and fail the test.
            with contextlib.suppress(SchemaError, CorruptObjectError):
                found = decode(prefix + content, form, Schema.of(Reading), "list", WHERE)  # type: ignore[arg-type]  # a Format
                assert all(isinstance(record, Reading) for record in found)


@pytest.mark.parametrize("cut", [0, 1, 4, 5, 60, -1])
@pytest.mark.parametrize("form", ["parquet", "npy"])
def test_a_file_cut_short_is_corrupt(form: Format, cut: int) -> None:
    with pytest.raises(CorruptObjectError, match=WHERE):
        decode(encoded(READINGS, form)[:cut], form, Schema.of(Reading), "table", WHERE)


def table_of(**changes: Any) -> pa.Table:
    columns = {"device": ["a"], "count": [1], "value": [0.5], "good": [True]} | changes
    return pa.table({name: column for name, column in columns.items() if column is not None})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"count": ["1"]}, "count"),
        ({"count": [1.0]}, "count"),
        ({"count": [True]}, "count"),
        ({"count": pa.array([2**63], pa.uint64())}, "count"),
        ({"count": [None]}, "count"),
        ({"count": pa.nulls(1)}, "count"),
        ({"value": [2**53 + 1]}, "value"),
        ({"value": ["hunter2"]}, "value"),
        ({"device": [5]}, "device"),
        ({"device": [b"a"]}, "device"),
        ({"good": [1]}, "good"),
        ({"good": None}, "good"),
        ({"more": [1]}, "unknown .* 'more'"),
    ],
)
@pytest.mark.parametrize("into", ["list", "table"])
def test_a_parquet_column_of_another_type_is_refused_in_a_list_and_in_a_table(
    into: Form, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(SchemaError, match=said) as caught:
        decode(as_parquet(table_of(**changes)), "parquet", Schema.of(Reading), into, WHERE)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("into", ["list", "table"])
def test_a_narrower_type_of_the_same_family_is_taken(into: Form) -> None:
    narrow = table_of(
        count=pa.array([1], pa.int8()), value=pa.array([3], pa.int32()), device=pa.array(["a"]).dictionary_encode()
    )
    found = decode(as_parquet(narrow), "parquet", Schema.of(Reading), into, WHERE)
    records = found if into == "list" else list(Schema.of(Reading).records(found.to_pylist()))
    assert records == [Reading("a", 1, 3.0, good=True)]


@pytest.mark.parametrize("into", ["list", "table"])
def test_a_column_with_a_default_may_be_missing_and_an_unknown_one_be_allowed(into: Form) -> None:
    @dataclass
    class Defaults:
        count: int
        tags: tuple[str, ...] = ("x",)
        note: str | None = None

    schema = Schema.of(Defaults, allow_unknown=True)
    found = decode(as_parquet(pa.table({"count": [4], "more": [1]})), "parquet", schema, into, WHERE)
    records = found if into == "list" else list(schema.records(found.to_pylist()))
    assert records == [Defaults(4)]


def test_a_file_that_would_swell_beyond_bounds_is_refused_before_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_parquet, "MAX_VALUES", 1000)
    content = as_parquet(pa.table({"count": pa.repeat(1, 1001)}))
    assert len(content) < 5000
    with pytest.raises(DatasetError, match="1001 values, more than the 1000"):
        decode(content, "parquet", Schema.of(Reading), "table", WHERE)


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (as_npy(np.arange(3.0)), "npy"),
        (as_npy(np.arange(3.0).astype(">f8")), "npy"),
        (b"[0, 1.0, 2]", "json"),
        (as_parquet(pa.table({"x": [0.0, 1.0, 2.0]})), "parquet"),
    ],
)
def test_an_array_of_a_dtype_comes_from_npy_json_and_a_column(content: bytes, form: Format) -> None:
    found = decode(content, form, np.dtype("f8"), "numpy", WHERE)
    assert found.dtype == np.dtype("f8")
    assert found.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("content", "form", "error"),
    [
        (as_npy(np.arange(3)), "npy", SchemaError),
        (as_npy(np.zeros(3_000_000, dtype=[("a", "U0")])), "npy", CorruptObjectError),
        (as_npy(np.array([{"a": 1}]), allow_pickle=True), "npy", SchemaError),
        (as_npy(np.arange(3.0)) + b"x", "npy", CorruptObjectError),
        (as_npy(np.arange(3.0)).replace(b"'descr'", b"('descr'"), "npy", CorruptObjectError),
        (b"PK\x03\x04", "npy", CorruptObjectError),
        (b"[1, true]", "json", SchemaError),
        (b'[1, "2"]', "json", SchemaError),
        (b"[1, null]", "json", SchemaError),
        (b"[[1], [1, 2]]", "json", SchemaError),
        (b"[9007199254740993]", "json", SchemaError),
        (b"{}", "json", SchemaError),
        (as_parquet(pa.table({"x": [1.0, None]})), "parquet", SchemaError),
        (as_parquet(pa.table({"x": [1.0], "y": [1.0]})), "parquet", SchemaError),
        (as_parquet(pa.table({"x": [1]})), "parquet", SchemaError),
    ],
)
def test_an_array_of_something_else_is_refused(content: bytes, form: Format, error: type[DatasetError]) -> None:
    with pytest.raises(error, match=WHERE):
        decode(content, form, np.dtype("f8"), "numpy", WHERE)


@pytest.mark.parametrize(
    ("value", "dtype"), [("[300]", "u1"), ("[-1]", "u8"), ("[1.5]", "i8"), ("[1]", "?"), ("[1e300, 1]", "f4")]
)
def test_json_numbers_that_a_dtype_does_not_hold_are_refused(value: str, dtype: str) -> None:
    with pytest.raises(SchemaError, match=WHERE):
        decode(value.encode(), "json", np.dtype(dtype), "numpy", WHERE)


def test_a_table_that_arrow_cannot_hold_is_refused_by_field() -> None:
    @dataclass
    class Money:
        amount: Decimal

    @dataclass
    class Moment:
        at: datetime

    with pytest.raises(SchemaError, match="field amount"):
        decode(b'[{"amount": "1e30"}]', "json", Schema.of(Money), "table", WHERE)
    mixed = b'[{"at": "2026-01-01T00:00:00Z"}, {"at": "2026-01-01T00:00:00"}]'
    with pytest.raises(SchemaError, match="field at: times with and without a zone"):
        decode(mixed, "json", Schema.of(Moment), "table", WHERE)
    with pytest.raises(SchemaError, match="field at: times with a zone"):
        decode(mixed, "json", Schema.of(Moment), "numpy", WHERE)


@dataclass
class Moment:
    at: datetime


@dataclass
class Moments:
    at: list[datetime]


UNKNOWN_ZONE = pa.timestamp("us", tz="Mars/Olympus")


@pytest.mark.parametrize("into", ["list", "table", "numpy"])
@pytest.mark.parametrize(
    ("table", "target"),
    [
        (pa.table({"at": pa.array([0], UNKNOWN_ZONE)}), Moment),
        (pa.table({"at": pa.array([[0]], pa.list_(UNKNOWN_ZONE))}), Moments),
    ],
)
def test_a_time_zone_that_nobody_knows_is_named(table: pa.Table, target: type, into: Form) -> None:
    with pytest.raises(
        SchemaError, match=r"^.*: column '(at|item|element)': times in the unknown time zone 'Mars/Olym"
    ):
        decode(as_parquet(table), "parquet", Schema.of(target), into, WHERE)


def test_a_column_that_is_not_asked_for_spoils_no_table_by_its_zone() -> None:
    @dataclass
    class Count:
        count: int

    content = as_parquet(pa.table({"count": [4], "more": pa.array([0], UNKNOWN_ZONE)}))
    found = decode(content, "parquet", Schema.of(Count, allow_unknown=True), "table", WHERE)
    assert found.to_pylist() == [{"count": 4}]


@pytest.mark.parametrize("zone", ["UTC", "Mars/Olympus"])
def test_a_zone_is_not_dropped_from_the_times_of_an_array(zone: str) -> None:
    times = pa.array([0], pa.timestamp("us", tz=zone))
    for column in (times, times.dictionary_encode()):
        with pytest.raises(SchemaError, match="its times have a zone, which an array has no place for"):
            decode(as_parquet(pa.table({"at": column})), "parquet", np.dtype("M8[us]"), "numpy", WHERE)
    plain = as_parquet(pa.table({"at": pa.array([0], pa.timestamp("us"))}))
    assert decode(plain, "parquet", np.dtype("M8[us]"), "numpy", WHERE)[0] == np.datetime64(0, "us")


def test_what_cannot_be_made_is_said_before_anything_is_loaded() -> None:
    with pytest.raises(UsageError, match=r"Rich\.amount: an array has no place for decimal"):
        check_target(Schema.of(Rich), "numpy")
    with pytest.raises(UsageError, match="needs a dataclass"):
        check_target(np.dtype("f8"), "table")
    with pytest.raises(UsageError, match="list, numpy, table"):
        check_target(Schema.of(Reading), "frame")  # type: ignore[arg-type]  # what is refused
    with pytest.raises(UsageError, match="ending tells no format"):
        format_of("data.csv")
    assert [format_of(name) for name in ("a.json", "a.NDJSON", "a.jsonl", "a.parquet", "a.npy")] == [
        *("json", "jsonl", "jsonl", "parquet", "npy"),
    ]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_whatever_json_writes_is_read_the_same(value: object) -> None:
    assert parse(json.dumps(value).encode(), WHERE) == value
