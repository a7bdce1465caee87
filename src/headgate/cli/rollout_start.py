"""`headgate rollout start`: register the plan and send the first stage's share to the canary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.rollout_common import (
    add_json_argument,
    add_release_arguments,
    find_plan,
    open_controller,
    print_lines,
    publish_json,
)
from headgate.cli.rollout_notify import add_webhook_arguments, notify, webhook_of
from headgate.cli.streams import say
from headgate.errors import ConflictError
from headgate.rollout.decision_json import status_to_json
from headgate.rollout.plan_numbers import percent_text

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

HELP = "Register a release's plan, and send the first stage's share of the units to the canary."
EPILOG = """\
The plan's hash is recorded before the first request; a changed plan is a new release, with evidence of its own.
Starting a release that is started already changes nothing.

exit codes:
  0  started, or started already
  1  the release is halted
  2  a wrong plan, or another one than was registered; a usage error
  4  the ledger cannot be read or written

examples:
  headgate rollout start checkout-42 --plan headgate.toml --version 4f2a9c1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add_release_arguments(parser, plan=True, snapshot=True)
    parser.add_argument(
        "--version",
        metavar="TEXT",
        default="",
        help="what is released; a commit (7 digits or more) is what `headgate release decide` can hold to a verdict's",
    )
    add_json_argument(parser)
    add_webhook_arguments(parser)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Start the release; return the exit code."""
    webhook = webhook_of(args)
    _, plan = find_plan(args.plan)
    with open_controller(args, plan=plan, create=True) as controller:
        try:
            state = controller.start(args.version)
        except ConflictError as error:
            if controller.state().halt is None:
                raise
            say(err, f"headgate rollout start: {error}")
            return ExitCode.REGRESSED
        share = percent_text(plan.stages[state.stage or 0].ppm)
        lines = [
            f"{args.release}: {state.status}, stage {(state.stage or 0) + 1} of {len(plan.stages)}: {share} of units",
            f"  plan {plan.name}, {plan.hash[:12]}; ledger {controller.ledger.path}",
        ]
        try:
            print_lines(args, out, lines)
            publish_json(args.json, status_to_json(controller.status()), out)
        finally:  # also where nobody reads what is printed
            notify(webhook, controller, err)
    return ExitCode.PASS
