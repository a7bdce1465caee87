"""From the samples of one round to one number: the log ratio of the two sides.

The round (a process pair), not the pair of samples, is the unit of replication: two launches of identical code differ
by more than the samples within them, so samples only sharpen the one number each round contributes (Kalibera & Jones
2013, "Rigorous benchmarking in reasonable time").
"""

from __future__ import annotations

import math
import sys
from statistics import fmean, median
from typing import TYPE_CHECKING

from headgate.model import Direction, Round

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "LOWER_SHARE",
    "log_quotient",
    "log_ratio",
    "low_mean",
    "lower_ratio",
    "ratio_of",
    "side_median",
    "upper_ratio",
]

# A sample is only ever disturbed upwards (preemption, interrupts, a neighbour's cache misses), so the centre of a side
# is the mean of its lowest samples. Half of them: fewer is a little less noisy on a loaded machine, but a change that
# slows only some of the calls must still be seen. Figures in docs/decisions/0002-sequential-method.md.
LOWER_SHARE = 0.5
# The largest log ratio that is told as a ratio: e**690 is 1e299, which times 100 (per cent) still is a number to JSON.
MOST_LOG = 690.0


def low_mean(samples: Sequence[float], share: float = LOWER_SHARE) -> float:
    """Return the mean of the lowest ``share`` of ``samples`` (at least one of them)."""
    ordered = sorted(samples)
    return fmean(ordered[: max(1, math.ceil(share * len(ordered)))])


def log_ratio(round_: Round, direction: Direction = Direction.LOWER) -> float:
    """Return log(candidate / baseline) of one round, turned so that positive means worse.

    Both sides zero is a ratio of one. NaN where the ratio does not exist (a negative number, or zero on one side
    only): the caller must treat that as no evidence.
    """
    if not round_.baseline or not round_.candidate:
        return math.nan
    if direction is Direction.HIGHER:
        baseline, candidate = -low_mean([-v for v in round_.candidate]), -low_mean([-v for v in round_.baseline])
    else:
        baseline, candidate = low_mean(round_.baseline), low_mean(round_.candidate)
    if baseline == candidate == 0.0:
        return 0.0
    if not (baseline > 0.0 and candidate > 0.0 and math.isfinite(baseline) and math.isfinite(candidate)):
        return math.nan
    return log_quotient(candidate, baseline)


def log_quotient(candidate: float, baseline: float) -> float:
    """Return log(candidate / baseline) of positive numbers, also where the quotient itself is no normal float."""
    quotient = candidate / baseline
    if sys.float_info.min <= quotient < math.inf:
        return math.log(quotient)
    return math.log(candidate) - math.log(baseline)


def ratio_of(log: float) -> float:
    """Return the ratio of a log ratio, at most ``MOST_LOG`` from one either way."""
    return math.exp(min(max(log, -MOST_LOG), MOST_LOG))


def lower_ratio(log: float) -> float | None:
    """Return a lower bound as a ratio; None where it is no bound that could be told."""
    return ratio_of(log) if log >= -MOST_LOG else None


def upper_ratio(log: float) -> float | None:
    """Return an upper bound as a ratio; None where it is no bound that could be told."""
    return ratio_of(log) if log <= MOST_LOG else None


def side_median(rounds: Sequence[Round], *, candidate: bool) -> float:
    """Return the median over rounds of a side's centre, in the benchmark's unit: what a table prints."""
    return median(low_mean(round_.candidate if candidate else round_.baseline) for round_ in rounds)
