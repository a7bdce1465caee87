"""`headgate verify` of a canary's evidence bundle; `headgate.cli.verify` tells the kinds apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.rollout_common import STDOUT, publish_json
from headgate.errors import InputError, UsageError
from headgate.report.wording import count, printable

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

__all__ = ["is_canary", "run"]


def is_canary(data: bytes) -> bool:
    """Whether a bundle's bytes say that they are a canary's; whether that is true, reading it shows."""
    from headgate.rollout.evidence_bundle import PREDICATE_TYPE

    try:
        statement = json.loads(data)
    except (ValueError, RecursionError):
        return False  # the commit gate's reader says what is wrong with it
    return isinstance(statement, dict) and statement.get("predicateType") == PREDICATE_TYPE


def run(data: bytes, args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Decide again from the bundle's events; return the exit code.

    Raises
    ------
    InputError
        The bundle was changed, or its decision does not follow from its events.
    UsageError
        An output is asked for that a canary's decision does not have.
    """
    from headgate.rollout.decision_json import decision_to_json
    from headgate.rollout.evidence_bundle import evidence_from_bytes, rederive

    for name in ("markdown", "junit", "html"):
        if getattr(args, name, None):
            raise UsageError(
                f"--{name}: {args.file} is a canary's bundle; it has --json (and `headgate rollout report`)"
            )
    evidence = evidence_from_bytes(data, args.file)
    derived = rederive(evidence, args.file)
    if derived.differences:
        listed = "\n  ".join(printable(difference) for difference in derived.differences)
        raise InputError(f"{args.file}: the decision does not follow from the events:\n  {listed}")
    publish_json(args.json, decision_to_json(derived.decision), out)
    if not args.quiet:
        last, facts = evidence.events[-1], evidence.facts
        lines = [
            f"{evidence.release}: {derived.decision.state}",
            *(f"  - {reason}" for reason in derived.decision.reasons),
            f"Verified: {derived.decision.state}, derived again from {count(len(evidence.events), 'event')}, exactly.",
            f"The last event is {last.seq}:{last.hash}.",
        ]
        if not derived.same_code:
            lines.append(f"Decided by another headgate ({facts.get('headgate', 'unknown')}), which decides alike here.")
        (err if args.json == STDOUT else out).writelines(printable(line) + "\n" for line in lines)
    return ExitCode.PASS
