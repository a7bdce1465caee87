"""``headgate datasets demo``: lazy datasets shown at work, on this machine alone."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from headgate.datasets.demo import DemoReport

__all__ = ["EPILOG", "HELP", "add_arguments", "report_to_dict", "run"]

HELP = """Lazy datasets: what lies in S3 is loaded, typed and checked, when it is first asked for, once."""
DEMO = """Start an S3 server inside this process, put some datasets into it, ask for a few of them through a LazyMap,
and show what reached the server. Needs no network, leaves nothing behind, takes about a second. Without boto3
(pip install 'headgate[s3]') the datasets are files instead."""
EPILOG = """examples:
  headgate datasets demo
  headgate datasets demo --files       the same with files instead of S3
  headgate datasets demo --json

exit codes: 0 as promised, 2 usage, 4 the store saw other requests than it should"""

SCHEMA = "headgate.datasets-demo/1"
STDOUT = "-"
TEXT_WIDTH = 100  # where the output is no terminal
FAILED = 4
# Of the map's counts, those that say something here: the map's clock is set forward by hand, so its seconds do not.
_SHOWN = ("hits", "misses", "loads", "revalidations", "unchanged", "absent", "failures", "resident")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand."""
    commands = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
    demo = commands.add_parser(
        "demo",
        help="start an embedded S3 server, load lazily, show what was read",
        description=DEMO,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_argument("--files", action="store_true", help="files in a temporary directory instead of S3")
    demo.add_argument(
        "--json", metavar="FILE", nargs="?", const=STDOUT, help=f"JSON (schema {SCHEMA}); - or no FILE: standard output"
    )


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Run the demonstration and print it; 4 if the store saw other requests than were promised."""
    from headgate.datasets.demo import run_demo
    from headgate.store.files import write_json

    report = run_demo(files=args.files)
    if args.json == STDOUT:
        out.write(json.dumps(report_to_dict(report), indent=1, ensure_ascii=False) + "\n")
    else:
        if args.json is not None:
            write_json(args.json, report_to_dict(report))
        print_report(report, out)
    if not report.kept:
        err.write("headgate datasets demo: the store saw other requests than it should; please report this\n")
        return FAILED
    return 0


def report_to_dict(report: DemoReport) -> dict[str, Any]:
    """Return the report as JSON has it."""
    steps = [{**dataclasses.asdict(step), "kept": step.kept} for step in report.steps]
    found = dataclasses.asdict(report.stats)
    return {
        "schema": SCHEMA,
        "store": report.store,
        "location": report.location,
        "datasets": report.datasets,
        "steps": steps,
        "stats": {name: found[name] for name in _SHOWN},
        "never_read": list(report.never_read),
        "kept": report.kept,
    }


def print_report(report: DemoReport, out: TextIO) -> None:
    """Print the report as tables: 100 columns, or the terminal's own width."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from headgate.cli.outputs import shown

    console = Console(file=out, width=None if out.isatty() else TEXT_WIDTH, highlight=False, markup=False, emoji=False)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    table.add_column("asked", ratio=4)
    table.add_column("store", no_wrap=True)
    table.add_column("answer", ratio=7, overflow="fold")
    for step in report.steps:
        seen = ", ".join(step.reached) or "nothing"
        table.add_row(
            step.asked,
            seen if step.kept else f"{seen} (promised: {', '.join(step.promised) or 'nothing'})",
            step.answer,
            end_section=True,
        )
    with console.capture() as captured:
        console.print("Lazy datasets", style="bold")
        console.print(f"store: {report.store}", soft_wrap=True)
        console.print(f"{report.datasets} datasets in {report.location}\n", soft_wrap=True)
        console.print(table)
        counts = dataclasses.asdict(report.stats)
        console.print("\nthe map's counts: " + ", ".join(f"{name} {counts[name]}" for name in _SHOWN))
        console.print("(who waits for a load that another began has missed, too)")
        console.print(
            f"never asked for, never read: {len(report.never_read)} of {report.datasets} "
            f"({', '.join(report.never_read)})"
        )
    # rich fills every line with blanks up to its table's width; a file or a diff has no use for them.
    lines = (line.rstrip() for line in captured.get().rstrip().splitlines())
    out.write(shown("\n".join(lines) + "\n", out))
