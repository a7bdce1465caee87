"""From requests to evidence: each randomisation unit is counted once a release, in the stage and arm it first came to.

With sticky users, counting every request's error inflates the false alarms from 5 % to 14-30 %: a user who fails once
fails often. So, per unit and while it is in that stage and arm: a *rate* counts its first event (whether it ever had
one), every other kind its first value. Requests of a unit that has moved on count no more; what is no number is refused
and counted, and never taken for a good value.

Which units were counted is kept beside the events, in the ledger's own file, and written in the transaction that
records the batch: after a crash both are there, or neither. A unit takes a row of some 60 bytes on the disk (its
128-bit keyed hash, never its name), and memory holds no more than one batch's units.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.errors import InputError
from headgate.gates.canary_evidence import CANARY, LIVE, SANDBOX, STABLE, ArmEvidence, Evidence, counts_of
from headgate.rollout.router import release_key
from headgate.rollout.router_state import Reason, Version
from headgate.stats.rates import RateCounts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from headgate.gates.canary_evidence import Counts
    from headgate.gates.canary_policy import Metric
    from headgate.rollout.plan import Plan
    from headgate.rollout.router import Route

__all__ = ["MOST_RECORDS", "Counter", "RequestRecord", "Tally", "checked", "count_records", "records_digest"]

# Requests in one batch: what bounds the memory of counting one.
MOST_RECORDS = 200_000
# Values beyond, whose squares add up to what a float cannot hold, are no measurements.
_LARGEST = 1e100
_UNIT = b"unit"  # BLAKE2b's person: other hashes than the router's of the same ids
_ARMS = {Version.CANARY: (LIVE, CANARY), Version.STABLE: (LIVE, STABLE), Version.SANDBOX: (SANDBOX, CANARY)}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS unit (
  release TEXT NOT NULL, id BLOB NOT NULL, stage INTEGER NOT NULL, version TEXT NOT NULL,
  counted INTEGER NOT NULL, happened INTEGER NOT NULL, PRIMARY KEY (release, id)
) STRICT, WITHOUT ROWID
"""


class RequestRecord(NamedTuple):
    """One request: whose it was, where it was routed, and what was measured.

    ``metrics`` has, by the plan's names: of a rate whether it happened, of a ratio a pair (y, x), else a number (for a
    quantile infinity may stand for "never came back"). A metric that was not measured is left out, or None.
    """

    unit: str
    version: str
    stage: int | None
    metrics: Mapping[str, Any]
    reason: str = Reason.ASSIGNED.value

    @classmethod
    def of(cls, unit: object, route: Route, metrics: Mapping[str, Any]) -> RequestRecord:
        """Return the record of a request that `headgate.rollout.router.Router` sent to ``route``.

        To the router 42, b"42" and "42" are one unit, and so they are here.
        """
        if isinstance(unit, bytes):
            unit = unit.decode(errors="backslashreplace")
        elif isinstance(unit, int) and not isinstance(unit, bool):
            unit = str(unit)
        # What is no text now is counted as strange.
        return cls(unit, route.version.value, route.stage, dict(metrics), route.reason.value)  # type: ignore[arg-type]


@dataclass(slots=True)
class Tally:
    """What became of a batch's requests; all but ``units`` are of requests.

    ``good`` and ``refused`` have, by metric and version, how many values were numbers and how many were none;
    ``strange`` are requests of a stage or version that the plan does not have (``strange_of`` has them by version, ""
    for one that is none), ``moved`` of units counted elsewhere before, ``unassigned`` of units that no stage's share
    put where they went (pinned, excluded, without id).
    """

    requests: int = 0
    units: int = 0
    again: int = 0
    moved: int = 0
    unassigned: int = 0
    strange: int = 0
    strange_of: dict[str, int] = field(default_factory=dict)
    good: dict[str, dict[str, int]] = field(default_factory=dict)
    refused: dict[str, dict[str, int]] = field(default_factory=dict)

    def value(self, metric: str, version: str, *, good: bool) -> None:
        """Count a value."""
        by_version = (self.good if good else self.refused).setdefault(metric, {})
        by_version[version] = by_version.get(version, 0) + 1

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, as an evidence event carries them."""
        names = ("requests", "units", "again", "moved", "unassigned", "strange")
        by_version = {"good": self.good, "refused": self.refused, "strange_of": self.strange_of}
        return {name: getattr(self, name) for name in names} | by_version


@dataclass(slots=True)
class _Unit:
    """A unit's row: bit fields of the metrics counted and, of rates, of those that happened."""

    stage: int
    version: str
    counted: int = 0
    happened: int = 0


@dataclass(slots=True)
class _Cell:
    """What a batch adds to one stage's arm."""

    units: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    values: dict[str, list[Any]] = field(default_factory=dict)


def records_digest(records: Iterable[RequestRecord]) -> str:
    """Return the SHA-256 of a batch as it came: the same requests in the same order give the same digest."""
    digest = hashlib.sha256()
    for record in records:
        metrics = sorted((str(name), repr(value)) for name, value in record.metrics.items())
        digest.update(repr((record.unit, str(record.version), record.stage, metrics, str(record.reason))).encode())
    return digest.hexdigest()


def count_records(
    connection: sqlite3.Connection, plan: Plan, release: str, records: Sequence[RequestRecord]
) -> tuple[dict[str, Evidence], Tally]:
    """Return a batch's evidence by origin (``live``; ``sandbox`` if there was any), and what became of its requests.

    To be called within the transaction that records the evidence; the units counted are written in it.

    Raises
    ------
    InputError
        More than `MOST_RECORDS` requests.
    """
    if len(records) > MOST_RECORDS:
        raise InputError(f"a batch of {len(records)} requests is more than {MOST_RECORDS}; cut it into windows")
    counter = Counter(connection, plan, release)
    for record in records:
        counter.count(record)
    counter.write()
    return counter.evidence(), counter.tally


class Counter:
    """Counts one batch's requests; `count_records` drives it."""

    def __init__(self, connection: sqlite3.Connection, plan: Plan, release: str) -> None:
        self._connection, self._plan, self._release = connection, plan, release
        self._key = release_key(plan.name, release)
        self._units: dict[bytes, _Unit] = {}
        self._cells: dict[tuple[str, int, str], _Cell] = {}
        self.tally = Tally()
        connection.execute(_SCHEMA)

    def count(self, record: RequestRecord) -> None:
        """Count one request."""
        tally = self.tally
        tally.requests += 1
        place = self._place(record)
        if place is None:
            return
        stage, version = place
        key = hashlib.blake2b(record.unit.encode(), digest_size=16, key=self._key, person=_UNIT).digest()
        unit = self._units.get(key) or self._read(key)
        origin, arm = _ARMS[Version(version)]
        cell = self._cells.setdefault((origin, stage, arm), _Cell())
        if unit is None:
            unit = _Unit(stage, version)
            tally.units += 1
            cell.units += 1
        elif (unit.stage, unit.version) != (stage, version):
            tally.moved += 1
            return
        else:
            tally.again += 1
        self._units[key] = unit
        for bit, metric in enumerate(self._plan.metrics):
            value = record.metrics.get(metric.name)
            if value is not None:
                self._value(metric, 1 << bit, unit, cell, value)

    def write(self) -> None:
        """Write the units that were counted."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO unit (release, id, stage, version, counted, happened) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (self._release, key, unit.stage, unit.version, unit.counted, unit.happened)
                for key, unit in self._units.items()
            ],
        )

    def evidence(self) -> dict[str, Evidence]:
        """Return the batch's evidence by origin; there always is a live one, perhaps of no units."""
        policy = self._plan.policy
        found: dict[str, dict[int, dict[str, ArmEvidence]]] = {LIVE: {}}
        for (origin, stage, arm), cell in sorted(self._cells.items()):
            metrics: dict[str, Counts] = {}
            for metric in policy.metrics:
                if metric.kind == "rate":
                    happened = cell.events.get(metric.name, 0)
                    if cell.seen.get(metric.name) or happened:
                        metrics[metric.name] = RateCounts(cell.seen.get(metric.name, 0), happened)
                elif metric.name in cell.values:
                    metrics[metric.name] = counts_of(metric, cell.values[metric.name])
            ppm = policy.stages[stage].ppm
            found.setdefault(origin, {}).setdefault(ppm, {})[arm] = ArmEvidence(cell.units, metrics)
        if not found[LIVE]:
            # A window in which nobody new came is a window all the same: it was delivered, and is not to be again.
            found[LIVE] = {policy.stages[0].ppm: {STABLE: ArmEvidence()}}
        return {origin: Evidence(stages, origin) for origin, stages in found.items()}

    def _place(self, record: RequestRecord) -> tuple[int, str] | None:
        """Return the stage and version that the request counts in; None, counted, if in none."""
        known = record.version in tuple(Version) and isinstance(record.unit, str) and record.unit != ""
        sandbox = record.version == Version.SANDBOX
        if known and record.reason != Reason.ASSIGNED and not (sandbox and record.reason == Reason.SANDBOX):
            self.tally.unassigned += 1
            return None
        stage = record.stage
        whole = isinstance(stage, int) and not isinstance(stage, bool)
        if not known or stage is None or not whole or not 0 <= stage < len(self._plan.stages):
            self.tally.strange += 1
            version = str(record.version) if record.version in tuple(Version) else ""
            self.tally.strange_of[version] = self.tally.strange_of.get(version, 0) + 1
            return None
        return stage, str(record.version)

    def _read(self, key: bytes) -> _Unit | None:
        query = "SELECT stage, version, counted, happened FROM unit WHERE release = ? AND id = ?"
        row = self._connection.execute(query, (self._release, key)).fetchone()
        return None if row is None else _Unit(*row)

    def _value(self, metric: Metric, bit: int, unit: _Unit, cell: _Cell, value: object) -> None:
        counted = checked(metric, value)
        self.tally.value(metric.name, unit.version, good=counted is not None)
        if counted is None:
            return
        if metric.kind == "rate":
            if not unit.counted & bit:
                unit.counted |= bit
                cell.seen[metric.name] = cell.seen.get(metric.name, 0) + 1
            if counted and not unit.happened & bit:
                unit.happened |= bit
                cell.events[metric.name] = cell.events.get(metric.name, 0) + 1
        elif not unit.counted & bit:
            unit.counted |= bit
            cell.values.setdefault(metric.name, []).append(counted)


def checked(metric: Metric, value: Any) -> Any:
    """Return the value as the metric's kind takes it; None if it is none."""
    value = _plain(value)
    if metric.kind == "rate":
        return bool(value) if isinstance(value, bool | int) and value in (0, 1) else None
    if metric.kind == "ratio":
        pair = tuple(map(_plain, value)) if isinstance(value, tuple | list) else ()
        ok = len(pair) == 2 and all(_number(one) for one in pair) and (pair[1] == 0 or pair[1] > 1.0 / _LARGEST)
        return pair if ok else None
    if metric.kind == "quantile" and isinstance(value, float) and value == math.inf:
        return value
    # A quantile's grid begins above 0: a negative time would count as a very good one.
    if not _number(value) or (value < 0 and (metric.cap is not None or metric.kind == "quantile")):
        return None
    return value


def _plain(value: Any) -> Any:
    """Return a number of NumPy, and of whatever else has ``item``, as Python's."""
    try:
        return value.item() if hasattr(value, "item") else value
    except ValueError:  # an array of several
        return value


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST
