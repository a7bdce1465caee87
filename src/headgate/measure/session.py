"""The two processes of a round, as the scheduler sees them: what they share, and how they are asked and answer."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from headgate.errors import MeasurementError, UsageError
from headgate.measure.measurement import Failure
from headgate.measure.platforms import PINNING_MISSING, can_pin
from headgate.model import Side

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from headgate.model import SideInfo

__all__ = [
    "Launch",
    "Launcher",
    "PairError",
    "SideRuntime",
    "Worker",
    "WorkerError",
    "WorkerPair",
    "draw_launch",
    "process_environment",
    "start_pair",
]

START_SECONDS = 120.0  # interpreter start and asv_runner's import on a cold, busy machine
PADDING_BYTES = 4096  # the range over which hyperfine, too, moves the stack
HASH_SEED_DIGITS = 10


@dataclass(frozen=True, slots=True)
class SideRuntime:
    """How one side's benchmarks are run.

    ``env_vars`` is the whole environment of its processes; ``benchmark_dir`` the suite they import; ``own_suite`` the
    suite as the side's own commit has it, where that is known and differs in place (it tells which benchmarks a
    candidate removed); ``own_modules`` the modules, by full name, that it imports from there; ``cwd`` where processes
    start (None: a fresh private directory each, as asv does); ``of_matrix`` how many environments of asv's matrix there
    were to choose from.
    """

    side: Side
    python: Path
    env_vars: Mapping[str, str]
    benchmark_dir: Path
    info: SideInfo
    cwd: Path | None = None
    own_suite: Path | None = None
    own_modules: Mapping[str, Path] = field(default_factory=dict)
    default_timeout: float = 60.0
    of_matrix: int = 1


@dataclass(frozen=True, slots=True)
class Launch:
    """What a process pair shares: hash seed, size of the environment block, and what asv_runner must import."""

    hash_seed: int = 0
    environment_bytes: int = 0
    cpus: Mapping[Side, tuple[int, ...]] = field(default_factory=dict)
    memory: bool = True
    plugins: bool = True


class WorkerError(Exception):
    """A request failed; ``fatal`` when the process is gone or must go."""

    def __init__(self, reason: str, *, fatal: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fatal = fatal


class Worker(Protocol):
    """One side's process as the scheduler sees it."""

    def post(self, command: str, **arguments: Any) -> None:
        """Send a request without waiting."""
        ...

    def take(self, timeout: float) -> dict[str, Any]:
        """Return the reply to the oldest request; raise :class:`WorkerError` on error, death or timeout."""
        ...

    def close(self, *, force: bool = False) -> None:
        """End the process, at once when ``force``. Never raises."""
        ...


class Launcher(Protocol):
    """Starts one side's process; :func:`headgate.measure.process.launch_worker` is the real one."""

    def __call__(self, runtime: SideRuntime, launch: Launch, directory: Path) -> Worker:
        """Return a process whose first reply says that it is ready."""
        ...


def draw_launch(
    runtimes: Sequence[SideRuntime], rng: random.Random, pin: str, *, memory: bool, plugins: bool
) -> Launch:
    """Draw a round's hash seed, environment size and, where pinned, its cores."""
    largest = max(environment_bytes(process_environment(runtime.env_vars, Launch())) for runtime in runtimes)
    return Launch(
        hash_seed=rng.randrange(1, 2**32),
        environment_bytes=largest + HASH_SEED_DIGITS + rng.randrange(PADDING_BYTES),
        cpus=draw_cpus(rng, pin),
        memory=memory,
        plugins=plugins,
    )


def draw_cpus(rng: random.Random, pin: str) -> dict[Side, tuple[int, ...]]:
    """Return the core each side is pinned to; empty when they are not."""
    if pin == "none":
        return {}
    if not can_pin():
        if pin == "same":
            return {}  # the command line has said so: `headgate.cli.sides`
        raise UsageError(f"--pin {pin}: {PINNING_MISSING}; use --pin none")
    available = sorted(os.sched_getaffinity(0))
    if pin == "same":
        return dict.fromkeys(Side, (rng.choice(available),))
    if len(available) < len(Side):
        raise UsageError(f"--pin {pin}: needs two cores, and this process may use {len(available)}; use --pin same")
    return {side: (core,) for side, core in zip(Side, rng.sample(available, len(Side)), strict=True)}


def environment_bytes(env_vars: Mapping[str, str]) -> int:
    """Return the size of an environment block: ``KEY=value`` and a NUL for each variable."""
    return sum(len(os.fsencode(key)) + len(os.fsencode(value)) + 2 for key, value in env_vars.items())


def process_environment(env_vars: Mapping[str, str], launch: Launch) -> dict[str, str]:
    """Return the environment of a process: the side's own, the round's hash seed, padded to the round's size.

    The size of the environment block moves the stack, and with it the speed of some code (Mytkowicz et al. 2009).
    """
    environment = {**env_vars, "PYTHONHASHSEED": str(launch.hash_seed), "HEADGATE_PADDING": ""}
    missing = launch.environment_bytes - environment_bytes(environment)
    environment["HEADGATE_PADDING"] = "x" * max(0, missing)
    return environment


class PairError(Exception):
    """A request failed on one side or both; ``fatal`` when the pair must be replaced."""

    def __init__(self, reasons: Mapping[Side, str], *, fatal: bool) -> None:
        super().__init__("; ".join(f"{side}: {reason}" for side, reason in reasons.items()))
        self.reasons = dict(reasons)
        self.fatal = fatal

    def as_failure(self) -> Failure:
        """Return the failure of a benchmark; with both sides' reasons where both failed."""
        if len(self.reasons) == 1:
            ((side, reason),) = self.reasons.items()
            return Failure(side, reason)
        if len({reason.partition("\n")[0] for reason in self.reasons.values()}) == 1:
            return Failure(None, f"both sides: {self.reasons[Side.BASELINE]}")
        return Failure(None, "\n".join(f"{side}: {reason}" for side, reason in self.reasons.items()))


@dataclass(slots=True)
class WorkerPair:
    """The two processes of a round; ``prepare_seconds`` adds up what imports and setups took."""

    workers: dict[Side, Worker] = field(default_factory=dict)
    prepare_seconds: float = 0.0

    def one(self, side: Side, command: str, timeout: float, **arguments: Any) -> dict[str, Any]:
        """Have one side carry out a request while the other sleeps."""
        worker = self.workers[side]
        worker.post(command, **arguments)
        try:
            return worker.take(timeout)
        except WorkerError as failure:
            raise PairError({side: failure.reason}, fatal=failure.fatal) from None

    def both(
        self, command: str, timeouts: Mapping[Side, float], arguments: Mapping[Side, Mapping[str, Any]]
    ) -> dict[Side, dict[str, Any]]:
        """Have both sides carry out a request at the same time."""
        for side, worker in self.workers.items():
            worker.post(command, **arguments.get(side, {}))
        return self.gather(timeouts)

    def gather(self, timeouts: Mapping[Side, float]) -> dict[Side, dict[str, Any]]:
        """Collect one reply from each side."""
        replies: dict[Side, dict[str, Any]] = {}
        reasons: dict[Side, str] = {}
        fatal = False
        for side, worker in self.workers.items():
            try:
                replies[side] = worker.take(timeouts[side])
            except WorkerError as failure:
                reasons[side] = failure.reason
                fatal = fatal or failure.fatal
        if reasons:
            raise PairError(reasons, fatal=fatal)
        return replies

    def close(self, *, force: bool = False) -> None:
        """End both processes; ``force`` when one may hang."""
        for worker in self.workers.values():
            worker.close(force=force)


def start_pair(runtimes: Sequence[SideRuntime], launch: Launch, directory: Path, launcher: Launcher) -> WorkerPair:
    """Start one process per side, both at once; raise :class:`MeasurementError` when one does not come up."""
    pair = WorkerPair()
    for runtime in runtimes:
        pair.workers[runtime.side] = launcher(runtime, launch, Path(tempfile.mkdtemp(dir=directory)))
    try:
        pair.gather(dict.fromkeys(pair.workers, START_SECONDS))
    except PairError as failure:
        pair.close(force=True)
        side, reason = next(iter(failure.reasons.items()))
        python = next(runtime.python for runtime in runtimes if runtime.side is side)
        raise MeasurementError(f"the {side}'s process ({python}) did not come up: {reason}") from failure
    except BaseException:
        pair.close(force=True)
        raise
    return pair
