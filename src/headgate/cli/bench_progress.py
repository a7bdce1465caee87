"""What `headgate bench` shows while it runs: a bar on a terminal, a line a part elsewhere."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self, TextIO

from headgate.cli.streams import say
from headgate.report.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from headgate.measure.asv_plan import Chunk

__all__ = ["BenchProgress", "building"]

NAME_WIDTH = 40


@contextlib.contextmanager
def building(err: TextIO, log: Path) -> Iterator[None]:
    """Show that the environment is being built."""
    text = f"building the commit and its environment (first time: a minute or two; log: {log})"
    if not err.isatty():
        say(err, text)
        err.flush()
        yield
        return
    from rich.console import Console
    from rich.text import Text

    # A path may hold what rich takes for markup, or what a terminal does.
    with Console(file=err).status(Text(printable(text))):
        yield


class BenchProgress:
    """Progress over ``chunks``; the bar's length is the estimate, so that its end is when the run ends."""

    def __init__(self, err: TextIO, chunks: Sequence[Chunk], environments: int, rounds: Mapping[str, int]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._err = err
        self._chunks = chunks
        self._rounds = rounds
        self._environments = environments
        self._done = 0
        self._total = sum(self._steps(chunk) for chunk in chunks)
        self._bar = Progress(
            TextColumn("{task.fields[count]}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("{task.description}", markup=False),
            console=Console(file=err),
            disable=not err.isatty(),
        )
        self._task = self._bar.add_task("", total=sum(chunk.seconds for chunk in chunks) or 1.0, count="")
        self._step = 0.0
        self._floor = 0.0

    def __enter__(self) -> Self:
        """Start drawing."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing; after Ctrl-C say what is safe."""
        self._bar.stop()
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self._err.write("the parts finished are saved; run the same command again to go on\n")

    def started(self, chunk: Chunk, number: int, total: int) -> None:
        """Begin a chunk."""
        steps = self._steps(chunk)
        self._step = chunk.seconds / steps if steps else 0.0
        if not self._err.isatty():
            say(
                self._err,
                f"part {number} of {total}: {len(chunk.benchmarks)} combinations, {chunk.benchmarks[0].name} …",
            )
            self._err.flush()

    def combination(self, event: Mapping[str, Any]) -> None:
        """Take one round of one combination."""
        self._done += 1
        name = printable(str(event["benchmark"]))[-NAME_WIDTH:]
        self._bar.update(self._task, advance=self._step, description=name, count=f"{self._done}/{self._total}")

    def finished(self, chunk: Chunk) -> None:
        """Move to where the chunk ends: what failed early took fewer rounds."""
        self._floor += chunk.seconds
        self._bar.update(self._task, completed=self._floor)

    def _steps(self, chunk: Chunk) -> int:
        return self._environments * sum(self._rounds.get(item.name, 1) for item in chunk.benchmarks)
