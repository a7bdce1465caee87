"""`headgate rollout halt`: cease all traffic to the canary, now."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.overwrites import is_configuration, refuse_overwrites
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
from headgate.errors import HeadgateError, InputError, LedgerError, UsageError
from headgate.rollout.controller_snapshot import MAX_AGE_SECONDS, publish_halt
from headgate.rollout.controller_turn import halt_words
from headgate.store.files import may_exist

if TYPE_CHECKING:
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
# How every file of SQLite's begins (https://www.sqlite.org/fileformat.html, 1.3).
SQLITE_MARK = b"SQLite format 3\0"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add_release_arguments(parser, snapshot=True)
    # What is wrong with an output is said after the halt, which is not to wait for it.
    parser.set_defaults(acts_first=True)
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why, for the record")
    add_json_argument(parser)
    add_webhook_arguments(parser)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Halt the release; return the exit code."""
    refused = _refused(args)
    if refused:
        args = argparse.Namespace(**{**vars(args), "snapshot": None})
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
        if refused:
            raise UsageError(f"{refused}. The halt is recorded{'' if problem else f', and {path} says so'}")
        refuse_overwrites(args)
        publish_json(args.json, event.to_json(), out)
    return ExitCode.PASS


def _refused(args: argparse.Namespace) -> str:
    """Return why the snapshot asked for cannot be written where it is to be, or ''.

    It is told by the name and by that file alone: the ledger may be where every look at it hangs, and routers do not
    wait for that.
    """
    given = args.snapshot
    if not given:
        return ""
    for option, other in (("--ledger", args.ledger), ("--webhook-secret-file", args.webhook_secret_file)):
        if other and os.path.normpath(given) == os.path.normpath(other):
            return f"--snapshot: {given} is what {option} reads and would be overwritten; give another file"
    if is_configuration(given) or _is_ledger(given):
        return f"--snapshot: {given} is a configuration or a ledger and would be overwritten; give another file"
    return ""


def _is_ledger(path: str) -> bool:
    try:
        if not os.path.isfile(path):  # noqa: PTH113 - a pipe would be waited for; Path.is_file raises for a NUL
            return False
        with open(path, "rb") as stream:  # noqa: PTH123 - as above
            return stream.read(len(SQLITE_MARK)) == SQLITE_MARK
    except (OSError, ValueError):
        return False


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
