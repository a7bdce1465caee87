"""headgate's own files. What `headgate bench` saves is asv's format; an evidence bundle holds two runs, one a side.

Here a bundle is read as any saved result is: its types are checked, its seal is not (`headgate verify` does that). Each
round is a fresh process a side: its samples are a group. Source: headgate.store.bundle, ``headgate.evidence/1``.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, NoReturn

from headgate.errors import InputError
from headgate.formats.fields import expect, finite, malformed, short, spread, strings, text, whole
from headgate.formats.jsonfile import load
from headgate.formats.saved import Outcome, SavedResult, SavedRun
from headgate.model import BenchmarkId, Direction, Side

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["EVIDENCE", "read", "read_sides", "sniff"]

EVIDENCE = "headgate.evidence/1"
_PREFIX = "headgate."


def sniff(data: Mapping[str, Any]) -> bool:
    """Say whether this is one of headgate's own files, whatever it holds."""
    return _schema(data).startswith(_PREFIX)


def read(data: Mapping[str, Any], path: Path) -> NoReturn:
    """Refuse: none of headgate's own schemas is one run; the message says which command takes the file.

    Raises
    ------
    InputError
        Always.
    """
    schema = _schema(data)
    if schema.startswith("headgate.evidence/"):
        raise InputError(
            f"{path}: an evidence bundle holds two runs and their verdict, not one run; check it with `headgate verify`"
        )
    if schema.startswith("headgate.verdict/"):
        raise InputError(
            f"{path}: a verdict holds no samples; give the results it was made from, "
            "or check its evidence bundle with `headgate verify`"
        )
    raise InputError(f"{path}: a {short(schema)} file holds no benchmark results; give a result file")


def read_sides(path: Path) -> tuple[SavedRun, SavedRun]:
    """Return the baseline and the candidate of the evidence bundle ``path``.

    Raises
    ------
    InputError
        The file cannot be read, or is no such bundle.
    """
    data = load(path)
    if _schema(data) != EVIDENCE:
        found = short(_schema(data)) or "a file without a schema"
        raise InputError(f"{path}: {found}, expected {EVIDENCE}; give the file that --evidence wrote")
    parts = expect(data["predicate"].get("parts"), dict, path, "parts")
    return _side(parts, Side.BASELINE, path), _side(parts, Side.CANDIDATE, path)


def _schema(data: Mapping[str, Any]) -> str:
    predicate = data.get("predicate")
    schema = predicate.get("schema") if isinstance(predicate, dict) else data.get("schema")
    return schema if isinstance(schema, str) else ""


def _side(parts: Mapping[str, Any], side: Side, path: Path) -> SavedRun:
    verdict = expect(parts.get("verdict"), dict, path, "verdict")
    info = expect(verdict.get(side.value), dict, path, f"verdict.{side.value}")
    specs = _specs(parts, path)
    results = []
    failed = {}
    for index, item in enumerate(expect(parts.get("failures"), list, path, "failures")):
        where = f"failures[{index}]"
        benchmark = _benchmark(expect(item, dict, path, where).get("benchmark"), f"{where}.benchmark", path)
        # Also where some rounds were measured before: those are kept for inspection, and not for a verdict.
        failed[benchmark] = SavedResult(benchmark, Outcome.FAILED)
    for index, item in enumerate(expect(parts.get("samples"), list, path, "samples")):
        entry = expect(item, dict, path, f"samples[{index}]")
        benchmark = _benchmark(entry.get("benchmark"), f"samples[{index}].benchmark", path)
        if benchmark not in failed:
            results.append(_result(benchmark, entry.get("rounds"), specs.get(benchmark, {}), side, path))
    results += failed.values()
    return SavedRun(
        source=str(path),
        tool="headgate",
        commit=text(info.get("commit")) or None,
        commit_date=None,
        environment=text(info.get("environment")),
        results=tuple(results),
        machine=_machine(verdict.get("hardware")),
        python=text(info.get("python")),
        warnings=("the bundle's seal was not checked here; `headgate verify` checks it",),
    )


def _specs(parts: Mapping[str, Any], path: Path) -> dict[BenchmarkId, Mapping[str, Any]]:
    specs = {}
    for index, item in enumerate(expect(parts.get("benchmarks"), list, path, "benchmarks")):
        spec = expect(item, dict, path, f"benchmarks[{index}]")
        specs[_benchmark(spec.get("id"), f"benchmarks[{index}].id", path)] = spec
    return specs


def _benchmark(value: object, where: str, path: Path) -> BenchmarkId:
    data = expect(value, dict, path, where)
    name = data.get("name")
    if not isinstance(name, str) or not name:
        raise malformed(path, f"{where}.name", "is missing or no text")
    params = expect(data.get("params") or [], list, path, f"{where}.params")
    names = expect(data.get("param_names") or [], list, path, f"{where}.param_names")
    return BenchmarkId(name, tuple(map(text, params)), tuple(map(text, names)))


def _result(benchmark: BenchmarkId, rounds: object, spec: Mapping[str, Any], side: Side, path: Path) -> SavedResult:
    where = f"the rounds of {short(str(benchmark))}"
    given = [expect(item, dict, path, where) for item in expect(rounds, list, path, where)]
    groups = tuple(filter(None, (_samples(item.get(side.value), where, path) for item in given)))
    samples = tuple(sample for group in groups for sample in group)
    numbers = {whole(item.get("number")) for item in given}
    return SavedResult(
        benchmark=benchmark,
        outcome=Outcome.MEASURED if samples else Outcome.FAILED,
        value=statistics.median(samples) if samples else None,
        samples=samples,
        number=numbers.pop() if len(numbers) == 1 else None,
        unit=text(spec.get("unit")),
        kind=text(spec.get("kind")),
        version=text(spec.get("version")) or None,
        groups=groups,
        stddev=spread(samples),
        count=len(samples) or None,
        direction=next((one for one in Direction if one == spec.get("direction")), None),
    )


def _samples(value: object, where: str, path: Path) -> tuple[float, ...]:
    values = expect(value or [], list, path, where)
    samples = tuple(number for number in map(finite, values) if number is not None)
    if len(samples) < len(values):
        raise malformed(path, where, "hold something else than finite numbers")
    return samples


def _machine(hardware: object) -> dict[str, str]:
    """Return the machine by the names asv gives these facts."""
    facts: Mapping[str, Any] = hardware if isinstance(hardware, dict) else {}
    inner = {key: value if isinstance(value, dict) else {} for key, value in facts.items()}
    found = {
        "machine": facts.get("machine"),
        "arch": inner.get("cpu", {}).get("architecture"),
        "cpu": inner.get("cpu", {}).get("model"),
        "num_cpu": inner.get("cpu", {}).get("logical_cores"),
        "os": inner.get("platform", {}).get("os"),
        "fingerprint": facts.get("fingerprint"),
    }
    return {key: value for key, value in strings(found).items() if value}
