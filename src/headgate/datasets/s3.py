"""Loading one object a key, from S3 or from files, into typed records, an array or a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypedDict, TypeVar, Unpack, cast, overload

from headgate.datasets.decode import FORMATS, Form, Format, check_target, decode, format_of
from headgate.datasets.lazy_values import Unchanged, Versioned
from headgate.datasets.locations import Location
from headgate.datasets.schema import Schema
from headgate.datasets.stores import MAX_BYTES, StoredObject, StoreSettings, shown_endpoint
from headgate.errors import ObjectMissingError, UsageError

if TYPE_CHECKING:
    import os

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from headgate.datasets.stores import ObjectStore

__all__ = ["Backend", "Connection", "S3Loader"]

T = TypeVar("T")
V = TypeVar("V")
Backend = Literal["boto3", "obstore"]
_BACKENDS = ("boto3", "obstore")


class Connection(TypedDict, total=False):
    """The settings of a connection to S3, as `headgate.datasets.stores.StoreSettings` documents them."""

    endpoint: str | None
    region: str | None
    profile: str | None
    anonymous: bool
    connect_seconds: float
    read_seconds: float
    attempts: int
    deadline_seconds: float
    max_connections: int


class S3Loader(Generic[V]):
    """``loader(key)`` loads the object of ``key``: the counterpart of ``s3ToDataset[T]``, and a loader for `LazyMap`.

    Parameters
    ----------
    location
        ``s3://bucket/path/{key}.json``, ``file:///directory/{key}.parquet`` or a plain path; a key can name nothing
        outside of it.
    type
        The dataclass of a record (or a `Schema`, which may allow unknown fields); for ``into="numpy"`` also a dtype.
    format
        json (an object or an array of them), jsonl, parquet or npy; "auto": by the name's ending.
    into
        "list": of records; "numpy": an array of the dtype, or a structured one of records; "table": of pyarrow.
    missing
        What becomes of a key without object: "error", or "none", which gives None, an absence to `LazyMap`. A missing
        bucket or directory is an error always.
    max_bytes
        The largest object to be held, as it is stored and (of Parquet, which may swell) as it is decoded.
    backend
        "boto3", or "obstore" (the ``fast`` extra; see `headgate.datasets.s3_obstore` for what it cannot do).
    **connection
        Settings of `headgate.datasets.stores.StoreSettings`: endpoint, region, profile, anonymous, connect_seconds,
        read_seconds, attempts, deadline_seconds, max_connections. Credentials are no setting: they come from the
        provider chain (environment, profile, role), and are never stored here, printed or pickled.

    Raises
    ------
    UsageError
        An argument is wrong, or two do not go together.
    DatasetSetupError
        The extra that has the backend is not installed.
    """

    @overload
    def __init__(
        self: S3Loader[list[T]],
        location: str | os.PathLike[str],
        type: type[T] | Schema[T],
        *,
        format: Format | Literal["auto"] = "auto",
        into: Literal["list"] = "list",
        missing: Literal["error", "none"] = "error",
        max_bytes: int = MAX_BYTES,
        backend: Backend = "boto3",
        **connection: Unpack[Connection],
    ) -> None: ...

    @overload
    def __init__(
        self: S3Loader[np.ndarray[Any, Any]],
        location: str | os.PathLike[str],
        type: type[Any] | Schema[Any] | npt.DTypeLike,
        *,
        format: Format | Literal["auto"] = "auto",
        into: Literal["numpy"],
        missing: Literal["error", "none"] = "error",
        max_bytes: int = MAX_BYTES,
        backend: Backend = "boto3",
        **connection: Unpack[Connection],
    ) -> None: ...

    @overload
    def __init__(
        self: S3Loader[pa.Table],
        location: str | os.PathLike[str],
        type: type[Any] | Schema[Any],
        *,
        format: Format | Literal["auto"] = "auto",
        into: Literal["table"],
        missing: Literal["error", "none"] = "error",
        max_bytes: int = MAX_BYTES,
        backend: Backend = "boto3",
        **connection: Unpack[Connection],
    ) -> None: ...

    def __init__(
        self,
        location: str | os.PathLike[str],
        type: Any,  # noqa: A002 - what the design calls it
        *,
        format: Format | Literal["auto"] = "auto",  # noqa: A002 - what the design calls it
        into: Form = "list",
        missing: Literal["error", "none"] = "error",
        max_bytes: int = MAX_BYTES,
        backend: Backend = "boto3",
        **connection: Unpack[Connection],
    ) -> None:
        self._location = Location.parse(location)
        self._target = _target(type, into)
        self._format, self._into, self._missing = format, into, missing
        self._max_bytes, self._backend = max_bytes, backend
        self._settings = StoreSettings(**connection)
        _check_choices(format, missing, max_bytes, backend)
        if format == "auto" and not self._location.path.endswith("{key}"):
            format_of(self._location.path)  # said now rather than at the first key
        self._store = _store(self._location, backend, self._settings)

    def __call__(self, key: object) -> V:
        """Return the value of ``key``; with ``missing="none"``, None for a key without object.

        Raises
        ------
        ObjectMissingError, AccessDeniedError, StoreUnavailableError, CorruptObjectError, SchemaError
            The message names bucket and key (or the path) and what to do; see `headgate.errors`.
        UsageError
            The key is none of this location.
        """
        found = self._load(key, None)
        return cast("V", found.value if isinstance(found, Versioned) else found)

    def versioned(self, key: object) -> Versioned[V] | None:
        """Return the value of ``key`` with the ETag it was read at: the loader for a `LazyMap` that revalidates.

        Raises as a call of the loader does.
        """
        found = self._load(key, None)
        return None if found is None or isinstance(found, Unchanged) else found

    def revalidate(self, key: object, version: Any) -> Versioned[V] | Unchanged | None:
        """Return `Unchanged` if the object of ``key`` still has the ETag ``version``, else as `versioned` does.

        One conditional request either way: what has not changed is not sent. Raises as a call of the loader does.
        """
        return self._load(key, str(version))

    def _load(self, key: object, unless: str | None) -> Versioned[V] | Unchanged | None:
        name, bucket = self._location.key(key), self._location.bucket
        form = format_of(name) if self._format == "auto" else self._format
        found = self._store.get(bucket, name, unless=unless, max_bytes=self._max_bytes)
        where = self._store.where(bucket, name)
        if isinstance(found, StoredObject):
            value = decode(found.content, form, self._target, self._into, where, self._max_bytes)
            return Versioned(value, found.etag)
        if found is None and self._missing == "error":
            known = self._location.scheme == "s3" and self._settings.endpoint
            at = f" at {shown_endpoint(self._settings.endpoint)}" if known else ""
            raise ObjectMissingError(f"{where}{at}: there is no such object; check the key, or give missing='none'")
        return found

    def __repr__(self) -> str:
        of = self._target.type.__name__ if isinstance(self._target, Schema) else str(self._target)
        return f"S3Loader({str(self._location)!r}, {of}, into={self._into!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Return the settings; the store, and with it the client and its connections, is made anew."""
        return {name: value for name, value in vars(self).items() if name != "_store"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the settings and make the store, with the credentials found here and now."""
        vars(self).update(state)
        self._store = _store(self._location, self._backend, self._settings)


def _target(type: Any, into: Form) -> Schema[Any] | np.dtype[Any]:  # noqa: A002 - as above
    import dataclasses
    from builtins import type as builtin

    target: Schema[Any] | np.dtype[Any]
    if isinstance(type, Schema):
        target = type
    elif into != "numpy" or (isinstance(type, builtin) and dataclasses.is_dataclass(type)):
        target = Schema.of(type)
    else:
        target = _dtype(type)
    check_target(target, into)
    return target


def _dtype(type: Any) -> np.dtype[Any]:  # noqa: A002 - as above
    import numpy as np

    try:
        dtype: np.dtype[Any] = np.dtype(type)
    except TypeError as error:
        raise UsageError(f"type={type!r}: give a dataclass or a dtype") from error
    if dtype.hasobject:
        raise UsageError(f"type={dtype}: an array of Python objects cannot be loaded safely; give another dtype")
    return dtype


def _check_choices(form: str, missing: str, max_bytes: int, backend: str) -> None:
    for name, value, allowed in (
        ("format", form, ("auto", *FORMATS)),
        ("missing", missing, ("error", "none")),
        ("backend", backend, _BACKENDS),
    ):
        if value not in allowed:
            raise UsageError(f"{name}={value!r}: expected one of {', '.join(allowed)}")
    if max_bytes < 1:
        raise UsageError(f"max_bytes={max_bytes}: give a positive number of bytes")


def _store(location: Location, backend: str, settings: StoreSettings) -> ObjectStore:
    if location.scheme == "file":
        from headgate.datasets.local import LocalStore

        return LocalStore()
    if backend == "obstore":
        from headgate.datasets.s3_obstore import ObstoreStore

        return ObstoreStore(settings)
    from headgate.datasets.s3_boto import BotoStore

    return BotoStore(settings)
