"""`headgate rollout halt`: cease all traffic to the canary, now."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.overwrites import is_configuration, refuse_overwrites, same_file
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
from headgate.rollout.controller_snapshot import MAX_AGE_SECONDS, is_other_file, publish_halt
from headgate.rollout.controller_turn import halt_words
from headgate.rollout.events import check_release
from headgate.store.files import may_exist

if TYPE_CHECKING:
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
_NO_SNAPSHOT = "is no file that tells routers and would be overwritten; give another file"


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
    check_release(args.release)
    path, refused = _snapshot(args)
    rest = {name: value for name, value in vars(args).items() if name != "snapshot"}
    args, given = argparse.Namespace(**rest | ({} if path is None else {"snapshot": path})), args.snapshot
    with contextlib.ExitStack() as stack:
        told = _tell_routers(path, args.release) if path is not None and may_exist(path) else None
        try:
            controller = stack.enter_context(open_controller(args))
            event = controller.record_halt(args.reason)
        except (InputError, LedgerError) as error:
            raise type(error)(f"{error}{_unrecorded(path, told)}") from error
        problem = "" if path is None else _tell_routers(path, args.release)
        if problem:
            say(err, f"headgate: warning: halted and recorded, but {problem}")
        with contextlib.suppress(HeadgateError):
            controller.publish()  # with the plan's hash, where it can be read
        try:
            print_lines(args, out, [f"{args.release}: halted{_since(args, controller, event)}"])
        finally:  # also where nobody reads what is printed
            _notify(args, controller, err)
        unwritten = _publish(args, given if refused else None, event, out)
    if refused or unwritten:
        what = "; ".join(text for text in (refused, unwritten) if text)
        raise UsageError(f"{what}. {_recorded(path, problem)}")
    return ExitCode.PASS


def _snapshot(args: argparse.Namespace) -> tuple[Path | None, str]:
    """Return the file that is to tell the routers, None where there is none, and why it is not the one asked for."""
    refused = _refused(args)
    if args.snapshot and not refused:
        return Path(args.snapshot), ""
    try:
        path = snapshot_path(argparse.Namespace(**{**vars(args), "snapshot": None}))
    except UsageError as error:
        return None, refused or str(error)
    if is_other_file(path):
        return None, refused or f"--snapshot: {path} {_NO_SNAPSHOT}"
    return path, refused


def _refused(args: argparse.Namespace) -> str:
    """Return why the snapshot asked for cannot be written where it is to be, or ''.

    It is told by the name and by that file alone: the ledger may be where every look at it hangs, and routers do not
    wait for that.
    """
    given = args.snapshot
    if not given:
        return ""
    for option, other in (("--ledger", args.ledger), ("--webhook-secret-file", args.webhook_secret_file)):
        if other and _absolute(given) == _absolute(other):
            return f"--snapshot: {given} is what {option} reads and would be overwritten; give another file"
    return f"--snapshot: {given} {_NO_SNAPSHOT}" if is_configuration(given) or is_other_file(given) else ""


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)  # noqa: PTH100 - Path.absolute keeps ".."; and neither looks at the file
    except OSError:  # the working directory is gone
        return os.path.normpath(path)


def _publish(args: argparse.Namespace, refused: str | None, event: Event, out: TextIO) -> str:
    """Write the JSON, unless it would take the place of something; return why it could not be, or ''."""
    try:
        if refused and args.json and same_file(args.json, refused):
            raise UsageError(f"--json and --snapshot both write to {refused}; give each its own")
        refuse_overwrites(args)
        publish_json(args.json, event.to_json(), out)
    except HeadgateError as error:
        return str(error)
    return ""


def _recorded(path: Path | None, problem: str) -> str:
    """Return what was done although something else was not."""
    if path is None:
        return (
            "The halt is recorded, and no router was told: whoever leads the release tells them in its next turn, and "
            f"where nobody does they send all to stable in {MAX_AGE_SECONDS:g} s"
        )
    return f"The halt is recorded{'' if problem else f', and {path} says so'}"


def _tell_routers(path: Path, release: str) -> str:
    """Write the halted snapshot; return why it could not be written, or ''."""
    try:
        publish_halt(path, release, "", time.time(), MAX_AGE_SECONDS)
    except InputError as error:
        return str(error)
    return ""


def _unrecorded(path: Path | None, told: str | None) -> str:
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
