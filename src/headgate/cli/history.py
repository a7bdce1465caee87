"""`headgate history`: the commits at which a benchmark's level changed, from a results tree of any size."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.arguments import add_bench_argument
from headgate.errors import InputError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import TextIO

    from headgate.model import BenchmarkId, Direction
    from headgate.report.history_view import HistoryView
    from headgate.store.history import History

__all__ = ["EPILOG", "HELP", "add_arguments", "run"]

HELP = "Find the commits at which a benchmark's level changed, in an asv results directory of any size."
EPILOG = """\
exit codes:
  0  searched, whatever was found
  1  with --fail-on-new: a worsening whose commit range reaches into the newest commits
  2  usage or input error, or nothing to search: no results, none readable, or every series too short

examples:
  headgate history
  headgate history --results .asv/results --machine ci --bench 'time_.*'
  headgate history --link 'https://github.com/me/project/commit/{commit}' --markdown changes.md
  headgate history --fail-on-new --since v1.4

A change is found once at least three results lie after it, one near the noise once ten or more do.
"""

STDOUT = "-"
# A change takes three to five results to be told from outliers; twice that leaves time to look.
DEFAULT_SINCE = "10"
DEFAULT_MARGIN = "1%"
_LOG_WIDTH = 160


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--results", type=Path, metavar="DIR", help="asv's results (default: where asv.conf.json says, else results/)"
    )
    parser.add_argument("--machine", metavar="NAME", help="only this machine")
    add_bench_argument(parser)
    parser.add_argument(
        "--repository", type=Path, metavar="DIR", help="the commits' repository, for their order (default: DIR's own)"
    )
    parser.add_argument("--margin", default=DEFAULT_MARGIN, metavar="M", help="list no smaller change (default: 1%%)")
    parser.add_argument("--fail-on-new", action="store_true", help="exit 1 if a worsening is new (see --since)")
    parser.add_argument(
        "--since",
        default=DEFAULT_SINCE,
        metavar="REV|N",
        help="new is what changed after this revision, or within the newest N measured commits (default: 10)",
    )
    parser.add_argument("--link", default="", metavar="URL", help="pattern with {commit}, and {last_good} if wanted")
    group = parser.add_argument_group("outputs", "FILE may be - for standard output; the table then goes to stderr")
    group.add_argument("--json", metavar="FILE", help="every change as JSON (schema headgate.history/1)")
    group.add_argument("--markdown", metavar="FILE", help="a table fit for an issue or a comment")
    group.add_argument("-q", "--quiet", action="store_true", help="print only worsenings; no progress, no facts")
    group.add_argument("--no-color", action="store_true", help="no colours (also: NO_COLOR in the environment)")


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Search the tree, print and write what was found; return the exit code.

    Raises
    ------
    UsageError, InputError
        An argument is wrong, or there is nothing to search.
    """
    from headgate.cli.history_search import watched
    from headgate.cli.overwrites import refuse_overwrites, tree_sources
    from headgate.cli.report_input import results_directory
    from headgate.cli.streams import say
    from headgate.report.history_text import problem_lines
    from headgate.report.history_view import new_worsenings
    from headgate.store.history_order import unknown_warning

    _check(args)
    args.results = results_directory(args.results)
    refuse_overwrites(args, [("--results", path) for path in tree_sources(args.results)])
    with watched(err, quiet=args.quiet) as progress:
        history, view = _searched(args, progress)
    for line in problem_lines(view.problems):
        say(err, line)
    if lacking := unknown_warning(history.order):
        say(err, f"headgate: warning: {lacking}")
    _publish(args, history, view, out, err)
    return ExitCode.REGRESSED if args.fail_on_new and new_worsenings(view) else ExitCode.PASS


def _check(args: argparse.Namespace) -> None:
    from headgate.cli.outputs import check_outputs
    from headgate.gates.policy_input import COMMAND_LINE, parse_fraction
    from headgate.gates.selection import compile_patterns

    check_outputs(args)
    args.least = parse_fraction(COMMAND_LINE, "margin", args.margin)
    compile_patterns(args.bench)
    if args.link and "{commit}" not in args.link:
        raise UsageError(
            f"--link: {args.link!r} has no {{commit}}; write it as https://github.com/me/project/commit/{{commit}}"
        )
    if args.repository is not None and not args.repository.is_dir():
        raise InputError(f"--repository: {args.repository} is not a directory; check the path")


def _searched(args: argparse.Namespace, progress: Callable[[str, int, int], None]) -> tuple[History, HistoryView]:
    from headgate.cli.history_search import searched, usable_cores
    from headgate.gates.policy import policy_for
    from headgate.report.history_view import Terms, history_view
    from headgate.stats.changepoint import LEVEL, MIN_LENGTH, accepted
    from headgate.store.history import read_history
    from headgate.store.history_order import is_count, newest
    from headgate.store.policy_file import load_policy

    policy = load_policy(args.results if args.results.is_dir() else ".")
    workers = usable_cores()
    history = read_history(
        args.results,
        machine=args.machine,
        bench=args.bench,
        repository=args.repository or args.results,
        workers=workers,
        progress=lambda done, total: progress("reading", done, total),
    )
    _require_length(history, args)
    new = newest(history.order, args.since)
    found = searched(history.series, workers, lambda done, total: progress("searching", done, total))
    since = f"the newest {args.since} commits" if is_count(args.since) else f"since {args.since}"
    terms = Terms(
        level=LEVEL,
        margin=args.least,
        accepted=accepted([[point.p for point in points] for points in found]),
        since=since,
        too_short=sum(series.values.size < MIN_LENGTH for series in history.series),
    )

    def direction(benchmark: BenchmarkId) -> Direction | None:
        return policy_for(policy, benchmark).direction

    return history, history_view(history, found, terms, new=new, direction=direction, link=args.link)


def _require_length(history: History, args: argparse.Namespace) -> None:
    """Refuse a tree in which no series can have a change: that it shows none would mean nothing."""
    from headgate.stats.changepoint import MIN_LENGTH

    longest = max((series.values.size for series in history.series), default=0)
    if not history.series:
        if args.bench:
            wanted = " or ".join(args.bench)
            raise InputError(f"--bench: {wanted!r} matches nothing in {history.files} files of {args.results}; mend it")
        raise InputError(f"{args.results}: no result in {history.files} files; run `headgate bench`, or give --results")
    if longest < MIN_LENGTH:
        raise InputError(
            f"{args.results}: too short to search: the longest of {len(history.series)} series has {longest} results, "
            f"{MIN_LENGTH} are needed; measure more commits (`headgate bench`, `asv run RANGE`)"
        )


def _publish(args: argparse.Namespace, history: History, view: HistoryView, out: TextIO, err: TextIO) -> None:
    from headgate.cli.outputs import shown
    from headgate.report.history_json import history_to_json
    from headgate.report.history_markdown import history_markdown
    from headgate.report.history_text import history_text
    from headgate.store.files import write_atomic

    stream = err if STDOUT in (args.json, args.markdown) else out
    terminal = stream.isatty()
    color = terminal and not args.no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size((80 if terminal else _LOG_WIDTH, 24)).columns
    stream.write(shown(history_text(view, width=width, color=color, quiet=args.quiet), stream))
    texts = []
    if args.json:
        document = history_to_json(history, view)
        texts.append((args.json, json.dumps(document, allow_nan=False, ensure_ascii=True, indent=1) + "\n"))
    if args.markdown:
        texts.append((args.markdown, history_markdown(view)))
    for path, text in texts:
        if path == STDOUT:
            out.write(shown(text, out))
        else:
            write_atomic(path, text)
