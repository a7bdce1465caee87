"""asv's result files (version 2) and its benchmarks.json (version 2).

In a result file each benchmark is a row zipped with ``result_columns``, trailing nulls dropped; a row's lists follow
``itertools.product`` of its parameters (the last fastest), whose values are the suite's ``repr`` strings. A whole list
null means that every combination failed; an element null, that one failed; an element NaN, that it was skipped or not
selected. ``date`` is the commit's time and ``started_at`` the benchmark's, both in milliseconds. ``profile`` is an
untrusted pickle-like blob: it is never opened. Source: asv 0.6.6, asv/results.py (Results.save and Results.load).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError
from headgate.formats.jsonfile import load
from headgate.formats.saved import Outcome, SavedResult, SavedRun
from headgate.model import BenchmarkId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["VERSION", "BenchmarkInfo", "describe", "read", "read_benchmarks", "sniff"]

VERSION = 2
# asv's stats_ci_99_a and _b (asv_runner.statistics.compute_stats).
CONFIDENCE = 0.99
_REQUIRED = ("commit_hash", "params", "python", "requirements", "result_columns", "results")


@dataclass(frozen=True, slots=True)
class BenchmarkInfo:
    """A benchmark as benchmarks.json declares it; ``params`` are the suite's repr strings, one list per parameter."""

    name: str
    kind: str
    unit: str
    param_names: tuple[str, ...] = ()
    params: tuple[tuple[str, ...], ...] = ()
    version: str = ""
    rounds: int = 1

    def combinations(self) -> list[BenchmarkId]:
        """Return every choice of parameters, in asv's order."""
        return [BenchmarkId(self.name, chosen, self.param_names) for chosen in itertools.product(*self.params)]


def sniff(data: Mapping[str, Any]) -> bool:
    """Say whether this is one of asv's result files, of any version."""
    return "commit_hash" in data and "results" in data and "requirements" in data


def read(data: Mapping[str, Any], path: Path) -> SavedRun:
    """Return the run in the parsed result file ``data``; ``path`` is for messages.

    Raises
    ------
    InputError
        Another version, a missing key, or rows that contradict their own parameters.
    """
    _check_version(data, path)
    missing = [key for key in _REQUIRED if key not in data]
    if missing:
        raise InputError(f"{path}: asv result file without {', '.join(missing)}; was it cut short or edited?")
    columns = [str(column) for column in _expect(data["result_columns"], list, path, "result_columns")]
    rows = _expect(data["results"], dict, path, "results")
    fields = {name: _fields(name, row, columns, path) for name, row in rows.items()}
    durations = {name: float(row["duration"]) for name, row in fields.items() if _is_number(row.get("duration"))}
    others = _expect(data.get("durations") or {}, dict, path, "durations")
    durations |= {key: float(value) for key, value in others.items() if _is_number(value)}
    return SavedRun(
        source=str(path),
        tool="asv",
        commit=None if data["commit_hash"] is None else str(data["commit_hash"]),
        commit_date=_seconds(data.get("date")),
        environment=str(data.get("env_name") or ""),
        results=tuple(result for name, row in fields.items() for result in _results(name, row, path)),
        env_vars=_strings(data.get("env_vars")),
        machine=_strings(data["params"]),
        python=str(data["python"]),
        requirements=_strings(data["requirements"]),
        durations=durations,
    )


def read_benchmarks(path: Path) -> dict[str, BenchmarkInfo]:
    """Return what benchmarks.json says of each benchmark, by name.

    Raises
    ------
    InputError
        The file cannot be read, or has another version or shape.
    """
    data = load(path)
    _check_version(data, path)
    return {name: _info(name, entry, path) for name, entry in data.items() if name != "version"}


def describe(run: SavedRun, benchmarks: Mapping[str, BenchmarkInfo]) -> SavedRun:
    """Return ``run`` with the units, kinds and parameter names of ``benchmarks``, which result files lack."""
    return replace(run, results=tuple(_described(item, benchmarks.get(item.benchmark.name)) for item in run.results))


def _described(item: SavedResult, info: BenchmarkInfo | None) -> SavedResult:
    if info is None:
        return item
    same_arity = len(info.param_names) == len(item.benchmark.params)
    names = info.param_names if same_arity else ()
    return replace(item, benchmark=replace(item.benchmark, param_names=names), unit=info.unit, kind=info.kind)


def _check_version(data: Mapping[str, Any], path: Path) -> None:
    version = data.get("version")
    if version == VERSION:
        return
    if isinstance(version, int) and version > VERSION:
        raise InputError(f"{path}: asv file version {version}; this headgate reads {VERSION}: upgrade headgate")
    raise InputError(f"{path}: asv file version {version}; headgate reads {VERSION}. Run `asv update` to convert it")


def _fields(name: str, row: object, columns: Sequence[str], path: Path) -> dict[str, Any]:
    values = _expect(row, list, path, f"the row of {name}")
    if len(values) > len(columns):
        raise InputError(f"{path}: {name} has {len(values)} columns, the file declares {len(columns)}")
    return dict(zip(columns, values, strict=False))  # trailing nulls are dropped by asv


def _results(name: str, row: Mapping[str, Any], path: Path) -> list[SavedResult]:
    chosen = list(itertools.product(*_params(row.get("params"), name, path)))
    values = _column(row, "result", len(chosen), name, path)
    samples = _column(row, "samples", len(chosen), name, path)
    lower = _column(row, "stats_ci_99_a", len(chosen), name, path)
    upper = _column(row, "stats_ci_99_b", len(chosen), name, path)
    number = _column(row, "stats_number", len(chosen), name, path)
    started = _seconds(row.get("started_at"))
    results = []
    for index, params in enumerate(chosen):
        outcome, value = _outcome(values[index], name, path)
        measured = outcome is Outcome.MEASURED
        results.append(
            SavedResult(
                benchmark=BenchmarkId(name, params),
                outcome=outcome,
                value=value,
                samples=_samples(samples[index], name, path) if measured else (),
                lower=_finite(lower[index]) if measured else None,
                upper=_finite(upper[index]) if measured else None,
                confidence=CONFIDENCE if measured and _finite(lower[index]) is not None else None,
                number=int(number[index]) if measured and _finite(number[index]) is not None else None,
                version=row.get("version"),
                started_at=started,
            )
        )
    return results


def _outcome(value: object, name: str, path: Path) -> tuple[Outcome, float | None]:
    if value is None:
        return Outcome.FAILED, None
    if not _is_number(value):
        raise InputError(f"{path}: {name} has the value {value!r}; a number, null or NaN was expected")
    number = float(value)  # type: ignore[arg-type]  # _is_number has just said so
    if math.isnan(number):
        return Outcome.SKIPPED, None
    return (Outcome.MEASURED, number) if math.isfinite(number) else (Outcome.FAILED, None)


def _params(value: object, name: str, path: Path) -> list[tuple[str, ...]]:
    lists = _expect(value if value is not None else [], list, path, f"the parameters of {name}")
    return [tuple(str(item) for item in _expect(entry, list, path, f"a parameter of {name}")) for entry in lists]


def _column(row: Mapping[str, Any], key: str, length: int, name: str, path: Path) -> list[Any]:
    value = row.get(key)
    if value is None:
        return [None] * length
    values: list[Any] = _expect(value, list, path, f"{key} of {name}")
    if len(values) != length:
        raise InputError(f"{path}: {key} of {name} has {len(values)} entries for {length} combinations of parameters")
    return values


def _samples(value: object, name: str, path: Path) -> tuple[float, ...]:
    values = _expect(value if value is not None else [], list, path, f"the samples of {name}")
    return tuple(float(item) for item in values if _is_number(item) and math.isfinite(item))


def _info(name: str, entry: object, path: Path) -> BenchmarkInfo:
    data = _expect(entry, dict, path, name)
    return BenchmarkInfo(
        name=name,
        kind=str(data.get("type") or ""),
        unit=str(data.get("unit") or ""),
        param_names=tuple(str(item) for item in data.get("param_names") or ()),
        params=tuple(_params(data.get("params"), name, path)),
        version=str(data.get("version") or ""),
        rounds=max(1, int(_finite(data.get("rounds")) or 1)),
    )


def _expect(value: object, kind: type, path: Path, what: str) -> Any:
    if not isinstance(value, kind):
        raise InputError(f"{path}: {what} is a {type(value).__name__}, expected a {kind.__name__}")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(value: object) -> float | None:
    return float(value) if _is_number(value) and math.isfinite(value) else None  # type: ignore[arg-type]  # a number


def _seconds(milliseconds: object) -> float | None:
    number = _finite(milliseconds)
    return None if number is None else number / 1000


def _strings(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(key): "" if item is None else str(item) for key, item in value.items()}
