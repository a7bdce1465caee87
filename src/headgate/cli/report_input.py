"""What a report is made of, loaded: the tree as series with its changes, each machine's newest commit, the verdicts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from headgate.model import BenchmarkId, Direction
    from headgate.report.history_view import HistoryView
    from headgate.report.site_view import SiteInput, SiteVerdict
    from headgate.report.study_view import StudyInput
    from headgate.store.history import History
    from headgate.store.results import MachineResults

    Progress = Callable[[str, int, int], None]

__all__ = ["DEFAULT_RESULTS", "Sources", "load_site", "results_directory", "study_input"]

# asv's own default, and what is read where there is no asv.conf.json to say otherwise.
DEFAULT_RESULTS = Path("results")

# What the history's page calls new, and what it leaves out: as `headgate history` does by default.
SINCE = "10"
MARGIN = 0.01


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a report comes from.

    ``results`` is asv's directory, whose ``verdicts/*.json`` are shown after ``verdicts`` (verdicts or their evidence);
    ``machine`` is shown first, by default the one measured last; ``repository`` is a directory in the one the commits
    are of, by default that of ``results``; ``link`` is a pattern with ``{commit}``, and if wanted ``{last_good}``.
    """

    results: Path
    machine: str | None = None
    verdicts: Sequence[Path] = ()
    repository: Path | None = None
    link: str = ""


def results_directory(given: Path | None) -> Path:
    """Return the results to read: those given, else where the asv.conf.json of this project has them, else results/."""
    from headgate.measure.asv_config import find_results

    if given is not None:
        return given
    here = Path.cwd()
    found = find_results(here)
    if found is None:
        return DEFAULT_RESULTS
    # As seen from here: reports and messages tell no one's directories.
    return Path(os.path.relpath(found, here)) if found.drive == here.drive else found


def load_site(sources: Sources, progress: Progress = lambda _step, _done, _total: None) -> SiteInput:
    """Return what the report is made of; what could not be read is in its ``problems``.

    ``progress`` is told the step, how much of it is done, and of how much.

    Raises
    ------
    InputError
        There is nothing to report, no such machine, or one of the ``verdicts`` cannot be read.
    """
    from headgate.cli.history_search import usable_cores
    from headgate.report.site_view import SiteInput
    from headgate.store.history import read_history
    from headgate.store.results import machines

    results, machine = sources.results, sources.machine
    names = machines(results)
    if machine is not None and machine not in names:
        raise InputError(f"{results}: no results of machine {machine!r}; it has: {', '.join(names)}; give one of them")
    given = [_verdict(path) for path in sources.verdicts]
    cores = usable_cores()
    history = read_history(
        results,
        repository=sources.repository or results,
        workers=cores,
        progress=lambda done, total: progress("reading", done, total),
    )
    changes = _changes(history, cores, sources.link, progress)
    loaded = _newest(history, results, machine)
    saved, unread = _saved_verdicts(history, sources.verdicts)
    found = [study_input(item) for item in loaded]
    studies = [item for item in found if item is not None]
    problems = [*history.problems, *(text for item in studies for text in item.problems), *unread]
    return SiteInput(history, changes, studies, (*given, *saved), tuple(_once(problems)))


def study_input(loaded: MachineResults) -> StudyInput | None:
    """Return what the page of a machine's newest commit is made of; None where no run could be read."""
    from headgate.report.study_view import StudyInput
    from headgate.store.bench_log import log_path, torn_warning

    commit = loaded.newest_commit()
    if commit is None:
        return None
    log = loaded.log(commit)
    torn = (torn_warning(log_path(loaded.results, loaded.name, commit)),) if log.torn else ()
    tables, copies, problems = _limits(loaded)
    return StudyInput(
        machine=loaded.name,
        commit=commit,
        runs=loaded.of_commit(commit),
        benchmarks=loaded.benchmarks,
        hardware=loaded.hardware,
        reasons=log.reasons,
        mode=str(log.header.get("mode", "")),
        problems=(*loaded.problems, *torn, *problems),
        limits=tables,
        copies=copies,
    )


def _limits(loaded: MachineResults) -> tuple[Any, Sequence[Mapping[str, Any]], tuple[str, ...]]:
    """Return tables and rows of the machine's limits.json, none without one, and why it could not be read."""
    from headgate.report.limits_tables import copies, limits_tables
    from headgate.store.files import read_json
    from headgate.store.results import LIMITS_FILE

    path = loaded.results / loaded.name / LIMITS_FILE
    if not path.exists():
        return (), (), ()
    try:
        document = read_json(path)
        return limits_tables(document), copies(document), ()
    except InputError as error:
        return (), (), (str(error),)


def _changes(history: History, cores: int, link: str, progress: Progress) -> HistoryView:
    """Return the changes of level as `headgate history` finds and lists them; none where every series is too short."""
    from headgate.cli.history_search import searched
    from headgate.gates.policy import policy_for
    from headgate.report.history_view import Terms, history_view
    from headgate.stats.changepoint import LEVEL, MIN_LENGTH, accepted
    from headgate.store.history_order import newest
    from headgate.store.policy_file import load_policy

    policy = load_policy(history.results)
    found = searched(history.series, cores, lambda done, total: progress("searching", done, total))
    terms = Terms(
        level=LEVEL,
        margin=MARGIN,
        accepted=accepted([[point.p for point in points] for points in found]),
        since=f"the newest {SINCE} commits",
        too_short=sum(series.values.size < MIN_LENGTH for series in history.series),
    )

    def direction(benchmark: BenchmarkId) -> Direction | None:
        return policy_for(policy, benchmark).direction

    new = newest(history.order, SINCE)
    return history_view(history, found, terms, new=new, direction=direction, link=link)


def _newest(history: History, results: Path, first: str | None) -> list[MachineResults]:
    """Return each machine with the files of the commit measured last there; the machine measured last comes first."""
    from headgate.store.results import read_machine

    places = {commit: index for index, commit in enumerate(history.commits)}
    # Where no time was noted, the last in the commits' order.
    last: dict[str, tuple[float, int]] = {}
    for run in history.runs:
        last[run.machine] = max(last.get(run.machine, (0.0, -1)), (run.started_at or 0.0, places[run.commit]))
    names = sorted(last, key=lambda name: (name != first, -last[name][0], -last[name][1], name))
    files: dict[str, list[Path]] = {name: [] for name in names}
    for run in history.runs:
        if places[run.commit] == last[run.machine][1]:
            files[run.machine].append(Path(run.path))
    return [read_machine(results, name, files[name]) for name in names]


def _verdict(path: Path) -> SiteVerdict:
    """Return the verdict in ``path``: of an evidence bundle, the one that follows from its samples.

    Raises
    ------
    InputError
        The file cannot be read, or the verdict does not follow from its samples.
    """
    from headgate.gates.commit import decide
    from headgate.report.site_view import SiteVerdict
    from headgate.report.verdict_benchmark import directions_of
    from headgate.report.verdict_view import verdict_view
    from headgate.store.bundle import read_evidence, rederive
    from headgate.store.verdict_json import read_verdict

    if _is_verdict(path):
        return SiteVerdict(str(path), verdict_view(read_verdict(path)))
    evidence = read_evidence(path)
    derived, differences = rederive(evidence, decide)
    if differences:
        raise InputError(f"{path}: the verdict does not follow from its samples; `headgate verify {path}` says where")
    view = verdict_view(derived, evidence_file=path.name)
    return SiteVerdict(str(path), view, evidence.rounds, directions_of(evidence))


def _is_verdict(path: Path) -> bool:
    from headgate.store.files import read_json

    if path.suffix != ".json":
        return False
    data = read_json(path)
    return isinstance(data, dict) and str(data.get("schema", "")).startswith("headgate.verdict/")


def _saved_verdicts(history: History, given: Sequence[Path]) -> tuple[list[SiteVerdict], list[str]]:
    """Return the verdicts published with the results, the newest candidate first, and why others could not be read."""
    from headgate.store.results import VERDICTS_DIRECTORY

    known = {path.resolve() for path in given}
    places = {commit: index for index, commit in enumerate(history.commits)}
    found, problems = [], []
    for path in sorted((history.results / VERDICTS_DIRECTORY).glob("*.json")):
        if path.resolve() in known:
            continue
        try:
            found.append(_verdict(path))
        except InputError as error:
            problems.append(str(error))
    found.sort(key=lambda item: -places.get(item.view.verdict.candidate.commit or "", -1))
    return found, problems


def _once(problems: Iterable[str]) -> list[str]:
    """Return each problem once; that a file was needed for two purposes makes it no second problem."""
    return list({text.partition(" (units")[0]: text for text in problems}.values())
