"""Sequential inference on one comparison: bounds on the log ratio that hold at every look together.

A plan fixes, before sampling, when decisions may be taken and how the error is spent; evidence is one number per round
and the time at which each round began. Bounds at successive looks are intersected: together they hold with the stated
confidence however often one looks (repeated confidence intervals, Jennison & Turnbull 1989).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.stats.boundaries import (
    FIRST_LOOK,
    LOOK_GROWTH,
    RESERVE,
    SPENDING_EXPONENT,
    Look,
    look_schedule,
    nominal_levels,
)
from headgate.stats.signed_rank import hodges_lehmann, lower_bound, upper_bound

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bounds", "Plan", "bounds", "looks_taken", "rounds_needed"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How decisions are taken, fixed before sampling and recorded with the result.

    ``alpha`` is the error of each one-sided claim at the margin; ``budget_seconds`` scales the spending.
    """

    alpha: float
    budget_seconds: float
    method: str = "signed-rank, alpha spending in calendar time"
    first_look: int = FIRST_LOOK
    look_growth: float = LOOK_GROWTH
    exponent: float = SPENDING_EXPONENT
    reserve: float = RESERVE


@dataclass(frozen=True, slots=True)
class Bounds:
    """One-sided bounds of the log ratio, each at its own level, and the Hodges-Lehmann estimate.

    Bounds are infinite where there is too little evidence for the level. ``conflict`` says that bounds of different
    looks exclude each other: the rounds were not alike, and nothing may be claimed.
    """

    estimate: float
    lower: float
    upper: float
    rounds: int
    conflict: bool = False


def looks_taken(elapsed: Sequence[float], plan: Plan, *, final: bool) -> tuple[Look, ...]:
    """Return the looks that evidence with rounds begun at ``elapsed`` seconds has had under ``plan``.

    When sampling has ended (``final``) the last round is a look too: it ended by the budget or because another claim
    was decided, neither of which depends on this benchmark's numbers.
    """
    counts = list(look_schedule(len(elapsed)))
    if final and len(elapsed) >= FIRST_LOOK and counts[-1:] != [len(elapsed)]:
        counts.append(len(elapsed))
    looks = []
    fraction = 0.0
    for count in counts:
        # At the end the whole budget may be spent: no later look can follow within it.
        last = final and count == len(elapsed)
        now = elapsed[count - 1] / plan.budget_seconds if plan.budget_seconds > 0.0 else 1.0
        fraction = max(fraction, now, 1.0 if last else 0.0)
        looks.append(Look(count, fraction))
    return tuple(looks)


def bounds(
    values: Sequence[float], looks: Sequence[Look], alpha_lower: float, alpha_upper: float, plan: Plan
) -> Bounds:
    """Return the bounds that hold at all ``looks`` together.

    Parameters
    ----------
    values : sequence of float
        One log ratio per round, in order.
    looks : sequence of Look
        From `looks_taken`.
    alpha_lower, alpha_upper : float
        Error of the lower and of the upper bound.
    plan : Plan
        The plan the looks came from.
    """
    if not values:
        return Bounds(math.nan, -math.inf, math.inf, 0)
    data = tuple(values)
    frozen = tuple(looks)
    lower, upper = -math.inf, math.inf
    for look, level in zip(frozen, nominal_levels(frozen, alpha_lower, plan.exponent), strict=True):
        lower = max(lower, lower_bound(data[: look.rounds], level))
    for look, level in zip(frozen, nominal_levels(frozen, alpha_upper, plan.exponent), strict=True):
        upper = min(upper, upper_bound(data[: look.rounds], level))
    return Bounds(hodges_lehmann(data), lower, upper, len(data), conflict=lower > upper)


def rounds_needed(alpha: float) -> int:
    """Return the least number of rounds that could ever support a claim at error ``alpha`` (all rounds unanimous)."""
    return max(FIRST_LOOK, math.ceil(-math.log2((1.0 - RESERVE) * alpha)))
