"""``headgate check --baseline A --candidate B``: a verdict from saved results, whoever measured them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from headgate.cli.arguments import add_bench_argument

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from headgate.cli.saved_cases import Pairing
    from headgate.cli.saved_sides import SavedSide
    from headgate.gates.policy import Policy
    from headgate.gates.resolution import Calibration
    from headgate.model import SideInfo, Verdict

__all__ = ["EPILOG", "HELP", "add_arguments", "check", "judge", "machine_warnings", "run"]

HELP = """Decide from results that asv, pytest-benchmark, pyperf or headgate has saved; nothing is measured. What the
files cannot tell (how much two launches of the same program differ) is taken from the machine's calibration or from a
default, so small changes come out inconclusive; `headgate compare` measures what it takes to decide them."""

EPILOG = """A and B are each a FILE; or DIR:COMMIT, a commit's result in an asv results directory; or BUNDLE:baseline or
BUNDLE:candidate, a side of an evidence bundle of headgate's.

examples:
  headgate check --baseline main.json --candidate feature.json
  headgate check --baseline results:1a2b3c4d --candidate results:5e6f7a8b --machine ci
  headgate check --baseline before.json.gz --candidate after.json.gz --margin 10% --markdown verdict.md

exit codes: 0 pass, 1 regressed, 2 usage or input error, 3 inconclusive (if the policy says so), 4 a benchmark failed"""

CALIBRATION = "calibration.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    from headgate.cli.outputs import add_output_arguments

    parser.add_argument("--baseline", metavar="A", required=True, help="the result to compare with")
    parser.add_argument("--candidate", metavar="B", required=True, help="the result in question")
    add_bench_argument(parser)
    parser.add_argument("--margin", metavar="M", help='the slowdown tolerated, as "3%%" or 0.03 (default: 5%%)')
    parser.add_argument("--confidence", metavar="C", help="1 - the error either claim may have (default: 0.99)")
    parser.add_argument(
        "--policy", metavar="FILE", type=Path, help="headgate.toml or pyproject.toml to take policy from"
    )
    parser.add_argument("--machine", metavar="NAME", help="of DIR:COMMIT, the results of this machine")
    parser.add_argument("--environment", "-E", metavar="NAME", help="of DIR:COMMIT, the results of this environment")
    parser.add_argument(
        "--calibration",
        metavar="FILE",
        type=Path,
        help="the machine's calibration.json (default: the one beside the results)",
    )
    parser.add_argument("--any-machine", action="store_true", help="compare results of different machines, and warn")
    parser.add_argument(
        "--any-session",
        action="store_true",
        help="take results of different times for one session: the machine is known to be that steady",
    )
    add_output_arguments(parser, evidence=False)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Read, decide, report; return the exit code."""
    from headgate.cli.outputs import check_outputs, publish
    from headgate.store.policy_file import load_policy

    check_outputs(args)
    options = {"margin": args.margin, "confidence": args.confidence}
    policy = load_policy(Path.cwd(), config=args.policy, options=options)
    verdict, skipped = check(args, policy)
    command = "headgate check " + shlex.join(_repeatable(args))
    return publish(verdict, args, out, err, skipped=dict.fromkeys(skipped, ""), command=command)


def check(args: argparse.Namespace, policy: Policy) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict over two saved results, and the benchmarks that both skipped.

    Raises
    ------
    UsageError, InputError
        A side cannot be found or read, the machines differ, or nothing can be compared.
    """
    from headgate.cli.overwrites import refuse_overwrites, tree_sources
    from headgate.cli.saved_sides import find_two

    baseline, candidate = find_two(args.baseline, args.candidate, machine=args.machine, environment=args.environment)
    for option, side in (("--baseline", baseline), ("--candidate", candidate)):  # as DIR:COMMIT has them
        read = (*side.files, *(tree_sources(side.tree) if side.tree is not None else ()))
        refuse_overwrites(args, [(option, path) for path in read])
    return judge(
        baseline,
        candidate,
        policy,
        calibration=_calibration(args.calibration, baseline, candidate, any_machine=args.any_machine),
        regexes=args.bench,
        any_machine=args.any_machine,
        any_session=args.any_session,
        partial=bool(args.bench),
    )


def judge(  # noqa: PLR0913 - what the user may say of two saved sides
    baseline: SavedSide,
    candidate: SavedSide,
    policy: Policy,
    *,
    calibration: Calibration | None = None,
    regexes: Sequence[str] = (),
    any_machine: bool = False,
    any_session: bool = False,
    partial: bool = False,
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict over two sides that were read, and the benchmarks that both skipped.

    ``partial``: only some of the benchmarks were asked for.

    Raises
    ------
    UsageError, InputError
        The machines differ, or nothing can be compared.
    """
    from headgate.cli.saved_cases import pair_runs, run_warnings
    from headgate.gates.resolution import known_noise, unknown_noise

    warnings = machine_warnings(baseline, candidate, any_machine=any_machine)
    pairing = pair_runs(
        baseline.run,
        candidate.run,
        policy,
        regexes=regexes,
        noise=known_noise(calibration) if calibration else {},
        # One bundle is one run of headgate compare.
        any_session=any_session or baseline.path == candidate.path,
    )
    warnings += run_warnings(baseline.run, candidate.run, pairing, policy)
    short = unknown_noise(calibration, [str(case.benchmark) for case in pairing.cases]) if calibration else ""
    warnings += (short,) if short else ()
    if any_session:
        warnings += ("--any-session: what differs between two sessions on this machine counts as a change",)
    return _verdict(baseline, candidate, pairing, policy, warnings, partial=partial), pairing.skipped


def _verdict(
    baseline: SavedSide,
    candidate: SavedSide,
    pairing: Pairing,
    policy: Policy,
    warnings: tuple[str, ...],
    *,
    partial: bool,
) -> Verdict:
    from headgate.gates.run import decide_run
    from headgate.gates.saved import decide_saved, resolution_note
    from headgate.model import Verdict

    comparisons = decide_saved(pairing.cases, policy)
    decision = decide_run(comparisons, policy, added=pairing.added, removed=pairing.removed, partial=partial)
    note = resolution_note(comparisons)
    # Nothing was measured here, so there is no budget to speak of.
    terms = {key: value for key, value in policy.to_json().items() if key != "budget"}
    return Verdict(
        state=decision.state,
        baseline=_side_info(baseline),
        candidate=_side_info(candidate),
        comparisons=comparisons,
        policy=terms,
        hardware=_hardware(candidate),
        added=pairing.added,
        removed=pairing.removed,
        reasons=decision.reasons,
        warnings=(*decision.warnings, *([note] if note else []), *warnings),
    )


def _side_info(side: SavedSide) -> SideInfo:
    from headgate.model import SideInfo

    return SideInfo(side.requested, side.run.commit, python=side.run.python, environment=side.run.environment)


def _hardware(side: SavedSide) -> dict[str, Any]:
    """Return the little that a result file says of its machine, in the places of a hardware profile."""
    cpu = side.run.machine.get("cpu")
    return {"machine": side.machine} | ({"cpu": {"model": cpu}} if cpu else {}) if side.machine else {}


def machine_warnings(baseline: SavedSide, candidate: SavedSide, *, any_machine: bool) -> tuple[str, ...]:
    """Return the warning that two machines were compared, or nothing; refuse it unless it was asked for."""
    from headgate.cli.saved_cases import machine_difference
    from headgate.errors import UsageError

    difference = machine_difference(baseline.run, candidate.run)
    if not difference:
        return ()
    if not any_machine:
        raise UsageError(f"results of different machines: {difference}; --any-machine compares them all the same")
    return (f"results of different machines ({difference}): what they differ by counts as a change",)


def _calibration(
    given: Path | None, baseline: SavedSide, candidate: SavedSide, *, any_machine: bool
) -> Calibration | None:
    """Return the calibration given, or the one that lies beside a side's results and is of its machine."""
    from headgate.errors import InputError, UsageError
    from headgate.store.calibration import load_calibration

    if given is None:
        for side in (candidate, baseline):
            folder = Path(os.path.realpath(side.path)).parent
            found = load_calibration(folder.parent, folder.name) if (folder / CALIBRATION).is_file() else None
            if found is not None and found.machine == side.machine:
                return found
        return None
    path = Path(os.path.realpath(given))
    found = load_calibration(path.parent.parent, path.parent.name) if path.name == CALIBRATION else None
    if found is None:
        if not path.exists():
            raise InputError(f"--calibration: {given}: no such file; check the path")
        raise InputError(f"--calibration: {given} is not named {CALIBRATION}; give results/<machine>/{CALIBRATION}")
    if candidate.machine and found.machine != candidate.machine and not any_machine:
        raise UsageError(
            f"--calibration: {given} is of {found.machine}, the results are of {candidate.machine}; "
            "--any-machine uses it all the same"
        )
    return found


def _repeatable(args: argparse.Namespace) -> list[str]:
    """Return the arguments that make the same check again."""
    words = ["--baseline", args.baseline, "--candidate", args.candidate]
    for name in ("bench", "margin", "confidence", "policy", "machine", "environment", "calibration"):
        value = getattr(args, name)
        for one in value if isinstance(value, list) else [value]:
            words += [f"--{name}", str(one)] if one is not None else []
    words += [f"--{name.replace('_', '-')}" for name in ("any_machine", "any_session") if getattr(args, name)]
    return words
