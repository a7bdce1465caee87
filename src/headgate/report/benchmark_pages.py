"""The page of one benchmark from its series: what it measures, how it changed, its figures and its numbers. Pure."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from headgate.report.benchmark_data import places_of, where
from headgate.report.benchmark_figures import params_figures, samples_figure
from headgate.report.benchmark_history import history_figure
from headgate.report.benchmark_view import BenchmarkPage
from headgate.report.study_tables import NOT_MEASURED, Cell, Table
from headgate.report.wording import count, printable, quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.report.benchmark_data import Line
    from headgate.report.history_view import ChangeRow
    from headgate.store.history import History

__all__ = ["MOST_ROWS", "benchmark_page"]

# A combination of parameters a row; a suite with more has its numbers in its result files.
MOST_ROWS = 200


def benchmark_page(name: str, history: History, lines: Sequence[Line]) -> BenchmarkPage:
    """Return the page of the benchmark ``name``; ``lines`` are its series."""
    figures = [*params_figures(lines), history_figure(history, lines), samples_figure(lines)]
    tables = (_values(lines), _changes(lines))
    return BenchmarkPage(
        name=name,
        lede=_lede(lines),
        facts=_facts(history, lines),
        figures=tuple(figure for figure in figures if figure is not None),
        tables=tuple(table for table in tables if table is not None),
        reproduce=_reproduce(name, history, lines),
        commit=_newest(history, lines),
    )


def _lede(lines: Sequence[Line]) -> str:
    """Return the newest change, in a sentence; how many values there are where nothing changed."""
    changes = sorted((row for line in lines for row in line.changes), key=_newest_first)
    if changes:
        row = changes[0]
        size = f"{row.change} ({row.interval})" if row.change else f"from {row.before} to {row.after}"
        which = f" {row.name}" if row.series.key.benchmark.params else ""
        more = f"; {count(len(changes) - 1, 'other change')} of level below" if len(changes) > 1 else ""
        return f"Newest change:{which} became {row.word}, {size}, in {row.range}{more}."
    longest = max((line.series.values.size for line in lines), default=0)
    return f"No change of level found; the longest series has {count(longest, 'value')}." if longest > 1 else ""


def _newest_first(row: ChangeRow) -> tuple[int, bool]:
    return -int(row.series.positions[row.point.index]), not row.worse


def _facts(history: History, lines: Sequence[Line]) -> tuple[tuple[str, str], ...]:
    if not lines:
        return ()
    places = sorted({where(line) for line in lines})
    units = sorted({line.series.unit for line in lines if line.series.unit})
    newest = _newest(history, lines)
    facts = [("combinations", f"{len({line.series.key.benchmark.params for line in lines}):,}")]
    facts += [("commits", f"{len({int(at) for line in lines for at in line.series.positions}):,}")]
    facts += [("newest commit", printable(newest[:8]))] if newest else []
    facts += [("unit", ", ".join(units))] if units else []
    facts += [("measured on", places[0] if len(places) == 1 else f"{len(places)} machines or environments")]
    return tuple(facts)


def _values(lines: Sequence[Line]) -> Table | None:
    current = [line for line in lines if line.newest is not None] or list(lines)
    if not current:
        return None
    places = places_of(current)
    several, changed = len(places) > 1, any(line.changes for line in current)
    names = current[0].names
    rows = []
    for line in current[:MOST_ROWS]:
        item = line.newest
        bounds = (item.lower, item.upper) if item is not None else (None, None)
        unknown = bounds[0] is None or bounds[1] is None
        unit = line.series.unit
        interval = NOT_MEASURED if unknown else f"{quantity(bounds[0], unit)} … {quantity(bounds[1], unit)}"
        samples = str(len(item.samples) or item.count or NOT_MEASURED) if item is not None else NOT_MEASURED
        params = line.params if names else ("(no parameters)",)
        cells = [*params, *([places[where(line)]] if several else []), quantity(line.value, unit), interval, samples]
        rows.append((*map(Cell, cells), *([_change_cell(line)] if changed else [])))
    left_out = "" if len(current) <= MOST_ROWS else f"; the first {MOST_ROWS} of {len(current):,}"
    caption = f"Newest values: the tool's median, its 99 % interval and number of samples{left_out}"
    columns = (*(names or ("parameters",)), *(("where",) if several else ()), "value", "99 % interval", "samples")
    return Table(caption, (*columns, *(("last change of level",) if changed else ())), tuple(rows))


def _change_cell(line: Line) -> Cell:
    if not line.changes:
        return Cell(NOT_MEASURED, mark="none")
    row = line.changes[-1]
    return Cell(row.change or f"{row.before} → {row.after}", f"{row.word}, {row.range}")


def _changes(lines: Sequence[Line]) -> Table | None:
    changes = sorted((row for line in lines for row in line.changes), key=_newest_first)
    if not changes:
        return None
    several = len({row.where for row in changes}) > 1
    with_params = any(row.series.key.benchmark.params for row in changes)
    rows = []
    for row in changes[:MOST_ROWS]:
        texts = [row.range, row.likely[:10], *([row.name] if with_params else []), *([row.where] if several else [])]
        texts += [row.change, row.interval, row.before, row.after]
        rows.append(tuple(Cell(printable(text)) for text in texts))
    which = (*(("benchmark",) if with_params else ()), *(("where",) if several else ()))
    caption = "Changes of level, newest first; each lies between two commits with 95 % confidence; + is an increase"
    columns = ("between commits", "likeliest", *which, "change", "95 % interval", "before", "after")
    return Table(caption, columns, tuple(rows))


def _newest(history: History, lines: Sequence[Line]) -> str:
    last = max((int(line.series.positions[-1]) for line in lines), default=None)
    return "" if last is None else history.commits[last]


def _reproduce(name: str, history: History, lines: Sequence[Line]) -> tuple[str, ...]:
    commit = _newest(history, lines)
    if not commit:
        return ()
    chosen = shlex.quote(f"--bench=^{re.escape(name)}")
    return (printable(f"asv run {chosen} {shlex.quote(commit + '^!')}"),)
