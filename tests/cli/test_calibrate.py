"""`headgate calibrate`: what it keeps is of a whole budget, and of the whole suite."""

from dataclasses import replace

from headgate.cli.calibrate import merged
from headgate.gates.resolution import BenchmarkNoise, Calibration


def noise(name: str, between: float) -> BenchmarkNoise:
    return BenchmarkNoise(name, "time", 0.01, between, 0.0, "pass", (0.0, between))


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


def test_of_another_machine_nothing_is_kept() -> None:
    assert merged(replace(WHOLE, fingerprint="f2"), SOME) == SOME
    assert merged(None, SOME) == SOME
