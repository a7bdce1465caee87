"""Checksums against values published elsewhere, and what is no checksum of the whole."""

import base64
import hashlib
import sys

import pytest

from headgate.datasets.s3_checksums import differing, is_md5_of, stated

# The check values of the CRC catalogue, all of "123456789"; the hashes are those of FIPS 180.
CHECK = b"123456789"
KNOWN = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "SHA256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
}


def told(name: str) -> dict[str, str]:
    return {name: base64.b64encode(bytes.fromhex(KNOWN[name])).decode()}


@pytest.mark.parametrize("name", KNOWN)
def test_content_is_compared_by_every_algorithm_of_s3(name: str) -> None:
    assert differing(CHECK, told(name)) is None
    assert differing(CHECK[:-1], told(name)) == name


def test_any_one_that_differs_is_enough() -> None:
    assert differing(CHECK, told("CRC32") | {"SHA1": "AAAA"}) == "SHA1"
    assert differing(CHECK, {}) is None


@pytest.mark.parametrize("name", ["CRC32C", "CRC64NVME"])
def test_what_needs_awscrt_is_not_compared_without_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "awscrt.checksums", None)
    assert differing(b"other", told(name)) is None


def test_a_checksum_of_checksums_is_not_one_of_the_whole() -> None:
    whole = {"ChecksumCRC32": "y/Q5Jg=="}
    assert stated({**whole, "ETag": "x", "ChecksumSHA1": None}) == {"CRC32": "y/Q5Jg=="}
    assert stated({**whole, "ChecksumType": "FULL_OBJECT"}) == {"CRC32": "y/Q5Jg=="}
    assert stated({**whole, "ChecksumType": "COMPOSITE"}) == {}
    assert stated({"ChecksumCRC32": "y/Q5Jg==-3"}) == {}


@pytest.mark.parametrize("etag", [None, "", '"v1"', f'"{hashlib.md5(b"other").hexdigest()}"'])
def test_an_etag_is_taken_for_an_md5_only_if_it_is_the_contents(etag: str | None) -> None:
    digest = hashlib.md5(CHECK).hexdigest()
    assert not is_md5_of(CHECK, etag)
    assert is_md5_of(CHECK, f'"{digest}"')
    assert is_md5_of(CHECK, digest)
    assert not is_md5_of(CHECK, f'"{digest}-2"')
