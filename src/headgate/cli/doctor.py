"""`headgate doctor`: what is wrong with this machine or setup, and what to do about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.rollout_common import STDOUT, add_json_argument, publish_json
from headgate.cli.streams import shown
from headgate.errors import InputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import TextIO

    from headgate.setup.doctor import Finding

__all__ = ["EPILOG", "HELP", "add_arguments", "run"]

HELP = """Look at what measuring depends on: Python, compiler, asv, the repository and its suite, the machine's noise,
and what the optional parts need. Each line is ok, a warning or a problem, with its remedy. Changes nothing, asks no
network."""
EPILOG = """examples:
  headgate doctor
  headgate doctor path/to/repository
  headgate doctor --quiet            warnings and problems alone
  headgate doctor --json -

exit codes: 0 no problem (there may be warnings), 2 a problem"""
_STYLES = {"ok": "green", "unknown": "dim", "warning": "yellow", "problem": "bold red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "directory",
        metavar="DIR",
        nargs="?",
        type=Path,
        default=Path(),
        help="a directory of the repository (default: .)",
    )
    add_json_argument(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="print only warnings and problems")
    parser.add_argument("--no-color", action="store_true", help="no colours (also: NO_COLOR in the environment)")


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 -- every command has the same signature
    """Look, judge, print; return the exit code.

    Raises
    ------
    InputError
        There is no such directory.
    """
    from headgate.setup.doctor import Level, diagnose, report_to_json
    from headgate.setup.doctor_facts import gather

    if not args.directory.is_dir():
        what = "not a directory" if args.directory.exists() else "no such directory"
        raise InputError(f"{args.directory}: {what}; check the path")
    findings = diagnose(gather(args.directory))
    publish_json(args.json, report_to_json(findings), out)
    if args.json != STDOUT:
        _print(findings, args, out)
    return ExitCode.USAGE if any(one.level is Level.PROBLEM for one in findings) else ExitCode.PASS


def _print(findings: tuple[Finding, ...], args: argparse.Namespace, out: TextIO) -> None:
    colored = out.isatty() and not args.no_color and not os.environ.get("NO_COLOR")
    for line, style in _lines(findings, quiet=args.quiet):
        text = shown(line, out)
        out.write(f"{_ANSI[style]}{text}{_ANSI['']}\n" if colored and style else f"{text}\n")


_ANSI = {"": "\x1b[0m", "green": "\x1b[32m", "dim": "\x1b[2m", "yellow": "\x1b[33m", "bold red": "\x1b[1;31m"}


def _lines(findings: tuple[Finding, ...], *, quiet: bool) -> Iterator[tuple[str, str]]:
    """Give each line and its style."""
    from headgate.report.wording import count, printable
    from headgate.setup.doctor import Level

    widest = max(len(one.check) for one in findings)
    for one in findings:
        if quiet and one.level in {Level.OK, Level.UNKNOWN}:
            continue
        yield f"{one.level.value:<8} {one.check:<{widest}}  {printable(one.text)}", _STYLES[one.level.value]
        if one.remedy:
            yield f"{'':<8} {'':<{widest}}  -> {one.remedy}", ""
    levels = [one.level for one in findings]
    problems, warnings = levels.count(Level.PROBLEM), levels.count(Level.WARNING)
    yield f"{count(problems, 'problem')}, {count(warnings, 'warning')}, {count(len(findings), 'check')}", ""
