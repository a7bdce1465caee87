"""Which looks of a simulated release can decide nothing, told at a small part of a decision's cost.

A look is left to the gate (`headgate.gates.canary.decide`) unless this shows that it cannot change the release's state:
no e-value can have reached its threshold. Rates, means and capped means are the gate's own tests. Of a quantile, which
is a minimum over thresholds, only a few of the thresholds are tried: that is never below the gate's value, so no
decision is missed, and what passes the screen is decided by the gate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from headgate.gates.canary_evidence import grid_of
from headgate.model import Direction
from headgate.stats.mixtures import log_mean_over_starts
from headgate.stats.quantiles import log_e_counts

if TYPE_CHECKING:
    from headgate.gates.canary_policy import Metric
    from headgate.stats.quantiles import Grid

__all__ = ["QuantileScreen"]

FloatArray = npt.NDArray[np.float64]

# Thresholds tried of those between the arms' quantiles, where the minimum mostly lies.
TRIED = 9
_PARTS = np.arange(TRIED)


class QuantileScreen:
    """Upper bounds on a quantile metric's two log e-values, stage by stage.

    Parameters
    ----------
    metric
        Of kind quantile.
    starts
        How many stages the policy has.
    """

    def __init__(self, metric: Metric, starts: int) -> None:
        self._grid: Grid = grid_of(metric)
        self._quantile = metric.quantile or 0.0
        self._up = metric.direction is Direction.LOWER
        self._starts = starts
        step = self._grid.log_step
        # As the gate rounds them: upwards, to the harder claim.
        self._halting = math.ceil(math.log1p(metric.tolerance) / step - 1e-9)
        self._passing = [
            math.ceil(-math.log1p(margin) / step - 1e-9) for margin in map(metric.margin_at, range(starts))
        ]
        self._worse: list[float] = []
        # By the margin that a later stage asks of them: the factors of the stages that have ended.
        self._within: dict[int, list[float]] = {steps: [] for steps in self._passing}

    def worse(self, canary: FloatArray, stable: FloatArray) -> float:
        """Return a bound on the log e-value for halting; ``canary`` and ``stable`` are the stage's cells: (cells,)."""
        present = self._stage(canary, stable, self._halting, halting=True)
        return log_mean_over_starts([*self._worse, present], self._starts)

    def within(self, canary: FloatArray, stable: FloatArray) -> float:
        """Return a bound on the log e-value for passing the present stage, at its margin."""
        steps = self._passing[len(self._worse)]
        present = self._stage(canary, stable, steps, halting=False)
        return log_mean_over_starts([*self._within[steps], present], self._starts)

    def end_stage(self, canary: FloatArray, stable: FloatArray) -> None:
        """Keep the stage that has ended with these cells."""
        self._worse.append(self._stage(canary, stable, self._halting, halting=True))
        for steps, factors in self._within.items():
            factors.append(self._stage(canary, stable, steps, halting=False))

    def _stage(self, canary: FloatArray, stable: FloatArray, steps: int, *, halting: bool) -> float:
        """Return the stage's factor, minimised over a few thresholds only."""
        slow, fast = (canary, stable) if halting is self._up else (stable, canary)
        # Counts at or below each edge; before the first edge lies nobody, beyond the last everybody.
        below = np.concatenate([[0.0], np.cumsum(fast)[:-1]])
        at_most = np.cumsum(slow)
        units, last = (int(fast.sum()), int(at_most[-1])), below.size - 1
        ends = [
            int(np.searchsorted(below, self._quantile * units[0])),
            int(np.searchsorted(at_most, self._quantile * units[1])) - steps,
        ]
        first, span = min(ends) - 1, max(ends) - min(ends) + 2
        tried = np.minimum(np.maximum(first + _PARTS * span // (TRIED - 1), 0), last)
        reach = np.minimum(np.maximum(tried + steps, 0), last)
        faster = log_e_counts(below[tried], units[0], self._quantile, more=True)
        slower = log_e_counts(at_most[reach], units[1], self._quantile, more=False)
        return float((faster + slower).min())
