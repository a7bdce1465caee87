"""A results tree as series: one benchmark, its parameters, one machine, one environment, one version; commits in order.

Files are read in chunks, by several processes where there are many, and only their numbers are kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headgate.errors import InputError
from headgate.formats import read_run
from headgate.formats.asv import read_benchmarks
from headgate.formats.saved import Outcome
from headgate.store.history_order import Order, ordered
from headgate.store.history_pool import in_chunks
from headgate.store.results import BENCHMARKS_FILE, machines, run_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from headgate.formats.asv import BenchmarkInfo
    from headgate.model import BenchmarkId

__all__ = ["History", "RunFile", "Series", "SeriesKey", "read_history"]

# What tells machines of one name apart. Neither memory, whose unit asv changed, nor the kernel, which changes weekly.
HARDWARE_KEYS = ("arch", "cpu", "num_cpu")
FILES_A_CHUNK = 50


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """What must be the same for values to be compared; ``version`` is the benchmark's own."""

    benchmark: BenchmarkId
    machine: str
    environment: str
    hardware: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """The values (n,) of one key at the commits of ``positions`` (n,), in order; commits without a value are gaps."""

    key: SeriesKey
    positions: npt.NDArray[np.intp]
    values: npt.NDArray[np.float64]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class RunFile:
    """One file of the tree that could be read; ``started_at`` is when its last benchmark began."""

    path: str
    machine: str
    commit: str
    started_at: float | None


@dataclass(frozen=True, slots=True)
class History:
    """All series of a tree, and the files they are from; ``problems`` name what could not be read, and why."""

    results: Path
    order: Order
    series: tuple[Series, ...]
    files: int
    problems: tuple[str, ...] = ()
    runs: tuple[RunFile, ...] = ()

    @property
    def commits(self) -> tuple[str, ...]:
        """The commits measured, oldest first."""
        return self.order.commits


@dataclass(slots=True)
class _Chunk:
    """The numbers of some files: value i is ``values[i]`` of ``keys[key_ids[i]]`` at ``commits[commit_ids[i]]``."""

    keys: list[SeriesKey] = field(default_factory=list)
    commits: list[tuple[str, float]] = field(default_factory=list)
    key_ids: list[int] = field(default_factory=list)
    commit_ids: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    runs: list[RunFile] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_history(
    results: Path,
    *,
    machine: str | None = None,
    bench: str | Sequence[str] = (),
    repository: Path | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> History:
    """Return the series of the tree ``results``.

    Parameters
    ----------
    results
        asv's results directory.
    machine, bench
        Only this machine; only benchmarks in whose name with parameters a regular expression of these is found, as
        asv's --bench has it.
    repository
        A directory in the repository the commits are of; None where it is not at hand.
    workers
        Processes that read.
    progress
        Called with the files read and all there are.

    Raises
    ------
    InputError
        No results, no such machine, or not one file that could be read.
    """
    names = machines(results)
    if machine is not None and machine not in names:
        raise InputError(
            f"{results}: no results of machine {machine!r}; it has: {', '.join(names)}; give one of them with --machine"
        )
    chosen = [(str(path), name) for name in names if machine in {None, name} for path in run_paths(results, name)]
    wanted = (bench,) if isinstance(bench, str) else tuple(bench)
    jobs = [(chosen[i : i + FILES_A_CHUNK], wanted) for i in range(0, len(chosen), FILES_A_CHUNK)]
    whole = _Chunk()
    ids: dict[SeriesKey, int] = {}
    commits: dict[str, int] = {}
    done = 0
    for job, chunk in zip(jobs, in_chunks(_read_files, jobs, workers), strict=True):
        _merge(whole, chunk, ids, commits)
        done += len(job[0])
        if progress is not None:
            progress(done, len(chosen))
    if not whole.commits:
        first = f": {whole.problems[0]}" if whole.problems else "; they name no commit"
        raise InputError(f"{results}: none of its {len(chosen)} result files could be used{first}")
    infos = _infos(results, whole.problems)
    order = ordered(dict(whole.commits), repository)
    series = tuple(_series(whole, order, infos))
    return History(results, order, series, len(chosen), tuple(whole.problems), tuple(whole.runs))


def _read_files(job: tuple[Sequence[tuple[str, str]], Sequence[str]]) -> _Chunk:
    files, bench = job
    patterns = [re.compile(one) for one in bench]
    chunk = _Chunk()
    ids: dict[SeriesKey, int] = {}
    for path, machine in files:
        try:
            run = read_run(Path(path))
        except InputError as error:
            chunk.problems.append(str(error))
            continue
        if not run.commit or run.commit_date is None:
            chunk.problems.append(f"{path}: names no {'commit date' if run.commit else 'commit'}; left out")
            continue
        hardware = ", ".join(run.machine[key] for key in HARDWARE_KEYS if run.machine.get(key))
        chunk.commits.append((run.commit, run.commit_date))
        chunk.runs.append(RunFile(path, machine, run.commit, run.started_at))
        for result in run.results:
            if result.outcome is not Outcome.MEASURED or result.value is None:
                continue
            if patterns and not any(pattern.search(str(result.benchmark)) for pattern in patterns):
                continue
            key = SeriesKey(result.benchmark, machine, run.environment, hardware, str(result.version or ""))
            chunk.key_ids.append(ids.setdefault(key, len(ids)))
            chunk.commit_ids.append(len(chunk.commits) - 1)
            chunk.values.append(result.value)
    chunk.keys = list(ids)
    return chunk


def _merge(whole: _Chunk, chunk: _Chunk, ids: dict[SeriesKey, int], commits: dict[str, int]) -> None:
    key_ids = [ids.setdefault(key, len(ids)) for key in chunk.keys]
    whole.keys.extend(list(ids)[len(whole.keys) :])
    commit_ids = []
    for commit, date in chunk.commits:
        if commit not in commits:
            commits[commit] = len(commits)
            whole.commits.append((commit, date))
        commit_ids.append(commits[commit])
    whole.key_ids.extend(key_ids[index] for index in chunk.key_ids)
    whole.commit_ids.extend(commit_ids[index] for index in chunk.commit_ids)
    whole.values.extend(chunk.values)
    whole.runs.extend(chunk.runs)
    whole.problems.extend(chunk.problems)


def _infos(results: Path, problems: list[str]) -> dict[str, BenchmarkInfo]:
    try:
        return read_benchmarks(results / BENCHMARKS_FILE)
    except InputError as error:
        problems.append(f"{error} (units are missing)")
        return {}


def _series(whole: _Chunk, order: Order, infos: dict[str, BenchmarkInfo]) -> list[Series]:
    """Return the series by key; several values of one commit become their median."""
    place = {commit: index for index, commit in enumerate(order.commits)}
    positions = np.array([place[commit] for commit, _ in whole.commits], dtype=np.intp)
    key_ids = np.array(whole.key_ids, dtype=np.intp)
    at = positions[np.array(whole.commit_ids, dtype=np.intp)]
    values = np.array(whole.values, dtype=np.float64)
    sequence = np.lexsort((at, key_ids))
    key_ids, at, values = key_ids[sequence], at[sequence], values[sequence]
    bounds = np.searchsorted(key_ids, np.arange(len(whole.keys) + 1))
    found = []
    for key, begin, end in zip(whole.keys, bounds, bounds[1:], strict=False):
        places, starts = np.unique(at[begin:end], return_index=True)
        own = values[begin:end]
        if len(places) < len(own):  # a median each is slow, and hardly ever needed
            own = np.array([float(np.median(group)) for group in np.split(own, starts[1:])])
        info = infos.get(key.benchmark.name)
        found.append(Series(key, places, own, info.unit if info else ""))
    return sorted(found, key=lambda series: series.key)
