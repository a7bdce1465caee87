"""Every hash of a ledger computed again: what was edited, removed or put in another order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.errors import HeadgateError
from headgate.rollout.events import GENESIS, chain_hash
from headgate.rollout.plan import Plan
from headgate.store.seal import canonical, sha256

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from headgate.rollout.ledger import Head

__all__ = ["problems"]

# A ledger whose every row is wrong is one finding, not a hundred thousand lines.
_MOST = 20


def problems(connection: sqlite3.Connection, release: str | None, anchor: Head | None) -> Iterator[str]:
    """Yield what is wrong with a release, or with all; see `headgate.rollout.ledger.Ledger.verify`."""
    for (line,) in connection.execute("PRAGMA integrity_check(20)"):
        if line != "ok":
            yield f"the file is damaged: {line}"
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('trigger', 'view')"):
        yield f"the file has a trigger or view, {name!r}, that headgate did not make: rows may not be what was recorded"
    names = {row[0] for row in connection.execute("SELECT release FROM head UNION SELECT release FROM event")}
    if release is not None and release not in names:
        yield f"release {release!r}: not in this ledger"
    for name in sorted(names if release is None else names & {release}):
        found = _chain(connection, name, anchor)
        for count, line in enumerate(found):
            if count == _MOST:
                yield f"release {name!r}: and more"
                break
            yield f"release {name!r}: {line}"


def _chain(connection: sqlite3.Connection, release: str, anchor: Head | None) -> Iterator[str]:
    seq, before, hashes = 0, GENESIS, {}
    query = "SELECT release, seq, prev_hash, hash, time, actor, kind, payload FROM event WHERE release = ? ORDER BY seq"
    for row in connection.execute(query, (release,)):
        if row[1] != seq + 1:
            yield f"event {seq + 1} is missing (the next one is {row[1]})"
        elif row[2] != before:
            yield f"event {row[1]} does not follow the one before it: one of them was changed, or put in another place"
        if chain_hash((*row[:3], *row[4:7]), row[7].encode()) != row[3]:
            yield f"event {row[1]} ({row[6]}) was changed since it was recorded"
        elif row[6] == "registered":
            yield from _plan(row[7], row[1])
        seq, before = row[1], row[3]
        hashes[seq] = before
    last = connection.execute("SELECT seq, hash FROM head WHERE release = ?", (release,)).fetchone()
    if last != (seq, before):
        recorded = "nothing" if last is None else f"event {last[0]}"
        yield f"the last event is {seq}, but {recorded} was recorded last: events were removed or added"
    if anchor is not None and hashes.get(anchor.seq, GENESIS) != anchor.hash:
        yield f"event {anchor.seq} is not the one that was kept elsewhere: the chain was made again"


def _plan(payload: str, seq: int) -> Iterator[str]:
    """Check the registered plan against its own hash, and that it can be read."""
    import json

    try:
        written = json.loads(payload)
        if sha256(canonical(written["plan"])) != written["plan_hash"]:
            yield f"event {seq}: the plan is not the one its hash was made of"
        Plan.from_json(written["plan"], f"event {seq}")
    except (HeadgateError, LookupError, RecursionError, TypeError, ValueError) as error:
        yield f"event {seq}: the plan cannot be read: {error}"
