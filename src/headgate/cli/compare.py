"""``headgate compare BASE CANDIDATE``: build both, measure them turn about, decide."""

from __future__ import annotations

import secrets
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from headgate.cli.sides import (
    add_side_arguments,
    check_arguments,
    environments_held,
    matrix_warning,
    prepare_sides,
    same_warning,
    state_directory,
    suite_config,
    uncommitted_warning,
)
from headgate.cli.streams import say
from headgate.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from headgate.gates.policy import Policy
    from headgate.measure.comparison import ComparisonRequest, ComparisonResult
    from headgate.measure.environments import SuiteConfig
    from headgate.measure.journal import Journal
    from headgate.measure.suite import Suite

__all__ = ["EPILOG", "HELP", "add_arguments", "run"]

HELP = """Compare two commits (or directories, or interpreters) of any project with an asv suite: both are built side by
side, run interleaved in fresh process pairs, and each benchmark gets one of pass, regressed, inconclusive, failed."""

EPILOG = """examples:
  headgate compare main HEAD
  headgate compare v1.2.0 HEAD --bench 'time_sort' --margin 3% --budget 5m
  headgate compare main HEAD --json verdict.json --markdown verdict.md --html report/
  headgate compare ../stable . --bench suite
  headgate compare -E existing --baseline-python a/bin/python --candidate-python b/bin/python
  headgate compare main HEAD --resume          go on where Ctrl-C (or a small budget) ended

exit codes: 0 pass, 1 regressed, 2 usage or input error, 3 inconclusive (if the policy says so), 4 a benchmark failed,
130 interrupted before it was decided"""

JOURNAL = "journal.jsonl"
EVIDENCE = "evidence.json.gz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    from headgate.cli.outputs import add_output_arguments

    parser.add_argument("base", metavar="BASE", nargs="?", help="baseline: a revision, or a directory (./path)")
    parser.add_argument("candidate", metavar="CANDIDATE", nargs="?", help="candidate: of the same kind")
    parser.add_argument("--margin", metavar="M", help='the slowdown tolerated, as "3%%" or 0.03 (default: 5%%)')
    parser.add_argument("--confidence", metavar="C", help="1 - the error either claim may have (default: 0.99)")
    parser.add_argument("--resume", action="store_true", help="go on with the rounds of the last such comparison")
    add_side_arguments(parser)
    add_output_arguments(parser)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Build, measure, decide, report; return the exit code."""
    from headgate.cli.live import watching
    from headgate.cli.outputs import check_outputs, publish
    from headgate.measure.comparison import compare, wanted

    check_outputs(args)
    policy = load_run_policy(args)
    config = suite_config(args)
    check_arguments(args)
    with environments_held(args, config):
        request = make_request(args, config, policy, err)
        state = state_directory(config, request.baseline, request.candidate)
        total = len(wanted(request.suite.specs, policy))
        with (
            open_journal(request, state, resume=args.resume) as journal,
            watching(total, policy.budget, err, quiet=args.quiet) as observer,
        ):
            result = compare(request, observer=observer, journal=journal)
    # The publisher writes it; without --evidence it is kept beside the journal.
    args.evidence = args.evidence or str(state / EVIDENCE)
    command = "headgate compare " + shlex.join(_repeatable(args))
    skipped = {str(key): why for key, why in result.measurement.skipped.items()}
    if not args.quiet:
        err.write(time_line(result, args.evidence))
    return publish(
        result.verdict,
        args,
        out,
        err,
        evidence=result.evidence,
        skipped=skipped,
        command=command,
        interrupted=result.measurement.interrupted,
    )


def load_run_policy(args: argparse.Namespace) -> Policy:
    """Return the policy: defaults, then the policy file, then the options."""
    from headgate.store.policy_file import load_policy

    options = {key: getattr(args, key, None) for key in ("margin", "confidence", "budget")}
    start = args.config.parent if args.config else Path.cwd()
    return load_policy(start, config=args.policy, options=options)


def make_request(args: argparse.Namespace, config: SuiteConfig, policy: Policy, err: TextIO) -> ComparisonRequest:
    """Return what is to be compared: both sides built, the suite discovered, the machine described."""
    from headgate.measure.comparison import ComparisonRequest
    from headgate.measure.hardware import default_machine, profile_hardware, profile_to_dict
    from headgate.measure.pairs import RoundSettings
    from headgate.measure.suite import discover

    baseline, candidate = prepare_sides(args, config, lambda text: None if args.quiet else _say(err, text))
    suite = discover(baseline, candidate, regexes=args.bench)
    refuse_nothing_common(suite)
    baseline = replace(baseline, own_modules=suite.own_modules)
    hardware = profile_to_dict(profile_hardware(default_machine(), plan=None))
    return ComparisonRequest(
        baseline=baseline,
        candidate=candidate,
        suite=suite,
        policy=policy,
        hardware=hardware,
        settings=RoundSettings(pin=args.pin),
        seed=secrets.randbits(32) if args.seed is None else args.seed,
        partial=bool(args.bench),
        warnings=(
            *same_warning(baseline, candidate),
            *matrix_warning(candidate),
            *uncommitted_warning(config, baseline),
            *broken_warnings(suite),
            *margin_warnings(config, policy, hardware),
        ),
    )


def refuse_nothing_common(suite: Suite) -> None:
    """Refuse a comparison of nothing: it would have no evidence to decide on."""
    if suite.specs:
        return
    gone = ", ".join(suite.removed[:5]) or "none"
    new = ", ".join(suite.added[:5]) or "none"
    raise UsageError(
        f"no benchmark runs on both sides; only the baseline has {gone}, only the candidate has {new}; compare "
        "revisions that share one"
    )


def broken_warnings(suite: Suite) -> tuple[str, ...]:
    """Name the modules of the suite that a side could not import."""
    found: dict[tuple[str, str], list[str]] = {}
    for side, modules in suite.broken.items():
        for module, why in modules.items():
            found.setdefault((module, why), []).append(side)
    # On one side only its benchmarks have failed, which is told of each; those of neither side nobody knows.
    unknown = "; what benchmarks it has is not known, and none is compared (`required` in the policy holds to them)"
    own = "; there the baseline's own copy takes its place, to which this one only adds"
    return tuple(
        f"{module} cannot be imported on either side: {why}{unknown}"
        if len(sides) > 1
        else f"{module} cannot be imported on the {sides[0]} side: {why}{own if module in suite.own_modules else ''}"
        for (module, why), sides in found.items()
    )


def margin_warnings(config: SuiteConfig, policy: Policy, hardware: dict[str, Any]) -> tuple[str, ...]:
    """Warn where the calibration of this machine says that the margin cannot be resolved within the budget."""
    from headgate.gates.resolution import advice
    from headgate.store.calibration import load_calibration

    calibration = load_calibration(config.results_dir, str(hardware["machine"]))
    if calibration is None or calibration.fingerprint != hardware["fingerprint"]:
        return ()
    text = advice(calibration, policy)
    return (text,) if text else ()


def open_journal(request: ComparisonRequest, state: Path, *, resume: bool) -> Journal:
    """Return the journal of this comparison: a new one, or the last one's to go on with."""
    from headgate.measure.comparison import journal_header
    from headgate.measure.journal import Journal
    from headgate.stats.sequential import rounds_needed

    header = journal_header(request)
    if not resume:
        return Journal.create(state / JOURNAL, header)
    return Journal.resume(state / JOURNAL, header, decided_from=rounds_needed(1.0 - request.policy.confidence))


def time_line(result: ComparisonResult, evidence: str) -> str:
    """Say how long it took, how much of it was spent in benchmarked code, and where the evidence lies."""
    measured = result.measurement
    share = measured.inside_seconds / measured.wall_seconds if measured.wall_seconds > 0 else 0.0
    return (
        f"headgate: {measured.rounds_run} rounds in {measured.wall_seconds:.0f} s, "
        f"{share:.0%} of it in benchmarked code; evidence: {evidence}\n"
    )


def _repeatable(args: argparse.Namespace) -> list[str]:
    """Return the arguments that make the same comparison again."""
    words = [word for word in (args.base, args.candidate) if word]
    for name in ("bench", "margin", "budget", "confidence", "config", "policy", "environment", "python"):
        value = getattr(args, name)
        for one in value if isinstance(value, list) else [value]:
            words += [f"--{name}", str(one)] if one is not None else []
    for name in ("baseline_python", "candidate_python"):
        value = getattr(args, name)
        words += ["--" + name.replace("_", "-"), str(value)] if value is not None else []
    return words


def _say(err: TextIO, text: str) -> None:
    say(err, f"headgate: {text}")
    err.flush()
