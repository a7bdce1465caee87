"""Reading foreign JSON, plain or gzipped, in bounded memory.

Tolerant of bare NaN and Infinity, which several tools write; strict about everything else. What is compressed is told
by its first bytes, never by a file's name.
"""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError, unreadable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_BYTES", "MAX_VALUES", "load"]

# What a reader will hold: text, and values. A sample takes about 22 bytes of text (40 indented) and 32 of memory; the
# most that both bounds let a hostile file take is about 1.2 GiB.
MAX_BYTES = 128 * 2**20
MAX_VALUES = 8_000_000
# An object, a list and a key each take the memory of several numbers.
_STRUCTURE_WEIGHT = 4
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def load(path: Path) -> dict[str, Any]:
    """Return the JSON object in ``path``.

    Raises
    ------
    InputError
        The file is missing, unreadable, larger than `MAX_BYTES` or `MAX_VALUES`, damaged gzip, not UTF-8, not JSON,
        not an object, or names a key twice.
    """
    content = _read(path)
    _check_size(content, path)
    if not content.strip():
        raise InputError(f"{path}: empty; have its tool save it again")
    data = _parse(content, path)
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected a JSON object, found {type(data).__name__}; give a result file")
    if _SURROGATE.search(content):
        _check_text(data, path)
    return data


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    return _decompress(content, path) if content.startswith(_GZIP) else content


def _decompress(content: bytes, path: Path) -> bytes:
    """Return what the one gzip member in ``content`` holds, reading no further than just past `MAX_BYTES`."""
    inflate = zlib.decompressobj(_GZIP_WINDOW)
    try:
        whole = inflate.decompress(content, MAX_BYTES + 1)
    except zlib.error as error:
        raise InputError(f"{path}: damaged gzip data ({error}); get the file again") from error
    if len(whole) <= MAX_BYTES and not inflate.eof:
        raise InputError(f"{path}: its gzip data ends early; get the file again")
    if inflate.unused_data.strip(b"\0"):
        raise InputError(f"{path}: something follows its gzip data; get the file again")
    return whole


def _check_size(content: bytes, path: Path) -> None:
    if len(content) > MAX_BYTES:
        raise InputError(
            f"{path}: more than {MAX_BYTES // 2**20} MiB of JSON, more than headgate reads; "
            "save fewer benchmarks to a file, or summaries without samples"
        )
    structure = sum(content.count(mark) for mark in (b"[", b"{", b":"))
    if content.count(b",") + _STRUCTURE_WEIGHT * structure > MAX_VALUES:
        raise InputError(
            f"{path}: holds more values than headgate reads ({MAX_VALUES:,}, an object, list or key "
            f"counting for {_STRUCTURE_WEIGHT}); save fewer benchmarks to a file, or summaries without samples"
        )


def _parse(content: bytes, path: Path) -> object:
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        if path.name.endswith(".gz"):  # what is gzip was decompressed
            raise InputError(f"{path}: not a gzip file, for all its name; get the file again") from error
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}); give a JSON file, saved as UTF-8") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{path}: not valid JSON at {where} ({error.msg}); have its tool save it again") from error
    except _RepeatedKeyError as error:
        raise InputError(f"{path}: {error}; which of the two counts is anyone's guess: remove one") from error
    except ValueError as error:  # a whole number of thousands of digits
        raise InputError(f"{path}: holds a number no benchmark tool writes ({error}); get the file again") from error
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply to be a result file; give a result file") from error


class _RepeatedKeyError(Exception):
    """An object names a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add returns None: false
        raise _RepeatedKeyError(f"an object has the key {key[:80]!a} twice")
    return found


def _check_text(data: dict[str, Any], path: Path) -> None:
    """Refuse half a surrogate pair, which is no text: printing or saving it would fail far from here."""
    waiting: list[object] = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, str) and not item.isascii():
            try:
                item.encode()
            except UnicodeEncodeError as error:
                raise InputError(
                    f"{path}: {item[:80]!a} is not valid Unicode; have its tool save the file again"
                ) from error
