"""What routers in other processes are told: one small file, the release's state, written whole, believed while fresh.

A router that polls the file sees a halt within `POLL_SECONDS` of its being written, plus the time one read takes; a
controller writes it in the call that halts. Should no controller write any more (it died, its disk is full), the file
grows stale, and every router sends all to stable `MAX_AGE_SECONDS` after it was last written. A file that is missing,
damaged or another release's means stable at once.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError
from headgate.rollout.router import Route, Router
from headgate.rollout.router_state import RouterState, Status, state_from_json
from headgate.store.files import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headgate.rollout.plan import Plan

__all__ = [
    "HEARTBEAT_SECONDS",
    "MAX_AGE_SECONDS",
    "POLL_SECONDS",
    "SnapshotRouter",
    "is_other_file",
    "publish_halt",
    "read_snapshot",
    "snapshot_name",
    "write_snapshot",
]

# How often a router looks at the file: the time, beside one read, in which traffic ceases after a halt.
POLL_SECONDS = 1.0
# How often a running controller writes it anew, so that it does not grow stale while all is well.
HEARTBEAT_SECONDS = 5.0
# How long a snapshot is believed: three heartbeats may be lost, and no more.
MAX_AGE_SECONDS = 20.0
# A snapshot has some 300 bytes; a router reads no more than this of whatever is there.
_LARGEST = 65_536
_LONGEST_NAME = 100
# How every snapshot begins, whatever wrote its spaces and its version; and how much of a file shows whether it does.
_BEGIN = re.compile(rb'\s*\{\s*"schema"\s*:\s*"headgate\.router-state/[0-9]')
_BEGIN_BYTES = 256


def write_snapshot(path: str | os.PathLike[str], state: RouterState) -> None:
    """Write the snapshot, whole and synced.

    Raises
    ------
    InputError
        It cannot be written; what stood there grows stale.
    """
    write_json(path, state.to_json(), indent=None)


def publish_halt(path: str | os.PathLike[str], release: str, plan_hash: str, now: float, max_age: float) -> None:
    """Write a halted snapshot without reading any ledger, which may take long, or be what is damaged.

    Without the plan's hash a router says "other release" for its reason, and goes to stable all the same. Where it
    cannot be written (a full disk), what stands there is removed: a router without a snapshot goes to stable too.

    Raises
    ------
    InputError
        Neither was possible: traffic ceases when the snapshot has grown stale.
    """
    try:
        write_snapshot(path, RouterState(release, plan_hash, Status.HALTED, None, now, max_age))
    except InputError:
        try:
            Path(path).unlink(missing_ok=True)
        except OSError as error:
            raise InputError(
                f"{path}: the halt cannot be written to it ({error.strerror or error}); remove it, or wait "
                f"{max_age:g} s until it is stale"
            ) from error


def snapshot_name(release: str) -> str:
    """Return the snapshot's file name unless another is given: one file for each release."""
    name = "".join(one if one.isascii() and (one.isalnum() or one in "-_.") else "_" for one in release)
    if name != release or len(name) > _LONGEST_NAME:  # what no file can be called is told apart by its hash
        name = f"{name[:_LONGEST_NAME]}-{hashlib.sha256(release.encode()).hexdigest()[:12]}"
    return f"router-state-{name}.json"


def is_other_file(path: str | os.PathLike[str]) -> bool:
    """Whether there is a file that no controller wrote, and that a snapshot in its place would destroy.

    Not so of an empty one, of a pipe, or where nothing can be read: a halt is not to wait for somebody's permissions.
    """
    try:
        if not os.path.isfile(path):  # noqa: PTH113 - a pipe would be waited for; Path.is_file raises for a NUL
            return False
        with open(path, "rb") as stream:  # noqa: PTH123 - as above
            begin = stream.read(_BEGIN_BYTES)
    except (OSError, ValueError):
        return False
    return bool(begin) and _BEGIN.match(begin) is None


def read_snapshot(path: str | os.PathLike[str]) -> RouterState | None:
    """Return the snapshot; None for whatever cannot be read as one."""
    try:
        with Path(path).open("rb") as file:
            return state_from_json(json.loads(file.read(_LARGEST)))
    except (OSError, ValueError, RecursionError):
        return None


class SnapshotRouter:
    """A `Router` that follows the snapshot file; threads may share it.

    Parameters
    ----------
    plan, release
        As of `Router`.
    path
        The file that the controller writes.
    poll_seconds
        How often it is looked at, by the thread that routes: no thread of its own, nothing to stop.
    clock
        Seconds since the epoch, for the snapshot's age.
    """

    def __init__(
        self,
        plan: Plan,
        release: str,
        path: str | os.PathLike[str],
        *,
        poll_seconds: float = POLL_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path, self._poll, self._clock = path, poll_seconds, clock
        self._turn = threading.Lock()
        self._state: RouterState | None = None
        self._router = Router(plan, release, None)
        # By the monotonic clock, so that one set back does not keep an old snapshot.
        self._due = -1.0
        self._seen = time.monotonic()  # when a snapshot was there for the first time that is no copy of the last

    def route(self, unit: object, attributes: Mapping[str, Any] | None = None) -> Route:
        """Return where ``unit`` goes, having looked at the file if that is due."""
        moment = time.monotonic()
        # Whoever finds the look due takes it, and no one waits for a look that hangs (at the first: for one interval).
        if moment >= self._due and self._turn.acquire(timeout=0.0 if self._state is not None else self._poll):
            try:
                self._look()
            finally:
                self._turn.release()
        state = self._state
        # By the monotonic clock, too: one that was set back would make an old snapshot young again.
        old = state is not None and moment - self._seen > state.max_age
        return self._router.route(unit, attributes, now=math.nan if old else self._clock())

    @property
    def state(self) -> RouterState | None:
        """The snapshot that was read last, whether or not it is still believed; None if it could not be read."""
        return self._state

    def poll(self) -> None:
        """Look at the file now."""
        with self._turn:
            self._look()

    def _look(self) -> None:
        state = read_snapshot(self._path)
        if state != self._state:
            # First, so that no thread takes the new snapshot for as old as the one before.
            self._seen = time.monotonic()
            self._router, self._state = self._router.updated(state), state
        # After the read: the interval is from one read's end to the next one's begin.
        self._due = time.monotonic() + self._poll
