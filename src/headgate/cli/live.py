"""What a running comparison shows: a live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, TextIO

from headgate.cli.streams import say
from headgate.measure.comparison import ComparisonObserver
from headgate.model import Comparison, State
from headgate.report.wording import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from rich.console import RenderableType
    from rich.live import Live

    from headgate.measure.measurement import Failure
    from headgate.model import BenchmarkId

__all__ = ["LiveObserver", "watching"]

# A log of a CI job should show life without filling up.
LINE_SECONDS = 30.0
# As many undecided benchmarks as fit below the summary of a usual terminal.
SHOWN = 12
STYLES = {State.PASS: "green", State.REGRESSED: "red", State.INCONCLUSIVE: "yellow", State.FAILED: "magenta"}


class LiveObserver(ComparisonObserver):
    """Keeps what is known so far; renders it."""

    def __init__(self, total: int, budget: float, err: TextIO) -> None:
        self.total = total
        self.budget = budget
        self.err = err
        self.started = time.monotonic()
        self.last_line = self.started
        self.comparisons: Sequence[Comparison] = ()
        self.calibrations = 0
        self.out: set[BenchmarkId] = set()
        self.failures = 0
        self.round_index = 0
        self.live: Live | None = None

    def calibrated(self, benchmark: BenchmarkId, number: int, sample_seconds: float) -> None:  # noqa: ARG002 - the observer's signature
        """Count the benchmarks made ready."""
        self.calibrations += 1
        self.refresh()

    def round_started(self, index: int, live: Collection[BenchmarkId]) -> None:  # noqa: ARG002 - the observer's signature
        """Note the round."""
        self.round_index = index

    def failed(self, benchmark: BenchmarkId, failure: Failure) -> None:
        """Say at once what failed."""
        self.failures += 1
        self.out.add(benchmark)
        where = f" on the {failure.side}'s side" if failure.side else ""
        self.say(f"{benchmark} failed{where}: {failure.reason.partition(chr(10))[0] or 'no reason given'}")

    def skipped(self, benchmark: BenchmarkId, reason: str) -> None:  # noqa: ARG002 - the observer's signature
        """Note that the benchmark is not measured."""
        self.out.add(benchmark)

    def compared(self, comparisons: Sequence[Comparison]) -> None:
        """Show the comparisons so far."""
        self.comparisons = [one for one in comparisons if one.benchmark not in self.out]
        self.refresh()

    def summary(self) -> str:
        """Return the state of the run in one line."""
        elapsed = f"{time.monotonic() - self.started:.0f} of {self.budget:.0f} s"
        if not self.round_index:
            return f"calibrating {self.calibrations} of {self.total} benchmarks, {elapsed}"
        counts = {state: sum(one.state is state for one in self.comparisons) for state in State}
        counts[State.FAILED] += self.failures
        told = ", ".join(
            f"{count} {state}" for state, count in counts.items() if count and state is not State.INCONCLUSIVE
        )
        left = counts[State.INCONCLUSIVE]
        return f"round {self.round_index}, {elapsed}: {told or 'none decided'}; {left} of {self.total} left"

    def refresh(self) -> None:
        """Redraw, or print a line if it is time for one."""
        if self.live is not None:
            self.live.update(self.render())
        elif time.monotonic() - self.last_line >= LINE_SECONDS:
            self.last_line = time.monotonic()
            self.say(self.summary())

    def say(self, text: str) -> None:
        """Print a line above the live table."""
        if self.live is not None:
            from rich.text import Text

            # Text, and printable: rich lets escape sequences pass, and a name may hold markup.
            self.live.console.print(Text(printable(text.expandtabs(4))))
        else:
            say(self.err, f"headgate: {text}")
            self.err.flush()

    def render(self) -> RenderableType:
        """Return the live table: the summary, and the benchmarks not decided yet."""
        from rich.table import Table
        from rich.text import Text

        table = Table(title=self.summary(), title_justify="left", box=None, pad_edge=False)
        table.add_column("still undecided", overflow="ellipsis", no_wrap=True, ratio=1)
        table.add_column("ratio", justify="right")
        table.add_column("interval", justify="right")
        left = [one for one in self.comparisons if one.state is State.INCONCLUSIVE and self.round_index]
        for one in left[:SHOWN]:
            table.add_row(Text(printable(str(one.benchmark))), _ratio(one.ratio), _interval(one))
        if len(left) > SHOWN:
            table.add_row(f"… and {len(left) - SHOWN} more", "", "")
        return table


def _interval(one: Comparison) -> str:
    return "not yet" if one.lower is None and one.upper is None else f"{_ratio(one.lower)} … {_ratio(one.upper)}"


def _ratio(value: float | None) -> str:
    return "?" if value is None else f"{value:.3f}"


@contextlib.contextmanager
def watching(total: int, budget: float, err: TextIO, *, quiet: bool) -> Iterator[LiveObserver | None]:
    """Yield an observer that shows progress on ``err``; None where the user wants none."""
    if quiet:
        yield None
        return
    observer = LiveObserver(total, budget, err)
    if not err.isatty():
        yield observer
        return
    from rich.console import Console
    from rich.live import Live

    options: dict[str, Any] = {"transient": True, "refresh_per_second": 4}
    with Live(observer.render(), console=Console(file=err), **options) as live:
        observer.live = live
        yield observer
