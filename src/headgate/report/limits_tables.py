"""What ``benchmarks/limits.py`` measured, as tables and as Markdown. Pure: its JSON in, cells out."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError
from headgate.report.study_tables import NOT_MEASURED, Cell, Table
from headgate.report.wording import quantity
from headgate.store.results import LIMITS_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Row = Mapping[str, Any]

__all__ = ["SCHEMA", "copies", "limits_tables", "markdown"]

SCHEMA = "headgate.limits/1"
# More rows than a screen shows are unfolded by whoever wants them.
MOST_ROWS = 30
FORMS = ("recursion", "scan", "map")


def limits_tables(document: Mapping[str, Any]) -> tuple[Table, ...]:
    """Return the tables of one run of ``benchmarks/limits.py``.

    Raises
    ------
    InputError
        The document is not what that script writes.
    """
    try:
        if document["schema"] != SCHEMA:
            raise InputError(f"{LIMITS_FILE}: schema {document['schema']!r} is not {SCHEMA}; run `make limits` again")
        measured = document["measured"]
        return (
            _figures(document),
            _copies(measured["copies"]),
            _peers(measured["peers"], document["missing"]),
            _small(measured["small"]),
            _forms(measured["forms"]),
            _threads(measured["threads"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{LIMITS_FILE}: not what benchmarks/limits.py writes; run `make limits`") from error


def copies(document: Mapping[str, Any]) -> tuple[Row, ...]:
    """Return the rows of a document that `limits_tables` took: dtype, n, window, ns and memcpy (ns per element)."""
    rows: Sequence[Row] = document["measured"]["copies"]
    return tuple(row for row in rows if row["ns"] > 0 and row["memcpy"] > 0)


def markdown(document: Mapping[str, Any]) -> str:
    """Return the same tables as Markdown; a long one is folded up, with its number of rows in what is seen of it."""
    tables = limits_tables(document)
    return "\n\n".join(_folded(table) if len(table.rows) > MOST_ROWS else _open(table) for table in tables)


def _open(table: Table) -> str:
    return f"**{table.caption}**\n\n{_lines(table)}"


def _folded(table: Table) -> str:
    # A blank line ends the HTML: what follows is read as Markdown again.
    summary = f"<summary><b>{escape(table.caption, quote=False)}</b> ({len(table.rows)} rows)</summary>"
    return f"<details>\n{summary}\n\n{_lines(table)}\n\n</details>"


def _lines(table: Table) -> str:
    lines = [table.columns, tuple("---" for _ in table.columns)]
    lines += [tuple(_escape(f"{cell.text} {cell.note}".strip()) for cell in row) for row in table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _ratio(given: Row | None, digits: int = 2) -> Cell:
    if given is None:
        return Cell(NOT_MEASURED)
    interval = f"[{given['low']:.{digits}f}, {given['high']:.{digits}f}]"
    return Cell(f"{given['ratio']:.{digits}f}", interval)


def _table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str | Cell]]) -> Table:
    cells = tuple(tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row) for row in rows)
    return Table(caption, tuple(columns), cells)


def _figures(document: Row) -> Table:
    machine = document["machine"]
    rows = [
        (
            figure["name"],
            f"{'≥' if figure['at_least'] else '≤'} {figure['wanted']:g}",
            _ratio(figure["worst"]),
            str(figure["where"]),
            str(figure["verdict"]),
        )
        for figure in document["targets"]
    ]
    caption = (
        f"Figures asked for: {machine['cpu']}, {machine['cores']} usable cores, kernels {machine['isa']}, Python "
        f"{machine['python']}, NumPy {machine['numpy']}, load {machine['load']:.1f} at the start"
        f"{', a quick run' if document['quick'] else ''}; the worst combination, with its 95 % interval; "
        "reached only where every combination's interval is on the right side"
    )
    return _table(caption, ("figure", "asked for", "worst", "where", "verdict"), rows)


def _copies(rows: Sequence[Row]) -> Table:
    body = [
        (
            f"{row['dtype']}, {row['n']:,}, w={row['window']}",
            f"{row['ns']:.3f}",
            f"{row['fresh']:.3f}",
            f"{row['memcpy']:.3f}",
            f"{row['streaming copy']:.3f}",
            _ratio(row["of_memcpy"]),
            _ratio(row["of_copy"]),
        )
        for row in rows
    ]
    caption = (
        "The native kernel against copies of the same bytes: ns per element, one thread, out= given and touched "
        "(fresh: a new array each call); then its speed as a share of each copy's"
    )
    columns = ("dtype, elements, window", "kernel", "fresh", "memcpy", "streaming copy", "of memcpy", "of streaming")
    return _table(caption, columns, body)


def _peers(rows: Sequence[Row], missing: Sequence[str]) -> Table:
    body = [
        (
            f"{row['dtype']}, {row['n']:,}, w={row['window']}, p={'i' if row['weighted'] else '1'}",
            str(row["name"]),
            f"{row['ms']:.2f}",
            Cell(
                "correct" if row["correct"] else "wrong",
                "" if row["error_eps"] is None else f"{row['error_eps']:.2g} eps",
            ),
            _ratio(row["times_slower"], 1),
        )
        for row in rows
    ]
    caption = (
        "Against other packages: ms, fresh results for all; p=i is the default transform (peers multiply first), p=1 "
        "the plain moving sum; correct: the oracle's value, floats within 8 eps of the terms' sum; not installed: "
        + (", ".join(missing) or "none")
    )
    return _table(caption, ("dtype, elements, window, weights", "who", "ms", "result", "times the kernel's"), body)


def _small(rows: Sequence[Row]) -> Table:
    body = [(f"{row['dtype']}: {row['name']}", f"{row['ns']:.0f}", _ratio(row["over_empty"])) for row in rows]
    return _table("Calls on 10 elements: ns, the empty call subtracted", ("call", "ns", "times np.empty(10)"), body)


def _forms(rows: Sequence[Row]) -> Table:
    found = {(row["n"], row["engine"], row["form"]): row for row in rows}
    body: list[list[str | Cell]] = []
    for n, engine in dict.fromkeys((row["n"], row["engine"]) for row in rows):
        line: list[str | Cell] = [f"{n:,}, {engine}"]
        for form in FORMS:
            row = found[n, engine, form]
            line.append(Cell(quantity(row["seconds"], "seconds"), f"{row['over_map']['ratio']:.2f} × map"))
        body.append(line)
    caption = "Form by engine: time per pass, int32, window 10, kernels without argument checks"
    return _table(caption, ("elements, engine", *FORMS), body)


def _threads(rows: Sequence[Row]) -> Table:
    body = [
        (f"{row['dtype']}, {row['n']:,}, {row['threads']} threads", f"{row['ns']:.3f}", _ratio(row["speedup"]))
        for row in rows
    ]
    return _table("Threads: window 10, out= given and touched", ("dtype, elements", "ns/element", "speed-up"), body)
