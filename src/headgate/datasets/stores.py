"""Object stores behind four methods, so that a loader knows nothing of boto3, obstore or files.

A store names objects by bucket and key. For files the bucket is a directory and the key a path below it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from headgate.errors import DatasetError, UsageError

if TYPE_CHECKING:
    from headgate.datasets.lazy_values import Unchanged

__all__ = [
    "MAX_BYTES",
    "ObjectInfo",
    "ObjectStore",
    "StoreSettings",
    "StoredObject",
    "check_size",
    "shown_endpoint",
]

# What a loader holds of one object unless told otherwise: model parameters fit, a mistaken key to a backup does not.
MAX_BYTES = 256 * 2**20
# A wrong endpoint must fail within 3 s: two attempts to connect, and at most 1 s of back-off between them (botocore's
# standard mode). A round trip round the world takes 0.3 s.
CONNECT_SECONDS = 0.9
# The longest silence of a server that has accepted; S3 itself answers within 0.2 s, and retries help against the rest.
READ_SECONDS = 10.0
ATTEMPTS = 2
# For one call in all: name look-up, credentials, attempts and the body; `MAX_BYTES` at 5 MiB/s takes 51 s.
DEADLINE_SECONDS = 60.0
# Above boto3's 10: a loader called from more threads than connections throws connections away.
MAX_CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store says of an object without its content; ``etag`` changes with the content, None: not told."""

    key: str
    size: int
    etag: str | None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's content, whole, and the version it was read at; the content is not printed."""

    content: bytes = dataclasses.field(repr=False)
    etag: str | None


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where and how to reach S3; never a credential: those come from the provider chain, each time anew.

    Attributes
    ----------
    endpoint
        URL of a server that speaks S3; None: AWS, or what the AWS configuration says.
    region, profile
        As in the AWS configuration; None: what that says.
    anonymous
        Send unsigned requests, for public buckets.
    connect_seconds, read_seconds
        The longest wait for a connection (per address of the host), and for the next bytes of an answer.
    attempts
        Attempts in all, the first included.
    deadline_seconds
        The longest that one call may take in all.
    max_connections
        Connections kept for reuse.
    """

    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    anonymous: bool = False
    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS
    attempts: int = ATTEMPTS
    deadline_seconds: float = DEADLINE_SECONDS
    max_connections: int = MAX_CONNECTIONS

    def __post_init__(self) -> None:
        for name in ("connect_seconds", "read_seconds", "attempts", "deadline_seconds", "max_connections"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UsageError(f"{name} must be positive and finite; leave it out for the default")
        if self.endpoint is not None:
            _check_endpoint(self.endpoint)


class ObjectStore(Protocol):
    """What a loader needs of a store; every method may be called from many threads at once.

    All raise an `headgate.errors.DatasetError` that names bucket and key (or the path) and the endpoint:
    ObjectMissingError for a missing bucket, AccessDeniedError, StoreUnavailableError, CorruptObjectError.
    """

    def get(
        self, bucket: str, key: str, *, unless: str | None = None, max_bytes: int = MAX_BYTES
    ) -> StoredObject | Unchanged | None:
        """Return the object; None if there is no such key; `Unchanged` if its ETag is still ``unless``.

        More than ``max_bytes`` is a DatasetError, before it is read.
        """

    def get_range(self, bucket: str, key: str, start: int, length: int) -> bytes | None:
        """Return ``length`` bytes from ``start`` on, fewer where the object ends; None if there is no such key.

        A UsageError where ``start`` lies at or beyond the end.
        """

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """Return what is known of the object, None if there is none; S3 does not say whether the bucket is there."""

    def list(self, bucket: str, prefix: str = "") -> list[ObjectInfo]:
        """Return the objects whose key begins with ``prefix``, in the order of their keys' characters."""

    def where(self, bucket: str, key: str) -> str:
        """Return the object's name for messages."""


def check_size(size: int | None, max_bytes: int, where: str) -> None:
    """Refuse an object of more than ``max_bytes``.

    Raises
    ------
    DatasetError
        It is larger.
    """
    if size is not None and size > max_bytes:
        raise DatasetError(
            f"{where}: {size} bytes, more than the {max_bytes} to be held; split it, or raise max_bytes if it is right"
        )


def check_range(start: int, length: int) -> None:
    """Refuse a range that is none.

    Raises
    ------
    UsageError
        ``start`` is negative, or ``length`` not positive.
    """
    if start < 0 or length < 1:
        raise UsageError(f"range of {length} bytes from {start}: give a start of 0 or more and a length of 1 or more")


def shown_endpoint(endpoint: str | None) -> str:
    """Return ``endpoint`` as it may be shown: scheme, host and port, without user, password, path and query."""
    if not endpoint:
        return "AWS S3"
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or "?"
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the endpoint given"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def _check_endpoint(endpoint: str) -> None:
    shown = shown_endpoint(endpoint)
    try:
        parts = urlsplit(endpoint)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits, parts = False, urlsplit("")
    if not fits:
        raise UsageError(f"endpoint {shown}: no URL of a server; give it as http://host:port or https://host")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise UsageError(
            f"endpoint {shown}: it carries more than an address; give credentials through the environment or a profile"
        )
