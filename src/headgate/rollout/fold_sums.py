"""Sums that do not depend on the order: additive statistics, added exactly.

A float is a whole multiple of 2**-1074, so floats add exactly as integers on that scale; the total is rounded once,
when it is read. Batches that come late, twice or in another order therefore give the same bits.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["Mismatch", "Real", "add", "copied", "read"]

# The smallest float above 0 is 2**-1074 (IEEE 754 binary64).
_BITS = 1074


class Mismatch(Exception):  # noqa: N818 -- caught by the fold, which makes a reason of it; no user sees it raised
    """Two batches of one stage have different shapes, or texts that differ."""


class Real:
    """An exact sum in which at least one term was a float."""

    __slots__ = ("scaled",)

    def __init__(self, scaled: int) -> None:
        self.scaled = scaled

    def __float__(self) -> float:
        # Dividing integers rounds correctly, to nearest even. What no float can hold is no number for the gate either.
        try:
            return self.scaled / (1 << _BITS)
        except OverflowError:
            return math.inf if self.scaled > 0 else -math.inf


def add(total: Any, term: Any) -> Any:
    """Return ``total`` + ``term``; objects key by key (a key that is not there is nothing yet), lists place by place.

    ``total`` is what an earlier call returned, or None; its objects and lists may be changed.

    Raises
    ------
    Mismatch
        The shapes differ, or two texts, booleans or nulls do. ``total`` is then not to be used any more.
    """
    kind = term.__class__
    if kind is int and total.__class__ is int:
        return total + term
    if kind is dict:
        result = {} if total is None else total
        if result.__class__ is not dict:
            raise Mismatch(f"an object and {_name(total)}")
        for key, value in term.items():
            result[key] = add(result[key], value) if key in result else _first(value)
        return result
    if total is None:
        return _first(term)
    if kind is list:
        if total.__class__ is not list or len(total) != len(term):
            raise Mismatch(f"a list of {len(term)} and {_name(total)}")
        return [add(left, right) for left, right in zip(total, term, strict=True)]
    if kind in {int, float} and total.__class__ in {int, Real}:
        return Real(_scaled(total) + _scaled(term))
    if kind is total.__class__ and term == total:
        return total
    raise Mismatch(f"{term!r:.40} and {_name(total)}")


def read(total: Any) -> Any:
    """Return the sums as plain JSON values; each float is the exact total, rounded once."""
    if isinstance(total, dict):
        return {key: read(value) for key, value in total.items()}
    if isinstance(total, list):
        return [read(value) for value in total]
    return float(total) if isinstance(total, Real) else total


def copied(total: Any) -> Any:
    """Return a copy whose objects and lists are its own; numbers are never changed in place."""
    if isinstance(total, dict):
        return {key: copied(value) for key, value in total.items()}
    return [copied(value) for value in total] if isinstance(total, list) else total


def _first(term: Any) -> Any:
    if isinstance(term, dict):
        return {key: _first(value) for key, value in term.items()}
    if isinstance(term, list):
        return [_first(value) for value in term]
    return Real(_scaled(term)) if isinstance(term, float) else term


def _scaled(number: Any) -> int:
    if isinstance(number, Real):
        return number.scaled
    if isinstance(number, int):
        return number << _BITS
    numerator, denominator = number.as_integer_ratio()
    scaled: int = numerator << (_BITS + 1 - denominator.bit_length())
    return scaled


def _name(total: object) -> str:
    if isinstance(total, dict | list):
        return "an object" if isinstance(total, dict) else "a list"
    return f"{read(total)!r:.40}"
