"""Several files of one side: each is a process more, none counts twice, and nothing bad is lost among the good."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headgate.errors import InputError
from headgate.formats.pooled import pool_runs
from headgate.formats.saved import Outcome, SavedResult, SavedRun
from headgate.model import BenchmarkId

HOUR = 3600.0


def result(name: str, *samples: float, at: float | None = 0.0, **changes) -> SavedResult:
    base = SavedResult(
        BenchmarkId(name), Outcome.MEASURED, samples[0] if samples else None, samples, unit="seconds", started_at=at
    )
    return replace(base, **changes)


def run(source: str, *results: SavedResult) -> SavedRun:
    return SavedRun(source, "pytest-benchmark", None, None, "", results)


def test_each_file_is_a_process_and_the_centre_is_theirs() -> None:
    runs = [run("a", result("x", 1.0, 1.0, 9.0)), run("b", result("x", 2.0)), run("c", result("x", 3.0, 3.0))]
    (pooled,) = pool_runs(runs, within=HOUR).results
    assert pooled.groups == ((1.0, 1.0, 9.0), (2.0,), (3.0, 3.0))
    assert (pooled.value, pooled.count) == (2.0, 6)


def test_processes_that_a_file_tells_apart_stay_apart_and_a_summary_is_one() -> None:
    first = result("x", 1.0, 2.0, groups=((1.0,), (2.0,)))
    (pooled,) = pool_runs([run("a", first), run("b", result("x", value=4.0))], within=HOUR).results
    assert pooled.groups == ((1.0,), (2.0,), (4.0,))


def test_one_run_is_left_as_it_is() -> None:
    alone = run("a", result("x", 1.0, lower=0.5, upper=2.0, confidence=0.9))
    assert pool_runs([alone], within=HOUR) is alone


def test_a_copy_of_a_file_is_no_second_process() -> None:
    with pytest.raises(InputError, match=r"a and copy of a hold the same measurement"):
        pool_runs([run("a", result("x", 1.0)), run("copy of a", result("x", 1.0))], within=HOUR)


def test_what_failed_in_one_file_failed() -> None:
    bad = SavedResult(BenchmarkId("x"), Outcome.FAILED)
    (pooled,) = pool_runs([run("a", result("x", 1.0)), run("b", bad)], within=HOUR).results
    assert pooled.outcome is Outcome.FAILED


def test_what_only_one_file_has_is_kept() -> None:
    pooled = pool_runs([run("a", result("x", 1.0)), run("b", result("x", 2.0), result("y", 1.0))], within=HOUR)
    assert {str(item.benchmark): len(item.groups) for item in pooled.results} == {"x": 2, "y": 1}


@pytest.mark.parametrize("what", ["unit", "kind", "version"])
def test_results_of_different_kinds_are_not_pooled(what: str) -> None:
    runs = [run("a", result("x", 1.0, **{what: "one"})), run("b", result("x", 2.0, **{what: "two"}))]
    with pytest.raises(InputError, match=f"the {what} of x differs \\(one and two\\)"):
        pool_runs(runs, within=HOUR)


@pytest.mark.parametrize(("times", "latest", "pooled"), [((5.0, 9.0), False, 5.0), ((5.0, 9.0), True, 9.0)])
def test_one_session_has_the_time_of_its_earliest_or_latest(times, latest, pooled) -> None:
    runs = [run("a", result("x", 1.0, at=times[0])), run("b", result("x", 2.0, at=times[1]))]
    assert pool_runs(runs, within=HOUR, latest=latest).results[0].started_at == pooled


@pytest.mark.parametrize("other", [HOUR + 1.0, None])
def test_several_sessions_or_unknown_times_have_no_time(other: float | None) -> None:
    runs = [run("a", result("x", 1.0)), run("b", result("x", 2.0, at=other))]
    assert pool_runs(runs, within=HOUR).results[0].started_at is None
