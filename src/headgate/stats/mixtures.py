"""Mixtures: one e-process from many, each the likelihood ratio of an effect of one size.

An *e-process* is a number computed from the evidence so far whose expectation, at any time one may choose to stop, is
at most 1 where the null hypothesis holds. So it ever reaches 1/alpha with probability alpha at most (Ville 1939),
however often one looks. A weighted mean of e-processes is one; a *ladder* spreads the weights over effect sizes, so
that no size has to be guessed. All values here are natural logarithms.

Sources: Ramdas, Gruenwald, Vovk & Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference"; Robbins
1970 (the method of mixtures).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "HALTING",
    "Ladder",
    "Stratum",
    "last_rejected",
    "log_mean",
    "log_mean_of_starts",
    "log_mean_over_starts",
    "passing",
    "swapped",
]

FloatArray = npt.NDArray[np.float64]
Arm = TypeVar("Arm")

# Halvings when a bound is searched: leaves a millionth of the bracket. Bounds are shown; e-values decide.
BISECTIONS = 20


@dataclass(frozen=True, slots=True)
class Stratum(Generic[Arm]):
    """What one stage of a release gave: the canary's share of the units in (0, 1), and each arm's counts."""

    share: float
    canary: Arm
    stable: Arm


@dataclass(frozen=True, slots=True)
class Ladder:
    """Effect sizes, as steps of the log ratio above the null's boundary, and their log weights (which sum to 1)."""

    steps: tuple[float, ...]
    log_weights: tuple[float, ...]


def _ladder(steps: Sequence[float], weights: Sequence[float]) -> Ladder:
    total = math.fsum(weights)
    return Ladder(tuple(steps), tuple(math.log(weight / total) for weight in weights))


# Each step doubles the one before, which loses at most 9 % of the growth rate between two; the weight lies where a
# canary must be stopped soonest (ratios of 1.5 to 7). What it takes to halt: docs/decisions/0004-canary-evidence.md.
HALTING = _ladder((0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.4, 2.0), (0.5, 0.5, 1.0, 2.0, 4.0, 6.0, 4.0, 2.0))


def passing(margin: float) -> Ladder:
    """Return the ladder that tells a canary like stable from one worse by ``margin``: half its weight on "like"."""
    step = math.log1p(margin)
    return _ladder((0.5 * step, step, 2.0 * step, 4.0 * step), (1.0, 4.0, 2.0, 1.0))


def swapped(strata: Sequence[Stratum[Arm]]) -> tuple[Stratum[Arm], ...]:
    """Return the strata with the arms exchanged: evidence for a ratio above r is then evidence for one below 1/r."""
    return tuple(Stratum(1.0 - one.share, one.stable, one.canary) for one in strata)


def log_mean(log_values: FloatArray, log_weights: FloatArray) -> FloatArray:
    """Return the log of the weighted mean over the last axis, without overflow."""
    terms = log_values + log_weights
    most = terms.max(axis=-1, keepdims=True)
    total: FloatArray = most[..., 0] + np.log(np.exp(terms - most).sum(axis=-1))
    return total


def log_mean_over_starts(log_factors: Sequence[float], starts: int) -> float:
    """Return the log e-value of independent, successive tests, mixed over which of them the effect began with.

    The product from each start on, with equal weights; a start that has not come yet counts as 1. So what an early
    stage could not see does not weigh on a later one.

    Parameters
    ----------
    log_factors : sequence of float
        One log e-value per stage so far, in order.
    starts : int
        How many stages there may be; at least as many as factors.
    """
    return log_mean_of_starts([math.fsum(log_factors[start:]) for start in range(len(log_factors))], starts)


def log_mean_of_starts(log_tails: Sequence[float], starts: int) -> float:
    """Return the same of log e-values that were reckoned from each start on, in order."""
    values = np.array([*log_tails, *[0.0] * (starts - len(log_tails))])
    return float(log_mean(values, np.full(values.size, -math.log(values.size))))


def last_rejected(log_e: Callable[[float], float], threshold: float, below: float, above: float) -> float:
    """Return the largest log ratio in [below, above] that ``log_e``, which falls in it, rejects at ``threshold``.

    Returns -inf where not even ``below`` is rejected. The bound of a confidence sequence, by inverting its tests.
    """
    if log_e(below) < threshold:
        return -math.inf
    if log_e(above) >= threshold:
        return above
    for _ in range(BISECTIONS):
        middle = 0.5 * (below + above)
        if log_e(middle) >= threshold:
            below = middle
        else:
            above = middle
    return below
