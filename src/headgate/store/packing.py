"""Bounded reading, and gzip files in which every byte counts.

Plain gzip tolerates changes: its header has free fields, and the last byte of the stream may have unused bits. Here the
header's comment carries the SHA-256 of all that follows it, and the rest of the header is fixed; any gzip reads it.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

from headgate.errors import InputError, unreadable

__all__ = ["MAX_BYTES", "pack", "read_bounded", "unpack"]

# What a reader will hold in memory; 600 benchmarks, 30 rounds of 20 pairs each, take 15 MiB.
MAX_BYTES = 128 * 2**20
_MAGIC = b"\x1f\x8b"
# RFC 1952: deflate, a comment follows, no time, best compression, unknown system.
_HEADER = _MAGIC + b"\x08\x10\x00\x00\x00\x00\x02\xff"
_LABEL = b"sha256:"
_START = len(_HEADER) + len(_LABEL) + hashlib.sha256().digest_size * 2 + 1
_TRAILER = 8  # CRC-32 and size


def pack(data: bytes, path: str | os.PathLike[str]) -> bytes:
    """Return what to write to ``path``: ``data``, compressed where the name ends in ``.gz``.

    Raises
    ------
    InputError
        More than `MAX_BYTES`, which no reader would accept.
    """
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{path}: {len(data) // 2**20} MiB of evidence is more than a bundle may hold ({MAX_BYTES // 2**20} MiB); "
            "compare fewer benchmarks at a time (--bench) or with a smaller budget"
        )
    if not os.fspath(path).endswith(".gz"):
        return data
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(data) + deflate.flush()
    body += zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")
    return _HEADER + _LABEL + hashlib.sha256(body).hexdigest().encode() + b"\x00" + body


def unpack(data: bytes, path: str | os.PathLike[str]) -> bytes:
    """Return what `pack` was given, whether it compressed it or not.

    Raises
    ------
    InputError
        Compressed by something else, changed, truncated, or larger than `MAX_BYTES` when unpacked.
    """
    if not data.startswith(_MAGIC):
        return data
    body = data[_START:]
    if data[:_START] != _HEADER + _LABEL + hashlib.sha256(body).hexdigest().encode() + b"\x00":
        raise InputError(
            f"{path}: truncated, changed, or compressed by something else than headgate; get the file again"
        )
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflate.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise InputError(f"{path}: not a gzip file ({error}); get the file again") from error
    if len(content) > MAX_BYTES:
        raise InputError(f"{path}: more than {MAX_BYTES // 2**20} MiB when unpacked; no bundle of headgate's is")
    expected = zlib.crc32(content).to_bytes(4, "little") + len(content).to_bytes(4, "little")
    if not inflate.eof or inflate.unused_data != expected:
        raise InputError(f"{path}: truncated or not a gzip file; get the file again")
    return content


def read_bounded(path: str | os.PathLike[str]) -> bytes:
    """Return a file's bytes, at most `MAX_BYTES` of them.

    Raises
    ------
    InputError
        No such file, not readable, or larger.
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: more than {MAX_BYTES // 2**20} MiB; no bundle of headgate's is")
    return data
