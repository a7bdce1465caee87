"""`headgate release decide`: one decision from the benchmarks' verdict, the canary's evidence, the data's quality."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.cli import ExitCode
from headgate.cli.arguments import time_argument
from headgate.cli.rollout_common import (
    STDOUT,
    add_json_argument,
    add_ledger_argument,
    ledger_path,
    print_lines,
    publish_json,
)
from headgate.errors import HeadgateError, InputError, UsageError
from headgate.gates.canary import CanaryState
from headgate.gates.release import DEFAULT_MAX_AGE, Part, PartState, ReleaseDecision, ReleaseState, decide_parts
from headgate.model import State
from headgate.report.wording import printable
from headgate.store.files import may_exist, read_json, write_atomic

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from headgate.model import Verdict

HELP = "Decide whether a release may go on, from all its evidence: benchmarks, canary, data."
EPILOG = """\
Every part must be there, whole, at most --max-age old, of the same version, and pass; the canary's evidence must pass
in its last stage. Harm in any part stops the release.

exit codes:
  0  pass
  1  stop: a regression, or a halted canary
  2  usage error
  3  inconclusive: a part is missing, too old or undecided
  4  invalid: a part failed, is damaged, or is of another version

examples:
  headgate release decide --benchmarks verdict.json --canary checkout-42
  headgate release decide --benchmarks verdict.json --canary checkout-42 --dataset-quality quality.json --json -
"""
RELEASE_SCHEMA = "headgate.release-decision/1"
_EXIT_CODES = {
    ReleaseState.PASS: ExitCode.PASS,
    ReleaseState.STOP: ExitCode.REGRESSED,
    ReleaseState.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    ReleaseState.INVALID: ExitCode.FAILED,
}
_VERDICTS = {
    State.PASS: PartState.PASS,
    State.REGRESSED: PartState.HARM,
    State.INCONCLUSIVE: PartState.INCONCLUSIVE,
    State.FAILED: PartState.INVALID,
}
_CANARIES = {
    CanaryState.PASS: PartState.PASS,
    CanaryState.HALT: PartState.HARM,
    CanaryState.INCONCLUSIVE: PartState.INCONCLUSIVE,
    CanaryState.INVALID: PartState.INVALID,
}
_HOUR = 3600.0
_DAY = 24.0 * _HOUR


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("action", metavar="ACTION", choices=["decide"], help="decide, the only one there is")
    parser.add_argument("--benchmarks", metavar="FILE", required=True, help="the verdict that `compare --json` wrote")
    parser.add_argument("--canary", metavar="RELEASE", required=True, help="the canary's release, in the ledger")
    add_ledger_argument(parser)
    parser.add_argument("--dataset-quality", metavar="FILE", help="the report of a dataset's quality")
    parser.add_argument(
        "--version", metavar="TEXT", default="", help="what is released: all must say that they are of it"
    )
    parser.add_argument(
        "--max-age",
        metavar="TIME",
        type=time_argument(_HOUR, "7d, or hours"),
        default=DEFAULT_MAX_AGE,
        help=f"how old a part may be (default: {DEFAULT_MAX_AGE / _DAY:g}d; a bare number is hours)",
    )
    add_json_argument(parser)
    parser.add_argument("--markdown", metavar="FILE", help="a summary; - for standard output")


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 -- every command has the same signature
    """Decide; return the exit code."""
    from headgate.rollout.events import check_release

    if args.json == STDOUT == args.markdown:
        raise UsageError("--json and --markdown both write to standard output; give one of them a file")
    check_release(args.canary)
    now = time.time()
    parts = [_benchmarks(args.benchmarks, now), _canary(args, now)]
    if args.dataset_quality is not None:
        parts.append(_quality(args.dataset_quality, now))
    decision = decide_parts(parts, version=args.version, max_age=args.max_age)
    publish_json(args.json, release_to_json(decision), out)
    markdown = release_markdown(decision)
    if args.markdown == STDOUT:
        out.write(markdown)
    elif args.markdown:
        write_atomic(args.markdown, markdown)
    if args.markdown != STDOUT:
        print_lines(args, out, _lines(decision))
    return _EXIT_CODES[decision.state]


def release_to_json(decision: ReleaseDecision) -> dict[str, Any]:
    """Return the decision as plain JSON values (docs/schemas/release-decision-1.schema.json)."""
    parts = [
        {
            "name": one.name,
            "state": one.state.value,
            "reasons": list(one.reasons),
            "version": one.version,
            "age": one.age,
        }
        for one in decision.parts
    ]
    state, reasons = decision.state.value, list(decision.reasons)
    return {"schema": RELEASE_SCHEMA, "state": state, "reasons": reasons, "parts": parts}


def release_markdown(decision: ReleaseDecision) -> str:
    """Return the decision as Markdown; foreign text is shown as it is, and can mark up nothing."""
    rows = [f"| {one.name} | {one.state.value} | {_cell(one.version) or '–'} | {_why(one)} |" for one in decision.parts]  # noqa: RUF001 -- a dash for "none"
    head = ["| part | state | version | why |", "|---|---|---|---|"]
    reasons = [f"- {_cell(reason)}" for reason in decision.reasons]
    return "\n".join([f"**Release: {decision.state.value}**", "", *reasons, "", *head, *rows, ""])


def _why(part: Part) -> str:
    return "; ".join(_cell(reason) for reason in part.reasons)


def _cell(text: str) -> str:
    return "".join(f"\\{one}" if one in "\\`*_{}[]()<>#+!|~@" else one for one in printable(text))


def _lines(decision: ReleaseDecision) -> list[str]:
    lines = [f"release: {decision.state}", *(f"  - {reason}" for reason in decision.reasons)]
    lines += [f"  {part.name}: {part.state}" + (f", {part.version}" if part.version else "") for part in decision.parts]
    return lines


def _benchmarks(path: str, now: float) -> Part:
    from headgate.store.verdict_json import read_verdict

    name = "benchmarks"
    if not may_exist(path):
        return Part(name, PartState.MISSING, (f"{path}: no such file",))
    try:
        verdict = read_verdict(path)
    except InputError as error:
        return Part(name, PartState.INVALID, (str(error),))
    reasons = tuple(verdict.reasons) or ((verdict.state.value,) if verdict.state is not State.PASS else ())
    age = _age(_measured_at(verdict), path, now)
    if verdict.state is State.PASS and not verdict.comparisons:
        return Part(name, PartState.INVALID, ("nothing was compared",), verdict.candidate.commit or "", age)
    return Part(name, _VERDICTS[verdict.state], reasons, verdict.candidate.commit or "", age)


def _canary(args: argparse.Namespace, now: float) -> Part:
    from headgate.rollout.controller import Controller
    from headgate.rollout.events import Kind
    from headgate.rollout.ledger import Ledger

    name, path = "canary", ledger_path(args)
    if not may_exist(path):
        return Part(name, PartState.MISSING, (f"{path}: no such ledger",))
    try:
        with Ledger(path, create=False) as ledger:
            if not ledger.head(args.canary).seq:
                return Part(name, PartState.MISSING, (f"{path}: no release {args.canary!r}",))
            status = Controller(ledger, None, args.canary, clock=lambda: now).status()
            problems = ledger.verify(args.canary)
            # Not of any event: a person's word makes no evidence younger.
            times = [event.time for event in ledger.events(args.canary) if event.kind == Kind.EVIDENCE]
    except HeadgateError as error:
        return Part(name, PartState.INVALID, (str(error),))
    state, decision = status.state, status.decision
    age = now - max(times) if times else None
    if problems:
        return Part(name, PartState.INVALID, tuple(problems), state.version)
    stages = len(state.plan["stages"])
    if decision.state is CanaryState.PASS and state.stage != stages - 1:
        reason = f"passes stage {(state.stage or 0) + 1} of {stages}; the last one decides"
        return Part(name, PartState.INCONCLUSIVE, (reason,), state.version, age)
    return Part(name, _CANARIES[decision.state], decision.reasons, state.version, age)


def _quality(path: str, now: float) -> Part:
    from headgate.datasets.quality_json import quality_from_json

    name = "dataset quality"
    if not may_exist(path):
        return Part(name, PartState.MISSING, (f"{path}: no such file",), versioned=False)
    try:
        report = quality_from_json(read_json(path), path)
    except HeadgateError as error:
        return Part(name, PartState.INVALID, (str(error),), versioned=False)
    reasons = tuple(finding.message for finding in report.findings)
    state = PartState.PASS if report.state == "pass" else PartState.INVALID
    return Part(name, state, reasons, age=_age(None, path, now), versioned=False)


def _measured_at(verdict: Verdict) -> float | None:
    conditions = verdict.hardware.get("conditions")
    written = conditions.get("measured_at") if isinstance(conditions, dict) else None
    try:
        return dt.datetime.fromisoformat(written).timestamp() if isinstance(written, str) else None
    except ValueError:
        return None


def _age(measured: float | None, path: str, now: float) -> float:
    """Return how old a part is; where it does not say, its file: a copy looks younger, never older."""
    return now - (Path(path).stat().st_mtime if measured is None else measured)
