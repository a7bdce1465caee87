"""A simulation's page: how often the plan errs, how soon it decides, what the evidence looks like on the way. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from headgate.report.figure import Figure
from headgate.report.rollout_figures import time_axis
from headgate.report.rollout_page import LEGEND, Page, Section, across, drawn_name, line_trace, rounded
from headgate.report.rollout_simulation_text import (
    HALT_HEAD,
    SHARE_HEAD,
    STAGE_HEAD,
    halt_rows,
    said_share,
    share_rows,
    simulation_lines,
    stage_rows,
)
from headgate.report.study_tables import Cell, Table
from headgate.report.wording import count, plain_percent, printable
from headgate.rollout.simulate_release import HALTED
from headgate.rollout.simulate_summary import summaries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.gates.canary_policy import Metric
    from headgate.rollout.simulate import Simulation
    from headgate.rollout.simulate_release import Outcome
    from headgate.rollout.simulate_summary import ScenarioSummary

__all__ = ["simulation_page"]

# Figures of paths: so many scenarios, each with so many metrics.
_MOST_SCENARIOS, _MOST_METRICS = 6, 3
_LN10 = math.log(10.0)
_DRAWN = (-3.0, 6.0)
_MOST_STEPS = 400


def simulation_page(found: Simulation, command: str) -> Page:
    """Return the page of a simulation; ``command`` is what made it."""
    summed = summaries(found)
    figures = [figure for figure in (_detection(found, "seconds"), _detection(found, "canary_units")) if figure]
    sections = [
        Section(
            "ended",
            "How the releases ended",
            "Every release is one draw, decided by the same gate that decides real ones.",
            tables=(
                _wrong_table(found, summed),
                _table("How the simulated releases ended", SHARE_HEAD, share_rows(found)),
            ),
        ),
        Section("detection", "How soon a bad canary is halted", "", tuple(figures), _halts(found)),
        Section(
            "stages", "How long it takes", "Time in each stage, of the releases that passed it.", tables=_stages(found)
        ),
        Section(
            "paths",
            "Some releases on their way",
            "The first releases of each scenario: one line each. A release is halted when its line crosses the line of "
            "halting, and leaves a stage when it crosses that of passing.",
            _paths(found),
        ),
    ]
    lines = [line.strip() for line in simulation_lines(found)]
    return Page(
        title=f"Simulation of the plan {printable(found.plan.name)}",
        lede=_lede(found, summed),
        state="" if found.complete else "stopped early",
        mark="" if found.complete else "inconclusive",
        facts=(("plan", found.plan.hash[:12]), ("seed", str(found.seed)), ("stable", printable(found.source))),
        sections=tuple(section for section in sections if section.figures or section.tables),
        commands=(command,),
        problems=tuple(lines[3:]),
    )


def _lede(found: Simulation, summed: Sequence[ScenarioSummary]) -> str:
    parts = [f"{one.error} in {one.scenario.name}: {said_share(one.wrong)}" for one in summed if one.wrong is not None]
    traffic = f"{found.traffic.units_per_second * 60.0:,.4g} new units a minute"
    worst = f" {parts[0][0].upper()}{parts[0][1:]}." if parts else ""
    return f"{count(found.asked, 'release')} of each of {count(len(summed), 'scenario')}, {traffic}.{worst}"


def _wrong_table(found: Simulation, summed: Sequence[ScenarioSummary]) -> Table:
    rows = []
    for one in summed:
        if one.wrong is not None and one.wrong.of:
            low, high = one.wrong.interval
            rows.append(
                (
                    Cell(printable(one.scenario.name)),
                    Cell(one.error),
                    Cell(plain_percent(round(one.wrong.value, 5)), value=100 * one.wrong.value),
                    Cell(f"{100 * low:.2g} to {100 * high:.2g} %"),
                    Cell(f"{one.wrong.count:,} of {one.wrong.of:,}"),
                    Cell(plain_percent(found.plan.alpha)),
                )
            )
    caption = (
        "Errors of the plan: a halt of a canary that is no worse than tolerated, or a stage passed by one that is "
        "worse by the margin or more; interval: Wilson's, 95 %"
    )
    return Table(caption, ("scenario", "error", "found", "interval", "releases", "promised at most"), tuple(rows))


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    columns = tuple(name.lstrip(">") for name in head)
    return Table(caption, columns, tuple(tuple(Cell(printable(text)) for text in row) for row in rows))


def _halts(found: Simulation) -> tuple[Table, ...]:
    rows = halt_rows(found)
    caption = "From the start to the halt: medians, and the time that nine halts of ten keep to"
    return (_table(caption, HALT_HEAD, rows),) if rows else ()


def _stages(found: Simulation) -> tuple[Table, ...]:
    rows = stage_rows(found)
    caption = "Time in each stage: median, and what nine releases of ten keep to"
    return (_table(caption, STAGE_HEAD, rows),) if rows else ()


def _detection(found: Simulation, what: str) -> Figure | None:
    """Return the share of each scenario's releases that are halted by then; None where none was."""
    by_scenario = [
        sorted(float(getattr(one, what)) for one in outcomes if one.state == HALTED) for outcomes in found.outcomes
    ]
    longest = max((values[-1] for values in by_scenario if values), default=0.0)
    if not longest:
        return None
    divisor, axis = time_axis(longest) if what == "seconds" else (1.0, {"title": {"text": "units on the canary"}})
    data = []
    for look, (scenario, outcomes, values) in enumerate(zip(found.scenarios, found.outcomes, by_scenario, strict=True)):
        if values:
            steps = _steps(values, len(outcomes))
            trace = line_trace(
                drawn_name(scenario.name), [at / divisor for at, _ in steps], [share for _, share in steps], look
            )
            trace["line"]["shape"] = "hv"
            trace["hovertemplate"] = "%{y:.0%} within %{x:.4~g}<extra></extra>"
            data.append(trace)
    title = "Releases halted over time" if what == "seconds" else "Units that met the canary before the halt"
    caption = f"Share of all releases of a scenario that were halted by then; n = {found.asked:,} of each. Logarithmic."
    layout = {
        "xaxis": {**axis, "type": "log", "rangemode": "normal"},
        "yaxis": {"title": {"text": "share halted"}, "tickformat": ".0%", "range": [0, 1.03]},
        "legend": LEGEND,
        "hovermode": "closest",
    }
    return Figure(f"halts-{what.replace('_', '-')}", title, caption, {"data": data, "layout": layout}, "short")


def _steps(values: Sequence[float], of: int) -> list[tuple[float, float]]:
    steps = [(value, (place + 1) / of) for place, value in enumerate(values)]
    kept = steps if len(steps) <= _MOST_STEPS else [*steps[:: math.ceil(len(steps) / _MOST_STEPS)], steps[-1]]
    return [(kept[0][0], 0.0), *kept]


def _paths(found: Simulation) -> tuple[Figure, ...]:
    figures = []
    metrics = [metric for metric in found.plan.policy.metrics if metric.required][:_MOST_METRICS]
    for number, (scenario, outcomes) in enumerate(
        zip(found.scenarios[:_MOST_SCENARIOS], found.outcomes[:_MOST_SCENARIOS], strict=True)
    ):
        shown = [one for one in outcomes if one.path]
        # What a scenario is about: the metrics that differ in it; in one without effect, all.
        about = [one for one in metrics if one.name in scenario.effects] or metrics
        for place, metric in enumerate(about if shown else ()):
            figures.append(_path_figure(found, f"path-{number}-{place}", metric, scenario.name, shown))
    return tuple(figures)


def _path_figure(found: Simulation, name: str, metric: Metric, scenario: str, shown: Sequence[Outcome]) -> Figure:
    longest = max(point.seconds for one in shown for point in one.path)
    divisor, axis = time_axis(longest)
    data: list[dict[str, Any]] = []
    for look, (label, place) in enumerate((("to pass", 1), ("to halt", 0))):
        for number, one in enumerate(shown):
            x = [point.seconds / divisor for point in one.path]
            y = [_decimal(point.log_e[metric.name][place]) for point in one.path]
            more = {"legendgroup": label, "showlegend": number == 0, "opacity": 0.7}
            trace = line_trace(label, x, list(y), look, **more)
            trace["line"]["width"] = 1.5
            trace["hovertemplate"] = f"release {number + 1}: 10^%{{y:.3~g}} at %{{x:.4~g}}<extra></extra>"
            data.append(trace)
    halt_at, pass_at = -math.log(found.plan.policy.halting_level(metric)), -math.log(found.plan.alpha)
    lines = [
        across(halt_at / _LN10, "--fail", "dash", f"halts at {math.exp(halt_at):.3g}"),
        across(pass_at / _LN10, "--pass", "dot", f"passes at {math.exp(pass_at):.3g}", left=True),
    ]
    layout = {
        "xaxis": axis,
        "yaxis": {"title": {"text": "e-value, log10"}},
        "legend": LEGEND,
        "shapes": [shape for shape, _ in lines],
        "annotations": [text for _, text in lines],
        "hovermode": "closest",
    }
    caption = (
        f"Decimal logarithm of the e-values at every look; drawn from 10^{_DRAWN[0]:g} to 10^{_DRAWN[1]:g}. "
        f"n = {count(len(shown), 'release')}, the first of the scenario."
    )
    title = f"{printable(metric.name)}, {printable(scenario)}"
    return Figure(name, title, caption, {"data": data, "layout": layout}, "short")


def _decimal(log_e: float) -> float:
    return rounded(min(max(log_e / _LN10, _DRAWN[0]), _DRAWN[1]))
