"""What a machine is said to resolve is what simulation finds it resolves."""

import math

import numpy as np
import pytest
import verdict_methods

from headgate.model import Round
from headgate.stats.noise import detectable, margin_resolved, noise_of, robust_scale, rounds_to_pass
from headgate.stats.paired import log_ratio

ALPHA = 0.01


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [15, 60])
def test_an_unchanged_benchmark_passes_the_resolved_margin_as_often_as_stated(rounds: int) -> None:
    margin = margin_resolved(0.02, rounds, ALPHA, power=0.9)
    data = np.random.default_rng(9).normal(scale=0.02, size=(3000, rounds))
    passed = (verdict_methods.signed_rank_spending(math.log1p(margin) - data, ALPHA) > 0).mean()
    assert 0.86 <= passed <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [20, 60])
def test_a_detectable_slowdown_is_detected_as_often_as_stated(rounds: int) -> None:
    slowdown = detectable(0.02, rounds, 0.02, ALPHA, power=0.8)
    data = np.random.default_rng(10).normal(math.log1p(slowdown), 0.02, size=(3000, rounds))
    found = (verdict_methods.signed_rank_spending(data - math.log1p(0.02), ALPHA) > 0).mean()
    assert 0.76 <= found <= 0.95


def test_too_few_rounds_detect_nothing() -> None:
    assert detectable(0.01, 3, 0.02, ALPHA) == math.inf
    assert margin_resolved(0.01, 6, ALPHA) == math.inf


def test_more_rounds_resolve_smaller_margins() -> None:
    margins = [margin_resolved(0.03, rounds, ALPHA) for rounds in (10, 20, 40, 80, 160)]
    assert margins == sorted(margins, reverse=True)


@pytest.mark.parametrize("margin", [0.02, 0.05])
def test_rounds_to_pass_is_the_least_number_that_resolves_the_margin(margin: float) -> None:
    needed = rounds_to_pass(0.03, margin, ALPHA)
    assert needed is not None
    assert margin_resolved(0.03, needed, ALPHA) <= margin < margin_resolved(0.03, needed - 1, ALPHA)


def test_noise_no_budget_can_resolve_is_none() -> None:
    assert rounds_to_pass(5.0, 1e-4, ALPHA) is None


def test_the_robust_scale_of_normal_noise_is_its_standard_deviation() -> None:
    values = np.random.default_rng(0).normal(scale=0.03, size=20_000).tolist()
    assert robust_scale(values) == pytest.approx(0.03, rel=0.03)
    assert robust_scale([1.0]) == 0.0


def test_the_noise_between_processes_is_told_from_the_noise_within() -> None:
    rng = np.random.default_rng(1)
    rounds = []
    for index in range(400):
        shift = rng.normal(scale=0.05)
        baseline = np.exp(rng.normal(scale=0.01, size=10))
        candidate = np.exp(shift + rng.normal(scale=0.01, size=10))
        rounds.append(Round(index, tuple(baseline), tuple(candidate)))
    noise = noise_of(rounds, [log_ratio(round_) for round_ in rounds])
    assert noise.between == pytest.approx(0.05, rel=0.15)
    assert noise.within == pytest.approx(0.01 * math.sqrt(2), rel=0.2)
    assert noise.bias == pytest.approx(0.0, abs=0.01)


def test_two_modes_are_not_mistaken_for_quiet() -> None:
    values = [0.0] * 60 + [0.2] * 40
    rounds = [Round(i, (1.0,), (math.exp(v),)) for i, v in enumerate(values)]
    assert noise_of(rounds, values).between > 0.05
