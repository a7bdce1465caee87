"""A check's outcome: how it came out, what was found, and what to do."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["GIB", "Level", "Outcome", "ok", "unknown"]

GIB = 2**30


class Level(StrEnum):
    """How a check came out; ``unknown``: this system cannot tell, which is no reason to worry."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    PROBLEM = "problem"


# The level, what was found, and for a warning or a problem what to do.
Outcome = tuple[Level, str, str]


def ok(text: str) -> Outcome:
    """Return that all is well, and what was found."""
    return Level.OK, text, ""


def unknown(what: str) -> Outcome:
    """Return that this system cannot tell."""
    return Level.UNKNOWN, f"{what} is not known on this system", ""
