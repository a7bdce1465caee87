"""The transform study's tables: form by engine, variants by sizes, threads. Pure: points in, cells out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.report.study_data import ENGINES, FORMS, Point, classify, series
from headgate.report.wording import quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FORM_ITSELF", "Cell", "Table", "forms_table", "order", "sizes_table", "threads_table"]

ENGINE_NAMES = {"python": "Python", "numba": "Numba", "cython": "Cython (C)", "numpy": "NumPy"}
FORM_NAMES = {"recursion": "tail recursion", "scan": "scan", "map": "map"}
UNITS = {"memory": "bytes", "share": ""}
# Small arrays are measured without what a call adds; the entry's table has that.
FORM_ITSELF = "the form itself, no argument checks"
WHOLE_CALL = "argument checks and a fresh result included"
NOT_MEASURED = "–"  # noqa: RUF001 - an en dash is how tables say "nothing here"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its text, a smaller line below, a mark ("best", "none" or ""), and the number a page sorts it by."""

    text: str
    note: str = ""
    mark: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``caption`` says subject, unit and how many samples; the first cell of a row heads it."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def forms_table(points: Sequence[Point], kind: str, n: int, window: int) -> Table | None:
    """Return form by engine at ``n`` elements; None where no form was measured there."""
    found = {
        classify(point.variant): point
        for point in points
        if (point.kind, point.n, point.window, point.dtype, point.threads) == (kind, n, window, "int32", "1")
        and classify(point.variant)[0] in FORMS
    }
    if not found:
        return None
    engines = [engine for engine in ENGINES if any(key[1] == engine for key in found)]
    rows = []
    for form in FORMS:
        row = [Cell(FORM_NAMES[form])]
        for engine in engines:
            column = [point for key, point in found.items() if key[1] == engine]
            row.append(_form_cell(found.get((form, engine)), column))
        rows.append(tuple(row))
    what = f"{FORM_ITSELF}, time per pass over the array" if kind == "small" else "time per call"
    caption = f"{n:,} elements of int32, window {window}: {what}, median of {_samples(list(found.values()))}"
    return Table(caption, ("form", *(ENGINE_NAMES[engine] for engine in engines)), tuple(rows))


def order(points: Sequence[Point], kind: str, n: int, window: int, engine: str) -> str:
    """Return the forms of one engine from fastest to slowest: "map < scan ≈ recursion"; "" where one is missing.

    ``≈`` stands where the 99 % intervals of two neighbours overlap, or where one has none: no order is claimed.
    """
    found = [
        point
        for point in points
        if (point.kind, point.n, point.window, point.dtype, point.threads) == (kind, n, window, "int32", "1")
        and classify(point.variant)[1] == engine
        and classify(point.variant)[0] in FORMS
    ]
    if len(found) < len(FORMS):
        return ""
    ranked = sorted(found, key=lambda point: point.value)
    text = FORM_NAMES[classify(ranked[0].variant)[0]]
    for before, after in itertools.pairwise(ranked):
        text += f" {'<' if _apart(before, after) else '≈'} {FORM_NAMES[classify(after.variant)[0]]}"
    return text


def sizes_table(points: Sequence[Point], kind: str, dtype: str, window: int, threads: str = "1") -> Table | None:
    """Return variants by sizes; None where nothing was measured."""
    lines = series(points, kind, dtype, window, threads)
    if not lines:
        return None
    sizes = sorted({point.n for line in lines for point in line.points})
    higher = kind == "share"
    best = {n: _best([point for line in lines for point in line.points if point.n == n], higher=higher) for n in sizes}
    rows = []
    for line in lines:
        by_size = {point.n: point for point in line.points}
        cells = [_value_cell(by_size.get(n), by_size.get(n) is best[n]) for n in sizes]
        rows.append((Cell(line.variant), *cells))
    everything = [point for line in lines for point in line.points]
    caption = _caption(kind, dtype, window, threads, _samples(everything))
    heading = "function" if kind == "entry" else "variant"
    return Table(caption, (heading, *(f"{n:,}" for n in sizes)), tuple(rows))


def threads_table(points: Sequence[Point], dtype: str, window: int) -> Table | None:
    """Return how many times faster all cores are than one; None where only one of the two was measured."""
    one = {(point.variant, point.n): point for point in points if _is(point, "out", dtype, window, "1")}
    every = {(point.variant, point.n): point for point in points if _is(point, "out", dtype, window, "all")}
    both = sorted(set(one) & set(every), key=lambda key: key[1])
    if not both:
        return None
    sizes = sorted({n for _, n in both})
    rows = []
    for variant in dict.fromkeys(name for name, _ in both):
        cells = [
            Cell(
                f"{one[variant, n].value / every[variant, n].value:.2f}×", quantity(every[variant, n].value, "seconds")
            )
            if (variant, n) in both
            else Cell(NOT_MEASURED, mark="none")
            for n in sizes
        ]
        rows.append((Cell(variant), *cells))
    caption = f"Time on one thread ÷ time on all cores ({dtype}, window {window}, result array given), elements across"
    return Table(caption, ("variant", *(f"{n:,}" for n in sizes)), tuple(rows))


def _is(point: Point, kind: str, dtype: str, window: int, threads: str) -> bool:
    return (point.kind, point.dtype, point.window, point.threads) == (kind, dtype, window, threads)


def _form_cell(point: Point | None, column: Sequence[Point]) -> Cell:
    if point is None:
        return Cell(NOT_MEASURED, mark="none")
    fastest = min(column, key=lambda other: other.value)
    others = [other for other in column if other is not fastest]
    clear = point is fastest and bool(others) and all(_apart(point, other) for other in others)
    note = "fastest" if point is fastest else f"{point.value / fastest.value:.2f}×"
    return Cell(quantity(point.value, "seconds"), note, "best" if clear else "")


def _value_cell(point: Point | None, best: bool) -> Cell:
    if point is None:
        return Cell(NOT_MEASURED, mark="none")
    text = (
        f"{point.value * 100:.0f} %"
        if point.kind == "share"
        else quantity(point.value, UNITS.get(point.kind, "seconds"))
    )
    return Cell(text, mark="best" if best else "")


def _best(column: Sequence[Point], *, higher: bool) -> Point | None:
    if len(column) < 2 or column[0].kind == "entry":
        return None  # nothing to compare: one variant, or the floor and what stands on it
    return max(column, key=lambda point: point.value if higher else -point.value)


def _apart(faster: Point, slower: Point) -> bool:
    return faster.upper is not None and slower.lower is not None and faster.upper < slower.lower


def _samples(points: Sequence[Point]) -> str:
    counts = sorted({point.samples for point in points if point.samples})
    if not counts:
        return "one run"
    return f"{counts[0]} samples" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} samples"


def _caption(kind: str, dtype: str, window: int, threads: str, samples: str) -> str:
    who = "" if threads == "1" else f", threads: {threads}"
    subject = {
        "small": f"Small arrays ({dtype}, window {window}), {FORM_ITSELF}: time per pass, median of {samples}",
        "entry": f"Whole calls on small arrays ({dtype}, window {window}), {WHOLE_CALL}, and the least that an array "
        f"costs (np.empty): time per call, median of {samples}",
        "large": f"Large arrays ({dtype}, window {window}), fresh result: time per call, median of {samples}",
        "out": f"Large arrays ({dtype}, window {window}), result array given: time per call, median of {samples}",
        "share": f"Share of the streaming copy's bandwidth ({dtype}, window {window}): 100 % is the machine's limit",
        "memory": f"Peak memory of the process ({dtype}, window {window}), interpreter and input included",
    }[kind]
    marked = {"share": ", the highest of each column marked", "entry": ""}.get(
        kind, ", the lowest of each column marked"
    )
    return f"{subject}{who}; elements across{marked}"
