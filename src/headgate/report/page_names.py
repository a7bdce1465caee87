"""Where a benchmark's page goes: a file name that every file system and web server takes, from any name. Pure."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DIRECTORY", "page_names"]

DIRECTORY = "benchmarks"
# A file name may have 255 bytes nearly everywhere; with the directory and a site's own path it should stay below 260.
MOST_CHARACTERS = 100
_DIGITS = 8
# Windows takes these for devices, whatever follows the first dot.
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
_NOT_PORTABLE = re.compile(r"[^A-Za-z0-9_.-]+")
_PATH = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


def page_names(names: Iterable[str]) -> dict[str, str]:
    """Return the path of each benchmark's page, relative to the report: ``benchmarks/<slug>.html``.

    The slug is the name where that is a portable file name, else what is left of it and the beginning of its SHA-256:
    so it depends on the name alone, and a link to a published page holds when benchmarks are added. Only of names
    that differ in case alone does each get a digest because of the other.

    >>> page_names(["suite.Suite.time_sort"])
    {'suite.Suite.time_sort': 'benchmarks/suite.Suite.time_sort.html'}
    >>> page_names(["../../etc/passwd"])
    {'../../etc/passwd': 'benchmarks/etc-passwd-3754d6cb.html'}
    """
    wanted = sorted(set(names))
    folded: dict[str, int] = {}
    for name in wanted:
        folded[name.lower()] = folded.get(name.lower(), 0) + 1
    found: dict[str, str] = {}
    taken: set[str] = set()
    # Names that can stand as they are first: none of them may be taken by the digest of another.
    for name in sorted(wanted, key=lambda name: not _portable(name)):
        slug = name if _portable(name) and folded[name.lower()] == 1 else ""
        digits = _DIGITS
        while not slug or slug.lower() in taken:
            slug = _hashed(name, digits)
            digits += 1
        taken.add(slug.lower())
        found[name] = f"{DIRECTORY}/{slug}.html"
    return {name: found[name] for name in wanted}


def _portable(name: str) -> bool:
    return len(name) <= MOST_CHARACTERS and bool(_PATH.fullmatch(name)) and not _DEVICES.match(name)


def _hashed(name: str, digits: int) -> str:
    """Return what can be kept of ``name`` and so many digits of its digest."""
    kept = re.sub(r"[.-]*-[.-]*|\.\.+", "-", _NOT_PORTABLE.sub("-", name)).strip(".-")
    kept = kept[: MOST_CHARACTERS - digits - 1].strip(".-")
    if not kept or _DEVICES.match(kept):
        kept = f"benchmark-{kept}".strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{kept}-{digest[:digits]}"
