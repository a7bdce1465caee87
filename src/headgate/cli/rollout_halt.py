"""`headgate rollout halt`: cease all traffic to the canary, now."""

from __future__ import annotations

import contextlib
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
from headgate.errors import HeadgateError

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

HELP = "Cease all traffic to a release's canary, for good."
EPILOG = """\
Needs no plan, no lease and no valid evidence. The routers of other processes see it in the snapshot file within a
second, or else when the snapshot has grown stale. A halted release stays halted: open a new one.
Exits 0 when the halt is recorded, also if the release was halted before.

examples:
  headgate rollout halt checkout-42 --reason "orders are lost"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add_release_arguments(parser, snapshot=True)
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why, for the record")
    add_json_argument(parser)
    add_webhook_arguments(parser)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Halt the release; return the exit code."""
    with open_controller(args) as controller:
        # What is wrong with the webhook's options must not keep anyone from halting: it is said afterwards.
        event = controller.halt(args.reason)
        publish_json(args.json, event.to_json(), out)
        first = event.actor == controller.actor and event.payload.get("reason") == args.reason
        said = "" if first else f", since event {event.seq}, by {event.actor}: {event.payload.get('reason')}"
        print_lines(args, out, [f"{args.release}: halted{said}"])
        with contextlib.suppress(HeadgateError):
            controller.publish()  # with the plan's hash, where it can be read
        notify(webhook_of(args), controller, err)
    return ExitCode.PASS
