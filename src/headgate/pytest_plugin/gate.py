"""The gate of one pytest run: refuses early what cannot work, judges at the end, sets the exit status."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from argparse import Namespace
from typing import TYPE_CHECKING

import pytest

from headgate.errors import HeadgateError, InputError, UsageError
from headgate.pytest_plugin.sides import (
    NOTHING_MEASURED,
    THIS_RUN,
    HookError,
    benchmark_session,
    found_files,
    pooled_side,
    telling_hooks,
    this_run,
    wanted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from headgate.cli.saved_sides import SavedSide
    from headgate.gates.policy import Policy
    from headgate.model import Verdict

__all__ = ["EXIT_CODES", "Gate"]

# headgate's own exit codes, ten higher: below ten they are pytest's. What pytest itself finds wrong keeps its status.
EXIT_CODES = {1: 11, 2: int(pytest.ExitCode.USAGE_ERROR), 3: 13, 4: 14}
_NO_VERDICT = {pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR}
_OPTION = re.compile(r"(?<![\w-])--(?=(?:any-machine|any-session|confidence|html|json|margin|markdown|policy)\b)")


class Gate:
    """What pytest calls during a run that has ``--headgate-baseline``."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.baseline: SavedSide | None = None
        self.earlier: tuple[SavedSide, ...] = ()
        self.policy: Policy | None = None
        self.machine: Any = {}
        self.deselected: set[str] = set()
        self.skipped: set[str] = set()
        self.screen = ""

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Refuse what cannot end in a verdict, before anything is measured."""
        try:
            self._prepare()
        except HeadgateError as error:
            raise pytest.UsageError(f"headgate: {own_words(str(error))}") from None
        except OSError as error:  # a path that is too long, or in a directory that may not be searched
            if not error.filename:
                raise
            what = f"{error.filename}: cannot be used ({error.strerror}); check the path and its permissions"
            raise pytest.UsageError(f"headgate: {what}") from None

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Remember what was not asked for."""
        self.deselected.update(item.nodeid for item in items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what was skipped: it is missing from the results for a reason."""
        if report.skipped:
            self.skipped.add(report.nodeid)

    @pytest.hookimpl(trylast=True)  # after pytest-benchmark has saved what it was asked to
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Judge, and set the exit status where pytest itself has nothing to object."""
        if self.baseline is None:
            return
        if exitstatus in _NO_VERDICT:
            self.screen = "no verdict: the run did not come to its end\n"
            return
        try:
            code = self._judge()
        except pytest.exit.Exception as stop:
            if stop.returncode is None:  # pytest would leave the status that the tests had, and there is no verdict
                session.exitstatus = pytest.ExitCode.INTERRUPTED
            raise
        if not code:
            return
        if exitstatus == pytest.ExitCode.OK:
            session.exitstatus = EXIT_CODES[code]
            self.screen += f"exit status {EXIT_CODES[code]}\n"
        else:
            self.screen += f"exit status {int(exitstatus)}: pytest's own, for what went wrong before the verdict\n"

    @pytest.hookimpl(trylast=True)  # below pytest-benchmark's table
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the verdict."""
        if self.screen:
            terminalreporter.section("headgate")
            terminalreporter.write(self.screen)

    def _prepare(self) -> None:
        from headgate.cli.check import machine_warnings
        from headgate.cli.outputs import check_outputs
        from headgate.cli.overwrites import refuse_overwrites
        from headgate.cli.saved_sides import SavedSide
        from headgate.store.policy_file import load_policy

        bench = benchmark_session(self.config)
        outputs = self._outputs()
        check_outputs(outputs)
        self._refuse_shared(outputs)
        options = {name: self._option(name) for name in ("margin", "confidence")}
        refuse_overwrites(outputs, self._inputs())
        self.policy = load_policy(self.config.rootpath, config=self._option("policy"), options=options)
        baseline = pooled_side(self._option("baseline"), "--headgate-baseline")
        self.earlier = tuple(pooled_side([given], "--headgate-candidate") for given in self._option("candidate"))
        # One look at the machine, at the start: a baseline of another one is told before an hour of measuring.
        with telling_hooks():
            self.machine = bench.get_machine_info()
        # A hook that fails without benchmarks, one of the commit too, says nothing of the machine yet: it is asked anew
        # at the end, the only time that pytest-benchmark itself asks it.
        with contextlib.suppress(HookError):
            run = this_run(self.config, self.machine, measured=False)
            empty = SavedSide(THIS_RUN, self.config.rootpath, run)
            machine_warnings(baseline, empty, any_machine=self._option("any_machine"))
        self.baseline = baseline

    def _judge(self) -> int:
        """Judge, keep the screen's text, write the outputs; return headgate's own exit code."""
        from headgate.cli.outputs import publish

        screen = Screen(color=self.config.get_terminal_writer().hasmarkup)
        try:
            verdict, skipped = self._verdict()
            code = publish(
                verdict,
                self._outputs(),
                screen,
                screen,
                skipped=dict.fromkeys(skipped, ""),
                command=self._command(),
            )
        except HeadgateError as error:
            screen.write(f"headgate: {own_words(str(error))}\n")
            code = error.exit_code
        # The warning that an undecided run passes speaks of the exit code it would have otherwise.
        self.screen = screen.getvalue().replace("would exit 3\n", f"would exit {EXIT_CODES[3]}\n")
        return code

    def _verdict(self) -> tuple[Verdict, tuple[str, ...]]:
        from headgate.pytest_plugin.judgement import judge_run

        if self.baseline is None or self.policy is None:
            raise UsageError("the run was never prepared; this is a defect, please report it")
        run = this_run(self.config, self.machine)
        if not run.results:
            raise InputError(NOTHING_MEASURED)
        asked, left_out = wanted(self.config, self.baseline, self.deselected)
        verdict, skipped = judge_run(
            asked,
            run,
            self.earlier,
            self.policy,
            any_machine=self._option("any_machine"),
            any_session=self._option("any_session"),
            left_out=left_out,
            skipped=self.skipped,
        )
        return own_words_of(verdict), skipped

    def _refuse_shared(self, outputs: Namespace) -> None:
        """Refuse an output that pytest or pytest-benchmark writes too: this one would be written later."""
        for option, name in (("--benchmark-json", "benchmark_json"), ("--junit-xml", "xmlpath")):
            given = self.config.getoption(name, None)
            # An older pytest-benchmark has opened the file.
            path = given if isinstance(given, str | os.PathLike) else getattr(given, "name", None)
            for mine in ("json", "markdown"):
                asked = getattr(outputs, mine)
                if path and asked and os.path.realpath(path) == os.path.realpath(asked):
                    raise UsageError(f"--headgate-{mine} and {option} both write to {asked}; give each its own")

    def _option(self, name: str) -> Any:
        return self.config.getoption(f"headgate_{name}")

    def _inputs(self) -> Iterator[tuple[str, str]]:
        """Give each option that names a file to read, with the file."""
        for option in ("--headgate-baseline", "--headgate-candidate"):
            for path in found_files(self._option(option.rpartition("-")[2]), option):
                yield option, path
        if self._option("policy") is not None:
            yield "--headgate-policy", self._option("policy")

    def _outputs(self) -> Namespace:
        """Return the output options as `headgate.cli.outputs` takes them."""
        outputs = {name: self._option(name) for name in ("json", "markdown", "html")}
        for name, path in outputs.items():
            if path == "-":
                raise UsageError(f"--headgate-{name}: - will not do, standard output is pytest's; give a file")
        quiet = self.config.get_verbosity() < 0
        return Namespace(**outputs, junit=None, quiet=quiet, no_color=False, step_summary=True)

    def _command(self) -> str:
        """Return the command line, headgate's part of it: pytest's other options are not for a published page."""
        words = []
        for name in ("baseline", "candidate", "margin", "confidence", "policy"):
            given = self._option(name)
            for one in given if isinstance(given, list) else [given]:
                words += [f"--headgate-{name}", str(one)] if one is not None else []
        words += [
            f"--headgate-{name}" for name in ("any-machine", "any-session") if self._option(name.replace("-", "_"))
        ]
        return f"pytest {shlex.join(words)}"


class Screen(io.StringIO):
    """Text for pytest's summary that is as wide, as coloured and as well encoded as its terminal."""

    def __init__(self, *, color: bool) -> None:
        super().__init__()
        self.color = color

    def isatty(self) -> bool:
        """Whether colours are wanted; pytest has decided (--color, NO_COLOR, the terminal)."""
        return self.color


def own_words(text: str) -> str:
    """Return a message of headgate's command line with its options as they are called here, fit for a terminal."""
    from headgate.report.wording import printable

    return "\n".join(printable(line) for line in _OPTION.sub("--headgate-", text).split("\n"))


def own_words_of(verdict: Verdict) -> Verdict:
    """Return the verdict with its warnings so worded."""
    from dataclasses import replace

    return replace(verdict, warnings=tuple(own_words(text) for text in verdict.warnings))
