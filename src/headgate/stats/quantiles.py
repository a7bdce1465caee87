"""Ratio of a quantile between the arms, by the composite test over thresholds.

If the canary's p-quantile is at most c times stable's, there is a threshold x (stable's quantile) with at most p of
stable below x and at least p of the canary at or below c*x. For every x the two counts give one e-value each; their
product, minimised over x, is an e-value for the whole claim (Howard & Ramdas 2022, theorem 5). Nothing is assumed of
the distributions; units are independent and alike within a stage. Across stages the products are mixed over starts, so
that a level that differs by stage (the time of day) is no evidence.

The state is a histogram over a geometric grid registered with the plan. The minimum over the x within a cell is bounded
from below by the counts at its edges: the grid costs power (up to one cell of the margin), never validity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from headgate.stats.mixtures import log_mean, log_mean_over_starts, swapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from headgate.stats.mixtures import Stratum

__all__ = [
    "Grid",
    "Histogram",
    "log_e_above",
    "log_e_counts",
    "log_e_tails",
    "lower_bound",
    "quantile_of",
    "upper_bound",
]

# Steps of the log odds, of being below the threshold, that each arm's test mixes; equal weights.
STEPS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
# Weight of betting nothing: where an arm has no say its factor cannot fall below this, however large the arm grows.
IDLE = 0.2
_LOG_WEIGHTS = np.log(np.array([(1.0 - IDLE) / len(STEPS)] * len(STEPS) + [IDLE]))
# Thresholds tried for a bound.
FEW = 9
# What two ways of reckoning one log e-value may differ by: much more than they do.
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Grid:
    """Thresholds ``low * step**i`` up to the first at or above ``high``; a margin is a whole number of steps."""

    low: float
    high: float
    margin: float
    resolution: int

    @property
    def log_step(self) -> float:
        """Log of the ratio of neighbouring thresholds."""
        return math.log1p(self.margin) / self.resolution

    @property
    def cells(self) -> int:
        """Number of cells, with the one at or below the first threshold and the one above the last."""
        return math.ceil(math.log(self.high / self.low) / self.log_step - 1e-9) + 2

    def thresholds(self) -> npt.NDArray[np.float64]:
        """Return the thresholds, ascending: shape (cells - 1,)."""
        edges: npt.NDArray[np.float64] = self.low * np.exp(self.log_step * np.arange(self.cells - 1))
        return edges

    def histogram(self, values: Iterable[float]) -> Histogram:
        """Count values (one per unit) into the cells; cell i holds those above threshold i - 1 and at most i.

        Raises
        ------
        ValueError
            A value is NaN.
        """
        data = np.asarray(tuple(values), dtype=np.float64)
        if np.isnan(data).any():
            raise ValueError("a value is NaN: it has no place among the thresholds")
        cells, counts = np.unique(np.searchsorted(self.thresholds(), data, side="left"), return_counts=True)
        return Histogram(int(data.size), dict(zip(cells.tolist(), counts.tolist(), strict=True)))


@dataclass(frozen=True, slots=True)
class Histogram:
    """Units seen, and how many of them fell into each cell of the grid; empty cells may be left out."""

    units: int
    cells: Mapping[int, int] = field(default_factory=dict)

    def __add__(self, other: Histogram) -> Histogram:
        """Return both together."""
        cells = dict(self.cells)
        for cell, count in other.cells.items():
            cells[cell] = cells.get(cell, 0) + count
        return Histogram(self.units + other.units, dict(sorted(cells.items())))

    def problem(self) -> str:
        """Return what is impossible about the counts, or ''."""
        if self.units < 0 or min(self.cells.values(), default=0) < 0:
            return "a count is negative"
        counted = sum(self.cells.values())
        return "" if counted == self.units else f"the cells hold {counted} of {self.units} units"

    def cumulative(self, grid: Grid) -> npt.NDArray[np.float64]:
        """Return how many units lie at or below each threshold: shape (grid.cells - 1,)."""
        counts = np.zeros(grid.cells)
        counts[np.fromiter(self.cells.keys(), np.intp, len(self.cells))] = list(self.cells.values())
        total: npt.NDArray[np.float64] = np.cumsum(counts)[:-1]
        return total


def log_e_counts(below: npt.NDArray[np.float64], units: int, quantile: float, *, more: bool) -> npt.NDArray[np.float64]:
    """Return the log e-values against "at most (``more``; else at least) ``quantile`` lie below", from counts below."""
    log_in, log_out = _growth(quantile, more)
    count = np.asarray(below)[..., None]
    grown = count * log_in + (units - count) * log_out
    values = np.concatenate([grown, np.zeros((*grown.shape[:-1], 1))], axis=-1)
    return log_mean(values, _LOG_WEIGHTS)


@lru_cache(maxsize=64)
def _growth(quantile: float, more: bool) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return what a unit below the threshold, and one above it, adds at each of `STEPS`."""
    odds = math.log(quantile / (1.0 - quantile)) + (1.0 if more else -1.0) * np.array(STEPS)
    log_in, log_out = -np.logaddexp(0.0, -odds), -np.logaddexp(0.0, odds)
    return log_in - math.log(quantile), log_out - math.log1p(-quantile)


def log_e_above(
    strata: Sequence[Stratum[Histogram]],
    grid: Grid,
    quantile: float,
    steps: int,
    starts: int | None = None,
    *,
    least: float = -math.inf,
) -> float:
    """Return the log e-value against "the canary's quantile is at most stable's, times ``steps`` steps of the grid".

    Parameters
    ----------
    strata : sequence of Stratum
        In the order of the stages.
    grid : Grid
        The histograms' grid.
    quantile : float
        Which, in (0, 1).
    steps : int
        Log of the ratio, in steps of the grid; may be negative.
    starts : int, optional
        How many stages there may be; the number of strata if left out.
    least : float, optional
        What only matters if it is exceeded: an e-value that is not may come out larger, up to this, at a small part of
        the work.
    """
    count = max(1, len(strata), starts or 0)
    if least > -math.inf:
        bound = log_mean_over_starts([_glance(one, grid, quantile, steps) for one in strata], count)
        if bound > least - ROUNDING:
            bound = log_mean_over_starts([_stage(one, grid, quantile, steps, few=True) for one in strata], count)
        if bound <= least:
            return bound
    return log_mean_over_starts([_stage(one, grid, quantile, steps) for one in strata], count)


def log_e_tails(strata: Sequence[Stratum[Histogram]], grid: Grid, quantile: float, steps: int) -> list[float]:
    """Return the log e-values of the strata from each one on, in order."""
    factors = [_stage(one, grid, quantile, steps) for one in strata]
    return [math.fsum(factors[start:]) for start in range(len(factors))]


def _stage(one: Stratum[Histogram], grid: Grid, quantile: float, steps: int, *, few: bool = False) -> float:
    """Return a stage's factor, the least over all thresholds; over a few of them it is never smaller."""
    ours, theirs = one.canary.cumulative(grid), one.stable.cumulative(grid)
    last = ours.size
    # The threshold x lies above edge j and at or below edge j + 1, for j from -1 (before the first) to the last edge.
    below = np.concatenate([[0.0], theirs])  # of stable, surely below x
    reach = np.clip(np.arange(last + 1) + steps, 0, last)  # the edge at or above x times the ratio; `last`: none is
    reach[last] = last  # above the last edge x has no bound, nor has x times any ratio
    at_most = np.concatenate([ours, [float(one.canary.units)]])[reach]  # of the canary, possibly at or below it
    if few:  # between the arms' quantiles, where the least one mostly lies
        ends = (
            int(np.searchsorted(below, quantile * one.stable.units)),
            int(np.searchsorted(at_most, quantile * one.canary.units)),
        )
        tried = np.clip(np.linspace(min(ends) - 1, max(ends) + 1, FEW).astype(np.intp), 0, last)
        below, at_most = below[tried], at_most[tried]
    faster = log_e_counts(below, one.stable.units, quantile, more=True)
    slower = log_e_counts(at_most, one.canary.units, quantile, more=False)
    return float((faster + slower).min())


def _glance(one: Stratum[Histogram], grid: Grid, quantile: float, steps: int) -> float:
    """Return a stage's factor at one threshold, where stable's quantile lies: like `_stage`, but for the last bits.

    It is never smaller than the least over all thresholds. No arrays: of most batches that are folded this is all.
    """
    last, due = grid.cells - 1, quantile * one.stable.units
    below = edge = 0
    for edge, count in sorted(one.stable.cells.items()):  # noqa: B007 -- it ends at the quantile's cell
        if below + count > due:
            break
        below += count
    reach = last if edge == last else min(max(edge + steps, 0), last)
    at_most = sum(count for cell, count in one.canary.cells.items() if cell <= reach)
    faster = _log_e_count(below, one.stable.units, quantile, more=True)
    return faster + _log_e_count(at_most, one.canary.units, quantile, more=False)


def _log_e_count(below: int, units: int, quantile: float, *, more: bool) -> float:
    log_in, log_out = _growth(quantile, more)
    terms = [below * one + (units - below) * two for one, two in zip(log_in.tolist(), log_out.tolist(), strict=True)]
    terms = [*(term + _LOG_WEIGHTS[0] for term in terms), _LOG_WEIGHTS[-1]]
    most = max(terms)
    return float(most + math.log(sum(math.exp(term - most) for term in terms)))


def lower_bound(
    strata: Sequence[Stratum[Histogram]], grid: Grid, quantile: float, level: float, starts: int | None = None
) -> float:
    """Return the log ratio that the true one is above with probability 1 - level, at all looks together."""
    low, high = -grid.cells, grid.cells  # log_e falls in the steps: the last that is rejected, by bisection
    threshold = -math.log(level)
    if log_e_above(strata, grid, quantile, low, starts) < threshold:
        return -math.inf
    while high - low > 1:
        middle = (low + high) // 2
        if log_e_above(strata, grid, quantile, middle, starts) >= threshold:
            low = middle
        else:
            high = middle
    return low * grid.log_step


def upper_bound(
    strata: Sequence[Stratum[Histogram]], grid: Grid, quantile: float, level: float, starts: int | None = None
) -> float:
    """Return the log ratio that the true one is below with probability 1 - level, at all looks together."""
    return -lower_bound(swapped(strata), grid, quantile, level, starts)


def quantile_of(counts: Histogram, grid: Grid, quantile: float) -> float:
    """Return the threshold at or below which ``quantile`` of the units lie: inf above the grid, NaN without units."""
    if not counts.units:
        return math.nan
    edge = int(np.searchsorted(counts.cumulative(grid), quantile * counts.units, side="left"))
    edges = grid.thresholds()
    return float(edges[edge]) if edge < edges.size else math.inf
