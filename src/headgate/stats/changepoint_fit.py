"""Where the level of a series may have changed: a robust piecewise-constant fit, by dynamic programming.

The fit minimises ``sum(min(((y - level) / scale)**2, CAP)) + PENALTY * log(n) * changes``. The bounded loss makes a few
wild values cheaper to ignore than to follow (Fearnhead & Rigaill 2019, "Changepoint detection in the presence of
outliers"); levels come from a grid, which makes the minimum exact on it in O(n x levels) steps (Viterbi). What is found
here are candidates: `headgate.stats.changepoint` decides which of them are changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

__all__ = ["bounded_loss", "fit_changes", "noise_scale", "refined"]

# A value further than three standard deviations from its level is an outlier (Fearnhead & Rigaill, section 5).
CAP = 9.0
# The Schwarz criterion's price of a change, its place and its level: two parameters, each log(n).
PENALTY = 2.0
# Levels this fraction of the noise apart cost next to nothing: at most (1/8)**2 of a unit of loss a value.
GRID_STEP = 0.25
# Memory and time stay linear in the series' length even where it spans decades.
MAX_LEVELS = 300
# The running median whose values are the candidate levels.
MEDIAN_WINDOW = 5
# A logarithm's resolution: differences of a hundredth of a per cent are rounding, not noise.
LEAST_SCALE = 1e-4
# |difference of two normal values|: quantiles 1/2 and 3/4, in standard deviations of one value.
_QUANTILES = ((0.5, 0.953873), (0.75, 1.626835))
# Few values say nothing of their scatter below this many differences.
_FEW = 2


def noise_scale(y: FloatArray) -> float:
    """Return the standard deviation of ``y`` (n,) about its level, whatever its changes: from successive differences.

    The larger of two robust estimates: the median of the differences alone is blind to a second mode.
    """
    if y.size < _FEW:
        return LEAST_SCALE
    steps = np.abs(np.diff(y))
    return max(LEAST_SCALE, *(float(np.quantile(steps, at)) / width for at, width in _QUANTILES))


def bounded_loss(y: FloatArray, level: float, scale: float, cap: float = CAP) -> FloatArray:
    """Return the loss of each value of ``y`` about ``level``: its squared distance in ``scale``, at most ``cap``."""
    loss: FloatArray = np.minimum(((y - level) / scale) ** 2, cap)
    return loss


def fit_changes(y: FloatArray, scale: float) -> list[int]:
    """Return where new levels begin in ``y`` (n,): ascending indices between 1 and n - 1."""
    if y.size < _FEW:
        return []
    levels = _levels(y, scale)
    if levels.size == 1:
        return []
    loss = np.minimum(((y[:, None] - levels) / scale) ** 2, CAP)
    price = PENALTY * np.log(y.size)
    switched = np.zeros(loss.shape, dtype=bool)
    origin = np.zeros(y.size, dtype=np.intp)
    cost = loss[0]
    for index in range(1, y.size):
        origin[index] = cost.argmin()
        dear = cost[origin[index]] + price
        np.greater(cost, dear, out=switched[index])
        cost = np.minimum(cost, dear) + loss[index]
    return _traced(int(cost.argmin()), switched, origin)


def refined(y: FloatArray, starts: Sequence[int], scale: float, margin: int) -> list[int]:
    """Return ``starts`` moved to where the loss is least given the medians on both sides.

    Neighbours stay ``margin`` values apart; a start that has no room left between its neighbours is dropped.
    """
    moved: list[int] = []
    ends = [*starts, y.size][1:]
    for start, end in zip(starts, ends, strict=True):
        begin = moved[-1] if moved else 0
        low, high = begin + margin, end - margin
        if low > high or start <= begin:
            continue
        before, after = np.median(y[begin:start]), np.median(y[start:end])
        part = y[begin:end]
        gain = np.cumsum(bounded_loss(part, float(before), scale) - bounded_loss(part, float(after), scale))
        # gain[k - 1] is what the first k values lose by having the old level: least at the best place.
        moved.append(low + int(np.argmin(gain[low - begin - 1 : high - begin])))
    return moved


def _levels(y: FloatArray, scale: float) -> FloatArray:
    half = MEDIAN_WINDOW // 2
    padded = np.pad(y, half, mode="edge")
    medians = np.median(np.lib.stride_tricks.sliding_window_view(padded, MEDIAN_WINDOW), axis=1)
    step = GRID_STEP * scale
    levels = np.unique(np.round(medians / step)) * step
    if levels.size > MAX_LEVELS:
        levels = np.unique(np.quantile(levels, np.linspace(0.0, 1.0, MAX_LEVELS)))
    return levels


def _traced(level: int, switched: npt.NDArray[np.bool_], origin: npt.NDArray[np.intp]) -> list[int]:
    starts = []
    for index in range(origin.size - 1, 0, -1):
        if switched[index, level]:
            starts.append(index)
            level = int(origin[index])
    return starts[::-1]
