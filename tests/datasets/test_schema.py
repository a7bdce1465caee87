"""Schemas: what a dataclass declares, and that data is held to it without being shown."""

import pickle
import traceback
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.datasets.schema import HIDDEN, Schema, Secret, redacted
from headgate.errors import SchemaError, UsageError


class Tier(Enum):
    FREE = "free"
    PAID = "paid"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@dataclass(frozen=True)
class Address:
    street: str
    lines: list[str]
    pin: Annotated[str | None, Secret] = None


@dataclass(frozen=True)
class Everything:
    text: str
    whole: int
    real: float
    flag: bool
    raw: bytes
    day: date
    moment: datetime
    amount: Decimal
    tier: Tier
    level: Level
    mode: Literal["fast", "safe"] | None
    address: Address
    maybe: int | None
    tags: tuple[str, ...]
    limits: dict[str, float]
    nested: list[Address]
    password: str = field(default="", metadata={"secret": True})


@dataclass
class Credentials:
    device: str
    id: int
    password: Annotated[str, Secret]
    hint: str | None = None


SCHEMA = Schema.of(Credentials)
GOOD = {"device": "lamp", "id": 7, "password": "hunter2", "hint": None}

text = st.text(st.characters(codec="utf-8"), max_size=8)
finite = st.floats(allow_nan=False, allow_infinity=False)
addresses = st.builds(Address, street=text, lines=st.lists(text, max_size=3), pin=st.none() | text)
everything = st.builds(
    Everything,
    text=text,
    whole=st.integers(-(2**63), 2**63 - 1),
    real=finite,
    flag=st.booleans(),
    raw=st.binary(max_size=8),
    day=st.dates(),
    moment=st.datetimes() | st.datetimes(timezones=st.just(UTC)),
    amount=st.decimals(allow_nan=False, allow_infinity=False),
    tier=st.sampled_from(Tier),
    level=st.sampled_from(Level),
    mode=st.sampled_from(["fast", "safe", None]),
    address=addresses,
    maybe=st.none() | st.integers(-5, 5),
    tags=st.lists(text, max_size=3).map(tuple),
    limits=st.dictionaries(text, finite, max_size=3),
    nested=st.lists(addresses, max_size=2),
    password=text,
)


@settings(max_examples=50)
@given(everything)
def test_a_record_survives_the_way_through_a_mapping_and_through_json(record: Everything) -> None:
    import json

    schema = Schema.of(Everything)
    assert schema.record(schema.to_mapping(record)) == record
    assert schema.record(json.loads(json.dumps(schema.to_json(record)))) == record
    assert schema.record(record) == record  # type: ignore[arg-type]  # a record is taken as it is, too


@settings(max_examples=50)
@given(everything)
def test_what_is_secret_is_hidden_at_every_depth(record: Everything) -> None:
    shown = redacted(record)
    assert shown["password"] == HIDDEN
    assert shown["address"]["pin"] == HIDDEN
    assert all(item["pin"] == HIDDEN for item in shown["nested"])
    assert shown["text"] == record.text


def test_the_walk_names_kind_nullability_secrecy_and_what_is_nested() -> None:
    fields = {one.name: one for one in Schema.of(Everything).fields}
    assert [one.kind for one in fields.values()] == [
        *("string", "integer", "float", "boolean", "bytes", "date", "timestamp", "decimal", "string", "integer"),
        *("string", "record", "integer", "list", "map", "list", "string"),
    ]
    assert {name for name, one in fields.items() if one.nullable} == {"mode", "maybe"}
    assert {name for name, one in fields.items() if one.secret} == {"password"}
    assert {name for name, one in fields.items() if one.has_default} == {"password"}
    assert [one.name for one in fields["address"].nested] == ["street", "lines", "pin"]
    pin = fields["address"].nested[2]
    assert (pin.kind, pin.nullable, pin.secret) == ("string", True, True)
    assert fields["tier"].type.choices == ("free", "paid")
    assert fields["nested"].type.item is not None
    assert fields["nested"].type.item.kind == "record"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": True}, "field id: expected int, found a value of type bool"),
        ({"id": 7.0}, "field id: expected int, found a value of type float"),
        ({"id": "7"}, "field id: expected int, found a value of type str"),
        ({"id": 2**63}, "field id: expected int, found one beyond 64 bits"),
        ({"device": 5}, "field device: expected str, found a value of type int"),
        ({"device": None}, "field device: expected str, found null"),
        ({"device": "a\ud800"}, "half a surrogate pair"),
        ({"extra": 1}, "has the unknown field 'extra'"),
        ({"password": ["hunter2"]}, "field password: expected str, found a value of type list"),
    ],
)
def test_what_does_not_fit_is_named_by_field_and_types(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SchemaError, match=r"^s3://b/k\.json: record 3") as caught:
        SCHEMA.record(GOOD | change, "s3://b/k.json: record 3")
    assert said in str(caught.value)
    assert "Credentials" in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_missing_field_is_an_error_unless_it_has_a_default() -> None:
    assert SCHEMA.record({name: GOOD[name] for name in ("device", "id", "password")}).hint is None
    with pytest.raises(SchemaError, match="field device: is missing"):
        SCHEMA.record({"id": 1, "password": "x"})


def test_unknown_fields_are_left_out_where_they_are_allowed() -> None:
    assert Schema.of(Credentials, allow_unknown=True).record(GOOD | {"extra": 1}) == Credentials(**GOOD)  # type: ignore[arg-type]  # GOOD is what its fields want


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_instant_that_utc_has_no_year_for_is_refused(at: str) -> None:
    @dataclass
    class Moment:
        at: datetime

    for value in (at, datetime.fromisoformat(at)):
        with pytest.raises(
            SchemaError, match="field at: expected datetime, found one that is beyond the years 1 to 9999"
        ):
            Schema.of(Moment).record({"at": value})
    for fits in (at[:19], f"{at[:19]}Z"):
        assert Schema.of(Moment).record({"at": fits}).at == datetime.fromisoformat(fits)


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, 10**400, True, "1.5", None, Decimal("1.5")])
def test_a_float_takes_an_int_only_where_a_float_equals_it(value: object) -> None:
    @dataclass
    class Reading:
        value: float

    assert Schema.of(Reading).record({"value": 2**53}).value == 2.0**53
    assert type(Schema.of(Reading).record({"value": 3}).value) is float
    with pytest.raises(SchemaError, match="field value: expected float"):
        Schema.of(Reading).record({"value": value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("raw", "no base64!"),
        ("raw", 5),
        ("day", "2026-13-01"),
        ("day", "20260101"),
        ("day", datetime(2026, 1, 1, tzinfo=UTC)),
        ("moment", "2026-01-01"),
        ("moment", "2026-01-01T00:00:00.1234567Z"),
        ("moment", 1700000000),
        ("amount", 1.5),
        ("amount", "1_000"),
        ("amount", "NaN"),
        ("amount", "twelve"),
        ("tier", "gold"),
        ("tier", 1),
        ("level", True),
        ("level", 3),
        ("mode", "slow"),
        ("tags", "abc"),
        ("tags", [1]),
        ("limits", {"a": None}),
        ("limits", {1: 1.0}),
        ("limits", [("a", 1.0), ("a", 2.0)]),
        ("limits", [1.0]),
        ("address", ["x"]),
        ("address", {"street": "x", "lines": ["ok", 4]}),
        ("nested", [{"street": "x"}]),
    ],
)
def test_every_kind_refuses_what_is_not_of_it(name: str, value: object) -> None:
    @dataclass
    class One:
        raw: bytes | None = None
        day: date | None = None
        moment: datetime | None = None
        amount: Decimal | None = None
        tier: Tier | None = None
        level: Level | None = None
        mode: Literal["fast", "safe"] | None = None
        tags: list[str] | None = None
        limits: dict[str, float] | None = None
        address: Address | None = None
        nested: list[Address] | None = None

    schema = Schema.of(One)
    assert schema.record({name: None}) == One()
    with pytest.raises(SchemaError, match=f"record: field {name}") as caught:
        schema.record({name: value})
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_path_leads_into_lists_maps_and_records_without_showing_a_key_of_data() -> None:
    @dataclass
    class Deep:
        homes: dict[str, list[Address]]

    with pytest.raises(SchemaError, match=r"field homes\{entry 1\}\[0\]\.lines\[1\]: expected str") as caught:
        Schema.of(Deep).record({"homes": {"a": [], "hunter2": [{"street": "x", "lines": ["a", 1]}]}})
    assert "hunter2" not in str(caught.value)


def test_a_check_of_the_dataclass_itself_is_heard_without_its_message() -> None:
    @dataclass
    class Positive:
        value: int

        def __post_init__(self) -> None:
            if self.value < 0:
                raise ValueError(f"negative: {self.value}")

    value = -8_675_309
    with pytest.raises(SchemaError, match="refused by Positive itself") as caught:
        Schema.of(Positive).record({"value": value})
    assert "8675309" not in "".join(traceback.format_exception(caught.value))


def test_records_are_counted_from_one() -> None:
    with pytest.raises(SchemaError, match=r"^data: record 2: field id"):
        list(SCHEMA.records([GOOD, GOOD | {"id": None}], "data"))


@dataclass
class Loop:
    inner: "list[Loop]"


@dataclass
class Mixed:
    value: int | str


@dataclass
class Bare:
    value: list  # type: ignore[type-arg]  # what is refused


@dataclass
class Anything:
    value: Any


@dataclass
class Keyed:
    value: dict[int, str]


@dataclass
class Hidden:
    value: int = field(init=False, default=1)


@dataclass
class Choice:
    value: Literal[1, "a"]


@pytest.mark.parametrize(
    ("cls", "said"),
    [
        (int, "is no dataclass"),
        (5, "is no dataclass"),
        (Loop, "contains itself"),
        (Mixed, "Mixed.value admits several types"),
        (Bare, "Bare.value: data cannot be checked against list"),
        (Anything, "Anything.value: data cannot be checked against"),
        (Keyed, "Keyed.value: data cannot be checked"),
        (Hidden, "init=False"),
        (Choice, "all text or all integers"),
    ],
)
def test_a_type_that_data_cannot_be_checked_against_is_refused_by_name(cls: type, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Schema.of(cls)


def test_a_schema_survives_pickle_and_equals_itself() -> None:
    again = pickle.loads(pickle.dumps(Schema.of(Credentials, allow_unknown=True)))
    assert again == Schema.of(Credentials, allow_unknown=True) != SCHEMA
    assert hash(again) == hash(Schema.of(Credentials, allow_unknown=True))
    assert again.record(GOOD | {"more": 1}) == Credentials("lamp", 7, "hunter2")
