"""Group-sequential boundaries by alpha spending: what error each look may use, so that peeking inflates nothing.

The error is spent in *calendar time*: after a fraction t of the time budget the test may have used
``(1 - RESERVE) * alpha * t**exponent``; what remains pays for looks after the budget (a resumed run). Looks happen when
a fixed grid of round counts is reached, and when the budget ends: neither depends on the benchmark's own numbers. At
each look the boundary is found by recursive integration over the paths that have not crossed yet, for the canonical
joint distribution (independent increments) that the standardised statistics follow.

Sources: Lan & DeMets 1983 (spending) and 1989 (calendar time); Kim & DeMets 1987 (the power family); Armitage,
McPherson & Rowe 1969 (the recursion); Jennison & Turnbull 1999, *Group Sequential Methods with Applications to Clinical
Trials*, ch. 7 and 19 (numerics; nominal levels carried over to t and rank tests).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from headgate.stats.signed_rank import attained_level

__all__ = ["FIRST_LOOK", "SPENDING_EXPONENT", "Look", "look_schedule", "nominal_levels", "spent"]

# The first look. A rank test of 5 or 6 rounds cannot reach the levels at which a gate decides (2**-6 = 1.6 %).
FIRST_LOOK = 7
# Looks grow by this factor (at least by one round): the price of a further look is small because neighbouring looks are
# highly correlated, and a decided benchmark leaves at most a tenth later than it could.
LOOK_GROWTH = 1.1
# Kim & DeMets' exponent: 1 spends evenly over the budget, 3 is close to O'Brien-Fleming. Chosen by simulation, see
# docs/decisions/0002-sequential-method.md.
SPENDING_EXPONENT = 1.0
# Part of alpha kept for looks after the budget, so that a resumed or overrunning run can still decide.
RESERVE = 0.1
# Numerics of the recursion: half-width of the grid in standard deviations, and its points. Against published tables
# (Jennison & Turnbull, tables 2.1 and 2.3) this is exact to three decimals.
GRID_SIGMAS = 8.0
GRID_POINTS = 401
# Halvings of the 16-sigma bracket: leaves an error of 1e-6 sigma.
BISECTIONS = 24

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """A moment at which a decision may be taken: after ``rounds`` rounds, at ``fraction`` of the time budget."""

    rounds: int
    fraction: float


@dataclass(frozen=True, eq=False)
class _Paths:
    """The paths that have crossed no boundary so far: density of their score sum on a grid."""

    grid: FloatArray
    density: FloatArray
    rounds: int
    spent: float
    level: float  # nominal level of the last look


def look_schedule(most: int) -> tuple[int, ...]:
    """Return the round counts at which a decision may be taken, up to ``most`` rounds."""
    looks = []
    look = FIRST_LOOK
    while look <= most:
        looks.append(look)
        look = max(look + 1, round(look * LOOK_GROWTH))
    return tuple(looks)


def spent(fraction: float, alpha: float, exponent: float = SPENDING_EXPONENT) -> float:
    """Return the error probability that may have been used after ``fraction`` of the budget."""
    if fraction <= 1.0:
        return (1.0 - RESERVE) * alpha * math.pow(max(fraction, 0.0), exponent)
    return (1.0 - RESERVE) * alpha + RESERVE * alpha * (1.0 - 1.0 / fraction)


def nominal_levels(looks: tuple[Look, ...], alpha: float, exponent: float = SPENDING_EXPONENT) -> tuple[float, ...]:
    """One-sided nominal level of the fixed-sample test at each look such that all together err at most ``alpha``.

    Parameters
    ----------
    looks : tuple of Look
        Strictly increasing in rounds, not decreasing in fraction.
    alpha : float
        Probability of ever crossing under the null hypothesis, over all looks.
    exponent : float
        Exponent of the spending curve.

    Returns
    -------
    tuple of float
        ``p_k``: cross at look k where the fixed-sample one-sided p-value is <= p_k. Zero where nothing may be spent.
    """
    return tuple(_paths(looks[: k + 1], alpha, exponent).level for k in range(len(looks)))


@lru_cache(maxsize=8192)
def _paths(looks: tuple[Look, ...], alpha: float, exponent: float) -> _Paths:
    """Return the unstopped paths after the last of ``looks``; every prefix is computed once."""
    look = looks[-1]
    before = _paths(looks[:-1], alpha, exponent) if len(looks) > 1 else _Paths(np.empty(0), np.empty(0), 0, 0.0, 0.0)
    step = math.sqrt(look.rounds - before.rounds)
    boundary = _boundary(before, step, spent(look.fraction, alpha, exponent) - before.spent)
    # A rank test has few attainable levels when rounds are few: take the next one below, and keep what it leaves.
    level = attained_level(look.rounds, 0.5 * math.erfc(boundary / math.sqrt(2.0 * look.rounds)))
    width = GRID_SIGMAS * math.sqrt(look.rounds)
    boundary = min(-NormalDist().inv_cdf(level) * math.sqrt(look.rounds), width) if level > 0.0 else width
    used = _crossing(before, step, boundary) if level > 0.0 else 0.0
    grid = np.linspace(-width, boundary, GRID_POINTS)
    return _Paths(grid, _propagate(before, step, grid), look.rounds, before.spent + used, level)


def _upper_tail(z: FloatArray) -> FloatArray:
    """Return the standard normal upper tail, elementwise; relative error below 1e-13 (math.erfc's own)."""
    return np.fromiter((0.5 * math.erfc(value) for value in (z / math.sqrt(2.0)).tolist()), np.float64, z.size)


def _crossing(before: _Paths, step: float, boundary: float) -> float:
    """Return the probability that an unstopped path is above ``boundary`` after a step of deviation ``step``."""
    if before.grid.size == 0:
        return 0.5 * math.erfc(boundary / step / math.sqrt(2.0))
    tails = _upper_tail((boundary - before.grid) / step)
    return float(np.trapezoid(before.density * tails, before.grid))


def _boundary(before: _Paths, step: float, target: float) -> float:
    """Return the boundary that is crossed with probability ``target``; infinite where nothing may be spent."""
    if target <= 0.0:
        return math.inf
    width = math.sqrt(before.rounds + step * step)
    low, high = -GRID_SIGMAS * width, GRID_SIGMAS * width
    if _crossing(before, step, high) > target:
        return math.inf  # below 1e-15: no sample can show it
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if _crossing(before, step, middle) > target:
            low = middle
        else:
            high = middle
    return high


def _propagate(before: _Paths, step: float, grid: FloatArray) -> FloatArray:
    """Return the density, on ``grid``, of the unstopped paths after a normal step of deviation ``step``."""
    scale = step * math.sqrt(2.0 * math.pi)
    if before.grid.size == 0:
        first: FloatArray = np.exp(-0.5 * (grid / step) ** 2) / scale
        return first
    weights = np.full(before.grid.size, before.grid[1] - before.grid[0])
    weights[[0, -1]] *= 0.5
    kernel = np.exp(-0.5 * ((grid[:, None] - before.grid[None, :]) / step) ** 2) / scale
    propagated: FloatArray = kernel @ (before.density * weights)
    return propagated
