"""`headgate rollout`: lead a canary release, from its plan to its report; one module for each subcommand."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from headgate.cli import add_command

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

__all__ = ["EPILOG", "HELP", "SUBCOMMANDS", "add_arguments", "run"]

HELP = "Lead a canary release: traffic grows on positive evidence alone, and ceases at once."
EPILOG = """\
exit codes:
  0  done; status: the release passes, or is completed
  1  halted
  2  usage or input error
  3  inconclusive: the evidence does not allow it yet
  4  the ledger cannot be read or written, or what it has is invalid

examples:
  headgate rollout plan headgate.toml
  headgate rollout start checkout-42 --plan headgate.toml --version 4f2a9c1
  headgate rollout status checkout-42
  headgate rollout halt checkout-42 --reason "orders are lost"
"""

# name -> (module, one-line help), as headgate.cli.COMMANDS; in the order of a release.
SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "plan": ("headgate.cli.rollout_plan", "show what a plan needs before the first unit: units, time, its hash"),
    "start": ("headgate.cli.rollout_start", "register the plan, and send the first stage's share to the canary"),
    "lead": ("headgate.cli.rollout_lead", "act on the evidence, and tell the routers, until the release is halted"),
    "status": ("headgate.cli.rollout_status", "show where a release stands, and what its evidence says"),
    "record": ("headgate.cli.rollout_record", "record what requests were like, each unit once"),
    "advance": ("headgate.cli.rollout_advance", "move to the next stage, if the evidence or an override says so"),
    "halt": ("headgate.cli.rollout_halt", "cease all traffic to the canary, now and for good"),
    "override": ("headgate.cli.rollout_override", "record a person's word: advance once, or hold"),
    "simulate": ("headgate.cli.rollout_simulate", "play a plan thousands of times: false halts, time to detect, units"),
    "report": ("headgate.cli.rollout_report", "write pages: stages, evidence over time, who decided what"),
    "verify": ("headgate.cli.rollout_verify", "compute every hash of a ledger again"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
    for name, (module_name, summary) in SUBCOMMANDS.items():
        add_command(commands, name, module_name, summary)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Run one subcommand; return the exit code."""
    module = importlib.import_module(SUBCOMMANDS[args.subcommand][0])
    return int(module.run(args, out, err))
