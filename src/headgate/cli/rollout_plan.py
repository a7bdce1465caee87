"""`headgate rollout plan`: what a plan needs, before the first unit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.rollout_common import (
    add_json_argument,
    add_stable_arguments,
    find_plan,
    print_lines,
    print_table,
    publish_json,
)
from headgate.errors import UsageError
from headgate.report.wording import duration, plain_percent
from headgate.rollout.plan_numbers import percent_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from headgate.gates.canary_plan import Assumption
    from headgate.rollout.plan import Plan
    from headgate.rollout.plan_needs import PlanNeeds, StageNeeds

HELP = "Show what a plan needs before the first unit: units and time of each stage, to pass and to halt."
EPILOG = """\
Needs are met in nine releases of ten. Units are live units of both arms; a stage's own are those that it would take if
nothing were known from the stages before. Without --stable or --recorded the plan is checked, and its hash is printed.

exit codes:
  0  the plan is in order
  2  it is wrong, or cannot pass in the time there is

examples:
  headgate rollout plan headgate.toml
  headgate rollout plan headgate.toml --stable errors=2% --stable latency=0.4,scatter=0.5 --traffic 1000/min --for 14d
  headgate rollout plan headgate.toml --recorded stable.jsonl --worse 20% --worse 100%
"""


_STAGES = (">stage", ">share", ">minimum", ">dwell", ">passes after", ">time")
_METRICS = (">stage", "metric", ">margin", ">passes after")
_UNKNOWN = "?"
_NEVER = "never"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add_stable_arguments(parser)
    parser.add_argument("--traffic", metavar="N/TIME", help="new live units, as 1000/min: shows times")
    parser.add_argument("--for", dest="horizon", metavar="TIME", help="the time there is, as 14d; takes --traffic")
    parser.add_argument(
        "--worse",
        metavar="PERCENT",
        action="append",
        default=[],
        help="a slow-down to show the units to halt for (repeatable; default: 50%%, 100%%, 200%%)",
    )
    add_json_argument(parser)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Show the needs; return the exit code."""
    _, plan = find_plan(args.plan)
    needs = _needs(args, plan)
    from headgate.rollout.plan_needs import needs_to_json

    publish_json(args.json, needs_to_json(needs), out)
    print_lines(args, out, _headline(needs))
    print_table(args, out, _STAGES, [_stage(one) for one in needs.stages])
    rows = list(_metrics(needs))
    if rows:
        head = (*_METRICS, *(f">halts if {plain_percent(worse)} worse" for worse in _worse_of(needs)))
        print_table(args, out, head, rows)
    print_lines(args, out, _foot(needs))
    if not needs.refusals:
        return ExitCode.PASS
    print_lines(args, err, ["headgate rollout plan: the plan cannot pass:", *(f"  - {one}" for one in needs.refusals)])
    return ExitCode.USAGE


def _needs(args: argparse.Namespace, plan: Plan) -> PlanNeeds:
    from headgate.gates.canary_plan import DEFAULT_WORSE
    from headgate.rollout.plan_needs import assumed, plan_needs
    from headgate.rollout.simulate_input import parse_rate, parse_stable, parse_time, read_recorded

    if args.horizon is not None and args.traffic is None:
        raise UsageError("--for: needs --traffic, or nobody knows how many units come in that time; give both")
    given: dict[str, Assumption] = {}
    if args.recorded is not None:
        recorded = read_recorded(args.recorded, plan)
        given = {one.name: assumed(one, recorded[one.name]) for one in plan.metrics if one.name in recorded}
    stable = parse_stable(args.stable)
    unknown = sorted(set(stable) - {one.name for one in plan.metrics})
    if unknown:
        known = ", ".join(one.name for one in plan.metrics)
        raise UsageError(f"--stable: {unknown[0]!r} is no metric of the plan; it has: {known}")
    for metric in plan.metrics:
        if metric.kind == "rate" and metric.name in stable and stable[metric.name].value > 1.0:
            raise UsageError(f"--stable: {metric.name}: a rate is at most 1, or 100%; mend it")
    given |= stable
    source = "; ".join([*args.stable, *([f"recorded in {Path(args.recorded).name}"] if args.recorded else [])])
    return plan_needs(
        plan,
        given,
        worse=tuple(_fraction(text) for text in args.worse) or DEFAULT_WORSE,
        units_per_second=None if args.traffic is None else parse_rate(args.traffic),
        horizon_seconds=None if args.horizon is None else parse_time("--for", args.horizon),
        source=source,
    )


def _fraction(text: str) -> float:
    from headgate.rollout.plan_numbers import worse_from

    return worse_from(text, "--worse")


def _headline(needs: PlanNeeds) -> Iterator[str]:
    plan = needs.plan
    shares = ", ".join(percent_text(stage.ppm) for stage in plan.stages)
    required = sum(1 for metric in plan.metrics if metric.required)
    metrics = f"{required} of {len(plan.metrics)} metrics required"
    yield f"{plan.name}: {shares}; {metrics}, alpha {plain_percent(plan.alpha)}"
    yield f"  hash {plan.hash}"
    if needs.source:
        yield f"  stable: {needs.source}"
    if not needs.assumptions:
        yield "  what it needs is not known: say what stable is like, with --stable NAME=VALUE or --recorded FILE"


def _foot(needs: PlanNeeds) -> Iterator[str]:
    if needs.seconds is not None and needs.units_per_second is not None:
        pace = f"{needs.units_per_second * 60.0:,.4g} new units a minute"
        yield f"Nine releases of ten that are like stable take at most {_long(needs.seconds)}, at {pace}."
    yield from (f"Warning: {text}." for text in needs.warnings)


def _stage(one: StageNeeds) -> tuple[str, ...]:
    return (
        str(one.index + 1),
        percent_text(one.ppm),
        f"{one.minimum:,}",
        _long(one.dwell_seconds) if one.dwell_seconds else "",
        _UNKNOWN if one.units is None else _units(one.units),
        _UNKNOWN if one.seconds is None else _long(one.seconds),
    )


def _metrics(needs: PlanNeeds) -> Iterator[tuple[str, ...]]:
    by_name = {metric.name: metric for metric in needs.plan.metrics}
    for stage in needs.stages:
        for row in stage.rows:
            name = row.metric if by_name[row.metric].required else f"{row.metric}, informative"
            halts = (_units(units) for _, units in row.to_halt)
            yield (str(stage.index + 1), name, plain_percent(row.margin), _units(row.to_pass), *halts)


def _worse_of(needs: PlanNeeds) -> Sequence[float]:
    return next([worse for worse, _ in row.to_halt] for stage in needs.stages for row in stage.rows)


def _units(units: int | None) -> str:
    return _NEVER if units is None else f"{float(f'{units:.3g}'):,.0f}"


def _long(seconds: float) -> str:
    days = seconds / 86_400.0
    return f"{days:.3g} days" if days >= 2.0 else duration(seconds)
