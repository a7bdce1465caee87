"""A hardware profile as rows of text: pure, for a terminal and a page alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.model import Cache, Ceiling, HardwareProfile

__all__ = ["Section", "Table", "bandwidth_table", "call_table", "sections"]

UNKNOWN = "not known"
_BINARY = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
_DECIMAL = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))

_BANDWIDTHS = {"copy": "copy", "copy_streaming": "streaming", "read": "read"}
_CALLS = {
    "call_empty_array": "numpy.empty(10)",
    "call_function": "an empty Python function",
    "call_clock": "time.perf_counter()",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its (label, value) rows."""

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts; ``caption`` says unit, count and method."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str


def sections(profile: HardwareProfile) -> tuple[Section, ...]:
    """Return what the machine is, in the order a reader asks for it."""
    return (
        Section("Machine", (("name", profile.machine), ("fingerprint", profile.fingerprint), *_platform(profile))),
        Section("Processor", _cpu(profile)),
        Section("Memory", _memory(profile)),
        Section("Python", _python(profile)),
        Section("While measuring", _conditions(profile)),
    )


def bandwidth_table(profile: HardwareProfile) -> Table | None:
    """Return bandwidth by payload, a column per kind and thread count; None without such ceilings."""
    cells = {
        (ceiling.kind, ceiling.threads, ceiling.nbytes): ceiling
        for ceiling in profile.ceilings
        if ceiling.kind in _BANDWIDTHS and ceiling.nbytes is not None
    }
    if not cells:
        return None
    columns = sorted({key[:2] for key in cells}, key=lambda column: (list(_BANDWIDTHS).index(column[0]), column[1]))
    sizes = sorted({size for _, _, size in cells if size is not None})
    rows = tuple(
        (_bytes(size, _DECIMAL, 3), *(_bandwidth(cells.get((*column, size))) for column in columns)) for size in sizes
    )
    header = ("payload", *(f"{_BANDWIDTHS[kind]}\n×{threads}" for kind, threads in columns))
    methods = {ceiling.kind: ceiling.method for ceiling in cells.values()}
    how = "; ".join(f"{_BANDWIDTHS[kind]}: {methods[kind]}" for kind in _BANDWIDTHS if kind in methods)
    caption = (
        "GB/s of payload (a copy of n bytes counts n), median ± half the interquartile range of "
        f"{_repetitions(cells.values())} interleaved repetitions; ×n: on n threads at once. {how}."
    )
    return Table("Bandwidth", header, rows, caption)


def call_table(profile: HardwareProfile) -> Table | None:
    """Return the cost of calls in nanoseconds; None without such ceilings."""
    calls = {ceiling.kind: ceiling for ceiling in profile.ceilings if ceiling.kind in _CALLS}
    if not calls:
        return None
    rows = tuple(
        (
            label,
            _nanoseconds(calls[kind].median),
            f"{_nanoseconds(calls[kind].lower_quartile)} to {_nanoseconds(calls[kind].upper_quartile)}",
            _nanoseconds(calls[kind].minimum),
        )
        for kind, label in _CALLS.items()
        if kind in calls
    )
    caption = f"ns per call, an empty loop subtracted; {_repetitions(calls.values())} interleaved repetitions."
    return Table("Calls", ("call", "median", "quartiles", "least"), rows, caption)


def _platform(profile: HardwareProfile) -> tuple[tuple[str, str], ...]:
    system = profile.platform
    resolution = system.clock_resolution
    clock = system.clock_source or UNKNOWN
    return (
        ("system", _text(system.os)),
        ("kernel", _text(system.kernel)),
        ("libc", _text(system.libc)),
        ("hypervisor", _text(system.hypervisor)),
        ("container", _text(system.container)),
        ("address randomisation", _text(system.aslr)),
        ("clock", clock if resolution is None else f"{clock}, resolution {resolution * 1e9:.3g} ns"),
    )


def _cpu(profile: HardwareProfile) -> tuple[tuple[str, str], ...]:
    cpu = profile.cpu
    numbers = (("family", cpu.family), ("model", cpu.model_number), ("stepping", cpu.stepping))
    identity = [f"{name} {value}" for name, value in (*numbers, ("microcode", cpu.microcode)) if value is not None]
    low, high = cpu.frequency_min, cpu.frequency_max
    frequency = UNKNOWN if low is None and high is None else f"{_mhz(low)} to {_mhz(high)}"
    return (
        ("model", _text(cpu.model)),
        ("vendor", _text(cpu.vendor)),
        ("identity", ", ".join(filter(None, (cpu.architecture, *identity))) or UNKNOWN),
        ("cores", _cores(profile)),
        ("threads per core", {True: "2 or more (SMT on)", False: "1 (SMT off)", None: UNKNOWN}[cpu.smt]),
        ("NUMA nodes", _text(cpu.numa_nodes)),
        ("caches", "\n".join(_cache(cache) for cache in cpu.caches) or UNKNOWN),
        ("vector extensions", " ".join(cpu.simd) or UNKNOWN),
        ("governor", _text(cpu.governor)),
        ("turbo", {True: "on", False: "off", None: UNKNOWN}[cpu.turbo]),
        ("frequency range", frequency),
    )


def _cores(profile: HardwareProfile) -> str:
    cpu = profile.cpu
    quota = "" if cpu.quota is None else f" (quota {cpu.quota:g} CPUs)"
    counts = {"physical": cpu.physical_cores, "logical": cpu.logical_cores, "usable": cpu.usable_cores}
    return ", ".join(f"{_text(count)} {kind}" for kind, count in counts.items()) + quota


def _memory(profile: HardwareProfile) -> tuple[tuple[str, str], ...]:
    memory = profile.memory
    return (
        ("total", _size(memory.total)),
        ("limit (cgroup)", "none found" if memory.limit is None else _size(memory.limit)),
        ("swap", "none" if memory.swap == 0 else _size(memory.swap)),
        ("page", _size(memory.page_size)),
        ("transparent huge pages", _text(memory.transparent_hugepages)),
    )


def _python(profile: HardwareProfile) -> tuple[tuple[str, str], ...]:
    build = profile.python
    return (
        ("interpreter", f"{build.implementation} {build.version}"),
        ("compiler", _text(build.compiler)),
        ("optimisation", _text(build.optimization)),
        ("GIL", {True: "yes", False: "no", None: UNKNOWN}[build.gil]),
        ("NumPy", _text(build.numpy)),
        ("BLAS", _text(build.blas)),
    )


def _conditions(profile: HardwareProfile) -> tuple[tuple[str, str], ...]:
    now = profile.conditions
    steal = UNKNOWN if now.steal is None else f"{now.steal:.1%} of the time, over {now.steal_seconds or 0:.1f} s"
    return (
        ("measured at", _text(now.measured_at)),
        ("load, 1 minute", UNKNOWN if now.load_1min is None else f"{now.load_1min:.2f}"),
        ("busy before", UNKNOWN if now.busy is None else f"{now.busy:.0%} of all cores"),
        ("stolen by the host", steal),
        ("memory available", _size(now.memory_available)),
        ("frequency", UNKNOWN if now.frequency is None else _mhz(now.frequency)),
    )


def _bandwidth(ceiling: Ceiling | None) -> str:
    if ceiling is None:
        return ""
    half = (ceiling.upper_quartile - ceiling.lower_quartile) / 2 / ceiling.median if ceiling.median else 0.0
    return f"{_significant(ceiling.median / 1e9)} ±{half:.0%}"


def _repetitions(ceilings: Iterable[Ceiling]) -> str:
    counts = sorted({ceiling.n for ceiling in ceilings})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _cache(cache: Cache) -> str:
    shared = "" if cache.shared_by is None else f", per {_count(cache.shared_by, 'core')}"
    return f"L{cache.level} {cache.kind} {_size(cache.size)}{shared}"


def _size(value: int | None) -> str:
    return UNKNOWN if value is None else _bytes(value, _BINARY, 4)


def _bytes(value: int, units: tuple[tuple[int, str], ...], digits: int) -> str:
    for factor, name in units:
        if value >= factor:
            return f"{value / factor:.{digits}g} {name}"
    return f"{value} B"


def _mhz(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f} MHz"


def _nanoseconds(seconds: float) -> str:
    return _significant(seconds * 1e9)


def _significant(value: float) -> str:
    """Three significant digits without an exponent."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:#.3g}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _text(value: object) -> str:
    return UNKNOWN if value is None else str(value)
