"""What a release's events say to the gate: pure, so that a controller, a bundle and an audit decide alike.

A `Track` follows the events in the ledger's order. It keeps what the fold of the state does not: the largest halting
e-values (they depend on the order, see `headgate.gates.canary.fold`) and the values that were refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headgate.errors import HeadgateError
from headgate.gates.canary import CanaryDecision, CanaryState, decide, fold
from headgate.gates.canary_evidence import CANARY, LIVE, STABLE, Evidence, evidence_from_json
from headgate.rollout.events import DECISIONS, Kind
from headgate.rollout.router_state import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.gates.canary_policy import CanaryPolicy
    from headgate.rollout.events import Event
    from headgate.rollout.fold import ReleaseState

__all__ = ["MOST_REFUSED", "Track", "decide_release", "follow"]

# Part of an arm's values of one metric that may be unusable before its evidence passes nothing: what is missing in the
# hundredth part of the requests may be all that a 99th percentile is about.
MOST_REFUSED = 0.01


ARMS = (CANARY, STABLE)


@dataclass(slots=True)
class Track:
    """What was followed so far, up to and with event ``seq``, whose hash is ``head``."""

    seq: int = 0
    head: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    values: dict[str, dict[str, list[int]]] = field(default_factory=dict)  # metric, version: [good, refused]
    windows: set[str] = field(default_factory=set)
    sent: int = 0  # requests, or units where counts came
    lost: dict[str, int] = field(default_factory=dict)  # of those sent, what could not be used, by why
    lost_of: dict[str, int] = field(default_factory=dict)  # and by version, "" where that is not known
    moved: int = 0  # seq of the last event that moved traffic


def follow(policy: CanaryPolicy, track: Track, events: Iterable[Event], last: float = math.inf) -> Track:
    """Bring ``track`` up to date with the events after it, up to and with seq ``last``, and return it.

    Not beyond a state it is to be decided with: another process may have recorded since, and a decision is of a moment.
    """
    for event in events:
        if event.seq <= track.seq or event.seq > last:
            continue
        track.seq, track.head = event.seq, event.hash
        if event.kind in DECISIONS:
            track.moved = event.seq
        elif event.kind == Kind.EVIDENCE:
            _add(policy, track, event.payload)
    return track


def decide_release(policy: CanaryPolicy, state: ReleaseState, track: Track, now: float) -> CanaryDecision:
    """Return the gate's decision on a release; what was recorded of it comes before what is reckoned.

    Parameters
    ----------
    policy
        The registered plan's.
    state, track
        Of the same events.
    now
        Seconds since the epoch: for how long the stage has lasted.
    """
    stage = state.stage or 0
    if state.halt is not None:
        reasons = (f"halted by {state.halt.actor}: {state.halt.reason}",)
        shown = decide(policy, Evidence(state.evidence.stages, LIVE, track.evidence.maxima), stage, state.dwelt(now))
        return replace(shown, state=CanaryState.HALT, reasons=reasons, missing=())
    if state.stage is None or state.status not in {Status.RUNNING, Status.COMPLETED}:
        return CanaryDecision(CanaryState.INCONCLUSIVE, stage, ("not started",), (), ("a start",))
    evidence = Evidence(state.evidence.stages, LIVE, track.evidence.maxima)
    decision = decide(policy, evidence, stage, state.dwelt(now))
    if decision.state is CanaryState.HALT:
        return decision
    if state.invalid:
        return replace(decision, state=CanaryState.INVALID, reasons=tuple(state.invalid), missing=())
    short = tuple(_refusals(policy, track))
    if short and decision.state in {CanaryState.PASS, CanaryState.INCONCLUSIVE}:
        missing = (*decision.missing, *short)
        return replace(decision, state=CanaryState.INCONCLUSIVE, reasons=missing, missing=missing)
    return decision


def _add(policy: CanaryPolicy, track: Track, payload: dict[str, Any]) -> None:
    name = f"{payload.get('source')}\0{payload.get('window')}"
    if name in track.windows:
        return  # again, or another of the same name: the state says so
    track.windows.add(name)
    data = payload.get("data", {})
    if data.get("origin") != LIVE:
        return
    try:
        batch = evidence_from_json(data | {"maxima": {}}, "a batch")
        track.evidence = fold(policy, track.evidence, batch)
    except HeadgateError:
        return  # the state's own fold has it among what is invalid
    units = sum(arm.units for arms in batch.stages.values() for arm in arms.values())
    try:
        _count_lost(track, payload, units)
        _count_values(track, payload.get("tally", {}))
    except (AttributeError, TypeError, ValueError):  # no headgate wrote it
        track.sent += units
        _count_lost(track, {"faults": {"in a batch whose tally cannot be read": units}}, 0)


def _count_values(track: Track, tally: dict[str, Any]) -> None:
    """Count the values that were numbers, and those that were none."""
    for place, key in enumerate(("good", "refused")):
        for metric, versions in tally.get(key, {}).items():
            for version, count in versions.items():
                track.values.setdefault(metric, {}).setdefault(version, [0, 0])[place] += count


def _count_lost(track: Track, payload: dict[str, Any], units: int) -> None:
    """Count what was sent and what of it could not be used: left out by whoever read it, or of no stage or version."""
    tally = payload.get("tally", {})
    lost = dict(payload.get("faults", {}))
    if tally.get("strange"):
        lost["of no stage or version"] = tally["strange"]
    track.sent += tally.get("requests", units) + sum(payload.get("faults", {}).values())
    known = [*payload.get("faults_of", {}).items(), *tally.get("strange_of", {}).items()]
    unknown = sum(lost.values()) - sum(count for version, count in known if version)
    for why, count in lost.items():
        track.lost[why] = track.lost.get(why, 0) + count
    for version, count in [*((one, count) for one, count in known if one), ("", unknown)]:
        track.lost_of[version] = track.lost_of.get(version, 0) + count


def _parts(track: Track) -> dict[str, float]:
    """Return which part of all units each arm has: of the records sent it has about as many."""
    units = {arm: sum(arms[arm].units for arms in track.evidence.stages.values() if arm in arms) for arm in ARMS}
    total = sum(units.values())
    return {arm: count / total if total else 0.5 for arm, count in units.items()}


def _refusals(policy: CanaryPolicy, track: Track) -> Iterable[str]:
    for arm, due in _parts(track).items():
        # What does not say whose it is may all be this arm's.
        lost = track.lost_of.get(arm, 0) + track.lost_of.get("", 0)
        if lost > MOST_REFUSED * due * track.sent:
            why = ", ".join(f"{count} {reason}" for reason, count in sorted(track.lost.items()))
            yield (
                f"{lost} of some {due * track.sent:.0f} records of {arm} could not be used ({why}): more than "
                f"{MOST_REFUSED:.0%} missing pass nothing; mend what sends them, and open a new release"
            )
            break
    for metric in policy.metrics:
        for arm, (good, refused) in sorted(track.values.get(metric.name, {}).items()):
            if metric.required and refused > MOST_REFUSED * (good + refused):
                yield (
                    f"{metric.name}: {refused} of {good + refused} values of {arm} were no numbers: more than "
                    f"{MOST_REFUSED:.0%} missing pass nothing; mend what reports them, and open a new release"
                )
