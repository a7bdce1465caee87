"""From a service's requests to the ledger: `Recorder` collects them, `lead` records them and leads the release.

A request only appends to a list, under a lock held for that long. What cannot be recorded (a full disk, a held file) is
kept under its name and tried again: the ledger takes a batch once, however often it comes.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headgate.errors import HeadgateError, LedgerError
from headgate.rollout.batches import RecordBatch
from headgate.rollout.controller_snapshot import HEARTBEAT_SECONDS
from headgate.rollout.events import LONGEST_NAME, check_text
from headgate.rollout.metrics import MOST_RECORDS, RequestRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.rollout.batches import Recorded
    from headgate.rollout.controller import Controller
    from headgate.rollout.controller_turn import Turn
    from headgate.rollout.router import Route

__all__ = ["Recorder", "lead"]

# Requests of one batch: recorded in less than a second, for which a halt may have to wait.
_MOST_AT_ONCE = 20_000


class Recorder:
    """Collects requests from any thread, and records them in batches from one; see `lead`.

    Parameters
    ----------
    controller
        Of the release; what it records, it records in the thread that calls `flush`.
    source
        Names this process in the evidence; by default from host, process and chance.
    most
        Requests that wait at most; what comes beyond is dropped, and counted in the next batch's ``faults``.
    """

    def __init__(self, controller: Controller, *, source: str = "", most: int = MOST_RECORDS) -> None:
        self._controller = controller
        self.source = source or f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
        check_text("source", self.source, LONGEST_NAME)  # now, and not at each flush
        self._most = min(most, MOST_RECORDS)
        self._adding, self._flushing = threading.Lock(), threading.Lock()
        self._waiting: list[RequestRecord] = []
        self._dropped: dict[str, int] = {}
        self._windows = 0
        # Windows of one source are told apart however often the process starts anew under the same name.
        self._start = os.urandom(4).hex()
        self._batch: RecordBatch | None = None

    def add(self, unit: object, route: Route, metrics: Mapping[str, Any]) -> None:
        """Take one request; ``metrics`` as of `headgate.rollout.metrics.RequestRecord`, a copy of which is kept.

        What has no metrics at all (None, a list) is dropped, and counted: a request must not fail for its evidence.

        A request that was routed while no stage ran (before the start, after a halt) is evidence of nothing: left out.
        """
        if route.stage is None:
            return
        record = RequestRecord.of(unit, route, metrics) if isinstance(metrics, Mapping) else None
        with self._adding:
            if record is not None and len(self._waiting) < self._most:
                self._waiting.append(record)
            else:
                version = str(route.version)
                self._dropped[version] = self._dropped.get(version, 0) + 1

    def flush(self) -> Recorded | None:
        """Record what waits, in batches that hold the ledger for less than a second each; None if nothing does.

        Returns what the last of them did.

        Raises
        ------
        LedgerError
            It could not be recorded (a full disk, a held file); it is kept, and the next call tries it again.
        HeadgateError
            A batch can never be recorded; it was dropped, and the next one's ``faults`` count what was in it.
        """
        recorded = None
        with self._flushing:
            while (batch := self._batch or self._next()) is not None:
                self._batch = batch
                try:
                    recorded = self._controller.record(batch)
                except LedgerError:
                    raise
                except Exception as error:
                    self._batch = None
                    self._drop(batch)
                    raise HeadgateError(f"{len(batch.records)} requests cannot be evidence: {error}") from error
                self._batch = None
        return recorded

    def _next(self) -> RecordBatch | None:
        with self._adding:
            if not self._waiting:
                return None  # what was dropped is told of with what comes next
            records, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
            dropped, self._dropped = self._dropped, {}
        self._windows += 1
        faults = {"dropped": sum(dropped.values())} if dropped else {}
        return RecordBatch(self.source, f"{self._start} {self._windows}", records, faults, dropped)

    def _drop(self, batch: RecordBatch) -> None:
        with self._adding:
            lost = (
                Counter(str(one.version) for one in batch.records) + Counter(batch.faults_of) + Counter(self._dropped)
            )
            self._dropped = dict(lost)


def lead(
    controller: Controller,
    stop: threading.Event,
    *,
    every: float = HEARTBEAT_SECONDS,
    recorder: Recorder | None = None,
    told: Callable[[Turn | HeadgateError], None] | None = None,
) -> None:
    """Take a turn (`Controller.step`) every so many seconds until ``stop`` is set; for a thread or process of its own.

    What goes wrong in a turn ends nothing: the next turn tries again, and if none succeeds any more the snapshot grows
    stale, which sends everybody to stable. A last turn is taken when ``stop`` is set, for what still waits.

    Parameters
    ----------
    controller
        Of a release that was started.
    stop
        Ends it.
    every
        Seconds between turns; far below the snapshot's ``max_age``.
    recorder
        What it collected is recorded before each turn, so that the turn decides on it.
    told
        Called with each turn, or with what went wrong instead; to log it.
    """
    stopping = False
    while not stopping:
        stopping = stop.wait(every)
        result: Turn | HeadgateError
        try:
            if recorder is not None:
                _flush(recorder, told)
            result = controller.step()
        except HeadgateError as error:
            result = error
        except Exception as error:  # noqa: BLE001 - told of; a loop that ends would take everybody off the canary in silence
            result = HeadgateError(f"{type(error).__name__}: {error}")
        if told is not None:
            told(result)


def _flush(recorder: Recorder, told: Callable[[Turn | HeadgateError], None] | None) -> None:
    """Record what waits; what never can be is told of, and keeps no turn from being taken."""
    try:
        recorder.flush()
    except LedgerError:
        raise
    except HeadgateError as error:
        if told is not None:
            told(error)
