"""What a control group (a container's or a service's) leaves this process of the machine: CPU time and memory.

Both versions are read, and both at once: a hybrid machine keeps some controllers in v1. Limits add up along the path:
a group has at most what its parents have, so the least limit from the process's own group to the root counts.
Sources: cgroups(7); the kernel's admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from headgate.measure.hardware_linux import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cpu_quota", "memory_limit"]


@dataclass(frozen=True, slots=True)
class _Mount:
    """One cgroup file system: ``subtree`` of the hierarchy is visible at ``point``; ``controllers`` are v1's."""

    point: Path
    subtree: str
    controllers: frozenset[str]
    version: int


def cpu_quota(root: Path) -> float | None:
    """Return how many CPUs' worth of time this process may use, or None without a limit."""
    quotas = []
    for version, group in _groups(root, "cpu"):
        if version == 2:
            words = (read_text(group / "cpu.max") or "").split()
        else:
            words = [read_text(group / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period")]
        if len(words) == 2 and all(word.isdigit() for word in words) and int(words[1]) > 0:
            quotas.append(int(words[0]) / int(words[1]))
    return min(quotas, default=None)


def memory_limit(root: Path, total: int | None) -> int | None:
    """Return the memory in bytes this process may use, or None where that is all of the machine's ``total``."""
    limits = []
    for version, group in _groups(root, "memory"):
        text = read_text(group / ("memory.max" if version == 2 else "memory.limit_in_bytes")) or ""
        if text.isdigit():
            limits.append(int(text))
    limit = min(limits, default=None)
    # Version 1 writes "no limit" as the largest page-aligned number.
    unlimited = total if total is not None else 2**60
    return limit if limit is not None and limit < unlimited else None


def _groups(root: Path, controller: str) -> Iterator[tuple[int, Path]]:
    """Yield (version, directory) from this process's own group up to the root of what is mounted."""
    paths = _own_paths(root)
    for mount in _mounts(root):
        if mount.version == 1 and controller not in mount.controllers:
            continue
        path = paths.get(controller if mount.version == 1 else "")
        if path is None:
            continue
        directory = mount.point / _below(path, mount.subtree)
        while True:
            yield mount.version, directory
            if directory == mount.point:
                break
            directory = directory.parent


def _own_paths(root: Path) -> dict[str, str]:
    """Return /proc/self/cgroup as controller to path; version 2 has the empty name."""
    paths = {}
    for line in (read_text(root / "proc/self/cgroup") or "").splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            paths.update(dict.fromkeys(parts[1].split(","), parts[2]))
    return paths


def _mounts(root: Path) -> Iterator[_Mount]:
    """Yield the cgroup file systems of /proc/self/mountinfo (proc(5): optional fields end with a lone dash)."""
    line_form = re.compile(r"\S+ \S+ \S+ (\S+) (\S+) .*? - (cgroup2?) \S+ (\S+)")
    for line in (read_text(root / "proc/self/mountinfo") or "").splitlines():
        match = line_form.match(line)
        if match:
            subtree, point, kind, options = match.groups()
            yield _Mount(
                point=root / point.lstrip("/"),
                subtree=subtree,
                controllers=frozenset(options.split(",")),
                version=2 if kind == "cgroup2" else 1,
            )


def _below(path: str, subtree: str) -> PurePosixPath:
    """Return ``path`` relative to what is mounted; the mount itself where a container cannot see its own path."""
    group = PurePosixPath(path)
    if ".." in group.parts or not group.is_relative_to(subtree):
        return PurePosixPath()
    return group.relative_to(subtree)
