"""One benchmark in one process pair: load, warm up, sample turn about, unload."""

from __future__ import annotations

import contextlib
import math
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from headgate.measure.session import PairError
from headgate.model import Round, Side

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping
    from pathlib import Path

    from headgate.measure.session import WorkerPair
    from headgate.model import BenchmarkSpec

__all__ = [
    "TIMED_KINDS",
    "Plan",
    "RoundSettings",
    "SkippedError",
    "Slice",
    "calibrate",
    "take_slice",
]

TIMED_KINDS = frozenset({"time", "timeraw"})
PARALLEL_CORES = 1.1  # CPU seconds per wall second; one thread gives at most 1, and a busy machine less


@dataclass(frozen=True, slots=True)
class RoundSettings:
    """How a round is sized. Seconds are wall-clock.

    The defaults follow measurements on small Python benchmarks: samples of 0.3 ms scatter no worse than 2 ms, pairs in
    one process scatter 4-9 %, and two launches differ by as much, so that more pairs than these in one process buy
    little. ``inside_share`` is the share of a round that is to be spent in benchmarked code: when few benchmarks are
    left, each takes more pairs (up to ``max_pairs``) for the same process start. Where the budget would not allow
    ``wanted_rounds`` of this size, slices shrink, down to ``least_slice_seconds``: rounds decide, not samples.
    """

    sample_seconds: float = 0.002
    slice_seconds: float = 0.040
    least_slice_seconds: float = 0.012
    wanted_rounds: int = 0
    inside_share: float = 0.66
    min_pairs: int = 2
    max_pairs: int = 32
    long_call_seconds: float = 0.5  # one pair a round above this
    unwarmed_call_seconds: float = 2.0  # no uncounted first call above this
    overrun_seconds: float = 5.0  # how far a round may run past the budget before it is cut
    pin: str = "none"  # "none", "same" (both sides on one core) or "separate"


@dataclass(frozen=True, slots=True)
class Plan:
    """What calibration found: loops per sample, on both sides the same, and the wall time of one sample.

    ``parallel``: a side keeps more than one core busy.
    """

    number: int = 1
    sample_seconds: float = 0.0
    parallel: bool = False

    def at(self, number: int) -> Plan:
        """Return the plan for another number of loops per sample."""
        return replace(self, number=number, sample_seconds=self.sample_seconds * number / self.number)

    def pairs(self, kind: str, slice_seconds: float, settings: RoundSettings) -> int:
        """Return how many pairs fill ``slice_seconds``."""
        if kind not in TIMED_KINDS or self.sample_seconds > settings.long_call_seconds:
            return 1
        fitting = round(slice_seconds / (2 * max(self.sample_seconds, 1e-9)))
        return min(settings.max_pairs, max(settings.min_pairs, fitting))


@dataclass(frozen=True, slots=True)
class Slice:
    """A benchmark's part of a round, the seconds of it spent inside benchmarked code, and a sample's wall time."""

    round: Round
    inside_seconds: float
    sample_seconds: float


class SkippedError(Exception):
    """The suite skips the benchmark; ``sides`` are those that did."""

    def __init__(self, sides: frozenset[Side], reason: str) -> None:
        super().__init__(reason)
        self.sides = sides
        self.reason = reason


def load(pair: WorkerPair, spec: BenchmarkSpec, caches: Mapping[Side, Path | None]) -> None:
    """Set the benchmark up on both sides at once; raise :class:`SkippedError` where it does not run."""
    arguments = {
        side: {"name": spec.id.name, "params": list(spec.id.params), "cache_dir": _text(caches.get(side))}
        for side in Side
    }
    replies = pair.both("load", dict.fromkeys(Side, spec.timeout), arguments)
    pair.prepare_seconds += max(float(reply.get("seconds", 0.0)) for reply in replies.values())
    _refuse_skips(replies)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _refuse_skips(replies: Mapping[Side, Mapping[str, Any]]) -> None:
    skips = {side: str(reply["skipped"]) for side, reply in replies.items() if "skipped" in reply}
    if skips:
        raise SkippedError(frozenset(skips), next(iter(skips.values())))


def unload(pair: WorkerPair, spec: BenchmarkSpec) -> None:
    """Tear the benchmark down on both sides."""
    pair.both("unload", dict.fromkeys(Side, spec.timeout), {})


@contextlib.contextmanager
def loaded(pair: WorkerPair, spec: BenchmarkSpec, caches: Mapping[Side, Path | None]) -> Any:
    """Hold the benchmark loaded; tear it down also when it failed or was skipped, so that the pair can go on."""
    try:
        load(pair, spec, caches)
        yield
    except PairError as failure:
        if not failure.fatal:
            _unload_after_failure(pair, spec)
        raise
    except SkippedError:
        _unload_after_failure(pair, spec)
        raise
    unload(pair, spec)


def _unload_after_failure(pair: WorkerPair, spec: BenchmarkSpec) -> None:
    """Tear down what a failure or a skip left; a teardown that fails in its wake is not a second failure."""
    try:
        unload(pair, spec)
    except PairError as wake:
        if wake.fatal:
            raise


def calibrate(
    pair: WorkerPair, spec: BenchmarkSpec, caches: Mapping[Side, Path | None], settings: RoundSettings
) -> Plan:
    """Find the loops per sample, the same for both sides: the geometric mean of what each needs."""
    with loaded(pair, spec, caches):
        if spec.kind not in TIMED_KINDS:
            return Plan()
        replies = {side: pair.one(side, "calibrate", spec.timeout, target=settings.sample_seconds) for side in Side}
        _refuse_skips(replies)
    numbers = [int(reply["number"]) for reply in replies.values()]
    number = max(1, round(math.exp(sum(map(math.log, numbers)) / len(numbers))))
    # What each side's sample will take at the common number.
    seconds = max(float(reply["wall"]) / int(reply["number"]) * number for reply in replies.values())
    parallel = any(float(reply.get("cores", 0.0)) > PARALLEL_CORES for reply in replies.values())
    return Plan(number, seconds, parallel)


def take_slice(  # noqa: PLR0913 - one call site; a bundle of these would be a second name for a round
    pair: WorkerPair,
    spec: BenchmarkSpec,
    plan: Plan,
    pairs: int,
    *,
    index: int,
    caches: Mapping[Side, Path | None],
    rng: random.Random,
    settings: RoundSettings,
) -> Slice:
    """Measure one benchmark in this process pair."""
    with loaded(pair, spec, caches):
        if spec.kind in TIMED_KINDS:
            if plan.sample_seconds <= settings.unwarmed_call_seconds:
                arguments = {side: {"number": plan.number} for side in Side}
                _refuse_skips(pair.both("warm", dict.fromkeys(Side, spec.timeout), arguments))
            return _sample_pairs(pair, spec, plan.number, pairs, index, rng)
        return _measure_once(pair, spec, index, rng)


def _sample_pairs(
    pair: WorkerPair, spec: BenchmarkSpec, number: int, pairs: int, index: int, rng: random.Random
) -> Slice:
    values: dict[Side, list[float]] = {side: [] for side in Side}
    orders = []
    walls = []
    inside = 0.0
    for _ in range(pairs):
        order = _random_order(rng)
        orders.append(order[0][0])
        for side in order:
            reply = pair.one(side, "sample", spec.timeout, number=number)
            _refuse_skips({side: reply})
            values[side].append(_number(reply, side))
            inside += reply["timed"]
            walls.append(float(reply["wall"]))
    measured = Round(index, tuple(values[Side.BASELINE]), tuple(values[Side.CANDIDATE]), "".join(orders), number)
    return Slice(measured, inside, statistics.median(walls))


def _measure_once(pair: WorkerPair, spec: BenchmarkSpec, index: int, rng: random.Random) -> Slice:
    order = _random_order(rng)
    replies = {side: pair.one(side, "measure", spec.timeout) for side in order}
    _refuse_skips(replies)
    values = {side: _number(reply, side) for side, reply in replies.items()}
    measured = Round(index, (values[Side.BASELINE],), (values[Side.CANDIDATE],), order[0][0])
    walls = [float(reply["timed"]) for reply in replies.values()]
    return Slice(measured, sum(walls), max(walls))


def _random_order(rng: random.Random) -> tuple[Side, Side]:
    first, second = rng.sample(list(Side), 2)
    return first, second


def _number(reply: Mapping[str, Any], side: Side) -> float:
    """Return the reply's value; what is not a finite number is no evidence."""
    value = float(reply["value"])
    if not math.isfinite(value):
        raise PairError({side: f"gave {value}, which is not a number to compare"}, fatal=False)
    return value
