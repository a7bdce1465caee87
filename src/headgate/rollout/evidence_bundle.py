"""The evidence bundle of a canary decision: the release's events, and what was decided on them, to be decided again.

The events hold the plan as registered and every batch's sufficient statistics with its digest; their hashes are
chained. From them, and the moment of the decision, `rederive` makes the state, the e-values in the ledger's order, and
the decision, with the code that decides for a controller.
"""

from __future__ import annotations

import hashlib
import importlib
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate import __version__
from headgate.errors import HeadgateError, InputError, brief
from headgate.gates.canary_evidence import MOST_COUNTED
from headgate.rollout.controller_track import Track, decide_release, follow
from headgate.rollout.decision_json import decision_from_json, decision_to_json
from headgate.rollout.events import GENESIS, Event, chain_hash
from headgate.rollout.fold import ReleaseState, fold
from headgate.rollout.plan import Plan
from headgate.store.files import write_atomic
from headgate.store.packing import pack, read_bounded, unpack
from headgate.store.seal import AGAIN, Seal, canonical, sha256

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from headgate.gates.canary import CanaryDecision
    from headgate.rollout.controller_turn import ReleaseStatus

__all__ = [
    "CANARY_EVIDENCE_SCHEMA",
    "PREDICATE_TYPE",
    "CanaryEvidence",
    "Derived",
    "bundle_of",
    "code_hash",
    "evidence_from_bytes",
    "evidence_to_bytes",
    "read_bundle",
    "rederive",
    "write_bundle",
]

CANARY_EVIDENCE_SCHEMA = "headgate.canary-evidence/1"
PREDICATE_TYPE = "urn:headgate:canary-evidence:1"
_SEAL = Seal(PREDICATE_TYPE, CANARY_EVIDENCE_SCHEMA, ("events", "decision", "facts"))
# Packages whose sources decide; their hash tells whether a bundle was decided by the same code.
_DECIDING = ("headgate.gates", "headgate.stats")
_COLUMNS = ("release", "seq", "prev_hash", "hash", "time", "actor", "kind", "payload")


@dataclass(frozen=True, slots=True)
class CanaryEvidence:
    """A release's events, the decision on them, and when by whom: ``facts`` has ``now`` and the versions."""

    events: tuple[Event, ...]
    decision: dict[str, Any]
    facts: dict[str, Any]

    @property
    def release(self) -> str:
        """Whose evidence it is."""
        return self.events[0].release


@dataclass(frozen=True, slots=True)
class Derived:
    """What `rederive` made: the state, the decision, and how they differ from what is recorded (nothing, if true)."""

    state: ReleaseState
    decision: CanaryDecision
    differences: tuple[str, ...]
    same_code: bool


def bundle_of(status: ReleaseStatus, events: Sequence[Event]) -> CanaryEvidence:
    """Return the evidence of a status; ``events`` are the release's, up to the state's last or later."""
    facts = {
        "now": status.now,
        "headgate": __version__,
        "python": platform.python_version(),
        "code": code_hash(),
        "version": status.state.version,
    }
    upto = tuple(event for event in events if event.seq <= status.state.seq)
    return CanaryEvidence(upto, decision_to_json(status.decision), facts)


def code_hash() -> str:
    """Return the SHA-256 of the sources that decide: of each file's package, name and bytes, in order."""
    digest = hashlib.sha256()
    for package in _DECIDING:
        folder = Path(importlib.import_module(package).__file__ or "").parent
        for file in sorted(folder.glob("*.py")):
            digest.update(f"{package}/{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def evidence_to_bytes(evidence: CanaryEvidence) -> bytes:
    """Return the bundle as canonical JSON; equal evidence gives equal bytes."""
    last = evidence.events[-1]
    parts = {
        "events": [event.to_json() for event in evidence.events],
        "decision": evidence.decision,
        "facts": evidence.facts,
    }
    subject = [
        {"name": "decision", "digest": {"sha256": sha256(canonical(evidence.decision))}},
        {"name": f"{last.release}@{last.seq}", "digest": {"sha256": last.hash}},
    ]
    return _SEAL.close(parts, subject)


def evidence_from_bytes(data: bytes, source: str | os.PathLike[str]) -> CanaryEvidence:
    """Return the evidence in a bundle's bytes, having checked every hash, those of the chain too.

    Raises
    ------
    InputError
        Not such a bundle, a newer one, or changed since it was written.
    """
    parts = _SEAL.open(data, source)
    try:
        events = tuple(Event(*(one[key] for key in _COLUMNS)) for one in parts["events"])
        facts = dict(parts["facts"])
        times = [facts["now"], *(event.time for event in events)]
        if not events or not all(map(_is_time, times)) or not isinstance(parts["decision"], dict):
            raise InputError(f"{source}: has no events, no time or no decision, so it is not whole; {AGAIN}")
        _check_chain(events, source)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{source}: not a canary's evidence as headgate writes it; {AGAIN}") from error
    return CanaryEvidence(events, parts["decision"], facts)


def _is_time(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and -MOST_COUNTED < value < MOST_COUNTED  # type: ignore[operator]  # a number, as just checked


def write_bundle(path: str | os.PathLike[str], evidence: CanaryEvidence) -> None:
    """Write the bundle to ``path``, atomically; compressed where the name ends in ``.gz``.

    Raises
    ------
    InputError
        It cannot be written, or is larger than a reader would accept.
    """
    write_atomic(path, pack(evidence_to_bytes(evidence), path))


def read_bundle(path: str | os.PathLike[str]) -> CanaryEvidence:
    """Return the evidence in the bundle ``path``, compressed or not.

    Raises
    ------
    InputError
        It cannot be read, is no canary's bundle, or was changed.
    """
    return evidence_from_bytes(unpack(read_bounded(path), path), path)


# What values of other types and sizes than headgate writes end in, where every hash holds all the same.
_ODD = (ArithmeticError, AttributeError, HeadgateError, LookupError, RecursionError, TypeError, ValueError)


def rederive(evidence: CanaryEvidence, source: str) -> Derived:
    """Decide again from the events alone, and compare with what is recorded, to the last bit.

    Raises
    ------
    InputError
        The registered plan cannot be read.
    """
    state = fold(evidence.events, evidence.release)
    try:
        plan = Plan.from_json(state.plan, source)
        recorded = decision_from_json(evidence.decision, source)
    except HeadgateError as error:
        raise InputError(f"{source}: {error}") from error
    differences = []
    if plan.hash != state.plan_hash:
        differences.append("the registered plan is not the one its hash was made of")
    try:
        track = follow(plan.policy, Track(), evidence.events)
        decision = decide_release(plan.policy, state, track, evidence.facts["now"])
    except _ODD as error:
        raise InputError(f"{source}: its events are none that headgate writes ({error!r:.100}); {AGAIN}") from error
    derived = decision_to_json(decision)
    differences += [
        f"{key}: recorded {brief(evidence.decision.get(key))}, derived {brief(derived.get(key))}"
        for key in sorted({*derived, *evidence.decision})
        if derived.get(key) != evidence.decision.get(key)
    ]
    if not differences and recorded.state is not decision.state:
        differences.append("the recorded state is another")
    return Derived(state, decision, tuple(differences), evidence.facts.get("code") == code_hash())


def _check_chain(events: Sequence[Event], source: str | os.PathLike[str]) -> None:
    seq, before = 0, GENESIS
    for event in events:
        row = (event.release, event.seq, event.prev_hash, event.time, event.actor, event.kind)
        place = event.seq == seq + 1 and event.prev_hash == before and event.release == events[0].release
        if not place or chain_hash(row, canonical(event.payload)) != event.hash:
            raise InputError(f"{source}: event {seq + 1} is not the one that was recorded; {AGAIN}")
        seq, before = event.seq, event.hash
