"""The verdict as a table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.report.plain import memory_console
from headgate.report.wording import count, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    import rich.console
    import rich.table

    from headgate.report.verdict_view import Row, VerdictView

__all__ = ["verdict_text"]

_STYLES = {"pass": "green", "regressed": "bold red", "inconclusive": "yellow", "failed": "bold magenta"}
# From here on the two sides' values and the number of rounds fit beside the rest.
_WIDE = 110
# More passes than a screen are a count; the files have them all.
_MAX_PASSED = 40
# A suite that cannot work at all would fill the screen with the same traceback.
_MAX_DETAILS = 3
# What a name needs to be read without a break in every other word.
_NAME_COLUMNS = 32
_MAX_NAME_ROWS = 3


def verdict_text(view: VerdictView, *, width: int = 80, color: bool = False, quiet: bool = False) -> str:
    """Return the verdict for a terminal of ``width`` columns; ``quiet`` leaves the sentence and what must be read."""
    from rich.text import Text

    console = memory_console(width, color=color)
    shown = view.to_read if quiet else (*view.to_read, *view.passed[:_MAX_PASSED])
    if shown:
        console.print(_table(shown, console.width))
    hidden = 0 if quiet else len(view.passed) - _MAX_PASSED
    if hidden > 0:
        console.print(f"… and {count(hidden, 'benchmark')} more within the margin")
    _print_notes(console, view, quiet=quiet)
    console.print(Text.assemble((view.state.upper(), _STYLES[view.state]), ": ", view.sentence))
    output = console.file
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines()) + "\n"  # type: ignore[attr-defined]  # the StringIO above


def _table(rows: Sequence[Row], width: int) -> rich.table.Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    wide = width >= _WIDE and _room(rows, width, wide=True) >= min(_NAME_COLUMNS, *(len(row.name) for row in rows))
    longest = _MAX_NAME_ROWS * max(_room(rows, width, wide=wide), _NAME_COLUMNS // 2)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    table.add_column("state", no_wrap=True)
    table.add_column("benchmark", overflow="fold", ratio=None)
    table.add_column("change", justify="right", no_wrap=True)
    table.add_column("interval", justify="right", no_wrap=True)
    if wide:
        for heading in ("margin", "baseline", "candidate", "rounds"):
            table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        name = Text(shortened(row.name, longest))
        cells = [Text(row.state, _STYLES[row.state]), name, *(Text(text) for text in _numbers(row, wide=wide))]
        table.add_row(*cells)
    return table


def _numbers(row: Row, *, wide: bool) -> tuple[str, ...]:
    """Return the cells right of the name."""
    more = (row.margin, row.baseline, row.candidate, str(row.rounds)) if wide else ()
    return (row.change, row.interval, *more)


def _room(rows: Sequence[Row], width: int, *, wide: bool) -> int:
    """Return the columns left for the names."""
    columns = zip(*((row.state, *_numbers(row, wide=wide)) for row in rows), strict=True)
    headings = ("state", "change", "interval", "margin", "baseline", "candidate", "rounds")
    taken = sum(max(len(heading), *map(len, texts)) + 3 for heading, texts in zip(headings, columns, strict=False))
    return width - taken


def _print_notes(console: rich.console.Console, view: VerdictView, *, quiet: bool) -> None:
    console.print()
    notes = []
    details = 0
    for row in view.rows:
        if row.note and (row.matters or not quiet):
            details += bool(row.detail)
            shown = row.detail if details <= _MAX_DETAILS else ()
            notes.append("\n".join((f"{row.name}: {row.note}", *(f"  {line}" for line in shown))))
    notes += [f"{name}: {why}" for name, why in view.missing if not quiet]
    notes += [text for texts in view.of_the_run for text in texts]
    if details > _MAX_DETAILS:
        notes.append(f"{count(details - _MAX_DETAILS, 'more traceback')}: see --html or --junit")
    if notes:
        console.print(_aligned([("-", note) for note in notes]), "")
    if not quiet:
        console.print(_aligned([(f"{label}:", text) for label, text in view.facts]), "")


def _aligned(lines: Sequence[tuple[str, str]]) -> rich.table.Table:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1), pad_edge=False)
    for label, text in lines:
        # Text, not markup: a benchmark may be called [red].
        grid.add_row(Text(label), Text(text, overflow="fold"))
    return grid
