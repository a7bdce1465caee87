"""Several saved runs of the same code as one: every file is a process more, and is counted as such. Pure."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from headgate.errors import InputError
from headgate.formats.saved import Outcome, SavedResult, SavedRun

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["pool_runs"]

_Key = tuple[str, tuple[str, ...]]


def pool_runs(runs: Sequence[SavedRun], *, within: float, latest: bool = False) -> SavedRun:
    """Return one run with the results of all: their processes side by side, each file one at least.

    The first run gives commit, machine and environment. A benchmark that failed in one of them failed. Where its
    results began more than ``within`` seconds apart, or at an unknown time, the time of the pooled result is unknown:
    of several sessions no one session can be made. Otherwise it is that of the earliest, or of the ``latest``.

    Raises
    ------
    InputError
        Two runs hold the same measurement, or two results of one benchmark cannot be pooled.
    """
    if len(runs) == 1:
        return runs[0]
    _refuse_copies(runs)
    by_benchmark: dict[_Key, list[tuple[SavedRun, SavedResult]]] = {}
    for run in runs:
        for result in run.results:
            by_benchmark.setdefault((result.benchmark.name, result.benchmark.params), []).append((run, result))
    return replace(
        runs[0],
        source=", ".join(run.source for run in runs),
        results=tuple(_pooled(found, within, latest=latest) for found in by_benchmark.values()),
        warnings=tuple(dict.fromkeys(text for run in runs for text in run.warnings)),
    )


def _refuse_copies(runs: Sequence[SavedRun]) -> None:
    """Refuse a file that was given twice, under whatever names: it is one process, not two."""
    for index, run in enumerate(runs):
        for other in runs[:index]:
            if run.results and run.results == other.results:
                raise InputError(
                    f"{other.source} and {run.source} hold the same measurement: it counts once; "
                    "give a file of each run, and each file once"
                )


def _pooled(found: Sequence[tuple[SavedRun, SavedResult]], within: float, *, latest: bool) -> SavedResult:
    first_run, first = found[0]
    for run, result in found[1:]:
        for what in ("unit", "kind", "version"):
            mine, other = getattr(first, what), getattr(result, what)
            if mine and other and mine != other:
                raise InputError(
                    f"{first_run.source} and {run.source}: the {what} of {first.benchmark} differs "
                    f"({mine} and {other}); give runs of the same benchmarks"
                )
    results = [result for _, result in found]
    bad = [result for result in results if result.outcome is Outcome.FAILED]
    measured = [result for result in results if result.outcome is Outcome.MEASURED and result.value is not None]
    if bad or not measured:
        return (bad or results)[0]
    groups = tuple(group for result in measured for group in _groups(result))
    samples = tuple(sample for group in groups for sample in group)
    return replace(
        measured[0],
        value=median(median(group) for group in groups),
        samples=samples,
        groups=groups,
        lower=None,
        upper=None,
        confidence=None,
        stddev=None,
        count=len(samples),
        started_at=_started(results, within, latest=latest),
    )


def _groups(result: SavedResult) -> tuple[tuple[float, ...], ...]:
    """Return a result's samples by process; one process where the file does not tell, one sample where it kept none."""
    if result.groups:
        return result.groups
    if result.samples:
        return (result.samples,)
    return ((result.value,),) if result.value is not None else ()


def _started(results: Sequence[SavedResult], within: float, *, latest: bool) -> float | None:
    times = [result.started_at for result in results if result.started_at is not None]
    if len(times) < len(results) or max(times) - min(times) > within:
        return None
    return max(times) if latest else min(times)
