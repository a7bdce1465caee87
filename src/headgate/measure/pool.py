"""The processes of a round: one pair that most benchmarks share, and others where sharing would falsify."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from headgate.measure.session import Launch, draw_launch, start_pair

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from headgate.measure.clock import Clock
    from headgate.measure.session import Launcher, SideRuntime, WorkerPair
    from headgate.model import BenchmarkSpec

__all__ = ["Pool", "Sharing"]


class Sharing(IntEnum):
    """Which pair of processes a benchmark runs in; the order in which a round takes them."""

    PINNED = 0  # with all others, on the cores the run is pinned to, if it is
    UNPINNED = 1  # with others that use several threads: one core would falsify them
    ALONE = 2  # peak memory is a maximum over the process's life


@dataclass(slots=True)
class Pool:
    """At most one running pair, replaced when the next benchmark needs another; all pairs of a round share a launch.

    ``prepare_seconds`` is what the last pair took to start, import and set up.
    """

    runtimes: Sequence[SideRuntime]
    directory: Path
    launcher: Launcher
    clock: Clock
    rng: random.Random
    pin: str
    plugins: bool
    prepare_seconds: float = 0.0
    launch: Launch = field(default_factory=Launch)
    running: WorkerPair | None = None
    sharing: Sharing = Sharing.PINNED

    def new_round(self, specs: Sequence[BenchmarkSpec]) -> None:
        """Draw what the next pairs share: hash seed, environment size, cores."""
        memory = any(spec.kind == "memory" for spec in specs)
        self.launch = draw_launch(self.runtimes, self.rng, self.pin, memory=memory, plugins=self.plugins)

    def pair(self, sharing: Sharing) -> WorkerPair:
        """Return a pair for ``sharing``: the running one where that fits, else a fresh one."""
        if sharing is not self.sharing or sharing is Sharing.ALONE:
            self.end()
        self.sharing = sharing
        if self.running is None:
            before = self.clock.now()
            # Which side starts first, and is asked first, is drawn like all else that could favour one. With the
            # baseline always first, one commit was 0.65 % slower than itself (median of 261 benchmarks, at most 2.9 %
            # for a variant); drawn, -0.03 %.
            order = self.rng.sample(list(self.runtimes), len(self.runtimes))
            self.running = start_pair(order, self.variant(sharing), self.directory, self.launcher)
            self.running.prepare_seconds = self.clock.now() - before
        return self.running

    def variant(self, sharing: Sharing) -> Launch:
        """Return the round's launch as ``sharing`` needs it."""
        if sharing is Sharing.PINNED:
            return self.launch
        # pympler would bring NumPy into every peak.
        return replace(self.launch, cpus={}, memory=self.launch.memory and sharing is not Sharing.ALONE)

    def end(self, *, force: bool = False) -> None:
        """End the running pair, if there is one; ``force`` where it may hang."""
        pair, self.running = self.running, None
        if pair is not None:
            self.prepare_seconds = pair.prepare_seconds
            pair.close(force=force)
