"""What a machine can resolve: noise within and between processes, and the slowdown that so many rounds can show.

The power of the sequential signed-rank test is taken as that of a fixed-sample one at the nominal level of the last
look: a normal approximation with the test's asymptotic efficiency against Gaussian noise, 3/pi (Hollander, Wolfe &
Chicken, section 3.11). Conservative where tails are heavier, as recorded noise is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist, median
from typing import TYPE_CHECKING

from headgate.stats.boundaries import nominal_levels
from headgate.stats.paired import log_quotient
from headgate.stats.sequential import Plan, looks_taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.model import Round

__all__ = ["Noise", "detectable", "margin_resolved", "noise_of", "robust_scale", "rounds_to_pass", "slowdown_of"]

# Makes the median absolute deviation estimate the standard deviation of a normal distribution.
MAD_TO_SIGMA = 1.4826
# Asymptotic relative efficiency of the signed-rank test to the t-test under Gaussian noise.
EFFICIENCY = 3.0 / math.pi
# The power a stated detectable slowdown has, as statistics.md asks.
POWER = 0.80
# The share of unchanged benchmarks that a recommended margin lets pass within the budget.
PASS_POWER = 0.90
MOST_ROUNDS = 100_000
# The level of the last look hardly moves beyond this many rounds (0.0028 at 256, 0.0027 at 2048 for an error of 1 %).
LEVEL_ROUNDS = 256
# The largest log ratio that is told as a slowdown, a billionfold: where noise is beyond it, nothing is resolved.
MOST_LOG = math.log(1e9)


@dataclass(frozen=True, slots=True)
class Noise:
    """Scatter of identical code on this machine, as fractions: 0.01 is 1 %.

    ``within`` is the robust standard deviation of a pair's log ratio about its round's centre; ``between`` that of the
    rounds' log ratios, the one that limits a verdict; ``bias`` the median log ratio, zero where the sides are alike.
    """

    within: float
    between: float
    bias: float
    rounds: int


def robust_scale(values: Sequence[float]) -> float:
    """Return the scaled median absolute deviation from the median; 0.0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    centre = median(values)
    return MAD_TO_SIGMA * median(abs(value - centre) for value in values)


def noise_of(rounds: Sequence[Round], log_ratios: Sequence[float]) -> Noise:
    """Return the noise of one benchmark compared with itself.

    Parameters
    ----------
    rounds
        Its rounds.
    log_ratios
        `headgate.stats.paired.log_ratio` of each.
    """
    within = [
        log_quotient(candidate, baseline) - centre
        for round_, centre in zip(rounds, log_ratios, strict=True)
        for baseline, candidate in zip(round_.baseline, round_.candidate, strict=True)
        if baseline > 0.0 and candidate > 0.0
    ]
    # Heavy tails: a standard deviation would be ruled by one bad round, a MAD would not see a second mode.
    between = max(robust_scale(log_ratios), _middle_spread(log_ratios))
    return Noise(robust_scale(within), between, median(log_ratios), len(log_ratios))


def _middle_spread(values: Sequence[float]) -> float:
    """Return the spread of the middle four fifths, scaled to the normal standard deviation."""
    ordered = sorted(values)
    cut = len(ordered) // 10
    middle = ordered[cut : len(ordered) - cut]
    width = NormalDist().inv_cdf(0.9) - NormalDist().inv_cdf(0.1)
    return (middle[-1] - middle[0]) / width if len(middle) > 1 else 0.0


def _standard_error(between: float, rounds: int) -> float:
    return between / math.sqrt(EFFICIENCY * rounds)


@lru_cache(maxsize=4096)
def _level(rounds: int, alpha: float) -> float:
    """Return the nominal level of the last look of a run of ``rounds`` rounds at a steady pace."""
    rounds = min(rounds, LEVEL_ROUNDS)
    plan = Plan(alpha, float(rounds))
    looks = looks_taken([float(index) for index in range(rounds)], plan, final=True)
    return nominal_levels(looks, alpha, plan.exponent)[-1] if looks else 0.0


def slowdown_of(log: float) -> float:
    """Return a log ratio of at least zero as a slowdown, 0.05 for 5 %; infinite beyond ``MOST_LOG``."""
    return math.expm1(log) if log <= MOST_LOG else math.inf


def detectable(between: float, rounds: int, margin: float, alpha: float, power: float = POWER) -> float:
    """Return the smallest slowdown that is called regressed against ``margin`` with ``power``; infinite if none can be.

    All as fractions; ``alpha`` is the level of one comparison (divide by the number of benchmarks for a first one among
    many).
    """
    level = _level(rounds, alpha)
    if level <= 0.0:
        return math.inf
    z = NormalDist().inv_cdf(1.0 - level)
    # Few rounds: Student's quantile, by the first term of its Cornish-Fisher expansion (Abramowitz & Stegun 26.7.5).
    reach = z + (z**3 + z) / (4.0 * (rounds - 1)) + NormalDist().inv_cdf(power)
    return slowdown_of(math.log1p(margin) + reach * _standard_error(between, rounds))


def margin_resolved(between: float, rounds: int, alpha: float, power: float = PASS_POWER) -> float:
    """Return the smallest margin at which an unchanged benchmark passes with ``power``; infinite if none does."""
    return detectable(between, rounds, 0.0, alpha, power)


def rounds_to_pass(between: float, margin: float, alpha: float, power: float = PASS_POWER) -> int | None:
    """Return how many rounds let an unchanged benchmark pass ``margin`` with ``power``; None beyond any budget."""
    low, high = 1, 8
    while margin_resolved(between, high, alpha, power) > margin:
        low, high = high, high * 2
        if high > MOST_ROUNDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if margin_resolved(between, middle, alpha, power) <= margin else (middle, high)
    return high
