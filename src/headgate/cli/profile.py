"""``headgate profile``: describe this machine, measure its ceilings, keep both in results/."""

from __future__ import annotations

import argparse
import io
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from headgate.errors import UsageError
from headgate.formats.hardware import profile_to_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from headgate.measure.ceilings import CeilingPlan
    from headgate.model import HardwareProfile
    from headgate.report.hardware_view import Section, Table

__all__ = ["EPILOG", "HELP", "add_arguments", "print_profile", "progress_bar", "run"]

HELP = """Describe this machine (processor, memory, system, Python) and measure its ceilings: how fast it copies and
reads memory, and what a call costs. Nothing on the machine is changed."""

EPILOG = """examples:
  headgate profile                      at most 20 s; saves results/<machine>/hardware.json where results/ exists
  headgate profile --quick --no-save    at most 4 s; prints only
  headgate profile --json | jq .cpu     the same data for programs
  headgate profile --no-ceilings        only what the machine says of itself, at once

exit codes: 0 done, 2 usage error, or the profile cannot be saved"""

DEFAULT_RESULTS = "results"
STDOUT = "-"
TEXT_WIDTH = 80  # where the output is no terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--json",
        metavar="FILE",
        nargs="?",
        const=STDOUT,
        help="the profile as JSON (schema headgate.hardware/1); - or no FILE: to standard output, alone",
    )
    parser.add_argument(
        "--results", metavar="DIR", help=f"the results directory to save into (default: {DEFAULT_RESULTS})"
    )
    parser.add_argument(
        "--machine", metavar="NAME", help="the machine's name in the results (default: asv's, the host)"
    )
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument("--quick", action="store_true", help="fewer payloads and repetitions: at most about 4 s")
    how_much.add_argument("--no-ceilings", action="store_true", help="measure nothing; then only --save saves")
    parser.add_argument(
        "--save",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="save hardware.json, or never (default: save where the results directory is given or exists)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, and no word of where it was saved")


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Measure, print, save; 0, since a profile is never good or bad."""
    from headgate.measure.hardware import default_machine, profile_hardware
    from headgate.store.files import write_json
    from headgate.store.hardware import profile_path, save_profile

    target = save_target(args)
    machine = args.machine if args.machine is not None else default_machine()
    # Before the measurement: a name that cannot be saved under should not cost the user 20 seconds.
    profile_path(target or DEFAULT_RESULTS, machine)
    with progress_bar(io.StringIO() if args.quiet else err, "measuring the ceilings") as progress:
        profile = profile_hardware(machine, plan=ceiling_plan(args), progress=progress)
    saved = None if target is None else save_profile(profile, target)
    if args.json == STDOUT:
        out.write(json.dumps(profile_to_dict(profile), indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    else:
        if args.json is not None:
            write_json(args.json, profile_to_dict(profile))
        print_profile(profile, out)
    if not args.quiet:
        err.write(saving_message(args, saved))
    return 0


def ceiling_plan(args: argparse.Namespace) -> CeilingPlan | None:
    """Return what the options ask to be measured."""
    from headgate.measure.ceilings import FULL, QUICK

    if args.no_ceilings:
        return None
    return QUICK if args.quick else FULL


def save_target(args: argparse.Namespace) -> Path | None:
    """Return the results directory to save into, or None to save nothing.

    Raises
    ------
    UsageError
        --results with --no-save contradict each other, or the directory given is a file.
    """
    results = Path(args.results or DEFAULT_RESULTS)
    if args.save is False:
        if args.results:
            raise UsageError("--results and --no-save: one says where to save, the other not to; leave one of them out")
        return None
    if results.exists() and not results.is_dir():
        raise UsageError(f"--results: {results} is a file; give a directory")
    if args.save or (args.results and not args.no_ceilings):
        return results
    # Unasked, a profile without ceilings does not replace one that may have them.
    return results if results.is_dir() and not args.no_ceilings else None


def saving_message(args: argparse.Namespace, saved: Path | None) -> str:
    """Say on stderr where the profile went, or why nowhere."""
    if saved is not None:
        return f"saved {saved}\n"
    if args.save is False:
        return ""
    if args.no_ceilings:
        return "not saved: it has no ceilings (--save saves it all the same)\n"
    return f"not saved: there is no {DEFAULT_RESULTS}/ directory here (--save makes it)\n"


def print_profile(profile: HardwareProfile, out: TextIO) -> None:
    """Print the profile as tables: 80 columns, or the terminal's own width."""
    from rich.console import Console

    from headgate.report.hardware_view import Section, bandwidth_table, call_table, sections

    width = None if out.isatty() else TEXT_WIDTH
    console = Console(file=out, width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        for section in sections(profile):
            _print_section(console, section)
        for table in (bandwidth_table(profile), call_table(profile)):
            if table is not None:
                _print_table(console, table)
        if profile.notes:
            _print_section(console, Section("Notes", tuple(("-", note) for note in profile.notes)))
    # rich fills every line with blanks up to its table's width; a file or a diff has no use for them.
    lines = (line.rstrip() for line in captured.get().rstrip().splitlines())
    out.write("\n".join(lines) + "\n")


@contextmanager
def progress_bar(err: TextIO, label: str) -> Iterator[Callable[[float], None] | None]:
    """Yield a function that takes the share done, 0 to 1, and shows it; None where ``err`` is no terminal."""
    if not err.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=err), transient=True) as bars:
        task = bars.add_task(label, total=1.0)
        yield lambda share: bars.update(task, completed=share)


def _print_section(console: Console, section: Section) -> None:
    from rich.table import Table as RichTable

    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label, value in section.rows:
        grid.add_row(f"  {label}", value)
    console.print(section.title, style="bold")
    console.print(grid)
    console.print()


def _print_table(console: Console, table: Table) -> None:
    from rich import box
    from rich.table import Table as RichTable

    rendered = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for position, title in enumerate(table.header):
        rendered.add_column(title, justify="left" if position == 0 else "right", no_wrap=True)
    for row in table.rows:
        rendered.add_row(*row)
    console.print(table.title, style="bold")
    console.print(rendered)
    console.print(table.caption, style="dim")
    console.print()
