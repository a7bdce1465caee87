"""Sums that do not depend on the order: additive statistics, added exactly.

`math.fsum` rounds the exact sum of its terms once (Shewchuk 1997, Adaptive Precision Floating-Point Arithmetic), so it
gives the same bits in any order. The terms are kept, and now and then replaced by fewer with the very same sum. Batches
that come late, twice or in another order therefore give the same evidence.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

__all__ = ["Mismatch", "Real", "add", "copied", "first", "read"]

# Terms kept before they are replaced: memory for a sum stays below some kilobytes, and a term costs little.
_MOST_TERMS = 512


class Mismatch(Exception):  # noqa: N818 -- caught by the fold, which makes a reason of it; no user sees it raised
    """Two batches have different shapes, or texts that differ."""


class Real:
    """An exact sum of which at least one term was a float; ``whole`` is the sum of those that were integers."""

    __slots__ = ("terms", "whole")

    def __init__(self, terms: list[float], whole: int = 0) -> None:
        self.terms = terms
        self.whole = whole

    def add(self, term: float) -> None:
        """Add a float."""
        self.terms.append(term)
        if len(self.terms) >= _MOST_TERMS:
            self.terms = _fewer(self.terms)

    def extend(self, terms: list[float]) -> None:
        """Add floats."""
        self.terms += terms
        if len(self.terms) >= _MOST_TERMS:
            self.terms = _fewer(self.terms)

    def __float__(self) -> float:
        try:
            if not self.whole:
                return math.fsum(self.terms)
        except OverflowError:  # on the way or at the end: the slow sum tells which
            pass
        exact = sum(map(Fraction, self.terms), Fraction(self.whole))
        try:
            return float(exact)
        except OverflowError:
            # No number, for the gate either.
            return math.inf if exact > 0 else -math.inf


def add(total: Any, term: Any) -> Any:
    """Return ``total`` + ``term``; objects key by key (a key that is not there is nothing yet), lists place by place.

    Parameters
    ----------
    total
        What an earlier call returned, or None; it is used up.
    term
        Plain JSON values, finite.

    Raises
    ------
    Mismatch
        The shapes differ, or two texts, booleans or nulls do.
    """
    if total is None:
        return first(term)
    kind, found = term.__class__, total.__class__
    if kind is dict and found is dict:
        _add_object(total, term)
        return total
    if kind is list and found is list and len(total) == len(term):
        return [add(left, right) for left, right in zip(total, term, strict=True)]
    if kind in {int, float} and found in {int, Real}:
        return _add_numbers(total, term)
    if kind is found and term == total and kind is not list:
        return total
    raise Mismatch(f"{_name(term)} and {_name(total)}")


def read(total: Any) -> Any:
    """Return the sums as plain JSON values; each float is the exact total, rounded once."""
    if isinstance(total, dict):
        return {key: read(value) for key, value in total.items()}
    if isinstance(total, list):
        return [read(value) for value in total]
    return float(total) if isinstance(total, Real) else total


def copied(total: Any) -> Any:
    """Return a copy that shares nothing that is changed in place."""
    if isinstance(total, dict):
        return {key: copied(value) for key, value in total.items()}
    if isinstance(total, list):
        return [copied(value) for value in total]
    return Real(list(total.terms), total.whole) if isinstance(total, Real) else total


def _add_object(total: dict[str, Any], term: dict[str, Any]) -> None:
    # Written out for what a batch is made of: a ledger of 100,000 of them has millions of numbers.
    for key, value in term.items():
        have: Any = total.get(key)
        kind = value.__class__
        if kind is float and have.__class__ is Real:
            terms = have.terms
            terms.append(value)
            if len(terms) >= _MOST_TERMS:
                have.terms = _fewer(terms)
        elif kind is int and have.__class__ is int:
            total[key] = have + value
        elif kind is str and value == have:
            continue
        elif kind is dict and have.__class__ is dict:
            _add_object(have, value)
        else:
            total[key] = add(have, value)


def _add_numbers(total: int | Real, term: float) -> int | Real:
    if isinstance(total, int):
        if isinstance(term, int):
            return total + term
        return Real([term], total)
    if isinstance(term, int):
        total.whole += term
    else:
        total.add(term)
    return total


def first(term: Any) -> Any:
    """Return ``term`` as a total."""
    if isinstance(term, dict):
        return {key: first(value) for key, value in term.items()}
    if isinstance(term, list):
        return [first(value) for value in term]
    return Real([term]) if isinstance(term, float) else term


def _fewer(terms: list[float]) -> list[float]:
    """Return few terms with exactly the sum of ``terms``: the rounded sum, what that leaves, rounded, and so on."""
    found: list[float] = []
    try:
        while len(found) < _MOST_TERMS // 2 and (rest := math.fsum([*terms, *(-one for one in found)])):
            found.append(rest)
    except OverflowError:
        return terms
    return found


def _name(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    return f"{read(value)!r:.40}"
