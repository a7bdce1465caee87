"""Who may move traffic: one controller at a time, and a number that fences off the one before.

A lease is a convenience: two controllers do not both work. Safety is the *epoch*, which grows with every grant and is
checked in the transaction that records a decision: whoever lost the lease cannot record, whatever their clock says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.errors import ConflictError

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Lease", "check_lease", "drop_lease", "take_lease"]


@dataclass(frozen=True, slots=True)
class Lease:
    """What a controller holds: of which release, since when by its clock, for how many seconds, under which epoch."""

    release: str
    holder: str
    epoch: int
    granted: float
    seconds: float


def take_lease(connection: sqlite3.Connection, release: str, holder: str, now: float, seconds: float) -> Lease:
    """Return a new lease, within a transaction of the caller's; the same holder may take it again at any time.

    Raises
    ------
    ConflictError
        Another holder's lease has not run out by the clock ``now``.
    """
    row = connection.execute(
        "SELECT holder, epoch, granted, seconds FROM lease WHERE release = ?", (release,)
    ).fetchone()
    # A lease further away in time than it lasts has run out, or was granted by a clock that has since been set back: a
    # clock set back by a day must not keep everybody out for a day.
    if row is not None and row[0] not in {"", holder} and abs(now - row[2]) < row[3]:
        raise ConflictError(
            f"release {release!r}: {row[0]!r} holds the lease for another {row[2] + row[3] - now:.0f} s; wait, or "
            "stop it"
        )
    epoch = 1 if row is None else row[1] + 1
    connection.execute(
        "INSERT OR REPLACE INTO lease (release, holder, epoch, granted, seconds) VALUES (?, ?, ?, ?, ?)",
        (release, holder, epoch, now, seconds),
    )
    return Lease(release, holder, epoch, now, seconds)


def check_lease(connection: sqlite3.Connection, release: str, lease: Lease | None, kind: str) -> int:
    """Return the epoch of ``lease``, having checked within a transaction that it is the last one granted.

    Raises
    ------
    ConflictError
        It is not; or there is none.
    """
    row = connection.execute("SELECT holder, epoch FROM lease WHERE release = ?", (release,)).fetchone()
    if lease is None or lease.release != release or row is None or (lease.holder, lease.epoch) != tuple(row):
        now_held = f"held by {row[0]!r}" if row is not None and row[0] else "held by nobody"
        raise ConflictError(
            f"release {release!r}: {kind} takes the lease, which is {now_held}; take it and decide anew"
        )
    return lease.epoch


def drop_lease(connection: sqlite3.Connection, lease: Lease) -> None:
    """Give the lease back, within a transaction; nothing happens if it was lost. The epoch stays, and goes on."""
    connection.execute("UPDATE lease SET holder = '' WHERE release = ? AND epoch = ?", (lease.release, lease.epoch))
