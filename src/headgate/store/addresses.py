"""Addresses of git repositories: which name the same one however they are written, and how they may be shown."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["names_project", "shown"]

_URL = re.compile(r"(?P<scheme>[\w+.-]+)://(?:[^/]*@)?(?P<host>[^/:]*)(?::\d*)?/(?P<path>.*)", re.DOTALL)
# As ssh has them: HOST:PATH, with no slash before the colon.
_HOST_PATH = re.compile(r"(?:[^/]*@)?(?P<host>[^/:@]+):(?P<path>.*)", re.DOTALL)
_SECRET = re.compile(r"(?<=://)[^/]*@")


def shown(address: str) -> str:
    """Return an address without the user and password that it may hold."""
    return _SECRET.sub("", address)


def names_project(remotes: Iterable[str], project: Iterable[str]) -> bool | None:
    """Say whether a checkout with ``remotes`` is of the repository at ``project``, an address or several of one.

    None is where they do not tell: a directory may be a clone of anything, and one of the same name elsewhere a fork.
    """
    theirs, ours = {_normal(one) for one in remotes}, {_normal(one) for one in project}
    if theirs & ours:
        return True
    names = {path.rpartition("/")[2] for _, path in ours}
    elsewhere = [bool(host) and path.rpartition("/")[2] not in names for host, path in theirs]
    return False if elsewhere and all(elsewhere) else None


def _normal(address: str) -> tuple[str, str]:
    """Return the host ('' for a directory here) and the path: neither scheme, user, port nor ending matters."""
    found = _URL.fullmatch(address.strip())
    if found and found["scheme"] == "file":
        return "", os.path.realpath(f"/{found['path']}")
    found = found or _HOST_PATH.fullmatch(address.strip())
    if found is None:
        return "", os.path.realpath(address)
    path = found["path"].strip("/").casefold().removesuffix(".git").rstrip("/")
    return found["host"].casefold(), path
