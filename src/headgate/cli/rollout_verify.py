"""`headgate rollout verify`: compute every hash of a ledger again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.rollout_common import add_json_argument, add_ledger_argument, open_ledger, print_lines, publish_json
from headgate.errors import InputError, UsageError, brief
from headgate.rollout.ledger import Head

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

HELP = "Compute every hash of a ledger again: what was edited, removed or put in another order?"
EPILOG = """\
Whoever can write the file can make a new chain from the edited place on. Keep a release's last event elsewhere (the
output names it, notifications carry it) and give it as --anchor: then that shows too.

exit codes:
  0  every hash holds
  2  no such ledger or release, or a usage error
  4  something was edited, removed or reordered

examples:
  headgate rollout verify
  headgate rollout verify checkout-42 --anchor 17:9d0c4e0e5a1f3b27c8d6a4f2b1908e7d6c5b4a39281706f5e4d3c2b1a0f9e8d7
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument("release", metavar="RELEASE", nargs="?", help="one release (default: all)")
    add_ledger_argument(parser)
    parser.add_argument("--anchor", metavar="SEQ:HASH", help="an event that was kept elsewhere; takes RELEASE")
    add_json_argument(parser)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 -- every command has the same signature
    """Verify the ledger; return the exit code."""
    anchor = _anchor(args)
    with open_ledger(args) as ledger:
        found = ledger.verify(args.release, anchor=anchor)
        known = ledger.releases()
        # With an anchor there was such a release, and that it is gone is a finding; so is any trace of it.
        unknown = args.release is not None and args.release not in known
        if unknown and anchor is None and found == [f"release {args.release!r}: not in this ledger"]:
            listed = ", ".join(known[:5]) or "none"
            raise InputError(f"{ledger.path}: no release {args.release!r}; it has: {listed}; check the name")
        names = ledger.releases() if args.release is None else [args.release]
        heads = {name: ledger.head(name) for name in names}
    if not names and not found:
        found.append("no release is in it: it was emptied, or is another one; check the path")
    written = {name: {"seq": head.seq, "hash": head.hash} for name, head in heads.items()}
    publish_json(args.json, {"schema": "headgate.ledger-verification/1", "problems": found, "heads": written}, out)
    lines = [f"{name}: {head.seq} events, the last one {head.seq}:{head.hash}" for name, head in heads.items()]
    lines += found or ["every hash holds"]
    print_lines(args, out, lines)
    return ExitCode.FAILED if found else ExitCode.PASS


def _anchor(args: argparse.Namespace) -> Head | None:
    if args.anchor is None:
        return None
    match = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", args.anchor)
    if args.release is None or match is None:
        raise UsageError(
            f"--anchor: {brief(args.anchor)} will not do: expected SEQ:HASH, as 17:9d0c4e… (64 hex digits), with "
            "RELEASE"
        )
    return Head(int(match[1]), match[2])
