"""The error over many comparisons: Holm's step-down procedure.

Source: Holm 1979, "A simple sequentially rejective multiple test procedure". Valid under any dependence, and for
sequential tests, because boundaries are nested in the level: a claim at one level holds at every larger one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["holm"]


def holm(claims: Callable[[int, float], bool], count: int, alpha: float) -> tuple[frozenset[int], float]:
    """Return the indices whose claim holds with family-wise error ``alpha``, and the level the next one would need.

    Parameters
    ----------
    claims : callable
        ``claims(i, level)``: is hypothesis i rejected at ``level``? Must be monotone in the level.
    count : int
        Size of the family.
    alpha : float
        Probability of any false rejection.
    """
    rejected: frozenset[int] = frozenset()
    while len(rejected) < count:
        level = alpha / (count - len(rejected))
        new = frozenset(i for i in range(count) if i not in rejected and claims(i, level))
        if not new:
            return rejected, level
        rejected |= new
    return rejected, alpha
