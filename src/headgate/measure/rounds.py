"""Interleaved rounds: fresh process pairs, benchmarks in random order, until decided or out of budget.

A round starts one process per side. Both share a hash seed and the size of their environment block, fresh in each
round; address randomisation stays on. Each benchmark still undecided, in random order, is loaded on both sides and
sampled turn about. The rounds, not the samples, are what the statistics count.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.measure.caches import Caches
from headgate.measure.clock import SystemClock
from headgate.measure.measurement import Failure, Measurement, Observer
from headgate.measure.pairs import (
    Plan,
    RoundSettings,
    SkippedError,
    calibrate,
    take_slice,
)
from headgate.measure.pool import Pool, Sharing
from headgate.measure.process import launch_worker
from headgate.measure.session import PairError
from headgate.model import Side

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from headgate.measure.clock import Clock
    from headgate.measure.journal import Journal
    from headgate.measure.session import Launcher, SideRuntime
    from headgate.model import BenchmarkId, BenchmarkSpec, Round

__all__ = ["Failure", "Measurement", "Observer", "RoundSettings", "measure_rounds"]

Evidence = dict["BenchmarkId", list["Round"]]


def measure_rounds(  # noqa: PLR0913 - the engine's one entry; each keyword is a decision of the caller
    specs: Sequence[BenchmarkSpec],
    baseline: SideRuntime,
    candidate: SideRuntime,
    *,
    budget_seconds: float,
    undecided: Callable[[Mapping[BenchmarkId, Sequence[Round]]], Collection[BenchmarkId]],
    observer: Observer | None = None,
    journal: Journal | None = None,
    previous: Mapping[BenchmarkId, Sequence[Round]] | None = None,
    previous_failures: Mapping[BenchmarkId, Failure] | None = None,
    rng: random.Random,
    clock: Clock | None = None,
    max_rounds: int,
    settings: RoundSettings | None = None,
    plugins: bool = True,
    launcher: Launcher = launch_worker,
) -> Measurement:
    """Measure ``specs`` on both sides until decided, out of budget, or at ``max_rounds`` rounds each.

    ``undecided`` is called after each round with all evidence, ``previous`` included, and returns the benchmarks to go
    on with. Ctrl-C ends the call with what is complete: a benchmark's half-taken samples are dropped, its earlier
    rounds and the other benchmarks' are kept. A benchmark that fails on one side leaves and disturbs no other.

    Raises
    ------
    MeasurementError
        A side's process cannot be started at all.
    """
    directory = Path(tempfile.mkdtemp(prefix="headgate-"))
    run = _Run(
        runtimes=(baseline, candidate),
        observer=observer or Observer(),
        journal=journal,
        rng=rng,
        clock=clock or SystemClock(),
        settings=settings or RoundSettings(),
        launcher=launcher,
        directory=directory,
        budget_seconds=budget_seconds,
        plugins=plugins,
        evidence={spec.id: list((previous or {}).get(spec.id, ())) for spec in specs},
        failures=dict(previous_failures or {}),
    )
    interrupted = False
    try:
        run.rounds([spec for spec in specs if spec.id not in run.failures], undecided, max_rounds)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        run.pool.end(force=True)
        run.sync()
        shutil.rmtree(directory, ignore_errors=True)
    return run.result(interrupted=interrupted)


@dataclass(slots=True)
class _Run:
    """The state of one call of :func:`measure_rounds`."""

    runtimes: tuple[SideRuntime, SideRuntime]
    observer: Observer
    journal: Journal | None
    rng: random.Random
    clock: Clock
    settings: RoundSettings
    launcher: Launcher
    directory: Path
    budget_seconds: float
    plugins: bool
    evidence: Evidence
    failures: dict[BenchmarkId, Failure]
    skipped: dict[BenchmarkId, str] = field(default_factory=dict)
    plans: dict[BenchmarkId, Plan] = field(default_factory=dict)
    inside_seconds: float = 0.0
    calibration_seconds: float = 0.0
    rounds_run: int = 0
    round_elapsed: float = 0.0
    started: float = field(init=False)
    earlier: float = field(init=False)
    caches: Caches = field(init=False)
    pool: Pool = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock.now()
        # A resumed run goes on at the time the recorded one had reached: what was spent stays spent.
        self.earlier = max((rounds[-1].elapsed for rounds in self.evidence.values() if rounds), default=0.0)
        self.caches = Caches(self.runtimes, self.directory, self.launcher)
        self.pool = Pool(
            self.runtimes, self.directory, self.launcher, self.clock, self.rng, self.settings.pin, self.plugins
        )

    def rounds(
        self,
        specs: Sequence[BenchmarkSpec],
        undecided: Callable[[Mapping[BenchmarkId, Sequence[Round]]], Collection[BenchmarkId]],
        max_rounds: int,
    ) -> None:
        """Calibrate, then run rounds while anything is undecided and the budget lasts."""
        live = self.still_live(specs, undecided, max_rounds, told=False)
        self.calibrate(live)
        self.calibration_seconds = self.clock.now() - self.started
        live = [spec for spec in live if spec.id in self.plans]
        while live and self.clock.now() - self.started < self.budget_seconds:
            self.round(live)
            live = self.still_live(live, undecided, max_rounds, told=True)

    def still_live(
        self,
        specs: Sequence[BenchmarkSpec],
        undecided: Callable[[Mapping[BenchmarkId, Sequence[Round]]], Collection[BenchmarkId]],
        max_rounds: int,
        *,
        told: bool,
    ) -> list[BenchmarkSpec]:
        """Return the specs that go on."""
        wanted, out = set(undecided(self.evidence)), {*self.failures, *self.skipped}
        live = [
            spec
            for spec in specs
            if spec.id in wanted and spec.id not in out and len(self.evidence[spec.id]) < max_rounds
        ]
        left = [spec.id for spec in specs if spec not in live and spec.id not in out]
        if told and left:
            self.observer.decided(left)
        return live

    def calibrate(self, specs: Sequence[BenchmarkSpec]) -> None:
        """Run the uncounted first round: caches, then loops per sample for each benchmark."""
        self.pool.new_round(specs)
        for spec in specs:
            if self.clock.now() - self.started >= self.budget_seconds:
                break  # without time for a single round; the caller says what would do
            with self.guarded(spec):
                self.caches.prepare(spec, self.pool.variant(Sharing.UNPINNED))
                # A resumed benchmark keeps its loops per sample, so that its rounds stay of one kind.
                plan = calibrate(self.pool.pair(Sharing.UNPINNED), spec, self.caches.of(spec), self.settings)
                known = self.evidence[spec.id]
                self.plans[spec.id] = plan = plan.at(known[-1].number) if known else plan
                self.observer.calibrated(spec.id, plan.number, plan.sample_seconds)
        self.pool.end()
        self.sync()

    def round(self, live: Sequence[BenchmarkSpec]) -> None:
        """Run one round; it is cut short where it would overrun the budget badly."""
        index = 1 + max((rounds[-1].index for rounds in self.evidence.values() if rounds), default=0)
        self.observer.round_started(index, [spec.id for spec in live])
        self.pool.new_round(live)
        self.round_elapsed = self.earlier + self.clock.now() - self.started
        queue = deque(sorted(self.rng.sample(list(live), len(live)), key=self.sharing))
        deadline = self.started + self.budget_seconds + self.settings.overrun_seconds
        while queue and self.clock.now() < deadline:
            spec = queue.popleft()
            with self.guarded(spec):
                self.measure(spec, index, len(live))
        self.pool.end()
        self.rounds_run += 1
        self.sync()

    def measure(self, spec: BenchmarkSpec, index: int, live: int) -> None:
        """Measure one benchmark in the round's pair, or in a pair of its own where only a fresh process tells."""
        plan = self.plans[spec.id]
        taken = take_slice(
            self.pool.pair(self.sharing(spec)),
            spec,
            plan,
            plan.pairs(spec.kind, self.slice_seconds(live), self.settings),
            index=index,
            caches=self.caches.of(spec),
            rng=self.rng,
            settings=self.settings,
        )
        measured = replace(taken.round, elapsed=self.round_elapsed)
        self.evidence[spec.id].append(measured)
        self.inside_seconds += taken.inside_seconds
        # How many samples fit is seen anew each round: calibration may have met a busy moment.
        self.plans[spec.id] = replace(plan, sample_seconds=taken.sample_seconds)
        self.observer.measured(spec.id, measured)
        if self.journal is not None:
            self.journal.round(spec.id, measured)

    def sharing(self, spec: BenchmarkSpec) -> Sharing:
        """Return which processes the benchmark runs in; a track benchmark may time whatever it likes."""
        if spec.kind == "peakmemory":
            return Sharing.ALONE
        parallel = self.plans[spec.id].parallel or spec.kind == "track"
        return Sharing.UNPINNED if parallel and self.settings.pin != "none" else Sharing.PINNED

    def slice_seconds(self, live: int) -> float:
        """Return how long a benchmark's samples may take: longer, the fewer share what a round costs.

        Shorter, where the time left would not give the rounds a decision needs.
        """
        share = self.settings.inside_share
        usual = max(self.settings.slice_seconds, share / (1 - share) * self.pool.prepare_seconds / live)
        missing = self.settings.wanted_rounds - max(len(rounds) for rounds in self.evidence.values())
        if missing < 1:
            return usual
        left = self.started + self.budget_seconds - self.clock.now()
        affordable = (left / missing - self.pool.prepare_seconds) / live
        return min(usual, max(self.settings.least_slice_seconds, affordable))

    @contextlib.contextmanager
    def guarded(self, spec: BenchmarkSpec) -> Iterator[None]:
        """Turn what goes wrong with one benchmark into its failure or skip; replace a pair that it broke."""
        try:
            yield
        except SkippedError as skipped:
            self.skip(spec, skipped)
        except PairError as failure:
            if failure.fatal:
                self.pool.end(force=True)
            self.fail(spec, failure.as_failure())

    def fail(self, spec: BenchmarkSpec, failure: Failure) -> None:
        """Take a benchmark out for good."""
        self.failures[spec.id] = failure
        self.observer.failed(spec.id, failure)
        if self.journal is not None:
            self.journal.failure(spec.id, failure)

    def skip(self, spec: BenchmarkSpec, skipped: SkippedError) -> None:
        """Take out what the suite skips; a skip on the candidate's side alone is lost coverage, hence a failure."""
        if skipped.sides == {Side.CANDIDATE}:
            self.fail(spec, Failure(Side.CANDIDATE, f"skipped on the candidate's side alone: {skipped.reason}"))
            return
        self.skipped[spec.id] = skipped.reason + ("" if len(skipped.sides) > 1 else " (on the baseline's side alone)")
        self.observer.skipped(spec.id, self.skipped[spec.id])
        if self.journal is not None:
            self.journal.skip(spec.id, self.skipped[spec.id])

    def sync(self) -> None:
        """Force the journal to disk."""
        if self.journal is not None:
            self.journal.sync()

    def result(self, *, interrupted: bool) -> Measurement:
        """Return the frozen result."""
        return Measurement(
            rounds={key: tuple(rounds) for key, rounds in self.evidence.items()},
            failures=self.failures,
            skipped=self.skipped,
            wall_seconds=self.clock.now() - self.started,
            inside_seconds=self.inside_seconds,
            rounds_run=self.rounds_run,
            interrupted=interrupted,
            calibration_seconds=self.calibration_seconds,
            calibrated=len(self.plans),
        )
