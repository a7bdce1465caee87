"""`headgate init`: what a repository needs to be gated, written once, never over anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.streams import shown
from headgate.report.wording import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import TextIO

    from headgate.setup.files import PlannedFile
    from headgate.setup.repository import Repository

__all__ = ["EPILOG", "HELP", "add_arguments", "run"]

HELP = """Set a repository up: headgate.toml, and a workflow that gates every pull or merge request. Finds an asv suite
or benchmarks of pytest-benchmark. Writes nothing over a file that is there."""
EPILOG = """examples:
  headgate init --dry-run            what would be written, and where
  headgate init                      headgate.toml and .github/workflows/headgate.yml
  headgate init --ci gitlab          .gitlab/headgate.yml instead
  headgate init --ci none            the policy alone
  headgate init --config benchmarks/asv.conf.json

exit codes: 0 done, or nothing left to do; 2 no repository, no suite, or a file cannot be written"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    from headgate.setup.files import CI_CHOICES

    parser.add_argument(
        "directory",
        metavar="DIR",
        nargs="?",
        type=Path,
        default=Path(),
        help="a directory of the repository (default: .)",
    )
    parser.add_argument("--ci", choices=CI_CHOICES, default="github", help="whose workflow (default: %(default)s)")
    parser.add_argument("--config", metavar="FILE", type=Path, help="asv's configuration, where there are several")
    parser.add_argument("--dry-run", action="store_true", help="show what would be written; write nothing")


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 -- every command has the same signature
    """Look, plan, write, explain; return the exit code."""
    from headgate.setup.files import next_steps, plan_files
    from headgate.setup.repository import look_at
    from headgate.store.files import write_new

    repository = look_at(args.directory, config=args.config)
    planned = plan_files(repository, args.ci)
    if not args.dry_run:
        for one in planned:
            if not one.kept:
                write_new(repository.root / one.path, one.content)
    lines = [*_told(repository, planned, dry=args.dry_run), "next:"]
    lines += [f"  {step}" for step in next_steps(repository, planned, args.ci)]
    out.writelines(shown(printable(line), out) + "\n" for line in lines)
    return ExitCode.PASS


def _told(repository: Repository, planned: tuple[PlannedFile, ...], *, dry: bool) -> Iterator[str]:
    what = repository.config or ", ".join(repository.tests)
    yield f"{repository.root}: {repository.suite} suite ({what})"
    for one in planned:
        word = "kept" if one.kept else "would write" if dry else "wrote"
        yield f"  {word:<12} {one.path}  ({one.kept or one.purpose})"
        if dry and not one.kept:
            yield from (f"    | {line}".rstrip() for line in one.content.splitlines())
