"""The quality gate: profiles that add up, and decisions that never pass what is not there."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import jsonschema
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.datasets import quality_profile
from headgate.datasets.quality import ColumnRules, QualityReport, QualityRules, check_quality, profile_dataset
from headgate.datasets.quality_json import profile_from_json, profile_to_json, quality_from_json, quality_to_json
from headgate.datasets.quality_profile import _digest
from headgate.datasets.schema import Secret
from headgate.errors import SchemaError, UsageError

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/dataset-quality-1.schema.json").read_text())


class Tier(Enum):
    FREE = "free"
    PAID = "paid"


@dataclass(frozen=True)
class Customer:
    id: int
    spend: float
    tier: Tier
    note: str | None = None
    password: Annotated[str, Secret] = "hunter2"


GOOD = [Customer(1, 5.0, Tier.FREE), Customer(2, 7.5, Tier.PAID, "x"), Customer(3, 0.0, Tier.FREE)]
RULES = QualityRules.of(
    Customer,
    {
        "spend": ColumnRules("float", minimum=0.0, maximum=100.0),
        "tier": ColumnRules("string", max_novelty=0.0),
        "note": ColumnRules("string", max_null_rate=0.8),
    },
    minimum_rows=3,
    max_duplicate_rate=0.0,
)

rows = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(0, 5) | st.none()},
        optional={
            "value": st.none() | st.floats() | st.integers() | st.decimals() | st.booleans(),
            "kind": st.sampled_from(["a", "b", 1, None]),
        },
    ),
    max_size=8,
)


def judged(data: Any, rules: QualityRules = RULES, reference: Any = GOOD) -> QualityReport:
    known = None if reference is None else profile_dataset(reference, categories=["tier"])
    return check_quality(profile_dataset(data, key=["id"], categories=["tier"]), rules, known)


def broken(report: QualityReport) -> list[tuple[str, str | None]]:
    assert (report.state == "pass") == (not report.findings)
    return [(one.rule, one.column) for one in report.findings]


def test_good_data_passes_as_records_table_and_array() -> None:
    assert judged(GOOD).state == "pass"
    plain = [{"id": one.id, "spend": one.spend, "tier": one.tier.value} for one in GOOD]
    columns = {
        "id": ColumnRules("integer"),
        "spend": ColumnRules("float", minimum=0),
        "tier": ColumnRules("string", max_novelty=0),
    }
    rules = QualityRules(columns, max_duplicate_rate=0)
    array = np.array([tuple(row.values()) for row in plain], dtype=[("id", "i8"), ("spend", "f4"), ("tier", "U9")])
    for data in (plain, pa.Table.from_pylist(plain), array):
        assert judged(data, rules).state == "pass"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (GOOD[:2], ("rows", None)),
        ([*GOOD, Customer(4, math.nan, Tier.FREE)], ("nulls", "spend")),
        ([*GOOD, Customer(4, -1.0, Tier.FREE)], ("range", "spend")),
        ([*GOOD, Customer(4, 101.0, Tier.FREE)], ("range", "spend")),
        ([*GOOD, Customer(4, math.inf, Tier.FREE)], ("range", "spend")),
        ([*GOOD, Customer(3, 1.0, Tier.FREE)], ("duplicates", None)),
        ([*GOOD, *(Customer(id_, 1.0, Tier.FREE) for id_ in range(4, 20))], ("nulls", "note")),
    ],
)
def test_each_rule_finds_what_it_is_for(data: list[Customer], expected: tuple[str, str | None]) -> None:
    assert broken(judged(data)) == [expected]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"tier": "gold"}, ("novelty", "tier")),
        ({"tier": 1}, ("schema", "tier")),
        ({"id": "4"}, ("schema", "id")),
        ({"id": True}, ("schema", "id")),
        ({"spend": "much"}, ("schema", "spend")),
        ({"spend": 10**400}, ("range", "spend")),
        ({"extra": 1}, ("schema", "extra")),
    ],
)
def test_a_row_of_another_shape_is_found_by_column(change: dict[str, Any], expected: tuple[str, str]) -> None:
    plain = [{"id": one.id, "spend": one.spend, "tier": one.tier.value, "note": "n", "password": "p"} for one in GOOD]
    assert expected in broken(judged([*plain, plain[0] | {"id": 9} | change]))


def test_a_missing_column_is_invalid_whether_it_lacks_in_all_rows_or_in_one() -> None:
    rules = QualityRules({"id": ColumnRules(), "spend": ColumnRules(max_null_rate=1.0)})
    assert broken(judged([{"id": 1}, {"id": 2}], rules)) == [("schema", "spend")]
    assert broken(judged([{"id": 1}, {"id": 2, "spend": 1.0}], rules)) == [("schema", "spend")]


@pytest.mark.parametrize("data", [[], pa.table({"id": pa.array([], pa.int64())}), np.empty(0, [("id", "i8")])])
def test_no_data_is_invalid_under_any_rules(data: Any) -> None:
    loose = QualityRules(allow_unknown=True)
    assert broken(judged(data, loose)) == [("rows", None)]
    assert ("rows", None) in broken(judged(data))


def test_evidence_that_was_not_taken_is_invalid() -> None:
    assert broken(judged(GOOD, reference=None)) == [("novelty", "tier")]
    without = profile_dataset(GOOD)
    known = profile_dataset(GOOD, categories=["tier"])
    assert broken(check_quality(without, RULES, known)) == [("duplicates", None), ("novelty", "tier")]
    assert broken(check_quality(profile_dataset(GOOD, key=["id"], categories=["tier"]), RULES, without)) == [
        ("novelty", "tier")
    ]
    keyless = profile_dataset([{"a": 1}], key=["id"])
    loose = QualityRules(allow_unknown=True, max_duplicate_rate=1.0)
    assert broken(check_quality(keyless, loose)) == [("duplicates", None)]


def test_more_categories_or_keys_than_a_profile_holds_are_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality_profile, "MAX_CATEGORIES", 1)
    assert broken(judged(GOOD)) == [("novelty", "tier")]
    monkeypatch.setattr(quality_profile, "MAX_CATEGORIES", 10)
    monkeypatch.setattr(quality_profile, "MAX_KEYS", 2)
    assert broken(judged(GOOD)) == [("duplicates", None)]


@given(rows, rows, rows)
def test_profiles_of_parts_add_up_to_that_of_the_whole(first: Any, second: Any, third: Any) -> None:
    def profile(data: Any) -> Any:
        return profile_dataset(data, key=["id"], categories=["kind"])

    whole = profile([*first, *second, *third])
    parts = profile(first) + (profile(second) + profile(third))
    assert parts == (profile(first) + profile(second)) + profile(third)
    assert parts == whole
    assert profile_from_json(json.loads(json.dumps(profile_to_json(whole), allow_nan=False)), "file") == whole


def test_profiles_by_different_keys_do_not_add() -> None:
    with pytest.raises(UsageError, match="different keys"):
        profile_dataset(GOOD, key=["id"]) + profile_dataset(GOOD, key=["tier"])


def test_keys_of_several_columns_differ_where_any_column_does() -> None:
    data = [{"a": "x", "b": "yz"}, {"a": "xy", "b": "z"}, {"a": 1, "b": ""}, {"a": "1", "b": ""}]
    assert profile_dataset(data, key=["a", "b"]).duplicates == 0
    assert profile_dataset([*data, data[0]], key=["a", "b"]).duplicates == 1


def test_a_secret_column_shows_neither_values_nor_digests() -> None:
    @dataclass
    class Account:
        id: int
        pin: Annotated[int, Secret]

    profile = profile_dataset([Account(1, 8675309)])
    assert profile.columns["pin"].kinds == {"integer": 1}
    assert "8675309" not in repr(profile) + json.dumps(profile_to_json(profile))
    for told in ({"key": ["pin"]}, {"categories": ["pin"]}):
        with pytest.raises(UsageError, match="pin is secret"):
            profile_dataset([Account(1, 8675309)], **told)  # type: ignore[arg-type]  # one of the two
    bounded = QualityRules.of(Account, {"pin": ColumnRules("integer", minimum=0)})
    assert broken(check_quality(profile, bounded)) == [("range", "pin")]


@pytest.mark.parametrize("data", [5, "text", [1, 2], [GOOD[0], {"id": 1}], {"id": [1]}])
def test_what_is_no_dataset_is_refused_by_type(data: Any) -> None:
    with pytest.raises(UsageError, match="give a list of records"):
        profile_dataset(data)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ColumnRules(max_null_rate=1.5),
        lambda: ColumnRules(max_novelty=math.nan),
        lambda: ColumnRules(minimum=-math.inf),
        QualityRules,
        lambda: QualityRules(allow_unknown=True, minimum_rows=0),
        lambda: QualityRules(allow_unknown=True, max_duplicate_rate=-0.1),
        lambda: QualityRules.of(Customer, {"nickname": ColumnRules()}),
    ],
)
def test_rules_that_rule_nothing_are_refused(make: Any) -> None:
    with pytest.raises(UsageError):
        make()


@pytest.mark.parametrize("data", [GOOD, [], [*GOOD, Customer(1, -1.0, Tier.FREE)]])
def test_a_report_survives_json_and_keeps_its_published_schema(data: list[Customer]) -> None:
    report = judged(data)
    written = json.loads(json.dumps(quality_to_json(report), allow_nan=False))
    jsonschema.validate(written, SCHEMA)
    assert quality_from_json(written, "report.json") == report
    assert quality_from_json(written | {"later": 1}, "report.json") == report


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "headgate.dataset-quality/2"}, "another version"),
        ({"schema": "headgate.verdict/1"}, "no headgate.dataset-quality/1"),
        ({"schema": None}, "no headgate.dataset-quality/1"),
        ({"state": "pass"}, "say otherwise"),
        ({"state": "green"}, "field state"),
        ({"findings": []}, "say otherwise"),
        ({"profile": None}, "field profile"),
    ],
)
def test_a_report_that_was_tampered_with_is_refused(change: dict[str, Any], said: str) -> None:
    written = quality_to_json(judged(GOOD[:1])) | change
    with pytest.raises(SchemaError, match=rf"^report\.json: .*{said}"):
        quality_from_json(written, "report.json")


def test_decimals_count_as_numbers_and_their_nan_as_no_value() -> None:
    profile = profile_dataset([{"x": Decimal("1.5")}, {"x": Decimal("NaN")}, {"x": Decimal("sNaN")}])
    assert (profile.columns["x"].minimum, profile.columns["x"].nulls) == (1.5, 2)


def test_a_kind_that_no_column_can_have_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="kind='int': expected one of string, integer, float"):
        ColumnRules("int")  # type: ignore[arg-type]  # what it refuses


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Decimal("1.0"), Decimal("1.00")),
        (Decimal(10), Decimal("1E+1")),
        (Decimal("0.00"), Decimal("-0")),
        (0.0, -0.0),
        (datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 13, tzinfo=timezone(timedelta(hours=1)))),
        # In UTC, before the year 1.
        (
            datetime(1, 1, 1, 1, tzinfo=timezone(timedelta(hours=3))),
            datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))),
        ),
    ],
)
def test_equal_keys_are_duplicates_however_they_are_spelled(first: Any, second: Any) -> None:
    assert first == second
    assert _digest({"k": first}, ["k"]) == _digest({"k": second}, ["k"])


def test_keys_that_differ_in_their_last_digit_are_none() -> None:
    decimals = [Decimal(text) for text in ("1.00000000000000000000000000000000001", "1", "10", "-1", "0.1")]
    values = [*decimals, 1, 1.0]
    assert len({_digest({"k": value}, ["k"]) for value in values}) == len(values)
