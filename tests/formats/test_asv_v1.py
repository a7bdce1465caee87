"""Version 1 of asv's result files, as asv 0.4.1 wrote them."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asv.results import Results

from headgate.errors import InputError
from headgate.formats import asv, asv_v1, read_run
from headgate.formats.saved import Outcome

FILE = Path(__file__).parents[1] / "data" / "asv" / "version-1.json"


def raw() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(FILE.read_text())
    return data


def test_values_failures_and_skips_of_version_1_come_out_under_their_parameters() -> None:
    run = read_run(FILE)
    found = {str(item.benchmark): (item.outcome, item.value, item.count, item.number) for item in run.results}
    assert found == {
        "suite.TimeSort.time_sorted(10, 'list')": (Outcome.MEASURED, 3.2996129026884677e-07, 10, 3410),
        "suite.TimeSort.time_sorted(10, 'tuple')": (Outcome.SKIPPED, None, None, None),
        "suite.TimeSort.time_sorted(1000, 'list')": (Outcome.MEASURED, 5.985541666733398e-06, 10, 180),
        "suite.TimeSort.time_sorted(1000, 'tuple')": (Outcome.FAILED, None, None, None),
        "suite.time_broken": (Outcome.FAILED, None, None, None),
        "suite.time_plain": (Outcome.MEASURED, 8.149034457077066e-07, 10, 1393),
        "suite.track_length": (Outcome.MEASURED, 42.0, None, None),
    }
    assert run.commit == "1648c6be639eeeadedbea13b713d3a288a532736"
    assert run.started_at is not None
    assert run.started_at > 1.5e9


def test_version_1_reads_as_what_asvs_own_update_makes_of_it() -> None:
    upgraded = {**json.loads(json.dumps(Results.update_to_2(copy.deepcopy(raw())))), "version": 2}
    ours, theirs = read_run(FILE), asv.read(upgraded, FILE)

    def rounded(run: Any) -> list[Any]:  # asv's update keeps five digits of what is neither a result nor a sample
        bounds = [
            replace(
                item, lower=item.lower and float(f"{item.lower:.4g}"), upper=item.upper and float(f"{item.upper:.4g}")
            )
            for item in run.results
        ]
        return sorted(bounds, key=lambda item: item.benchmark)

    assert rounded(ours) == rounded(theirs)
    assert replace(ours, results=(), durations={}) == replace(theirs, results=(), durations={})
    assert ours.durations == pytest.approx(theirs.durations, rel=1e-3)


def test_the_oldest_entries_are_a_bare_value_or_an_object_of_one() -> None:
    data = raw() | {
        "results": {"a": 1.5, "b": {"result": 2.5, "samples": [2, 3], "stats": {"ci_99": [2, 3]}}, "c": None}
    }
    run = asv_v1.read(data, FILE)
    assert [(item.outcome, item.value, item.samples, item.upper) for item in run.results] == [
        (Outcome.MEASURED, 1.5, (), None),
        (Outcome.MEASURED, 2.5, (2.0, 3.0), 3.0),
        (Outcome.FAILED, None, (), None),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"results": []}, "results is a list, expected a dict"),
        ({"started_at": [1]}, "started_at is a list"),
        ({"results": {"b": "fast"}}, "b has the value 'fast'"),
        ({"results": {"b": {"result": [1.0], "stats": [7]}}}, "the stats of b is a int"),
        ({"results": {"b": {"result": [1.0, 2.0]}}}, "2 entries for 1 combinations"),
    ],
)
def test_a_contradiction_in_version_1_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        asv_v1.read(raw() | changes, FILE)
