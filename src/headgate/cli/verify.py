"""`headgate verify`: derive a verdict again from its evidence bundle, offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli import verify_canary as canary_bundle
from headgate.cli.outputs import add_output_arguments, check_outputs, publish
from headgate.errors import InputError
from headgate.gates.commit import decide
from headgate.report.wording import count, printable
from headgate.store.bundle import evidence_from_bytes, rederive
from headgate.store.packing import read_bounded, unpack

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

HELP = """\
Derive a verdict or a canary's decision again from its evidence bundle, and compare it with the recorded one; needs no
network."""
EPILOG = """\
exit codes:
  0  the bundle is whole and its verdict follows from its samples, whatever the verdict says
  2  usage error, or the file is damaged, was changed, or its verdict does not follow from its samples

examples:
  headgate compare main HEAD --evidence evidence.json.gz
  headgate verify evidence.json.gz
  headgate verify evidence.json.gz --html report      the same reports, from the bundle alone
  headgate rollout status checkout-42 --evidence canary.json.gz
  headgate verify canary.json.gz
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "file", metavar="FILE", help="the bundle that `compare` or `rollout status` wrote with --evidence"
    )
    add_output_arguments(parser, evidence=False, step_summary=False)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Verify a bundle; return the exit code.

    Raises
    ------
    InputError
        The bundle cannot be read, was changed, or its verdict does not follow from its samples.
    """
    check_outputs(args)
    data = unpack(read_bounded(args.file), args.file)
    if canary_bundle.is_canary(data):
        return canary_bundle.run(data, args, out, err)
    evidence = evidence_from_bytes(data, args.file)
    derived, differences = rederive(evidence, decide)
    if differences:
        listed = "\n  ".join(printable(difference) for difference in differences)
        raise InputError(f"{args.file}: the verdict does not follow from the samples:\n  {listed}")
    publish(derived, args, out, err, evidence=evidence)
    if not args.quiet:
        total = sum(len(rounds) for rounds in evidence.rounds.values())
        versions = ", ".join(f"{name} {version}" for name, version in sorted(evidence.versions.items()))
        says = f"Verified: {derived.state.value}, derived again from {count(total, 'round')} of samples, bit for bit."
        measured = f" Measured with {versions}." if versions else ""
        (err if "-" in (args.json, args.markdown, args.junit) else out).write(printable(says + measured) + "\n")
    return ExitCode.PASS
