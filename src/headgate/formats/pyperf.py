"""pyperf's JSON, plain or gzipped: formats 1.0, 6 and 5, of one benchmark or a suite of them.

Each of a benchmark's runs is a process of its own: its values are a group. Values are per loop, warmups already apart;
a run without values calibrated the loops and measured nothing. A run's metadata lies in the run, in its benchmark
(``metadata``; ``common_metadata`` in format 5) or, from format 6 on, in the suite; the nearest counts. Format 5 calls
the values ``samples``. Dates are local times without a zone, and taken as UTC. Source: pyperf 2.10.0, _bench.py
(BenchmarkSuite, Benchmark and Run, ``_json_load``).
"""

from __future__ import annotations

import statistics
from collections import ChainMap
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError
from headgate.formats.fields import expect, finite, first, malformed, short, spread, text, timestamp, whole
from headgate.formats.saved import Outcome, SavedResult, SavedRun
from headgate.model import BenchmarkId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    # One run's metadata, and its values.
    _ProcessRun = tuple[Mapping[str, Any], tuple[float, ...]]

__all__ = ["VERSIONS", "read", "sniff"]

VERSIONS: tuple[int | str, ...] = (5, 6, "1.0")
# pyperf's units (_formatter.UNIT_FORMATTERS), and what asv calls such a benchmark and its unit. Bytes come from
# --track-memory and --tracemalloc, which take peaks.
_UNITS = {"second": ("time", "seconds"), "byte": ("peakmemory", "bytes"), "integer": ("track", "")}
# pyperf's default (Benchmark.get_unit).
_DEFAULT_UNIT = "second"


def sniff(data: Mapping[str, Any]) -> bool:
    """Say whether this is a file of pyperf, of any version; pytest-benchmark's have benchmarks and a version too."""
    return {"benchmarks", "version"} <= data.keys() and not {"machine_info", "commit_info"} & data.keys()


def read(data: Mapping[str, Any], path: Path) -> SavedRun:
    """Return the run in the parsed file ``data``; ``path`` is for messages.

    Raises
    ------
    InputError
        Another version, a missing key, a value of the wrong type or not above 0, or one benchmark twice.
    """
    version = data["version"]
    if isinstance(version, bool) or not isinstance(version, str | int) or version not in VERSIONS:
        raise InputError(
            f"{path}: pyperf format {text(version)[:20] or type(version).__name__}; headgate reads 5, 6 and 1.0: "
            "save it again with pyperf 1.0 or later, or upgrade headgate if the file is newer"
        )
    suite = expect(data.get("metadata") or {}, dict, path, "metadata") if version != 5 else {}
    entries = expect(data["benchmarks"], list, path, "benchmarks")
    common: Mapping[str, Any] = {}
    results: dict[BenchmarkId, SavedResult] = {}
    durations: dict[str, float] = {}
    for index, entry in enumerate(entries):
        runs = _runs(entry, suite, version, f"benchmarks[{index}]", path)
        result = _result(runs, f"benchmarks[{index}]", path)
        if result.benchmark in results:
            raise malformed(path, short(result.benchmark.name), "appears twice")
        results[result.benchmark] = result
        durations[result.benchmark.name] = sum(finite(meta.get("duration")) or 0.0 for meta, _ in runs)
        common = common or runs[0][0]
    return _run(tuple(results.values()), common, durations, path)


def _run(
    results: tuple[SavedResult, ...], metadata: Mapping[str, Any], durations: Mapping[str, float], path: Path
) -> SavedRun:
    """Return the run; ``metadata`` is its first process's, and pyperf refuses a file whose machines or Pythons mix."""
    python = text(metadata.get("python_version")).partition(" ")[0]
    facts = {"machine": "hostname", "cpu": "cpu_model_name", "num_cpu": "cpu_count", "os": "platform"}
    machine = {key: text(metadata.get(source)) for key, source in facts.items()}
    return SavedRun(
        source=str(path),
        tool="pyperf",
        # Not pyperf's own: pyperformance notes them, and a suite may.
        commit=text(metadata.get("commit_id")) or None,
        commit_date=timestamp(metadata.get("commit_date")),
        environment="-".join(filter(None, (text(metadata.get("python_implementation")), python))),
        results=results,
        machine={key: value for key, value in machine.items() if value},
        python=python,
        durations=dict(durations),
    )


def _runs(entry: object, suite: dict[str, Any], version: object, where: str, path: Path) -> list[_ProcessRun]:
    """Return each run's metadata and values; a calibration's values are empty."""
    data = expect(entry, dict, path, where)
    key, values_key = ("common_metadata", "samples") if version == 5 else ("metadata", "values")
    shared = expect(data.get(key) or {}, dict, path, f"{where}.{key}")
    runs = expect(data.get("runs"), list, path, f"{where}.runs")
    if not runs:
        raise malformed(path, f"{where}.runs", "is empty")
    found: list[_ProcessRun] = []
    for index, item in enumerate(runs):
        place = f"{where}.runs[{index}]"
        run = expect(item, dict, path, place)
        own = expect(run.get("metadata") or {}, dict, path, f"{place}.metadata")
        # Linked, not merged: the shared metadata may be large and the runs many.
        found.append((ChainMap(own, shared, suite), _values(run.get(values_key), f"{place}.{values_key}", path)))
    return found


def _values(value: object, where: str, path: Path) -> tuple[float, ...]:
    given = expect(value or [], list, path, where)
    values = tuple(number for number in map(finite, given) if number is not None and number > 0)
    if len(values) < len(given):
        raise malformed(path, where, "holds something else than finite numbers above 0")
    return values


def _result(runs: Sequence[_ProcessRun], where: str, path: Path) -> SavedResult:
    first_run = runs[0][0]
    name = first_run.get("name")
    if not isinstance(name, str) or not name:
        raise malformed(path, f"{where}.metadata.name", "is missing or no text")
    unit = first(first_run, "unit") or _DEFAULT_UNIT
    if unit not in _UNITS:
        raise malformed(path, f"the unit of {short(name)}", f"is {short(unit)!r}, expected {', '.join(_UNITS)}")
    groups = tuple(values for _, values in runs if values)
    samples = tuple(value for values in groups for value in values)
    numbers = {_loops(metadata) for metadata, values in runs if values}
    started = [date for date in (timestamp(metadata.get("date")) for metadata, _ in runs) if date is not None]
    return SavedResult(
        benchmark=BenchmarkId(name),
        outcome=Outcome.MEASURED if samples else Outcome.FAILED,
        value=statistics.median(samples) if samples else None,
        samples=samples,
        number=numbers.pop() if len(numbers) == 1 else None,
        unit=_UNITS[unit][1],
        kind=_UNITS[unit][0],
        started_at=min(started, default=None),
        groups=groups,
        stddev=spread(samples),
        count=len(samples) or None,
    )


def _loops(metadata: Mapping[str, Any]) -> int:
    return (whole(metadata.get("loops")) or 1) * (whole(metadata.get("inner_loops")) or 1)
