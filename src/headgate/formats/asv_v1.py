"""asv's result files of version 1 (asv up to 0.4): made version 2 as `asv update` makes them, then read as such.

A benchmark's entry is its value alone, or an object with ``result`` (a value or a list), and perhaps ``samples``,
``stats`` (``ci_99``, ``q_25``, ``q_75``, ``number``, ``repeat``) and ``params``. Times, durations and versions lie
beside ``results``, by benchmark. Source: asv 0.6.6, asv/results.py (Results.update_to_2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.formats import asv
from headgate.formats.fields import expect, short

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headgate.formats.saved import SavedRun

__all__ = ["VERSION", "read", "sniff"]

VERSION = 1
_STATS = ("q_25", "q_75", "number", "repeat")
_COLUMNS = ("result", "params", "version", "started_at", "duration", "samples", "stats_ci_99_a", "stats_ci_99_b")


def sniff(data: Mapping[str, Any]) -> bool:
    """Say whether this is one of asv's result files of version 1."""
    return asv.sniff(data) and type(data.get("version")) is int and data["version"] == VERSION


def read(data: Mapping[str, Any], path: Path) -> SavedRun:
    """Return the run in the parsed result file ``data``; ``path`` is for messages.

    Raises
    ------
    InputError
        A missing key, or entries that contradict their own parameters.
    """
    columns = [*_COLUMNS, *(f"stats_{name}" for name in _STATS)]
    entries = expect(data["results"], dict, path, "results")
    beside = {
        column: expect(data.get(key) or {}, dict, path, key)
        for column, key in (("version", "benchmark_version"), ("started_at", "started_at"), ("duration", "duration"))
    }
    rows = {}
    for name, entry in entries.items():
        row = _row(name, entry, path) | {column: values.get(name) for column, values in beside.items()}
        rows[name] = [row[column] for column in columns]
    others = {key: value for key, value in beside["duration"].items() if key.startswith("<")}
    upgraded = {"result_columns": columns, "results": rows, "durations": others, "version": asv.VERSION}
    return asv.read({**data, **upgraded}, path)


def _row(name: str, entry: object, path: Path) -> dict[str, Any]:
    """Return one benchmark's columns, but those that lie beside the results."""
    if not isinstance(entry, dict):
        entry = {"result": entry}
    listed = isinstance(entry.get("result"), list)
    stats = _listed(entry.get("stats"))
    where = f"the stats of {short(name)}"
    objects = None if stats is None else [expect(item or {}, dict, path, where) for item in stats]
    bounds = None if objects is None else [_bounds(item, where, path) for item in objects]
    row = {
        "result": entry.get("result") if listed else [entry.get("result")],
        "params": entry.get("params") or [],
        "samples": _samples(entry.get("samples"), listed=listed),
        "stats_ci_99_a": None if bounds is None else [lower for lower, _ in bounds],
        "stats_ci_99_b": None if bounds is None else [upper for _, upper in bounds],
    }
    return row | {f"stats_{key}": None if objects is None else [item.get(key) for item in objects] for key in _STATS}


def _listed(value: object) -> list[Any] | None:
    return value if value is None or isinstance(value, list) else [value]


def _samples(value: object, *, listed: bool) -> object:
    """Return one list of samples a combination; an entry of one value may hold its samples without that outer list."""
    if listed or not isinstance(value, list) or any(isinstance(item, list) for item in value):
        return value
    return [value]


def _bounds(stats: Mapping[str, Any], where: str, path: Path) -> tuple[object, object]:
    interval = expect(stats.get("ci_99") or [None, None], list, path, f"ci_99 in {where}")
    return (interval[0], interval[1]) if len(interval) == 2 else (None, None)
