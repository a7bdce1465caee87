"""A history's changes as Markdown: fit for an issue, a comment or a job summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.report.plain import bounded_table, utf8_size
from headgate.report.verdict_markdown import MAX_BYTES, escaped, literal
from headgate.report.wording import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.report.history_view import ChangeRow, HistoryView

__all__ = ["history_markdown"]

_MAX_NAME, _MAX_WHERE, _MAX_LINK, _MAX_TEXT, _MAX_VALUE = 160, 80, 500, 300, 40


def history_markdown(view: HistoryView) -> str:
    """Return the changes in at most `MAX_BYTES`, worsenings first; what does not fit is counted."""
    new = any(row.worse and row.new for row in view.rows)
    head = f"### {'🔴' if new else '✅'} {literal(view.sentence, _MAX_TEXT)}\n\n"
    tail = "".join(f"- **{label}**: {literal(text, _MAX_TEXT)}\n" for label, text in view.facts)
    if view.problems:
        tail += f"- **Left out**: {count(len(view.problems), 'file')} that could not be read\n"
    return head + _table(view.rows, MAX_BYTES - utf8_size(head) - utf8_size(tail)) + tail


def _table(rows: Sequence[ChangeRow], room: int) -> str:
    if not rows:
        return ""
    head = [
        "| | benchmark | change | 95 % interval | commits | before | after | where |",
        "|:-|:-|-:|:-:|:-|-:|-:|:-|",
    ]
    return bounded_table(head, [_line(row) for row in rows], room, "\n… and {} more: see the JSON.\n")


def _line(row: ChangeRow) -> str:
    icon = "🔴 new" if row.worse and row.new else "🟠" if row.worse else "🟢"
    commits = f"<code>{escaped(row.range)}</code>"
    if row.link.startswith(("https://", "http://")) and len(row.link) <= _MAX_LINK:
        # In angle brackets a link may hold parentheses; what would end it there is written as its code.
        target = row.link.replace("<", "%3C").replace(">", "%3E").replace(" ", "%20").replace("|", "%7C")
        commits = f"[{commits}](<{target}>)"
    name = f"<code>{literal(row.name, _MAX_NAME)}</code>"
    where = literal(row.where, _MAX_WHERE)
    cells = (f"{icon} {row.word}", name, f"**{row.change}**" if row.change else "", row.interval, commits)
    return "| " + " | ".join((*cells, literal(row.before, _MAX_VALUE), literal(row.after, _MAX_VALUE), where)) + " |"
