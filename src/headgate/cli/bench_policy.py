r"""The ``[bench]`` table of the policy file: what --quick takes, what only --full takes, and how long it takes.

::

    [bench]
    quick = ['^suite\.Small\.', …]       regular expressions on asv's `name(param, param)`
    full = ['slow']                      what nothing less than --full measures
    [bench.seconds]
    '^suite\.Large\..*slow' = 30       seconds per combination; the first that matches counts
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BenchPolicy", "bench_policy"]


@dataclass(frozen=True, slots=True)
class BenchPolicy:
    """What the suite's authors say of it."""

    quick: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    seconds: tuple[tuple[str, float], ...] = ()


def bench_policy(document: Mapping[str, Any], source: str) -> BenchPolicy:
    """Return the ``[bench]`` table of a policy ``document``; ``source`` names it in messages.

    Raises
    ------
    UsageError
        An unknown key, a wrong type, or a malformed regular expression.
    """
    table = document.get("bench", {})
    if not isinstance(table, dict):
        raise UsageError(f"{source}: bench: expected a table ([bench]), got {table!r}")
    unknown = sorted(set(table) - {"quick", "full", "seconds"})
    if unknown:
        raise UsageError(f"{source}: bench.{unknown[0]}: unknown key; the keys are: quick, full, seconds")
    seconds = table.get("seconds", {})
    if not isinstance(seconds, dict) or not all(_is_positive(value) for value in seconds.values()):
        raise UsageError(f"{source}: bench.seconds: expected regular expressions with numbers above 0, got {seconds!r}")
    return BenchPolicy(
        quick=_regexes(table.get("quick", []), f"{source}: bench.quick"),
        full=_regexes(table.get("full", []), f"{source}: bench.full"),
        seconds=tuple(
            zip(_regexes(list(seconds), f"{source}: bench.seconds"), map(float, seconds.values()), strict=True)
        ),
    )


def _regexes(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{where}: expected a list of regular expressions, got {value!r}")
    for regex in value:
        try:
            re.compile(regex)
        except re.error as error:
            raise UsageError(
                f"{where}: {regex!r} is not a regular expression ({error}); escape special characters with a backslash"
            ) from error
    return tuple(value)


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
