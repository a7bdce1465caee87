"""How a release is halted: the routers are told first, then the ledger; and no halt is forgotten that it did not take.

A ledger may be held for seconds by one who records much, its disk may be full, it may be gone. None of that keeps the
snapshot from saying "halted" at once. What the ledger did not take is tried again: by the controller that was told,
before it publishes anything else, and by any other one that finds a halted snapshot of its release, for nobody but who
halts writes one.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import HeadgateError, InputError
from headgate.rollout import events
from headgate.rollout.controller_snapshot import publish_halt, read_snapshot
from headgate.rollout.controller_turn import halt_words
from headgate.rollout.router_state import Status
from headgate.store.files import may_exist

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from headgate.rollout.events import Event
    from headgate.rollout.fold import ReleaseState
    from headgate.rollout.ledger import Ledger

__all__ = ["HALT_BUSY_SECONDS", "UNRECORDED", "Halting"]

# How long a halt waits for whoever writes to the ledger: the routers know already, and there is nothing better to do.
HALT_BUSY_SECONDS = 60.0
# The reason of a halt that is known from the snapshot alone.
UNRECORDED = "a halt that the ledger could not take when it came: the snapshot says so"


class Halting:
    """Halts one release; made and used by its controller.

    Parameters
    ----------
    ledger
        Where the halt is recorded, through a connection of its own: a thread that reads a long ledger holds up the
        shared one, and must not this.
    release, actor
        Whose, and by whom.
    snapshot
        The routers' file; None where none is written.
    max_age, clock
        As of the controller.
    """

    def __init__(
        self,
        ledger: Ledger,
        release: str,
        actor: str,
        snapshot: Path | None,
        max_age: float,
        clock: Callable[[], float],
    ) -> None:
        self._ledger, self._release, self._actor = ledger, release, actor
        self._snapshot, self._max_age, self._clock = snapshot, max_age, clock
        self.pending: str | None = None

    def halt(self, reason: str, plan_hash: str) -> Event:
        """Tell the routers, record the halt, and tell them again; see `headgate.rollout.controller.Controller.halt`."""
        # Where no snapshot is, routers are at stable already, and a wrong name of a release leaves no file.
        if self._snapshot is not None and may_exist(self._snapshot):
            with contextlib.suppress(InputError):  # told of below, if it still cannot be written then
                self._publish(plan_hash)
        try:
            event = self.record(reason)
        except HeadgateError:
            self.pending = reason if self._known() else None
            raise
        if self._snapshot is not None:
            self._publish(plan_hash)
        return event

    def record(self, reason: str) -> Event:
        """Record the halt; ``reason`` may be any text.

        Raises
        ------
        LedgerError
            The halt could not be recorded, or there is no such release.
        InputError
            The ledger's file cannot be used.
        """
        from headgate.rollout.ledger import Ledger

        words, actor = halt_words(reason, self._actor)
        with Ledger(self._ledger.absolute, create=False, busy_seconds=HALT_BUSY_SECONDS) as own:
            event = own.halt(self._release, events.halted(words, actor=actor, time=self._clock()))
        self.pending = None
        return event

    def heed(self, state: ReleaseState) -> bool:
        """Record a halt that only the snapshot knows of; return whether there was one. Within the ledger's lock."""
        if self._snapshot is None or state.halt is not None or not state.stage_times:
            return False
        found = read_snapshot(self._snapshot)
        if found is None or found.status is not Status.HALTED or found.release != self._release:
            return False
        if found.time < state.stage_times[0]:
            return False  # of a release of this name that was before this one
        words, actor = halt_words(UNRECORDED, self._actor)
        self._ledger.halt(self._release, events.halted(words, actor=actor, time=self._clock()))
        return True

    def _known(self) -> bool:
        try:
            return self._ledger.head(self._release).seq > 0
        except HeadgateError:
            return True

    def _publish(self, plan_hash: str) -> None:
        if self._snapshot is not None:
            publish_halt(self._snapshot, self._release, plan_hash, self._clock(), self._max_age)


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return a path that stays the same file when the process changes its directory, as daemons do."""
    try:
        return Path(path).absolute()
    except OSError as error:  # the directory is gone
        raise HeadgateError(f"{path}: the working directory is gone; give an absolute path") from error
