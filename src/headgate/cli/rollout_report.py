"""`headgate rollout report`: the releases of a ledger as pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.rollout_common import add_ledger_argument, open_ledger
from headgate.errors import InputError

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from headgate.rollout.events import Event
    from headgate.rollout.ledger import Ledger

__all__ = ["DEFAULT_OUTPUT", "EPILOG", "HELP", "add_arguments", "releases_of", "run"]

HELP = "Write a page for each release of a ledger: stages, evidence, decisions and who took them, and the plan."
EPILOG = """\
The pages open without a network. A ledger whose chain of hashes does not hold is shown as such, without its evidence.

examples:
  headgate rollout report
  headgate rollout report checkout-42 --ledger rollout.sqlite -o checkout-42

exit codes: 0 done, 2 no such ledger or release, or a usage error
"""
DEFAULT_OUTPUT = Path("rollout-report")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument("release", metavar="RELEASE", nargs="?", help="one release alone (default: all)")
    add_ledger_argument(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=DEFAULT_OUTPUT,
        metavar="DIR",
        help=f"where the pages go (default: {DEFAULT_OUTPUT})",
    )


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 -- every command has the same signature
    """Write the pages and print the path of the first."""
    from headgate.report.rollout_html import write_releases

    with open_ledger(args) as ledger:
        found = releases_of(ledger, args.release)
    out.write(f"{write_releases(args.output, found)}\n")
    return ExitCode.PASS


def releases_of(ledger: Ledger, release: str | None = None) -> dict[str, tuple[list[Event], list[str]]]:
    """Return each release's events and what is wrong with them: what a report is made of.

    Raises
    ------
    InputError
        There is no such release, or none at all.
    """
    names = ledger.releases()
    if release is not None and release not in names:
        known = ", ".join(names[:5]) or "none"
        raise InputError(f"{ledger.path}: no release {release!r}; it has: {known}; check the name")
    if not names:
        raise InputError(f"{ledger.path}: has no release yet; start one")
    return {name: (list(ledger.events(name)), ledger.verify(name)) for name in ([release] if release else names)}
