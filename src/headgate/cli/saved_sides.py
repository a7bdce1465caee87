"""Finding the saved results that `headgate check` is asked to compare: files, or commits of a results directory."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import InputError, UsageError
from headgate.formats import read_run
from headgate.formats.asv import describe, read_benchmarks
from headgate.formats.native import read_sides
from headgate.store.results import BENCHMARKS_FILE, run_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.formats.saved import SavedRun

__all__ = ["SavedSide", "find_sides", "find_two"]

_COMMIT = re.compile(r"[0-9a-f]{4,40}")
_BUNDLE_SIDES = ("baseline", "candidate")  # in the order that read_sides returns them
_MOST_LISTED = 6
# asv's file names begin with the commit (asv.results.get_filename: conf.hash_length characters, 8 by default);
# what is compared is the commit in the file, the name only saves reading hundreds of others.
_LEAST_IN_NAME = 4


@dataclass(frozen=True, slots=True)
class SavedSide:
    """One side: what was asked for, the file that is meant, and the run in it; ``tree``: where it was looked for."""

    requested: str
    path: Path
    run: SavedRun
    tree: Path | None = None

    @property
    def machine(self) -> str:
        """The machine's name as the file or its directory tells it; '' if neither does."""
        return self.run.machine.get("machine", "")

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that were read, or may have been: the run's, and what describes asv's benchmarks."""
        described = [folder / BENCHMARKS_FILE for folder in _described_in(self.path)] if self.run.tool == "asv" else ()
        return (self.path, *described)

    def __str__(self) -> str:
        """Where and what, to tell several apart."""
        parts = (self.machine, self.run.environment, (self.run.commit or "")[:8])
        return f"{self.path} ({', '.join(part for part in parts if part)})"


def find_two(
    baseline: str, candidate: str, *, machine: str | None = None, environment: str | None = None
) -> tuple[SavedSide, SavedSide]:
    """Return the two runs meant; where a commit has several, those of one machine and environment.

    Raises
    ------
    UsageError
        More than one pair fits, or none.
    InputError
        A file cannot be read, or a directory has nothing of the commit.
    """
    first = _chosen(find_sides(baseline, "--baseline"), baseline, machine, environment)
    second = _chosen(find_sides(candidate, "--candidate"), candidate, machine, environment)
    if len(first) == len(second) == 1:
        return first[0], second[0]
    pairs = [(one, other) for one in first for other in second if _place(one) == _place(other)]
    if len(pairs) == 1:
        return pairs[0]
    if pairs:
        places = sorted({f"--machine {one.machine} --environment {one.run.environment}" for one, _ in pairs})
        raise UsageError(f"{len(pairs)} pairs of results fit; choose with {_listed(places, ' or ')}")
    raise UsageError(
        f"{baseline} and {candidate}: no machine and environment in common; the baseline has {_listed(first)}, the "
        f"candidate has {_listed(second)}; give two files"
    )


def find_sides(requested: str, option: str) -> list[SavedSide]:
    """Return every run that ``requested`` means: one for a FILE, all of the commit's for ``DIR:COMMIT``.

    ``FILE:baseline`` and ``FILE:candidate`` are the sides of an evidence bundle of headgate's own.

    Raises
    ------
    UsageError
        ``requested`` is neither.
    InputError
        The file cannot be read, or the directory has no result of the commit.
    """
    if not requested:
        raise UsageError(f"{option}: an empty path; give a file, or DIR:COMMIT")
    path = _at(requested)
    if path.is_dir():
        raise UsageError(f"{option}: {requested} is a directory; say which commit's results, as {requested}:COMMIT")
    directory, colon, commit = requested.rpartition(":")
    container = _at(directory)
    if not path.exists() and commit in _BUNDLE_SIDES and container.is_file():
        return [SavedSide(requested, container, read_sides(container)[_BUNDLE_SIDES.index(commit)])]
    if path.exists() or not colon or not container.is_dir():
        return [SavedSide(requested, path, _read(path))]
    if not _COMMIT.fullmatch(commit):
        raise UsageError(
            f"{option}: {commit!r} in {requested} is no commit; give 4 to 40 hexadecimal digits of its hash"
        )
    return _of_commit(container, commit, requested)


def _at(written: str) -> Path:
    # Unlike Path.expanduser, this leaves the home of a user who is none as it is: then there is no such file.
    return Path(os.path.expanduser(written))  # noqa: PTH111


def _of_commit(results: Path, commit: str, requested: str) -> list[SavedSide]:
    machines = sorted(entry.name for entry in results.iterdir() if entry.is_dir() and entry.name[0] != ".")
    paths = [path for name in machines for path in run_paths(results, name)]
    begin = commit[:_LEAST_IN_NAME]
    read = [SavedSide(requested, path, _read(path), results) for path in paths if path.name.startswith(begin)]
    found = [side for side in read if (side.run.commit or "").startswith(commit)]
    commits = sorted({side.run.commit or "" for side in found})
    if len(commits) > 1:
        raise UsageError(f"{requested}: {commit} begins {len(commits)} commits: {_listed(commits)}; give more digits")
    if found:
        return found
    if not paths:
        raise InputError(f"{results}: holds no results; give a directory of asv's, with <machine>/<commit>-<env>.json")
    known = sorted({path.name.partition("-")[0] for path in paths})
    raise InputError(
        f"{requested}: no result of a commit that begins with {commit}; it has: {_listed(known)}; give one of them"
    )


def _read(path: Path) -> SavedRun:
    run = read_run(path)
    if run.tool != "asv":
        return run
    for folder in _described_in(path):
        if (folder / BENCHMARKS_FILE).is_file():
            return describe(run, read_benchmarks(folder / BENCHMARKS_FILE))
    return run


def _described_in(path: Path) -> tuple[Path, Path]:
    """Return where asv keeps units and parameter names: apart, one level above the machines."""
    return path.parent.parent, path.parent


def _chosen(sides: list[SavedSide], requested: str, machine: str | None, environment: str | None) -> list[SavedSide]:
    chosen = [side for side in sides if machine in {None, side.machine} and environment in {None, side.run.environment}]
    if not chosen:
        asked = {"--machine": machine, "--environment": environment}
        wanted = " and ".join(f"{option} {name!r}" for option, name in asked.items() if name is not None)
        raise UsageError(f"{requested}: nothing of {wanted}; it has: {_listed(sides)}; choose one of these")
    return chosen


def _place(side: SavedSide) -> tuple[str, str]:
    return side.machine, side.run.environment


def _listed(items: Sequence[object], joint: str = ", ") -> str:
    shown = joint.join(str(item) for item in items[:_MOST_LISTED])
    return shown + (f" and {len(items) - _MOST_LISTED} more" if len(items) > _MOST_LISTED else "")
