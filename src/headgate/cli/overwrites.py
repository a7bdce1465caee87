"""No output of a command takes the place of what the command reads: refused before anything is read or measured."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

__all__ = ["is_configuration", "refuse_overwrites", "same_file", "tree_sources"]

_OUTPUTS = ("json", "markdown", "junit", "evidence", "snapshot")
_STDOUT = "-"
# Whatever command has one of these arguments reads the file. `base` and `candidate` of compare are revisions.
_INPUTS = (
    "baseline",
    "candidate",
    "policy",
    "config",
    "calibration",
    "baseline_python",
    "candidate_python",
    "verdict",
    "file",
    "plan",
    "recorded",
    "ledger",
    "jsonl",
    "parquet",
    "prometheus",
    "prometheus_query",
    "dataset_quality",
    "webhook_secret_file",
    "benchmarks",
)
# What a message calls those that are no option, or not in every command.
_CALLED = {"file": "FILE", "plan": "PLAN"}
# The sides of a bundle, as `headgate check` takes them.
_SIDES = (":baseline", ":candidate")
# Read without being named; written by people, so an output that takes the place of one is always a mistake.
_CONFIGURATION = {"headgate.toml", "pyproject.toml", "asv.conf.json", "asv.conf.jsonc"}
# Of a results tree: results and what describes them, and the logs of `headgate bench`.
_READ_IN_TREES = {".json", ".jsonl"}
# asv names a result by its commit and environment.
_RESULT = re.compile(r"[0-9a-f]{4,40}-")


def refuse_overwrites(
    args: argparse.Namespace, found: Iterable[tuple[str, str | os.PathLike[str]]] | None = None
) -> None:
    """Refuse an output that is a file the command reads, a configuration, or another output.

    A snapshot is refused, too, where it is any file that no controller wrote.
    ``found`` are inputs (option and file) that had to be searched for first; without it, what ``args`` name.

    Raises
    ------
    UsageError
        There is one; the message names both options.
    """
    outputs = dict(_outputs(args))
    if not outputs:
        return
    for option, path in outputs.items():
        if is_configuration(path):
            raise UsageError(f"{option}: {path} is a configuration and would be overwritten; give another file")
        for other, taken in outputs.items():
            if other == option:
                break
            if same_file(path, taken):
                raise UsageError(f"{option} and {other} both write to {path}; give each its own")
    for given, source in _inputs(args) if found is None else found:
        for option, path in outputs.items():
            if same_file(path, source):
                raise UsageError(f"{option}: {path} is what {given} reads and would be overwritten; give another file")
    _refuse_other_file(outputs.get("--snapshot", ""))


def _refuse_other_file(snapshot: str) -> None:
    """Refuse a snapshot that would take the place of what no controller wrote: it is written over and over, unasked."""
    if not snapshot:
        return
    from headgate.rollout.controller_snapshot import is_other_file

    if is_other_file(snapshot):
        raise UsageError(
            f"--snapshot: {snapshot} is no file that tells routers and would be overwritten; give another file, or "
            "remove it"
        )


def is_configuration(path: str) -> bool:
    """Whether ``path`` is a file that people write and commands find without being told its name."""
    return Path(path).name in _CONFIGURATION and os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises for a NUL


def tree_sources(results: Path) -> list[Path]:
    """Return what is read of a results tree: its benchmarks, and its machines' files; any other file is an output.

    asv writes each machine's description beside its results; where there is none, only what has a result's name counts,
    and no published verdict.
    """
    from headgate.store.results import BENCHMARKS_FILE, MACHINE_FILE, VERDICTS_DIRECTORY

    if not results.is_dir():
        return []
    found = [results / BENCHMARKS_FILE]
    for entry in results.iterdir():
        described = os.path.isfile(entry / MACHINE_FILE)  # noqa: PTH113 - Path.is_file raises where it may not look
        if described or entry.name != VERDICTS_DIRECTORY:
            files = (path for path in entry.glob("*") if path.suffix in _READ_IN_TREES)
            found += [path for path in files if described or _RESULT.match(path.name)]
    return found


def _outputs(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    for name in _OUTPUTS:
        path = getattr(args, name, None)
        if name == "snapshot" and hasattr(args, name):
            from headgate.cli.rollout_common import snapshot_path

            path = str(snapshot_path(args))  # written without being asked for, too
        if path and path != _STDOUT:
            yield f"--{name}", path


def _inputs(args: argparse.Namespace) -> Iterator[tuple[str, str | os.PathLike[str]]]:
    for name in _INPUTS:
        value = getattr(args, name, None)
        if name == "candidate" and hasattr(args, "base"):
            continue
        called = f"--{name.replace('_', '-')}"
        # What starts a release takes its plan as an option.
        option = called if name == "plan" and hasattr(args, "snapshot") else _CALLED.get(name, called)
        for one in value if isinstance(value, list) else [value]:
            if one is not None and isinstance(one, str | os.PathLike):
                yield option, _file_of(os.fspath(one))
    if hasattr(args, "ledger") and args.ledger is None:
        from headgate.cli.rollout_common import ledger_path

        yield "this command", str(ledger_path(args))


def _file_of(given: str) -> str:
    """Return the file that an argument names: a bundle's side is in the bundle, ``~`` is somebody's home."""
    path = os.path.expanduser(given)  # noqa: PTH111 - Path.expanduser raises for the home of nobody
    for side in _SIDES:
        if path.endswith(side) and not os.path.exists(path):  # noqa: PTH110 - as above, for a NUL
            return path.removesuffix(side)
    return path


def same_file(path: str, source: str | os.PathLike[str]) -> bool:
    """Whether both are one regular file, or will be; a pipe or a device keeps nothing that could be lost.

    Of a directory that is read, every file in it is meant.
    """
    try:
        if os.path.isdir(source):  # noqa: PTH112 - as above
            inside = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(source))
            return inside and os.path.isfile(path)  # noqa: PTH113 - as above
        if os.path.exists(path):  # noqa: PTH110 - as above
            return os.path.isfile(path) and os.path.samefile(path, source)  # noqa: PTH113, PTH121 - as above
        return os.path.realpath(path) == os.path.realpath(source)
    except (OSError, ValueError):
        return False
