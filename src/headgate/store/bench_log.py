"""results/<machine>/<commit>-bench.jsonl: what `headgate bench` did, line by line, so that it can go on after Ctrl-C.

A header opens each session; a line follows each chunk that is safely in asv's files; ``finished`` closes the session.
Not ``.json``: asv takes every such file beside its own for a result. What asv's files cannot say is kept here: why a
combination was skipped or failed, and how long combinations take on this machine.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from headgate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["SCHEMA", "BenchLog", "append", "log_path", "read_log", "start", "torn_warning"]

SCHEMA = "headgate.bench/1"
# asv's hash_length: its own files are named by as much of the commit.
HASH_LENGTH = 8


@dataclass(slots=True)
class BenchLog:
    """All sessions of one commit on one machine, merged; the last one counts.

    ``header`` is the last session's, ``done`` the combinations of its finished chunks (benchmark, index) and the
    benchmark's version then, ``finished`` whether it ended by itself. ``reasons`` is by (environment, benchmark, index
    of the combination): the outcome of its last measurement and why. ``seconds`` is by cost key: the total and the
    number of combinations it covers. ``torn``: the last line was cut off as it was written, and is left out.
    """

    header: dict[str, Any] = field(default_factory=dict)
    done: dict[tuple[str, int], str] = field(default_factory=dict)
    finished: bool = False
    reasons: dict[tuple[str, str, int], tuple[str, str]] = field(default_factory=dict)
    seconds: dict[str, tuple[float, int]] = field(default_factory=dict)
    torn: bool = False

    def valid(self, versions: Mapping[str, str]) -> set[tuple[str, int]]:
        """Return what is done and need not be done again: what has failed must, and what was of another version."""
        failed = {(name, index) for (_, name, index), (outcome, _) in self.reasons.items() if outcome == "failed"}
        return {key for key, version in self.done.items() if version == versions.get(key[0]) and key not in failed}

    def resumes(self, header: Mapping[str, Any]) -> bool:
        """Say whether a run with ``header`` goes on where this log stopped."""
        return bool(self.header) and not self.finished and not self.differs(header)

    def differs(self, header: Mapping[str, Any]) -> list[str]:
        """Return in which keys ``header`` is not that of the last session."""
        mine = {key: value for key, value in self.header.items() if key not in {"schema", "started"}}
        return [key for key in {**header, **mine} if key not in mine or header.get(key) != mine[key]]


def log_path(results: Path, machine: str, commit: str) -> Path:
    """Return where the commit's log is kept."""
    return results / machine / f"{commit[:HASH_LENGTH]}-bench.jsonl"


def start(path: Path, header: Mapping[str, Any], started: str) -> None:
    """Open a session; ``started`` is the time, ISO 8601."""
    append(path, {"schema": SCHEMA, "started": started, **header})


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Add one line and force it to the disk; what a crash left of the last one goes, lest it spoil this one.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as stream:
            _end_last_line(stream)
            stream.write((json.dumps(line, separators=(",", ":")) + "\n").encode())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); check the directory, its permissions and free "
            "space"
        ) from error


def _end_last_line(stream: IO[bytes]) -> None:
    """Drop a damaged last line; end one that lacks its newline alone."""
    stream.seek(0)
    data = stream.read()
    begin = data.rstrip(b"\n").rfind(b"\n") + 1
    if not isinstance(_parsed(data[begin:]), dict):
        stream.truncate(begin)
    elif not data.endswith(b"\n"):
        stream.write(b"\n")


def _parsed(text: bytes) -> object:
    """Return the line's value, None where it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def read_log(path: Path) -> BenchLog:
    """Return the log in ``path``, an empty one where there is none; a torn last line is dropped.

    Raises
    ------
    InputError
        The file cannot be read, or a line in it is not of this version.
    """
    log = BenchLog()
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return log
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); remove it to measure anew") from error
    for number, text in enumerate(lines, 1):
        line = _parsed(text)
        if not isinstance(line, dict) and number == len(lines):
            log.torn = True
        elif line is None:
            raise InputError(f"{path}:{number}: not JSON; remove the file to measure anew")
        else:
            _take(log, line, f"{path}:{number}")
    return log


def torn_warning(path: Path) -> str:
    """Say that a log's last line is left out."""
    return f"{path}: its last line was cut off as it was written, and is left out"


def _take(log: BenchLog, line: object, where: str) -> None:
    if not isinstance(line, dict):
        raise InputError(f"{where}: not a line of a bench log; remove the file to measure anew")
    if "schema" in line:
        if line["schema"] != SCHEMA:
            raise InputError(f"{where}: schema {line['schema']!r}, this headgate reads {SCHEMA!r}; upgrade headgate")
        log.header, log.done, log.finished = line, {}, False
    elif "finished" in line:
        log.finished = True
    elif "done" in line:
        versions = line.get("versions", {})  # an older log has none: what it has counts as not done
        again = {
            (str(name), int(index)): str(versions.get(name))
            for name, indices in line["done"].items()
            for index in indices
        }
        log.done |= again
        log.reasons = {key: why for key, why in log.reasons.items() if key[1:] not in again}
        _take_seconds(log, line.get("seconds", {}))
        for entry in line.get("not_measured", []):
            for index in entry["indices"]:
                key = (str(entry["environment"]), str(entry["benchmark"]), int(index))
                log.reasons[key] = (str(entry["outcome"]), str(entry["reason"]))


def _take_seconds(log: BenchLog, seconds: Mapping[str, Iterable[float]]) -> None:
    for key, (total, count) in seconds.items():
        before, number = log.seconds.get(key, (0.0, 0))
        log.seconds[key] = (before + total, number + int(count))
