"""The rules of segments: typed, without eval, and nothing that is missing is passed over in silence."""

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import PlanError
from headgate.rollout.segments import Fault, compile_where, parse_segments
from headgate.rollout.segments_versions import parse_range, parse_version


def judge(where: dict, attributes: dict) -> tuple[bool, list[tuple[str, str]]]:
    faults: list[Fault] = []
    answer = compile_where(where, "where")(attributes, faults)
    assert answer in (True, False)
    return answer, [tuple(fault) for fault in faults]


class Country(StrEnum):
    DE = "DE"


@pytest.mark.parametrize(
    ("where", "attributes", "answer"),
    [
        ({"country": "DE"}, {"country": "DE"}, True),
        ({"country": "DE"}, {"country": Country.DE}, True),
        ({"country": "DE"}, {"country": "de"}, False),
        ({"country": {"eq": "DE"}}, {"country": "DE"}, True),
        ({"country": {"in": ["DE", "AT"]}}, {"country": "AT"}, True),
        ({"country": {"in": ["DE", "AT"]}}, {"country": "CH"}, False),
        ({"age": 18}, {"age": 18.0}, True),
        ({"age": {"gte": 18, "lt": 65}}, {"age": 18}, True),
        ({"age": {"gte": 18, "lt": 65}}, {"age": 65}, False),
        ({"age": {"gt": 18}}, {"age": 18}, False),
        ({"age": {"lte": 18}}, {"age": 18}, True),
        ({"age": {"lt": 18}}, {"age": float("-inf")}, True),
        ({"beta": True}, {"beta": True}, True),
        ({"beta": False}, {"beta": True}, False),
        ({"mail": {"prefix": "test-"}}, {"mail": "test-1"}, True),
        ({"mail": {"prefix": ["qa-", "test-"]}}, {"mail": "qa-1"}, True),
        ({"mail": {"prefix": "test-"}}, {"mail": "a test-"}, False),
        ({"app": {"semver": ">=2.1, <3"}}, {"app": "2.10.0"}, True),
        ({"app": {"semver": ">=2.1, <3"}}, {"app": "3.0.0-rc.1"}, True),
        ({"app": {"semver": ">=2.1"}}, {"app": "2.1.0-rc.1"}, False),
        ({"app": {"exists": True}}, {"app": ""}, True),
        ({"app": {"exists": True}}, {}, False),
        ({"app": {"exists": False}}, {"app": None}, True),
        ({"country": "DE", "age": {"gt": 1}}, {"country": "DE", "age": 2}, True),
        ({"country": "DE", "age": {"gt": 1}}, {"country": "DE", "age": 1}, False),
        ({"any": [{"country": "DE"}, {"country": "AT"}]}, {"country": "AT"}, True),
        ({"all": [{"country": "DE"}, {"age": 1}]}, {"country": "DE", "age": 2}, False),
        ({"not": {"country": "DE"}}, {"country": "AT"}, True),
        ({"not": {"any": [{"a": 1}, {"all": [{"b": 2}, {"not": {"c": 3}}]}]}}, {"a": 2, "b": 2, "c": 3}, True),
    ],
)
def test_a_rule_holds_exactly_where_it_says(where: dict, attributes: dict, answer: bool) -> None:
    assert judge(where, attributes) == (answer, [])


@pytest.mark.parametrize(
    ("where", "attributes", "fault"),
    [
        ({"country": "DE"}, {}, ("country", "missing")),
        ({"country": "DE"}, {"country": None}, ("country", "missing")),
        ({"country": "DE"}, {"country": 7}, ("country", "type")),
        ({"country": "DE"}, {"country": b"DE"}, ("country", "type")),
        ({"age": {"gte": 1}}, {"age": "2"}, ("age", "type")),
        ({"age": {"gte": 1}}, {"age": True}, ("age", "type")),
        ({"age": {"gte": 1}}, {"age": float("nan")}, ("age", "type")),
        ({"age": 1}, {"age": True}, ("age", "type")),
        ({"beta": True}, {"beta": 1}, ("beta", "type")),
        ({"app": {"semver": ">=1"}}, {"app": "one"}, ("app", "type")),
        ({"app": {"semver": ">=1"}}, {"app": "1." * 100}, ("app", "type")),
        ({"app": {"semver": ">=1"}}, {}, ("app", "missing")),
    ],
)
def test_what_is_missing_or_of_another_type_is_false_and_counted(
    where: dict, attributes: dict, fault: tuple[str, str]
) -> None:
    assert judge(where, attributes) == (False, [fault])
    assert judge({"not": where}, attributes) == (True, [fault])


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({}, "where: expected a rule"),
        ("country == 'DE'", "where: expected a rule"),
        ({"country": {}}, "where.country: no test"),
        ({"country": {"equals": "DE"}}, "where.country.equals: unknown key; the keys are: eq"),
        ({"country": {"prefx": "DE"}}, "did you mean 'prefix'?"),
        ({"country": ["DE"]}, "where.country: ['DE'] will not do"),
        ({"country": {"in": []}}, "where.country.in"),
        ({"country": {"in": ["DE", 1]}}, "all values of a list are of one type"),
        ({"country": {"in": ["DE", [1]]}}, "where.country.in[1]"),
        ({"age": {"gt": "2"}}, "expected a finite number; versions have semver"),
        ({"age": {"gt": float("nan")}}, "expected a finite number"),
        ({"age": float("inf")}, "a finite number"),
        ({"mail": {"prefix": ""}}, "where.mail.prefix"),
        ({"app": {"semver": "newest"}}, "where.app.semver"),
        ({"app": {"exists": "yes"}}, "where.app.exists"),
        ({"all": []}, "where.all"),
        ({"any": [{"a": {"in": 3}}]}, "where.any[0].a.in"),
        ({"not": [{"a": 1}]}, "where.not"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_path(where: object, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        compile_where(where, "where")
    assert message in str(caught.value)


def test_a_rule_nested_without_end_is_refused() -> None:
    where: dict = {"a": 1}
    for _ in range(5000):
        where = {"not": where}
    with pytest.raises(PlanError, match="nested"):
        compile_where(where, "where")


def test_declared_types_catch_a_mistyped_attribute_and_a_wrong_comparison() -> None:
    declared = {"country": "string", "app": "version"}
    compile_where({"app": {"semver": ">=1"}, "country": {"prefix": "D"}}, "where", declared)
    with pytest.raises(PlanError, match=r"'contry' is not in \[rollout\.attributes\]"):
        compile_where({"contry": "DE"}, "where", declared)
    with pytest.raises(PlanError, match="declared as a string and compared with a number"):
        compile_where({"country": {"gt": 3}}, "where", declared)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "a", "where": {"b": 1}}, "say one thing to do with it"),
        ({"name": "a", "where": {"b": 1}, "exclude": True, "sandbox": True}, "found exclude and sandbox"),
        ({"name": "a", "where": {"b": 1}, "exclude": 1}, "[0].exclude: 1"),
        ({"name": "a", "where": {"b": 1}, "percent": 0}, "[0].percent: 0"),
        ({"name": "a", "exclude": True}, "[0].where: expected a rule"),
        ({"name": "", "where": {"b": 1}, "exclude": True}, "[0].name"),
        ({"name": "a", "were": {"b": 1}}, "[0].were: unknown key; did you mean 'where'?"),
    ],
)
def test_a_wrong_segment_is_refused_with_its_path(table: dict, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_segments([table], "rollout.segments", {})
    assert message in str(caught.value)


def test_two_segments_of_one_name_are_refused() -> None:
    table = {"name": "a", "where": {"b": 1}, "follow": True}
    with pytest.raises(PlanError, match="given twice"):
        parse_segments([table, table], "rollout.segments", {})


# The order of semver.org, section 11.4, with its neighbours.
ORDERED = [
    "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
    "1.0.0", "1.0.1-0", "1.0.1", "1.2", "1.10", "2",
]  # fmt: skip


def test_versions_are_ordered_as_semver_orders_them() -> None:
    parsed = [parse_version(text) for text in ORDERED]
    assert None not in parsed
    assert parsed == sorted(parsed)
    assert len(set(parsed)) == len(parsed)
    assert parse_version("v1.2.0+build.7") == parse_version("1.2")


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading_of_versions_and_ranges(text: str) -> None:
    version, test = parse_version(text), parse_range(text)
    if test is not None:
        assert test(parse_version("1.2.3")) in (True, False)
    assert version is None or version == version[:]


@pytest.mark.parametrize(
    ("text", "within", "without"),
    [
        ("^1.2", ["1.2.0", "1.99.0"], ["1.1.9", "2.0.0", "2.0.0-rc.1"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("~1.2", ["1.2.0", "1.2.9"], ["1.3.0"]),
        ("~1", ["1.9.9"], ["2.0.0"]),
        ("=1.2", ["1.2.0"], ["1.2.1"]),
        (">1.0.0-rc.1,<=1.0.0", ["1.0.0", "1.0.0-rc.2"], ["1.0.0-rc.1", "1.0.1"]),
    ],
)
def test_a_range_holds_what_it_says(text: str, within: list[str], without: list[str]) -> None:
    test = parse_range(text)
    assert test is not None
    assert [one for one in within if not test(parse_version(one))] == []
    assert [one for one in without if test(parse_version(one))] == []
