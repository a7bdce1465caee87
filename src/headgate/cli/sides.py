"""From arguments to two sides ready to run, and the suite both have: shared by compare and calibrate."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli.arguments import add_bench_argument, whole_number
from headgate.errors import InputError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from headgate.measure.environments import Selection, SuiteConfig
    from headgate.measure.session import SideRuntime

__all__ = [
    "add_side_arguments",
    "check_arguments",
    "environments_held",
    "matrix_warning",
    "prepare_sides",
    "same_warning",
    "state_directory",
    "suite_config",
    "uncommitted_warning",
]

EXISTING = "existing"


def add_side_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how the sides are built and which benchmarks run."""
    add_bench_argument(parser)
    parser.add_argument("--config", metavar="FILE", type=Path, help="asv's configuration (default: ./asv.conf.json)")
    parser.add_argument(
        "--policy", metavar="FILE", type=Path, help="headgate.toml or pyproject.toml to take policy from"
    )
    parser.add_argument("--budget", metavar="TIME", help='seconds of measuring, as "140s" or "10m" (default: 10m)')
    parser.add_argument(
        "--environment",
        "-E",
        metavar="ENV",
        help="environment type or asv environment name; `existing` takes --baseline-python and --candidate-python",
    )
    parser.add_argument("--python", metavar="VERSION", help="of asv's matrix, the environment with this Python")
    parser.add_argument(
        "--baseline-python", metavar="PATH", type=Path, help="interpreter that has the baseline installed"
    )
    parser.add_argument(
        "--candidate-python", metavar="PATH", type=Path, help="interpreter that has the candidate installed"
    )
    parser.add_argument(
        "--suite",
        choices=["current", "candidate", "baseline"],
        default="current",
        help="whose benchmarks both sides run: the current checkout's (default, as asv), or a commit's",
    )
    parser.add_argument(
        "--pin",
        choices=["same", "separate", "none"],
        default="same",
        help="cores of the two processes: one at random per round, for both (default); one each; not pinned. "
        "Only Linux can pin; benchmarks that use several threads are never pinned",
    )
    parser.add_argument(
        "--seed", type=whole_number, metavar="N", help="what the random orders are drawn from (default: a fresh one)"
    )


def suite_config(args: argparse.Namespace) -> SuiteConfig:
    """Return asv's configuration, found as asv finds it."""
    from headgate.measure.environments import find_config

    return find_config(Path.cwd(), args.config)


@contextlib.contextmanager
def environments_held(args: argparse.Namespace, config: SuiteConfig) -> Iterator[None]:
    """Keep asv's environments to this run: what another one builds there would take the place of what is measured.

    Raises
    ------
    InputError
        Another run has them, or env_dir cannot be written.
    """
    from headgate.measure.lock import held

    if _has_interpreters(args):  # nothing is built
        yield
        return
    with held(config.env_dir / "headgate.lock", "another compare or calibrate of this suite", config.path):
        yield


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse what does not say which benchmarks of which two things are meant, before anything is made.

    Raises
    ------
    UsageError
        A regular expression is none, or sides are missing, or of two kinds.
    InputError
        A directory is none.
    """
    from headgate.gates.selection import compile_patterns

    compile_patterns(args.bench)
    if not _has_interpreters(args):
        if args.base is None or args.candidate is None:
            raise UsageError("BASE and CANDIDATE: missing; give two revisions, or two directories")
        if len({_as_directory(name) is None for name in (args.base, args.candidate)}) > 1:
            raise UsageError(
                f"{args.base} and {args.candidate}: one is a directory, one a revision; give two of a kind"
            )
    elif not (args.baseline_python and args.candidate_python):
        raise UsageError(
            "--baseline-python and --candidate-python: give both (as --environment existing takes), or neither"
        )
    elif args.base or args.candidate:
        raise UsageError("BASE and CANDIDATE: two interpreters are compared as they are; leave them out")


def _has_interpreters(args: argparse.Namespace) -> bool:
    return bool(args.environment == EXISTING or args.baseline_python or args.candidate_python)


def prepare_sides(
    args: argparse.Namespace, config: SuiteConfig, progress: Callable[[str], None]
) -> tuple[SideRuntime, SideRuntime]:
    """Return both sides built and ready, from commits, directories or interpreters: `check_arguments` was called."""
    from headgate.measure import environments
    from headgate.measure.platforms import PINNING_MISSING, can_pin

    if args.pin == "same" and not can_pin():
        progress(f"warning: {PINNING_MISSING}")
    if _has_interpreters(args):
        return environments.prepare_interpreters(
            args.baseline_python,
            args.candidate_python,
            config.benchmark_dir,
            default_timeout=config.default_timeout,
        )
    selection = _selection(args)
    directories = [_as_directory(name) for name in (args.base, args.candidate)]
    if directories[0] and directories[1]:
        return environments.prepare_directories(config, directories[0], directories[1], selection, progress=progress)
    return environments.prepare_commits(config, args.base, args.candidate, selection, progress=progress)


def _selection(args: argparse.Namespace) -> Selection:
    from headgate.measure.environments import Selection

    return Selection(environment=args.environment, python=args.python, suite=args.suite)


def _as_directory(name: str) -> Path | None:
    """Return ``name`` as a directory where it is written as a path; a bare word is a revision, as for git."""
    looks_like_path = "/" in name or name.startswith((".", "~"))
    path = Path(os.path.expanduser(name))  # noqa: PTH111 - Path.expanduser raises for the home of nobody
    if looks_like_path and path.is_dir():
        return path
    if name.startswith(("./", "../", "/", "~")):  # no revision begins so
        what = "not a directory" if path.exists() else "no such directory"
        raise InputError(f"{name}: {what}; check the path")
    return None


def state_directory(config: SuiteConfig, baseline: SideRuntime, candidate: SideRuntime) -> Path:
    """Return where this comparison's journal and evidence are kept: beside asv's environments, out of git's sight."""
    import hashlib

    def key(side: SideRuntime) -> str:
        return side.info.commit or hashlib.sha256(side.info.requested.encode()).hexdigest()

    return config.env_dir / "headgate" / f"{key(baseline)[:12]}-{key(candidate)[:12]}"


def same_warning(baseline: SideRuntime, candidate: SideRuntime) -> tuple[str, ...]:
    """Warn where both sides are one and the same: such a comparison passes whatever the change was."""
    one, other = baseline.info, candidate.info
    if one.commit is not None and one.commit == other.commit:
        what = f"the same commit ({one.commit[:8]})"
    elif one.commit is None and baseline.python == candidate.python:
        what = f"the same interpreter ({baseline.python})"
    else:
        return ()
    return (f"both sides are {what}, so only noise was measured; `headgate calibrate` reports that better",)


def matrix_warning(side: SideRuntime) -> tuple[str, ...]:
    """Warn where asv's matrix has more environments than the one that is measured."""
    if side.of_matrix == 1:
        return ()
    count, measured = side.of_matrix, side.info.environment
    others = "--environment NAME or --python VERSION chooses another"
    return (f"asv's matrix has {count} environments, of which only {measured} is measured; {others}",)


def uncommitted_warning(config: SuiteConfig, baseline: SideRuntime) -> tuple[str, ...]:
    """Warn of uncommitted changes: a comparison of commits does not measure them."""
    from headgate.store.git import dirty_files, find_repository

    if baseline.info.commit is None:
        return ()
    try:
        changed = dirty_files(find_repository(config.path.parent))
    except InputError:
        return ()  # the suite lies outside a repository; there is nothing uncommitted to warn of
    if not changed:
        return ()
    shown = ", ".join(changed[:3]) + (" …" if len(changed) > 3 else "")
    files = "1 file has" if len(changed) == 1 else f"{len(changed)} files have"
    return (f"{files} uncommitted changes, which are not measured ({shown}); commit them first",)
