"""The core types, frozen: what was measured, what was compared, what was decided.

Glossary: a *sample* is one timing of ``number`` loops, divided by ``number``; a *pair* is two adjacent samples, one per
side; a *round* is one fresh process per side and the pairs they took; a *comparison* is one benchmark, both sides, with
its interval; a *verdict* is the comparisons and the decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = [
    "BenchmarkId",
    "BenchmarkSpec",
    "Change",
    "Comparison",
    "Direction",
    "Round",
    "Side",
    "SideInfo",
    "State",
    "Verdict",
]


class State(StrEnum):
    """What is known of a comparison, or of a whole verdict, against its margin."""

    PASS = "pass"
    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"


class Change(StrEnum):
    """The finer claim beside the state; information, never the gate."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"
    UNKNOWN = "unknown"


class Direction(StrEnum):
    """Whether a lower or a higher number is better."""

    LOWER = "lower"
    HIGHER = "higher"


class Side(StrEnum):
    """The two things compared."""

    BASELINE = "baseline"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True, order=True)
class BenchmarkId:
    """One benchmark with one choice of parameters.

    ``name`` is asv's own name (``suite.Suite.time_x``); ``params`` are asv's representations of the values, in the
    order of ``param_names``.
    """

    name: str
    params: tuple[str, ...] = ()
    param_names: tuple[str, ...] = ()

    def __str__(self) -> str:
        """``name(p1, p2)``: the text asv's own ``--bench`` matches against."""
        return f"{self.name}({', '.join(self.params)})" if self.params else self.name


@dataclass(frozen=True, slots=True)
class BenchmarkSpec:
    """A benchmark as its suite declares it (``kind`` as asv names it: time, timeraw, memory, peakmemory, track)."""

    id: BenchmarkId
    kind: str
    unit: str
    param_index: int = 0
    timeout: float = 60.0
    setup_cache_key: str | None = None
    setup_cache_timeout: float | None = None
    version: str = ""
    direction: Direction = Direction.LOWER


@dataclass(frozen=True, slots=True)
class Round:
    """One benchmark's samples from one process pair: ``baseline[i]`` and ``candidate[i]`` were taken back to back.

    ``orders`` has one character per pair: ``b`` where the baseline went first, ``c`` where the candidate did.
    Values are in the benchmark's unit.
    """

    index: int
    baseline: tuple[float, ...]
    candidate: tuple[float, ...]
    orders: str = ""
    number: int = 1


@dataclass(frozen=True, slots=True)
class SideInfo:
    """What a side is: the revision or directory asked for, the commit it meant, and the interpreter that ran it."""

    requested: str
    commit: str | None = None
    title: str = ""
    python: str = ""
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One benchmark on both sides.

    ``ratio``, ``lower`` and ``upper`` are candidate ÷ baseline for numbers where lower is better, and
    baseline ÷ candidate where higher is better, so that above 1 always means worse. They are None where there is no
    evidence; ``reason`` then says why.
    """

    benchmark: BenchmarkId
    unit: str
    state: State
    margin: float
    change: Change = Change.UNKNOWN
    ratio: float | None = None
    lower: float | None = None
    upper: float | None = None
    rounds: int = 0
    pairs: int = 0
    baseline_median: float | None = None
    candidate_median: float | None = None
    required: bool = True
    reason: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The comparisons and the decision over them; ``policy`` and ``hardware`` are plain JSON-ready mappings."""

    state: State
    baseline: SideInfo
    candidate: SideInfo
    comparisons: tuple[Comparison, ...]
    policy: dict[str, Any]
    hardware: dict[str, Any] = field(default_factory=dict)
    wall_seconds: float = 0.0
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
