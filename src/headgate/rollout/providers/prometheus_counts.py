"""From Prometheus's cumulative counters to what a release's metrics count. Pure.

A counter cannot tell units apart: what it counts are requests. It is evidence only where the plan says ``unit =
"request"``, that is where each request is routed by itself. Rates come from counters, quantiles from histograms whose
bounds are the plan's thresholds (`buckets`): with coarser ones nobody could say whether a quantile moved by the margin.
A mean's test needs squares, which Prometheus does not keep.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.errors import InputError, UsageError, brief
from headgate.gates.canary_evidence import CANARY, STABLE, grid_of
from headgate.rollout.providers.contract import SKEW_SECONDS
from headgate.rollout.providers.prometheus_text import parse_selector
from headgate.rollout.router_state import Version

if TYPE_CHECKING:
    from headgate.gates.canary_policy import Metric
    from headgate.rollout.providers.contract import Asked
    from headgate.rollout.providers.prometheus_text import Sample, Samples, Selector

__all__ = ["REQUESTS", "UNIT", "Scrape", "Series", "buckets", "scrape_of"]

# What the plan must call its unit.
UNIT = "request"
# The role of the counter of requests; the others are the plan's metrics.
REQUESTS = ""
_INSTANCE = ("job", "instance", "pod")
_STARTED = "process_start_time_seconds"
_LARGEST = 2.0**53
# A bound is printed in decimal and read back; what differs by more is another bound.
_SAME_BOUND = 1e-9


@dataclass(slots=True)
class Series:
    """One series: whose it is, and its cumulative counts: one, or those of a histogram's cells.

    ``last`` is what the interval before counted, ``gone`` whether it was missing then.
    """

    role: str
    arm: str
    instance: str
    values: list[int]
    last: int = 0
    gone: bool = False


@dataclass(slots=True)
class Scrape:
    """What the counters of ``source`` stood at, at a time; ``selectors`` say which, ``started`` when its process did.

    ``now`` is when it was read, by the reader's clock.
    """

    source: str
    time: float
    selectors: dict[str, str]
    series: dict[str, Series] = field(default_factory=dict)
    started: float | None = None
    now: float = 0.0


class _Role(NamedTuple):
    name: str
    selector: Selector
    option: str
    metric: Metric | None


def buckets(metric: Metric) -> tuple[float, ...]:
    """Return the bounds that a histogram needs to be evidence for a quantile; the one of infinity comes by itself."""
    return tuple(float(edge) for edge in grid_of(metric).thresholds())


def scrape_of(samples: Samples, asked: Asked, where: str, time: float | None) -> Scrape:
    """Return what the counters stand at; ``time`` is when, where the samples do not say so themselves.

    Raises
    ------
    UsageError
        The plan's unit is not the request; a metric cannot be had from counters; a selector is none.
    InputError
        A series is missing, of an unknown version, stale, from the future, or no count.
    """
    if asked.plan.unit != UNIT:
        raise UsageError(
            f"{where}: counters count requests and cannot tell units apart, and the plan's unit is "
            f"{asked.plan.unit or 'not said'!r}; where each request is routed by itself, write unit = "
            f'"{UNIT}" into the plan; else send records'
        )
    roles = _roles(asked)
    scrape = Scrape("", 0.0, {role.name: role.selector.text for role in roles}, now=asked.now)
    times: list[float] = []
    for role in roles:
        of_role = _selected(role, samples, where)
        times += [one.time for one in of_role if one.time is not None]
        for key, series in _counted(role, of_role, asked, where).items():
            scrape.series[key] = series
    started = [one.value for one in samples.values if one.name == _STARTED and not one.labels]
    scrape.started = started[0] if started else None
    scrape.time = _checked_time(times, time, asked, where)
    return scrape


def _roles(asked: Asked) -> list[_Role]:
    if not asked.counters.requests:
        raise UsageError("--requests: missing; say which counter counts all requests, as http_requests_total")
    roles = [_Role(REQUESTS, parse_selector(asked.counters.requests, "--requests"), "--requests", None)]
    for name, text in asked.counters.metrics.items():
        metric = asked.plan.policy.metric(name)
        if metric is None:
            known = ", ".join(one.name for one in asked.plan.metrics)
            raise UsageError(f"--metric: {brief(name)} is not in the plan, which has {known}")
        if metric.kind not in {"rate", "quantile"}:
            raise UsageError(f"--metric: {name!r} is a {metric.kind}, which counters cannot tell; send records of it")
        roles.append(_Role(name, parse_selector(text, "--metric"), "--metric", metric))
    return roles


def _selected(role: _Role, samples: Samples, where: str) -> list[Sample]:
    """Return the samples that a role means; a counter that is not there at all is an error, not a count of none."""
    quantile = role.metric is not None and role.metric.kind == "quantile"
    family = role.selector.name.removesuffix("_bucket") if quantile else role.selector.name
    name = f"{family}_bucket" if quantile else family
    kind = samples.types.get(family, samples.types.get(family.removesuffix("_total"), ""))
    due = "histogram" if quantile else "counter"
    if kind not in {"", "untyped", "unknown", due}:
        raise InputError(f"{where}: {family} is a {kind}, and {role.option} needs a {due}; give another one")
    named = [one for one in samples.values if one.name == name]
    if not named and not kind:
        raise InputError(f"{where}: there is no {name}; check {role.option} and the address")
    found = [one for one in named if role.selector.selects(one.labels)]
    if role.name == REQUESTS and not found:
        raise InputError(f"{where}: no series of {role.selector.text}: nothing is no evidence; check {role.option}")
    return found


def _counted(role: _Role, samples: list[Sample], asked: Asked, where: str) -> dict[str, Series]:
    found: dict[str, Series] = {}
    bounds: dict[str, list[tuple[float, int]]] = {}
    for one in samples:
        arm = _arm(one, asked, where)
        if arm == Version.SANDBOX:
            continue
        labels = {key: value for key, value in one.labels.items() if key != "le"}
        key = f"{role.name}\0{one.name}\0{sorted(labels.items())}"
        instance = "\0".join(labels.get(label, "") for label in _INSTANCE)
        series = found.setdefault(key, Series(role.name, arm, instance, []))
        count = _count(one, where)
        if role.metric is not None and role.metric.kind == "quantile":
            bounds.setdefault(key, []).append((_bound(one, where), count))
        else:
            series.values = [count]
    for key, pairs in bounds.items():
        if role.metric is not None:
            found[key].values = _cells(role.metric, sorted(pairs), f"{where}: {role.selector.name}")
    return found


def _arm(one: Sample, asked: Asked, where: str) -> str:
    label = asked.counters.label
    if label not in one.labels:
        raise InputError(f"{where}: {one.name} has no label {label!r}; give the one with the version: --version-label")
    value = one.labels[label]
    arms = {asked.counters.arms.get(arm, arm): arm for arm in (CANARY, STABLE, Version.SANDBOX.value)}
    if value not in arms:
        raise InputError(
            f"{where}: {one.name} has the {label} {brief(value)}, and known are {', '.join(sorted(arms))}; name it "
            "(--arm canary=TEXT --arm stable=TEXT), or leave it out by the selector"
        )
    return arms[value]


def _count(one: Sample, where: str) -> int:
    if not (math.isfinite(one.value) and 0.0 <= one.value < _LARGEST and one.value == int(one.value)):
        raise InputError(f"{where}: {one.name} is {one.value:g}, and a counter is a whole number, 0 or more")
    return int(one.value)


def _bound(one: Sample, where: str) -> float:
    try:
        bound = float(one.labels["le"])
    except (KeyError, ValueError):
        bound = math.nan
    if math.isnan(bound):
        raise InputError(f"{where}: {one.name} has no bound (le); give a histogram")
    return bound


def _cells(metric: Metric, pairs: list[tuple[float, int]], where: str) -> list[int]:
    """Return how many requests are in each cell of the metric's grid, from the histogram's cumulative counts."""
    if not pairs or pairs[-1][0] != math.inf:
        raise InputError(f"{where}: the bucket of infinity is missing; give the whole histogram")
    if any(later[1] < earlier[1] for earlier, later in pairwise(pairs)):
        raise InputError(f"{where}: its counts do not grow with the bounds; give the whole histogram")
    edges = buckets(metric)
    cumulative, place = [], 0
    for edge in edges:
        while pairs[place][0] < edge * (1.0 - _SAME_BOUND):
            place += 1
        if not pairs[place][0] <= edge * (1.0 + _SAME_BOUND):
            raise InputError(
                f"{where}: it has no bound {edge!r}, and needs the plan's {len(edges)} thresholds; make it with "
                "headgate.rollout.providers.prometheus_counts.buckets(metric)"
            )
        cumulative.append(pairs[place][1])
    cumulative.append(pairs[-1][1])
    return [cumulative[0], *(later - earlier for earlier, later in pairwise(cumulative))]


def _checked_time(times: list[float], time: float | None, asked: Asked, where: str) -> float:
    oldest, newest = (min(times), max(times)) if times else (asked.now if time is None else time,) * 2
    if oldest < asked.now - asked.max_age_seconds:
        raise InputError(
            f"{where}: stale: {asked.now - oldest:.0f} s old, {asked.max_age_seconds:g} at most; see that it is written"
        )
    if newest > asked.now + SKEW_SECONDS:
        raise InputError(f"{where}: its time is {newest - asked.now:.0f} s after now; mend the clock")
    return newest


def to_json(scrape: Scrape) -> dict[str, Any]:
    """Return what the ledger keeps of a scrape: what the next one is held against."""
    series = {
        key: {
            "role": one.role,
            "arm": one.arm,
            "instance": one.instance,
            "values": one.values,
            "last": one.last,
            "gone": one.gone,
        }
        for key, one in scrape.series.items()
    }
    return {"time": scrape.time, "started": scrape.started, "selectors": scrape.selectors, "series": series}


def from_json(source: str, data: dict[str, Any]) -> Scrape:
    """Return the scrape that `to_json` made ``data`` of."""
    series = {key: Series(**one) for key, one in data["series"].items()}
    return Scrape(source, data["time"], data["selectors"], series, data["started"])
