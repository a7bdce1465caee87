"""The one view of a history that every renderer shows: changes, the newest worsening first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.model import Direction
from headgate.report.wording import count, percent, plain_percent, printable, quantity
from headgate.stats.changepoint import MIN_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from headgate.model import BenchmarkId
    from headgate.stats.changepoint import ChangePoint
    from headgate.store.history import History, Series

__all__ = ["ChangeRow", "HistoryView", "Terms", "history_view", "new_worsenings"]

_TIME_UNITS = ("seconds", "s")
_WORDS = {True: ("slower", "faster"), False: ("worse", "better")}
_SHORT_HASH = 10


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms changes were looked for. ``since`` is what "new" means, in words."""

    level: float
    margin: float
    accepted: float
    since: str
    too_short: int


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change, ready to show.

    It came after ``last_good`` and with ``first_bad`` at the latest, most likely with ``likely``; ``commits`` of the
    tree are candidates. The texts hold nothing that controls a terminal, and are not escaped for markup.
    """

    series: Series
    point: ChangePoint
    worse: bool
    new: bool
    last_good: str
    first_bad: str
    likely: str
    commits: int
    date: float
    name: str
    where: str
    change: str
    word: str
    interval: str
    before: str
    after: str
    link: str

    @property
    def range(self) -> str:
        """The commits between which the change lies, short: "1a2b3c..4d5e6f"."""
        return f"{printable(self.last_good[:_SHORT_HASH])}..{printable(self.first_bad[:_SHORT_HASH])}"


@dataclass(frozen=True, slots=True)
class HistoryView:
    """A history, ready to show."""

    rows: tuple[ChangeRow, ...]
    terms: Terms
    sentence: str
    facts: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]

    @property
    def worse(self) -> tuple[ChangeRow, ...]:
        """The worsenings; they come first in ``rows``."""
        return tuple(row for row in self.rows if row.worse)


def history_view(
    history: History,
    found: Sequence[Sequence[ChangePoint]],
    terms: Terms,
    *,
    new: frozenset[int],
    direction: Callable[[BenchmarkId], Direction | None] = lambda _: None,
    link: str = "",
) -> HistoryView:
    """Return the view of ``found``, the change points of each of ``history.series``.

    Parameters
    ----------
    history, found, terms
        The series, what was found in each, and how.
    new
        Positions of the commits that count as new.
    direction
        Whether lower or higher is better; None: lower.
    link
        A pattern with ``{commit}``, and if wanted ``{last_good}``.
    """
    rows = []
    for series, points in zip(history.series, found, strict=True):
        better = direction(series.key.benchmark) or Direction.LOWER
        shown = [point for point in points if point.p <= terms.accepted and _large(point, terms.margin)]
        rows += [_row(history, series, point, better, new, link) for point in shown]
    rows.sort(key=_by_what_matters)
    return HistoryView(
        rows=tuple(rows),
        terms=terms,
        sentence=_sentence(rows, terms, len(history.series)),
        facts=_facts(history, terms),
        problems=tuple(printable(problem) for problem in history.problems),
    )


def new_worsenings(view: HistoryView) -> tuple[ChangeRow, ...]:
    """Return what `--fail-on-new` fails on: worsenings whose range reaches into the new commits."""
    return tuple(row for row in view.rows if row.worse and row.new)


def _large(point: ChangePoint, margin: float) -> bool:
    """Whether the change is one to speak of, in either direction: 0.9 is as large as 1/0.9."""
    return point.ratio is None or max(point.ratio, 1.0 / point.ratio) >= 1.0 + margin


def _by_what_matters(row: ChangeRow) -> tuple[object, ...]:
    size = row.point.ratio or 1.0
    newest = -int(row.series.positions[row.point.last])
    return (not row.worse, newest, -max(size, 1.0 / size), row.series.key)


def _row(
    history: History, series: Series, point: ChangePoint, better: Direction, new: frozenset[int], link: str
) -> ChangeRow:
    positions = series.positions
    good, bad = int(positions[point.first - 1]), int(positions[point.last])
    worse = (point.after > point.before) == (better is Direction.LOWER)
    likely = history.commits[int(positions[point.index])]
    known = point.ratio is not None
    return ChangeRow(
        series=series,
        point=point,
        worse=worse,
        new=not new.isdisjoint(range(good + 1, bad + 1)),
        last_good=history.commits[good],
        first_bad=history.commits[bad],
        likely=likely,
        commits=bad - good,
        date=history.order.dates[int(positions[point.index])],
        name=printable(str(series.key.benchmark)),
        where=printable(", ".join(part for part in (series.key.machine, series.key.environment) if part)),
        change=percent(point.ratio) if known else "",
        word=_WORDS[series.unit in _TIME_UNITS][0 if worse else 1],
        interval=f"{percent(point.lower)} to {percent(point.upper)}" if known else "",
        before=quantity(point.before, series.unit),
        after=quantity(point.after, series.unit),
        link=printable(_filled(link, {"commit": likely, "last_good": history.commits[good]})),
    )


def _filled(pattern: str, values: Mapping[str, str]) -> str:
    for key, value in values.items():
        pattern = pattern.replace(f"{{{key}}}", value if value.isalnum() else "")
    return pattern


def _sentence(rows: Sequence[ChangeRow], terms: Terms, series: int) -> str:
    worse = [row for row in rows if row.worse]
    new = sum(row.new for row in worse)
    if not rows:
        searched = series - terms.too_short
        if series and not searched:
            return f"Nothing was searched: all {series:,} series are shorter than {MIN_LENGTH} results."
        return f"No change point in {count(searched, 'series', 'series')}."
    return (
        f"{count(len(worse), 'worsening')}, {new} of them new ({terms.since}), and "
        f"{count(len(rows) - len(worse), 'improvement')} in {count(series, 'series', 'series')}."
    )


def _facts(history: History, terms: Terms) -> tuple[tuple[str, str], ...]:
    order = history.order
    by = "date" if order.repository is None else "topology of the repository"
    if order.repository is not None and order.unknown:
        by += f"; {count(order.unknown, 'commit')} it does not have{', being a shallow clone' * order.shallow}, by date"
    says = (
        f"false alarms {plain_percent(terms.level)} a series and of what is listed; changes below "
        f"{plain_percent(terms.margin)} are not listed"
    )
    facts = [
        ("Results", f"{count(history.files, 'file')}, {count(len(history.commits), 'commit')}, ordered by {by}"),
        ("Terms", says),
    ]
    facts += [("Too short", f"{count(terms.too_short, 'series', 'series')} not searched")] if terms.too_short else []
    return tuple(facts)
