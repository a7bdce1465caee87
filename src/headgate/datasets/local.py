"""Files behind the same contract as objects: the bucket is a directory, the key a path below it."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from headgate.datasets.lazy_values import Unchanged
from headgate.datasets.locations import check_key
from headgate.datasets.stores import MAX_BYTES, ObjectInfo, StoredObject, check_range, check_size
from headgate.errors import (
    AccessDeniedError,
    CorruptObjectError,
    DatasetError,
    ObjectMissingError,
    StoreUnavailableError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LocalStore"]


class LocalStore:
    """Files as objects; an `headgate.datasets.stores.ObjectStore`.

    A key cannot lead out of its directory; a symbolic link that its owner put there can. The ETag is made of the file's
    number, size and time of change: a file replaced (`os.replace`) always has another, one written over in place within
    a tick of the file system's clock (some milliseconds), at the same size, has not.
    """

    def get(
        self, bucket: str, key: str, *, unless: str | None = None, max_bytes: int = MAX_BYTES
    ) -> StoredObject | Unchanged | None:
        """Return the file's content; see `headgate.datasets.stores.ObjectStore.get`."""
        where = self.where(bucket, key)
        with _opened(bucket, key, where) as file:
            if file is None:
                return None
            before = os.fstat(file)
            if unless is not None and _etag(before) == unless:
                return Unchanged()
            check_size(before.st_size, max_bytes, where)
            content = _read(file, max_bytes + 1)
            check_size(len(content), max_bytes, where)
            if _etag(os.fstat(file)) != _etag(before) or len(content) != before.st_size:
                raise CorruptObjectError(f"{where}: changed while it was read; replace files whole, and load it again")
            return StoredObject(content, _etag(before))

    def get_range(self, bucket: str, key: str, start: int, length: int) -> bytes | None:
        """Return a part of the file; see `headgate.datasets.stores.ObjectStore.get_range`."""
        check_range(start, length)
        where = self.where(bucket, key)
        with _opened(bucket, key, where) as file:
            if file is None:
                return None
            if start >= os.fstat(file).st_size:
                raise UsageError(f"{where}: the range begins beyond the file's end")
            os.lseek(file, start, os.SEEK_SET)
            return _read(file, length)

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """Return what is known of the file; see `headgate.datasets.stores.ObjectStore.head`."""
        with _opened(bucket, key, self.where(bucket, key), bucket_needed=False) as file:
            if file is None:
                return None
            status = os.fstat(file)
            return ObjectInfo(key, status.st_size, _etag(status))

    def list(self, bucket: str, prefix: str = "") -> list[ObjectInfo]:
        """Return the files below the directory; see `headgate.datasets.stores.ObjectStore.list`."""
        _check_bucket(bucket)
        found = []
        for directory, _, names in os.walk(bucket, onerror=_listing_failed):
            for name in names:
                path = os.path.join(directory, name)  # noqa: PTH118 - os.walk speaks text
                key = os.path.relpath(path, bucket).replace(os.sep, "/")
                if not key.startswith(prefix):
                    continue
                try:
                    status = os.stat(path)  # noqa: PTH116
                except FileNotFoundError:  # gone since it was listed, or a link that leads nowhere
                    continue
                except OSError as error:  # a link that leads to itself
                    raise _os_error(error, path) from error
                if stat.S_ISREG(status.st_mode):
                    found.append(ObjectInfo(key, status.st_size, _etag(status)))
        return sorted(found, key=lambda one: one.key)

    def where(self, bucket: str, key: str) -> str:
        """Return the file's path."""
        return f"{bucket.rstrip('/')}/{key}"


def _check_bucket(bucket: str) -> None:
    if not os.path.isdir(bucket):  # noqa: PTH112
        raise ObjectMissingError(f"{bucket}: there is no such directory; check the location")


@contextmanager
def _opened(bucket: str, key: str, where: str, *, bucket_needed: bool = True) -> Iterator[int | None]:
    """Open the file, None if there is none, and translate what reading it raises."""
    check_key(key)
    file = None
    try:
        try:
            # Not blocking: opening a named pipe that nobody writes to would wait for ever.
            file = os.open(os.path.join(bucket, key), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # noqa: PTH118
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: NUL in the directory's name
            if bucket_needed:
                _check_bucket(bucket)
        if file is not None and not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            file = None
        yield file
    except OSError as error:
        raise _os_error(error, where) from error
    finally:
        if file is not None:
            os.close(file)


def _listing_failed(error: OSError) -> None:
    raise _os_error(error, str(error.filename)) from error


def _os_error(error: OSError, where: str) -> DatasetError:
    reason = error.strerror or type(error).__name__
    if isinstance(error, PermissionError):
        return AccessDeniedError(f"{where}: access denied ({reason}); check its permissions")
    return StoreUnavailableError(f"{where}: cannot be read ({reason}); check the path and its file system")


def _read(file: int, most: int) -> bytes:
    """Return at most ``most`` bytes from where ``file`` stands."""
    pieces = []
    while most > 0 and (piece := os.read(file, min(most, 2**24))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def _etag(status: os.stat_result) -> str:
    return f'"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"'
