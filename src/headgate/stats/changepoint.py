"""Change points of a series of measurements: where the level changed, between which values, by how much, how surely.

1. `fit_changes` proposes places (robust piecewise-constant fit of the logarithms).
2. The weakest proposal is taken out, its neighbours are tested anew, until each that is left would by itself be a rare
   chance: a rank test of the two levels beside it, times the number of places it could have been found at.
3. `accepted` holds the share of false ones among the changes of *all* series (Benjamini & Hochberg 1995).

Everything is deterministic: nothing is drawn at random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headgate.stats.changepoint_evidence import correlation, inflation, level_test, shift_interval
from headgate.stats.changepoint_fit import bounded_loss, fit_changes, noise_scale, refined

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

__all__ = ["CONFIDENCE", "LEVEL", "MIN_LENGTH", "MIN_SEGMENT", "ChangePoint", "accepted", "change_points"]

# Chance of a find in a series in which nothing changed; also the share of false ones among all series' finds.
LEVEL = 0.01
# Of the intervals of place and size.
CONFIDENCE = 0.95
# Two values out of line are two outliers: sessions of continuous integration measure commits in pairs.
MIN_SEGMENT = 3
# For the interval of the place a value may weigh more than for the fit: as much as one of 22,000, e**-10.
PLACE_CAP = 20.0
MIN_LENGTH = 2 * MIN_SEGMENT
# What keeps arithmetic on absurd values finite: the unit against the largest value, any unit, and exp's argument.
_LEAST_UNIT, _SMALLEST, _MOST_LOGARITHM = 1e-12, 1e-300, 700.0


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """One change of level. Indices are into the series without its gaps.

    ``index`` is the first value of the new level, most likely; with `CONFIDENCE` the change lies between values
    ``first - 1`` and ``last``. ``ratio`` is new level over old with its interval, None where the values are not all
    positive; ``before`` and ``after`` are the medians. ``p`` is the chance of such a find where nothing changed.
    """

    index: int
    first: int
    last: int
    before: float
    after: float
    ratio: float | None
    lower: float | None
    upper: float | None
    p: float


def change_points(values: Sequence[float] | FloatArray, level: float = LEVEL) -> list[ChangePoint]:
    """Return the change points of ``values`` (finite, in order, without gaps), ascending.

    Parameters
    ----------
    values : sequence of float, (n,)
        One benchmark's values, one a commit; fewer than `MIN_LENGTH` have no change point.
    level : float
        Chance of finding any where there is none, noise being alike throughout and correlated at most between
        neighbours.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.size < MIN_LENGTH:
        return []
    positive = bool((data > 0.0).all())
    y = np.log(data) if positive else _compressed(data)
    scale = noise_scale(y)
    starts = refined(y, fit_changes(y, scale), scale, MIN_SEGMENT)
    starts, chances = _eliminated(y, starts, scale, level)
    if not starts:
        return []
    spread = inflation(correlation(y, starts))
    bounds = [0, *starts, y.size]
    return [
        _described(data, y, (bounds[i], start, bounds[i + 2]), spread, chances[i], positive=positive)
        for i, start in enumerate(starts)
    ]


def accepted(chances: Sequence[Sequence[float]], level: float = LEVEL) -> float:
    """Return the largest p that still is a change, given the p of every find of every series (0: none is).

    Benjamini & Hochberg 1995; a series without a find counts as one hypothesis that was not rejected.
    """
    flat = sorted(p for series in chances for p in series)
    tests = sum(max(1, len(series)) for series in chances)
    return max((p for rank, p in enumerate(flat, 1) if p <= level * rank / tests), default=0.0)


def _compressed(data: FloatArray) -> FloatArray:
    """Return ``data`` of any sign in units of its typical size: linear up to there, logarithmic beyond."""
    sizes = np.abs(data)
    unit = max(float(np.median(sizes)), float(sizes.max()) * _LEAST_UNIT, _SMALLEST)
    scaled: FloatArray = np.arcsinh(data / unit)
    return scaled


def _ratio(logarithm: float) -> float:
    return math.exp(min(max(logarithm, -_MOST_LOGARITHM), _MOST_LOGARITHM))


def _eliminated(y: FloatArray, starts: list[int], scale: float, level: float) -> tuple[list[int], list[float]]:
    """Take out the least likely change until every one left is below ``level``; return them and their p."""
    while starts:
        spread = inflation(correlation(y, starts))
        bounds = [0, *starts, y.size]
        chances = [_chance(y, (bounds[i], start, bounds[i + 2]), spread) for i, start in enumerate(starts)]
        worst = int(np.argmax(chances))
        if chances[worst] <= level:
            return starts, chances
        starts = refined(y, starts[:worst] + starts[worst + 1 :], scale, MIN_SEGMENT)
    return [], []


def _chance(y: FloatArray, place: tuple[int, int, int], spread: float) -> float:
    """Return the chance of a find like the one at ``place`` where nothing changed."""
    begin, start, end = place
    return min(1.0, y.size * level_test(y[begin:start], y[start:end], spread))


def _described(
    data: FloatArray, y: FloatArray, place: tuple[int, int, int], spread: float, p: float, *, positive: bool
) -> ChangePoint:
    begin, start, end = place
    left, right = y[begin:start], y[start:end]
    first, last = _interval_of_place(y, place, spread)
    shift, low, high = shift_interval(left, right, spread, CONFIDENCE)
    return ChangePoint(
        index=start,
        first=first,
        last=last,
        before=float(np.median(data[begin:start])),
        after=float(np.median(data[start:end])),
        ratio=_ratio(shift) if positive else None,
        lower=_ratio(low) if positive else None,
        upper=_ratio(high) if positive else None,
        p=p,
    )


def _interval_of_place(y: FloatArray, place: tuple[int, int, int], spread: float) -> tuple[int, int]:
    """Return the first and last index at which the new level may begin, with `CONFIDENCE`.

    All places whose log-likelihood is within ``-log(1 - sqrt(confidence))`` of the best (Siegmund 1988, "Confidence
    sets in change-point problems"), for the bounded loss; correlation makes the loss worth less.
    """
    begin, start, end = place
    before, after = float(np.median(y[begin:start])), float(np.median(y[start:end]))
    rest = np.abs(np.concatenate([y[begin:start] - before, y[start:end] - after]))
    scale = max(float(np.median(rest)) * 1.4826, noise_scale(y[begin:end]))
    part = y[begin:end]
    gain = np.cumsum(bounded_loss(part, before, scale, PLACE_CAP) - bounded_loss(part, after, scale, PLACE_CAP))
    inner = gain[MIN_SEGMENT - 1 : end - begin - MIN_SEGMENT] / (2.0 * spread)
    within = np.flatnonzero(inner <= inner.min() - math.log1p(-math.sqrt(CONFIDENCE))) + begin + MIN_SEGMENT
    return min(start, int(within[0])), max(start, int(within[-1]))
