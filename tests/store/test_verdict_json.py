"""A verdict's JSON is its schema's, and reads back equal."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_verdicts import sample_evidence

from headgate.errors import InputError
from headgate.model import BenchmarkId, Change, Comparison, SideInfo, State, Verdict
from headgate.store.verdict_json import read_verdict, verdict_from_json, verdict_to_json, write_verdict

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/verdict-1.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

text = st.text(max_size=8)
texts = st.lists(text, max_size=3).map(tuple)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
sides = st.builds(SideInfo, requested=text, commit=st.none() | text, title=text, python=text, environment=text)
comparisons = st.builds(
    Comparison,
    benchmark=st.builds(BenchmarkId, name=text, params=texts, param_names=texts),
    unit=text,
    state=st.sampled_from(State),
    margin=st.floats(0.001, 0.999),
    change=st.sampled_from(Change),
    ratio=numbers,
    lower=numbers,
    upper=numbers,
    rounds=st.integers(0, 99),
    pairs=st.integers(0, 999),
    baseline_median=numbers,
    candidate_median=numbers,
    required=st.booleans(),
    reason=text,
    warnings=texts,
)
plain = st.dictionaries(text, st.none() | st.booleans() | st.integers() | text | st.lists(st.integers(), max_size=2))
verdicts = st.builds(
    Verdict,
    state=st.sampled_from(State),
    baseline=sides,
    candidate=sides,
    comparisons=st.lists(comparisons, max_size=3).map(tuple),
    policy=plain,
    hardware=plain,
    wall_seconds=st.floats(0, 1e6),
    added=texts,
    removed=texts,
    reasons=texts,
    warnings=texts,
)


@given(verdicts)
def test_a_verdict_written_as_json_follows_the_schema_and_reads_back_equal(verdict):
    written = json.loads(json.dumps(verdict_to_json(verdict), allow_nan=False))
    VALIDATOR.validate(written)
    assert verdict_from_json(written, "f.json") == verdict


def test_the_keys_that_others_rely_on_are_there(tmp_path):
    verdict = sample_evidence().verdict
    write_verdict(tmp_path / "v.json", verdict)
    written = json.loads((tmp_path / "v.json").read_text())
    assert written["schema"] == "headgate.verdict/1"
    by_name = {(item["benchmark"], *item["params"].values()): item for item in written["comparisons"]}
    render = by_name["suite.TimeRender.time_table", "'wide'", "None"]
    assert render["params"] == {"size": "'wide'", "style": "None"}
    assert render["state"] == "pass"
    assert 1.005 < render["lower"] < render["ratio"] < render["upper"] < 1.04
    assert read_verdict(tmp_path / "v.json") == verdict


def test_a_bound_at_infinity_is_no_bound():
    verdict = sample_evidence().verdict
    infinite = replace(verdict.comparisons[0], lower=0.9, upper=float("inf"))
    written = verdict_to_json(replace(verdict, comparisons=(infinite,)))["comparisons"][0]
    assert (written["lower"], written["upper"]) == (0.9, None)


def test_the_least_that_the_schema_demands_is_enough_for_the_reader():
    minimal = {
        "schema": "headgate.verdict/1",
        "state": "pass",
        "baseline": {"requested": "a"},
        "candidate": {"requested": "b", "colour": "red"},
        "policy": {},
        "hardware": {},
        "wall_seconds": 1,
        "future": True,
        "comparisons": [
            {
                "benchmark": "s.t",
                "params": {"n": "1"},
                "unit": "seconds",
                "state": "pass",
                "change": "same",
                "ratio": 1,
                "lower": 0.9,
                "upper": 1.01,
                "rounds": 5,
                "pairs": 9,
                "warnings": [],
                "margin": 0.05,
                "future": 3,
            }
        ],
    }
    VALIDATOR.validate(minimal)
    assert verdict_from_json(minimal, "f.json").comparisons[0].benchmark == BenchmarkId("s.t", ("1",), ("n",))


def changed(path: str, value: object) -> dict:
    document = json.loads(json.dumps(verdict_to_json(sample_evidence().verdict)))
    target = document
    *parents, last = (int(key) if key.isdigit() else key for key in path.split("."))
    for key in parents:
        target = target[key]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("schema", "headgate.verdict/2", "which this headgate reads; upgrade"),
        ("schema", "headgate.results/1", "its schema is"),
        ("schema", ..., 'has no "schema"'),
        ("state", "green", "verdict.state: expected one of 'pass'"),
        ("state", ..., "no 'state'"),
        ("comparisons", {}, "comparisons: expected a list"),
        ("comparisons.0", 3, r"comparisons\[0\]: expected an object"),
        ("comparisons.0.ratio", "fast", r"comparisons\[0\].ratio: expected a number, found 'fast'"),
        ("comparisons.0.ratio", True, "expected a number, found True"),
        ("comparisons.0.rounds", 1.5, "expected a whole number"),
        ("comparisons.0.state", [], "expected one of"),
        ("comparisons.0.benchmark", None, "benchmark.name: expected text"),
        ("comparisons.0.params", 3, "params: expected an object"),
        ("comparisons.1.param_values", ["7"], "disagree"),
        ("comparisons.0.margin", ..., "no 'margin'"),
        ("baseline", [], "verdict.baseline: expected an object"),
        ("hardware", [], "verdict.hardware: expected an object"),
        ("warnings", "x", "verdict.warnings: expected a list"),
    ],
)
def test_what_is_wrong_in_a_verdict_s_file_is_named_with_its_place(path, value, says):
    with pytest.raises(InputError, match=f"^f.json: .*{says}"):
        verdict_from_json(changed(path, value), "f.json")


def test_a_verdict_nested_without_end_is_refused():
    deep: dict = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(InputError, match="nested more than"):
        verdict_from_json(changed("hardware", deep), "f.json")
