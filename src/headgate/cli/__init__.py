"""The command line: parse, load, decide, render, exit code.

One module per subcommand; each has ``HELP``, ``EPILOG`` (examples), ``add_arguments(parser)`` and
``run(args, out, err) -> int``.
A module is imported only when its subcommand is asked for, so `headgate --version` stays instant.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import errno
import importlib
import io
import os
import re
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from headgate import __version__
from headgate.errors import HeadgateError, UsageError

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


# What the system says of a path that was mistyped or may not be used. pathlib lets most of these pass, or raises them,
# where a file is only looked for; whatever has a message of its own never comes this far.
_USERS_MISTAKES = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ELOOP,
    errno.ENAMETOOLONG,
}
_WRITING_FAILED = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG}
_NEAR = 0.6
# How argparse words a value that is none of the choices.
_CHOICE = re.compile(r"(?P<where>.*?): invalid choice: (?P<given>.*) \(choose from (?P<known>.*)\)", re.DOTALL)


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


class Parser(argparse.ArgumentParser):
    """argparse's parser, with this project's words for a mistake; the commands' parsers are of it too."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where the options are told.

        Raises
        ------
        UsageError
            Always; `main` shows it.
        """
        message = message.removeprefix("argument ")
        message = message.replace("not allowed with argument", "not allowed with")
        message = message.replace("the following arguments are required", "missing")
        message = message.replace(
            "expected one argument", "expected a value; one that begins with - is joined to its option by ="
        )
        choice = _CHOICE.fullmatch(message)
        if choice:
            listed = choice["known"].replace("'", "")
            near = difflib.get_close_matches(choice["given"].strip("'"), listed.split(", "), n=1, cutoff=_NEAR)
            message = f"{choice['where']}: {choice['given']} will not do: expected one of {listed}"
            message += f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"{self.prog}: {message}; `{self.prog} --help` shows what it takes")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse here what is left over, where the options are known; argparse would leave it to the topmost parser."""
        known, extra = super().parse_known_args(args, namespace)
        if extra:
            self.error(self._unknown(extra[0]))
        return known, extra

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"{word!r} is one argument too many"
        options = [option for action in self._actions for option in action.option_strings]
        near = difflib.get_close_matches(word.partition("=")[0], options, n=1, cutoff=_NEAR)
        return f"no option {word.partition('=')[0]}" + (f", did you mean {near[0]}?" if near else "")


def build_parser(selected: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; only ``selected`` gets its full arguments (all of them when None)."""
    parser = Parser(
        prog="headgate",
        description="Decides, from evidence, whether a change may pass.",
        epilog="exit codes: 0 pass, 1 regressed or halted, 2 usage or input error, 3 inconclusive, 4 failed: a "
        "benchmark, a build, a ledger, or headgate itself; 130 interrupted, 141 nobody read the output",
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
    # Python has None for a stream that was closed before it started (`>&-`).
    out = out or sys.stdout or io.StringIO()
    err = err or sys.stderr or io.StringIO()
    args = _parsed(list(sys.argv[1:] if argv is None else argv), err)
    if isinstance(args, int):
        return args
    from headgate.cli.overwrites import refuse_overwrites

    module = importlib.import_module(COMMANDS[args.command][0])
    named = f"{args.command} {getattr(args, 'subcommand', '')}".strip()
    try:
        if not getattr(args, "acts_first", False):
            refuse_overwrites(args)
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
        _discard_output()
        return ExitCode.UNREAD
    except OSError as error:
        found = _explained(error)
        if found is None:
            raise
        from headgate.cli.streams import say

        code, text = found
        say(err, f"headgate {named}: {text}")
        return code


def _parsed(arguments: list[str], err: TextIO) -> argparse.Namespace | int:
    """Return the arguments parsed; or the exit code, where they are wrong or asked for no more than a help text."""
    selected = next((word for word in arguments if word in COMMANDS), "")
    try:
        return build_parser(selected).parse_args(arguments)
    except UsageError as error:
        from headgate.cli.streams import say

        say(err, str(error))
        return error.exit_code
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else ExitCode.USAGE


def _explained(error: OSError) -> tuple[int, str] | None:
    """Return the exit code and what to say of a system's error; None where it is a fault of headgate's."""
    try:
        Path.cwd()
    except OSError:
        return ExitCode.USAGE, "the working directory is gone; change into one that exists"
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes | os.PathLike) else ""
    reason = error.strerror or str(error)
    if error.errno in _WRITING_FAILED:
        if not name:  # of a stream that is open the system names none
            name = "standard output, or a file"
            _discard_output()
        return ExitCode.FAILED, f"{name}: cannot be written ({reason}); make room, or write elsewhere"
    if error.errno not in _USERS_MISTAKES or not name or name.startswith(str(Path(__file__).parent.parent)):
        return None
    return ExitCode.USAGE, f"{name}: cannot be used ({reason}); check the path and its permissions"


def _discard_output() -> None:
    """Redirect what is left to be printed: at Python's end it would fail again, with an exit code of Python's own."""
    with contextlib.suppress(AttributeError, OSError, ValueError):  # no standard output, or a test's
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
