"""The order of commits: by topology where the repository knows them, by date where it does not."""

from __future__ import annotations

import bisect
import itertools
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.errors import UsageError
from headgate.store.git import FETCH_ALL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Order", "is_count", "newest", "ordered", "unknown_warning"]

# git's own abbreviations have at least seven digits.
_SHORTEST_HASH = 7


@dataclass(frozen=True, slots=True)
class Order:
    """Commits, oldest first; ``unknown`` of them the repository does not have: they stand where their date puts them.

    ``repository`` is None where dates alone decided. ``shallow``: it was asked of a clone cut off at some commit.
    """

    commits: tuple[str, ...]
    dates: tuple[float, ...]
    repository: Path | None = None
    unknown: int = 0
    shallow: bool = False


def ordered(dates: Mapping[str, float], repository: Path | None) -> Order:
    """Return the commits in ``dates`` (seconds since the epoch) in order; topology where ``repository`` has them."""
    by_date = sorted(dates, key=lambda commit: (dates[commit], commit))
    known = _topological(set(dates), repository) if repository is not None else []
    shallow = repository is not None and _is_shallow(repository)
    if not known:
        unknown = len(by_date) if shallow else 0
        return Order(tuple(by_date), tuple(dates[commit] for commit in by_date), None, unknown, shallow)
    # Dates of a topological order may go back; what comes later was not known to the world before the latest so far.
    clock = list(itertools.accumulate((dates[commit] for commit in known), max))
    placed = [(float(index), commit) for index, commit in enumerate(known)]
    strangers = set(dates).difference(known)
    placed += [(bisect.bisect_right(clock, dates[c]) - 0.5, c) for c in by_date if c in strangers]
    commits = [commit for _, commit in sorted(placed, key=lambda item: item[0])]
    return Order(tuple(commits), tuple(dates[commit] for commit in commits), repository, len(strangers), shallow)


def unknown_warning(order: Order) -> str:
    """Return the warning that commits were ordered without the repository because it lacks them, or ''."""
    if not order.unknown:
        return ""
    lacks = f"{order.unknown:,} of {len(order.commits):,} measured commits are not in the repository"
    if order.shallow:
        return (
            f"{lacks}, a shallow clone: their date alone says in which order they came, and whether they are new; "
            f"{FETCH_ALL}"
        )
    return (
        f"{lacks}: their date alone says in which order they came, and after --since REV they all are new; "
        "fetch the branches that have them"
    )


def newest(order: Order, since: str) -> frozenset[int]:
    """Return the positions of the newest commits: the last N where ``since`` is a number, else those after a revision.

    A commit that the repository does not have is after the revision; where that is a shallow clone, if its date is.

    Raises
    ------
    UsageError
        Neither a number above 0 nor a revision that the repository or the results know.
    """
    total = len(order.commits)
    if is_count(since):
        if not int(since):
            raise UsageError("--since 0: give a number of commits above 0, or a revision")
        return frozenset(range(max(0, total - int(since)), total))
    if order.repository is not None and not since.startswith("-"):
        listed = _git(order.repository, "rev-list", "--end-of-options", f"{since}^{{commit}}")
        if listed is not None:
            return frozenset(_after(order, set(listed.split()), since))
    found = [index for index, commit in enumerate(order.commits) if commit.startswith(since)]
    if len(found) != 1 or not since:
        what = "several commits" if len(found) > 1 else "no commit"
        cut = f"; the clone is shallow and may lack it: {FETCH_ALL}" if order.shallow and not found else ""
        raise UsageError(
            f"--since {since}: {what} of that name in the results; give a number of commits or a full hash{cut}"
        )
    return frozenset(range(found[0] + 1, total))


def _after(order: Order, old: set[str], since: str) -> Iterator[int]:
    """Yield the positions of the commits that are not ``old``; dates decide where a shallow clone lacks the old."""
    date, known = 0.0, set(order.commits)
    if order.shallow and order.unknown and order.repository is not None:
        known = set(_topological(known, order.repository))
        # The author's date, as asv notes it.
        shown = _git(order.repository, "show", "-s", "--format=%at", "--end-of-options", f"{since}^{{commit}}")
        date = float(shown or 0.0)
    for index, commit in enumerate(order.commits):
        if commit not in old if commit in known else order.dates[index] > date:
            yield index


def is_count(since: str) -> bool:
    """Whether ``since`` is a number of commits; longer runs of digits are the beginning of a hash."""
    return since.isdecimal() and len(since) < _SHORTEST_HASH


def _is_shallow(repository: Path) -> bool:
    return (_git(repository, "rev-parse", "--is-shallow-repository") or "").strip() == "true"


def _topological(wanted: set[str], repository: Path) -> list[str]:
    hashes = [commit for commit in sorted(wanted) if commit.isalnum()]
    listed = _git(
        repository,
        "rev-list",
        "--topo-order",
        "--reverse",
        "--ignore-missing",
        "--stdin",
        text="\n".join(hashes) + "\n",
    )
    return [commit for commit in (listed or "").split() if commit in wanted]


def _git(repository: Path, *arguments: str, text: str | None = None) -> str | None:
    """Return what git prints; None where it cannot tell (no repository, no such revision, no git)."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=repository,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
