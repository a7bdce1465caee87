"""A simulation for the terminal: lines and tables of texts; the command prints them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.report.study_tables import NOT_MEASURED
from headgate.report.wording import count, duration, plain_percent
from headgate.rollout.plan_numbers import percent_text
from headgate.rollout.simulate_release import HALTED, INVALID, PASSED, UNDECIDED
from headgate.rollout.simulate_summary import CONFIDENCE, summaries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.rollout.simulate import Simulation
    from headgate.rollout.simulate_summary import ScenarioSummary, Share
    from headgate.rollout.simulate_traffic import Traffic

__all__ = [
    "HALT_HEAD",
    "SHARE_HEAD",
    "STAGE_HEAD",
    "halt_rows",
    "said_share",
    "share_rows",
    "simulation_lines",
    "stage_rows",
    "wrong_lines",
]

SHARE_HEAD = ("scenario", ">halted", ">passed", ">undecided", ">invalid", ">releases")
HALT_HEAD = ("to halt", ">time", ">9 of 10 within", ">units", ">of them on the canary", "by")
STAGE_HEAD = ("to pass", ">stage", ">share", ">releases", ">time", ">9 of 10 within")
_MOST_NAMED = 3


def simulation_lines(found: Simulation) -> list[str]:
    """Return what was simulated, on what terms."""
    traffic, done = found.traffic, sum(len(one) for one in found.outcomes)
    pace = f"a look every {duration(traffic.every)}, later every {plain_percent(traffic.growth)} of the stage's time"
    lines = [
        f"{found.plan.name}: {count(done, 'simulated release')}, {found.asked:,} of each scenario; seed {found.seed}",
        f"  {traffic.units_per_second * 60.0:,.4g} new units a minute; {pace}; given up after {_long(traffic)}",
        f"  stable: {found.source}",
    ]
    if not found.complete:
        lines.append("  STOPPED EARLY: what follows is of the releases that were done")
    return lines


def wrong_lines(found: Simulation) -> list[str]:
    """Return how often the plan erred, with intervals, a line for each scenario in which it can."""
    lines = []
    for one in summaries(found):
        if one.wrong is None:
            continue
        what = {"false halt": "false halts"}.get(one.error, "wrong passes")
        promised = f"the plan promises at most {plain_percent(found.plan.alpha)}"
        lines.append(f"{what}, {one.scenario.name}: {said_share(one.wrong)}; {promised}")
    return lines


def said_share(share: Share) -> str:
    """Return a share with its interval: "0.4 % (0.2 to 0.8 %, 95 %), 8 of 2,000"."""
    if not share.of:
        return "no release was simulated"
    low, high = share.interval
    interval = f"{100 * low:.2g} to {_percent(high)}, {plain_percent(CONFIDENCE)} confidence"
    return f"{_percent(share.value)} ({interval}), {share.count:,} of {share.of:,}"


def share_rows(found: Simulation) -> list[tuple[str, ...]]:
    """Return a row for each scenario: how its releases ended."""
    return [
        (
            one.scenario.name,
            *(_percent(one.shares[state].value) for state in (HALTED, PASSED, UNDECIDED, INVALID)),
            f"{one.advanced.of:,}",
        )
        for one in summaries(found)
        if one.advanced.of
    ]


def halt_rows(found: Simulation) -> list[tuple[str, ...]]:
    """Return, for each scenario with halts, how soon: the median, and what nine halts of ten keep to."""
    return [
        (
            one.scenario.name,
            duration(one.seconds[1]),
            duration(one.seconds[2]),
            f"{one.units[1]:,.0f}",
            f"{one.canary_units[1]:,.0f}",
            _halted_by(one),
        )
        for one in summaries(found)
        if one.seconds
    ]


def stage_rows(found: Simulation) -> list[tuple[str, ...]]:
    """Return how long each stage took the releases that passed it."""
    stages = found.plan.stages
    return [
        (
            one.scenario.name,
            str(stage.stage + 1),
            percent_text(stages[stage.stage].ppm),
            f"{stage.passed:,}",
            duration(stage.seconds[1]),
            duration(stage.seconds[2]),
        )
        for one in summaries(found)
        for stage in one.stages
    ]


def _halted_by(one: ScenarioSummary) -> str:
    named: Sequence[tuple[str, int]] = one.halted_by[:_MOST_NAMED]
    return "; ".join(f"{name} ({amount:,})" for name, amount in named)


def _long(traffic: Traffic) -> str:
    days = traffic.most_seconds / 86_400.0
    return f"{days:g} days" if days >= 2.0 else duration(traffic.most_seconds)


def _percent(value: float) -> str:
    if value != value:  # noqa: PLR0124 -- NaN: a share of nothing
        return NOT_MEASURED
    return plain_percent(float(f"{value:.2g}") if value < 0.1 else round(value, 3))
