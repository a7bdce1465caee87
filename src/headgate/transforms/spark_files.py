"""Arrays on storage: a .npy file or Parquet files in, a directory of parts and their index out, without a shuffle."""

from __future__ import annotations

import functools
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.errors import InputError, UsageError
from headgate.transforms.spark_blocks import check_weights
from headgate.transforms.spark_errors import input_errors
from headgate.transforms.spark_jobs import Job, NpyJob, ParquetJob, RowGroup, Weights, part_name, run_tasks
from headgate.transforms.spark_plan import check_block_rows, check_polynomial
from headgate.transforms.spark_storage import (
    RangeFile,
    check_url,
    files_under,
    is_occupied,
    join,
    publish,
    read_range,
    size_and_version,
)
from headgate.transforms.validate import DEFAULT_COEFFICIENTS, DTYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

__all__ = ["INDEX_NAME", "transform_file"]

DEFAULT_FILE_ROWS = 4_194_304
"""Elements to a part where the window does not ask for more: 32 MiB of float64, one request of S3 and one task."""

WINDOWS_PER_PART = 4
"""A part has at least so many windows' elements: then at most a quarter is read twice."""

INDEX_NAME = "index.json"
"""Written last: a directory without it is an unfinished result."""

LONGEST_HEADER = 65_546
"""Bytes to read for a .npy header: the longest of format 1.0 (numpy.lib.format)."""


def transform_file(  # noqa: PLR0913 - the transform's own arguments, and where from and where to
    session: SparkSession,
    source: str,
    destination: str,
    window: int,
    *,
    column: str | None = None,
    coefficients: Sequence[float] = DEFAULT_COEFFICIENTS,
    anchor: str = "absolute",
    output: str = "sliding_polynomial",
    block_rows: int | None = None,
) -> dict[str, Any]:
    """Transform a 1-D array that lies on storage; each task reads its own stretch and the `window` elements before it.

    Parameters
    ----------
    session : SparkSession
        Whose executors do the work; they must reach both places.
    source : str
        A path, file://, s3:// or s3a:// URL: a ``.npy`` file, or a Parquet file or directory of them, in the order of
        the files' names; row i of them all has the index i.
    destination : str
        A directory (or S3 prefix) with nothing in it. Parts appear in it whole; ``index.json`` is written last, and
        lists them in order.
    window, coefficients, anchor
        As for arrays.
    column, output : str
        Parquet alone: which column, and the name of the column added to the others.
    block_rows : int, optional
        Elements to a part (for Parquet: whole row groups of at least so many rows), by default 4,194,304 or four
        windows. A task holds one part and its halo.

    Returns
    -------
    dict
        What ``index.json`` says: format, dtype, rows, window, coefficients, anchor, and parts (name, start, rows).

    Raises
    ------
    UsageError
        An argument is wrong.
    InputError
        The source cannot be read, is truncated, changes meanwhile, has nulls or another shape or dtype; or the
        destination is not empty.
    """
    source, destination = check_url("source", source), check_url("destination", destination)
    _check_is_free(destination)
    given = (window, coefficients, anchor)
    job: Job
    if not source.endswith(".npy"):
        job, dtype = _parquet_job(source, destination, given, block_rows, column=column, output=output)
    elif column is None:
        job, dtype = _npy_job(source, destination, given, block_rows)
    else:
        raise UsageError(f"column: {source} is a .npy file, which has none")
    index = _computed(session, job, dtype)
    publish(join(destination, INDEX_NAME), (json.dumps(index, indent=1) + "\n").encode())
    return index


def _check_is_free(destination: str) -> None:
    if is_occupied(destination):
        raise InputError(
            f"destination: {destination} is not empty; remove it or choose another (without {INDEX_NAME} in it, it is "
            "an unfinished result)"
        )


def _computed(session: SparkSession, job: Job, dtype: np.dtype[Any]) -> dict[str, Any]:
    """Run one Spark task per part; every part must have come back with its rows. Return the index."""
    spans = job.spans()
    if spans:
        weights, reach = job.weights, spans[-1][1]
        check_weights(
            weights.coefficients, reach if weights.anchor == "absolute" else min(weights.window, reach), dtype
        )
        work = functools.partial(run_tasks, job=job)
        with input_errors():
            tasks = session.range(0, len(spans), 1, len(spans)).mapInArrow(work, "task bigint, rows bigint")
            done = {row["task"]: row["rows"] for row in tasks.collect()}
        if done != {task: end - start for task, (start, end) in enumerate(spans)}:
            raise InputError(f"destination: {job.destination} did not get every part; remove it and run again")
    return _index(job, dtype, spans)


def _index(job: Job, dtype: np.dtype[Any], spans: list[tuple[int, int]]) -> dict[str, Any]:
    return {
        "format": job.suffix.removeprefix("."),
        "dtype": dtype.name,
        "rows": spans[-1][1] if spans else 0,
        "window": job.weights.window,
        "coefficients": list(job.weights.coefficients),
        "anchor": job.weights.anchor,
        "parts": [
            {"name": part_name(task, job.suffix), "start": start, "rows": end - start}
            for task, (start, end) in enumerate(spans)
        ],
    }


def _npy_job(
    source: str, destination: str, given: tuple[int, Sequence[float], str], block_rows: int | None
) -> tuple[NpyJob, np.dtype[Any]]:
    """Read the header; the file must be as long as it says."""
    size, version = size_and_version(source)
    head = io.BytesIO(read_range(source, 0, min(size, LONGEST_HEADER), version))
    try:
        major = np.lib.format.read_magic(head)
        read = np.lib.format.read_array_header_1_0 if major == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, stored = read(head)
    except ValueError as error:
        raise InputError(f"{source}: is not a .npy file of a plain array ({error}); give another file") from None
    if len(shape) != 1:
        raise InputError(f"{source}: holds an array of shape {shape}; give one with one axis")
    dtype = _supported(source, stored)
    weights, rows = _weights(given, dtype, block_rows)
    if size < head.tell() + shape[0] * dtype.itemsize:
        what = f"{size} bytes for {shape[0]} elements of {dtype}"
        raise InputError(f"{source}: is truncated ({what}); get the file again")
    job = NpyJob(source, version, destination, weights, stored.str, shape[0], head.tell(), rows)
    return job, dtype


def _parquet_job(
    source: str,
    destination: str,
    given: tuple[int, Sequence[float], str],
    block_rows: int | None,
    *,
    column: str | None,
    output: str,
) -> tuple[ParquetJob, np.dtype[Any]]:
    """Read the metadata of every file and share out their row groups."""
    files = files_under(source, ".parquet")
    if not files:
        raise InputError(f"{source}: holds no .parquet files; check the path")
    schema, groups = _row_groups(files)
    if column is None or column not in schema.names:
        raise UsageError(f"column: {column!r} is not in {source}; it has: {', '.join(map(repr, schema.names))}")
    if not output or output in schema.names:
        raise UsageError(f"output: {output!r} is empty or already a column; choose another name")
    try:
        stored = np.dtype(schema.field(column).type.to_pandas_dtype())
    except (NotImplementedError, TypeError):
        stored = np.dtype(object)
    dtype = _supported(f"{source}: column {column!r}", stored)
    weights, rows = _weights(given, dtype, block_rows)
    return ParquetJob(destination, weights, column, output, groups, _share_out(groups, rows)), dtype


def _row_groups(files: list[str]) -> tuple[Any, tuple[RowGroup, ...]]:
    """Read the files' one schema, and all their row groups in order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, groups, start = None, [], 0
    for name in files:
        with RangeFile(name) as file:
            try:
                parquet = pq.ParquetFile(pa.PythonFile(file, "r"))
            except pa.ArrowException as error:
                raise InputError(f"{name}: cannot be read as Parquet: {error}") from None
            found, metadata = parquet.schema_arrow, parquet.metadata
        if schema is None:
            schema = found
        elif not schema.equals(found):
            raise InputError(f"{name}: has other columns than {files[0]}; all files must have the same")
        for number in range(metadata.num_row_groups):
            rows = metadata.row_group(number).num_rows
            if rows:
                groups.append(RowGroup(name, number, start, rows))
            start += rows
    return schema, tuple(groups)


def _share_out(groups: tuple[RowGroup, ...], rows: int) -> tuple[tuple[int, int], ...]:
    """Consecutive row groups to a task, until they have `rows` rows."""
    tasks, first = [], 0
    for end, group in enumerate(groups, 1):
        if group.start + group.rows - groups[first].start >= rows or end == len(groups):
            tasks.append((first, end))
            first = end
    return tuple(tasks)


def _weights(
    given: tuple[int, Sequence[float], str], dtype: np.dtype[Any], block_rows: int | None
) -> tuple[Weights, int]:
    length, coefficients = check_polynomial(*given, dtype)
    rows = check_block_rows(block_rows, length, DEFAULT_FILE_ROWS, WINDOWS_PER_PART)
    return Weights(length, coefficients, given[2]), rows


def _supported(what: str, stored: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in native byte order, if there are kernels for it."""
    dtype = stored.newbyteorder("=")
    if dtype.name not in DTYPES:
        raise InputError(f"{what}: holds {stored}; convert it to one of {', '.join(DTYPES)}")
    return dtype
