"""Shares as exact integers: percent in, parts per million out, and never a binary fraction in between."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from headgate.errors import PlanError
from headgate.gates.canary_policy import MILLION

__all__ = ["percent_text", "ppm_from_percent", "shown", "worse_from"]

_PPM_PER_PERCENT = MILLION // 100
_SMALLEST = Decimal(1) / _PPM_PER_PERCENT
_NUMBER = re.compile(r"\s*(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*%?\s*", re.ASCII)


def ppm_from_percent(raw: object, where: str) -> int:
    """Return the parts per million of a share in percent: 5, 0.1, "12.5" or "12.5%".

    A float means the shortest decimal that denotes it, which is what stood in the file: 0.1 is 1,000 ppm exactly.

    Parameters
    ----------
    raw
        As the user wrote it.
    where
        The file and the key, for the message.

    Raises
    ------
    PlanError
        Not a number, not above 0 and at most 100, or finer than one part per million.
    """
    value = _decimal(raw)
    if value is None:
        raise PlanError(f'{where}: {shown(raw)} will not do: expected percent, as 5, 0.1 or "12.5%"')
    if not 0 < value <= 100:
        raise PlanError(f"{where}: {shown(raw)} will not do: expected more than 0 and at most 100 percent")
    parts = Fraction(value) * _PPM_PER_PERCENT if value >= _SMALLEST else Fraction(1, 2)
    if parts.denominator != 1:
        raise PlanError(f"{where}: {shown(raw)} will not do: expected a multiple of 0.0001 percent")
    return parts.numerator


def worse_from(raw: object, where: str) -> float:
    """Return how much worse, relatively, from 0.1, "10%" or "150%"; 0 is 0.

    Raises
    ------
    PlanError
        Not a number, below 0, or a bare number of 1 or more: 5 may be meant as 5 % or as 500 %.
    """
    value = _decimal(raw)
    if value is None:
        raise PlanError(f'{where}: {shown(raw)} will not do: expected how much worse, as 0.1, "10%" or "150%"')
    if isinstance(raw, str) and raw.rstrip().endswith("%"):
        return float(value / 100)
    if value < 0:
        raise PlanError(
            f'{where}: {shown(raw)} will not do: expected how much worse, 0 or more, as 0.1, "10%" or "150%"'
        )
    if value >= 1:
        raise PlanError(
            f'{where}: {shown(raw)} will not do: expected less than 1; write "{value:f}%" or "{value * 100:f}%"'
        )
    return float(value)


def percent_text(ppm: int) -> str:
    """Return a share as people read it: ``12.5 %`` for 125,000 ppm."""
    whole, rest = divmod(ppm, _PPM_PER_PERCENT)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".") + " %"


def _decimal(raw: object) -> Decimal | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str | Decimal):
        return None
    if isinstance(raw, str):
        match = _NUMBER.fullmatch(raw)
        return Decimal(match["number"]) if match else None
    try:
        value = raw if isinstance(raw, Decimal) else Decimal(repr(raw) if isinstance(raw, float) else raw)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def shown(raw: object) -> str:
    """Return what a user wrote, short enough for a message."""
    if isinstance(raw, int) and abs(raw) > MILLION:
        return "so large a number"  # Python refuses to write one of thousands of digits
    text = repr(raw)
    return text if len(text) <= 60 else text[:57] + "..."
