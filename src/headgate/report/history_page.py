"""Every change of level in a tree as a page: a row a change, with a link to its commit if wanted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headgate.report.wording import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.report.history_view import ChangeRow, HistoryView

__all__ = ["MOST_ROWS", "HistoryLine", "HistoryPage", "history_page"]

MOST_ROWS = 1_000
_SCHEMES = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One change: ``page`` is its benchmark's, ``link`` its commit's, "" where there is none or it is no web link."""

    name: str
    page: str
    where: str
    state: str
    new: bool
    change: str
    word: str
    interval: str
    before: str
    after: str
    range: str
    likely: str
    date: str
    link: str
    ratio: float | None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """The page; ``counts`` are (state, rows), ``omitted`` how many changes the table leaves out."""

    sentence: str
    rows: tuple[HistoryLine, ...]
    counts: tuple[tuple[str, int], ...]
    facts: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]
    omitted: int


def history_page(view: HistoryView, pages: Mapping[str, str]) -> HistoryPage:
    """Return the page of a history; ``pages`` are the benchmarks' own, by name."""
    states = ["worse" if row.worse else "better" for row in view.rows]
    return HistoryPage(
        sentence=view.sentence,
        rows=tuple(_line(row, pages) for row in view.rows[:MOST_ROWS]),
        counts=tuple((state, states.count(state)) for state in ("worse", "better") if state in states),
        facts=view.facts,
        problems=view.problems,
        omitted=max(0, len(view.rows) - MOST_ROWS),
    )


def _line(row: ChangeRow, pages: Mapping[str, str]) -> HistoryLine:
    return HistoryLine(
        name=row.name,
        page=pages[row.series.key.benchmark.name],
        where=row.where,
        state="worse" if row.worse else "better",
        new=row.new,
        change=row.change,
        word=row.word,
        interval=row.interval,
        before=row.before,
        after=row.after,
        range=row.range,
        likely=printable(row.likely[:10]),
        date=datetime.fromtimestamp(row.date, UTC).strftime("%Y-%m-%d"),
        link=row.link if row.link.startswith(_SCHEMES) else "",
        ratio=row.point.ratio,
    )
