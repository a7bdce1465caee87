"""The first page of a report: the finding in a sentence, every benchmark in a line, what is not measured. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headgate.report.benchmark_data import places_of, where
from headgate.report.study_missing import missing_table
from headgate.report.wording import count, percent, printable, quantity
from headgate.stats.changepoint import MIN_LENGTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headgate.report.benchmark_data import Line
    from headgate.report.history_view import ChangeRow, HistoryView
    from headgate.report.study_tables import Table
    from headgate.report.study_view import StudyInput
    from headgate.store.history import History

__all__ = ["MOST_ROWS", "OverviewRow", "OverviewView", "missing_tables", "overview_view", "sparkline"]

# A table of more rows takes a browser seconds; the benchmarks' own pages have the rest.
MOST_ROWS = 2_000
# A trend in eight characters: each the median of an eighth of the values.
_BARS = "▁▂▃▄▅▆▇█"
# Noise is not to fill the height: less than this from lowest to highest is drawn as if it were this much.
_LEAST_RISE = 0.2
_STATES = ("worse", "better", "steady", "too short")


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """One series. ``state`` is of its newest change of level: worse, better, steady (none found), or too short to tell.

    ``change`` is the newest change of level, ``step`` the newest value against the one before, which may be noise.
    ``where`` is machine and environment, ``place`` what of it tells the series apart, "" where nothing must be told.
    ``sort`` holds the numbers of the columns value, change and step, None where there is none.
    """

    name: str
    page: str
    where: str
    place: str
    state: str
    value: str
    interval: str
    change: str
    since: str
    step: str
    trend: str
    trend_text: str
    sort: tuple[float, float | None, float | None]


@dataclass(frozen=True, slots=True)
class OverviewView:
    """The first page; ``counts`` are (state, rows), ``omitted`` how many series the table leaves out.

    ``changing`` says that some series has two values: without, there is no change to speak of.
    """

    title: str
    sentence: str
    lede: str
    facts: tuple[tuple[str, str], ...]
    rows: tuple[OverviewRow, ...]
    counts: tuple[tuple[str, int], ...]
    changing: bool
    omitted: int
    missing: tuple[Table, ...]
    hardware: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]
    commit: str
    reproduce: tuple[str, ...]


def overview_view(
    history: History,
    changes: HistoryView,
    lines: Sequence[Line],
    machines: Sequence[StudyInput],
    pages: Mapping[str, str],
    problems: Sequence[str] = (),
) -> OverviewView:
    """Return the first page; ``pages`` are the benchmarks' own, by benchmark name.

    The table has the current series (see `Line.current`), or all where the newest commits have no value at all.
    """
    current = [line for line in lines if line.current] or list(lines)
    ordered = sorted(current, key=_by_what_matters)
    places = places_of(current)
    rows = tuple(_row(history, line, pages, places[where(line)]) for line in ordered[:MOST_ROWS])
    states = [_state(line) for line in current]
    return OverviewView(
        title="Benchmark report",
        sentence=_sentence(history, changes, current),
        lede=_lede(changes),
        facts=_facts(history, current, machines),
        rows=rows,
        counts=tuple((state, states.count(state)) for state in _STATES if state in states),
        changing=any(line.series.values.size > 1 for line in current),
        omitted=len(ordered) - len(rows),
        missing=missing_tables(machines),
        hardware=tuple(_hardware(item) for item in machines),
        problems=tuple(map(printable, problems)),
        commit=history.commits[-1],
        reproduce=("headgate report",),
    )


def missing_tables(machines: Sequence[StudyInput]) -> tuple[Table, ...]:
    """Return what each machine's newest commit has no value for, and why."""
    found = []
    for item in machines:
        table = missing_table(item.runs, item.benchmarks, item.reasons)
        if table is not None:
            named = f"{table.caption} on {printable(item.machine)} at {printable(item.commit[:8])}"
            found.append(type(table)(named, table.columns, table.rows))
    return tuple(found)


def sparkline(values: Sequence[float]) -> str:
    """Return the course of ``values`` in at most eight characters, "" for fewer than two values.

    >>> sparkline([1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    '▁▁▁▁████'
    >>> sparkline([1.0, 1.01])
    '▄▅'
    """
    if len(values) < 2:
        return ""
    parts = np.array([np.median(part) for part in np.array_split(np.asarray(values), min(len(_BARS), len(values)))])
    low, high = float(parts.min()), float(parts.max())
    least = _LEAST_RISE * max(abs(low), abs(high))
    if high - low < least:
        middle = (high + low) / 2
        low, high = middle - least / 2, middle + least / 2
    if high <= low:
        return _BARS[0] * len(parts)
    places = np.floor((parts - low) / (high - low) * (len(_BARS) - 1e-6)).astype(int)
    return "".join(_BARS[place] for place in places.clip(0, len(_BARS) - 1))


def _state(line: Line) -> str:
    if line.changes:
        return "worse" if line.changes[-1].worse else "better"
    return "steady" if line.series.values.size >= MIN_LENGTH else "too short"


def _by_what_matters(line: Line) -> tuple[object, ...]:
    """Newest worsening first, then improvements, then the rest by name."""
    newest = -int(line.series.positions[line.changes[-1].point.index]) if line.changes else 0
    size = (line.changes[-1].point.ratio or 1.0) if line.changes else 1.0
    return _STATES.index(_state(line)) if line.changes else len(_STATES), newest, -max(size, 1 / size), line.series.key


def _row(history: History, line: Line, pages: Mapping[str, str], place: str) -> OverviewRow:
    values, unit = line.series.values, line.series.unit
    item = line.newest
    low, high = (None, None) if item is None else (item.lower, item.upper)
    unknown = low is None or high is None
    change = line.changes[-1] if line.changes else None
    before = float(values[-2]) if values.size > 1 else None
    step = float(values[-1]) / before if before and before * values[-1] > 0 else None
    return OverviewRow(
        name=printable(str(line.series.key.benchmark)),
        page=pages[line.series.key.benchmark.name],
        where=printable(where(line)),
        place=printable(place),
        state=_state(line),
        value=quantity(line.value, unit),
        interval="" if unknown else f"{quantity(low, unit)} … {quantity(high, unit)}",
        change="" if change is None else change.change or f"{change.before} → {change.after}",
        since="" if change is None else _since(history, line, change),
        step="" if step is None else percent(step),
        trend=sparkline([float(value) for value in values]),
        trend_text=f"{count(values.size, 'value')}, {quantity(float(values.min()), unit)} to "
        f"{quantity(float(values.max()), unit)}",
        sort=(line.value, None if change is None else change.point.ratio, step),
    )


def _since(history: History, line: Line, change: ChangeRow) -> str:
    ago = len(history.commits) - 1 - int(line.series.positions[change.point.index])
    return f"{change.word}, {printable(change.likely[:8])}, {count(ago, 'commit')} ago"


def _sentence(history: History, changes: HistoryView, current: Sequence[Line]) -> str:
    if any(line.series.values.size >= MIN_LENGTH for line in current):
        return changes.sentence
    names = {line.series.key.benchmark.name for line in current}
    values = count(len(current), "value")
    commits = len(history.commits)
    shortage = f"Too few commits ({commits}) to look for changes: {MIN_LENGTH} are needed."
    return f"{count(len(names), 'benchmark')}, {values} measured. {shortage}"


def _lede(changes: HistoryView) -> str:
    """Return the change to look at first: the view has the newest worsening before all others."""
    if not changes.rows:
        return ""
    row = changes.rows[0]
    size = f"{row.change} ({row.interval})" if row.change else f"from {row.before} to {row.after}"
    return f"{'Newest worsening' if row.worse else 'Newest change'}: {row.name} {row.word} by {size}, in {row.range}."


def _facts(history: History, current: Sequence[Line], machines: Sequence[StudyInput]) -> tuple[tuple[str, str], ...]:
    facts = [
        ("benchmarks", f"{len({line.series.key.benchmark.name for line in current}):,}"),
        ("combinations", f"{len({line.series.key.benchmark for line in current}):,}"),
        ("commits", f"{len(history.commits):,}"),
        ("newest", printable(history.commits[-1][:8])),
        ("machines", ", ".join(printable(item.machine) for item in machines)),
    ]
    return tuple(facts)


def _hardware(item: StudyInput) -> tuple[str, str]:
    """Return a machine's name and, in a line, under what its newest values hold."""
    profile = item.hardware
    asv = item.runs[0].machine if item.runs else {}
    cpu = (profile.cpu.model if profile else None) or asv.get("cpu", "")
    cores = (profile.cpu.usable_cores if profile else None) or asv.get("num_cpu", "")
    system = (profile.platform.os if profile else None) or asv.get("os", "")
    pythons = ", ".join(sorted({f"Python {run.python}" for run in item.runs if run.python}))
    parts = [cpu, f"{cores} cores" if cores else "", system, pythons]
    needs = sorted({f"{name} {version}".strip() for run in item.runs for name, version in run.requirements.items()})
    parts.append(", ".join(needs))
    return printable(item.machine), printable("; ".join(part for part in parts if part)) or "not known"
