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
    "Cache",
    "Ceiling",
    "Change",
    "Comparison",
    "Conditions",
    "Cpu",
    "Direction",
    "HardwareProfile",
    "Memory",
    "Platform",
    "PythonBuild",
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
    ``elapsed`` is when the round began, in seconds since the first one of the run (all its benchmarks share it); the
    spending of error is scheduled by it. Values are in the benchmark's unit.
    """

    index: int
    baseline: tuple[float, ...]
    candidate: tuple[float, ...]
    orders: str = ""
    number: int = 1
    elapsed: float = 0.0


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


@dataclass(frozen=True, slots=True)
class Cache:
    """One kind of cache, as the first core sees it: ``size`` bytes, shared by ``shared_by`` logical cores."""

    level: int
    kind: str  # "data", "instruction" or "unified"
    size: int
    shared_by: int | None = None


@dataclass(frozen=True, slots=True)
class Cpu:
    """The processor. None is "not known here"; frequencies are in MHz, ``quota`` is a cgroup's limit in CPUs.

    ``usable_cores`` is what this process may run on: its affinity, cut by the quota (rounded down, at least 1).
    """

    architecture: str
    model: str | None = None
    vendor: str | None = None
    family: str | None = None
    model_number: str | None = None
    stepping: str | None = None
    microcode: str | None = None
    physical_cores: int | None = None
    logical_cores: int | None = None
    usable_cores: int | None = None
    quota: float | None = None
    smt: bool | None = None
    numa_nodes: int | None = None
    governor: str | None = None
    turbo: bool | None = None
    frequency_min: float | None = None
    frequency_max: float | None = None
    simd: tuple[str, ...] = ()
    caches: tuple[Cache, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory in bytes; ``limit`` is a cgroup's, None where there is none."""

    total: int | None = None
    limit: int | None = None
    swap: int | None = None
    page_size: int | None = None
    transparent_hugepages: str | None = None


@dataclass(frozen=True, slots=True)
class Platform:
    """What runs on the hardware; ``hypervisor`` and ``container`` are "none" where there is none, None if unknown."""

    os: str | None = None
    kernel: str | None = None
    libc: str | None = None
    hypervisor: str | None = None
    container: str | None = None
    aslr: str | None = None
    clock_source: str | None = None
    clock_resolution: float | None = None  # seconds, as time.perf_counter states it


@dataclass(frozen=True, slots=True)
class PythonBuild:
    """The interpreter that measured, and its NumPy."""

    implementation: str
    version: str
    compiler: str | None = None
    optimization: str | None = None
    gil: bool | None = None
    numpy: str | None = None
    blas: str | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """The moment of the measurement; no part of a machine's identity. ``steal`` and ``busy`` are shares of all cores.

    ``busy`` is what was running just before the ceilings were measured; ``steal`` is what the hypervisor took from this
    machine over ``steal_seconds``.
    """

    measured_at: str | None = None  # ISO 8601, UTC
    load_1min: float | None = None
    busy: float | None = None
    steal: float | None = None
    steal_seconds: float | None = None
    memory_available: int | None = None
    frequency: float | None = None


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A measured limit of the machine: the spread of ``n`` repetitions in ``unit`` ("B/s" or "s").

    ``nbytes`` is the payload: the bytes of the array copied or read (a copy moves each of them twice, in and out).
    """

    kind: str
    unit: str
    n: int
    minimum: float
    lower_quartile: float
    median: float
    upper_quartile: float
    maximum: float
    nbytes: int | None = None
    threads: int = 1
    method: str = ""


@dataclass(frozen=True, slots=True)
class HardwareProfile:
    """A machine, what was running on it, and how fast it can copy, read and call.

    ``fingerprint`` names the hardware: equal on two profiles of one machine, whatever its load or name.
    """

    machine: str
    fingerprint: str
    cpu: Cpu
    memory: Memory
    platform: Platform
    python: PythonBuild
    conditions: Conditions
    ceilings: tuple[Ceiling, ...] = ()
    notes: tuple[str, ...] = ()
