"""What a report is made of, and which pages that gives. Pure: data in, data out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headgate.report.benchmark_data import Line, by_benchmark, lines
from headgate.report.page_names import page_names
from headgate.report.study_data import points

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headgate.model import BenchmarkId, Direction, Round
    from headgate.report.history_view import HistoryView
    from headgate.report.study_view import StudyInput
    from headgate.report.verdict_view import VerdictView
    from headgate.store.history import History

__all__ = ["Site", "SiteInput", "SiteVerdict", "site"]

INDEX, VERDICT, HISTORY = "index.html", "verdict.html", "history.html"
HARDWARE, STUDY = "hardware.html", "transforms.html"


@dataclass(frozen=True, slots=True)
class SiteVerdict:
    """A verdict to show; ``source`` is the file's name, ``rounds`` its evidence, empty where it has none.

    ``directions`` says of each benchmark which is better; of one that is not in it, lower.
    """

    source: str
    view: VerdictView
    rounds: Mapping[BenchmarkId, Sequence[Round]] = field(default_factory=dict)
    directions: Mapping[BenchmarkId, Direction] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SiteInput:
    """What a report is made of: the whole tree as series, its changes, and each machine's newest commit in full.

    ``machines`` are in the order in which they are shown; ``verdicts`` newest first; ``asv`` is the path of asv's own
    pages, seen from the report, "" where there are none, and ``releases`` that of a ledger's; ``problems`` is what
    could not be read.
    """

    history: History
    changes: HistoryView
    machines: Sequence[StudyInput]
    verdicts: Sequence[SiteVerdict] = ()
    problems: Sequence[str] = ()
    asv: str = ""
    releases: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """Which pages there are. ``links`` are (label, path) of the navigation; each study and verdict has its path.

    ``pages`` are the benchmarks' paths by name, ``lines`` their series; a benchmark that only a verdict knows has none.
    """

    links: tuple[tuple[str, str], ...]
    pages: Mapping[str, str]
    lines: Mapping[str, Sequence[Line]]
    studies: tuple[tuple[StudyInput, str], ...]
    verdicts: tuple[tuple[SiteVerdict, str], ...]


def site(given: SiteInput) -> Site:
    """Return the pages of a report: only those with content."""
    newest = {item.machine: item.runs for item in given.machines}
    grouped = by_benchmark(lines(given.history, given.changes.rows, newest))
    compared = {name.name for verdict in given.verdicts for name in verdict.rounds}
    studies = [item for item in given.machines if points(item.runs)]
    paths = _study_paths(studies)
    verdicts = [
        (item, VERDICT if index == 0 else f"verdict-{index + 1}.html") for index, item in enumerate(given.verdicts)
    ]
    links = [("Overview", INDEX), *([("Verdict", VERDICT)] if verdicts else [])]
    if studies:
        links.append(("Transform study", STUDY))
    if len(given.history.commits) > 1:
        links.append(("History", HISTORY))
    if any(item.hardware is not None for item in given.machines):
        links.append(("Hardware", HARDWARE))
    if given.releases:
        links.append(("Releases", given.releases))
    if given.asv:
        links.append(("asv", given.asv))
    return Site(
        links=tuple(links),
        pages=page_names([*grouped, *compared]),
        lines=grouped,
        studies=tuple(zip(studies, paths, strict=True)),
        verdicts=tuple(verdicts),
    )


def _study_paths(studies: Sequence[StudyInput]) -> list[str]:
    """Return the first study's page and one for each further machine, named after it."""
    names = page_names(item.machine for item in studies)
    own = [names[item.machine].rpartition("/")[2] for item in studies]
    return [STUDY if index == 0 else f"transforms-{name}" for index, name in enumerate(own)]
