"""What a user wrote in ``[rollout]``, parsed and checked into a `Plan`.

Messages name the file and the key's path: ``headgate.toml: rollout.segments[1].where.country.gte: ...``.
"""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from headgate.errors import PlanError, UsageError, brief
from headgate.gates.canary_policy import (
    DEFAULT_ALPHA,
    DEFAULT_MINIMUM_UNITS,
    DEFAULT_SAMPLE_RATIO_ALPHA,
    MILLION,
    Metric,
    Stage,
    canary_policy_from_json,
)
from headgate.gates.policy_input import parse_budget, parse_fraction
from headgate.rollout.plan import DEFAULT_LEDGER, PLAN_SCHEMA, Plan
from headgate.rollout.plan_numbers import percent_text, ppm_from_percent, worse_from
from headgate.rollout.segments import Segment, compile_where, parse_segments, unknown_key
from headgate.rollout.segments_tests import TYPES
from headgate.store.policy_file import read_policy_file

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

__all__ = ["plan_from_json", "plan_from_table", "read_plan"]

_TABLE = "rollout"
_KEYS = (
    "name",
    "stages",
    "minimum_units",
    "dwell",
    "sandbox",
    "attributes",
    "segments",
    "metrics",
    "alpha",
    "sample_ratio_alpha",
    "ledger",
    "unit",
)
_STAGE_KEYS = ("percent", "minimum_units", "dwell")
# A user writes margins by stage, as margins = {1 = "100%"}; what is kept is their list.
_METRIC_KEYS = (*(field.name for field in fields(Metric) if field.name != "early_margins"), "margins")
_LONGEST_NAME = 64
# Of a metric's keys, those that say how much worse.
_WORSE = ("margin", "tolerance")


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """Return the plan in the file at ``path``; see `Plan.from_file`."""
    found = read_policy_file(path)
    if _TABLE not in found.document:
        raise PlanError(f"{found.source}: has no [{_TABLE}] table; write the release's plan there")
    return plan_from_table(found.document[_TABLE], found.source)


def plan_from_table(table: object, source: str) -> Plan:
    """Return the plan of a parsed ``[rollout]`` table; see `Plan.from_dict`."""
    where = f"{source}: {_TABLE}"
    if not isinstance(table, dict):
        raise PlanError(f"{where}: expected a table ([{_TABLE}]), got {table!r}")
    for key in table:
        if key not in _KEYS:
            raise unknown_key(where, key, _KEYS)
    try:
        return _plan(table, source, where)
    except PlanError:
        raise
    except UsageError as error:
        raise PlanError(f"{error}") from None


def plan_from_json(data: Mapping[str, Any], source: str) -> Plan:
    """Return the plan written by `Plan.to_json`; see `Plan.from_json`."""
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != PLAN_SCHEMA:
        raise PlanError(
            f'{source}: its schema is {schema!r}, expected "{PLAN_SCHEMA}"; give a plan, or upgrade headgate'
        )
    try:
        keys = ("metrics", "stages", "alpha", "sample_ratio_alpha")
        written = canary_policy_from_json({key: data[key] for key in keys}, source)
        segments = tuple(Segment(**one) for one in data["segments"])
        for segment in segments:
            compile_where(segment.where, f"{source}: {segment.name}", data["attributes"])
        plan = Plan(
            data["name"],
            written.stages,
            written.metrics,
            written.alpha,
            written.sample_ratio_alpha,
            segments,
            dict(data["attributes"]),
            data["sandbox_ppm"],
            unit=data.get("unit", ""),
        )
        _check_sandbox(plan, source)
    except PlanError:
        raise
    except UsageError as error:
        raise PlanError(f"{error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise PlanError(f"{source}: not a plan as headgate writes them; get the file again") from error
    return plan


def _plan(table: dict[str, Any], source: str, where: str) -> Plan:
    name = table.get("name")
    if not isinstance(name, str) or not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise PlanError(
            f'{where}.name: {name!r} will not do: say what is released, as name = "checkout" (1 to 64 characters)'
        )
    attributes = _attributes(table.get("attributes", {}), f"{where}.attributes")
    sandbox = table.get("sandbox", 0)
    stages = _stages(table, source, where)
    plan = Plan(
        name,
        stages,
        _metrics(table.get("metrics", []), stages, source, f"{where}.metrics"),
        _level(table.get("alpha", DEFAULT_ALPHA), source, "alpha"),
        _level(table.get("sample_ratio_alpha", DEFAULT_SAMPLE_RATIO_ALPHA), source, "sample_ratio_alpha"),
        parse_segments(table.get("segments", []), f"{where}.segments", attributes),
        attributes,
        0 if sandbox == 0 and not isinstance(sandbox, bool) else ppm_from_percent(sandbox, f"{where}.sandbox"),
        _ledger(table.get("ledger", DEFAULT_LEDGER), f"{where}.ledger"),
        _unit(table.get("unit", ""), f"{where}.unit"),
    )
    _check_sandbox(plan, f"{where}.sandbox")
    return plan


def _check_sandbox(plan: Plan, where: str) -> None:
    """Check what only the whole can show: that the stages rise, and leave the sandbox its units."""
    live = MILLION - plan.sandbox_ppm
    if live <= 0:
        raise PlanError(f"{where}: {percent_text(plan.sandbox_ppm)} will not do: the sandbox would take all units")
    for stage in plan.stages:
        if live <= stage.ppm < MILLION:
            raise PlanError(
                f"{where}: {percent_text(plan.sandbox_ppm)} will not do: with the stage of {percent_text(stage.ppm)} "
                "it leaves none on stable; make either smaller"
            )
    try:
        _ = plan.policy
    except UsageError as error:
        raise PlanError(f"{where.removesuffix('.sandbox')}: {error}") from None


def _stages(table: dict[str, Any], source: str, where: str) -> tuple[Stage, ...]:
    raw = table.get("stages")
    if not isinstance(raw, list | tuple) or not raw:
        raise PlanError(f"{where}.stages: expected percents, as stages = [1, 5, 25, 50, 100]; got {raw!r}")
    stages = tuple(_stage(one, table, source, f"stages[{index}]") for index, one in enumerate(raw))
    if any(later.ppm <= earlier.ppm for earlier, later in pairwise(stages)):
        shares = ", ".join(percent_text(stage.ppm) for stage in stages)
        raise PlanError(f"{where}.stages: {shares} will not do: each stage must be larger than the one before")
    if stages[0].ppm == MILLION:
        raise PlanError(
            f"{where}.stages: the first stage takes all units, so there is nothing to compare with; begin with less "
            "than 100"
        )
    return stages


def _stage(raw: object, table: dict[str, Any], source: str, key: str) -> Stage:
    own = raw if isinstance(raw, dict) else {"percent": raw}
    for name in own:
        if name not in _STAGE_KEYS:
            raise unknown_key(f"{source}: {_TABLE}.{key}", name, _STAGE_KEYS)
    ppm = ppm_from_percent(own.get("percent"), f"{source}: {_TABLE}.{key}.percent")
    units = own.get("minimum_units", table.get("minimum_units", DEFAULT_MINIMUM_UNITS))
    place = f"{_TABLE}.{key}" if "minimum_units" in own else _TABLE
    if isinstance(units, bool) or not isinstance(units, int) or units < 1:
        raise PlanError(f"{source}: {place}.minimum_units: {units!r} will not do: expected a whole number, 1 or more")
    dwell = own.get("dwell", table.get("dwell", 0))
    place = f"{_TABLE}.{key}" if "dwell" in own else _TABLE
    none = dwell == 0 and not isinstance(dwell, bool)
    return Stage(ppm, units, 0.0 if none else parse_budget(source, f"{place}.dwell", dwell))


def _metrics(raw: object, stages: Sequence[Stage], source: str, where: str) -> tuple[Metric, ...]:
    if not isinstance(raw, list | tuple) or not raw or not all(isinstance(one, dict) for one in raw):
        raise PlanError(
            f"{where}: expected tables, each as [[{_TABLE}.metrics]] with name, kind and margin; got {raw!r}"
        )
    return tuple(_metric(one, stages, source, f"{_TABLE}.metrics[{index}]") for index, one in enumerate(raw))


def _metric(table: dict[str, Any], stages: Sequence[Stage], source: str, key: str) -> Metric:
    values = _metric_values(table, source, key)
    if not isinstance(values.get("required", True), bool):
        raise PlanError(f"{source}: {key}.required: {values['required']!r} will not do: expected true or false")
    if not isinstance(values.get("unit", ""), str):
        raise PlanError(f"{source}: {key}.unit: {values['unit']!r} will not do: expected a text")
    if "margins" in table:
        values["early_margins"] = _early_margins(table["margins"], values["margin"], stages, f"{source}: {key}.margins")
    try:
        return Metric(**values)
    except UsageError as error:
        # As the file has it: its key, and not the metric's name.
        text = str(error)
        own = text.removeprefix(f"metric {values['name']!r}: ")
        raise PlanError(f"{source}: {key}: {text}" if own == text else f"{source}: {key}.{own}") from None


def _metric_values(table: dict[str, Any], source: str, key: str) -> dict[str, Any]:
    """Return a metric's keys as `Metric` takes them, but for the margins by stage."""
    values: dict[str, Any] = {}
    for name, raw in table.items():
        if name not in _METRIC_KEYS:
            raise unknown_key(f"{source}: {key}", name, _METRIC_KEYS)
        if name in _WORSE:
            values[name] = worse_from(raw, f"{source}: {key}.{name}")
        elif name == "quantile" and isinstance(raw, str):
            values[name] = parse_fraction(source, f"{key}.{name}", raw)
        elif name != "margins":
            values[name] = raw
    for name in ("name", "kind", "margin"):
        if name not in values:
            raise PlanError(f"{source}: {key}.{name}: missing; a metric has a name, a kind and a margin")
    return values


def _early_margins(raw: object, margin: float, stages: Sequence[Stage], where: str) -> tuple[float, ...]:
    """Return the margins of the first stages, from a table by the stages' shares in percent."""
    if not isinstance(raw, dict) or not raw:
        raise PlanError(f'{where}: {brief(raw)} will not do: expected margins by stage, as {{1 = "100%", 5 = "50%"}}')
    given: dict[int, float] = {}
    for share, one in raw.items():
        ppm = ppm_from_percent(share, f"{where}.{share}")
        if ppm not in {stage.ppm for stage in stages}:
            known = ", ".join(percent_text(stage.ppm) for stage in stages)
            raise PlanError(f"{where}.{share}: no stage of {percent_text(ppm)}; the stages are {known}")
        given[ppm] = worse_from(one, f"{where}.{share}")
    held = [given.get(stage.ppm, margin) for stage in stages]
    for (before, wide), (after, wider) in pairwise(zip(stages, held, strict=True)):
        if wider > wide:
            raise PlanError(
                f"{where}: {wide:.6g} at {percent_text(before.ppm)}, {wider:.6g} at {percent_text(after.ppm)}: margins "
                "only shrink as the stages grow; a stage left out holds the metric's margin"
            )
    early = held[: next((place for place, one in enumerate(held) if one <= margin), len(held))]
    last = max(place for place, stage in enumerate(stages) if stage.ppm < MILLION or place == 0)
    if min(held) < margin or len(early) > last:
        raise PlanError(
            f"{where}: the last stage that compares, of {percent_text(stages[last].ppm)}, holds the metric's margin "
            f"({margin:.6g}); give wider ones to the stages before it alone"
        )
    return tuple(early)


def _level(raw: object, source: str, key: str) -> float:
    return parse_fraction(source, f"{_TABLE}.{key}", raw)


def _attributes(raw: object, where: str) -> dict[str, str]:
    if not isinstance(raw, dict):
        raise PlanError(f"{where}: expected a table of types, as [rollout.attributes]; got {raw!r}")
    for name, kind in raw.items():
        if kind not in TYPES:
            raise PlanError(f"{where}.{name}: {kind!r} will not do: expected one of {', '.join(TYPES)}")
    return dict(raw)


def _unit(raw: object, where: str) -> str:
    if not isinstance(raw, str) or len(raw) > _LONGEST_NAME or not raw.isprintable():
        raise PlanError(f'{where}: {brief(raw)} will not do: expected what is routed, as "user" or "request"')
    return raw


def _ledger(raw: object, where: str) -> str:
    if not isinstance(raw, str) or not raw or "\0" in raw:
        raise PlanError(f"{where}: {raw!r} will not do: expected a path, as {DEFAULT_LEDGER!r}")
    return raw
