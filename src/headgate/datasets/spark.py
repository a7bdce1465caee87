"""Datasets as Spark DataFrames: ``s3ToDataset[T]`` of the article, with its five traps closed (docs/spark.md)."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar

from headgate.datasets.locations import Location
from headgate.datasets.schema import Schema
from headgate.datasets.spark_errors import spark_errors
from headgate.datasets.spark_json import check_json, checked_json, sampled_json, spark_json
from headgate.datasets.spark_parquet import check_values, typed_parquet
from headgate.datasets.spark_rows import dataframe, records
from headgate.datasets.spark_s3a import S3aSettings, hadoop, java, open_bucket
from headgate.datasets.spark_session import FORKED, Lease, Start, lease
from headgate.datasets.spark_types import struct_type
from headgate.datasets.stores import StoreSettings, shown_endpoint
from headgate.errors import CorruptObjectError, DatasetSetupError, ObjectMissingError, SchemaError, UsageError

if TYPE_CHECKING:
    from types import TracebackType

    from pyspark.sql import DataFrame, SparkSession

__all__ = ["SAMPLE_RECORDS", "SparkLoader", "dataframe", "records", "struct_type"]

T = TypeVar("T")
Format = Literal["auto", "json", "jsonl", "parquet"]
Validate = Literal["none", "sample", "full"]

# Records that validate="sample" reads: a defect in one record of a hundred escapes with probability 0.99^1000 = 4e-5.
SAMPLE_RECORDS = 1000
# Characters that Hadoop's paths take for patterns; a key with one would name other objects too.
_PATTERN = frozenset("{}[]*?\\^")
_HIDDEN = ("_", ".")
_ENDINGS: dict[str, Format] = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}

# Threads that load first at the same moment must not lease twice: the second lease would never be released.
_leasing = threading.Lock()


def _new_lock() -> None:
    """Replace the lock in a forked child: the thread that held it is not there any more."""
    global _leasing  # noqa: PLW0603 - one lock for the process
    _leasing = threading.Lock()


if hasattr(os, "register_at_fork"):  # Windows has no fork to take care of
    os.register_at_fork(after_in_child=_new_lock)


class SparkLoader(Generic[T]):
    """Loads the DataFrame of ``type`` that lies at ``location`` for a key; fit to be a `LazyMap`'s loader.

    Parameters
    ----------
    location : str or path
        ``s3://bucket/path/{key}.json``, ``file:///directory/{key}.parquet`` or a plain path: an object, or a folder.
    type : dataclass
        What a record is.
    session : SparkSession, optional
        By default the one that runs; where none does, one is started at the first load, shared by all loaders and
        stopped when the last of them is closed.
    format : {"auto", "json", "jsonl", "parquet"}
        By default told from the ending of ``location``.
    validate : {"full", "sample", "none"}
        ``full`` holds every record to ``type`` before the DataFrame is returned; ``sample`` the first
        `SAMPLE_RECORDS`; ``none`` none. The last two read JSON by Spark's own reader, which makes null of what is
        missing (a field with a default too) and text of a number; a column's type in Parquet is checked by all three.
    missing : {"error", "none"}
        Whether an object that is not there is an error, or None.
    endpoint, region, profile, anonymous
        As for `S3Loader`; SSL is what the endpoint's scheme says.
    path_style : bool, optional
        Whether the bucket is in the path; by default where an endpoint is given.
    credentials : str
        ``"chain"``: those boto3 finds, handed over for this bucket alone; ``"session"``: what the session has;
        else the class name of a provider.
    master, jars, packages, progress
        For a session of our own: Spark's master; a directory with the S3 connector's jars (or HEADGATE_SPARK_JARS);
        else Maven coordinates, by default the connector of the version of Spark's Hadoop; whether to draw progress.

    Raises
    ------
    UsageError
        An argument is wrong.
    """

    values_survive_fork = False  # to `LazyMap`: a DataFrame is one of the process that made it

    def __init__(  # noqa: PLR0913 - each is a setting of its own, named by the caller
        self,
        location: str | os.PathLike[str],
        type: type[T],  # noqa: A002 - what it is
        *,
        session: SparkSession | None = None,
        format: Format = "auto",  # noqa: A002 - what it is
        validate: Validate = "full",
        missing: Literal["error", "none"] = "error",
        endpoint: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        anonymous: bool = False,
        path_style: bool | None = None,
        credentials: str = "chain",
        master: str | None = None,
        jars: str | os.PathLike[str] | None = None,
        packages: str | None = None,
        progress: bool = False,
    ) -> None:
        self.location = Location.parse(location)
        self.schema = Schema.of(type)
        self.format = _format(format, self.location.path)
        self.validate = _one_of("validate", validate, ("full", "sample", "none"))
        self.missing = _one_of("missing", missing, ("error", "none"))
        store = StoreSettings(endpoint=endpoint, region=region, profile=profile, anonymous=anonymous)
        self._s3 = S3aSettings(store, path_style, credentials)
        self._start = Start(master, os.fspath(jars) if jars else None, packages, self.location.scheme == "s3", progress)
        self._given = session
        self._lease: Lease | None = None
        self._closed = False

    @property
    def session(self) -> SparkSession:
        """The session that loads; it is started here if none runs."""
        if self._closed:
            raise UsageError(f"the SparkLoader of {self.location} is closed; make another")
        with _leasing:
            if self._lease is None:
                self._lease = lease(self._given, self._start)
            held = self._lease
        if held.process != os.getpid():
            raise DatasetSetupError(FORKED)
        return held.session

    def __call__(self, key: object) -> DataFrame | None:
        """Return the DataFrame for ``key``; None only where ``missing="none"`` and there is no such object.

        Raises
        ------
        UsageError
            The key could lead elsewhere, or is a pattern to Hadoop.
        SchemaError, CorruptObjectError
            What lies there is not what ``type`` declares; the message names location and field, never a value.
        ObjectMissingError, AccessDeniedError, StoreUnavailableError, DatasetSetupError
            It could not be had; the message says what to do.
        """
        uri, where = self._place(key)
        session = self.session
        if self.location.scheme == "s3":
            open_bucket(session, self.location.bucket, self._s3, where)
        with spark_errors(where):
            if not _is_there(session, uri, where, empty=self.format == "jsonl"):
                if self.missing == "none":
                    return None
                raise ObjectMissingError(f"{where}: there is no such object; check the key")
            return self._read(session, uri, where)

    def _place(self, key: object) -> tuple[str, str]:
        """Return the name of a key's object for Hadoop, and for messages."""
        name = self.location.key(key)
        path = f"{self.location.bucket.rstrip('/')}/{name}"
        if not _PATTERN.isdisjoint(path):
            raise UsageError(
                f"{path!a}: Hadoop takes {' '.join(sorted(_PATTERN))} for patterns; name the object without them"
            )
        if name.rstrip("/").rpartition("/")[2].startswith(_HIDDEN):
            raise UsageError(f"{path!a}: Spark takes names that begin with _ or . for hidden, and reads nothing there")
        if self.location.scheme == "s3":
            return f"s3a://{path}", f"s3://{path} at {shown_endpoint(self._s3.store.endpoint)}"
        return f"file://{path}", path

    def _read(self, session: SparkSession, uri: str, where: str) -> DataFrame:
        if self.format == "parquet":
            rows = typed_parquet(session, uri, self.schema, where)
            if self.validate != "none":
                check_values(rows if self.validate == "full" else rows.limit(SAMPLE_RECORDS), self.schema, where)
            return rows
        lines = self.format == "jsonl"
        if self.validate == "full":
            # Now, and not at the first use, far away.
            check_json(session, uri, self.schema, lines=lines)
            return checked_json(session, uri, self.schema, lines=lines)
        if self.validate == "sample":
            sampled_json(session, uri, self.schema, lines=lines, most=SAMPLE_RECORDS, where=where)
        return spark_json(session, uri, self.schema, lines=lines)

    def close(self) -> None:
        """End the use of the session; one that loaders started stops with the last of them."""
        with _leasing:
            self._closed = True
            held, self._lease = self._lease, None
        if held is not None:
            held.release()

    def __enter__(self) -> Self:
        """Return the loader; it is closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        at = f", endpoint={shown_endpoint(self._s3.store.endpoint)!r}" if self._s3.store.endpoint else ""
        what = f"{self.schema.type.__name__}, format={self.format!r}, validate={self.validate!r}"
        return f"SparkLoader({str(self.location)!r}, {what}{at})"

    def __getstate__(self) -> dict[str, Any]:
        """Return the settings: a session, given or leased, stays in its process."""
        return {**self.__dict__, "_given": None, "_lease": None}


def _format(given: str, path: str) -> Format:
    if given != "auto":
        return _one_of("format", given, ("json", "jsonl", "parquet"))  # type: ignore[return-value]  # one of Format's
    found = _ENDINGS.get(Path(path).suffix)
    if found is None:
        raise UsageError(f"{path!a}: its ending names no format; give format='json', 'jsonl' or 'parquet'")
    return found


def _one_of(name: str, given: str, known: tuple[str, ...]) -> str:
    if given not in known:
        raise UsageError(f"{name}={given!r}: expected one of {', '.join(known)}")
    return given


def _is_there(session: SparkSession, uri: str, where: str, *, empty: bool) -> bool:
    """Say whether there is an object or a folder with one; asked here, since Spark asks where nobody looks.

    What Spark would leave out without a word is refused: folders in a folder that are no partitions, and objects of no
    bytes where they are no dataset (``empty`` says that they may be one).

    Raises
    ------
    SchemaError, CorruptObjectError
        There is such a one.
    """
    path = java(session).org.apache.hadoop.fs.Path(uri)
    store = path.getFileSystem(hadoop(session))
    if not store.exists(path):
        return False
    status = store.getFileStatus(path)
    listed = [status]
    if status.isDirectory():
        listed = [one for one in store.listStatus(path) if not one.getPath().getName().startswith(_HIDDEN)]
    for one in listed:
        name = one.getPath().getName()
        if one.isDirectory() and "=" not in name:
            raise SchemaError(f"{where}: has a folder in it ({name!a}), which Spark does not read; name that folder")
        if not (empty or one.isDirectory() or one.getLen()):
            raise CorruptObjectError(f"{where}: {name!a} is empty, not a byte of it is there; store it again")
    return bool(listed)
