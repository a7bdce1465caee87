"""``headgate bench``: measure the suite at HEAD, keep the results, write the report."""

from __future__ import annotations

import hashlib
import io
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from headgate.cli.streams import say
from headgate.errors import MeasurementError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from headgate.formats.asv import BenchmarkInfo
    from headgate.measure.asv_plan import Chunk
    from headgate.measure.asv_run import AsvProject, RunAsv
    from headgate.measure.asv_session import Session, Tally
    from headgate.model import BenchmarkId
    from headgate.store.bench_log import BenchLog
    from headgate.store.git import Revision

__all__ = ["EPILOG", "HELP", "add_arguments", "run"]

HELP = """\
Run the asv suite on the commit at HEAD in an environment of its own, keep the raw samples in
results/, profile the hardware and write the HTML report. Ctrl-C keeps what was measured; run it
again to go on from there."""
EPILOG = """examples:
  headgate bench --quick                      a representative part, in a few minutes
  headgate bench                              the suite without what takes hours
  headgate bench --full --yes                 everything (says how long it will take)
  headgate bench --bench 'time_.*cython'      what matches, as asv's own --bench

exit codes: 0 done, 2 usage or input error, 4 a benchmark or a build failed, 130 interrupted
"""

DEFAULT_REPORT = "report"
FAILED = 4
SHOWN_FAILURES = 10


@dataclass(frozen=True, slots=True)
class Mode:
    """How much of the suite: asv's options, the suite's own switch, and the share of the usual time it takes."""

    name: str
    extra: tuple[str, ...] = ()
    suite: str = ""
    share: float = 1.0


# One round of the suite's two: half the processes, and as good as half the time.
QUICK = Mode("quick", ("--attribute=rounds=1",), share=0.5)
DEFAULT = Mode("default")
FULL = Mode("full", suite="full")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--bench", action="append", default=[], metavar="REGEX", help="only what matches (repeatable)")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a representative part, one round")
    size.add_argument("--full", action="store_true", help="everything, however long it takes")
    parser.add_argument("--html", type=Path, metavar="DIR", help=f"where the report goes (default: {DEFAULT_REPORT})")
    parser.add_argument("--machine", metavar="NAME", help="this machine's name in results/ (default: as asv names it)")
    parser.add_argument("--results", type=Path, metavar="DIR", help="where results go (default: as asv.conf.json says)")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("-q", "--quiet", action="store_true", help="print the report's path and what failed")


def run(args: argparse.Namespace, out: TextIO, err: TextIO, run_asv: RunAsv | None = None) -> int:
    """Measure, profile, report; ``run_asv`` replaces asv in tests."""
    from headgate.measure import asv_run
    from headgate.measure.lock import held
    from headgate.store import git

    directory = Path.cwd()
    if args.results is not None and args.results.exists() and not args.results.is_dir():
        raise UsageError(f"--results: {args.results} is a file; give a directory")
    report = _report_directory(args.html or directory / DEFAULT_REPORT)
    results = None if args.results is None else Path(os.path.realpath(args.results))
    project = asv_run.find_project(directory, results)
    asv_run.require_environment_type(project)
    head = git.head(directory)
    changed = git.dirty_files(git.find_repository(directory))
    machine = asv_run.machine_entry(project, args.machine)
    log = project.work / "headgate-bench.log"
    mode = QUICK if args.quick else FULL if args.full else DEFAULT
    runner = run_asv or asv_run.AsvRunner(project, machine, log)
    told = _told(args, err)
    # Two at once would build in one environment, and write one log and the same results.
    with held(log.with_suffix(".lock"), "another `headgate bench` of this suite", project.config):
        _announce(head, changed, machine["machine"], project, told)
        session = _session(project, head, machine["machine"], log, runner, mode)
        tally = _measure(session, mode, args, err)
        _profile(project.results, machine["machine"], told)
    _summarise(tally, log, err if tally.failed else told)
    index = _report(project.results, report, machine["machine"])
    out.write(f"{index}\n")
    return FAILED if tally.failed else 0


def _report_directory(path: Path) -> Path:
    """Return where the report goes; what cannot take it is refused before anything is measured."""
    from headgate.report.html import require_own

    if path.exists() and not path.is_dir():
        raise UsageError(f"--html: {path} is a file; give a directory")
    require_own(path)
    return path


def _told(args: argparse.Namespace, err: TextIO) -> TextIO:
    """Return where progress goes; questions and failures go to ``err`` in any case."""
    return io.StringIO() if args.quiet else err


def _announce(head: Revision, dirty: Sequence[str], machine: str, project: AsvProject, err: TextIO) -> None:
    from headgate.report.wording import count

    say(err, f"commit {head.commit[:8]} {head.title}\nmachine {machine}, results in {project.results}")
    kept = f"{project.results.name}/"  # what this command writes is no change to what it measures
    changed = [name for name in dirty if not name.startswith(kept)]
    if changed:
        shown = ", ".join(changed[:3]) + (", …" if len(changed) > 3 else "")
        say(
            err,
            f"headgate: warning: {count(len(changed), 'uncommitted change')} ({shown}): the commit is measured, not "
            "these; only the benchmarks themselves are taken from the working tree",
        )


def _session(project: AsvProject, head: Revision, machine: str, log: Path, runner: RunAsv, mode: Mode) -> Session:
    from headgate.measure.asv_session import Session

    env = {"HEADGATE_SUITE": mode.suite} if mode.suite else {}
    return Session(project, head.commit, machine, log, runner, mode.extra, env)


def _measure(session: Session, mode: Mode, args: argparse.Namespace, err: TextIO) -> Tally:
    """Build, plan, ask, measure what is not measured yet."""
    from headgate.cli.bench_progress import BenchProgress, building
    from headgate.formats.asv import read_benchmarks
    from headgate.measure import asv_session
    from headgate.measure.asv_run import environments
    from headgate.store import bench_log

    told = _told(args, err)
    with building(told, session.log):
        asv_session.build(session)
    benchmarks = read_benchmarks(session.project.results / "benchmarks.json")
    count = environments(session.project)
    path = bench_log.log_path(session.project.results, session.machine, session.commit)
    header = {"commit": session.commit, "mode": mode.name, "bench": args.bench, "changes": _changes(session)}
    noted = bench_log.read_log(path)
    if noted.torn:
        say(err, f"headgate: warning: {bench_log.torn_warning(path)}")
    todo, resumed = _plan(session, benchmarks, noted, header, mode, count)
    if noted.done and not noted.finished and not noted.resumes(header):
        say(told, f"headgate: begun anew: {_anew(noted.differs(header))}")
    _announce_plan(todo, resumed, told)
    _confirm(mode, args, err)
    if not resumed:
        bench_log.start(path, header, _now())
    rounds = {info.name: 1 if mode is QUICK else info.rounds for info in benchmarks.values()}

    def note(line: Mapping[str, Any]) -> None:
        bench_log.append(path, {**line, "versions": {name: benchmarks[name].version for name in line["done"]}})

    with BenchProgress(told, todo, count, rounds) as bar:
        tally = asv_session.measure(session, todo, _indices(benchmarks), note, bar)
    bench_log.append(path, {"finished": _now()})
    if not resumed and not tally.measured:
        raise MeasurementError(
            f"nothing was measured: {tally.skipped} skipped, {tally.failed} failed; see {session.log}"
        )
    return tally


def _changes(session: Session) -> str:
    """Return what identifies the code in the working tree that is measured: the suite, and what is not built."""
    from headgate.measure.asv_config import find_config
    from headgate.store import git
    from headgate.store.content import content_digest

    project = session.project
    suite = find_config(project.root, project.config).benchmark_dir
    found = content_digest(suite, exclude=(project.results, project.work)) if suite.is_dir() else ""
    found += f" {hashlib.sha256(project.config.read_bytes()).hexdigest()[:16]}"
    if not project.existing:
        return found
    return f"{found} {git.changes_digest(git.find_repository(project.root), exclude=project.results)}"


def _anew(keys: Sequence[str]) -> str:
    """Say why an unfinished run is not gone on with."""
    said = {
        "mode": "the run that was interrupted was of another size (--quick, --full)",
        "bench": "the run that was interrupted was of other benchmarks (--bench)",
        "changes": "the suite, asv.conf.json or what they measure was changed since the last run",
    }
    return "; ".join(said.get(key, f"{key} differs") for key in keys)


def _plan(
    session: Session,
    benchmarks: Mapping[str, BenchmarkInfo],
    noted: BenchLog,
    header: Mapping[str, Any],
    mode: Mode,
    environments: int,
) -> tuple[list[Chunk], int]:
    """Return the chunks to measure, and how many combinations an interrupted run has measured already."""
    from headgate.measure import asv_plan

    policy = _policy(session.project.root)
    within, without = policy.quick if mode is QUICK else (), () if mode is FULL else policy.full
    chosen = asv_plan.select(benchmarks, header["bench"], within, without)
    index_of = _indices(benchmarks)
    versions = {name: info.version for name, info in benchmarks.items()}
    done = noted.valid(versions) if noted.resumes(header) else set()
    left = [item for item in chosen if (item.name, index_of[item]) not in done]
    known = {key: total / count for key, (total, count) in noted.seconds.items() if count}
    timings = asv_plan.Timings(known, policy.seconds, mode.share)
    return asv_plan.chunks(left, timings, environments), len(chosen) - len(left)


def _announce_plan(todo: Sequence[Chunk], resumed: int, err: TextIO) -> None:
    from headgate.report.wording import duration

    if resumed:
        err.write(f"going on where the last run stopped: {resumed} combinations are done\n")
    count = sum(len(chunk.benchmarks) for chunk in todo)
    err.write(f"{count} combinations in {len(todo)} parts, about {duration(sum(chunk.seconds for chunk in todo))}\n")


def _confirm(mode: Mode, args: argparse.Namespace, err: TextIO) -> None:
    """Ask before hours of measuring, where someone can answer."""
    if mode is FULL and not args.yes and sys.stdin.isatty():
        err.write("Measure everything now? [y/N] ")
        err.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise KeyboardInterrupt


def _policy(root: Path) -> Any:
    from headgate.cli.bench_policy import bench_policy
    from headgate.store.policy_file import find_policy_file

    found = find_policy_file(root)
    return bench_policy({} if found is None else found.document, "" if found is None else found.source)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _indices(benchmarks: Mapping[str, BenchmarkInfo]) -> dict[BenchmarkId, int]:
    return {item: index for info in benchmarks.values() for index, item in enumerate(info.combinations())}


def _profile(results: Path, machine: str, err: TextIO) -> None:
    from headgate.measure.ceilings import QUICK as QUICK_CEILINGS
    from headgate.measure.hardware import profile_hardware
    from headgate.store.hardware import save_profile

    err.write("measuring this machine's ceilings …\n")
    save_profile(profile_hardware(machine, plan=QUICK_CEILINGS), results)


def _summarise(tally: Tally, log: Path, err: TextIO) -> None:
    err.write(f"{tally.measured} measured, {tally.skipped} skipped, {tally.failed} failed\n")
    for line in tally.failures[:SHOWN_FAILURES]:
        say(err, f"  failed: {line}")
    if tally.failed > SHOWN_FAILURES:
        err.write(f"  and {tally.failed - SHOWN_FAILURES} more\n")
    if tally.failed:
        err.write(f"asv's own words: {log}\n")


def _report(results: Path, directory: Path, machine: str) -> Path:
    from headgate.cli.report import write_report
    from headgate.cli.report_input import Sources

    return write_report(Sources(results, machine), directory)
