"""The state of a release: a pure fold of its events, and nothing else.

The fold never fails: an event that cannot be (a ledger refuses those) makes the state invalid, with the reason. Halting
is latched: no later event undoes it. Evidence is counted once per (source, window); the same (source, window) with
another digest makes the release invalid, for one of the two is wrong and nobody can say which.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headgate.gates.canary_evidence import LIVE, SANDBOX, Evidence, evidence_from_json
from headgate.rollout.events import GENESIS, Action, Event, Kind
from headgate.rollout.fold_batches import MOST_WAITING, FoldBatches
from headgate.rollout.fold_sums import copied, read
from headgate.rollout.router_state import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from headgate.rollout.router_state import RouterState

__all__ = ["Halt", "OverrideRecord", "ReleaseState", "fold"]


@dataclass(frozen=True, slots=True)
class Halt:
    """Who halted the release, when by their clock, and why."""

    seq: int
    time: float
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class OverrideRecord:
    """One override: who, until when by the clock, and why."""

    seq: int
    action: Action
    actor: str
    reason: str
    time: float
    expires: float


@dataclass(slots=True)
class ReleaseState:
    """What a release's events amount to; read it, and let `fold` make it.

    Attributes
    ----------
    release, seq, head
        Whose state, after which event, with which hash: what the next event is appended to.
    status
        None while nothing is registered.
    plan, plan_hash, version
        As registered; ``plan`` is what `headgate.rollout.plan.Plan.from_json` reads.
    stage, stage_times
        The stage, from 0, and when each one began; None and empty before the start.
    halt, overrides
        As recorded, in order.
    invalid
        Reasons for which the evidence proves nothing; once there, they stay.
    batches, duplicates
        Batches counted, and batches that came again.
    windows, sums
        What the evidence is kept in: each batch's digest by source, NUL, window; and exact sums by origin.
    """

    release: str
    seq: int = 0
    head: str = GENESIS
    status: Status | None = None
    plan: dict[str, Any] = field(default_factory=dict)
    plan_hash: str = ""
    version: str = ""
    stage: int | None = None
    stage_times: list[float] = field(default_factory=list)
    halt: Halt | None = None
    overrides: list[OverrideRecord] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    duplicates: int = 0
    windows: dict[str, str] = field(default_factory=dict)
    sums: dict[str, Any] = field(default_factory=dict)

    @property
    def batches(self) -> int:
        """How many batches are in the evidence."""
        return len(self.windows)

    @property
    def evidence(self) -> Evidence:
        """The live evidence: all batches added up, the same bits in whatever order they came; without maxima."""
        return self._total(LIVE)

    @property
    def sandbox_evidence(self) -> Evidence:
        """The same of the sandbox; never pooled with what is live."""
        return self._total(SANDBOX)

    def override_at(self, now: float) -> OverrideRecord | None:
        """Return the override in force at ``now``: the last one recorded, unless it has expired."""
        last = self.overrides[-1] if self.overrides else None
        return last if last is not None and now < last.expires else None

    def dwelt(self, now: float) -> float:
        """Return the seconds the stage has lasted by the clock; 0 before the start, and where the clock went back."""
        return max(0.0, now - self.stage_times[-1]) if self.stage_times else 0.0

    def router_state(self, now: float, max_age: float) -> RouterState | None:
        """Return the snapshot for routers, taken at ``now``; None while nothing is registered."""
        from headgate.rollout.router_state import RouterState

        if self.status is None:
            return None
        return RouterState(self.release, self.plan_hash, self.status, self.stage, now, max_age)

    def _total(self, origin: str) -> Evidence:
        total = self.sums.get(origin)
        if total is None:
            return Evidence(origin=origin)
        return evidence_from_json(read(total), f"the {origin} evidence of release {self.release!r}")


def fold(events: Iterable[Event], start: ReleaseState | str) -> ReleaseState:
    """Return the state after ``events``.

    Parameters
    ----------
    events
        In order of seq, of one release, with no gap; the ledger has checked the chain.
    start
        The release's name, or the state to continue from, which is left as it is.
    """
    state = ReleaseState(start) if isinstance(start, str) else _copy(start)
    batches, last = FoldBatches(state.sums), None
    for event in events:
        known = len(state.invalid)
        apply = _APPLY.get(event.kind)
        if event.release != state.release or apply is None:
            state.invalid.append(f"event {event.seq}: {event.kind!r} of {event.release!r} has no meaning here")
        elif state.status is None and event.kind != Kind.REGISTERED:
            state.invalid.append(f"event {event.seq}: {event.kind} before anything was registered")
        else:
            try:
                apply(state, event, batches)
            except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
                state.invalid.append(f"event {event.seq}: {event.kind} with a payload of another form: {error!r}")
        last = event
        if batches.count >= MOST_WAITING or len(state.invalid) > known:
            state.invalid[known:known] = batches.add()  # they came before this event, and are told of before it
    state.invalid += batches.add()
    if last is not None:
        state.seq, state.head = last.seq, last.hash
    return state


def _copy(state: ReleaseState) -> ReleaseState:
    return replace(
        state,
        stage_times=list(state.stage_times),
        overrides=list(state.overrides),
        invalid=list(state.invalid),
        windows=dict(state.windows),
        sums=copied(state.sums),
    )


def _registered(state: ReleaseState, event: Event, _batches: FoldBatches) -> None:
    if state.status is not None:
        state.invalid.append(f"event {event.seq}: registered twice; a changed plan is a new release")
        return
    payload = event.payload
    plan, plan_hash, version = payload["plan"], payload["plan_hash"], payload["version"]
    state.status, state.plan = Status.REGISTERED, dict(plan)
    state.plan_hash, state.version = str(plan_hash), str(version)


def _moved(state: ReleaseState, event: Event, _batches: FoldBatches) -> None:
    """Apply what moves traffic; nothing does once the release is halted."""
    if state.status is Status.HALTED:
        return
    before, after = (None, 0) if event.kind == Kind.STARTED else (event.payload["from"], event.payload["to"])
    wanted = Status.REGISTERED if event.kind == Kind.STARTED else Status.RUNNING
    if state.status is not wanted or state.stage != before or not 0 <= after < len(state.plan["stages"]):
        state.invalid.append(f"event {event.seq}: {event.kind} to stage {after} from stage {state.stage}")
        return
    state.status, state.stage = Status.RUNNING, after
    state.stage_times.append(event.time)


def _completed(state: ReleaseState, event: Event, _batches: FoldBatches) -> None:
    if state.status is Status.RUNNING and state.stage == len(state.plan["stages"]) - 1:
        state.status = Status.COMPLETED
    elif state.status is not Status.HALTED:
        state.invalid.append(f"event {event.seq}: completed at stage {state.stage}")


def _halted(state: ReleaseState, event: Event, _batches: FoldBatches) -> None:
    state.status = Status.HALTED
    if state.halt is None:
        state.halt = Halt(event.seq, event.time, event.actor, str(event.payload.get("reason", "no reason is recorded")))


def _override(state: ReleaseState, event: Event, _batches: FoldBatches) -> None:
    payload = event.payload
    record = OverrideRecord(
        event.seq, Action(payload["action"]), event.actor, str(payload["reason"]), event.time, float(payload["expires"])
    )
    state.overrides.append(record)


def _evidence(state: ReleaseState, event: Event, batches: FoldBatches) -> None:
    payload = event.payload
    source, window = payload["source"], payload["window"]
    name = f"{source}\0{window}"
    known = state.windows.get(name)
    if known == payload["digest"]:
        state.duplicates += 1
        return
    if known is not None:
        state.invalid.append(f"event {event.seq}: source {source!r} gave two different batches for {window!r}")
        return
    state.windows[name] = payload["digest"]
    if payload.get("invalid"):
        state.invalid.append(f"event {event.seq}: source {source!r}, window {window!r}: {payload['invalid']}")
    batches.take(event.seq, payload["data"], source, window)


# By plain texts: a dictionary of those is looked up faster than one of an enumeration's.
_APPLY: dict[str, Callable[[ReleaseState, Event, FoldBatches], None]] = {
    Kind.REGISTERED.value: _registered,
    Kind.STARTED.value: _moved,
    Kind.EVIDENCE.value: _evidence,
    Kind.ADVANCED.value: _moved,
    Kind.HALTED.value: _halted,
    Kind.OVERRIDE.value: _override,
    Kind.COMPLETED.value: _completed,
}
