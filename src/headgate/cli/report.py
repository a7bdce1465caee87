"""``headgate report``: a static site from saved results, that opens in a browser without a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from headgate.cli.streams import say
from headgate.errors import InputError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from headgate.cli.report_input import Sources

    Progress = Callable[[str, int, int], None]

__all__ = ["EPILOG", "HELP", "add_arguments", "run", "write_report"]

HELP = "Write the HTML report from saved results: a directory that opens in a browser without a network."
EPILOG = """examples:
  headgate report                             the results to report/index.html
  headgate report --results DIR -o site       other places
  headgate report --machine laptop            this machine first
  headgate report --verdict evidence.json.gz  with a verdict before all else
  headgate report --link 'https://github.com/me/project/commit/{commit}'
  headgate report --asv                       with asv's own pages of the same results beside
  headgate report --rollout rollout.sqlite    with the canary releases of a ledger

exit codes: 0 done, 2 usage or input error, 4 `asv publish` failed"""

DEFAULT_OUTPUT = Path("report")
DEFAULT_ASV = "asv"
# Where in the report the releases' pages are.
RELEASES = "rollouts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--results", type=Path, metavar="DIR", help="asv's results (default: where asv.conf.json says, else results/)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=DEFAULT_OUTPUT, metavar="DIR", help="where it goes (default: %(default)s)"
    )
    parser.add_argument("--machine", metavar="NAME", help="the machine shown first (default: the one measured last)")
    parser.add_argument(
        "--verdict",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a verdict (JSON) or its evidence to show first (repeatable; also: all of RESULTS/verdicts)",
    )
    parser.add_argument(
        "--repository", type=Path, metavar="DIR", help="the commits' repository, for their order (default: DIR's own)"
    )
    parser.add_argument("--link", default="", metavar="URL", help="pattern with {commit}, and {last_good} if wanted")
    parser.add_argument(
        "--asv",
        nargs="?",
        const=DEFAULT_ASV,
        metavar="DIR",
        help=f"publish asv's own pages into DIR of the report (default: {DEFAULT_ASV}); runs `asv publish`",
    )
    parser.add_argument(
        "--rollout", type=Path, metavar="LEDGER", help="pages of the releases in a rollout's ledger, too"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Write the report and print its path."""
    from headgate.cli.history_search import watched
    from headgate.cli.report_input import Sources, results_directory

    _check(args)
    sources = Sources(results_directory(args.results), args.machine, args.verdict, args.repository, args.link)
    with watched(err, quiet=args.quiet) as progress:
        index = write_report(sources, args.output, err, asv=args.asv or "", ledger=args.rollout, progress=progress)
    out.write(f"{index}\n")
    return 0


def write_report(
    sources: Sources,
    output: Path,
    err: TextIO | None = None,
    *,
    asv: str = "",
    ledger: Path | None = None,
    progress: Progress = lambda _step, _done, _total: None,
) -> Path:
    """Write the report of ``sources`` into ``output``; return its first page.

    What could not be read goes to ``err``, too; ``asv`` is the directory of the report that asv's own pages go to, ""
    for none; ``ledger`` has releases to show; ``progress`` is told the step, how much of it is done, and of how much.

    Raises
    ------
    InputError
        There is nothing to report, a source cannot be read, or ``output`` cannot be written.
    MeasurementError
        ``asv publish`` failed.
    """
    from dataclasses import replace

    from headgate.cli.report_input import load_site
    from headgate.report.site_html import require_own_site, write_site

    given = load_site(sources, progress)
    if err is not None:
        for problem in given.problems:
            say(err, f"headgate: warning: {problem}")
    if asv or ledger is not None:
        require_own_site(output, given)  # before their pages are written
    if asv:
        from headgate.measure.asv_publish import publish

        publish(sources.results, output / asv)
        given = replace(given, asv=f"{asv}/index.html")
    if ledger is not None:
        _write_releases(ledger, output)
        given = replace(given, releases=f"{RELEASES}/index.html")
    return write_site(output, given, progress=lambda done, total: progress("writing", done, total))


def _write_releases(path: Path, output: Path) -> None:
    from headgate.cli.rollout_report import releases_of
    from headgate.report.rollout_html import write_releases
    from headgate.rollout.ledger import Ledger

    with Ledger(path, create=False) as ledger:
        found = releases_of(ledger)
    write_releases(output / RELEASES, found, home="../index.html")


def _check(args: argparse.Namespace) -> None:
    from headgate.report.html import require_own

    if args.link and "{commit}" not in args.link:
        raise UsageError(
            f"--link: {args.link!r} has no {{commit}}; write it as https://github.com/me/project/commit/{{commit}}"
        )
    if args.repository is not None and not args.repository.is_dir():
        raise InputError(f"--repository: {args.repository} is not a directory; check the path")
    if args.asv is not None and not _fits_asv(Path(args.asv)):
        raise UsageError(
            f"--asv: {args.asv!r} will not do: expected a directory of its own within the report, as {DEFAULT_ASV}"
        )
    require_own(args.output)


def _fits_asv(path: Path) -> bool:
    """Whether asv's pages may have this directory of the report: it is neither the report's own nor a part of it."""
    from headgate.report.html import ASSETS
    from headgate.report.page_names import DIRECTORY

    if path.is_absolute() or not path.parts or ".." in path.parts:
        return False
    first = path.parts[0].lower()
    return first not in {ASSETS, DIRECTORY, RELEASES} and not first.endswith(".html")
