"""What every command that ends in a verdict shares: its output options, writing them, and the exit code."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.streams import say, shown
from headgate.errors import HeadgateError, UsageError
from headgate.gates.policy import Action
from headgate.model import State
from headgate.report.html import require_own
from headgate.report.verdict_benchmark import directions_of
from headgate.report.verdict_html import write_verdict_pages
from headgate.report.verdict_junit import verdict_junit
from headgate.report.verdict_markdown import verdict_markdown
from headgate.report.verdict_text import verdict_text
from headgate.report.verdict_view import verdict_view
from headgate.store.bundle import Evidence, write_evidence
from headgate.store.files import write_atomic
from headgate.store.verdict_json import verdict_to_json, write_verdict

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from headgate.model import Verdict
    from headgate.report.verdict_view import VerdictView

__all__ = ["add_output_arguments", "check_outputs", "exit_code", "publish", "shown"]

STDOUT = "-"
_FILES = ("json", "markdown", "junit", "evidence")
# Without a terminal (a log of continuous integration) there is no width to fit.
_LOG_WIDTH = 120
_EXIT_CODES = {State.PASS: ExitCode.PASS, State.REGRESSED: ExitCode.REGRESSED, State.FAILED: ExitCode.FAILED}


def add_output_arguments(parser: argparse.ArgumentParser, *, evidence: bool = True, step_summary: bool = True) -> None:
    """Add the output options; ``evidence`` for commands that have samples to bundle.

    ``step_summary``: whether the command's verdict belongs into GitHub's job summary.
    """
    parser.set_defaults(step_summary=step_summary)
    group = parser.add_argument_group("outputs", "FILE may be - for standard output; the table then goes to stderr")
    group.add_argument("--json", metavar="FILE", help="the verdict as JSON (schema headgate.verdict/1)")
    group.add_argument("--markdown", metavar="FILE", help="a summary fit for a pull-request comment")
    group.add_argument("--junit", metavar="FILE", help="JUnit XML")
    group.add_argument("--html", metavar="DIR", help="a static page (DIR/index.html)")
    if evidence:
        group.add_argument("--evidence", metavar="FILE", help="all that `headgate verify` needs (.json or .json.gz)")
    group.add_argument("-q", "--quiet", action="store_true", help="print only what did not pass")
    group.add_argument("--no-color", action="store_true", help="no colours (also: NO_COLOR in the environment)")


def check_outputs(args: argparse.Namespace) -> None:
    """Refuse output options that cannot work, before anything is measured.

    Raises
    ------
    UsageError
        Two outputs in one place, a directory where a file is wanted, or a file where a directory is.
    InputError
        The directory of the pages has pages of someone else's.
    """
    taken: dict[str, str] = {}
    for name in (*_FILES, "html"):
        path = getattr(args, name, None)
        if path is None:
            continue
        if not path:
            raise UsageError(f"--{name}: an empty path; give a file")
        key = path if path == STDOUT else os.path.realpath(path)
        if key in taken:
            raise UsageError(f"--{name} and --{taken[key]} both write to {path}; give each its own")
        taken[key] = name
        if path == STDOUT:
            if name in {"html", "evidence"}:
                raise UsageError(f"--{name}: {path} will not do; give a {'directory' if name == 'html' else 'file'}")
        elif name == "html":
            if Path(path).exists() and not Path(path).is_dir():
                raise UsageError(f"--html: {path} is a file; give a directory")
            require_own(path)
        elif Path(path).is_dir():
            raise UsageError(f"--{name}: {path} is a directory; give a file")


def exit_code(verdict: Verdict) -> int:
    """Return what the command line exits with for a verdict, as its own policy has it."""
    if verdict.state is State.INCONCLUSIVE:
        return ExitCode.INCONCLUSIVE if verdict.policy.get("on_inconclusive") == Action.FAIL else ExitCode.PASS
    return _EXIT_CODES[verdict.state]


def publish(  # noqa: PLR0913 - each keyword is a fact of the run that only some callers know
    verdict: Verdict,
    args: argparse.Namespace,
    out: TextIO,
    err: TextIO,
    *,
    evidence: Evidence | None = None,
    skipped: Mapping[str, str] | None = None,
    command: str = "",
    interrupted: bool = False,
) -> int:
    """Print the verdict, write every output asked for, and return the exit code.

    ``evidence``, ``skipped`` and ``command`` are shown where they are known. What is inconclusive only because the run
    was ``interrupted`` exits as interrupted: the policy speaks of runs that had their whole budget.
    Where GITHUB_STEP_SUMMARY names a file, the Markdown is appended to it. An output that cannot be written does not
    keep the others from being written.

    Raises
    ------
    InputError
        An output could not be written; raised after all the others were.
    """
    file = getattr(args, "evidence", None) or ""
    view = verdict_view(verdict, command=command, evidence_file=file, skipped=skipped)
    to_stdout = STDOUT in (args.json, args.markdown, args.junit)
    _print_table(view, args, err if to_stdout else out)
    undecided = interrupted and verdict.state is State.INCONCLUSIVE
    if not undecided:
        _warn_if_let_pass(verdict, err)
    tasks = _tasks(view, args, out, evidence)
    if args.step_summary:
        _append_step_summary(view, err)
    errors = []
    for task in tasks:
        try:
            task()
        except HeadgateError as error:
            errors.append(error)
    for other in errors[1:]:
        say(err, f"headgate: {other}")
    if errors:
        raise errors[0]
    return ExitCode.INTERRUPTED if undecided else exit_code(verdict)


def _tasks(
    view: VerdictView, args: argparse.Namespace, out: TextIO, evidence: Evidence | None
) -> list[Callable[[], object]]:
    tasks: list[Callable[[], object]] = []
    if getattr(args, "evidence", None) and evidence is not None:
        tasks.append(lambda: write_evidence(args.evidence, evidence))
    if args.json == STDOUT:
        import json

        text = json.dumps(verdict_to_json(view.verdict), ensure_ascii=True, allow_nan=False, indent=1)
        tasks.append(lambda: out.write(text + "\n"))
    elif args.json:
        tasks.append(lambda: write_verdict(args.json, view.verdict))
    if args.markdown:
        tasks.append(lambda: _write(args.markdown, verdict_markdown(view), out))
    if args.junit:
        tasks.append(lambda: _write(args.junit, verdict_junit(view).decode(), out))
    if args.html:
        generated = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
        rounds, directions = (None, None) if evidence is None else (evidence.rounds, directions_of(evidence))
        tasks.append(
            lambda: write_verdict_pages(args.html, view, rounds=rounds, directions=directions, generated=generated)
        )
    return tasks


def _write(path: str, text: str, out: TextIO) -> None:
    if path == STDOUT:
        out.write(shown(text, out))
    else:
        write_atomic(path, text)


def _print_table(view: VerdictView, args: argparse.Namespace, stream: TextIO) -> None:
    terminal = stream.isatty()
    color = terminal and not args.no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size((80 if terminal else _LOG_WIDTH, 24)).columns
    stream.write(shown(verdict_text(view, width=width, color=color, quiet=args.quiet), stream))


def _warn_if_let_pass(verdict: Verdict, err: TextIO) -> None:
    if verdict.state is State.INCONCLUSIVE and verdict.policy.get("on_inconclusive") == Action.WARN:
        # Without a budget nothing was measured: the verdict is over saved results.
        remedy = "a larger --budget" if "budget" in verdict.policy else "measuring with headgate compare"
        say(
            err,
            f"headgate: warning: inconclusive, and the policy lets that pass; {remedy} may decide it, "
            'on_inconclusive = "fail" would exit 3',
        )


def _append_step_summary(view: VerdictView, err: TextIO) -> None:
    """Append the Markdown to GitHub's job summary, where there is one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(verdict_markdown(view) + "\n")
    except OSError as error:
        # The summary is a courtesy of the service's; the verdict does not depend on it.
        reason = error.strerror or error
        say(
            err,
            f"headgate: warning: GITHUB_STEP_SUMMARY: {path} cannot be written ({reason}); the verdict is unchanged",
        )
