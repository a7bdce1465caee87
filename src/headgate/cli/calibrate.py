"""``headgate calibrate``: compare a commit with itself, and so learn what this machine can resolve."""

from __future__ import annotations

import datetime as dt
import random
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from headgate.cli import ExitCode
from headgate.cli.compare import load_run_policy, refuse_nothing_common
from headgate.cli.sides import (
    add_side_arguments,
    check_arguments,
    environments_held,
    matrix_warning,
    prepare_sides,
    suite_config,
)
from headgate.cli.streams import say
from headgate.errors import MeasurementError, UsageError

if TYPE_CHECKING:
    import argparse

    from headgate.gates.policy import Policy
    from headgate.gates.resolution import Calibration
    from headgate.measure.measurement import Measurement
    from headgate.measure.session import SideRuntime
    from headgate.measure.suite import Suite

__all__ = ["EPILOG", "HELP", "add_arguments", "merged", "run"]

HELP = """Run the suite against itself (A/A) for the whole budget and report, per benchmark on this machine: the noise
within and between processes, the false alarms found, the slowdown that can be seen, and the margin to recommend. The
result is kept in results/<machine>/calibration.json; compare then warns when a margin is below what the machine
resolves."""

EPILOG = """examples:
  headgate calibrate                         HEAD against itself for ten minutes
  headgate calibrate v1.2.0 --budget 140s --bench 'time_sort'

exit codes: 0 done, 2 usage or input error, 4 nothing could be measured"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("base", metavar="REVISION", nargs="?", default=None, help="what to measure (default: HEAD)")
    parser.add_argument("--margin", metavar="M", help="the margin the false alarms are counted at (default: 5%%)")
    parser.add_argument("--confidence", metavar="C", help="as in compare (default: 0.99)")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only the recommendation")
    parser.add_argument("--no-save", action="store_true", help="do not keep the result")
    add_side_arguments(parser)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Measure A/A, describe, save; 0 whatever the noise."""
    from headgate.measure.hardware import default_machine
    from headgate.measure.suite import discover
    from headgate.report.calibration_text import calibration_text
    from headgate.store.calibration import load_calibration, save_calibration

    if args.base is None and not args.baseline_python:
        args.base = "HEAD"
    args.candidate = args.base
    args.candidate_python = args.candidate_python or args.baseline_python
    policy = load_run_policy(args)
    config = suite_config(args)
    check_arguments(args)
    # Before a budget is spent on what could not be saved.
    before = load_calibration(config.results_dir, default_machine()) if args.bench and not args.no_save else None
    with environments_held(args, config):
        baseline, candidate = prepare_sides(args, config, lambda text: _say(err, text, quiet=args.quiet))
        for warning in matrix_warning(baseline):
            _say(err, f"warning: {warning}", quiet=args.quiet)
        suite = discover(baseline, candidate, regexes=args.bench)
        refuse_nothing_common(suite)
        measurement = measure_against_itself(args, suite, baseline, candidate, policy, err)
    calibration = describe(suite, measurement, policy, baseline)
    out.write(calibration_text(calibration, policy, quiet=args.quiet))
    if measurement.interrupted:
        _say(err, "interrupted: not saved; what is saved is of a whole budget", quiet=False)
        return ExitCode.INTERRUPTED
    if not args.no_save:
        kept = merged(before, calibration)
        _say(err, f"saved {save_calibration(kept, config.results_dir)}", quiet=args.quiet)
    return ExitCode.PASS


def merged(before: Calibration | None, some: Calibration) -> Calibration:
    """Return a calibration of the suite with ``some`` of its benchmarks calibrated anew, on the same machine.

    What had rounds enough keeps them where the new run had not. A round stays as long as it took, and longer by the
    share of ``some`` that ``before`` did not have, so that what a budget resolves is told of all of them.
    """
    from headgate.gates.resolution import LEAST_ROUNDS, known_noise

    if before is None or before.fingerprint != some.fingerprint:
        return some
    known, had = known_noise(before), {one.benchmark for one in before.benchmarks}
    anew = {
        one.benchmark: one
        for one in some.benchmarks
        if one.benchmark not in known or len(one.log_ratios) >= LEAST_ROUNDS
    }
    others = tuple(one for one in before.benchmarks if one.benchmark not in anew)
    added = sum(one.benchmark not in had for one in some.benchmarks) / len(some.benchmarks)
    return replace(
        before,
        seconds_per_round=before.seconds_per_round + added * some.seconds_per_round,
        benchmarks=(*others, *anew.values()),
    )


def measure_against_itself(
    args: argparse.Namespace, suite: Suite, baseline: SideRuntime, candidate: SideRuntime, policy: Policy, err: TextIO
) -> Measurement:
    """Run rounds of every benchmark until the budget is spent: nothing is ever decided here."""
    from headgate.cli.live import watching
    from headgate.measure.comparison import MOST_ROUNDS, wanted
    from headgate.measure.pairs import RoundSettings
    from headgate.measure.rounds import measure_rounds

    specs = wanted(suite.specs, policy)
    everything = [spec.id for spec in specs]
    with watching(len(specs), policy.budget, err, quiet=args.quiet) as observer:
        return measure_rounds(
            specs,
            baseline,
            candidate,
            budget_seconds=policy.budget,
            undecided=lambda _: everything,
            observer=observer,
            rng=random.Random(secrets.randbits(32) if args.seed is None else args.seed),  # noqa: S311 - an order, no secret
            max_rounds=MOST_ROUNDS,
            settings=RoundSettings(pin=args.pin),
            plugins=suite.plugins,
        )


def describe(suite: Suite, measurement: Measurement, policy: Policy, baseline: SideRuntime) -> Calibration:
    """Return what the measurement says of this machine.

    Raises
    ------
    UsageError
        The budget ended before a second round.
    MeasurementError
        Every benchmark failed.
    """
    from headgate.gates.commit import decide, plan_for
    from headgate.gates.resolution import BenchmarkNoise, Calibration
    from headgate.measure.comparison import failure_text
    from headgate.measure.hardware import default_machine, profile_hardware
    from headgate.model import State
    from headgate.stats.noise import noise_of
    from headgate.stats.paired import log_ratio

    failures = {key: failure_text(failure) for key, failure in measurement.failures.items()}
    specs = [spec for spec in suite.specs if len(measurement.rounds.get(spec.id, ())) > 1 and spec.id not in failures]
    comparisons = decide(measurement.rounds, specs, failures, policy, plan_for(policy))
    benchmarks = []
    for spec, comparison in zip(specs, comparisons, strict=True):
        if comparison.state is State.FAILED:
            continue
        rounds = measurement.rounds[spec.id]
        ratios = tuple(log_ratio(round_, spec.direction) for round_ in rounds)
        noise = noise_of(rounds, ratios)
        benchmarks.append(
            BenchmarkNoise(
                str(spec.id), spec.kind, noise.within, noise.between, noise.bias, comparison.state.value, ratios
            )
        )
    if not benchmarks:
        if not failures:
            raise UsageError(
                f"--budget {policy.budget:g}s: too small: it ended before a second round; give more, or fewer "
                "benchmarks with --bench"
            )
        raise MeasurementError(f"nothing could be calibrated: {next(iter(failures.values()))}")
    profile = profile_hardware(default_machine(), plan=None)
    return Calibration(
        machine=profile.machine,
        fingerprint=profile.fingerprint,
        date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        commit=baseline.info.commit or "",
        margin=policy.margin,
        confidence=policy.confidence,
        budget=policy.budget,
        seconds_per_round=(measurement.wall_seconds - measurement.calibration_seconds) / max(1, measurement.rounds_run),
        rounds=measurement.rounds_run,
        false_alarms=sum(one.state is State.REGRESSED for one in comparisons),
        benchmarks=tuple(benchmarks),
    )


def _say(err: TextIO, text: str, *, quiet: bool) -> None:
    if not quiet:
        say(err, f"headgate: {text}")
        err.flush()
