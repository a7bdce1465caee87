"""`headgate rollout advance`: move to the next stage, if the evidence or an override says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.rollout_common import (
    add_json_argument,
    add_release_arguments,
    open_controller,
    print_lines,
    publish_json,
)
from headgate.cli.rollout_notify import add_webhook_arguments, notify, webhook_of
from headgate.errors import NotReadyError
from headgate.gates.canary import CanaryState
from headgate.rollout.controller_turn import reason_of
from headgate.rollout.decision_json import status_to_json
from headgate.rollout.plan_numbers import percent_text
from headgate.rollout.router_state import Status

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from headgate.rollout.controller import Controller

HELP = "Move a release to its next stage, or complete it after the last one."
EPILOG = """\
It moves on positive evidence alone, or once on an override (`headgate rollout override`). What must halt is halted.

exit codes:
  0  moved
  1  the release is halted
  2  no such ledger or release, or a usage error
  3  the evidence does not allow it yet
  4  the evidence is invalid, or the ledger cannot be read or written

examples:
  headgate rollout advance checkout-42
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add_release_arguments(parser, snapshot=True)
    add_json_argument(parser)
    add_webhook_arguments(parser)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Advance the release; return the exit code."""
    webhook = webhook_of(args)
    with open_controller(args) as controller:
        try:
            code = _advance(controller, args, out)
            publish_json(args.json, status_to_json(controller.status()), out)
        finally:  # also where nobody reads what is printed
            notify(webhook, controller, err)
    return code


def _advance(controller: Controller, args: argparse.Namespace, out: TextIO) -> int:
    status = controller.status()
    if status.decision.state is CanaryState.HALT:
        if status.state.halt is None:
            controller.halt(reason_of(status.decision))
        print_lines(args, out, [f"{args.release}: halted", *(f"  - {one}" for one in status.decision.reasons)])
        return ExitCode.REGRESSED
    try:
        state = controller.advance()
    except NotReadyError as error:
        held = status.decision.state is CanaryState.PASS or status.state.status is not Status.RUNNING
        lines = [f"{error}"] if held else [f"{args.release}: not advanced, {status.decision.state}"]
        print_lines(args, out, lines if held else [*lines, *(f"  - {one}" for one in status.decision.reasons)])
        return ExitCode.FAILED if status.decision.state is CanaryState.INVALID else ExitCode.INCONCLUSIVE
    stages = controller.plan.stages
    share = percent_text(stages[state.stage or 0].ppm)
    print_lines(
        args, out, [f"{args.release}: {state.status}, stage {(state.stage or 0) + 1} of {len(stages)}: {share}"]
    )
    return ExitCode.PASS
