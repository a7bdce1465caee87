"""One run of the suite: environment, chunks of benchmarks, and a note of each, so that Ctrl-C loses at most a chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from headgate.errors import EnvironmentBuildError, MeasurementError
from headgate.measure.asv_plan import cost_key
from headgate.measure.asv_run import log_tail, run_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from headgate.measure.asv_plan import Chunk
    from headgate.measure.asv_run import AsvProject, RunAsv
    from headgate.model import BenchmarkId

__all__ = ["Progress", "Session", "Tally", "build", "measure"]

# asv's own codes: 0 all well, 2 some benchmark failed and the rest is saved; anything else saved nothing.
ASV_SOME_FAILED = 2


class Progress(Protocol):
    """What a run tells its user while it goes on."""

    def started(self, chunk: Chunk, number: int, total: int) -> None:
        """Say that a chunk begins."""

    def combination(self, event: Mapping[str, Any]) -> None:
        """Take one round of one combination: measured, skipped or failed."""

    def finished(self, chunk: Chunk) -> None:
        """Say that a chunk's results are on the disk."""


class Note(Protocol):
    """Where a finished chunk is noted."""

    def __call__(self, line: Mapping[str, Any]) -> None:
        """Keep ``line``."""


@dataclass(frozen=True, slots=True)
class Session:
    """What every start of asv in a run has in common; ``log`` is what asv prints."""

    project: AsvProject
    commit: str
    machine: str
    log: Path
    run_asv: RunAsv
    extra: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    def start(
        self, regexes: Sequence[str], progress: Progress | None = None
    ) -> tuple[int, list[Mapping[str, Any]], int]:
        """Run asv once; return its exit code, its events, and where in the log its output begins."""
        offset = self.log.stat().st_size if self.log.exists() else 0
        events: list[Mapping[str, Any]] = []

        def take(event: Mapping[str, Any]) -> None:
            events.append(event)
            if progress is not None:
                progress.combination(event)

        arguments = run_arguments(self.project, self.commit, self.machine, regexes, self.extra)
        return self.run_asv(arguments, take, self.env), events, offset


@dataclass(slots=True)
class Tally:
    """How many combinations were measured, skipped and failed; ``failures`` names the failed ones and why."""

    measured: int = 0
    skipped: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)

    def take(self, event: Mapping[str, Any], name: str) -> None:
        """Count one event."""
        if event["outcome"] == "measured":
            self.measured += 1
        elif event["outcome"] == "skipped":
            self.skipped += 1
        else:
            self.failed += 1
            self.failures.append(f"{name} [{event['environment']}]: {event['reason']}")


def build(session: Session) -> None:
    """Make the environment, build and install the commit, and let asv write benchmarks.json.

    Raises
    ------
    EnvironmentBuildError
        It could not be; the message carries the end of asv's log.
    """
    code, _, offset = session.start(["just-discover"])
    if code != 0:
        raise EnvironmentBuildError(
            f"commit {session.commit[:8]}: cannot be built, installed or its suite imported (asv exit {code}); mend "
            f"what its log says; the end of {session.log}:\n{log_tail(session.log, offset)}"
        )


def measure(
    session: Session,
    chunks: Sequence[Chunk],
    index_of: Mapping[BenchmarkId, int],
    note: Note,
    progress: Progress,
) -> Tally:
    """Measure ``chunks`` one after another; note each once asv has saved it.

    Parameters
    ----------
    index_of
        The place of each combination in its benchmark's, as asv counts them.

    Raises
    ------
    MeasurementError
        asv ended without saving a chunk; the message carries the end of its log.
    """
    tally = Tally()
    names = {(item.name, index): item for item, index in index_of.items()}
    for number, chunk in enumerate(chunks, 1):
        progress.started(chunk, number, len(chunks))
        code, events, offset = session.start(chunk.regexes(), progress)
        if code not in {0, ASV_SOME_FAILED}:
            raise MeasurementError(
                f"asv stopped with exit code {code} and saved nothing of this part; mend what its log says and run "
                f"the same command again; the end of {session.log}:\n{log_tail(session.log, offset)}"
            )
        merged = merge_rounds(events)
        for event in merged:
            tally.take(event, str(names.get((event["benchmark"], event["index"]), event["benchmark"])))
        done: dict[str, list[int]] = {}
        for item in chunk.benchmarks:
            done.setdefault(item.name, []).append(index_of[item])
        note({"done": done, "seconds": _seconds(merged, names), "not_measured": _not_measured(merged)})
        progress.finished(chunk)
    return tally


def merge_rounds(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one event a combination: asv tells of each of its rounds. Seconds add up, a failure stays one."""
    merged: dict[tuple[str, str, int], dict[str, Any]] = {}
    for event in events:
        key = (event["environment"], event["benchmark"], event["index"])
        before = merged.get(key)
        if before is None:
            merged[key] = dict(event)
            continue
        seconds = before["seconds"] + event["seconds"]
        worse = before if before["outcome"] == "failed" else event
        merged[key] = {**worse, "seconds": seconds}
    return list(merged.values())


def _seconds(
    events: Sequence[Mapping[str, Any]], names: Mapping[tuple[str, int], BenchmarkId]
) -> dict[str, list[float]]:
    """Return seconds and count by cost key, over what was measured."""
    found: dict[str, list[float]] = {}
    for event in events:
        item = names.get((event["benchmark"], event["index"]))
        if item is None or event["outcome"] == "skipped":
            continue
        total = found.setdefault(cost_key(item), [0.0, 0])
        total[0] = round(total[0] + event["seconds"], 3)
        total[1] += 1
    return found


def _not_measured(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    grouped: dict[tuple[str, str, str, str], list[int]] = {}
    for event in events:
        if event["outcome"] != "measured":
            key = (event["environment"], event["benchmark"], event["outcome"], event["reason"])
            grouped.setdefault(key, []).append(event["index"])
    names = ("environment", "benchmark", "outcome", "reason")
    return [dict(zip(names, key, strict=True), indices=indices) for key, indices in grouped.items()]
