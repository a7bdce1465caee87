"""One machine's results of one commit, as a page: what is said, shown and listed. Pure: data in, data out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headgate.formats.saved import Outcome
from headgate.report import hardware_view
from headgate.report.study_data import ENGINES, Point, distinct, plain, points, series
from headgate.report.study_figures import copy_limit, share_figure, size_figure
from headgate.report.study_limit import limit_figures
from headgate.report.study_missing import missing_table
from headgate.report.study_tables import (
    ENGINE_NAMES,
    FORM_ITSELF,
    NOT_MEASURED,
    Cell,
    Table,
    forms_table,
    order,
    sizes_table,
    threads_table,
)
from headgate.report.wording import quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headgate.formats.asv import BenchmarkInfo
    from headgate.formats.saved import SavedRun
    from headgate.model import HardwareProfile
    from headgate.report.figure import Figure

__all__ = ["ARTICLE", "StudyInput", "StudyView", "study_view"]

# "Evaluate Performance of Scala Tail Recursion", the seed article: ordinary arrays on a laptop of 2012, on the JVM.
ARTICLE = "Scala on the JVM, on a laptop of 2012: tail recursion < scan ≈ map (fastest first)"
FORMS_WINDOW = 10
SMALL_N = (50, 90, 10)
LARGE_N = 1_000_000


@dataclass(frozen=True, slots=True)
class StudyInput:
    """What a page is made of. ``reasons`` is why combinations have no value (see `missing_table`).

    ``limits`` are the tables of limits.json, ``copies`` its rows that time the kernel beside copies.
    """

    machine: str
    commit: str
    runs: Sequence[SavedRun]
    benchmarks: Mapping[str, BenchmarkInfo]
    hardware: HardwareProfile | None
    reasons: Mapping[tuple[str, str, int], tuple[str, str]]
    mode: str = ""
    problems: Sequence[str] = ()
    limits: tuple[Table, ...] = ()
    copies: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class StudyView:
    """A page. ``orders`` has a line per engine: whether the article's order holds there."""

    title: str
    lede: str
    facts: tuple[tuple[str, str], ...]
    forms: tuple[Table, ...]
    orders: tuple[tuple[str, str], ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    missing: Table | None
    everything: Table
    hardware: tuple[hardware_view.Section, ...]
    ceilings: tuple[hardware_view.Table, ...]
    notes: tuple[str, ...]
    reproduce: tuple[str, ...]
    problems: tuple[str, ...]
    limits: tuple[Table, ...] = ()


def study_view(given: StudyInput) -> StudyView:
    """Return the page of ``given``."""
    found = points(given.runs)
    small = _first_measured(found, "small", SMALL_N)
    forms = [forms_table(found, "small", small, FORMS_WINDOW), forms_table(found, "large", LARGE_N, FORMS_WINDOW)]
    hardware = given.hardware
    return StudyView(
        title="Recursion, scan or map: the transform suite" if found else "Benchmark results",
        lede=_lede(found),
        facts=_facts(given),
        forms=tuple(table for table in forms if table is not None),
        orders=_orders(found, small),
        figures=(*_figures(found, hardware), *limit_figures(found, hardware, given.copies), *_memory_figures(found)),
        tables=tuple(_tables(found)),
        missing=missing_table(given.runs, given.benchmarks, given.reasons),
        everything=_everything(given.runs),
        hardware=() if hardware is None else hardware_view.sections(hardware),
        ceilings=() if hardware is None else _ceilings(hardware),
        notes=() if hardware is None else hardware.notes,
        reproduce=_reproduce(given),
        problems=tuple(given.problems),
        limits=given.limits,
    )


def _first_measured(found: Sequence[Point], kind: str, sizes: Sequence[int]) -> int:
    """Return the first of ``sizes`` that ``kind`` was measured at."""
    measured = {point.n for point in found if point.kind == kind and point.window == FORMS_WINDOW}
    return next((n for n in sizes if n in measured), sizes[0])


def _lede(found: Sequence[Point]) -> str:
    shares = [point for point in found if point.kind == "share" and point.threads == "1"]
    if not shares:
        return ""
    best = max(shares, key=lambda point: point.value)
    return (
        f"Nearest to the machine's limit: {best.variant}, at {best.value * 100:.0f} % of the speed of a plain copy "
        f"({best.n:,} elements of {best.dtype}, window {best.window}, one thread)."
    )


def _facts(given: StudyInput) -> tuple[tuple[str, str], ...]:
    started = [run.started_at for run in given.runs if run.started_at is not None]
    when = datetime.fromtimestamp(max(started), UTC).strftime("%Y-%m-%d %H:%M UTC") if started else "not known"
    cpu = (
        given.hardware.cpu.model
        if given.hardware and given.hardware.cpu.model
        else given.runs[0].machine.get("cpu", "")
    )
    measured = sum(result.outcome is Outcome.MEASURED for run in given.runs for result in run.results)
    facts = [
        ("machine", given.machine),
        ("processor", cpu or "not known"),
        ("commit", given.commit[:8]),
        ("measured", when),
        ("values", f"{measured:,}"),
        ("Python", ", ".join(sorted({run.python for run in given.runs}))),
    ]
    return tuple(facts + ([("run", given.mode)] if given.mode else []))


def _orders(found: Sequence[Point], small: int) -> tuple[tuple[str, str], ...]:
    lines = []
    for label, kind, n in (("small", "small", small), ("large", "large", LARGE_N)):
        for engine in ENGINES:
            text = order(found, kind, n, FORMS_WINDOW, engine)
            if text:
                lines.append((f"{ENGINE_NAMES[engine]}, {label} arrays ({n:,})", text))
    return tuple(lines)


def _figures(found: Sequence[Point], hardware: HardwareProfile | None) -> list[Figure]:
    figures = []
    for kind, title in (
        ("small", f"Small arrays: {FORM_ITSELF}"),
        ("large", "Large arrays, a fresh result each call"),
        ("out", "Large arrays, written where the pages are there already"),
    ):
        for dtype, window in distinct(found, kind):
            lines = series(found, kind, dtype, window)
            if not lines:
                continue
            sizes = sorted({point.n for line in lines for point in line.points})
            limit = [] if kind == "small" else copy_limit(hardware, dtype, sizes)
            heading = f"{title} ({dtype}, window {window})"
            note = "Seconds per call against elements, both logarithmic, one thread"
            figures.append(size_figure(f"{kind}-{dtype}-{window}", heading, lines, limit, note))
    return [*figures, *_share_figures(found)]


def _share_figures(found: Sequence[Point]) -> list[Figure]:
    figures = []
    for window in sorted({point.window for point in found if point.kind == "share"}):
        lines = [
            line
            for dtype, own in distinct(found, "share")
            if own == window
            for line in series(found, "share", dtype, window)
        ]
        caption = (
            "Time of a streaming copy of the same bytes ÷ time of the transform, taken in turns in one process; median "
            "of 3 to 9 pairs; solid: int32, dotted: float64. 100 % is the machine's limit."
        )
        figures.append(
            share_figure(f"share-{window}", f"How near to the copy's own speed (window {window})", lines, caption)
        )
    return figures


def _memory_figures(found: Sequence[Point]) -> list[Figure]:
    lines = series(found, "memory", "int32", FORMS_WINDOW)
    if not lines:
        return []
    note = "Peak memory of the process against elements, interpreter and input included"
    return [size_figure("memory", "Memory held while transforming (int32)", lines, caption=note)]


def _tables(found: Sequence[Point]) -> list[Table]:
    tables = []
    for kind in ("small", "entry", "large", "out", "share", "memory"):
        for threads in ("1", "all"):
            tables += [sizes_table(found, kind, dtype, window, threads) for dtype, window in distinct(found, kind)]
    tables += [threads_table(found, dtype, window) for dtype, window in distinct(found, "out")]
    return [table for table in tables if table is not None]


def _everything(runs: Sequence[SavedRun]) -> Table:
    rows = []
    for run in runs:
        where = ", ".join(f"{key}={value}" for key, value in run.env_vars.items()) or run.environment
        for result in run.results:
            if result.outcome is not Outcome.MEASURED:
                continue
            given = ", ".join(map(plain, result.benchmark.params))
            low, high = result.lower, result.upper
            unknown = low is None or high is None
            interval = NOT_MEASURED if unknown else f"{quantity(low, result.unit)} … {quantity(high, result.unit)}"
            cells = (given, where, quantity(result.value, result.unit), interval, str(len(result.samples) or 1))
            rows.append((Cell(result.benchmark.name), *map(Cell, cells)))
    caption = "Every value: asv's median, its 99 % interval, and the number of samples"
    return Table(caption, ("benchmark", "parameters", "environment", "median", "99 % interval", "samples"), tuple(rows))


def _ceilings(hardware: HardwareProfile) -> tuple[hardware_view.Table, ...]:
    tables = (hardware_view.bandwidth_table(hardware), hardware_view.call_table(hardware))
    return tuple(table for table in tables if table is not None)


def _reproduce(given: StudyInput) -> tuple[str, ...]:
    requirements = sorted(
        {f"{name} {version}".strip() for run in given.runs for name, version in run.requirements.items()}
    )
    comments = [f"# environment: {run.environment}" for run in given.runs]
    if requirements:
        comments.append(f"# the environment's requirements: {', '.join(requirements)}")
    option = f" --{given.mode}" if given.mode in {"quick", "full"} else ""
    return (*comments, f"git checkout {given.commit}", f"headgate bench{option}")
