"""The verdict as JSON, schema ``headgate.verdict/1`` (docs/schemas/verdict-1.schema.json), and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError
from headgate.model import BenchmarkId, Comparison, SideInfo, Verdict
from headgate.store.files import read_json, require_schema, write_json
from headgate.store.records import from_plain, to_plain

if TYPE_CHECKING:
    import os

__all__ = ["VERDICT_SCHEMA", "read_verdict", "verdict_from_json", "verdict_to_json", "write_verdict"]

VERDICT_SCHEMA = "headgate.verdict/1"
_NUMBERS = ("ratio", "lower", "upper", "baseline_median", "candidate_median")


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as plain JSON values, in the order of the schema."""
    plain = to_plain(verdict)
    ordered = ("state", "baseline", "candidate", "policy", "hardware", "wall_seconds", "added", "removed", "reasons")
    return {
        "schema": VERDICT_SCHEMA,
        **{key: plain[key] for key in (*ordered, "warnings")},
        "comparisons": [_comparison_to_json(comparison) for comparison in verdict.comparisons],
    }


def verdict_from_json(data: object, source: str | os.PathLike[str]) -> Verdict:
    """Return the verdict that `verdict_to_json` made ``data`` of; ``source`` is the file, for messages.

    Keys this version does not know are ignored: a schema may grow within its version.

    Raises
    ------
    InputError
        Another schema or a newer one, a missing key, or a value of the wrong type.
    """
    known = set(Verdict.__dataclass_fields__)
    document = {key: value for key, value in require_schema(data, VERDICT_SCHEMA, source).items() if key in known}
    comparisons = document.pop("comparisons", None)
    if not isinstance(comparisons, list):
        raise InputError(f"{source}: comparisons: expected a list; the file is incomplete")
    for side in ("baseline", "candidate"):
        if isinstance(document.get(side), dict):
            document[side] = _only_known(SideInfo, document[side])
    parsed = [_comparison_from_json(item, f"{source}: comparisons[{index}]") for index, item in enumerate(comparisons)]
    return replace(from_plain(Verdict, document | {"comparisons": []}, f"{source}: verdict"), comparisons=tuple(parsed))


def write_verdict(path: str | os.PathLike[str], verdict: Verdict) -> None:
    """Write the verdict to ``path``, atomically.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    write_json(path, verdict_to_json(verdict))


def read_verdict(path: str | os.PathLike[str]) -> Verdict:
    """Return the verdict in ``path``.

    Raises
    ------
    InputError
        The file cannot be read, is not JSON, or is no verdict this version understands.
    """
    return verdict_from_json(read_json(path), path)


def _comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    plain = to_plain(comparison)
    identity = plain.pop("benchmark")
    for key in _NUMBERS:
        plain[key] = None if isinstance(plain[key], str) else plain[key]  # a bound at infinity is no bound
    return {
        "benchmark": identity["name"],
        "params": dict(zip(_labels(comparison.benchmark), comparison.benchmark.params, strict=True)),
        # The mapping is for readers; the lists keep the order, and names that are not unique or not there.
        "param_names": identity["param_names"],
        "param_values": identity["params"],
        **plain,
    }


def _comparison_from_json(data: object, where: str) -> Comparison:
    if not isinstance(data, dict):
        raise InputError(f"{where}: expected an object")
    params = data.get("params", {})
    if not isinstance(params, dict):
        raise InputError(f"{where}.params: expected an object")
    identity = {
        "name": data.get("benchmark"),
        "params": data.get("param_values", list(params.values())),
        "param_names": data.get("param_names", list(params)),
    }
    benchmark = from_plain(BenchmarkId, identity, f"{where}.benchmark")
    if "param_values" in data and dict(zip(_labels(benchmark), benchmark.params, strict=True)) != params:
        raise InputError(f"{where}: params and param_values disagree; the file was edited")
    return from_plain(Comparison, _only_known(Comparison, data) | {"benchmark": identity}, where)


def _labels(benchmark: BenchmarkId) -> list[str]:
    """Return one key per parameter value: its name, made unique; ``param1`` and so on, as asv's, where it has none."""
    labels: list[str] = []
    for index in range(len(benchmark.params)):
        name = benchmark.param_names[index] if index < len(benchmark.param_names) else ""
        label = name or f"param{index + 1}"
        while label in labels:
            label += "'"
        labels.append(label)
    return labels


def _only_known(kind: type, data: dict[str, Any]) -> dict[str, Any]:
    names = kind.__dataclass_fields__  # type: ignore[attr-defined]  # both callers pass a dataclass
    return {key: value for key, value in data.items() if key in names}
