"""SparkLoader over local files: what is declared is what comes, or a SchemaError that shows no value."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest
from spark_session import local_session

from headgate.datasets.lazy_map import LazyMap
from headgate.datasets.spark import SparkLoader, dataframe, records, struct_type
from headgate.errors import CorruptObjectError, ObjectMissingError, SchemaError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("spark")]
SECRET = "hunter2-in-the-data"


@dataclass(frozen=True)
class Credentials:
    device: str
    id: str
    password: str
    hint: str | None = None


class Level(Enum):
    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True)
class Place:
    name: str
    floors: list[int]


@dataclass(frozen=True)
class Everything:
    text: str
    number: int
    share: float
    on: bool
    raw: bytes
    day: date
    at: datetime
    price: Decimal
    level: Level
    place: Place | None
    places: list[Place]
    rates: dict[str, float | None]
    maybe: int | None = None
    tags: list[str] = field(default_factory=lambda: ["none"])


WHOLE = Everything(
    "é", 2**62, 0.1, True, b"\x00\xff", date(2026, 1, 31), datetime(2026, 1, 31, 12, 0, 0, 5, UTC), Decimal("-0.5"),
    Level.HIGH, None, [Place("a", [1, 2]), Place("b", [])], {"x": 0.5, "y": None}, 7, [],
)  # fmt: skip
PLAIN = {"device": "d", "id": "1", "password": SECRET, "hint": None}


@pytest.fixture(scope="module", name="session")
def started() -> SparkSession:
    return local_session()


def loader(tmp_path: Path, session: SparkSession, name: str, **settings: Any) -> SparkLoader[Credentials]:
    return SparkLoader(tmp_path / name, Credentials, session=session, **settings)


def write(path: Path, *documents: object, lines: bool = True) -> None:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in documents]
    path.write_text("\n".join(texts) if lines else texts[0])


def test_the_schema_of_a_dataclass_has_its_types_and_its_nullability() -> None:
    kinds = {one.name: (one.dataType.simpleString(), one.nullable) for one in struct_type(Everything)}
    assert kinds == {
        "text": ("string", False),
        "number": ("bigint", False),
        "share": ("double", False),
        "on": ("boolean", False),
        "raw": ("binary", False),
        "day": ("date", False),
        "at": ("timestamp", False),
        "price": ("decimal(38,18)", False),
        "level": ("string", False),
        "place": ("struct<name:string,floors:array<bigint>>", True),
        "places": ("array<struct<name:string,floors:array<bigint>>>", False),
        "rates": ("map<string,double>", False),
        "maybe": ("bigint", True),
        "tags": ("array<string>", False),
    }
    assert not struct_type(Everything)["tags"].dataType.containsNull  # type: ignore[attr-defined]
    assert struct_type(Everything)["rates"].dataType.valueContainsNull  # type: ignore[attr-defined]


def test_records_survive_a_dataframe_and_back(session: SparkSession) -> None:
    df = dataframe([WHOLE, WHOLE], Everything, session)
    assert df.schema == struct_type(Everything)
    assert records(df, Everything) == [WHOLE, WHOLE]
    assert records(dataframe([], Everything, session), Everything) == []


@pytest.mark.parametrize(
    ("ending", "validate"),
    [("json", "full"), ("json", "none"), ("jsonl", "full"), ("jsonl", "sample"), ("parquet", "full")],
)
def test_records_come_from_files_as_they_were_put_there(
    tmp_path: Path, session: SparkSession, ending: str, validate: Any
) -> None:
    from headgate.datasets.schema import Schema

    mapping = Schema.of(Everything).to_json(WHOLE)
    if ending == "parquet":
        dataframe([WHOLE], Everything, session).write.parquet(f"file://{tmp_path}/one.parquet")
    else:
        write(tmp_path / f"one.{ending}", mapping)
    load = SparkLoader(tmp_path / f"{{key}}.{ending}", Everything, session=session, validate=validate)
    found = load("one")
    assert found is not None
    assert records(found, Everything) == [WHOLE]


def test_a_file_location_a_plain_path_and_a_folder_are_read_alike(tmp_path: Path, session: SparkSession) -> None:
    (tmp_path / "both").mkdir()
    write(tmp_path / "both" / "1.jsonl", PLAIN, PLAIN)
    write(tmp_path / "both" / "2.jsonl", PLAIN)
    for location in (f"file://{tmp_path}/{{key}}", tmp_path / "{key}"):
        found = SparkLoader(location, Credentials, session=session, format="jsonl")("both")
        assert found is not None
        assert found.count() == 3


def test_a_document_may_be_one_object_or_an_array_of_them(tmp_path: Path, session: SparkSession) -> None:
    write(tmp_path / "one.json", PLAIN, lines=False)
    write(tmp_path / "two.json", [PLAIN, PLAIN], lines=False)
    load = loader(tmp_path, session, "{key}.json")
    assert [load(key).count() for key in ("one", "two")] == [1, 2]  # type: ignore[union-attr]


def test_a_field_with_a_default_is_filled_and_nullability_is_kept(tmp_path: Path, session: SparkSession) -> None:
    from headgate.datasets.schema import Schema

    mapping = Schema.of(Everything).to_json(WHOLE)
    del mapping["tags"], mapping["maybe"]
    write(tmp_path / "one.jsonl", mapping)
    found = SparkLoader(tmp_path / "{key}.jsonl", Everything, session=session)("one")
    assert found is not None
    assert found.schema == struct_type(Everything)
    assert records(found, Everything)[0].tags == ["none"]


BROKEN = {
    "a number for text": ({**PLAIN, "id": 12345}, "field id: expected str, found a value of type int"),
    "text for null's place": ({**PLAIN, "hint": 1}, "field hint: expected str, found a value of type int"),
    "a missing field": ({k: v for k, v in PLAIN.items() if k != "id"}, "field id: is missing"),
    "null": ({**PLAIN, "password": None}, "field password: expected str, found null"),
    "an unknown field": ({**PLAIN, "extra": SECRET}, "unknown field 'extra'"),
    "no object": ([1], "expected an object"),
    "no JSON": ('{"device": "hunter2-in-the-data", ', "is no JSON"),
    "a field twice": (json.dumps(PLAIN)[:-1] + ', "id": "2"}', "has a field that is there twice"),
}


@pytest.mark.parametrize(("kind", "validate"), [(kind, "full") for kind in BROKEN] + [("a number for text", "sample")])
def test_what_does_not_fit_is_an_error_at_the_load_that_shows_no_value(
    tmp_path: Path, session: SparkSession, kind: str, validate: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    document, problem = BROKEN[kind]
    write(tmp_path / "bad.jsonl", PLAIN, document)
    with pytest.raises(SchemaError) as caught:
        loader(tmp_path, session, "{key}.jsonl", validate=validate)("bad")
    message = str(caught.value)
    assert "bad.jsonl" in message
    assert problem in message
    assert "Credentials" in message
    shown = "".join(traceback.format_exception(caught.value)) + "".join(capfd.readouterr())
    assert SECRET not in shown
    assert "12345" not in shown


def test_data_that_changes_after_the_load_is_checked_when_it_is_read(tmp_path: Path, session: SparkSession) -> None:
    write(tmp_path / "one.jsonl", {**PLAIN, "id": "12"})
    found = loader(tmp_path, session, "{key}.jsonl")("one")
    assert found is not None
    write(tmp_path / "one.jsonl", {**PLAIN, "id": 1234})  # as many bytes
    with pytest.raises(SchemaError, match=r"one\.jsonl: a line: field id: expected str"):
        records(found, Credentials)


def test_text_that_is_no_utf8_is_an_error(tmp_path: Path, session: SparkSession) -> None:
    (tmp_path / "bad.jsonl").write_bytes(json.dumps(PLAIN).encode().replace(b'"d"', b'"\xff"'))
    with pytest.raises(SchemaError, match="is no UTF-8"):
        loader(tmp_path, session, "{key}.jsonl")("bad")


def test_the_record_of_a_document_is_named(tmp_path: Path, session: SparkSession) -> None:
    write(tmp_path / "bad.json", [PLAIN, {**PLAIN, "id": None}], lines=False)
    for validate in ("full", "sample"):
        with pytest.raises(SchemaError, match=r"bad\.json: record 2: field id"):
            loader(tmp_path, session, "{key}.json", validate=validate)("bad")


def test_a_sample_ends_where_it_says(tmp_path: Path, session: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate.datasets.spark.SAMPLE_RECORDS", 2)
    write(tmp_path / "late.jsonl", PLAIN, PLAIN, {**PLAIN, "id": 3})
    found = loader(tmp_path, session, "{key}.jsonl", validate="sample")("late")
    assert found is not None
    assert [row.id for row in found.collect()] == ["1", "1", "3"]  # Spark's own reader: trap 3
    with pytest.raises(SchemaError):
        loader(tmp_path, session, "{key}.jsonl")("late")


def test_times_without_a_zone_and_decimals_too_wide_are_refused(tmp_path: Path, session: SparkSession) -> None:
    from headgate.datasets.schema import Schema

    mapping = Schema.of(Everything).to_json(WHOLE)
    load = SparkLoader(tmp_path / "{key}.jsonl", Everything, session=session)
    for name, value, problem in [
        ("at", "2026-01-31T12:00:00", "field at: the time has no zone"),
        ("price", "1e-19", "field price: the Decimal does not fit"),
        ("price", "1e20", "field price: the Decimal does not fit"),
    ]:
        write(tmp_path / "bad.jsonl", {**mapping, name: value})
        with pytest.raises(SchemaError, match=problem):
            load("bad")


def test_times_of_any_zone_are_the_same_instant(session: SparkSession) -> None:
    @dataclass(frozen=True)
    class Event:
        at: datetime

    there = datetime(2026, 7, 1, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    (found,) = records(dataframe([Event(there)], Event, session), Event)
    assert found.at == there
    assert found.at.tzinfo == UTC


PARQUET = {
    "another type": (
        "SELECT 'd' device, 1 id, 'p' password, 'h' hint",
        "field id: expected string, found a column of int",
    ),
    "a missing column": ("SELECT 'd' device, 'p' password", "field id: is missing"),
    "an unknown column": ("SELECT 'd' device, '1' id, 'p' password, 1 extra", "unknown field 'extra'"),
    "null": (
        "SELECT 'd' device, CAST(NULL AS STRING) id, 'p' password",
        "field id: null, or no value of its type, in 1 of 1",
    ),
}


@pytest.mark.parametrize("kind", PARQUET)
def test_parquet_that_does_not_fit_is_an_error_at_the_load(tmp_path: Path, session: SparkSession, kind: str) -> None:
    query, problem = PARQUET[kind]
    session.sql(query).write.parquet(f"file://{tmp_path}/bad")
    with pytest.raises(SchemaError) as caught:
        loader(tmp_path, session, "{key}", format="parquet")("bad")
    assert problem in str(caught.value)


def test_parquet_is_checked_within_structs_lists_and_maps(tmp_path: Path, session: SparkSession) -> None:
    @dataclass(frozen=True)
    class Deep:
        level: Level
        places: list[Place]
        rates: dict[str, float]

    good = "SELECT 'low' level, array(named_struct('floors', array(1), 'name', 'a')) places, map('x', float(1)) rates"
    for number, (query, path) in enumerate(
        [
            (good, ""),
            (good.replace("'low'", "'mid'"), "level"),
            (good.replace("'a'", "CAST(NULL AS STRING)"), "places[].name"),
            (good.replace("float(1)", "CAST(NULL AS FLOAT)"), "rates{}"),
        ]
    ):
        session.sql(query).write.parquet(f"file://{tmp_path}/{number}")
        load = SparkLoader(tmp_path / "{key}", Deep, session=session, format="parquet")
        if path:
            with pytest.raises(SchemaError) as caught:
                load(number)
            assert f"field {path}: " in str(caught.value)
        else:
            found = load(number)
            assert found is not None
            assert records(found, Deep) == [Deep(Level.LOW, [Place("a", [1])], {"x": 1.0})]


def test_a_parquet_column_with_a_default_may_be_missing(tmp_path: Path, session: SparkSession) -> None:
    whole = dataframe([WHOLE], Everything, session)
    whole.drop("tags", "maybe").write.parquet(f"file://{tmp_path}/one.parquet")
    found = SparkLoader(tmp_path / "{key}.parquet", Everything, session=session)("one")
    assert found is not None
    (record,) = records(found, Everything)
    assert (record.tags, record.maybe) == (["none"], None)


def test_what_is_no_parquet_is_corrupt(tmp_path: Path, session: SparkSession) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(CorruptObjectError, match=r"bad\.parquet: it is no Parquet file"):
        loader(tmp_path, session, "{key}.parquet")("bad")


def test_a_missing_file_is_an_error_or_none_where_asked_for(tmp_path: Path, session: SparkSession) -> None:
    (tmp_path / "empty.json").mkdir()
    for key in ("nothing", "empty"):
        with pytest.raises(ObjectMissingError, match=f"{key}.json: there is no such object"):
            loader(tmp_path, session, "{key}.json")(key)
        assert loader(tmp_path, session, "{key}.json", missing="none")(key) is None


@pytest.mark.parametrize("key", ["_a", ".a", "folder/_a"])
def test_a_name_that_spark_takes_for_hidden_is_refused(tmp_path: Path, session: SparkSession, key: str) -> None:
    (tmp_path / "folder").mkdir()
    write(tmp_path / f"{key}.json", PLAIN)
    with pytest.raises(UsageError, match="hidden"):
        loader(tmp_path, session, "{key}.json")(key)


def test_what_spark_would_leave_out_of_a_folder_is_refused(tmp_path: Path, session: SparkSession) -> None:
    folder = tmp_path / "x.json"
    (folder / "2026").mkdir(parents=True)
    write(folder / "2026" / "a.json", PLAIN)
    for _ in range(2):  # alone, and beside a file
        with pytest.raises(SchemaError, match="has a folder in it"):
            loader(tmp_path, session, "{key}.json")("x")
        write(folder / "b.json", PLAIN)


@pytest.mark.parametrize("name", ["zero.json", "zero.parquet", "folder.json"])
def test_an_object_of_no_bytes_is_no_dataset(tmp_path: Path, session: SparkSession, name: str) -> None:
    path = tmp_path / name
    if name == "folder.json":
        path.mkdir()
        write(path / "a.json", PLAIN)
        path = path / "b.json"
    path.touch()
    with pytest.raises(CorruptObjectError, match="is empty"):
        loader(tmp_path, session, f"{{key}}.{name.rpartition('.')[2]}")(name.partition(".")[0])
    (tmp_path / "zero.jsonl").touch()
    found = loader(tmp_path, session, "{key}.jsonl")("zero")
    assert found is not None
    assert found.count() == 0


def test_a_number_beyond_all_floats_is_no_infinity(tmp_path: Path, session: SparkSession) -> None:
    (tmp_path / "a.json").write_text('{"device": "d", "id": "1", "password": "p", "hint": null, "x": 1e400}')
    with pytest.raises((SchemaError, CorruptObjectError)):
        loader(tmp_path, session, "{key}.json")("a")


@pytest.mark.parametrize("key", ["../up", "/top", "a*", "{a,b}", "a?", "", "a\nb"])
def test_a_key_that_could_name_something_else_is_refused(tmp_path: Path, session: SparkSession, key: str) -> None:
    with pytest.raises(UsageError):
        loader(tmp_path, session, "{key}.json")(key)


def test_it_is_a_lazy_maps_loader(tmp_path: Path, session: SparkSession) -> None:
    write(tmp_path / "one.jsonl", PLAIN)
    lazy = LazyMap(loader(tmp_path, session, "{key}.jsonl", missing="none"))
    assert lazy["one"] is lazy["one"]
    with pytest.raises(KeyError):
        lazy["two"]


def test_a_record_that_is_no_record_of_the_type_is_refused(session: SparkSession) -> None:
    with pytest.raises(SchemaError, match=r"record 2: field id: expected str, found a value of type int"):
        dataframe([Credentials(**PLAIN), Credentials("d", 5, SECRET)], Credentials, session)  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match="record 1 is no Credentials"):
        dataframe([Place("a", [])], Credentials, session)  # type: ignore[type-var]
