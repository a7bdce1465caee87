"""`headgate rollout halt`: cease all traffic to the canary, now."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.rollout_common import (
    add_json_argument,
    add_release_arguments,
    open_controller,
    print_lines,
    publish_json,
    snapshot_path,
)
from headgate.cli.rollout_notify import add_webhook_arguments, notify, webhook_of
from headgate.cli.streams import say
from headgate.errors import HeadgateError, InputError, LedgerError
from headgate.rollout.controller_snapshot import MAX_AGE_SECONDS, publish_halt
from headgate.rollout.controller_turn import halt_words
from headgate.store.files import may_exist

if TYPE_CHECKING:
    import argparse
    from pathlib import Path
    from typing import TextIO

    from headgate.rollout.controller import Controller
    from headgate.rollout.events import Event

HELP = "Cease all traffic to a release's canary, for good."
EPILOG = """\
Needs no plan, no lease and no valid evidence. The routers of other processes see it in the snapshot file within a
second, or else when the snapshot has grown stale. A halted release stays halted: open a new one.
A ledger that cannot be written does not keep the snapshot from saying so; the halt is then to be repeated.

exit codes:
  0  the halt is recorded, or one was before
  2  no such ledger or release, or a usage error
  4  the ledger could not be written

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
    with contextlib.ExitStack() as stack:
        path = snapshot_path(args)
        told = _tell_routers(path, args.release) if may_exist(path) else None
        try:
            controller = stack.enter_context(open_controller(args))
            event = controller.record_halt(args.reason)
        except (InputError, LedgerError) as error:
            raise type(error)(f"{error}{_unrecorded(path, told)}") from error
        problem = _tell_routers(path, args.release)
        if problem:
            say(err, f"headgate: warning: halted and recorded, but {problem}")
        with contextlib.suppress(HeadgateError):
            controller.publish()  # with the plan's hash, where it can be read
        try:
            print_lines(args, out, [f"{args.release}: halted{_since(args, controller, event)}"])
        finally:  # also where nobody reads what is printed
            _notify(args, controller, err)
        publish_json(args.json, event.to_json(), out)
    return ExitCode.PASS


def _tell_routers(path: Path, release: str) -> str:
    """Write the halted snapshot; return why it could not be written, or ''."""
    try:
        publish_halt(path, release, "", time.time(), MAX_AGE_SECONDS)
    except InputError as error:
        return str(error)
    return ""


def _unrecorded(path: Path, told: str | None) -> str:
    """Return what to say where the ledger does not have the halt; ``told``: what `_tell_routers` said, if asked."""
    if told is None:
        return ""
    if told:
        return f". The halt is NOT recorded, and {told}"
    return (
        f". The halt is NOT recorded yet; routers that follow {path} send all to stable, and a controller that leads "
        "the release records it as soon as it can; look with `headgate rollout status`"
    )


def _since(args: argparse.Namespace, controller: Controller, event: Event) -> str:
    """Return whose halt is in force, if it is another one."""
    if (event.payload.get("reason"), event.actor) == halt_words(args.reason, controller.actor):
        return ""
    return f", since event {event.seq}, by {event.actor}: {event.payload.get('reason')}"


def _notify(args: argparse.Namespace, controller: Controller, err: TextIO) -> None:
    """Send what is due; what is wrong with the webhook's options is told of, for the release is halted."""
    try:
        notify(webhook_of(args), controller, err)
    except HeadgateError as error:
        say(err, f"headgate: warning: halted, but nobody was notified: {error}")
