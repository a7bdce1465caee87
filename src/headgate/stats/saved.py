"""What saved results allow to be said of a ratio: bounds that count processes, not samples.

Samples of one process are not independent draws of what a launch of the program costs: heap layout, hash seed and
caches are drawn once per process. Where enough processes of each side are told apart, the inference runs over their
centres (`headgate.stats.rank_sum`). Otherwise the spread between processes is not in the data, and the interval takes
it from a model: the log ratio of two launches of identical code is Student-t with `DEGREES` degrees of freedom,
scaled by the largest of a floor (the machine's calibration, or `BETWEEN`) and the scatter that the run itself shows.

The constants were fitted on 26,890 pairs of launches of identical code by public continuous-integration runners
(django-asv: the two halves of one file's samples, five from each of two processes). They differ by 1.3 % (p50), 4.7 %
(p90), 13.7 % (p99); in calm runs by 1.1 %, 3.4 %, 9.4 %, which is `BETWEEN` and its tails. The model's bounds are
exceeded 0.3 times as often as their level says, from 1 % down to 0.02 %. Printed by benchmarks/studies/check_trials.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist, median
from typing import TYPE_CHECKING

from headgate.stats import rank_sum
from headgate.stats.noise import robust_scale
from headgate.stats.paired import log_quotient

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "BETWEEN",
    "BETWEEN_UNSEEN",
    "SideSummary",
    "between_reach",
    "between_scale",
    "estimate",
    "lower_bound",
    "process_counts_suffice",
    "session_reach",
    "summarize",
    "t3_quantile",
    "upper_bound",
]

# Scale of the log ratio of two launches of identical code where nothing better is known; see above.
BETWEEN = 0.017
# The same where the run's own scatter is not known either: fitted to calm and noisy runs together, from 2 % down to
# 0.04 % of |log ratio| (9.9 %, 21.7 % and 36 % at 2 %, 0.2 % and 0.04 %).
BETWEEN_UNSEEN = 0.022
# Tails of that log ratio. Fitted: 2.2 over all runs together, 3.4 once each run's own scatter scales it.
DEGREES = 3
# Scatter of single samples (log) where a file keeps none of it: pairs of short samples scatter 4-9 % on shared runners.
UNKNOWN_SCATTER = 0.09
# The standard error of a median over that of a mean, for a normal distribution.
MEDIAN_EFFICIENCY = math.sqrt(math.pi / 2.0)
# Between sessions (other day, perhaps another runner of the same name) the log ratio of adjacent commits has p90 0.34,
# p98 0.54, p99.8 0.72 (django-asv, n = 23,102) and 0.20, 0.43, 1.02 (kedro, n = 12,409): an exponential tail from the
# 90th percentile on, by so much for every factor of ten in probability, covers both.
SESSION_P90 = 0.34
SESSION_PER_DECADE = 0.40


@dataclass(frozen=True, slots=True)
class SideSummary:
    """One side of one benchmark, brought to numbers that can be compared.

    ``centre`` is in the benchmark's unit; ``processes`` has the centre of each process where the file tells them
    apart. ``scatter`` is the robust standard deviation of single samples (as log: 0.01 is 1 %) and ``error`` the
    standard error of log(centre) that follows from it; ``scatter`` is None where the file does not show any.
    """

    centre: float
    processes: tuple[float, ...] = ()
    scatter: float | None = None
    error: float = UNKNOWN_SCATTER

    @property
    def launches(self) -> int:
        """How many processes may be counted on: one, where the file does not tell."""
        return max(1, len(self.processes))


def summarize(
    value: float,
    samples: Sequence[float] = (),
    groups: Sequence[Sequence[float]] = (),
    *,
    interval: tuple[float, float, float] | None = None,
    stddev: float | None = None,
    count: int | None = None,
) -> SideSummary:
    """Return a side's summary from whatever its file kept; everything in the benchmark's unit.

    Parameters
    ----------
    value
        The tool's own summary; the centre where there are no samples.
    samples, groups
        All samples, and the same by process where that is known.
    interval
        The tool's interval: lower, upper and its confidence.
    stddev, count
        Of single samples.
    """
    processes = tuple(median(group) for group in groups if group)
    if processes:
        scatter = _pooled([scatter for group in groups if (scatter := _log_scatter(group)) is not None])
        error = MEDIAN_EFFICIENCY * (scatter or 0.0) / math.sqrt(sum(len(group) for group in groups))
        if scatter is None:  # one sample each, or none above zero: the processes' own scatter is all there is
            error = UNKNOWN_SCATTER / math.sqrt(len(processes))
        return SideSummary(median(processes), processes, scatter, error)
    if len(samples) > 1:
        scatter = _log_scatter(samples)
        if scatter is not None:
            return SideSummary(median(samples), (), scatter, MEDIAN_EFFICIENCY * scatter / math.sqrt(len(samples)))
    centre = median(samples) if samples else value
    return SideSummary(centre, (), None, _summary_error(centre, interval, stddev, count))


def _summary_error(
    centre: float, interval: tuple[float, float, float] | None, stddev: float | None, count: int | None
) -> float:
    """Return the standard error of log(centre) from a tool's summary; no scatter: a stray sample rules a stddev."""
    if centre > 0.0 and stddev is not None and count is not None and count > 1:
        return MEDIAN_EFFICIENCY * stddev / centre / math.sqrt(count)
    if interval is not None:
        lower, upper, confidence = interval
        if 0.0 < lower <= upper < math.inf and 0.0 < confidence < 1.0:
            return math.log(upper / lower) / (2.0 * NormalDist().inv_cdf(0.5 + confidence / 2.0))
    return UNKNOWN_SCATTER


def _log_scatter(samples: Sequence[float]) -> float | None:
    if len(samples) < 2 or min(samples) <= 0.0:
        return None
    return robust_scale([math.log(sample) for sample in samples])


def _pooled(scatters: Sequence[float]) -> float | None:
    return math.sqrt(sum(one * one for one in scatters) / len(scatters)) if scatters else None


def process_counts_suffice(baseline: SideSummary, candidate: SideSummary, level: float) -> bool:
    """Whether the processes told apart are enough for an exact test at ``level``; decided by their numbers alone."""
    return rank_sum.smallest_level(len(baseline.processes), len(candidate.processes)) <= level


def between_scale(baseline: SideSummary, candidate: SideSummary, floor: float, run_scatter: float) -> float:
    """Return the scale of the model's t distribution for the log ratio of the two centres.

    ``floor`` is the between-process scale of two single launches; ``run_scatter`` the scatter that is typical of the
    run. Centres of k launches are closer by the square root of k (tails of three degrees of freedom shrink faster). The
    larger of this and the error of the centres, not their sum: what was fitted has such errors in it.
    """
    launch = max(floor, run_scatter) * math.sqrt((1.0 / baseline.launches + 1.0 / candidate.launches) / 2.0)
    return max(launch, math.hypot(baseline.error, candidate.error))


def between_reach(scale: float, level: float) -> float:
    """Return how far the log ratio of identical code goes with the one-sided probability ``level``."""
    return scale * t3_quantile(level)


def session_reach(level: float) -> float:
    """Return how far two sessions of identical code differ (log), with the one-sided probability ``level``."""
    return max(0.0, SESSION_P90 + SESSION_PER_DECADE * math.log10(0.1 / (2.0 * level)))


def lower_bound(
    baseline: SideSummary, candidate: SideSummary, level: float, *, scale: float | None, session: bool
) -> float:
    """Return the one-sided lower bound of log(candidate / baseline) at error ``level``.

    ``scale`` is `between_scale`, or None to infer from the processes; with ``session`` the sides come from different
    sessions, and each of the two sources of error gets half of the level.
    """
    own = level / 2.0 if session else level
    if scale is None:
        bound = rank_sum.shift_lower(_logs(baseline), _logs(candidate), own)
    else:
        bound = log_quotient(candidate.centre, baseline.centre) - between_reach(scale, own)
    return bound - session_reach(own) if session else bound


def upper_bound(
    baseline: SideSummary, candidate: SideSummary, level: float, *, scale: float | None, session: bool
) -> float:
    """Return the one-sided upper bound of log(candidate / baseline) at error ``level``; see `lower_bound`."""
    return -lower_bound(candidate, baseline, level, scale=scale, session=session)


def estimate(baseline: SideSummary, candidate: SideSummary, *, scale: float | None) -> float:
    """Return the log ratio itself: the Hodges-Lehmann shift of the processes, or that of the centres."""
    if scale is None:
        return rank_sum.shift(_logs(baseline), _logs(candidate))
    return log_quotient(candidate.centre, baseline.centre)


def _logs(side: SideSummary) -> tuple[float, ...]:
    return tuple(math.log(centre) for centre in side.processes)


@lru_cache(maxsize=4096)
def t3_quantile(level: float) -> float:
    """Return the upper quantile of Student's t with three degrees of freedom, 0 < ``level`` <= 0.5.

    By bisection on its closed-form tail: (arctan(1/u) - u/(1 + u^2)) / pi, with u = t / sqrt(3).
    """
    low, high = 0.0, 1.0
    while _t3_tail(high) > level:
        high *= 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _t3_tail(middle) > level else (low, middle)
    return high


def _t3_tail(t: float) -> float:
    u = t / math.sqrt(DEGREES)
    if u > 100.0:  # the difference below would cancel; its series does not
        return (2.0 / (3.0 * u**3) - 4.0 / (5.0 * u**5)) / math.pi
    return (math.pi / 2.0 - math.atan(u) - u / (1.0 + u * u)) / math.pi
