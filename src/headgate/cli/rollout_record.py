"""`headgate rollout record`: what the requests of a release were like, into its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.cli import ExitCode
from headgate.cli.history_search import watched
from headgate.cli.rollout_common import (
    add_json_argument,
    add_release_arguments,
    open_controller,
    print_lines,
    publish_json,
)
from headgate.errors import HeadgateError, UsageError, brief
from headgate.rollout.controller_track import MOST_REFUSED
from headgate.rollout.providers import PROVIDERS, provider
from headgate.rollout.providers.contract import Counters
from headgate.rollout.providers.store import Report, ask, record_quality, record_steps
from headgate.rollout.router_state import Version
from headgate.rollout.simulate_input import parse_time

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from headgate.datasets import QualityReport
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
  headgate rollout record checkout-42 --parquet s3://logs/checkout/2026-01-01/ --dataset-quality quality.json
  headgate rollout record checkout-42 --prometheus http://shop:8000/metrics --requests http_requests_total \\
      --metric errors='http_requests_total{code=~"5.."}'
  tail -n +1 -F requests.jsonl | headgate rollout record checkout-42 --jsonl -
"""
# Beyond this nobody waits for one answer, and a socket does not take it.
_LONGEST_TIMEOUT_SECONDS = 3600.0
_INTERRUPTED = "interrupted; the batches recorded are whole. Run the same command again: nothing is counted twice\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add_release_arguments(parser)
    sources = parser.add_argument_group("evidence", "one or more (each repeatable)")
    for name, given in PROVIDERS.items():
        sources.add_argument(f"--{name}", metavar=given.metavar, action="append", default=[], help=given.summary)
    parser.add_argument("--source", metavar="NAME", default="", help="whose evidence it is, for the record")
    parser.add_argument(
        "--routed-elsewhere",
        action="store_true",
        help="another router than headgate's split the units, in the stages' shares: no record is held to its place",
    )
    parser.add_argument("--endpoint", metavar="URL", help="an S3 server other than AWS's; credentials as S3 clients do")
    parser.add_argument(
        "--dataset-quality", metavar="FILE", help="the report of the data's quality; a failed one makes all invalid"
    )
    _add_counter_arguments(parser)
    add_json_argument(parser)
    parser.add_argument("--actor", metavar="NAME", help="who records, for the record (default: user@host)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")


def _add_counter_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("counters", 'Prometheus counts requests: only for plans with unit = "request"')
    group.add_argument("--requests", metavar="SELECTOR", default="", help="the counter of all requests")
    group.add_argument(
        "--metric",
        metavar="NAME=SELECTOR",
        action="append",
        default=[],
        help="the counter of a rate's events, or the histogram of a quantile (repeatable)",
    )
    group.add_argument(
        "--version-label", metavar="LABEL", default="version", help="the label with the version (default: %(default)s)"
    )
    group.add_argument(
        "--arm",
        metavar="ARM=TEXT",
        action="append",
        default=[],
        help="what that label says: canary=4f2a9c1 (repeatable)",
    )
    group.add_argument("--timeout", metavar="TIME", default="5s", help="for one answer (default: %(default)s)")
    group.add_argument("--max-age", metavar="TIME", default="2m", help="of a value or file (default: %(default)s)")


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Record the evidence; return the exit code."""
    given = [(name, one) for name in PROVIDERS for one in getattr(args, name.replace("-", "_"))]
    if not given and args.dataset_quality is None:
        options = ", ".join(f"--{name}" for name in PROVIDERS)
        raise UsageError(f"no evidence was given; say where it is: {options}")
    if args.source and sum(name.startswith("prometheus") for name, _ in given) > 1:
        raise UsageError("--source: one name for several counters, of which each is held against its own; leave it out")
    quality, how = _quality(args.dataset_quality), _how(args)
    report, interrupted = Report(args.release), False
    with open_controller(args) as controller:
        try:
            if quality is not None:
                record_quality(controller, quality, args.dataset_quality, report)
            with watched(err, quiet=args.quiet) as progress:
                _record(controller, given, how, report, progress)
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
    given: list[tuple[str, str]],
    how: dict[str, Any],
    report: Report,
    progress: Callable[[str, int, int], None],
) -> None:
    for name, one in given:
        record_steps(controller, provider(name).steps(one, ask(controller, **how, progress=progress)), report)


def _quality(path: str | None) -> QualityReport | None:
    if path is None:
        return None
    from headgate.datasets.quality_json import quality_from_json
    from headgate.store.files import read_json

    return quality_from_json(read_json(path), path)


def _how(args: argparse.Namespace) -> dict[str, Any]:
    """Return how evidence is to be read, as `headgate.rollout.providers.contract.Asked` has it."""
    arms = _pairs("--arm", args.arm, "canary=4f2a9c1")
    wrong = next((arm for arm in arms if arm not in tuple(Version)), None)
    if wrong is not None:
        raise UsageError(f"--arm: {brief(wrong)} will not do: expected one of {', '.join(Version)}")
    if len(set(arms.values())) < len(arms):
        raise UsageError("--arm: two arms have one text; the label must tell them apart")
    metrics = _pairs("--metric", args.metric, "errors=http_errors_total")
    return {
        "source": args.source,
        "routed_elsewhere": args.routed_elsewhere,
        "endpoint": args.endpoint,
        "timeout_seconds": min(parse_time("--timeout", args.timeout), _LONGEST_TIMEOUT_SECONDS),
        "max_age_seconds": parse_time("--max-age", args.max_age),
        "counters": Counters(args.requests, metrics, args.version_label, arms),
    }


def _pairs(option: str, texts: list[str], example: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value or name in found:
            raise UsageError(f"{option}: {brief(text)} will not do: expected a name, once, and a text, as {example}")
        found[name] = value
    return found


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.release}: {_counted(report.batches, 'batch', 'batches')} recorded, {report.known} known already"
    if report.records:
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
    if report.invalid:
        yield f"  the release's evidence is invalid from now on: {report.invalid}; open a new release"
    elif report.failed:
        yield f"  more than {MOST_REFUSED:.0%} left out: the release passes nothing on this; mend what sends it"


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
