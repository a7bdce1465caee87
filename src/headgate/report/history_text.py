"""A history's changes as a table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.report.plain import memory_console
from headgate.report.wording import count, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    import rich.table

    from headgate.report.history_view import ChangeRow, HistoryView

__all__ = ["history_text", "problem_lines"]

# From here on what was before and after fits beside the rest.
_WIDE = 130
# More than two screens are a count; the files have them all.
_MAX_WORSE, _MAX_BETTER, _MAX_PROBLEMS = 60, 20, 10
_MAX_NAME = 96


def history_text(view: HistoryView, *, width: int = 80, color: bool = False, quiet: bool = False) -> str:
    """Return the changes for a terminal of ``width`` columns; ``quiet`` leaves the worsenings and the sentence."""
    console = memory_console(width, color=color)
    worse = view.worse
    better = () if quiet else view.rows[len(worse) :]
    shown = (*worse[:_MAX_WORSE], *better[:_MAX_BETTER])
    if shown:
        console.print(_table(shown, console.width))
        console.print()
    hidden = len(worse) + len(better) - len(shown)
    if hidden:
        console.print(f"… and {count(hidden, 'change')} more: see --json or --markdown\n", soft_wrap=True)
    for row in worse[:_MAX_WORSE]:
        if row.link:
            console.print(f"{row.range}  {row.link}", soft_wrap=True)
    if not quiet:
        for label, text in view.facts:
            console.print(f"{label}: {text}", soft_wrap=True)
    console.print(view.sentence, soft_wrap=True)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO above
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def problem_lines(problems: Sequence[str]) -> list[str]:
    """Return the problems to warn of, the rest as a count."""
    lines = [f"headgate: warning: {problem}" for problem in problems[:_MAX_PROBLEMS]]
    if len(problems) > _MAX_PROBLEMS:
        lines.append(f"headgate: warning: … and {len(problems) - _MAX_PROBLEMS:,} more files left out")
    return lines


def _table(rows: Sequence[ChangeRow], width: int) -> rich.table.Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    wide = width >= _WIDE
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("benchmark", overflow="fold")
    for heading in ("change", "interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("commits", no_wrap=wide, overflow="fold")
    for heading in ("before", "after", "where") if wide else ():
        table.add_column(heading, justify="left" if heading == "where" else "right", overflow="fold")
    for row in rows:
        style = "bold red" if row.worse and row.new else "red" if row.worse else "green"
        cells = [row.change or f"{row.before} → {row.after}", row.interval, row.range]
        cells += [row.before, row.after, row.where] if wide else []
        label = f"{'new ' if row.worse and row.new else ''}{row.word}"
        name = row.name if wide else f"{row.name} [{row.where}]"
        table.add_row(Text(label, style), Text(shortened(name, _MAX_NAME)), *(Text(text) for text in cells))
    return table
