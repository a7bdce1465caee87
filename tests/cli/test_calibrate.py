"""`headgate calibrate`: what it keeps is of a whole budget, and of the whole suite."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from headgate.cli import main
from headgate.cli.calibrate import merged
from headgate.gates.resolution import BenchmarkNoise, Calibration
from headgate.measure.hardware import default_machine
from headgate.store.calibration import calibration_path


def noise(name: str, between: float, rounds: int = 10) -> BenchmarkNoise:
    return BenchmarkNoise(name, "time", 0.01, between, 0.0, "pass", (between,) * rounds)


WHOLE = Calibration(
    machine="box",
    fingerprint="f1",
    date="2026-11-01",
    commit="a" * 40,
    margin=0.05,
    confidence=0.99,
    budget=600.0,
    seconds_per_round=9.0,
    rounds=60,
    false_alarms=0,
    benchmarks=(noise("s.time_a", 0.1), noise("s.time_b", 0.2)),
)
SOME = replace(WHOLE, seconds_per_round=0.5, rounds=200, benchmarks=(noise("s.time_b", 0.3),))


def test_some_benchmarks_calibrated_anew_leave_the_others_and_the_suites_rounds_as_they_were() -> None:
    kept = merged(WHOLE, SOME)
    assert {one.benchmark: one.between for one in kept.benchmarks} == {"s.time_a": 0.1, "s.time_b": 0.3}
    assert (kept.seconds_per_round, kept.rounds) == (9.0, 60)


def test_a_round_of_what_is_calibrated_by_and_by_takes_as_long_as_all_of_it() -> None:
    both = replace(SOME, benchmarks=(noise("s.time_b", 0.3), noise("s.time_c", 0.3)))
    assert merged(SOME, both).seconds_per_round == pytest.approx(0.5 + 0.25)
    assert merged(SOME, replace(SOME, benchmarks=(noise("s.time_c", 0.3),))).seconds_per_round == pytest.approx(1.0)


def test_few_rounds_take_the_place_of_few_and_not_of_enough() -> None:
    few = replace(SOME, benchmarks=(noise("s.time_a", 0.3, rounds=6), noise("s.time_b", 0.3, rounds=6)))
    before = replace(WHOLE, benchmarks=(noise("s.time_a", 0.1, rounds=7), noise("s.time_b", 0.2, rounds=6)))
    assert {one.benchmark: one.between for one in merged(before, few).benchmarks} == {"s.time_a": 0.1, "s.time_b": 0.3}


def test_a_saved_calibration_that_cannot_be_read_is_refused_before_the_budget_is_spent(tmp_path, monkeypatch) -> None:
    (tmp_path / "asv.conf.json").write_text('{"version": 1, "project": "p", "repo": ".", "results_dir": "results"}')
    path = calibration_path(tmp_path / "results", default_machine())
    path.parent.mkdir(parents=True)
    path.write_text('{"schema": ')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("headgate.cli.calibrate.prepare_sides", lambda *_: pytest.fail("sides are built"))
    err = io.StringIO()
    assert main(["calibrate", "--bench", "time_b"], io.StringIO(), err) == 2
    assert str(Path("results") / default_machine() / "calibration.json") in err.getvalue()


def test_of_another_machine_nothing_is_kept() -> None:
    assert merged(replace(WHOLE, fingerprint="f2"), SOME) == SOME
    assert merged(None, SOME) == SOME
