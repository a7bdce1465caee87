"""`headgate rollout record`: what the requests of a release were like, into its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.history_search import watched
from headgate.cli.rollout_common import (
    add_json_argument,
    add_release_arguments,
    open_controller,
    print_lines,
    publish_json,
)
from headgate.errors import HeadgateError, UsageError
from headgate.rollout.controller_track import MOST_REFUSED
from headgate.rollout.providers import PROVIDERS, provider
from headgate.rollout.providers.store import Report, ask, record_steps

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from headgate.rollout.controller import Controller

__all__ = ["EPILOG", "HELP", "add_arguments", "run"]

HELP = "Record what a release's requests were like: each unit once, however often the same is sent."
EPILOG = """\
A record is one request: unit, version, stage, metrics; docs/rollout_records.md has each kind of evidence. Batches are
recorded whole: after Ctrl-C, or an error, what was recorded stands, and the same command may be run again.

exit codes:
  0  recorded, or there already
  2  usage or input error: nothing could be used
  4  more was left out than a release may pass with, or the data's quality failed; or the ledger cannot be written

examples:
  headgate rollout record checkout-42 --jsonl requests.jsonl
  headgate rollout record checkout-42 --parquet s3://logs/checkout/2026-01-01/
  tail -n +1 -F requests.jsonl | headgate rollout record checkout-42 --jsonl -
"""
_INTERRUPTED = "interrupted; the batches recorded are whole. Run the same command again: nothing is counted twice\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add_release_arguments(parser)
    sources = parser.add_argument_group("evidence", "one or more; each may be given several times")
    for name, given in PROVIDERS.items():
        sources.add_argument(f"--{name}", metavar=given.metavar, action="append", default=[], help=given.summary)
    parser.add_argument("--source", metavar="NAME", default="", help="whose evidence it is, for the record")
    parser.add_argument(
        "--routed-elsewhere",
        action="store_true",
        help="another router than headgate's split the units, in the stages' shares: no record is held to its place",
    )
    parser.add_argument(
        "--endpoint", metavar="URL", help="an S3 server other than AWS's; credentials as of any S3 client"
    )
    add_json_argument(parser)
    parser.add_argument("--actor", metavar="NAME", help="who records, for the record (default: user@host)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Record the evidence; return the exit code."""
    given = [(name, one) for name in PROVIDERS for one in getattr(args, name.replace("-", "_"))]
    if not given:
        options = ", ".join(f"--{name}" for name in PROVIDERS)
        raise UsageError(f"no evidence was given; say where it is: {options}")
    report, interrupted = Report(args.release), False
    with open_controller(args) as controller:
        try:
            with watched(err, quiet=args.quiet) as progress:
                _record(controller, args, given, report, progress)
        except KeyboardInterrupt:
            interrupted = True
        except HeadgateError:
            if report.batches:
                print_lines(args, out, _lines(report))
            raise
    publish_json(args.json, report.to_json(), out)
    print_lines(args, out, _lines(report))
    if interrupted:
        err.write(f"headgate rollout record: {_INTERRUPTED}")
        return ExitCode.INTERRUPTED
    return ExitCode.FAILED if report.failed else ExitCode.PASS


def _record(
    controller: Controller,
    args: argparse.Namespace,
    given: list[tuple[str, str]],
    report: Report,
    progress: Callable[[str, int, int], None],
) -> None:
    for name, one in given:
        how = {"source": args.source, "routed_elsewhere": args.routed_elsewhere, "endpoint": args.endpoint}
        asked = ask(controller, **how, progress=progress)
        record_steps(controller, provider(name).steps(one, asked), report)


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.release}: {_counted(report.batches, 'batch', 'batches')} recorded, {report.known} known already"
    yield (
        f"  {report.records} records: {report.units} new units, {report.again} of units counted before, "
        f"{report.moved} of units counted elsewhere, {report.unassigned} not put there by a stage's share"
    )
    for metric, count in sorted(report.values.items()):
        yield f"  {metric}: {_counted(count, 'value is no number', 'values are no numbers')}"
    for rule, count in sorted(report.refused.items()):
        yield f"  left out: {count} ({rule})"
    for one in report.examples:
        yield f"    {one.where}: {one.message}"
    for note in report.notes:
        yield f"  {note}"
    if report.failed:
        yield f"  more than {MOST_REFUSED:.0%} left out: the release passes nothing on this; mend what sends it"


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
