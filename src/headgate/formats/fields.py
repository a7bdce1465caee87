"""Taking fields out of a parsed foreign file: each helper returns what was asked for, or says what is wrong where.

A text is taken only from a scalar: the text of a container someone nested a thousand deep would cost as much to make as
it is worthless.
"""

from __future__ import annotations

import math
import statistics
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "expect",
    "finite",
    "first",
    "is_number",
    "malformed",
    "moment",
    "seconds",
    "short",
    "spread",
    "strings",
    "text",
    "timestamp",
    "whole",
]

_LONGEST_SHOWN = 80
_LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_LARGEST_COUNT = 2**63 - 1


def malformed(path: Path, what: str, problem: str) -> InputError:
    """Return the error for a file of a known format that is not what its tool writes."""
    return InputError(f"{path}: {what} {problem}; the file was cut short or edited: have its tool save it again")


def expect(value: object, kind: type, path: Path, what: str) -> Any:
    """Return ``value``, a ``kind`` (``list`` or ``dict``).

    Raises
    ------
    InputError
        It is something else.
    """
    if not isinstance(value, kind):
        raise malformed(path, what, f"is a {type(value).__name__}, expected a {kind.__name__}")
    return value


def is_number(value: object) -> bool:
    """Say whether ``value`` is a number, NaN and infinities included; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def finite(value: object) -> float | None:
    """Return ``value`` as a float, or None where it is no number or none that a float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole(value: object) -> int | None:
    """Return ``value`` as a count of at least one, or None where it is none."""
    number = finite(value)
    return int(number) if number is not None and 1 <= number <= _LARGEST_COUNT and number == int(number) else None


def text(value: object) -> str:
    """Return a scalar as text; nothing, and whatever is no scalar, is empty."""
    return "" if value is None or not isinstance(value, str | int | float) else str(value)


def strings(value: object) -> dict[str, str]:
    """Return a mapping as texts; what is no mapping is an empty one."""
    return {str(key): text(item) for key, item in value.items()} if isinstance(value, dict) else {}


def short(name: str) -> str:
    """Return ``name`` as a message can bear it: not too long, and nothing in it that a terminal would obey."""
    shown = name[:_LONGEST_SHOWN] if name[:_LONGEST_SHOWN].isprintable() else ascii(name[:_LONGEST_SHOWN])[1:-1]
    return (
        shown if len(shown) <= _LONGEST_SHOWN and len(name) <= _LONGEST_SHOWN else shown[: _LONGEST_SHOWN - 3] + "..."
    )


def moment(value: object) -> float | None:
    """Return seconds since the epoch, or None where ``value`` is no time between 1970 and 9999."""
    number = finite(value)
    return number if number is not None and 0 <= number <= _LATEST else None


def seconds(milliseconds: object) -> float | None:
    """Return milliseconds since the epoch in seconds, or None where it is no time."""
    number = finite(milliseconds)
    return None if number is None else moment(number / 1000)


def timestamp(value: object) -> float | None:
    """Return an ISO 8601 date in seconds since the epoch, or None where it is none; without a zone, it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        date = datetime.fromisoformat(value)
        return moment((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


def spread(samples: Sequence[float]) -> float | None:
    """Return the standard deviation of single samples (n - 1), or None of fewer than two."""
    if len(samples) < 2:
        return None
    # An absurd file may hold samples whose squares no float can; statistics.stdev, exact, would take seconds for many.
    scale = max(abs(item) for item in samples) or 1.0
    mean = statistics.fmean(item / scale for item in samples)
    variance = math.fsum((item / scale - mean) ** 2 for item in samples) / (len(samples) - 1)
    return math.sqrt(variance) * scale


def first(data: Mapping[str, Any], *keys: str) -> str:
    """Return the first of ``keys`` that ``data`` has a text for, else an empty one."""
    return next((found for found in (text(data.get(key)) for key in keys) if found), "")
