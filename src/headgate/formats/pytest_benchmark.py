"""pytest-benchmark's JSON, with every round's data (``--benchmark-json``) or summaries only (``--benchmark-save``).

All benchmarks of a file ran in one process: where there is data, it is one group. Times are seconds per iteration.
A benchmark is its test's id; the part in brackets is its parameters, kept as the one text pytest makes of them: the
values in ``params`` may be objects whose texts differ from run to run. A benchmark that failed is not in the file.
Source: pytest-benchmark 5.3.1, plugin.py (pytest_benchmark_generate_json) and stats.py (Metadata.as_dict); 3.4.1 and
4.0.0 write the same.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from headgate.formats.fields import expect, finite, first, malformed, short, spread, text, timestamp, whole
from headgate.formats.saved import Outcome, SavedResult, SavedRun
from headgate.model import BenchmarkId

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["read", "sniff"]

# What pytest-benchmark writes for a commit it could not find (utils.get_commit_info).
_NO_COMMIT = {"unversioned", "unknown", ""}


def sniff(data: Mapping[str, Any]) -> bool:
    """Say whether this is a file of pytest-benchmark, of any version that has saved a machine."""
    return "benchmarks" in data and ("machine_info" in data or "commit_info" in data)


def read(data: Mapping[str, Any], path: Path) -> SavedRun:
    """Return the run in the parsed file ``data``; ``path`` is for messages.

    Raises
    ------
    InputError
        A missing key, a value of the wrong type, or one benchmark twice.
    """
    machine = expect(data.get("machine_info") or {}, dict, path, "machine_info")
    commit = expect(data.get("commit_info") or {}, dict, path, "commit_info")
    entries = expect(data.get("benchmarks"), list, path, "benchmarks")
    started = timestamp(data.get("datetime"))
    results: dict[BenchmarkId, SavedResult] = {}
    for index, item in enumerate(entries):
        result = _result(expect(item, dict, path, f"benchmarks[{index}]"), f"benchmarks[{index}]", started, path)
        if result.benchmark in results:
            raise malformed(path, short(str(result.benchmark)), "appears twice")
        results[result.benchmark] = result
    version = text(machine.get("python_version"))
    return SavedRun(
        source=str(path),
        tool="pytest-benchmark",
        commit=None if text(commit.get("id")) in _NO_COMMIT else text(commit["id"]),
        commit_date=timestamp(commit.get("time")),
        environment="-".join(filter(None, (text(machine.get("python_implementation")), version))),
        results=tuple(results.values()),
        machine=_machine(machine),
        python=version,
        warnings=("measured with uncommitted changes",) if commit.get("dirty") is True else (),
        dirty=commit.get("dirty") is True,
    )


def _result(entry: Mapping[str, Any], where: str, started: float | None, path: Path) -> SavedResult:
    benchmark = _benchmark(entry, where, path)
    stats = expect(entry.get("stats"), dict, path, f"stats of {short(str(benchmark))}")
    samples = _data(stats, f"data of {short(str(benchmark))}", path)
    value = statistics.median(samples) if samples else finite(stats.get("median"))
    if value is None:
        raise malformed(path, f"stats of {short(str(benchmark))}", "has neither data nor a finite median")
    return SavedResult(
        benchmark=benchmark,
        outcome=Outcome.MEASURED,
        value=value,
        samples=samples,
        number=whole(stats.get("iterations")),
        unit="seconds",
        kind="time",
        started_at=started,
        groups=(samples,) if samples else (),
        stddev=spread(samples) if samples else _deviation(stats),
        count=len(samples) or whole(stats.get("rounds")),
    )


def _benchmark(entry: Mapping[str, Any], where: str, path: Path) -> BenchmarkId:
    name = entry.get("fullname")
    if not isinstance(name, str) or not name:
        raise malformed(path, f"{where}.fullname", "is missing or no text")
    param = entry.get("param")
    if not isinstance(param, str) or not name.endswith(f"[{param}]"):
        return BenchmarkId(name)
    params = entry.get("params")
    # The id joins the values with dashes, which values may hold too: the names are joined likewise, not the id split.
    names = ("-".join(map(str, params)),) if isinstance(params, dict) and params else ("",)
    return BenchmarkId(name[: -len(param) - 2], (param,), names)


def _data(stats: Mapping[str, Any], where: str, path: Path) -> tuple[float, ...]:
    values = expect(stats.get("data") or [], list, path, where)
    samples = tuple(number for number in map(finite, values) if number is not None)
    if len(samples) < len(values):
        raise malformed(path, where, "holds something else than finite numbers")
    return samples


def _deviation(stats: Mapping[str, Any]) -> float | None:
    """Return the standard deviation; of one round pytest-benchmark writes 0, which says nothing of the spread."""
    rounds = whole(stats.get("rounds"))
    found = finite(stats.get("stddev"))
    return found if rounds is not None and rounds > 1 and found is not None and found >= 0 else None


def _machine(info: Mapping[str, Any]) -> dict[str, str]:
    """Return the machine by the names asv gives these facts."""
    given = info.get("cpu")
    cpu: Mapping[str, Any] = given if isinstance(given, dict) else {}
    facts = {
        "machine": text(info.get("node")),
        "arch": text(info.get("machine")),
        "cpu": first(cpu, "brand_raw", "brand") or text(info.get("processor")),
        "num_cpu": text(cpu.get("count")),
        "os": f"{text(info.get('system'))} {text(info.get('release'))}".strip(),
    }
    return {key: value for key, value in facts.items() if value}
