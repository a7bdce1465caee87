"""The ledger's rows: events as SQLite has them, the chain checked while it is read, and what may follow what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.errors import ConflictError, LedgerError, LedgerTamperedError, PlanError, UnknownReleaseError
from headgate.rollout.events import DECISIONS, GENESIS, Draft, Event, Kind, chain_hash
from headgate.rollout.fold import ReleaseState, fold
from headgate.rollout.router_state import Status
from headgate.store.seal import canonical

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "Head",
    "append_row",
    "chain",
    "check_follows",
    "decisions",
    "event_of",
    "events_after",
    "first_halt",
    "hash_at",
    "is_known",
    "read_head",
    "read_last",
    "tampered",
    "unknown_release",
]

_DECODER = json.JSONDecoder()
_COLUMNS = "release, seq, prev_hash, hash, time, actor, kind, payload"
_EVENTS = f"SELECT {_COLUMNS} FROM event WHERE release = ? AND "  # noqa: S608 -- as below: constants, no user's text
_BATCH = (
    "SELECT json_extract(payload, '$.digest') FROM event WHERE release = ? AND kind = 'evidence' "
    "AND json_extract(payload, '$.source') = ? AND json_extract(payload, '$.window') = ?"
)
_HEAD = "SELECT seq, hash FROM head WHERE release = ?"
_LAST = "SELECT seq, hash FROM event WHERE release = ? ORDER BY seq DESC LIMIT 1"


class Head(NamedTuple):
    """The last event of a release: what the next one is chained to. Kept elsewhere, it proves that none is missing."""

    seq: int
    hash: str


def event_of(row: tuple[Any, ...]) -> Event:
    """Return a row as an event."""
    release, seq, prev_hash, own_hash, time, actor, kind, payload = row
    return Event(release, seq, prev_hash, own_hash, time, actor, kind, _payload(payload))


def _payload(text: str) -> dict[str, Any]:
    """Return an event's details; {} where they are none any more, which its hash, and `verify`, tell of."""
    try:
        found = _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def events_after(connection: sqlite3.Connection, release: str, seq: int, most: int) -> list[Event]:
    """Return the events after ``seq``, as they stand; the first ``most`` of them."""
    rows = connection.execute(_EVENTS + "seq > ? ORDER BY seq LIMIT ?", (release, seq, most))
    return [event_of(row) for row in rows]


def decisions(connection: sqlite3.Connection, release: str) -> list[Event]:
    """Return the events that are not evidence: few, and all that says what may follow."""
    return [event_of(row) for row in connection.execute(_EVENTS + "kind <> 'evidence' ORDER BY seq", (release,))]


def first_halt(connection: sqlite3.Connection, release: str) -> Event | None:
    """Return the halt in force."""
    row = connection.execute(_EVENTS + "kind = 'halted' ORDER BY seq LIMIT 1", (release,)).fetchone()
    return None if row is None else event_of(row)


def hash_at(connection: sqlite3.Connection, release: str, seq: int) -> str:
    """Return the hash of one event; '' if it is not there."""
    row = connection.execute("SELECT hash FROM event WHERE release = ? AND seq = ?", (release, seq)).fetchone()
    return "" if row is None else str(row[0])


def is_known(connection: sqlite3.Connection, release: str, payload: dict[str, Any]) -> bool:
    """Whether this very batch of evidence was recorded."""
    rows = connection.execute(_BATCH, (release, payload["source"], payload["window"]))
    return any(row[0] == payload["digest"] for row in rows)


def read_head(connection: sqlite3.Connection, release: str) -> Head:
    """Return the head as it was recorded; (0, 64 zeros) if there is none."""
    row = connection.execute(_HEAD, (release,)).fetchone()
    return Head(0, GENESIS) if row is None else Head(*row)


def read_last(connection: sqlite3.Connection, release: str) -> Head:
    """Return the last event that is there, recorded as the head or not."""
    row = connection.execute(_LAST, (release,)).fetchone()
    return Head(0, GENESIS) if row is None else Head(*row)


def append_row(connection: sqlite3.Connection, release: str, head: Head, draft: Draft, extra: dict[str, Any]) -> Event:
    """Record ``draft`` after ``head``, and as the new head."""
    payload = canonical(draft.payload | extra)
    seq, time, kind = head.seq + 1, float(draft.time), str(draft.kind)
    own_hash = chain_hash((release, seq, head.hash, time, draft.actor, kind), payload)
    row = (release, seq, head.hash, own_hash, time, draft.actor, kind, payload.decode("ascii"))
    connection.execute(f"INSERT INTO event ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608 -- constants
    connection.execute("INSERT OR REPLACE INTO head (release, seq, hash) VALUES (?, ?, ?)", (release, seq, own_hash))
    return event_of(row)


def chain(connection: sqlite3.Connection, path: Path, release: str, head: Head) -> Iterator[Event]:
    """Yield the events after ``head``, each once its hash is seen to fit; end at the recorded head.

    Raises
    ------
    LedgerTamperedError
        Where it does not.
    """
    seq, last = head
    # Written out: a ledger of 100,000 events is read whole.
    for row in connection.execute(_EVENTS + "seq > ? ORDER BY seq", (release, seq)):
        named, number, prev_hash, own_hash, time, actor, kind, payload = row
        if number != seq + 1 or prev_hash != last:
            raise tampered(path, release, f"event {seq + 1} is missing, or not in its place")
        if chain_hash((named, number, prev_hash, time, actor, kind), payload.encode()) != own_hash:
            raise tampered(path, release, f"event {number} was changed")
        seq, last = number, own_hash
        yield Event(named, number, prev_hash, own_hash, time, actor, kind, _payload(payload))
    if read_head(connection, release) != (seq, last):
        raise tampered(path, release, "its last events are missing")


def check_follows(before: ReleaseState, draft: Draft) -> bool:
    """Return whether the event is to be recorded; False if it changes nothing.

    Parameters
    ----------
    before
        The fold of the release's `decisions`.
    draft
        Neither evidence nor a halt.

    Raises
    ------
    ConflictError, PlanError, LedgerError
        It cannot follow; see `headgate.rollout.ledger.Ledger.append_many`.
    """
    release = before.release
    if draft.kind is Kind.REGISTERED:
        given = draft.payload["plan_hash"], draft.payload["version"]
        if before.status is not None and given != (before.plan_hash, before.version):
            raise PlanError(
                f"release {release!r}: registered with another plan or version; a change is a new release, with "
                "evidence of its own: give it another name"
            )
        return before.status is None
    if before.halt is not None and draft.kind in DECISIONS:
        raise ConflictError(f"release {release!r}: halted ({before.halt.reason}); it stays so: open a new release")
    seq = before.seq + 1
    probe = Event(release, seq, before.head, "", float(draft.time), draft.actor, str(draft.kind), draft.payload)
    wrong = fold([probe], before).invalid[len(before.invalid) :]
    if wrong:
        status = "nothing" if before.status is None else before.status
        raise LedgerError(
            f"release {release!r}: {wrong[0].partition(': ')[2]} cannot be (it is {status}); read its state again"
        )
    return before.status is not Status.HALTED or draft.kind is Kind.OVERRIDE


def tampered(path: Path, release: str, what: str) -> LedgerTamperedError:
    """Return the error for a broken chain."""
    return LedgerTamperedError(
        f"{path}: release {release!r}: {what}: the ledger was edited and proves nothing; halt the release, keep the "
        "file for the record, and start anew"
    )


def unknown_release(connection: sqlite3.Connection, path: Path, release: str) -> UnknownReleaseError:
    """Return the error for a release that is not there."""
    rows = connection.execute("SELECT release FROM head ORDER BY release LIMIT 20").fetchall()
    known = ", ".join(row[0] for row in rows) or "none"
    return UnknownReleaseError(
        f"{path}: no release {release!r}; it has: {known}; check the name, or start it with its plan"
    )
