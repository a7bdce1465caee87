"""Records, one for each request, checked and cut into batches; also the provider for records from Python.

A record is a mapping (docs/schemas/rollout-record-1.schema.json) with the unit, the version, stage and reason of its
route, and the metrics by the plan's names. What is no such record is left out and counted: more than
`headgate.rollout.controller_track.MOST_REFUSED` of them, and the release passes nothing.

A batch is named by what is in it. The same records again, from whatever file, are the same batch, which the ledger has
already; cut otherwise, they are of units that were counted already. Where all records of a batch have a time they count
in its order, however they lie in the file.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import time as clock
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError, brief
from headgate.rollout.batches import RecordBatch
from headgate.rollout.metrics import RequestRecord, records_digest
from headgate.rollout.providers.contract import SKEW_SECONDS, RecordStep, Refused
from headgate.rollout.router import limit, place, release_key
from headgate.rollout.router_state import Reason, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from headgate.rollout.providers.contract import Asked

__all__ = ["BATCH_RECORDS", "BATCH_SECONDS", "KEYS", "SOURCE", "Checker", "cut", "iso", "steps"]

# Records in a batch: some megabytes of memory, and the release is judged anew after each.
BATCH_RECORDS = 20_000
# A stream that is slow is recorded at least this often, with the first record after that time.
BATCH_SECONDS = 10.0
# How long what was known of a release is held to be so where a record speaks against it.
ASK_SECONDS = 0.5
# Whose the batches are unless told: the records' own, whichever file brings them.
SOURCE = "records"
KEYS = {"unit", "version", "stage", "metrics", "reason", "time", "release", "attributes"}
_NEEDED = ("unit", "version", "stage", "metrics")
_RANGE = 1 << 64
_EXAMPLES = 5
_SPLIT = {Reason.ASSIGNED.value, Reason.SANDBOX.value}
_VERSIONS = {one.value for one in Version}
_REASONS = {one.value for one in Reason}


class Wrong(Exception):  # noqa: N818 -- caught by `cut`, which counts it; no user sees it raised
    """Why something is no record: the rule that it breaks, and in words."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class Checker:
    """Makes a request's record of a mapping, or says what is wrong with it."""

    def __init__(self, asked: Asked) -> None:
        self._take(asked)
        self._names = {metric.name for metric in asked.plan.metrics}
        self._key = release_key(asked.plan.name, asked.release)
        self._sandbox = _RANGE - limit(asked.plan.sandbox_ppm)
        self._limits = [min(limit(stage.ppm), self._sandbox) for stage in asked.plan.stages]

    def _take(self, asked: Asked) -> None:
        self._asked, self._begun = asked, asked.state.stage_times
        self._taken = clock.monotonic()

    def _ask_again(self) -> None:
        """Take the release as it stands now, at most once in some time: a stream outlives what it began with."""
        if self._asked.again is not None and clock.monotonic() - self._taken >= ASK_SECONDS:
            self._take(self._asked.again())

    def record(self, data: object) -> tuple[RequestRecord, float | None]:
        """Return the record and its time, None where it has none.

        Raises
        ------
        Wrong
            It is no record of this release's.
        """
        table = _table(data)
        unit, version = _unit(table["unit"]), table["version"]
        reason = table.get("reason", Reason.ASSIGNED.value)
        if table.get("release", self._asked.release) != self._asked.release:
            raise Wrong("other release", f"it is of release {brief(table['release'])}, not {self._asked.release!r}")
        if not isinstance(version, str) or version not in _VERSIONS:
            raise Wrong("unknown version", f"version {brief(version)}: expected {', '.join(sorted(_VERSIONS))}")
        if not isinstance(reason, str) or reason not in _REASONS:
            raise Wrong("unknown reason", f"reason {brief(reason)}: expected one of {', '.join(sorted(_REASONS))}")
        metrics = table["metrics"]
        if not isinstance(metrics, Mapping):
            raise Wrong("not a record", f"metrics {brief(metrics)}: expected an object, by the plan's names")
        unknown = next((name for name in metrics if name not in self._names), None)
        if unknown is not None:
            known = ", ".join(sorted(self._names))
            raise Wrong("unknown metric", f"metric {brief(unknown)}: the plan has {known}; mend the name")
        time = _time(table.get("time"))
        if time is not None and time > self._asked.now + SKEW_SECONDS:
            self._ask_again()
        if time is not None and time > self._asked.now + SKEW_SECONDS:
            raise Wrong("in the future", f"its time is {time - self._asked.now:.0f} s after now; mend the clock")
        # What no stage's share put there is no evidence, and is counted as such wherever it says that it went.
        if reason in _SPLIT:
            self._check_route(unit, str(version), table["stage"], time)
        return RequestRecord(unit, str(version), table["stage"], metrics, str(reason)), time

    def _check_route(self, unit: str, version: str, stage: object, time: float | None) -> None:
        if isinstance(stage, bool) or not isinstance(stage, int) or not 0 <= stage < len(self._limits):
            stages = len(self._limits)
            raise Wrong("unknown stage", f"stage {brief(stage)}: the plan's are 0 to {stages - 1}")
        if stage >= len(self._begun):
            self._ask_again()
        if stage >= len(self._begun):
            raise Wrong("stage not reached", f"stage {stage}: the release has not come to it yet")
        if time is not None and time < self._begun[stage] - SKEW_SECONDS:
            raise Wrong("stale", f"its time is {self._begun[stage] - time:.0f} s before its stage began")
        if self._asked.routed_elsewhere:
            return
        found = place(unit, self._key)
        due = Version.SANDBOX if found >= self._sandbox else Version.CANARY
        if self._limits[stage] <= found < self._sandbox:
            due = Version.STABLE
        if version != due:
            raise Wrong(
                "misrouted",
                f"unit {brief(unit)} belongs to {due} in stage {stage}, the record says {version}; give units as the "
                "router was given them, or say that another router split them (--routed-elsewhere)",
            )


def cut(
    read: Iterable[tuple[str, object]],
    asked: Asked,
    *,
    size: int = BATCH_RECORDS,
    seconds: float = BATCH_SECONDS,
    name: str = "",
) -> Iterator[RecordStep]:
    """Yield batches of the records in ``read``: pairs of where each stood and what was there (a `Wrong` for nothing).

    ``name`` is what is read, for messages.

    Raises
    ------
    InputError
        There is not one good record; nothing was yielded.
    """
    checker = Checker(asked)
    piece = _Piece(asked.source or SOURCE)
    last, good = clock.monotonic(), 0
    for where, data in read:
        try:
            piece.take(checker, data)
        except Wrong as wrong:
            piece.refuse(where, data, wrong)
        # Before the first good record nothing is given: a wrong file is an error, and leaves no trace.
        if piece.timed and (len(piece.timed) >= size or clock.monotonic() - last >= seconds):
            good += len(piece.timed)
            yield piece.step()
            piece, last = _Piece(asked.source or SOURCE), clock.monotonic()
    if piece.timed or (good and piece.faults):
        yield piece.step()
    elif not good:
        raise _nothing(piece, name)


def steps(given: Iterable[Mapping[str, Any] | RequestRecord], asked: Asked) -> Iterator[RecordStep]:
    """Yield batches of records from Python; see `cut`."""
    return cut(((f"record {number}", one) for number, one in enumerate(given, 1)), asked)


class _Piece:
    """A batch in the making."""

    def __init__(self, source: str) -> None:
        self.timed: list[tuple[float | None, RequestRecord]] = []
        self.faults: dict[str, int] = {}
        self.faults_of: dict[str, int] = {}
        self.refused: list[Refused] = []
        self._source = source
        self._left_out: list[bytes] = []

    def take(self, checker: Checker, data: object) -> None:
        """Add a record."""
        if isinstance(data, Wrong):
            raise data
        record, time = checker.record(data)
        self.timed.append((time, record))

    def refuse(self, where: str, data: object, wrong: Wrong) -> None:
        """Count what is no record; it is part of the batch's name, for it is part of what was sent."""
        self.faults[wrong.rule] = self.faults.get(wrong.rule, 0) + 1
        version = data.get("version") if isinstance(data, Mapping) else getattr(data, "version", None)
        if isinstance(version, str) and version in _VERSIONS:
            self.faults_of[str(version)] = self.faults_of.get(str(version), 0) + 1
        shown = str(wrong) if isinstance(data, Wrong) else repr(data)
        self._left_out.append(hashlib.sha256(f"{wrong.rule}\0{shown}".encode(errors="replace")).digest())
        if len(self.refused) < _EXAMPLES:
            self.refused.append(Refused(where, wrong.rule, str(wrong)))

    def step(self) -> RecordStep:
        """Return the batch."""
        times = [time for time, _ in self.timed if time is not None]
        records = [record for _, record in self.timed]
        if times and len(times) == len(records):
            # Ties by chance, the same for the same records: neither the file's order nor a value may decide them.
            keyed = [(time, records_digest([record]), record) for time, record in self.timed]
            records = [one[2] for one in sorted(keyed, key=lambda one: one[:2])]
        digest = hashlib.sha256(records_digest(records).encode() + b"".join(sorted(self._left_out))).hexdigest()
        span = f"{iso(min(times))}/{iso(max(times))}, " if times else ""
        window = f"{span}{len(records)} records {digest[:32]}"
        return RecordStep(RecordBatch(self._source, window, records, self.faults, self.faults_of), tuple(self.refused))


def _nothing(piece: _Piece, name: str) -> InputError:
    if not piece.refused:
        where = f"{name}: " if name else ""
        return InputError(f"{where}no records, and nothing is no evidence; check that the right file was given")
    first = piece.refused[0]
    many = sum(piece.faults.values())
    return InputError(
        f"{first.where}: {first.message} (and none of {many} is a record of this release; see the schema)"
    )


def _table(data: object) -> Mapping[str, Any]:
    if isinstance(data, RequestRecord):
        return data._asdict()
    if not isinstance(data, Mapping):
        raise Wrong("not a record", f"{brief(data)} is no record: expected an object with {', '.join(_NEEDED)}")
    for key in data:
        if key not in KEYS:
            raise Wrong("not a record", f"key {brief(key)}: expected {', '.join(sorted(KEYS))}; mend the name")
    missing = next((key for key in _NEEDED if key not in data), None)
    if missing is not None:
        raise Wrong("not a record", f"it has no {missing}; a record has {', '.join(_NEEDED)}")
    return data


def _unit(unit: object) -> str:
    if isinstance(unit, int) and not isinstance(unit, bool):
        return str(unit)
    if isinstance(unit, str) and unit:
        try:
            unit.encode()
        except UnicodeEncodeError:
            raise Wrong("not a record", f"unit {brief(unit)}: no valid text") from None
        return unit
    raise Wrong("not a record", f"unit {brief(unit)}: expected a text with something in it, or a whole number")


def _time(time: object) -> float | None:
    if time is None:
        return None
    try:
        if isinstance(time, str | dt.datetime):
            moment = dt.datetime.fromisoformat(time) if isinstance(time, str) else time
            if moment.tzinfo is not None:
                return moment.timestamp()
        elif isinstance(time, int | float) and not isinstance(time, bool) and math.isfinite(time):
            return float(time)
    except (ValueError, OverflowError):
        pass
    raise Wrong(
        "not a record", f"time {brief(time)}: expected seconds since the epoch, or a text as 2026-01-01T10:00:00Z"
    )


def iso(time: float) -> str:
    """Return a time as it may be read, to the second."""
    try:
        return dt.datetime.fromtimestamp(time, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{time:.0f}"
