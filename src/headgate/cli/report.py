"""``headgate report``: the HTML report from saved results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from headgate.errors import InputError

if TYPE_CHECKING:
    import argparse

    from headgate.report.study_tables import Table
    from headgate.report.study_view import StudyInput
    from headgate.store.results import MachineResults

__all__ = ["EPILOG", "HELP", "add_arguments", "run", "write_report"]

HELP = "Write the HTML report from saved results: a directory that opens in a browser without a network."
EPILOG = """examples:
  headgate report                             results/ to report/index.html
  headgate report --results DIR -o site       other places
  headgate report --machine laptop            this machine's page first
"""

DEFAULT_RESULTS = Path("results")
DEFAULT_OUTPUT = Path("report")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--results", type=Path, default=DEFAULT_RESULTS, metavar="DIR", help="asv's results directory")
    parser.add_argument(
        "-o", "--output", type=Path, default=DEFAULT_OUTPUT, metavar="DIR", help="where the report goes"
    )
    parser.add_argument("--machine", metavar="NAME", help="the machine shown first (default: the one measured last)")


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Write the report and print its path."""
    index = write_report(args.results, args.output, args.machine, err)
    out.write(f"{index}\n")
    return 0


def write_report(results: Path, output: Path, machine: str | None = None, err: TextIO | None = None) -> Path:
    """Write the report of ``results`` into ``output``; return its first page.

    Raises
    ------
    InputError
        There is nothing to report, ``machine`` is not among the results, or ``output`` cannot be written.
    """
    from headgate.report.study_html import write_study
    from headgate.report.study_view import study_view
    from headgate.store.results import machines, read_machine

    names = machines(results)
    if machine is not None and machine not in names:
        raise InputError(f"{results}: no results of machine {machine!r}; there are: {', '.join(names)}")
    loaded = sorted((read_machine(results, name) for name in names), key=_measured_last, reverse=True)
    loaded.sort(key=lambda item: item.name != machine)
    problems = [problem for item in loaded for problem in item.problems]
    if err is not None:
        err.writelines(f"warning: {problem}\n" for problem in problems)
    inputs = [(item.name, study_input(item)) for item in loaded]
    views = [(name, study_view(given)) for name, given in inputs if given is not None]
    if not views:
        raise InputError(f"{results}: none of its result files could be read: {problems[0]}")
    return write_study(output, views)


def study_input(loaded: MachineResults) -> StudyInput | None:
    """Return what the page of a machine's newest commit is made of; None where no run could be read."""
    from headgate.report.study_view import StudyInput

    commit = loaded.newest_commit()
    if commit is None:
        return None
    log = loaded.log(commit)
    limits, problems = _limits(loaded)
    return StudyInput(
        machine=loaded.name,
        commit=commit,
        runs=loaded.of_commit(commit),
        benchmarks=loaded.benchmarks,
        hardware=loaded.hardware,
        reasons=log.reasons,
        mode=str(log.header.get("mode", "")),
        problems=(*loaded.problems, *problems),
        limits=limits,
    )


def _limits(loaded: MachineResults) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """Return the tables of the machine's limits.json, none without one, and why it could not be read."""
    from headgate.report.limits_tables import limits_tables
    from headgate.store.files import read_json
    from headgate.store.results import LIMITS_FILE

    path = loaded.results / loaded.name / LIMITS_FILE
    if not path.exists():
        return (), ()
    try:
        return limits_tables(read_json(path)), ()
    except InputError as error:
        return (), (str(error),)


def _measured_last(loaded: MachineResults) -> float:
    return max((run.started_at or 0.0 for run in loaded.runs), default=0.0)
