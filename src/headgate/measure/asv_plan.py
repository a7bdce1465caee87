"""What a run of the suite will measure: selected, cut into chunks that can be resumed, and estimated. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headgate.errors import UsageError
from headgate.gates.selection import compile_patterns, matches_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from headgate.formats.asv import BenchmarkInfo
    from headgate.model import BenchmarkId

__all__ = ["Chunk", "Timings", "chunks", "cost_key", "no_benchmarks", "select"]

# Without any knowledge: asv's two rounds of warm-up, calibration and samples, and two starts of a process.
UNKNOWN_SECONDS = 1.0
# One start of asv costs a few seconds (it imports the suite twice); what an interruption loses is at most one chunk.
CHUNK_SECONDS = 60.0
ASV_START_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Timings:
    """What is known of how long one combination takes, in seconds.

    ``measured`` is by :func:`cost_key`, from earlier runs on the machine; ``stated`` is by regular expression, from the
    suite's own policy file. The first that matches is taken; ``share`` scales both.
    """

    measured: Mapping[str, float] = field(default_factory=dict)
    stated: Sequence[tuple[str, float]] = ()
    share: float = 1.0

    def of(self, benchmark: BenchmarkId) -> float:
        """Return the seconds ``benchmark`` is expected to take in one environment."""
        for pattern, seconds in self.stated:
            if re.search(pattern, str(benchmark)):
                return seconds * self.share
        return self.measured.get(cost_key(benchmark), UNKNOWN_SECONDS) * self.share


@dataclass(frozen=True, slots=True)
class Chunk:
    """Part of a run: one start of asv, after which its results are on the disk."""

    benchmarks: tuple[BenchmarkId, ...]
    seconds: float

    def regexes(self) -> list[str]:
        """Return asv's ``--bench`` arguments that select exactly these, one per benchmark function."""
        by_name: dict[str, list[str]] = {}
        for item in self.benchmarks:
            by_name.setdefault(item.name, []).append(re.escape(str(item)[len(item.name) :]))
        return [f"^{re.escape(name)}(?:{'|'.join(tails)})$" for name, tails in by_name.items()]


def cost_key(benchmark: BenchmarkId) -> str:
    """Group combinations that cost about the same: one function and its first parameter."""
    return f"{benchmark.name}({benchmark.params[0]}" if benchmark.params else benchmark.name


def select(
    benchmarks: Mapping[str, BenchmarkInfo],
    regexes: Sequence[str],
    within: Sequence[str] = (),
    without: Sequence[str] = (),
) -> list[BenchmarkId]:
    """Return the combinations that any of ``regexes`` matches, any of ``within`` and none of ``without``.

    Empty ``regexes`` and an empty ``within`` match all.

    The text matched is asv's own: ``name(param, param)``.

    Raises
    ------
    UsageError
        A regex is malformed, or nothing matches (the message names near benchmarks).
    """
    wanted, limits, barred = (compile_patterns(given) for given in (regexes, within, without))
    everything = [item for info in benchmarks.values() for item in info.combinations()]
    chosen = [
        item
        for item in everything
        if _matches(wanted, str(item)) and _matches(limits, str(item)) and not (barred and _matches(barred, str(item)))
    ]
    if chosen:
        return chosen
    if not everything:
        raise UsageError(no_benchmarks("the suite"))
    if _any_match(wanted, everything):
        what = f"--bench: {' or '.join(regexes)!r}" if regexes else "the selection"
        raise UsageError(f"{what} matches no benchmark of this size of run; try --full")
    raise UsageError(matches_none(regexes, benchmarks))


def no_benchmarks(suite: object) -> str:
    """Say that a suite is empty, and what asv looks for."""
    return (
        f"{suite}: holds no benchmarks; asv finds functions and methods named time_*, timeraw_*, mem_*, peakmem_* or "
        "track_* (each directory needs an __init__.py)"
    )


def chunks(benchmarks: Sequence[BenchmarkId], timings: Timings, environments: int) -> list[Chunk]:
    """Cut ``benchmarks``, in their order, into chunks of about a minute over all ``environments``."""
    found: list[Chunk] = []
    current: list[BenchmarkId] = []
    seconds = 0.0
    for item in benchmarks:
        cost = timings.of(item) * environments
        if current and seconds + cost > CHUNK_SECONDS:
            found.append(Chunk(tuple(current), seconds + ASV_START_SECONDS))
            current, seconds = [], 0.0
        current.append(item)
        seconds += cost
    if current:
        found.append(Chunk(tuple(current), seconds + ASV_START_SECONDS))
    return found


def _matches(patterns: Sequence[re.Pattern[str]], text: str) -> bool:
    return not patterns or any(pattern.search(text) for pattern in patterns)


def _any_match(patterns: Sequence[re.Pattern[str]], items: Iterable[BenchmarkId]) -> bool:
    return any(_matches(patterns, str(item)) for item in items)
