"""Whether content is what was stored, by what the store says of it: its checksums, or an ETag that is an MD5.

A checksum "of checksums" (of an object stored in parts, with ``-3`` at its end) says nothing of the whole.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["differing", "is_md5_of", "stated"]

_MD5 = re.compile(r'"?([0-9a-f]{32})"?')
_OF_PARTS = re.compile(r"-\d+$")


def stated(answer: Mapping[str, object]) -> dict[str, str]:
    """Return the checksums of the whole object, by algorithm, that an answer of boto3 states."""
    if answer.get("ChecksumType") == "COMPOSITE":
        return {}
    found = {name: answer.get(f"Checksum{name}") for name in _CHECKSUMS}
    return {name: told for name, told in found.items() if isinstance(told, str) and not _OF_PARTS.search(told)}


def differing(content: bytes, told: Mapping[str, str]) -> str | None:
    """Return the algorithm by which ``content`` has another checksum than ``told``; None if there is none.

    CRC32C and CRC64NVME are compared where awscrt is installed.
    """
    for name, expected in told.items():
        found = _CHECKSUMS[name](content)
        if found is not None and base64.b64encode(found).decode() != expected:
            return name
    return None


def is_md5_of(content: bytes, etag: str | None) -> bool:
    """Whether ``etag`` is the MD5 of ``content``, as it is of what was stored in one part and without a key of KMS."""
    told = _MD5.fullmatch(etag or "")
    return told is not None and hashlib.md5(content, usedforsecurity=False).hexdigest() == told[1]


def _crc32(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "big")


def _sha1(content: bytes) -> bytes:
    return hashlib.sha1(content, usedforsecurity=False).digest()


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _crc32c(content: bytes) -> bytes | None:
    try:
        from awscrt.checksums import crc32c
    except ImportError:
        return None
    return int(crc32c(content)).to_bytes(4, "big")


def _crc64nvme(content: bytes) -> bytes | None:
    try:
        from awscrt.checksums import crc64nvme
    except ImportError:
        return None
    return int(crc64nvme(content)).to_bytes(8, "big")


_CHECKSUMS: dict[str, Callable[[bytes], bytes | None]] = {
    "CRC32": _crc32,
    "CRC32C": _crc32c,
    "CRC64NVME": _crc64nvme,
    "SHA1": _sha1,
    "SHA256": _sha256,
}
