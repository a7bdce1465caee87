"""Which benchmarks ``--bench`` asks for: its regular expressions, and what is said where none matches."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from headgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["compile_patterns", "matches_none"]

_NEAR_NAMES = 5


def compile_patterns(regexes: Iterable[str]) -> list[re.Pattern[str]]:
    """Return the compiled patterns.

    Raises
    ------
    UsageError
        One is not a regular expression.
    """
    patterns = []
    for regex in regexes:
        try:
            patterns.append(re.compile(regex))
        except re.error as error:
            raise UsageError(
                f"--bench: {regex!r} is not a regular expression ({error}); escape special characters with a backslash"
            ) from error
    return patterns


def matches_none(regexes: Sequence[str], names: Iterable[str]) -> str:
    """Say that ``regexes`` match none of the benchmarks of these names, and which ones come near."""
    known = sorted(set(names))
    wanted = " or ".join(regexes)
    near = difflib.get_close_matches(wanted, known, n=_NEAR_NAMES, cutoff=0.3) or known[:_NEAR_NAMES]
    benchmarks = "benchmark" if len(known) == 1 else "benchmarks"
    return f"--bench: {wanted!r} matches none of {len(known)} {benchmarks}; near names: {', '.join(near)}"
