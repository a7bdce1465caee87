"""`headgate rollout simulate`: what a plan does, before it is used."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.arguments import whole_number
from headgate.cli.history_search import usable_cores, watched
from headgate.cli.rollout_common import add_stable_arguments, find_plan, print_lines, print_table, publish_json
from headgate.errors import UsageError
from headgate.rollout.simulate import DEFAULT_SEEDS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from typing import Any, TextIO

    from headgate.rollout.plan import Plan
    from headgate.rollout.simulate import Simulation

__all__ = ["EPILOG", "HELP", "add_arguments", "run"]

HELP = "Simulate thousands of releases of a plan: how often it halts a good canary, passes a bad one, and how soon."
EPILOG = """\
Without --effect: no effect; each required metric worse by exactly its margin; each twice as bad.
Every --effect is one scenario; several metrics in one stand with commas between. Rates are drawn as they are given,
other metrics as lognormal with this scatter (of a quantile: the standard deviation of the logarithms; of a mean: one
unit's standard deviation over the mean), or from the recorded units; each metric independently of the others.
Ctrl-C ends the simulation with what is done so far.

exit codes: 0 done, 2 usage or input error, 130 interrupted

examples:
  headgate rollout simulate headgate.toml --stable errors=2% --stable latency=0.4,scatter=0.5
  headgate rollout simulate headgate.toml --recorded stable.jsonl --traffic 5000/min
  headgate rollout simulate headgate.toml --stable errors=2% --effect errors=x3 --effect errors=+10% --html simulation
"""
DEFAULT_TRAFFIC = "1000/min"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add_stable_arguments(parser)
    parser.add_argument(
        "--traffic", metavar="N/TIME", default=DEFAULT_TRAFFIC, help=f"new units, as 20/s (default: {DEFAULT_TRAFFIC})"
    )
    parser.add_argument("--every", metavar="TIME", default="1m", help="time between looks, at first (default: 1m)")
    parser.add_argument("--for", dest="most", metavar="TIME", default="30d", help="give up after (default: 30d)")
    parser.add_argument(
        "--effect", metavar="NAME=CHANGE", action="append", default=[], help="a scenario: latency=+10%%, errors=x3"
    )
    parser.add_argument(
        "--seeds",
        metavar="N",
        type=whole_number,
        default=DEFAULT_SEEDS,
        help=f"releases a scenario (default: {DEFAULT_SEEDS})",
    )
    parser.add_argument(
        "--seed", metavar="N", type=whole_number, default=0, help="what chance is drawn from (default: 0)"
    )
    parser.add_argument(
        "--json", metavar="FILE", help="the same as JSON; - for standard output, and nothing else there"
    )
    parser.add_argument("--html", metavar="DIR", help="a page with figures (DIR/index.html)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Simulate, print, and write what was asked for."""
    _, plan = find_plan(args.plan)
    with watched(err, quiet=args.quiet) as progress:
        found = _simulated(args, plan, lambda done, total: progress("releases", done, total))
    _publish(found, args, out)
    if found.complete:
        return ExitCode.PASS
    err.write("headgate rollout simulate: interrupted; shown is what was done\n")
    return ExitCode.INTERRUPTED


def _simulated(args: argparse.Namespace, plan: Plan, progress: Callable[[int, int], None]) -> Simulation:
    from headgate.rollout.simulate import simulate
    from headgate.rollout.simulate_input import parse_effects, parse_rate, parse_stable, parse_time
    from headgate.rollout.simulate_traffic import Traffic

    if args.seed < 0:
        raise UsageError(f"--seed: {args.seed} will not do: expected 0 or more")
    traffic = Traffic(
        parse_rate(args.traffic), parse_time("--every", args.every), most_seconds=parse_time("--for", args.most)
    )
    recorded: Mapping[str, Any] = {}
    given = parse_stable(args.stable)
    if args.recorded is not None:
        from headgate.rollout.simulate_input import read_recorded

        recorded = read_recorded(args.recorded, plan)
    unknown = sorted(set(given) - {one.name for one in plan.metrics})
    if unknown:
        known = ", ".join(one.name for one in plan.metrics)
        raise UsageError(f"--stable: {unknown[0]!r} is no metric of the plan; it has: {known}")
    missing = [one.name for one in plan.metrics if one.required and one.name not in given and one.name not in recorded]
    if missing:
        raise UsageError(
            f"nothing says what stable's {missing[0]!r} is like; give --stable {missing[0]}=VALUE, or --recorded FILE"
        )
    source = "; ".join([*args.stable, *([f"recorded in {Path(args.recorded).name}"] if args.recorded else [])])
    return simulate(
        plan,
        traffic,
        {**recorded, **given},
        parse_effects(args.effect),
        seeds=args.seeds,
        seed=args.seed,
        workers=usable_cores(),
        source=source,
        progress=progress,
    )


def _publish(found: Simulation, args: argparse.Namespace, out: TextIO) -> None:
    from headgate.report import rollout_simulation_text as text
    from headgate.rollout.simulate_summary import to_json

    publish_json(args.json, to_json(found), out)
    print_lines(args, out, text.simulation_lines(found))
    for head, rows in (
        (text.SHARE_HEAD, text.share_rows(found)),
        (text.HALT_HEAD, text.halt_rows(found)),
        (text.STAGE_HEAD, text.stage_rows(found)),
    ):
        if rows:
            print_table(args, out, head, rows)
    print_lines(args, out, text.wrong_lines(found))
    if args.html:
        from headgate.report.rollout_html import write_simulation

        print_lines(args, out, [str(write_simulation(Path(args.html), found, _command(args)))])


def _command(args: argparse.Namespace) -> str:
    """Return the command that gives the same simulation again."""
    words = ["headgate", "rollout", "simulate", *([args.plan] if args.plan else [])]
    for option, values in (("--stable", args.stable), ("--effect", args.effect)):
        words += [f"{option}={value}" for value in values]
    words += [f"--recorded={args.recorded}"] if args.recorded else []
    words += [f"--traffic={args.traffic}", f"--every={args.every}", f"--for={args.most}"]
    return shlex.join([*words, f"--seeds={args.seeds}", f"--seed={args.seed}"])
