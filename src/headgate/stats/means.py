"""Ratio of two means, or of two ratios of sums, from sums alone: asymptotic, valid at every look from 100 units on.

Per stage the difference ``canary - c * stable`` has an estimate and a variance (the delta method where the metric is a
ratio of sums); together they make a process that, as units come, is ever closer to a Brownian motion with drift. A
one-sided normal mixture over the drift is then an asymptotic e-process (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas
2024, "Time-uniform central limit theory and asymptotic confidence sequences"; the mixture: Howard et al. 2021).
The variance is that of whichever arm has the larger one (at the claimed ratio): few units of a skewed number have not
seen its tail, and their small mean would come with a small variance just when it is wrong. Measured, that keeps the
errors where tails are heavy; a declared cap (`headgate.stats.capped`) needs no such argument.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.stats.mixtures import last_rejected, swapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headgate.stats.mixtures import Stratum

__all__ = [
    "LEAST_UNITS",
    "Sums",
    "log_e_above",
    "log_e_tails",
    "log_normal_mixture",
    "lower_bound",
    "sums_of",
    "sums_of_pairs",
    "upper_bound",
]

# Units per arm from which a stage counts: the authors' own simulations begin their sequences at about a hundred.
LEAST_UNITS = 100
# Effective units (harmonic, as of equal variances) at which the mixture is tightest, and the level it is tuned for.
BEST_UNITS = 1_000.0
BEST_LEVEL = 0.05
# Log ratios beyond which no bound is looked for.
WIDEST = 12.0


@dataclass(frozen=True, slots=True)
class Sums:
    """Units seen, and over them the sums of y, y², x, x² and x·y; the metric is (sum of y) / (sum of x).

    For a mean every x is 1. In double precision the variance of a number whose scatter is a millionth of its size is
    lost to rounding; give such a number without its constant part.
    """

    units: int
    y: float
    yy: float
    x: float
    xx: float
    xy: float

    def __add__(self, other: Sums) -> Sums:
        """Return both together; floating sums, so the last bits depend on the order."""
        return Sums(
            self.units + other.units,
            self.y + other.y,
            self.yy + other.yy,
            self.x + other.x,
            self.xx + other.xx,
            self.xy + other.xy,
        )

    def problem(self) -> str:
        """Return what is impossible about the sums, or ''."""
        if self.units < 0 or self.yy < 0.0 or self.xx < 0.0:
            return "a count or a sum of squares is negative"
        if not all(math.isfinite(one) for one in (self.y, self.yy, self.x, self.xx, self.xy)):
            return "a sum is not finite"
        if not self.units:
            return "sums of no units" if any((self.y, self.yy, self.x, self.xx, self.xy)) else ""
        slack = 1.0 + 1e-9  # of rounding
        if self.y * self.y > self.yy * self.units * slack or self.x * self.x > self.xx * self.units * slack:
            return "a sum of squares is less than its sum allows"
        return "the sum of x is below 0" if self.x < 0.0 else ""

    @property
    def value(self) -> float:
        """The metric; NaN without units, and while all x are 0: nothing was there to be divided by yet."""
        return self.y / self.x if self.units and self.x else math.nan

    @property
    def counts(self) -> bool:
        """Whether there is enough to reckon with: `LEAST_UNITS`, and something to divide by."""
        return self.units >= LEAST_UNITS and self.x > 0.0

    @property
    def unit_variance(self) -> float:
        """Variance of one unit's share in the metric, by the delta method; divided by the units it is the metric's."""
        ratio, scale = self.value, (self.x / self.units) * (self.x / self.units)
        squares = self.yy - 2.0 * ratio * self.xy + ratio * ratio * self.xx
        # Numbers at the ends of what a float can hold say nothing: their variance is beyond all bounds.
        known = scale > 0.0 and math.isfinite(squares)
        return max(0.0, squares) / (self.units - 1) / scale if known else math.inf


def sums_of(values: Iterable[float]) -> Sums:
    """Return the sums of a mean's values, one per unit."""
    data = tuple(values)
    units, y = len(data), math.fsum(data)
    return Sums(units, y, math.fsum(value * value for value in data), float(units), float(units), y)


def sums_of_pairs(pairs: Iterable[tuple[float, float]]) -> Sums:
    """Return the sums of a ratio's (y, x), one pair per unit: y over x is the metric."""
    data = tuple(pairs)
    return Sums(
        len(data),
        math.fsum(y for y, _ in data),
        math.fsum(y * y for y, _ in data),
        math.fsum(x for _, x in data),
        math.fsum(x * x for _, x in data),
        math.fsum(x * y for y, x in data),
    )


def log_normal_mixture(score: float, time: float, best_time: float, best_level: float) -> float:
    """Return the log of the one-sided normal mixture: the e-value of a Brownian motion at ``score`` after ``time``.

    The null is a drift of at most 0; tightest at ``best_time`` for ``best_level`` (Howard et al. 2021, proposition 6).
    """
    tuning = 2.0 * math.log(0.5 / best_level)
    prior = best_time / (tuning + math.log1p(tuning))
    spread = time + prior
    return (
        0.5 * math.log(4.0 * prior / spread) + 0.5 * score * score / spread + _log_normal_cdf(score / math.sqrt(spread))
    )


def log_e_above(strata: Sequence[Stratum[Sums]], log_ratio: float) -> float:
    """Return the log e-value against "the canary's metric is at most exp(log_ratio) times stable's"; 0 if none is due.

    Stages with fewer than `LEAST_UNITS` units in an arm, or without any scatter, do not count.
    """
    return log_e_tails(strata, log_ratio)[0] if strata else 0.0


def log_e_tails(strata: Sequence[Stratum[Sums]], log_ratio: float) -> list[float]:
    """Return the log e-values of the strata from each one on, in order."""
    ratio = math.exp(log_ratio)
    score = time = 0.0
    values: list[float] = []
    for one in reversed(strata):
        if one.canary.counts and one.stable.counts:
            variance = max(one.canary.unit_variance, ratio * ratio * one.stable.unit_variance)
            if 0.0 < variance < math.inf:
                # With one variance for both arms the difference knows as much as this many units: all stages' clock.
                effective = one.canary.units * one.stable.units / (one.canary.units + one.stable.units)
                score += (one.canary.value - ratio * one.stable.value) * effective / math.sqrt(variance)
                time += effective
        values.append(log_normal_mixture(score, time, BEST_UNITS, BEST_LEVEL) if time else 0.0)
    return values[::-1]


def lower_bound(strata: Sequence[Stratum[Sums]], level: float) -> float:
    """Return the log ratio that the true one is above with probability 1 - level, at all looks together."""
    return last_rejected(lambda at: log_e_above(strata, at), -math.log(level), -WIDEST, WIDEST)


def upper_bound(strata: Sequence[Stratum[Sums]], level: float) -> float:
    """Return the log ratio that the true one is below with probability 1 - level, at all looks together."""
    return -lower_bound(swapped(strata), level)


def _log_normal_cdf(z: float) -> float:
    """Return the log of the standard normal distribution function; by its asymptotic series far below 0."""
    if z > -30.0:
        return math.log(0.5 * math.erfc(-z / math.sqrt(2.0)))
    return -0.5 * z * z - math.log(-z) - 0.5 * math.log(2.0 * math.pi) + math.log1p(-1.0 / (z * z))
