"""The command line: parse, load, decide, render, exit code.

One module per subcommand; each has ``HELP``, ``EPILOG`` (examples), ``add_arguments(parser)`` and
``run(args, out, err) -> int``.
A module is imported only when its subcommand is asked for, so `headgate --version` stays instant.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, TextIO

from headgate import __version__
from headgate.errors import HeadgateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["COMMANDS", "ExitCode", "entry", "main"]


class ExitCode:
    """What the command line exits with; scripts and CI rely on these."""

    PASS = 0
    REGRESSED = 1
    USAGE = 2
    INCONCLUSIVE = 3
    FAILED = 4
    INTERRUPTED = 130  # 128 + SIGINT, the shell's convention
    UNREAD = 141  # 128 + SIGPIPE: the reader went away before the end; no verdict was delivered, so not 0


# name -> (module, one-line help). The help stands here so that `headgate --help` imports no command.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("headgate.cli.init", "set a repository up: its policy, and a workflow that gates every change"),
    "doctor": ("headgate.cli.doctor", "say what is wrong with this machine or setup, and what to do"),
    "bench": ("headgate.cli.bench", "run the asv suite at HEAD, save the results, write an HTML report"),
    "compare": ("headgate.cli.compare", "compare two commits of any asv suite and decide whether the change may pass"),
    "check": ("headgate.cli.check", "decide from results that asv, pytest-benchmark, pyperf or headgate saved"),
    "calibrate": ("headgate.cli.calibrate", "compare a commit with itself: what can this machine resolve?"),
    "history": ("headgate.cli.history", "find the commits at which a benchmark's level changed"),
    "datasets": ("headgate.cli.datasets", "show lazy datasets at work, on this machine alone"),
    "profile": ("headgate.cli.profile", "describe this machine and measure its ceilings"),
    "report": ("headgate.cli.report", "write the HTML report from saved results"),
    "rollout": ("headgate.cli.rollout", "lead a canary release: plan, start, watch, advance, halt"),
    "release": ("headgate.cli.release", "decide whether a release may go on, from benchmarks, canary and data"),
    "verify": ("headgate.cli.verify", "derive a verdict again from its evidence bundle"),
    "completion": ("headgate.cli.completion", "print a script that completes commands and options in your shell"),
}


def build_parser(selected: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; only ``selected`` gets its full arguments (all of them when None)."""
    parser = argparse.ArgumentParser(
        prog="headgate",
        description="Decides, from evidence, whether a change may pass.",
        epilog="Exit codes: 0 pass, 1 regressed or halted, 2 usage or input error, 3 inconclusive, "
        "4 a benchmark failed.",
    )
    parser.add_argument("--version", action="version", version=f"headgate {__version__}")
    parser.add_argument(
        "--no-color", dest="colorless", action="store_true", help="no colours (also: NO_COLOR in the environment)"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module_name, summary) in COMMANDS.items():
        if selected is not None and name != selected:
            commands.add_parser(name, help=summary)
            continue
        add_command(commands, name, module_name, summary)
    return parser


def add_command(commands: argparse._SubParsersAction[Any], name: str, module_name: str, summary: str) -> None:
    """Add one command, or one of a command's own, with all that its module says of it."""
    module = importlib.import_module(module_name)
    parser = commands.add_parser(
        name,
        help=summary,
        description=module.HELP,
        epilog=module.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)


def main(argv: Sequence[str] | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Run one command; return its exit code. ``out`` and ``err`` default to the process's own."""
    out = out or sys.stdout
    err = err or sys.stderr
    arguments = list(sys.argv[1:] if argv is None else argv)
    selected = next((word for word in arguments if word in COMMANDS), "")
    try:
        args = build_parser(selected).parse_args(arguments)
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else ExitCode.USAGE
    module = importlib.import_module(COMMANDS[args.command][0])
    named = f"{args.command} {getattr(args, 'subcommand', '')}".strip()
    try:
        with sigterm_as_ctrl_c(), colors(off=args.colorless or getattr(args, "no_color", False)):
            code = int(module.run(args, out, err))
            out.flush()  # here, where a reader that has gone is noticed, and not at the interpreter's end
            return code
    except HeadgateError as error:
        from headgate.cli.streams import say

        say(err, f"headgate {named}: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        err.write(f"headgate {named}: interrupted\n")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) went away; redirect what is left so that interpreter shutdown does not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.UNREAD


@contextlib.contextmanager
def colors(*, off: bool) -> Iterator[None]:
    """With ``off``, set NO_COLOR for the time of a command: every console of rich heeds it, of tables and progress."""
    before = os.environ.get("NO_COLOR")
    if off:
        os.environ["NO_COLOR"] = "1"
    try:
        yield
    finally:
        if off and before is None:
            del os.environ["NO_COLOR"]
        elif off and before is not None:
            os.environ["NO_COLOR"] = before


@contextlib.contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C: `timeout` and continuous integration send it, and builds must not outlive us."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def entry() -> None:
    """Console-script entry point. A fault of headgate's own is no verdict: Python's exit code 1 would be one."""
    try:
        code = main()
    except Exception:  # noqa: BLE001 - whatever it was: shown whole, and exit code 4
        traceback.print_exc()
        sys.stderr.write(
            f"headgate {__version__}: this is a fault of headgate itself, and no verdict; report it with these lines\n"
        )
        code = ExitCode.FAILED
    sys.exit(code)
