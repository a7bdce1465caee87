"""What a calibration lets the gate promise."""

import math

import pytest

from headgate.gates.policy import Override, Policy
from headgate.gates.resolution import (
    BenchmarkNoise,
    Calibration,
    advice,
    detectable_slowdown,
    recommended_margin,
    resolved_margin,
    rounds_within,
)
from headgate.report.calibration_text import calibration_rows


def noise(name: str = "s.time_a", between: float = 0.01, bias: float = 0.0) -> BenchmarkNoise:
    return BenchmarkNoise(name, "time", 0.05, between, bias, "pass", (0.0,) * 10)


def calibration(*benchmarks: BenchmarkNoise, seconds: float = 1.0) -> Calibration:
    return Calibration("m", "f", "2026-01-01", "c", 0.05, 0.99, 60.0, seconds, 60, 0, benchmarks)


def test_a_quiet_machine_gets_no_warning() -> None:
    assert advice(calibration(noise()), Policy(margin=0.05, budget=60.0)) == ""


def test_a_margin_below_what_the_machine_resolves_names_the_worst_and_a_budget_that_would_do() -> None:
    text = advice(calibration(noise(), noise("s.time_noisy", 0.08)), Policy(margin=0.02, budget=60.0))
    assert "1 of 2 benchmarks" in text
    assert "s.time_noisy" in text
    budget = float(text.split("a budget of ")[1].split(" s")[0].replace(",", ""))
    assert budget > 60.0
    assert advice(calibration(noise(), noise("s.time_noisy", 0.08)), Policy(margin=0.02, budget=budget)) == ""


def test_an_override_that_tolerates_the_noise_silences_the_warning() -> None:
    policy = Policy(margin=0.02, budget=60.0, overrides=(Override(match=("*noisy",), margin=0.5),))
    assert advice(calibration(noise(), noise("s.time_noisy", 0.08)), policy) == ""


def test_noise_beyond_any_budget_says_so() -> None:
    assert "no budget would do" in advice(calibration(noise(between=50.0)), Policy(margin=0.001, budget=60.0))


@pytest.mark.parametrize("wild", [noise("s.track_x", between=1400.0), noise("s.track_x", bias=-1400.0)])
def test_noise_beyond_what_a_float_holds_resolves_nothing_and_is_told(wild) -> None:
    found = calibration(noise(), wild)
    assert resolved_margin(wild, 60, 0.99) == recommended_margin(found, 60.0, 0.99) == math.inf
    assert detectable_slowdown(noise(between=1400.0), 60, 0.05, 0.99) == math.inf
    assert "1 of 2 benchmarks are noisier" in advice(found, Policy(margin=0.05, budget=60.0))
    row = calibration_rows(found, Policy(margin=0.05, budget=60.0))
    assert {one[0]: one[3] for one in row}["s.track_x"] == "-"


def test_the_recommended_margin_is_one_the_machine_resolves_for_every_benchmark() -> None:
    found = calibration(noise(), noise("s.time_noisy", 0.05))
    margin = recommended_margin(found, 60.0, 0.99)
    assert all(resolved_margin(one, 60, 0.99) <= margin for one in found.benchmarks)
    assert advice(found, Policy(margin=margin, budget=60.0)) == ""


def test_a_budget_without_a_decision_recommends_nothing() -> None:
    assert recommended_margin(calibration(noise(), seconds=20.0), 60.0, 0.99) == math.inf
    assert rounds_within(calibration(noise(), seconds=0.0), 60.0) == 1


def test_a_bias_between_identical_sides_widens_the_margin_by_itself() -> None:
    assert resolved_margin(noise(bias=-0.03), 60, 0.99) == pytest.approx(
        math.expm1(0.03) + resolved_margin(noise(), 60, 0.99)
    )


def test_a_slowdown_that_can_be_seen_is_beyond_the_margin() -> None:
    assert 0.05 < detectable_slowdown(noise(), 60, 0.05, 0.99) < 0.08
