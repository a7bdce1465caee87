"""Git revisions, by git's own command line."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Head", "read_head"]


@dataclass(frozen=True, slots=True)
class Head:
    """The commit checked out, and the tracked files that differ from it."""

    commit: str
    title: str
    changed: tuple[str, ...] = ()


def read_head(root: Path) -> Head:
    """Return HEAD of the repository that ``root`` is in.

    Raises
    ------
    UsageError
        git is not installed, ``root`` is in no repository, or there is no commit yet.
    """
    inside = _git(root, ["rev-parse", "--is-inside-work-tree"])
    if inside.returncode != 0:
        detail = inside.stderr.strip().splitlines()
        raise UsageError(
            f"{root}: not in a git repository ({detail[-1] if detail else 'git says no more'}); `git init`?"
        )
    found = _git(root, ["log", "-1", "--format=%H%x00%s", "HEAD"])
    if found.returncode != 0:
        raise UsageError(f"{root}: the repository has no commit yet; what is measured is a commit, so make one first")
    commit, _, title = found.stdout.strip().partition("\0")
    status = _git(root, ["status", "--porcelain", "--untracked-files=no", "-z"])
    changed = tuple(entry[3:] for entry in status.stdout.split("\0") if entry[3:])
    return Head(commit, title, changed)


def _git(root: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=root,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise UsageError("git is not installed or not on PATH; the suite measures commits") from error
