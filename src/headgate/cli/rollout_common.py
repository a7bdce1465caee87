"""What the subcommands of `headgate rollout` share: the ledger, the plan, the exit codes, and printing."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.cli import ExitCode
from headgate.cli.streams import shown
from headgate.errors import HeadgateError, UsageError
from headgate.gates.canary import CanaryState
from headgate.report.wording import printable
from headgate.rollout.plan import DEFAULT_LEDGER, Plan
from headgate.store.files import write_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

    from headgate.rollout.controller import Controller
    from headgate.rollout.ledger import Ledger

__all__ = [
    "EXIT_CODES",
    "STDOUT",
    "add_json_argument",
    "add_ledger_argument",
    "add_release_arguments",
    "add_stable_arguments",
    "find_plan",
    "ledger_path",
    "open_controller",
    "open_ledger",
    "print_lines",
    "print_table",
    "publish_json",
    "snapshot_path",
    "who",
]

EXIT_CODES = {
    CanaryState.PASS: ExitCode.PASS,
    CanaryState.HALT: ExitCode.REGRESSED,
    CanaryState.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    CanaryState.INVALID: ExitCode.FAILED,
}
# Files that may have the plan, in the order in which they are looked for, in this directory.
_PLANS = ("headgate.toml", "pyproject.toml")
STDOUT = "-"
_LOG_WIDTH = 120


def add_release_arguments(parser: argparse.ArgumentParser, *, plan: bool = False, snapshot: bool = False) -> None:
    """Add the release's name, and where its ledger is; ``plan`` and ``snapshot`` for what needs or writes one."""
    parser.add_argument("release", metavar="RELEASE", help="the release's name")
    add_ledger_argument(parser)
    if plan:
        parser.add_argument("--plan", metavar="FILE", help="the plan's file (default: headgate.toml, pyproject.toml)")
    if snapshot:
        parser.add_argument(
            "--snapshot",
            metavar="FILE",
            help="the file that tells routers (default: the ledger's directory, router-state-RELEASE.json)",
        )
        parser.add_argument("--actor", metavar="NAME", help="who acts, for the record (default: user@host)")


def add_ledger_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--ledger``."""
    parser.add_argument(
        "--ledger", metavar="FILE", help=f"the ledger (default: the plan's, or {DEFAULT_LEDGER} in this directory)"
    )


def add_stable_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the plan and what stable is like: what a look ahead starts from."""
    parser.add_argument(
        "plan", metavar="PLAN", nargs="?", help="the plan's file (default: headgate.toml, pyproject.toml)"
    )
    parser.add_argument(
        "--stable",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="what stable's metric is like: errors=2%% or latency=0.4,scatter=0.5 (repeatable)",
    )
    parser.add_argument("--recorded", metavar="FILE", help="take stable's metrics from requests (JSON Lines)")


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument(
        "--json", metavar="FILE", help="the same as JSON; - for standard output, and nothing else there"
    )


def find_plan(given: str | None) -> tuple[Path, Plan]:
    """Return the plan's file and the plan: the one given, or the first of this directory that has one.

    Raises
    ------
    UsageError, InputError
        There is none, or it is wrong.
    """
    if given is not None:
        return Path(given), Plan.from_file(given)
    from headgate.store.policy_file import read_policy_file

    for name in _PLANS:
        if Path(name).is_file() and "rollout" in read_policy_file(name).document:
            return Path(name), Plan.from_file(name)
    raise UsageError("no plan: neither headgate.toml nor pyproject.toml here has a [rollout] table; give --plan FILE")


def ledger_path(args: argparse.Namespace) -> Path:
    """Return the ledger's path: the option, else the plan's (beside the plan's file), else the default.

    A plan that is missing or wrong does not keep anyone from the ledger: a halt must not wait for it to be mended.
    """
    if args.ledger is not None:
        return Path(args.ledger)
    with contextlib.suppress(HeadgateError):
        path, plan = find_plan(getattr(args, "plan", None))
        return path.parent / plan.ledger
    return Path(DEFAULT_LEDGER)


@contextlib.contextmanager
def open_ledger(args: argparse.Namespace, *, create: bool = False) -> Iterator[Ledger]:
    """Open the ledger for a ``with`` block."""
    from headgate.rollout.events import check_release
    from headgate.rollout.ledger import Ledger

    if getattr(args, "release", None) is not None:
        check_release(args.release)  # no text that SQLite could not take
    with Ledger(ledger_path(args), create=create) as ledger:
        yield ledger


@contextlib.contextmanager
def open_controller(
    args: argparse.Namespace, *, plan: Plan | None = None, create: bool = False
) -> Iterator[Controller]:
    """Open the release's controller for a ``with`` block; ``plan`` only to start it."""
    from headgate.rollout.controller import Controller

    with open_ledger(args, create=create) as ledger:
        actor = getattr(args, "actor", None) or who()
        snapshot = snapshot_path(args) if hasattr(args, "snapshot") else None  # of what writes none it is not asked
        controller = Controller(ledger, plan, args.release, actor=actor, snapshot=snapshot)
        try:
            yield controller
        finally:
            controller.close()


def snapshot_path(args: argparse.Namespace) -> Path:
    """Return the snapshot's path: the option, else beside the ledger.

    Raises
    ------
    UsageError
        A name that no release has, or the ledger has the snapshot's.
    """
    from headgate.rollout.controller_snapshot import snapshot_name
    from headgate.rollout.events import check_release

    check_release(args.release)
    given = getattr(args, "snapshot", None)
    if given:
        return Path(given)
    ledger = ledger_path(args)
    path = ledger.parent / snapshot_name(args.release)
    if path == ledger:
        raise UsageError(f"--ledger: {ledger} has the name of the file that tells routers; give --snapshot FILE")
    return path


def who() -> str:
    """Return who runs this process, for the record: ``user@host``."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user id, or no names of users at all
        user = f"uid{os.getuid()}" if hasattr(os, "getuid") else "unknown"
    return f"{user}@{socket.gethostname()}"


def publish_json(path: str | None, data: Any, out: TextIO) -> None:
    """Write ``data`` to ``path``, or print it for ``-``; nothing without a path."""
    if path == STDOUT:
        out.write(json.dumps(data, ensure_ascii=True, allow_nan=False, indent=1) + "\n")
    elif path:
        write_json(path, data)


def print_lines(args: argparse.Namespace, out: TextIO, lines: Iterable[str]) -> None:
    """Print lines for people, unless standard output has the JSON; foreign text cannot change the terminal."""
    if getattr(args, "json", None) != STDOUT:
        out.writelines(shown(printable(line), out) + "\n" for line in lines)


def print_table(args: argparse.Namespace, out: TextIO, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table for people, unless standard output has the JSON; numbers' columns are told by a leading ``>``."""
    if getattr(args, "json", None) == STDOUT:
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in head:
        # Where there is too little room the other columns are folded: a state is one word, and what is read first.
        table.add_column(
            name.lstrip(">"),
            justify="right" if name.startswith(">") else "left",
            no_wrap=name == "state",
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(shown(printable(cell), out)) for cell in row))
    terminal = out.isatty()
    Console(file=out, width=None if terminal else _LOG_WIDTH, color_system="auto" if terminal else None).print(table)
