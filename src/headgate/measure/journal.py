"""The append-only record of everything measured, so that an interrupted run goes on where it stopped.

JSON lines: a header, then one line per benchmark and round, per failure and per skip, forced to disk after each
round. A torn last line (power loss, a full disk) is dropped; anything else that does not parse is refused. A lock file
beside it keeps out a second run of the same comparison, whose rounds would be taken for the first one's.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING, Any, Self

from headgate.errors import InputError
from headgate.measure.lock import lock
from headgate.measure.measurement import Failure
from headgate.model import BenchmarkId, Round, Side
from headgate.store.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Journal", "Recorded"]

SCHEMA = "headgate.journal/1"
# What may still be changed while nothing could be decided.
_UNTIL_DECIDED = ("budget",)


@dataclass(slots=True)
class Recorded:
    """What a journal holds."""

    rounds: dict[BenchmarkId, list[Round]] = field(default_factory=dict)
    failures: dict[BenchmarkId, Failure] = field(default_factory=dict)
    skipped: dict[BenchmarkId, str] = field(default_factory=dict)


class Journal:
    """An open journal; use :meth:`create` or :meth:`resume`, and as a context manager."""

    def __init__(self, path: Path, recorded: Recorded, held: IO[bytes], *, append: bool) -> None:
        self.path = path
        self.recorded = recorded
        self._lock = held
        try:
            self._file = path.open("ab" if append else "wb")
        except OSError:
            held.close()
            raise

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> Journal:
        """Start a journal (an old one at ``path`` is replaced); ``header`` is what a resumed run must match.

        Raises
        ------
        InputError
            The file cannot be made, or another run is writing it.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            journal = cls(path, Recorded(), _held(path), append=False)
        except OSError as error:
            raise InputError(
                f"{path}: the rounds cannot be recorded ({error.strerror}); set env_dir in asv's configuration"
            ) from error
        journal._write({"schema": SCHEMA, **header})
        journal.sync()
        return journal

    @classmethod
    def resume(cls, path: Path, header: Mapping[str, Any], *, decided_from: int = 0) -> Journal:
        """Open an existing journal to go on; :attr:`recorded` holds what it has.

        With fewer than ``decided_from`` rounds of each benchmark nothing was or could be decided, so that no error is
        spent: then the budget may be another one than the last time.

        Raises
        ------
        InputError
            There is none, it is not a journal, it records another comparison (the message names the difference), or
            another run is writing it.
        """
        try:
            held = _held(path)
        except OSError as error:
            raise _not_resumed(path, error) from error
        try:
            return cls(path, _resumed(path, header, decided_from), held, append=True)
        except BaseException:
            held.close()
            raise

    def round(self, benchmark: BenchmarkId, measured: Round) -> None:
        """Record one benchmark's round."""
        self._write({"benchmark": asdict(benchmark), "round": asdict(measured)})

    def failure(self, benchmark: BenchmarkId, failure: Failure) -> None:
        """Record a failure."""
        self._write({"benchmark": asdict(benchmark), "failure": asdict(failure)})

    def skip(self, benchmark: BenchmarkId, reason: str) -> None:
        """Record a skip."""
        self._write({"benchmark": asdict(benchmark), "skipped": reason})

    def sync(self) -> None:
        """Force what was recorded to disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Sync and close, and let others write."""
        if not self._file.closed:
            with self._lock, self._file:
                self.sync()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, record: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(record, sort_keys=True).encode() + b"\n")


def _held(path: Path) -> IO[bytes]:
    return lock(path.with_name(f"{path.name}.lock"), "another comparison of the same two sides")


def _not_resumed(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be resumed ({error.strerror}); run once without --resume")


def _resumed(path: Path, header: Mapping[str, Any], decided_from: int) -> Recorded:
    """Return what the journal in ``path`` holds, having made it one to append to."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _not_resumed(path, error) from error
    whole = data[: data.rfind(b"\n") + 1]
    records = [_parse(path, number, line) for number, line in enumerate(whole.splitlines(), start=1)]
    _check_schema(path, records)
    recorded = Recorded()
    for number, record in enumerate(records[1:], start=2):
        _absorb(path, number, record, recorded)
    if max(map(len, recorded.rounds.values()), default=0) < decided_from:
        records[0] |= {key: header[key] for key in _UNTIL_DECIDED if key in header}
    _check_header(path, records, header)
    first = json.dumps(records[0], sort_keys=True).encode() + b"\n"
    if not whole.startswith(first):
        write_atomic(path, first + whole[whole.find(b"\n") + 1 :])
    elif len(whole) < len(data):
        os.truncate(path, len(whole))
    return recorded


def _parse(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise _not_a_line(path, number) from error
    if not isinstance(record, dict):
        raise _not_a_line(path, number)
    return record


def _not_a_line(path: Path, number: int) -> InputError:
    return InputError(f"{path}:{number}: not a journal's line; run once without --resume")


def _check_schema(path: Path, records: list[dict[str, Any]]) -> None:
    schema = records[0].get("schema") if records else None
    if schema != SCHEMA:
        raise InputError(f"{path}: schema {schema!r}, this headgate reads {SCHEMA!r}; run once without --resume")


def _check_header(path: Path, records: list[dict[str, Any]], header: Mapping[str, Any]) -> None:
    """Refuse a journal of another comparison."""
    found = records[0]
    wanted = json.loads(json.dumps(dict(header)))
    for key in sorted({*wanted, *found} - {"schema"}):
        if wanted.get(key) != found.get(key):
            raise InputError(
                f"{path}: of another comparison: {key} was {found.get(key)!r} and is now {wanted.get(key)!r}; compare "
                "the same things, or leave --resume out"
            )


def _absorb(path: Path, number: int, record: dict[str, Any], into: Recorded) -> None:
    """Add one record to ``into``."""
    try:
        raw = record["benchmark"]
        key = BenchmarkId(raw["name"], tuple(raw["params"]), tuple(raw["param_names"]))
        if "round" in record:
            values = record["round"]
            for side in Side:
                values[side] = tuple(float(value) for value in values[side])
            into.rounds.setdefault(key, []).append(Round(**values))
        elif "failure" in record:
            side = record["failure"]["side"]
            into.failures[key] = Failure(None if side is None else Side(side), record["failure"]["reason"])
        else:
            into.skipped[key] = record["skipped"]
    except (KeyError, TypeError, ValueError) as error:
        raise _not_a_line(path, number) from error
