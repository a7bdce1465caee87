"""What code a side's interpreter would run: a digest that changes when another is installed, or it is edited in place.

Run inside a side's process like ``worker_suite.py``, which imports it. The standard library alone, Python 3.8 or newer.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.machinery
import os
import sys
import sysconfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Above this a file counts by size and time: a few libraries of hundreds of MB would take longer to read than a round.
READ_BYTES = 8_000_000
CODE = tuple(importlib.machinery.all_suffixes())
PACKAGES = ("site-packages", "dist-packages")


def fingerprint(suite: str, built: bool) -> str:
    """Return a digest of Python, the distributions installed and the code beside them, but for the ``suite`` itself.

    In an environment ``built`` for a commit, distributions count by their versions: what asv builds anew of a commit
    may have other bytes. An interpreter as it stands may have been edited: there they count by their RECORD, which has
    a hash of each file, and files by content where the suite has loaded their package, or where they lie on a path of
    their own, as editable installs do; what else is in site-packages by size and time.
    """
    digest = hashlib.sha256(sys.version.encode())
    for line in sorted(versions() if built else records()):
        digest.update(line.encode("utf-8", "surrogateescape"))
    if not built:
        read = {file for root in roots() for file in files(root, suite)}
        for path in sorted(read):
            digest.update(os.fsencode(path) + b"\0" + content(path))
        for path in sorted({file for root in sites() for file in files(root, suite)} - read):
            digest.update(os.fsencode(path) + b"\0" + stamp(path))
    return digest.hexdigest()[:16]


def versions() -> Iterator[str]:
    """Yield the name and version of each distribution installed."""
    import importlib.metadata

    for one in importlib.metadata.distributions():
        metadata = one.metadata
        yield f"{metadata['Name']}=={metadata['Version']}\0"


def records() -> Iterator[str]:
    """Yield what each distribution installed says of itself: its RECORD, else its metadata."""
    import importlib.metadata

    for one in importlib.metadata.distributions():
        yield next(filter(None, map(one.read_text, ("RECORD", "PKG-INFO", "METADATA"))), "") + "\0"


def roots() -> Iterator[str]:
    """Yield the packages and modules that are loaded or could be from a path of their own."""
    for name, module in list(sys.modules.items()):
        own = getattr(module, "__dict__", {})  # not getattr: some modules answer for names they have not
        if name.startswith("__editable__"):  # setuptools' finder: package to directory
            yield from own.get("MAPPING", {}).values()
        if "." not in name:
            yield from (path for path in (*(own.get("__path__") or ()), own.get("__file__")) if isinstance(path, str))
    for entry in sys.path:
        if os.path.basename(entry) in PACKAGES or not os.path.isdir(entry) or standard(entry):  # noqa: PTH112, PTH119
            continue
        if os.access(entry, os.R_OK | os.X_OK):
            paths = [os.path.join(entry, name) for name in os.listdir(entry)]  # noqa: PTH118, PTH208
            yield from (path for path in paths if path.endswith(CODE) or is_package(path))


def sites() -> Iterator[str]:
    """Yield the directories that packages are installed into."""
    return (entry for entry in sys.path if os.path.basename(entry) in PACKAGES and os.path.isdir(entry))  # noqa: PTH112, PTH119


def is_package(path: str) -> bool:
    """Say whether a directory is a package."""
    return os.path.isfile(os.path.join(path, "__init__.py"))  # noqa: PTH113, PTH118


def inside(path: str, directory: str) -> bool:
    """Say whether ``path`` is ``directory`` or lies in it."""
    return (os.path.realpath(path) + os.sep).startswith(os.path.realpath(directory) + os.sep)


def standard(path: str) -> bool:
    """Say whether ``path`` is of the standard library, which Python's version stands for."""
    installed, library = directories()
    if not any(inside(path, one) for one in library) or any(inside(path, one) for one in installed):
        return False
    # A virtual environment that sees the system's packages has them from below the system's library.
    return not any(part in PACKAGES for part in os.path.realpath(path).split(os.sep))  # noqa: PTH206


@functools.lru_cache(maxsize=None)  # noqa: UP033 - Python 3.8 has no functools.cache
def directories() -> tuple[list[str], list[str]]:
    """Return where Python has what is installed, and where its own library."""
    paths = sysconfig.get_paths()
    return [paths["purelib"], paths["platlib"]], [paths["stdlib"], paths["platstdlib"]]


def files(root: str, suite: str) -> Iterator[str]:
    """Yield the files of code in ``root`` (a package or a file), if they are none of the suite, Python or headgate."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    if standard(root) or inside(root, suite) or inside(root, here):
        return
    if os.path.isfile(root):  # noqa: PTH113
        yield os.path.realpath(root)
    apart = os.path.realpath(suite)
    for directory, below, names in os.walk(os.path.realpath(root)):
        below[:] = [name for name in below if name != "__pycache__" and os.path.join(directory, name) != apart]  # noqa: PTH118
        yield from (os.path.join(directory, name) for name in names if name.endswith(CODE))  # noqa: PTH118


def content(path: str) -> bytes:
    """Return a digest of a file, of its size and time where it is large; empty where it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            status = os.fstat(file.fileno())
            if status.st_size > READ_BYTES:
                return stamp(path)
            return hashlib.sha256(file.read()).digest()
    except OSError:
        return b""


def stamp(path: str) -> bytes:
    """Return a file's size and time; empty where it cannot be read."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return b""
    return b"%d %d" % (status.st_size, status.st_mtime_ns)
