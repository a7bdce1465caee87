"""asv's result files (version 2; `headgate.formats.asv_v1` makes them of version 1) and its benchmarks.json.

In a result file each benchmark is a row zipped with ``result_columns``, trailing nulls dropped; a row's lists follow
``itertools.product`` of its parameters (the last fastest), whose values are the suite's ``repr`` strings. A whole list
null means that every combination failed; an element null, that one failed; an element NaN, that it was skipped or not
selected. ``date`` is the commit's time and ``started_at`` the benchmark's, both in milliseconds. ``profile`` is an
untrusted pickle-like blob: it is never opened. asv keeps the samples of all its processes in one list and not how many
of them each took: there are no groups. Source: asv 0.6.6, asv/results.py (Results.save and Results.load).
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError
from headgate.formats.fields import expect, finite, is_number, malformed, seconds, short, spread, strings, text, whole
from headgate.formats.jsonfile import load
from headgate.formats.saved import Outcome, SavedResult, SavedRun
from headgate.model import BenchmarkId

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["VERSION", "BenchmarkInfo", "describe", "read", "read_benchmarks", "sniff"]

VERSION = 2
# asv's stats_ci_99_a and _b (asv_runner.statistics.compute_stats).
CONFIDENCE = 0.99
# Parameters multiply: a few short lists in a hostile file declare more combinations than memory holds.
MAX_COMBINATIONS = 200_000
MAX_PARAMETERS = 100
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


# What benchmarks are called (a class's prefix, a function's): their kind as benchmarks.json names it, and their unit.
# What is tracked has any unit: only benchmarks.json knows it.
_KINDS = {
    ("Time", "time"): ("time", "seconds"),
    ("Timeraw", "timeraw"): ("time", "seconds"),
    ("Mem", "mem"): ("memory", "bytes"),
    ("PeakMem", "peakmem"): ("peakmemory", "bytes"),
    ("Track", "track"): ("track", ""),
}
_NAMES = {re.compile(rf"(?:{of_class}[A-Z_]|{own}_)."): kind for (of_class, own), kind in _KINDS.items()}


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
        raise malformed(path, "this asv result file", f"has no {', '.join(missing)}")
    columns = [text(column) for column in expect(data["result_columns"], list, path, "result_columns")]
    rows = expect(data["results"], dict, path, "results")
    fields = {name: _fields(name, row, columns, path) for name, row in rows.items()}
    chosen = _combinations(fields, path)
    return SavedRun(
        source=str(path),
        tool="asv",
        commit=text(data["commit_hash"]) or None,
        commit_date=seconds(data.get("date")),
        environment=text(data.get("env_name")),
        results=tuple(result for name, row in fields.items() for result in _results(name, row, chosen[name], path)),
        env_vars=strings(data.get("env_vars")),
        machine=strings(data["params"]),
        python=text(data["python"]),
        requirements=strings(data["requirements"]),
        durations=_durations(fields, expect(data.get("durations") or {}, dict, path, "durations")),
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
    if version == VERSION and is_number(version):
        return
    shown = text(version)[:20] if is_number(version) else f"of type {type(version).__name__}"
    if isinstance(version, int) and version > VERSION:
        raise InputError(
            f"{path}: asv file version {shown} is newer than {VERSION}, which this headgate reads; upgrade headgate"
        )
    raise InputError(f"{path}: asv file version {shown}, headgate reads {VERSION}; convert it with `asv update`")


def _fields(name: str, row: object, columns: Sequence[str], path: Path) -> dict[str, Any]:
    values = expect(row, list, path, f"the row of {short(name)}")
    if len(values) > len(columns):
        raise malformed(path, short(name), f"has {len(values)} columns, the file declares {len(columns)}")
    return dict(zip(columns, values, strict=False))  # trailing nulls are dropped by asv


def _durations(rows: Mapping[str, Mapping[str, Any]], others: Mapping[str, Any]) -> dict[str, float]:
    """Return how long each benchmark took, and what asv timed besides (``<setup_cache ...>``, ``<build>``)."""
    found = {name: finite(row.get("duration")) for name, row in rows.items()}
    found |= {name: finite(value) for name, value in others.items()}
    return {name: value for name, value in found.items() if value is not None}


def _combinations(rows: Mapping[str, Mapping[str, Any]], path: Path) -> dict[str, list[tuple[str, ...]]]:
    """Return each benchmark's choices of parameters, having counted them before making them."""
    params = {name: _params(row.get("params"), name, path) for name, row in rows.items()}
    _check_count(params, path)
    return {name: list(itertools.product(*lists)) for name, lists in params.items()}


def _check_count(params: Mapping[str, Sequence[Sequence[str]]], path: Path) -> None:
    advice = "split the suite, or get the file again if no suite is that large"
    for name, lists in params.items():
        if len(lists) > MAX_PARAMETERS:
            raise InputError(f"{path}: {short(name)} has more than {MAX_PARAMETERS} parameters; {advice}")
    if sum(math.prod(map(len, lists)) for lists in params.values()) > MAX_COMBINATIONS:
        raise InputError(f"{path}: declares more than {MAX_COMBINATIONS:,} combinations of parameters; {advice}")


def _results(name: str, row: Mapping[str, Any], chosen: Sequence[tuple[str, ...]], path: Path) -> Iterator[SavedResult]:
    values = _column(row, "result", len(chosen), name, path)
    samples = _column(row, "samples", len(chosen), name, path)
    lower = _column(row, "stats_ci_99_a", len(chosen), name, path)
    upper = _column(row, "stats_ci_99_b", len(chosen), name, path)
    number = _column(row, "stats_number", len(chosen), name, path)
    count = _column(row, "stats_repeat", len(chosen), name, path)
    version, started = row.get("version"), seconds(row.get("started_at"))
    kind, unit = _kind_of(name)  # until benchmarks.json says so itself
    for index, params in enumerate(chosen):
        outcome, value = _outcome(values[index], name, path)
        measured = outcome is Outcome.MEASURED
        own = _samples(samples[index], name, path) if measured else ()
        yield SavedResult(
            benchmark=BenchmarkId(name, params),
            outcome=outcome,
            value=value,
            samples=own,
            lower=finite(lower[index]) if measured else None,
            upper=finite(upper[index]) if measured else None,
            confidence=CONFIDENCE if measured and finite(lower[index]) is not None else None,
            number=whole(number[index]) if measured else None,
            version=version if isinstance(version, str) else None,
            started_at=started,
            stddev=spread(own),
            count=(len(own) or whole(count[index])) if measured else None,
            kind=kind,
            unit=unit,
        )


def _kind_of(name: str) -> tuple[str, str]:
    """Return a benchmark's kind and unit by its name, as asv's ``name_regex`` does; '' where unknown."""
    own = name.rpartition(".")[2]
    return next((kind for pattern, kind in _NAMES.items() if pattern.match(own)), ("", ""))


def _outcome(value: object, name: str, path: Path) -> tuple[Outcome, float | None]:
    if value is None:
        return Outcome.FAILED, None
    if not is_number(value):
        shown = repr(value[:40]) if isinstance(value, str) else f"of type {type(value).__name__}"
        raise malformed(path, short(name), f"has the value {shown}, expected a number, null or NaN")
    if value != value:  # noqa: PLR0124 - NaN; math.isnan would refuse a whole number of hundreds of digits
        return Outcome.SKIPPED, None
    number = finite(value)
    return (Outcome.FAILED, None) if number is None else (Outcome.MEASURED, number)


def _params(value: object, name: str, path: Path) -> list[tuple[str, ...]]:
    lists = expect(value if value is not None else [], list, path, f"the parameters of {short(name)}")
    return [tuple(text(item) for item in expect(entry, list, path, f"a parameter of {short(name)}")) for entry in lists]


def _column(row: Mapping[str, Any], key: str, length: int, name: str, path: Path) -> list[Any]:
    value = row.get(key)
    if value is None:
        return [None] * length
    values: list[Any] = expect(value, list, path, f"{key} of {short(name)}")
    if len(values) != length:
        raise malformed(path, f"{key} of {short(name)}", f"has {len(values)} entries for {length} combinations")
    return values


def _samples(value: object, name: str, path: Path) -> tuple[float, ...]:
    values = expect(value if value is not None else [], list, path, f"the samples of {short(name)}")
    if any(item is not None and not is_number(item) for item in values):
        raise malformed(path, f"the samples of {short(name)}", "hold something else than numbers")
    return tuple(number for number in map(finite, values) if number is not None)


def _info(name: str, entry: object, path: Path) -> BenchmarkInfo:
    data = expect(entry, dict, path, short(name))
    params = _params(data.get("params"), name, path)
    _check_count({name: params}, path)
    names = expect(data.get("param_names") or [], list, path, f"param_names of {short(name)}")
    return BenchmarkInfo(
        name=name,
        kind=text(data.get("type")),
        unit=text(data.get("unit")),
        param_names=tuple(text(item) for item in names),
        params=tuple(params),
        version=text(data.get("version")),
        rounds=whole(data.get("rounds")) or 1,
    )
