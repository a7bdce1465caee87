"""A benchmark's series with what is known of each: its changes, and its newest result. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.formats.saved import Outcome
from headgate.report.study_data import plain
from headgate.report.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from headgate.formats.saved import SavedResult, SavedRun
    from headgate.report.history_view import ChangeRow
    from headgate.store.history import History, Series, SeriesKey

__all__ = ["Line", "by_benchmark", "lines", "number", "places_of", "short_hash", "where"]

_SHORT_HASH = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One series: ``changes`` oldest first; ``newest`` its result at the newest commit of its machine, None without.

    ``names`` are the parameters' names, as many as there are parameters. ``current`` is false of a series that other
    results have taken the place of: another version of the benchmark, other hardware of the same name, another commit.
    """

    series: Series
    changes: tuple[ChangeRow, ...]
    newest: SavedResult | None
    names: tuple[str, ...]

    @property
    def current(self) -> bool:
        """Whether the machine's newest commit has a value of this series."""
        return self.newest is not None

    @property
    def params(self) -> tuple[str, ...]:
        """The parameters as they would be said: ``int32``, not ``'int32'``; and nothing that controls a terminal."""
        return tuple(printable(plain(text)) for text in self.series.key.benchmark.params)

    @property
    def value(self) -> float:
        """The newest value."""
        return float(self.series.values[-1])


def lines(history: History, changes: Iterable[ChangeRow], newest: Mapping[str, Sequence[SavedRun]]) -> tuple[Line, ...]:
    """Return every series of ``history`` as a line, in its order; ``newest`` are each machine's newest runs."""
    changed: dict[SeriesKey, list[ChangeRow]] = {}
    for row in changes:
        changed.setdefault(row.series.key, []).append(row)
    results = {
        (machine, run.environment, result.benchmark.name, result.benchmark.params, result.version or ""): result
        for machine, runs in newest.items()
        for run in runs
        for result in run.results
        if result.outcome is Outcome.MEASURED
    }
    last = {machine: _positions(history, runs) for machine, runs in newest.items()}
    found = []
    for series in history.series:
        key = series.key
        own = sorted(changed.get(key, ()), key=lambda row: row.point.index)
        place = (key.machine, key.environment, key.benchmark.name, key.benchmark.params, key.version)
        # Hardware of another kind under the same name shares the place; the series that ends there has the result.
        ends = int(series.positions[-1]) in last.get(key.machine, ())
        result = results.get(place) if ends else None
        names = result.benchmark.param_names if result is not None else ()
        found.append(Line(series, tuple(own), result, _names(names, len(key.benchmark.params))))
    return tuple(found)


def by_benchmark(every: Iterable[Line]) -> dict[str, list[Line]]:
    """Return the lines of each benchmark, by its name, names in order."""
    found: dict[str, list[Line]] = {}
    for line in every:
        found.setdefault(line.series.key.benchmark.name, []).append(line)
    return dict(sorted(found.items()))


def where(line: Line) -> str:
    """Return the machine and environment of a line, and what tells it from another of the same place."""
    key = line.series.key
    return printable(", ".join(part for part in (key.machine, key.environment) if part))


def places_of(every: Sequence[Line]) -> dict[str, str]:
    """Return what tells each place of ``every`` (see `where`) from the others, "" where there is one alone.

    The words between hyphens that all environments begin with are left out: such names are long.
    """
    keys = {where(line): line.series.key for line in every}
    if len(keys) < 2:
        return dict.fromkeys(keys, "")
    machines = {key.machine for key in keys.values()}
    environments = [key.environment.split("-") for key in keys.values()]
    same = 0
    while all(len(words) > same + 1 for words in environments) and len({words[same] for words in environments}) == 1:
        same += 1
    several = len({key.environment for key in keys.values()}) > 1
    return {
        place: ", ".join([key.machine] * (len(machines) > 1) + ["-".join(key.environment.split("-")[same:])] * several)
        for place, key in keys.items()
    }


def short_hash(commit: str) -> str:
    """Return a commit's first digits; what no hash has is "?": a chart reads markup in its texts."""
    return re.sub(r"[^0-9A-Za-z._-]", "?", commit[:_SHORT_HASH])


def number(text: str) -> float | None:
    """Return a parameter's value as a finite number, None where it is none.

    >>> number("1_000"), number("1e6"), number("int32"), number("nan")
    (1000.0, 1000000.0, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _positions(history: History, runs: Sequence[SavedRun]) -> frozenset[int]:
    commits = {run.commit for run in runs}
    return frozenset(index for index, commit in enumerate(history.commits) if commit in commits)


def _names(names: Sequence[str], amount: int) -> tuple[str, ...]:
    return (
        tuple(map(printable, names)) if len(names) == amount else tuple(f"param{index + 1}" for index in range(amount))
    )
