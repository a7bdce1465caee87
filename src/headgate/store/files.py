"""Files that are whole or absent: atomic writes, strict JSON, schema checks."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from headgate.errors import InputError, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["may_exist", "read_json", "require_schema", "write_atomic", "write_json", "write_new"]

_SCHEMA = re.compile(r"(?P<name>[a-z][a-z0-9_.-]*)/(?P<version>[1-9][0-9]*)")


def may_exist(path: str | os.PathLike[str]) -> bool:
    """Whether there is something at ``path``; true also where that cannot be told, and using it will say why."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # a directory that may not be searched, a name too long, a NUL
        return True


def write_atomic(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write ``content`` to ``path`` so that a reader sees the old file or the new one, never half of one.

    The bytes go to a temporary file in the same directory (a rename across file systems is not atomic), are synced to
    the disk, and take the target's name. Missing parent directories are made; text is written as UTF-8, newlines as
    they are; a symbolic link is followed; an existing file keeps its permissions, a new one gets the umask's. A pipe
    or a device (/dev/stdout) is written to as it stands: put a file in its place, and its reader would wait for ever.

    Raises
    ------
    InputError
        The file cannot be written; what stood there is untouched and no temporary file is left.
    """
    if _is_special(path):
        _write_into(path, content)
        return
    with _beside(path, content) as (temporary, target):
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o7777)
        temporary.replace(target)


def write_new(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write ``content`` to ``path``, whole, where nothing is yet; what appears there meanwhile is not overwritten.

    Raises
    ------
    InputError
        Something is there already, or the file cannot be written.
    """
    with _beside(path, content) as (temporary, target):
        # Unlike a rename, a link never replaces; the temporary name goes away at the end.
        target.hardlink_to(temporary)


def _is_special(path: str | os.PathLike[str]) -> bool:
    """Whether a pipe, a device or a socket is there."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - of the path as it is written: /dev/stdout leads to no name
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _write_into(path: str | os.PathLike[str], content: str | bytes) -> None:
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        with Path(path).open("wb") as stream:
            stream.write(data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: str | os.PathLike[str], error: OSError) -> InputError:
    return InputError(
        f"{path}: cannot be written ({error.strerror or error}); check the directory, its permissions and free space"
    )


@contextlib.contextmanager
def _beside(path: str | os.PathLike[str], content: str | bytes) -> Iterator[tuple[Path, Path]]:
    """Give a synced temporary file beside ``path`` with ``content``, and the target; leave nothing of this name."""
    target = Path(os.path.realpath(path))  # which, unlike Path.resolve, raises nothing on a loop of links
    # A benchmark's own words may be no valid text: written as escapes, they lose nobody the file.
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    if os.path.islink(target):  # noqa: PTH114 - Path.is_symlink raises for a name too long -- a loop of links: a file in its place would hide it
        raise _unwritable(path, OSError(errno.ELOOP, os.strerror(errno.ELOOP)))
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_synced(temporary, data)
        yield temporary, target
        _sync_directory(target.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        # After the rename there is nothing of this name; before it (an error, Ctrl-C) this is the clean-up.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_json(path: str | os.PathLike[str], data: object, *, indent: int | None = 1) -> None:
    """Write ``data`` as strict JSON, atomically, with a final newline; keys keep their order.

    JSON has no NaN and no infinity: a number that is not finite is written as ``null`` ("no value"), which every reader
    of this project takes as missing evidence, never as a good value.

    Raises
    ------
    InputError
        The file cannot be written.
    TypeError
        ``data`` holds something JSON has no form for (a programming error, so not an InputError).
    """
    text = json.dumps(_finite(data), allow_nan=False, ensure_ascii=False, indent=indent)
    write_atomic(path, text + "\n")


def read_json(path: str | os.PathLike[str], *, allow_nan: bool = False) -> Any:
    """Return the JSON document in ``path``.

    Parameters
    ----------
    path
        The file; UTF-8, with or without a byte order mark.
    allow_nan
        Accept ``NaN`` and ``Infinity``, which are not JSON but which asv writes for a benchmark without a value.

    Raises
    ------
    InputError
        No such file, not readable, not UTF-8, or not JSON (with line and column).
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}); give a JSON file") from error
    if not text.strip():
        raise InputError(f"{path}: empty; get the file again")
    try:
        return json.loads(text) if allow_nan else json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{path}: not valid JSON at {where} ({error.msg}); get the file again") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({error}); get the file again") from error


def require_schema(data: object, schema: str, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return ``data`` if it declares ``schema`` (``"headgate.hardware/1"``: a name and a version); refuse it otherwise.

    Parameters
    ----------
    data
        What `read_json` returned.
    schema
        The newest schema the caller understands.
    path
        The file, for the message.

    Raises
    ------
    InputError
        Not a JSON object, no schema, another kind of file, an older version, or a newer one than this headgate knows.
    """
    expected = _SCHEMA.fullmatch(schema)
    if expected is None:
        raise ValueError(f"a schema is 'name/version', got {schema!r}")
    if not isinstance(data, dict):
        raise InputError(
            f'{path}: expected a JSON object with "schema": "{schema}", found {_kind(data)}; give a file of that kind'
        )
    declared = data.get("schema")
    if declared is None:
        raise InputError(f'{path}: has no "schema" key, expected "{schema}"; give a file that headgate wrote')
    found = _SCHEMA.fullmatch(declared) if isinstance(declared, str) else None
    if found is None or found["name"] != expected["name"]:
        raise InputError(f'{path}: its schema is {declared!r}, expected "{schema}"; give a file of that kind')
    if int(found["version"]) > int(expected["version"]):
        raise InputError(
            f'{path}: its schema "{declared}" is newer than "{schema}", which this headgate reads; upgrade headgate'
        )
    if int(found["version"]) < int(expected["version"]):
        raise InputError(f'{path}: its schema "{declared}" is older than "{schema}"; create the file again')
    return data


def _write_synced(path: Path, data: bytes) -> None:
    # Not tempfile: that makes files only their owner can read, and results are shared.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o666), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_directory(directory: Path) -> None:
    """Make the rename itself durable where a directory can be opened (not on Windows)."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        # Some network file systems refuse to sync a directory; the file's own bytes are on the disk already.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _kind(data: object) -> str:
    names = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(data), "a number")
