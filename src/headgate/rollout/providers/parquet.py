"""Records as Parquet, from files or S3, through the datasets' stores: one row is one request.

Columns are named as a record's keys. Metrics are a struct or map column ``metrics``, or a column each, named as in the
plan. A directory, and an ``s3://bucket/prefix/`` that ends with a slash, mean all ``.parquet`` objects below it, in the
order of their names. An object is held whole while it is read: at most `headgate.datasets.stores.MAX_BYTES`, and at
most as many once decoded.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.datasets.decode_parquet import read_table
from headgate.datasets.locations import PLACE, Location
from headgate.datasets.stores import StoredObject, StoreSettings, shown_endpoint
from headgate.errors import InputError, ObjectMissingError, UsageError, brief
from headgate.rollout.providers.records import KEYS, cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from headgate.datasets.stores import ObjectStore
    from headgate.rollout.providers.contract import Asked, RecordStep

__all__ = ["steps"]

_ENDING = ".parquet"
_METRICS = "metrics"
# Rows turned into Python's values at a time.
_ROWS = 2_000


class _Place(NamedTuple):
    """Where the objects are: the store, the bucket in it, and their keys; what to say of the whole for messages."""

    store: ObjectStore
    bucket: str
    keys: tuple[str, ...]
    where: str


def steps(given: str, asked: Asked) -> Iterator[RecordStep]:
    """Yield batches of the records in the object ``given``, or in the objects below it.

    Raises
    ------
    InputError
        A column is missing or unknown, or there is not one good record.
    DatasetError
        An object is not there, cannot be read, or is no Parquet.
    UsageError
        ``given`` names nothing that could be there.
    """
    place = _place(given, asked)
    if not place.keys:
        raise InputError(f"{place.where}: there is no {_ENDING} below it; check the path")
    # Cut by number alone, so that the same objects are cut alike the next time.
    yield from cut(_rows(place, asked), asked, seconds=math.inf, name=given)


def _place(given: str, asked: Asked) -> _Place:
    if given.startswith(("s3://", "s3a://")):
        from headgate.datasets.s3_boto import BotoStore

        head, slash, key = given.rpartition("/")
        if not head.partition("://")[2].partition("/")[0]:
            raise UsageError(f"--parquet: {given!r} will not do: expected s3://bucket/key or s3://bucket/path/")
        location = Location.parse(f"{head}{slash}{PLACE}")
        store, prefix = BotoStore(StoreSettings(endpoint=asked.endpoint)), location.path.removesuffix(PLACE)
        where = f"s3://{location.bucket}/{prefix}{key}"
        if asked.endpoint:
            where += f" at {shown_endpoint(asked.endpoint)}"
        keys = [prefix + key] if key else [one.key for one in store.list(location.bucket, prefix)]
        return _Place(store, location.bucket, _parquets(keys) if not key else tuple(keys), where)
    from headgate.datasets.local import LocalStore

    path = Path(given.removeprefix("file://"))
    local = LocalStore()
    if path.is_dir():
        return _Place(local, str(path), _parquets([one.key for one in local.list(str(path))]), given)
    return _Place(local, str(path.parent), (path.name,), given)


def _parquets(keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(key for key in keys if key.endswith(_ENDING))


def _rows(place: _Place, asked: Asked) -> Iterator[tuple[str, object]]:
    for done, key in enumerate(place.keys):
        asked.progress("objects", done, len(place.keys))
        found = place.store.get(place.bucket, key)
        name = place.store.where(place.bucket, key)
        if not isinstance(found, StoredObject):
            raise ObjectMissingError(f"{name}: there is no such object; check the path")
        table = read_table(found.content, name, advice="split the file")
        flat = _flat_metrics(table, asked, name)
        number = 0
        for batch in _plain(table).to_batches(max_chunksize=_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield f"{name}: row {number}", _record(row, flat)


def _record(row: dict[str, Any], flat: tuple[str, ...] | None) -> dict[str, Any]:
    """Return a row as a record; what is null is not there."""
    found = {key: value for key, value in row.items() if key in KEYS and value is not None}
    # A stage that is null is said to be so: it is none, and not forgotten.
    if "stage" in row:
        found["stage"] = row["stage"]
    if isinstance(found.get(_METRICS), list):  # as pyarrow gives a map
        found[_METRICS] = dict(found[_METRICS])
    if flat is not None:
        found[_METRICS] = {name: row[name] for name in flat}
    return found


def _flat_metrics(table: pa.Table, asked: Asked, name: str) -> tuple[str, ...] | None:
    """Return the metrics that have a column each; None where they are in one."""
    names = {metric.name for metric in asked.plan.metrics}
    columns = table.column_names
    if len(set(columns)) < len(columns):
        raise InputError(f"{name}: two columns have one name; give each its own")
    nested = _METRICS in columns
    allowed = KEYS if nested else KEYS | names
    unknown = next((column for column in columns if column not in allowed), None)
    if unknown is not None:
        raise InputError(
            f"{name}: column {brief(unknown)}: expected one of {', '.join(sorted(allowed))}; mend or drop it"
        )
    if nested:
        return None
    both = sorted(names & KEYS & set(columns))
    if both:
        raise InputError(f"{name}: column {both[0]!r} is a record's key and a metric; put metrics into a struct column")
    return tuple(column for column in columns if column in names)


def _plain(table: pa.Table) -> pa.Table:
    """Return the table with times in microseconds: Python's have no more."""
    import pyarrow as pa

    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            kind = pa.timestamp("us", field.type.tz)
            table = table.set_column(index, field.name, table.column(index).cast(kind, safe=False))
    return table
