"""Batches of evidence: what a provider gives, and how one is recorded once, however often it comes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError
from headgate.gates.canary_checks import misfit
from headgate.gates.canary_evidence import CANARY, LIVE, STABLE, ArmEvidence, Evidence
from headgate.rollout import events
from headgate.rollout.metrics import RequestRecord, Tally, count_records, records_digest

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from headgate.rollout.ledger import Ledger
    from headgate.rollout.plan import Plan

__all__ = ["Batch", "CountBatch", "RecordBatch", "Recorded", "record_batch", "record_invalid"]

_SAME_WINDOW = (
    "SELECT payload FROM event WHERE release = ? AND kind = 'evidence' "
    "AND json_extract(payload, '$.source') = ? AND json_extract(payload, '$.window') = ? ORDER BY seq"
)


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Requests of one window, counted into units when they are recorded.

    ``source`` and ``window`` name the batch for good: what was in the window is delivered under its name once, and a
    second delivery must be the same. ``faults`` says, by reason, how many lines the provider had to leave out, and
    ``faults_of`` how many said that they are of which version; the others may be of either.
    """

    source: str
    window: str
    records: Sequence[RequestRecord]
    faults: dict[str, int] = field(default_factory=dict)
    faults_of: dict[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the requests, in their order."""
        return records_digest(self.records)


@dataclass(frozen=True, slots=True)
class CountBatch:
    """Counts that are units already, or are declared to be: recorded as they are."""

    source: str
    window: str
    evidence: Evidence
    faults: dict[str, int] = field(default_factory=dict)


Batch = RecordBatch | CountBatch


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording did: ``new`` is False for a batch that was there; ``tally`` is of requests alone."""

    new: bool
    seq: int | None = None
    tally: Tally | None = None
    conflict: bool = False


def record_batch(ledger: Ledger, plan: Plan, release: str, batch: Batch, *, actor: str, now: float) -> Recorded:
    """Record a batch and the units it counted, in one transaction: both or neither, and once.

    A batch of a known name with other contents is recorded as such, and makes the release's evidence invalid.

    Raises
    ------
    LedgerError
        No such release, or it cannot be written; nothing was recorded.
    UsageError, InputError
        The batch cannot be evidence; the message says why.
    """

    def append(source: str, evidence: Evidence, extra: dict[str, Any]) -> Recorded:
        if batch.faults:
            extra = extra | {"faults": batch.faults}
        if isinstance(batch, RecordBatch) and batch.faults_of:
            extra = extra | {"faults_of": batch.faults_of}
        draft = events.evidence(source, batch.window, evidence, actor=actor, time=now)
        event = ledger.append(release, replace(draft, payload=draft.payload | extra))
        return Recorded(event is not None, None if event is None else event.seq)

    if isinstance(batch, CountBatch):
        wrong = misfit(plan.policy, batch.evidence)
        if wrong:
            raise InputError(f"batch {batch.window!r} of {batch.source!r}: {wrong}; nothing of it was recorded")
    with ledger.transaction() as connection:
        if isinstance(batch, CountBatch):
            before = _known(connection, release, batch)
            recorded = append(batch.source, batch.evidence, {})
            return replace(recorded, conflict=bool(before) and recorded.new)
        digest = batch.digest
        before = _known(connection, release, batch)
        if any(payload.get("records") == digest for payload in before):
            return Recorded(new=False)
        if before:
            return replace(append(batch.source, _other_than(before, plan), {"records": digest}), conflict=True)
        by_origin, tally = count_records(connection, plan, release, batch.records)
        recorded = append(batch.source, by_origin.pop(LIVE), {"records": digest, "tally": tally.to_json()})
        for origin, evidence in by_origin.items():
            append(f"{batch.source}/{origin}", evidence, {"records": digest})
        return replace(recorded, tally=tally)


def record_invalid(
    ledger: Ledger, plan: Plan, release: str, name: tuple[str, str], reason: str, *, actor: str, now: float
) -> Recorded:
    """Record that the batch of this ``name`` (source, window) may not be evidence: the release's is invalid for good.

    Raises
    ------
    LedgerError
        No such release, or it cannot be written; nothing was recorded.
    """
    nothing = Evidence({plan.policy.stages[0].ppm: {STABLE: ArmEvidence()}})
    draft = events.evidence(*name, nothing, actor=actor, time=now)
    event = ledger.append(release, replace(draft, payload=draft.payload | {"invalid": reason}))
    return Recorded(event is not None, None if event is None else event.seq)


def _known(connection: sqlite3.Connection, release: str, batch: Batch) -> list[dict[str, Any]]:
    """Return the payloads of the events of this name."""
    rows = connection.execute(_SAME_WINDOW, (release, batch.source, batch.window))
    return [json.loads(row[0]) for row in rows]


def _other_than(before: Sequence[dict[str, Any]], plan: Plan) -> Evidence:
    """Return counts of nothing, other than what was recorded under the name: the fold makes a contradiction of it.

    The units of the second batch are not counted: most of them were, with the first.
    """
    ppm = plan.policy.stages[0].ppm
    nothing = [Evidence({ppm: {arm: ArmEvidence()}}) for arm in (STABLE, CANARY)]
    written = [payload.get("data", {}).get("stages") for payload in before]
    return next(one for one in nothing if one.to_json()["stages"] != written[0])
