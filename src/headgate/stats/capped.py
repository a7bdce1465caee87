"""Ratio of the means of numbers between 0 and a declared cap, not asymptotic: by betting.

A unit comes to the canary with probability ``share``, so for any constants c and k
``Z = [canary] (Y - k) / share - [stable] (c*Y - k) / (1 - share)`` has mean (canary's mean - c * stable's mean). Where
that is at most 0, the wealth of one who bets a fixed fraction of it on Z, unit by unit, is a supermartingale, so long
as no unit can take more than all of it (Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by
betting"); a grid of fractions and of k is mixed.

The state is bounded: each value's mass is split between the two nearest of evenly spaced levels so that its mean is
kept. The log of the wealth is concave in Y, so this can only lower it: valid, and no bias in the mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from operator import add
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from headgate.stats.mixtures import BISECTIONS, last_rejected, log_mean, swapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headgate.stats.mixtures import Stratum

__all__ = ["CappedMasses", "factor_to", "log_e_above", "log_e_tails", "lower_bound", "masses_of", "upper_bound"]

FloatArray = npt.NDArray[np.float64]

# Levels from 0 to the cap. The splitting adds at most a quarter of a squared spacing to the variance.
LEVELS = 129
# Fractions of the largest bet that cannot lose everything, and centres k as fractions of the cap; equal weights. The
# centres near the cap are for success rates: with k near the mean it is the failures that count, not how units split.
FRACTIONS = (0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125)
CENTRES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1.0)
# Log ratios beyond which no bound is looked for.
WIDEST = 6.0
# Claims whose `_growth` is kept, of some 140 kB each: a release asks the same few of every batch that it folds.
MOST_KEPT = 64


@dataclass(frozen=True, slots=True)
class CappedMasses:
    """Units seen, and their mass at each of `LEVELS` evenly spaced levels from 0 to the cap."""

    units: int
    masses: tuple[float, ...] = (0.0,) * LEVELS

    def __add__(self, other: CappedMasses) -> CappedMasses:
        """Return both together; floating sums, so the last bits depend on the order."""
        if len(self.masses) != len(other.masses):
            raise ValueError(f"{len(self.masses)} masses and {len(other.masses)}")
        return CappedMasses(self.units + other.units, tuple(map(add, self.masses, other.masses)))

    def problem(self) -> str:
        """Return what is impossible about the masses, or ''."""
        if len(self.masses) != LEVELS:
            return f"{len(self.masses)} masses where {LEVELS} are due"
        # A NaN, or an infinity, is one of the sum as well; what is too large to be summed is no count either.
        if self.units < 0 or not math.isfinite(sum(self.masses)) or min(self.masses) < 0.0:
            return "a count or a mass is negative or not finite"
        total = math.fsum(self.masses)
        return (
            ""
            if math.isclose(total, self.units, rel_tol=1e-6, abs_tol=1e-6)
            else f"mass {total:g} of {self.units} units"
        )

    def mean(self, cap: float) -> float:
        """Return the mean of the values, each counted as at most ``cap``; NaN without units."""
        weighted = math.fsum(mass * level for level, mass in enumerate(self.masses))
        return cap * weighted / (LEVELS - 1) / self.units if self.units else math.nan


def masses_of(values: Iterable[float], cap: float) -> CappedMasses:
    """Return the masses of values, one per unit; what exceeds the cap counts as the cap.

    Raises
    ------
    ValueError
        A value is negative or NaN.
    """
    data = np.asarray(tuple(values), dtype=np.float64)
    if not (data >= 0.0).all():
        raise ValueError("a value is negative or NaN: a capped mean is of numbers from 0 to the cap")
    position = np.minimum(data / cap, 1.0) * (LEVELS - 1)
    left = np.minimum(position.astype(np.int64), LEVELS - 2)
    masses = np.zeros(LEVELS)
    np.add.at(masses, left, 1.0 - (position - left))
    np.add.at(masses, left + 1, position - left)
    return CappedMasses(int(data.size), tuple(masses.tolist()))


def factor_to(values: FloatArray, weights: FloatArray, cap: float, mean: float) -> float:
    """Return the factor by which to multiply values so that, each counted as at most ``cap``, they have this mean.

    Parameters
    ----------
    values, weights
        Values of at least 0, and their probabilities: shape (k,).
    cap, mean
        Above 0.

    Raises
    ------
    ValueError
        No factor does: the mean is that of all values above 0 at the cap, or more.
    """
    if mean >= cap * float(weights[values > 0.0].sum()) * (1.0 - 1e-12):
        raise ValueError(f"a mean of {mean:g} below a cap of {cap:g} takes values that are not there")
    low = high = mean / float(weights @ values)  # without a cap this would do; with one it takes more
    while float(weights @ np.minimum(values * high, cap)) < mean:
        high *= 2.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(weights @ np.minimum(values * middle, cap)) < mean else (low, middle)
    return high


def log_e_above(strata: Sequence[Stratum[CappedMasses]], log_ratio: float) -> float:
    """Return the log e-value against "the canary's capped mean is at most exp(log_ratio) times stable's"."""
    return log_e_tails(strata, log_ratio)[0] if strata else 0.0


def log_e_tails(strata: Sequence[Stratum[CappedMasses]], log_ratio: float) -> list[float]:
    """Return the log e-values of the strata from each one on, in order."""
    totals = np.zeros((len(strata), len(CENTRES), len(FRACTIONS)))
    for place, one in enumerate(strata):
        ours, theirs = _growth(one.share, log_ratio)
        totals[place] = ours @ np.array(one.canary.masses) + theirs @ np.array(one.stable.masses)
    tails = np.cumsum(totals[::-1], axis=0)[::-1].reshape(len(strata), -1)
    values: list[float] = log_mean(tails, np.full(tails.shape[1], -math.log(tails.shape[1]))).tolist()
    return values


@lru_cache(maxsize=MOST_KEPT)
def _growth(share: float, log_ratio: float) -> tuple[FloatArray, FloatArray]:
    """Return what a unit of the canary, and one of stable, adds to the log of the wealth: (centre, fraction, level)."""
    ratio, level = math.exp(log_ratio), np.linspace(0.0, 1.0, LEVELS)
    centres, fractions = np.array(CENTRES)[:, None, None], np.array(FRACTIONS)[None, :, None]
    centres = centres * max(1.0, ratio)
    # What the worst unit of either arm may take from a bet of 1.
    worst = np.maximum(centres / share, (ratio - centres) / (1.0 - share))
    bet = fractions / worst
    ours = np.log1p(bet * (level - centres) / share)
    return ours, np.log1p(-bet * (ratio * level - centres) / (1.0 - share))


def lower_bound(strata: Sequence[Stratum[CappedMasses]], level: float) -> float:
    """Return the log ratio that the true one is above with probability 1 - level, at all looks together."""
    return last_rejected(lambda at: log_e_above(strata, at), -math.log(level), -WIDEST, WIDEST)


def upper_bound(strata: Sequence[Stratum[CappedMasses]], level: float) -> float:
    """Return the log ratio that the true one is below with probability 1 - level, at all looks together."""
    return -lower_bound(swapped(strata), level)
