"""The figures of a release: its stages, its units, and each metric's e-values and interval over time. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from headgate.gates.canary_evidence import CANARY, STABLE
from headgate.model import Direction
from headgate.report.figure import Figure
from headgate.report.rollout_page import LEGEND, across, line_trace, rounded
from headgate.report.wording import count, plain_percent, printable
from headgate.rollout.events import Kind
from headgate.rollout.plan_numbers import percent_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.gates.canary_evidence import Evidence
    from headgate.gates.canary_policy import Metric
    from headgate.report.rollout_looks import Look
    from headgate.rollout.events import Event
    from headgate.rollout.plan import Plan

__all__ = ["MOST_METRICS", "metric_figures", "time_axis", "timeline_figure", "units_figure"]

# Metrics drawn, two figures each; required ones first. The table has them all.
MOST_METRICS = 8
# Decimal logarithms of e-values between which they are drawn: beyond, nothing more is decided.
_DRAWN = (-6.0, 12.0)
_LN10 = math.log(10.0)
_UNITS = ((172_800.0, 86_400.0, "days"), (7_200.0, 3_600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))


def time_axis(longest: float) -> tuple[float, dict[str, Any]]:
    """Return the seconds of the unit that a time axis up to ``longest`` seconds has, and the axis."""
    # A clock that went back since the start gives times before it: order is the ledger's, not the clock's.
    divisor, name = next((divisor, name) for least, divisor, name in _UNITS if max(0.0, longest) >= least)
    return divisor, {"title": {"text": f"{name} since the start"}, "rangemode": "tozero"}


def timeline_figure(plan: Plan, events: Sequence[Event]) -> Figure | None:
    """Return the canary's share over time, with what moved it; None where nothing was started."""
    start = next((event.time for event in events if event.kind == Kind.STARTED), None)
    if start is None:
        return None
    times, shares, marks, share = [], [], [], 0.0
    for event in events:
        before = share
        if event.kind == Kind.STARTED:
            share = plan.stages[0].ppm / 1e4
        elif event.kind == Kind.ADVANCED:
            share = plan.stages[min(int(event.payload["to"]), len(plan.stages) - 1)].ppm / 1e4
        elif event.kind == Kind.HALTED:
            share = 0.0
        if event.kind not in {Kind.EVIDENCE, Kind.REGISTERED}:
            marks.append((event.time - start, share if event.kind != Kind.HALTED else before, event))
        times.append(event.time - start)
        shares.append(share)
    divisor, axis = time_axis(max(times))
    steps = line_trace("share of the canary", [one / divisor for one in times], shares, 0)
    steps["line"]["shape"] = "hv"
    steps["hovertemplate"] = "%{x:.4g}: %{y:.4~g} %<extra></extra>"
    data = [steps]
    for kind, symbol, color in _MARKS:
        some = [(at, y) for at, y, event in marks if event.kind == kind]
        if some:
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": kind.value,
                    "x": [rounded(at / divisor) for at, _ in some],
                    "y": [rounded(y) for _, y in some],
                    "marker": {"symbol": symbol, "size": 11, "color": color},
                    "hovertemplate": f"{kind.value} at %{{x:.4g}}<extra></extra>",
                }
            )
    vertical = {"title": {"text": "units sent to the canary (%)"}, "range": [-4, 108], "ticksuffix": " %"}
    caption = (
        f"Share of all units that the stages send to the canary, by the events' own clock; n = {len(marks)} "
        f"decisions and overrides. Stages: {', '.join(percent_text(stage.ppm) for stage in plan.stages)}."
    )
    layout = {"xaxis": axis, "yaxis": vertical, "legend": LEGEND, "hovermode": "closest"}
    return Figure("timeline", "Stages over time", caption, {"data": data, "layout": layout}, "short")


_MARKS = (
    (Kind.STARTED, "triangle-right", "--blue"),
    (Kind.ADVANCED, "triangle-up", "--green"),
    (Kind.COMPLETED, "star", "--green"),
    (Kind.OVERRIDE, "diamond", "--purple"),
    (Kind.HALTED, "x", "--fail"),
)


def units_figure(plan: Plan, evidence: Evidence) -> Figure | None:
    """Return the units of each arm by stage; None without units."""
    policy = plan.policy
    names = [percent_text(stage.ppm) for stage in plan.stages]
    data = []
    for arm, color, pattern in ((STABLE, "--blue", ""), (CANARY, "--orange", "/")):
        units = [evidence.arm(stage.ppm, arm).units for stage in policy.stages]
        data.append(
            {
                "type": "bar",
                "name": arm,
                "x": names,
                "y": units,
                "marker": {"color": color, "pattern": {"shape": pattern}},
                "hovertemplate": "stage of %{x}: %{y:,} units<extra></extra>",
            }
        )
    total = sum(evidence.arm(stage.ppm, arm).units for stage in policy.stages for arm in (STABLE, CANARY))
    if not total:
        return None
    least = " ".join(f"{percent_text(one.ppm)}: {one.minimum_units:,}." for one in plan.stages)
    caption = (
        "Each unit is counted once, in the stage and arm it first came to; logarithmic. "
        f"n = {count(total, 'unit')}. Least in each arm, by stage: {least}"
    )
    layout = {
        "xaxis": {"title": {"text": "stage"}, "type": "category"},
        "yaxis": {"title": {"text": "units"}, "type": "log"},
        "barmode": "group",
        "legend": LEGEND,
    }
    return Figure("units", "Units by stage and arm", caption, {"data": data, "layout": layout}, "short")


def metric_figures(plan: Plan, looks: Sequence[Look], batches: int) -> tuple[Figure, ...]:
    """Return two figures for each of the first `MOST_METRICS` metrics that have evidence."""
    if not looks:
        return ()
    divisor, axis = time_axis(max(look.seconds for look in looks))
    x = [look.seconds / divisor for look in looks]
    said = f"n = {count(batches, 'batch', 'batches')}"
    said += f", of which {len(looks)} are drawn, evenly chosen." if len(looks) < batches else "."
    metrics = sorted(plan.policy.metrics, key=lambda one: not one.required)[:MOST_METRICS]
    figures: list[Figure] = []
    for place, metric in enumerate(metrics):
        by_look = [next((row for row in look.rows if row.name == metric.name), None) for look in looks]
        if any(row is not None for row in by_look):
            figures.append(_e_values(place, metric, x, axis, by_look, said))
            figures.append(_interval(place, metric, x, axis, by_look, said, plan.alpha))
    return tuple(figures)


def _e_values(
    place: int, metric: Metric, x: list[float], axis: dict[str, Any], rows: Sequence[Any], said: str
) -> Figure:
    def drawn(key: str) -> list[float | None]:
        return [None if row is None else _decimal(getattr(row, key)) for row in rows]

    last = next(row for row in reversed(rows) if row is not None)
    data = [
        line_trace("to pass", x, drawn("log_e_pass"), 0),
        line_trace("to halt, largest so far", x, drawn("log_e_halt"), 1),
        line_trace("to halt, at the time", x, drawn("log_e_now"), 4),
    ]
    for trace in data:
        trace["hovertemplate"] = "%{x:.4g}: 10^%{y:.3~g}<extra></extra>"
    lines = [
        across(last.halt_at / _LN10, "--fail", "dash", f"halts at {math.exp(last.halt_at):.3g}"),
        across(last.pass_at / _LN10, "--pass", "dot", f"passes at {math.exp(last.pass_at):.3g}", left=True),
    ]
    if not metric.required:
        lines = []
    caption = (
        "Decimal logarithm of the e-values after each batch: 0 is no evidence, 1 is ten to one. Valid however often "
        f"one looks. Drawn from 10^{_DRAWN[0]:g} to 10^{_DRAWN[1]:g}. {said}"
    )
    layout = {
        "xaxis": axis,
        "yaxis": {"title": {"text": "e-value, log10"}},
        "legend": LEGEND,
        "shapes": [shape for shape, _ in lines],
        "annotations": [text for _, text in lines],
        "hovermode": "closest",
    }
    title = f"{printable(metric.name)}: evidence to pass and to halt" + ("" if metric.required else " (informative)")
    return Figure(f"evidence-{place}", title, caption, {"data": data, "layout": layout}, "short")


def _interval(
    place: int,
    metric: Metric,
    x: list[float],
    axis: dict[str, Any],
    rows: Sequence[Any],
    said: str,
    alpha: float,
) -> Figure:
    def drawn(key: str) -> list[float | None]:
        return [None if row is None else getattr(row, key) for row in rows]

    band = {"fill": "tonexty", "fillcolor": "--line"}
    data = [
        line_trace("lower bound", x, drawn("lower"), 4),
        line_trace("upper bound", x, drawn("upper"), 4, **band),
        line_trace("canary to stable", x, drawn("ratio"), 0),
    ]
    up = metric.direction is Direction.LOWER
    limits = [_limit(metric.margin if row is None or row.margin is None else row.margin, up=up) for row in rows]
    # The stage's own: an early stage may hold a wider one than the metric's.
    margin = line_trace(f"margin, at last {plain_percent(metric.margin)} worse", x, list(limits), 1)
    margin["line"] = {"color": "--fail", "dash": "dash", "width": 1.5, "shape": "hv"}
    data.append(margin)
    for trace in data:
        trace["hovertemplate"] = "%{x:.4g}: %{y:.4~g}<extra></extra>"
    like_stable, label = across(1.0, "--grey", "dot", "like stable")
    caption = (
        f"Ratio canary to stable of the {metric.kind}; {'lower' if up else 'higher'} is better. Band: bounds that hold "
        f"at all looks together, the one on the side of worse at {plain_percent(1.0 - alpha)} confidence. {said}"
    )
    layout = {
        "xaxis": axis,
        "yaxis": {"title": {"text": "ratio canary to stable"}, **_range(data, limits)},
        "legend": LEGEND,
        "shapes": [like_stable],
        "annotations": [label],
        "hovermode": "closest",
    }
    title = f"{printable(metric.name)}: how the canary compares with stable"
    return Figure(f"ratio-{place}", title, caption, {"data": data, "layout": layout}, "short")


def _limit(margin: float, *, up: bool) -> float:
    """Return the ratio that is worse by ``margin``."""
    return 1.0 + margin if up else 1.0 / (1.0 + margin)


def _range(data: Sequence[dict[str, Any]], limits: Sequence[float]) -> dict[str, Any]:
    """Return a range that shows the estimates and the margins; early bounds, which say little, may leave it."""
    values = [*(value for value in data[2]["y"] if value is not None), *limits, 1.0]
    reach = max(abs(value - 1.0) for value in values)
    ends = [trace["y"][-1] for trace in data[:2] if trace["y"] and trace["y"][-1] is not None]
    reach = max([reach, *(min(abs(end - 1.0), 4.0 * reach) for end in ends)]) * 1.15
    return {"range": [rounded(max(0.0, 1.0 - reach)), rounded(1.0 + reach)]}


def _decimal(log_e: float) -> float:
    return min(max(log_e / _LN10, _DRAWN[0]), _DRAWN[1])
