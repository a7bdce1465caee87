"""`headgate rollout status`: where a release stands, and what its evidence says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headgate.cli.rollout_common import (
    EXIT_CODES,
    STDOUT,
    add_json_argument,
    add_release_arguments,
    open_controller,
    print_lines,
    print_table,
    publish_json,
)
from headgate.errors import UsageError
from headgate.report.wording import plain_percent
from headgate.rollout.decision_json import status_to_json
from headgate.rollout.plan_numbers import percent_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import TextIO

    from headgate.gates.canary import MetricRow
    from headgate.rollout.controller import ReleaseStatus
    from headgate.rollout.plan import Plan

HELP = "Show where a release stands, and what its evidence says."
EPILOG = """\
exit codes:
  0  the evidence passes, or the release is completed
  1  halted, or to be halted
  2  no such ledger or release, or a usage error
  3  inconclusive: not enough evidence yet
  4  the evidence is invalid, or the ledger cannot be read

examples:
  headgate rollout status checkout-42
  headgate rollout status checkout-42 --json - --evidence canary.json.gz
"""
_METRICS = (
    *("metric", "kind", "state", ">margin", ">canary", ">stable", ">ratio", ">interval"),
    *(">halts at e", ">passes at e"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add_release_arguments(parser)
    add_json_argument(parser)
    parser.add_argument(
        "--evidence", metavar="FILE", help="write all that `headgate verify` needs to derive the decision (.json[.gz])"
    )


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 -- every command has the same signature
    """Show the release's status; the exit code tells its decision."""
    if args.evidence == STDOUT:
        raise UsageError(f"--evidence: {STDOUT} will not do; give a file")
    with open_controller(args) as controller:
        status, plan = controller.status(), controller.plan
        if args.evidence:
            from headgate.rollout.evidence_bundle import bundle_of, write_bundle

            write_bundle(args.evidence, bundle_of(status, list(controller.ledger.events(args.release))))
    publish_json(args.json, status_to_json(status), out)
    print_lines(args, out, _headline(status))
    rows = status.decision.rows
    if rows:
        print_table(args, out, _METRICS, [_metric(row) for row in rows])
    if status.state.evidence.stages:
        print_table(args, out, (">stage", ">share", "arm", ">units"), _units(status, plan))
    return EXIT_CODES[status.decision.state]


def _headline(status: ReleaseStatus) -> Iterator[str]:
    state, decision = status.state, status.decision
    stages = state.plan["stages"]
    where = ""
    if state.stage is not None:
        share = percent_text(stages[state.stage]["ppm"])
        where = f", stage {state.stage + 1} of {len(stages)} ({share}), for {state.dwelt(status.now):.0f} s"
    version = f", version {state.version}" if state.version else ""
    yield f"{state.release}{version}: {state.status}{where}"
    yield f"  plan {state.plan['name']} {state.plan_hash[:12]}, event {state.seq} {state.head[:12]}"
    yield f"  decision: {decision.state}"
    for reason in decision.reasons:
        yield f"    - {reason}"
    word = state.override_at(status.now)
    if word is not None and state.halt is None:  # no word undoes a halt
        left = word.expires - status.now
        yield f"  override in force: {word.action} by {word.actor}, {left:.0f} s more: {word.reason}"


def _metric(row: MetricRow) -> tuple[str, ...]:
    interval = "" if row.ratio is None else f"{_number(row.lower)} to {_number(row.upper)}"
    return (
        row.name,
        row.kind if row.required else f"{row.kind}, informative",
        row.state.value,
        "" if row.margin is None else plain_percent(row.margin),
        _number(row.canary),
        _number(row.stable),
        _number(row.ratio),
        interval,
        f"{_e_value(row.log_e_halt)} of {_e_value(row.halt_at)}",
        f"{_e_value(row.log_e_pass)} of {_e_value(row.pass_at)}",
    )


def _units(status: ReleaseStatus, plan: Plan) -> Iterator[tuple[str, ...]]:
    stages = status.state.evidence.stages
    # Evidence is kept by the share of the live units, people know the share of all: a sandbox makes them differ.
    for index, (stage, live) in enumerate(zip(plan.stages, plan.policy.stages, strict=True)):
        for arm, one in sorted(stages.get(live.ppm, {}).items()):
            yield str(index + 1), percent_text(stage.ppm), arm, f"{one.units:,}"


def _number(value: float | None) -> str:
    return "?" if value is None or not math.isfinite(value) else f"{value:.4g}"


def _e_value(log_e: float) -> str:
    return f"{math.exp(log_e):.3g}" if log_e < 20.0 else f"1e{log_e / math.log(10.0):.0f}"
