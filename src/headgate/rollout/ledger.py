"""The ledger: every event of every release, in the order it was recorded, each chained to the one before.

What is true of a release is the fold of its events (`Ledger.state`); there is no other state to get out of step. A
commit is synced to the disk before the call returns: after kill -9, or a power cut, a prefix of the events is there,
and in it every event whose call returned.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

from headgate.errors import ConflictError, UsageError
from headgate.rollout import ledger_rows as rows
from headgate.rollout.events import DECISIONS, GENESIS, Draft, Event, Kind, check_release
from headgate.rollout.fold import ReleaseState, fold
from headgate.rollout.ledger_file import BUSY_SECONDS, LedgerFile
from headgate.rollout.ledger_lease import Lease, check_lease, drop_lease, take_lease
from headgate.rollout.ledger_rows import Head

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from headgate.errors import UnknownReleaseError

__all__ = ["Head", "Lease", "Ledger"]

# No ledger has as many: a recorded head beyond is an edit, and SQLite's whole numbers end at 2**63.
_MOST_EVENTS = 2**62
# Events read at once: more are slower, for Python's collector of garbage looks at all that are held, again and again.
_PAGE = 256


class Ledger:
    """The events of releases in one SQLite file.

    Threads may share one and take turns; each process opens its own (after a fork, too). Whoever must never wait for
    another's reading of a long ledger, as the one who halts, opens a second one: readers do not hold up its writing.
    Times are the caller's: nothing here reads a clock, and nothing depends on times growing.

    Parameters
    ----------
    path
        The file; made with mode 0600 where there is none.
    create
        Whether it may be made.
    busy_seconds
        How long to wait for another writer.

    Raises
    ------
    InputError
        The file cannot be used; or a newer headgate wrote it.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, create: bool = True, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        self._file = LedgerFile(path, create=create, busy_seconds=busy_seconds)
        # As given, for messages; and as it stays when the process changes its directory.
        self.path, self.absolute = self._file.path, self._file.absolute

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Hold the only write lock: what a ``with`` block records, by this ledger or by SQL, is recorded whole or not.

        For what must be true together with an event, such as a list of units that were counted; its tables are the
        caller's own.
        """
        return self._file.transaction()

    def append(
        self, release: str, draft: Draft, *, expected_seq: int | None = None, lease: Lease | None = None
    ) -> Event | None:
        """Record one event; see `append_many`. Return it, or None for a batch that is there already."""
        recorded = self.append_many(release, [draft], expected_seq=expected_seq, lease=lease)
        return recorded[0] if recorded else None

    def append_many(
        self,
        release: str,
        drafts: Iterable[Draft],
        *,
        expected_seq: int | None = None,
        lease: Lease | None = None,
    ) -> list[Event]:
        """Record all of ``drafts``, or none, in one synced transaction.

        A batch of evidence that is there already (source, window and digest) is left out, and out of what is returned.
        The same source and window with another digest *is* recorded: its fold is invalid, and the record shows why. A
        plan that was registered already, unchanged, is left out as well.

        Parameters
        ----------
        release
            The release's name.
        drafts
            From `headgate.rollout.events`.
        expected_seq
            The ``seq`` of the state that was decided on (compare and swap); required to start, advance or complete.
        lease
            The lease, required for the same; its epoch is kept with the event.

        Raises
        ------
        ConflictError
            Somebody else recorded something since; the lease was lost; or the release is halted. Read, decide anew.
        PlanError
            The release was registered with another plan: a changed plan is a new release.
        LedgerError
            The event makes no sense here; the disk is full; the file is held by another.
        LedgerTamperedError
            The release's head is not what its last event says.
        """
        check_release(release)
        with self._file.transaction() as connection:
            head = rows.read_head(connection, release)
            if expected_seq is not None and head.seq != expected_seq:
                raise ConflictError(
                    f"release {release!r}: at event {head.seq}, not {expected_seq}: somebody was first; decide anew"
                )
            if rows.read_last(connection, release) != head:
                raise rows.tampered(self.path, release, "its last event is not the one that was recorded last")
            recorded: list[Event] = []
            for draft in drafts:
                extra: dict[str, Any] = {}
                if draft.kind in DECISIONS:
                    if expected_seq is None:
                        raise UsageError(f"release {release!r}: {draft.kind} needs expected_seq, the state decided on")
                    extra["epoch"] = check_lease(connection, release, lease, draft.kind)
                if self._is_new(connection, release, head, draft):
                    recorded.append(rows.append_row(connection, release, head, draft, extra))
                    head = Head(recorded[-1].seq, recorded[-1].hash)
        return recorded

    def _is_new(self, connection: sqlite3.Connection, release: str, head: Head, draft: Draft) -> bool:
        """Whether the event is to be recorded; raises if it cannot be."""
        if draft.kind is Kind.HALTED:
            raise UsageError(f"release {release!r}: a halt is recorded by halt(), which nothing holds up")
        if not head.seq and draft.kind is not Kind.REGISTERED:
            raise rows.unknown_release(connection, self.path, release)
        if draft.kind is Kind.EVIDENCE:
            return not rows.is_known(connection, release, draft.payload)
        return rows.check_follows(fold(rows.decisions(connection, release), release), draft)

    def halt(self, release: str, draft: Draft) -> Event:
        """Record a halt, from `headgate.rollout.events.halted`; return the one in force, which may be an earlier one.

        It needs no lease, no expected seq and no analysis, and wins every race: what moves traffic is refused after it.

        Raises
        ------
        UsageError
            Not a halt.
        LedgerError
            No such release: nothing was halted. Or the event could not be written: then let routers' state grow stale.
        """
        if draft.kind is not Kind.HALTED:
            raise UsageError(f"release {release!r}: {draft.kind} is no halt")
        with self._file.transaction() as connection:
            halt = rows.first_halt(connection, release)
            if halt is None:
                # After what is later, the recorded head or the last event, even if the ledger was edited: the halt is
                # there, and a gap stays visible.
                last, recorded = rows.read_last(connection, release), rows.read_head(connection, release)
                head = max(last, recorded) if recorded.seq < _MOST_EVENTS else last
                if not head.seq:
                    raise rows.unknown_release(connection, self.path, release)
                halt = rows.append_row(connection, release, head, draft, {})
        return halt

    def state(self, release: str, known: ReleaseState | None = None) -> ReleaseState:
        """Return the fold of the release's events, having checked every hash that was added.

        Parameters
        ----------
        release
            The release's name; of one that is not there the state is empty (``seq`` 0).
        known
            A state this method returned before: only what came after it is read, once the ledger is seen to have the
            same event at its place.

        Raises
        ------
        LedgerTamperedError
            The chain is broken.
        """
        start: ReleaseState | str = release if known is None else known
        after = Head(0, GENESIS) if known is None else Head(known.seq, known.head)
        with self._file.reading() as connection:
            if after.seq and rows.hash_at(connection, release, after.seq) != after.hash:
                raise rows.tampered(self.path, release, f"event {after.seq} is not the one that was there before")
            return fold(rows.chain(connection, self.path, release, after), start)

    def unknown(self, release: str) -> UnknownReleaseError:
        """Return the error for a release that is not there."""
        with self._file.reading() as connection:
            return rows.unknown_release(connection, self.path, release)

    def events(self, release: str, after: int = 0) -> Iterator[Event]:
        """Yield the events of a release after ``seq``, in order, as they stand: `verify` checks them.

        They are read some hundred at a time: of a long ledger no more is in memory than the caller keeps.
        """
        while True:
            with self._file.reading() as connection:
                page = rows.events_after(connection, release, after, _PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].seq

    def decisions(self, release: str) -> list[Event]:
        """Return the events of a release that are not evidence, in order, as they stand: few, however many batches."""
        with self._file.reading() as connection:
            return rows.decisions(connection, release)

    def releases(self) -> list[str]:
        """Return the names of the releases, sorted."""
        with self._file.reading() as connection:
            return [row[0] for row in connection.execute("SELECT release FROM head ORDER BY release")]

    def head(self, release: str) -> Head:
        """Return the release's last event's seq and hash; (0, 64 zeros) if there is none."""
        with self._file.reading() as connection:
            return rows.read_head(connection, release)

    def verify(self, release: str | None = None, *, anchor: Head | None = None) -> list[str]:
        """Return what is wrong, a line for each finding; an empty list if every hash holds.

        Parameters
        ----------
        release
            One release; None for all.
        anchor
            A head that was kept elsewhere. Whoever can write the file can make a new chain; only an anchor shows that.
        """
        from headgate.rollout.ledger_verify import problems

        with self._file.reading() as connection:
            return list(problems(connection, release, anchor))

    def take_lease(self, release: str, holder: str, *, now: float, seconds: float) -> Lease:
        """Return the lease to move a release's traffic, for ``seconds``; taking it again renews it.

        Raises
        ------
        ConflictError
            Another holder has it.
        """
        if not holder or not (math.isfinite(now) and 0 < seconds < math.inf):
            raise UsageError(f"lease: {holder!r} for {seconds!r} s at {now!r} will not do: expected a name and times")
        with self._file.transaction() as connection:
            return take_lease(connection, check_release(release), holder, now, seconds)

    def drop_lease(self, lease: Lease) -> None:
        """Give a lease back before it runs out."""
        with self._file.transaction() as connection:
            drop_lease(connection, lease)
