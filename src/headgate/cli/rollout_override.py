"""`headgate rollout override`: a person's word, with a reason and an end."""

from __future__ import annotations

import time
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
from headgate.errors import UsageError
from headgate.report.wording import duration
from headgate.rollout.events import Action
from headgate.rollout.simulate_input import parse_time

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

HELP = "Record that a release may advance once although its evidence has not passed, or is to hold although it has."
EPILOG = """\
An override changes what is done, never the verdict; it moves the release once, and no override undoes a halt.

exit codes:
  0  recorded
  2  no such ledger or release, or a usage error
  4  the ledger cannot be read or written

examples:
  headgate rollout override checkout-42 advance --reason "night traffic is too thin" --expires 2h
  headgate rollout override checkout-42 hold --reason "sale until Monday" --expires 3d
"""
# An override that outlives its reason is forgotten, not meant.
_LONGEST_DAYS = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add_release_arguments(parser, snapshot=True)
    parser.add_argument(
        "action",
        metavar="ACTION",
        choices=[one.value for one in Action],
        help="what the controller may do, or must not",
    )
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why, for the record")
    parser.add_argument("--expires", metavar="TIME", required=True, help="when it ends: 30m, 2h, 1d12h from now")
    add_json_argument(parser)
    add_webhook_arguments(parser)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Record the override; return the exit code."""
    webhook, seconds = webhook_of(args), _seconds(args.expires)
    with open_controller(args) as controller:
        event = controller.override(args.action, args.reason, time.time() + seconds)
        lines = [f"{args.release}: {args.action} for {duration(seconds)}, by {event.actor}: {args.reason}"]
        if controller.state().halt is not None:
            lines.append("  the release is halted, and no override undoes that: open a new one")
        try:
            print_lines(args, out, lines)
            publish_json(args.json, event.to_json(), out)
        finally:  # also where nobody reads what is printed
            notify(webhook, controller, err)
    return ExitCode.PASS


def _seconds(text: str) -> float:
    seconds = parse_time("--expires", text)
    if seconds > _LONGEST_DAYS * 86_400:
        raise UsageError(f"--expires: {text!r} will not do: expected a time of at most {_LONGEST_DAYS}d")
    return seconds
