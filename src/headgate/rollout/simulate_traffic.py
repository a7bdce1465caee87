"""What a simulated release is made of: the units that come, what each arm's metrics are like, and when one looks.

A metric of one arm is a finite population: values with their probabilities. A batch of n units is one multinomial draw
from it, so a batch of a million units costs what one of a hundred does. Metrics are drawn independently of each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from headgate.errors import UsageError
from headgate.gates.canary_evidence import grid_of
from headgate.gates.canary_plan import is_all_or_nothing
from headgate.stats.capped import LEVELS, CappedMasses, factor_to, masses_of
from headgate.stats.means import Sums
from headgate.stats.quantiles import Histogram
from headgate.stats.rates import RateCounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headgate.gates.canary_evidence import Counts
    from headgate.gates.canary_plan import Assumption
    from headgate.gates.canary_policy import Metric

__all__ = ["Population", "Traffic", "looks", "recorded_population", "synthetic_population"]

FloatArray = npt.NDArray[np.float64]

# Points that stand for a lognormal distribution, evenly spaced in its logarithm over so many standard deviations.
POINTS = 401
REACH = 6.0
# Recorded values kept of one metric: of more, as many evenly spaced quantiles.
MOST_VALUES = 4_000
# A cell less likely than this is left out of a histogram's draws: it costs time and is never seen.
LEAST_LIKELY = 1e-12


@dataclass(frozen=True, slots=True)
class Traffic:
    """How units come and how often one looks.

    Attributes
    ----------
    units_per_second
        New live units (stable and canary together), a Poisson process.
    every
        Seconds between looks, at first.
    growth
        A look comes no sooner than this part of the time since the stage began: with 0.1, after 100 minutes every 10.
    most_seconds
        When one gives up on a release that has neither passed nor been halted.
    """

    units_per_second: float
    every: float = 60.0
    growth: float = 0.1
    most_seconds: float = 30 * 86_400.0

    def __post_init__(self) -> None:
        """Check every number; raises UsageError."""
        for key in ("units_per_second", "every", "most_seconds"):
            value = getattr(self, key)
            if not 0.0 < value < math.inf:
                raise UsageError(f"traffic: {key}: {value!r} will not do: expected a finite number above 0")
        if not 0.0 <= self.growth <= 1.0:
            raise UsageError(f"traffic: growth: {self.growth!r} will not do: expected a number from 0 to 1")


def looks(traffic: Traffic, dwell_seconds: float) -> Iterator[float]:
    """Yield the seconds since the stage began at which one looks, rising; the end of the dwell time is one of them."""
    now = 0.0
    while True:
        then = now + max(traffic.every, traffic.growth * now)
        now = dwell_seconds if now < dwell_seconds < then else then
        yield now


@dataclass(frozen=True, slots=True)
class Population:
    """One metric in one arm, ready to be drawn from.

    Attributes
    ----------
    metric
        Which.
    probabilities
        Of each value, summing to 1: shape (k,).
    columns
        What one unit of each value adds to the counts: shape (k, c); empty for a histogram, whose values are its cells.
    cells
        Of a histogram: the cell of each value, shape (k,).
    width
        Length of a vector of counts.
    """

    metric: Metric
    probabilities: FloatArray
    columns: FloatArray
    cells: npt.NDArray[np.int64]
    width: int

    def draw(self, rng: np.random.Generator, units: int) -> FloatArray:
        """Return what ``units`` units add to the counts, as a vector that `counts` reads."""
        if self.metric.kind == "rate":
            return np.array([rng.binomial(units, self.probabilities[1])], np.float64)
        drawn = rng.multinomial(units, self.probabilities)
        added: FloatArray
        if self.metric.kind == "quantile":
            added = np.zeros(self.width)
            added[self.cells] = drawn
        else:
            added = drawn @ self.columns
        return added

    def counts(self, units: int, vector: FloatArray) -> Counts:
        """Return the counts of ``units`` units from the sum of their vectors."""
        if self.metric.kind == "rate":
            return RateCounts(units, int(vector[0]))
        if self.metric.kind == "quantile":
            seen = np.flatnonzero(vector)
            return Histogram(units, dict(zip(seen.tolist(), vector[seen].astype(int).tolist(), strict=True)))
        if self.metric.cap is not None:
            return CappedMasses(units, tuple(vector.tolist()))
        return Sums(units, *vector.tolist())


def synthetic_population(metric: Metric, given: Assumption, effect: float = 1.0) -> Population:
    """Return a metric as assumed, times ``effect``: a rate as it is, a success rate of units, anything else lognormal.

    Raises
    ------
    UsageError
        A rate above 1.
    """
    if metric.kind == "rate":
        return _rate(metric, given.value * effect)
    if metric.kind == "quantile":
        normal = NormalDist()
        centre = math.log(given.value * effect) - given.scatter * normal.inv_cdf(metric.quantile or 0.5)
        edges = (math.log(edge) for edge in grid_of(metric).thresholds().tolist())
        below = np.array([0.0, *(normal.cdf((edge - centre) / given.scatter) for edge in edges), 1.0])
        return _histogram(metric, np.diff(below), np.arange(below.size - 1))
    if metric.cap is not None and is_all_or_nothing(metric, given):
        return _success(metric, given.value / metric.cap * effect)
    width = math.sqrt(math.log1p(given.scatter**2))
    points = np.linspace(-REACH, REACH, POINTS)
    probabilities = np.exp(-0.5 * points * points)
    probabilities /= probabilities.sum()
    values = np.exp(width * points)
    values *= _factor(metric, values, probabilities, given.value * effect)
    return _values(metric, values, np.ones_like(values), probabilities)


def recorded_population(metric: Metric, values: Sequence[Any], effect: float = 1.0) -> Population:
    """Return a metric as recorded, one value per unit, times ``effect``; of rates and success rates the share is.

    Parameters
    ----------
    metric
        Of kind rate the values are truths, of kind ratio pairs (y, x), else numbers.
    values
        At least one.
    effect
        What the metric is multiplied by, and with it the values (of a ratio y; below a cap by more, for it cuts them).

    Raises
    ------
    UsageError
        There is no value, or a rate would be above 1.
    """
    if not values:
        raise UsageError(f"metric {metric.name!r}: no value was recorded; give its value instead")
    if metric.kind == "rate":
        return _rate(metric, sum(1 for value in values if value) / len(values) * effect)
    if metric.kind == "quantile":
        counted = grid_of(metric).histogram(float(value) * effect for value in values)
        cells = np.array(sorted(counted.cells))
        return _histogram(metric, np.array([counted.cells[cell] for cell in cells.tolist()]) / counted.units, cells)
    if metric.cap is not None and all(value in (0, metric.cap) for value in values):
        return _success(metric, sum(1 for value in values if value) / len(values) * effect)
    pairs = sorted(_thinned([value if metric.kind == "ratio" else (value, 1.0) for value in values]))
    y, x = (np.array([float(pair[place]) for pair in pairs]) for place in (0, 1))
    even = np.full(len(pairs), 1.0 / len(pairs))
    if metric.cap is not None:
        effect = _factor(metric, y, even, effect * float(even @ np.minimum(y, metric.cap)))
    return _values(metric, y * effect, x, even)


def _factor(metric: Metric, values: FloatArray, probabilities: FloatArray, mean: float) -> float:
    """Return what the values are multiplied by so that the metric, which counts them up to its cap, is ``mean``."""
    if metric.cap is None:
        return mean / float(probabilities @ values)
    try:
        return factor_to(values, probabilities, metric.cap, mean)
    except ValueError as error:
        raise UsageError(f"metric {metric.name!r}: {error}; give a smaller effect") from None


def _thinned(values: list[Any]) -> list[Any]:
    if len(values) <= MOST_VALUES:
        return values
    ordered = sorted(values)
    step = (len(ordered) - 1) / (MOST_VALUES - 1)
    return [ordered[round(place * step)] for place in range(MOST_VALUES)]


def _rate(metric: Metric, rate: float) -> Population:
    if not 0.0 <= rate <= 1.0:
        raise UsageError(
            f"--effect: metric {metric.name!r}: a rate of {rate:g} is more than every unit; give a smaller effect"
        )
    return Population(metric, np.array([1.0 - rate, rate]), np.empty((0, 0)), np.empty(0, np.int64), 1)


def _success(metric: Metric, rate: float) -> Population:
    # A success rate gets worse as more units fail, not as each succeeds a little less.
    if not 0.0 <= rate <= 1.0:
        raise UsageError(
            f"--effect: metric {metric.name!r}: more than every unit ({rate:g}) cannot succeed; give a smaller effect"
        )
    values = np.array([0.0, metric.cap or 0.0])
    return _values(metric, values, np.ones(2), np.array([1.0 - rate, rate]))


def _histogram(metric: Metric, probabilities: FloatArray, cells: npt.NDArray[np.int64]) -> Population:
    likely = probabilities > LEAST_LIKELY
    kept = probabilities[likely]
    return Population(metric, kept / kept.sum(), np.empty((0, 0)), cells[likely], grid_of(metric).cells)


def _values(metric: Metric, y: FloatArray, x: FloatArray, probabilities: FloatArray) -> Population:
    if metric.cap is not None:
        columns = np.zeros((y.size, LEVELS))
        for place, value in enumerate(y.tolist()):
            columns[place] = masses_of([value], metric.cap).masses
    else:
        columns = np.column_stack([y, y * y, x, x * x, x * y])
    return Population(metric, probabilities, columns, np.empty(0, np.int64), columns.shape[1])
