"""Ratio of two event rates, from how the events split between the arms.

Units come to the canary with a known probability, the share. Then each event is the canary's with probability
``share * r / (1 - share + share * r)``, r being the ratio of the rates, whatever the rate itself is and however it
changes with time (Lindon & Malek 2022, section 3.3). The likelihood ratio of one r against the boundary is a test
martingale at the boundary and a supermartingale below it; a ladder mixes them. Valid from the first event.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from headgate.stats.mixtures import last_rejected, log_mean, swapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.stats.mixtures import Ladder, Stratum

__all__ = ["RateCounts", "estimate", "log_e_above", "log_e_tails", "lower_bound", "upper_bound"]

FloatArray = npt.NDArray[np.float64]

# Log ratios beyond which no bound is looked for: a factor of e**12 = 160,000.
WIDEST = 12.0
# Claims whose `_growth` is kept: a release asks the same few of every batch that it folds.
MOST_KEPT = 256


@dataclass(frozen=True, slots=True)
class RateCounts:
    """Units seen, and how many of them had the event."""

    units: int
    events: int

    def __add__(self, other: RateCounts) -> RateCounts:
        """Return both together."""
        return RateCounts(self.units + other.units, self.events + other.events)

    def problem(self) -> str:
        """Return what is impossible about the counts, or ''."""
        if self.units < 0 or self.events < 0:
            return f"a count is negative (units {self.units}, events {self.events})"
        return f"{self.events} events of {self.units} units" if self.events > self.units else ""

    @property
    def value(self) -> float:
        """Events per unit; NaN without units."""
        return self.events / self.units if self.units else math.nan


def log_e_above(strata: Sequence[Stratum[RateCounts]], log_ratio: float, ladder: Ladder) -> float:
    """Return the log e-value against "the ratio of the rates is at most exp(log_ratio)".

    The likelihood is a product over the strata, each with its own share; the ladder mixes over the ratio.
    """
    return log_e_tails(strata, log_ratio, ladder)[0] if strata else 0.0


def log_e_tails(strata: Sequence[Stratum[RateCounts]], log_ratio: float, ladder: Ladder) -> list[float]:
    """Return the log e-values of the strata from each one on, in order."""
    totals = np.zeros((len(strata), len(ladder.steps)))
    for place, one in enumerate(strata):
        ours, theirs = one.canary.events, one.stable.events
        if not ours + theirs:
            continue
        growth = _growth(one.share, log_ratio, ladder)
        totals[place] = ours * growth[0] + theirs * growth[1]
    tails = np.cumsum(totals[::-1], axis=0)[::-1]
    values: list[float] = log_mean(tails, np.array(ladder.log_weights)).tolist()
    return values


@lru_cache(maxsize=MOST_KEPT)
def _growth(share: float, log_ratio: float, ladder: Ladder) -> tuple[FloatArray, FloatArray]:
    """Return what an event of the canary, and one of stable, adds to each log likelihood ratio of the ladder."""
    null = _log_split(share, np.array([log_ratio]))
    alternative = _log_split(share, log_ratio + np.array(ladder.steps))
    return alternative[0] - null[0], alternative[1] - null[1]


def lower_bound(strata: Sequence[Stratum[RateCounts]], level: float, ladder: Ladder) -> float:
    """Return the log ratio that the true one is above with probability 1 - level, at all looks together."""
    return last_rejected(lambda at: log_e_above(strata, at, ladder), -math.log(level), -WIDEST, WIDEST)


def upper_bound(strata: Sequence[Stratum[RateCounts]], level: float, ladder: Ladder) -> float:
    """Return the log ratio that the true one is below with probability 1 - level, at all looks together."""
    return -lower_bound(swapped(strata), level, ladder)


def estimate(strata: Sequence[Stratum[RateCounts]]) -> float:
    """Return the ratio of the rates that makes the splits likeliest; NaN without events, inf without stable's."""
    events = [(one.share, one.canary.events, one.stable.events) for one in strata]
    if not sum(ours + theirs for _, ours, theirs in events):
        return math.nan
    if not sum(theirs for _, _, theirs in events):
        return math.inf
    # The canary's share of the events, minus what the ratio expects, falls in the ratio: where it is 0.
    low, high = -WIDEST, WIDEST
    for _ in range(60):
        middle = 0.5 * (low + high)
        surplus = sum(a - (a + b) * math.exp(_log_split(s, np.array([middle]))[0][0]) for s, a, b in events)
        low, high = (middle, high) if surplus > 0.0 else (low, middle)
    return math.exp(low) if low > -WIDEST else 0.0


def _log_split(share: float, log_ratio: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the log probabilities that an event is the canary's and stable's."""
    ours = math.log(share) + log_ratio
    theirs = math.log1p(-share)
    total = np.logaddexp(ours, theirs)
    return ours - total, theirs - total
