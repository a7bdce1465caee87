"""Versions and ranges of them, ordered as Semantic Versioning 2.0.0 (https://semver.org, section 11) orders them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Version", "parse_range", "parse_version"]

# (major, minor, patch), then the pre-release's identifiers: one without a pre-release comes after all that have one.
Version = tuple[tuple[int, int, int], int, tuple[tuple[int, int, str], ...]]

# A longer text is no version; the bound keeps a request from making work.
_LONGEST = 64
_VERSION = re.compile(
    r"v?(?P<major>[0-9]+)(?:\.(?P<minor>[0-9]+))?(?:\.(?P<patch>[0-9]+))?"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?",
    re.ASCII,
)
_COMPARATOR = re.compile(r"\s*(?P<sign>>=|<=|>|<|=|\^|~|)\s*(?P<version>\S+)\s*")


@lru_cache(maxsize=4096)  # clients send the same few versions over and over
def parse_version(text: str) -> Version | None:
    """Return what ``text`` compares by; None if it is no version.

    ``2`` and ``2.1`` are 2.0.0 and 2.1.0, a leading ``v`` is dropped, and build metadata (``+...``) does not count.
    """
    match = _VERSION.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    numbers = (int(match["major"]), int(match["minor"] or 0), int(match["patch"] or 0))
    if match["pre"] is None:
        return numbers, 1, ()
    return numbers, 0, tuple(_identifier(one) for one in match["pre"].split("."))


def parse_range(text: str) -> Callable[[Version], bool] | None:
    """Return a test for ``text``: comparators with commas between, all of which must hold; None if it is no range.

    ``>=1.2, <2``; ``=1.2.3`` or ``1.2.3``; ``^1.2`` is ``>=1.2.0, <2.0.0`` (the leftmost number that is not 0 stays);
    ``~1.2`` is ``>=1.2.0, <1.3.0``, and ``~1`` is ``>=1.0.0, <2.0.0``. Precedence alone decides: 2.0.0-rc.1 comes
    before 2.0.0, so it is ``<2``.
    """
    bounds = [_comparator(part) for part in text.split(",")]
    tests = [test for bound in bounds if bound is not None for test in bound]
    if any(bound is None for bound in bounds):
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda version: all(test(version) for test in tests)


def _comparator(text: str) -> list[Callable[[Version], bool]] | None:
    match = _COMPARATOR.fullmatch(text)
    bound = parse_version(match["version"]) if match else None
    if match is None or bound is None:
        return None
    sign = match["sign"]
    if sign in {"^", "~"}:
        above: Version = _next(bound[0], sign, match["version"]), 0, ()  # before every pre-release of the next one
        return [bound.__le__, above.__gt__]
    # bound < version is version > bound.
    test = {">=": bound.__le__, ">": bound.__lt__, "<=": bound.__ge__, "<": bound.__gt__, "=": bound.__eq__}
    return [test[sign or "="]]


def _next(numbers: tuple[int, int, int], sign: str, text: str) -> tuple[int, int, int]:
    major, minor, patch = numbers
    if sign == "~":
        return (major, minor + 1, 0) if "." in text else (major + 1, 0, 0)
    if major:
        return major + 1, 0, 0
    return (0, minor + 1, 0) if minor else (0, 0, patch + 1)


def _identifier(text: str) -> tuple[int, int, str]:
    # Numbers compare as numbers and come before words.
    return (0, int(text), "") if text.isdigit() else (1, 0, text)
