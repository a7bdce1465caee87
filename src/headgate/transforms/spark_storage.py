"""Bytes of files and S3 objects, by range: what a task reads and writes, wherever it runs.

Plain paths and ``file://`` must be the same directory on every machine. ``s3://`` and ``s3a://`` go through boto3,
whose own chain finds the credentials on each machine (environment, shared files, instance role; ``AWS_ENDPOINT_URL``
for another server): none are ever sent there.
"""

from __future__ import annotations

import functools
import io
import os
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from headgate.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

__all__ = ["RangeFile", "check_url", "files_under", "is_occupied", "join", "publish", "read_range", "size_and_version"]

S3_SCHEMES = ("s3", "s3a")

S3_CONNECT_SECONDS, S3_READ_SECONDS, S3_ATTEMPTS = 5, 60, 4
"""A wrong endpoint fails in seconds; a slow range has a minute. Spark tries the whole task again besides."""


def check_url(argument: str, url: str) -> str:
    """Return `url` if it is a place this module knows; a password in it is refused without repeating it."""
    if not isinstance(url, (str, os.PathLike)) or not str(url):
        raise UsageError(f"{argument}: must be a path or a URL; got {url!r}")
    url = os.fspath(url)
    parts = urlsplit(url)
    if parts.scheme in S3_SCHEMES and "@" in parts.netloc:
        raise UsageError(f"{argument}: has credentials in its URL; leave them to the machines' own configuration")
    if parts.scheme in S3_SCHEMES and not (parts.netloc and parts.path.strip("/")):
        raise UsageError(f"{argument}: {url!r} must be s3://bucket/key")
    if "://" in url and parts.scheme not in {*S3_SCHEMES, "file"}:
        raise UsageError(f"{argument}: {parts.scheme}:// is not supported; use a path, file://, s3:// or s3a://")
    return url if "://" in url or url.startswith("file:") else str(Path(url).absolute())


def size_and_version(url: str) -> tuple[int, str]:
    """Tell how many bytes there are, and what changes when they do (an ETag, or size and time)."""
    with _as_input_errors(url):
        if _is_s3(url):
            bucket, key = _bucket_and_key(url)
            head = _client().head_object(Bucket=bucket, Key=key)
            return int(head["ContentLength"]), str(head["ETag"])
        status = _path(url).stat()
        return status.st_size, f"{status.st_size}-{status.st_mtime_ns}"


def read_range(url: str, begin: int, end: int, version: str) -> bytes:
    """Read the bytes [begin, end); an InputError if there are fewer or the version is no longer that."""
    if end <= begin:
        return b""
    with _as_input_errors(url):
        if _is_s3(url):
            bucket, key = _bucket_and_key(url)
            answer = _client().get_object(Bucket=bucket, Key=key, Range=f"bytes={begin}-{end - 1}", IfMatch=version)
            data: bytes = answer["Body"].read()
        else:
            if size_and_version(url)[1] != version:
                raise InputError(f"{url}: changed while it was read; run again once nothing writes to it")
            with _path(url).open("rb") as file:
                file.seek(begin)
                data = file.read(end - begin)
    if len(data) != end - begin:
        raise InputError(f"{url}: ends after {begin + len(data)} bytes, {end} were expected; it is truncated")
    return data


def publish(url: str, data: bytes) -> None:
    """Write a whole file or object at once: it is either there complete or not there.

    Attempts of one task write the same bytes under the same name, so whichever comes last changes nothing.
    """
    with _as_input_errors(url):
        if _is_s3(url):
            bucket, key = _bucket_and_key(url)
            _client().put_object(Bucket=bucket, Key=key, Body=data)
            return
        path = _path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def is_occupied(url: str) -> bool:
    """Whether anything is at or under `url`."""
    with _as_input_errors(url):
        if _is_s3(url):
            bucket, key = _bucket_and_key(url)
            return bool(_client().list_objects_v2(Bucket=bucket, Prefix=key.rstrip("/") + "/", MaxKeys=1)["KeyCount"])
        path = _path(url)
        return path.exists() and (not path.is_dir() or any(path.iterdir()))


def files_under(url: str, suffix: str) -> list[str]:
    """Name the files of a directory that end in `suffix`, sorted, without hidden ones; `url` itself if it is a file."""
    with _as_input_errors(url):
        if not _is_s3(url):
            path = _path(url)
            if path.is_file():
                return [str(path)]
            return [str(one) for one in sorted(path.iterdir()) if _is_data(one.name, suffix)]
        if url.endswith(suffix):
            return [url]
        bucket, key = _bucket_and_key(url)
        pages = _client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key.rstrip("/") + "/")
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return [f"s3://{bucket}/{one}" for one in sorted(keys) if _is_data(one.rpartition("/")[2], suffix)]


def join(url: str, name: str) -> str:
    """`name` in the directory `url`."""
    return f"{url.rstrip('/')}/{name}"


class RangeFile(io.RawIOBase):
    """A read-only, seekable file over :func:`read_range`, for libraries that want one."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url, self._at = url, 0
        self._size, self._version = size_and_version(url)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to `offset` from the start, the position or the end."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` from the position, as far as there is something."""
        view = memoryview(buffer).cast("B")
        data = read_range(self._url, self._at, min(self._at + len(view), self._size), self._version)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def _is_data(name: str, suffix: str) -> bool:
    return name.endswith(suffix) and not name.startswith((".", "_"))


def _is_s3(url: str) -> bool:
    return url.startswith(("s3://", "s3a://"))


def _bucket_and_key(url: str) -> tuple[str, str]:
    parts = urlsplit(url, allow_fragments=False)
    return parts.netloc, url.split("://", 1)[1][len(parts.netloc) + 1 :]


def _path(url: str) -> Path:
    return Path(unquote(urlsplit(url).path)) if url.startswith("file:") else Path(url)


@functools.cache
def _client() -> Any:
    """One client a process; made where it is used."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise UsageError("boto3 is not installed; pip install 'headgate[s3]' on every machine") from None
    config = Config(
        connect_timeout=S3_CONNECT_SECONDS, read_timeout=S3_READ_SECONDS, retries={"total_max_attempts": S3_ATTEMPTS}
    )
    return boto3.client("s3", config=config)


@contextmanager
def _as_input_errors(url: str) -> Iterator[None]:
    """Say which file or object, and what the system said about it; never the request, which is signed."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{url}: {error.strerror or type(error).__name__}; it must be the same on every machine"
        ) from None
    except Exception as error:
        if not type(error).__module__.startswith("botocore."):
            raise
        answer = getattr(error, "response", {}).get("Error", {})
        raise InputError(
            f"{url}: {answer.get('Code') or type(error).__name__} {answer.get('Message', '')}".strip()
            + "; check the name, the endpoint and the credentials on the machines of the session"
        ) from None
