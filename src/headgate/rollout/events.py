"""The events of a release: their kinds, what each carries, and the chain of hashes that holds them together.

An event's hash is the SHA-256 of the canonical JSON (sorted keys, no spaces, ASCII) of the list
``["headgate.event/1", release, seq, prev_hash, time, actor, kind, payload]``; ``seq`` counts from 1 within a release,
and the first event's ``prev_hash`` is 64 zeros. Times are seconds since the epoch by the writer's clock; they are
recorded, and order nothing: ``seq`` does.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from enum import StrEnum
from json.encoder import encode_basestring_ascii as _quoted
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.errors import UsageError, brief
from headgate.store.seal import canonical, sha256

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.gates.canary_evidence import Evidence
    from headgate.rollout.plan import Plan

__all__ = [
    "DECISIONS",
    "GENESIS",
    "LONGEST_NAME",
    "LONGEST_REASON",
    "Action",
    "Draft",
    "Event",
    "Kind",
    "advanced",
    "chain_hash",
    "check_release",
    "check_text",
    "completed",
    "evidence",
    "halted",
    "override",
    "registered",
    "started",
]

EVENT_SCHEMA = "headgate.event/1"
GENESIS = "0" * 64
LONGEST_NAME = 200
LONGEST_REASON = 2000


class Kind(StrEnum):
    """What happened."""

    REGISTERED = "registered"  # the plan and its hash: always the first event
    STARTED = "started"  # traffic goes to the first stage
    EVIDENCE = "evidence"  # one batch of additive statistics
    ADVANCED = "advanced"  # to the next stage
    HALTED = "halted"  # for good: a halted release needs a new release, not a resumption
    OVERRIDE = "override"  # a person's word, with a reason and an end
    COMPLETED = "completed"


# The kinds that move traffic to the canary: they take the lease, and none is taken after a halt.
DECISIONS = (Kind.STARTED, Kind.ADVANCED, Kind.COMPLETED)


class Action(StrEnum):
    """What an override lets the controller do; the verdict stays what the evidence makes it."""

    ADVANCE = "advance"  # although the gate has not passed
    HOLD = "hold"  # although it has


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it has a place in the chain; made by this module's functions, checked when made."""

    kind: Kind
    actor: str
    time: float
    payload: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check what all kinds share; raises UsageError."""
        check_text("actor", self.actor, LONGEST_NAME)
        _check_number("time", self.time)
        if self.kind is not Kind.EVIDENCE:  # which was written once already, for its digest
            try:
                canonical(self.payload)
            except (TypeError, ValueError) as error:
                raise UsageError(f"{self.kind}: its details are not finite JSON values ({error})") from None


class Event(NamedTuple):
    """One row of the ledger; ``payload`` is plain JSON values."""

    release: str
    seq: int
    prev_hash: str
    hash: str
    time: float
    actor: str
    kind: str
    payload: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the event as plain JSON values (docs/schemas/rollout-event-1.schema.json)."""
        return {"schema": EVENT_SCHEMA} | self._asdict()


def registered(plan: Plan, *, actor: str, time: float, version: str = "") -> Draft:
    """Return the first event of a release: the plan, its hash, and the version (a commit, a tag) that is released."""
    if version:
        check_text("version", version, LONGEST_NAME)
    payload = {"plan": plan.to_json(), "plan_hash": plan.hash, "version": version}
    return Draft(Kind.REGISTERED, actor, time, payload)


def started(*, actor: str, time: float, **details: Any) -> Draft:
    """Return the event of traffic going to stage 0; ``details`` are kept with it."""
    return Draft(Kind.STARTED, actor, time, {**details, "stage": 0})


def evidence(source: str, window: str, batch: Evidence, *, actor: str, time: float) -> Draft:
    """Return the event of one batch of evidence.

    Parameters
    ----------
    source, window
        Who counted, and over what, as ("checkout-7", "2026-01-01T10:00Z/PT1M"). Together they name the batch: the same
        batch again is ignored, the same name on other counts makes the release's evidence invalid. What is corrected
        later is a batch under a name of its own, with the differences.
    batch
        The counts that this window adds; without maxima, which do not add up.

    Raises
    ------
    UsageError
        A number is not finite, the batch counts nothing or has maxima, or a name is empty or too long.
    """
    check_text("source", source, LONGEST_NAME)
    check_text("window", window, LONGEST_NAME)
    where = f"evidence of {source!r}, {window!r}"
    if batch.maxima or not any(arms for arms in batch.stages.values()):
        what = "has maxima, which do not add up" if batch.maxima else "counts nothing, and nothing is no evidence"
        raise UsageError(f"{where}: {what}; give the counts of the window")
    data = batch.to_json()
    del data["maxima"]
    try:
        digest = sha256(canonical(data))
    except (TypeError, ValueError) as error:
        raise UsageError(f"{where}: a number is not finite ({error}); leave such units out, and count them") from None
    return Draft(Kind.EVIDENCE, actor, time, {"source": source, "window": window, "digest": digest, "data": data})


def advanced(before: int, *, actor: str, time: float, **details: Any) -> Draft:
    """Return the event of moving from stage ``before`` to the next one."""
    _check_whole("stage", before)
    return Draft(Kind.ADVANCED, actor, time, {**details, "from": before, "to": before + 1})


def halted(reason: str, *, actor: str, time: float, **details: Any) -> Draft:
    """Return the event of ceasing all traffic to the canary, for good."""
    check_text("reason", reason, LONGEST_REASON)
    return Draft(Kind.HALTED, actor, time, {**details, "reason": reason})


def override(action: Action | str, reason: str, expires: float, *, actor: str, time: float) -> Draft:
    """Return the event of a person's word: until ``expires`` (seconds since the epoch) do `Action`, for this reason."""
    if action not in tuple(Action):
        raise UsageError(f"override: {action!r} will not do: expected {' or '.join(Action)}; to halt, halt")
    check_text("reason", reason, LONGEST_REASON)
    _check_number("expires", expires)
    if expires <= time:
        raise UsageError("override: expires: it must end after it begins; give a later time")
    return Draft(Kind.OVERRIDE, actor, time, {"action": str(action), "reason": reason, "expires": float(expires)})


def completed(*, actor: str, time: float, **details: Any) -> Draft:
    """Return the event of a release that has passed its last stage."""
    return Draft(Kind.COMPLETED, actor, time, dict(details))


def chain_hash(row: tuple[str, int, str, float, str, str], payload: bytes) -> str:
    """Return an event's hash from (release, seq, prev_hash, time, actor, kind) and its payload's canonical JSON."""
    release, seq, prev_hash, time, actor, kind = row
    # `canonical` of the list, written out: this runs for every event of a ledger that is read. The payload is put in as
    # it stands: an edit that only changes its form is an edit all the same.
    where = f'["{EVENT_SCHEMA}",{_quoted(release)},{seq},{_quoted(prev_hash)}'
    before = f"{where},{time!r},{_quoted(actor)},{_quoted(kind)},".encode("ascii")
    return hashlib.sha256(b"%b%b]" % (before, payload)).hexdigest()


def check_release(release: str) -> str:
    """Return ``release`` if it can name one.

    Raises
    ------
    UsageError
        Empty, too long or not printable.
    """
    check_text("release", release, LONGEST_NAME)
    return release


def check_text(key: str, value: object, longest: int) -> None:
    """Raise UsageError unless ``value`` is a text of 1 to ``longest`` characters that can be shown."""
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise UsageError(f"{key}: {brief(value)} will not do: expected a text of 1 to {longest} characters")
    printable: Callable[[str], bool] = str.isprintable
    if not all(printable(line) for line in value.split("\n")):
        raise UsageError(f"{key}: {brief(value)} will not do: expected printable text, as UTF-8")


def _check_number(key: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"{key}: {value!r} will not do: expected seconds since the epoch, a finite number")


def _check_whole(key: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(f"{key}: {value!r} will not do: expected a whole number, counted from 0")
