"""The tasks over files: each reads its own stretch and the `window` elements before it, and writes one part.

No task depends on another, so there is no shuffle; a task that is tried twice writes the same part again.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.errors import InputError
from headgate.transforms.spark_blocks import transform_segment
from headgate.transforms.spark_storage import RangeFile, join, publish, read_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Job", "NpyJob", "ParquetJob", "RowGroup", "part_name", "run_tasks"]


def part_name(task: int, suffix: str) -> str:
    """Name a task's part: the same for each attempt."""
    return f"part-{task:06d}{suffix}"


@dataclass(frozen=True)
class Weights:
    """What is computed, as a kernel takes it."""

    window: int
    coefficients: tuple[float, ...]
    anchor: str

    def transform(self, values: Array, start: int, halo: int) -> Array:
        """Transform `values`, of which the first has the index `start`; without the results of the halo."""
        native = np.require(values, values.dtype.newbyteorder("="), ["C", "A"])
        out = np.empty_like(native)
        transform_segment(native, start, self.window, self.coefficients, self.anchor, out)
        return out[halo:]


@dataclass(frozen=True)
class NpyJob:
    """A 1-D .npy file, cut every `block_rows` elements."""

    source: str
    version: str
    destination: str
    weights: Weights
    dtype: str
    rows: int
    data_begins: int
    block_rows: int
    suffix = ".npy"

    def spans(self) -> list[tuple[int, int]]:
        """First element and end of every task."""
        return [(start, min(start + self.block_rows, self.rows)) for start in range(0, self.rows, self.block_rows)]

    def run(self, task: int) -> int:
        """Read, transform and write one part; return its rows."""
        start = task * self.block_rows
        end = min(start + self.block_rows, self.rows)
        first = max(0, start - self.weights.window)
        dtype = np.dtype(self.dtype)
        begin = self.data_begins + first * dtype.itemsize
        data = read_range(self.source, begin, begin + (end - first) * dtype.itemsize, self.version)
        result = self.weights.transform(np.frombuffer(data, dtype), first, start - first)
        buffer = io.BytesIO()
        np.save(buffer, result, allow_pickle=False)
        publish(join(self.destination, part_name(task, self.suffix)), buffer.getvalue())
        return result.size


@dataclass(frozen=True)
class RowGroup:
    """One row group of the source: its file, its number there, and its rows."""

    file: str
    number: int
    start: int
    rows: int


@dataclass(frozen=True)
class ParquetJob:
    """The row groups of Parquet files, several to a task; every column is written out again, with the result."""

    destination: str
    weights: Weights
    column: str
    output: str
    groups: tuple[RowGroup, ...]
    tasks: tuple[tuple[int, int], ...]
    suffix = ".parquet"

    def spans(self) -> list[tuple[int, int]]:
        """First row and end of every task."""
        return [
            (self.groups[first].start, self.groups[end - 1].start + self.groups[end - 1].rows)
            for first, end in self.tasks
        ]

    def run(self, task: int) -> int:
        """Read, transform and write one part; return its rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        first, end = self.tasks[task]
        start = self.groups[first].start
        before = first
        while before and start - self.groups[before].start < self.weights.window:
            before -= 1
        halo = [_read(group, [self.column]) for group in self.groups[before:first]]
        own = pa.concat_tables([_read(group, None) for group in self.groups[first:end]])
        halo_rows = min(start, self.weights.window)
        lead = pa.concat_tables([*halo, own.select([self.column])]).slice(start - self.groups[before].start - halo_rows)
        values = self._values(lead, start - halo_rows)
        result = self.weights.transform(values, start - halo_rows, halo_rows)
        buffer = io.BytesIO()
        pq.write_table(own.append_column(self.output, pa.array(result)), buffer)
        publish(join(self.destination, part_name(task, self.suffix)), buffer.getvalue())
        return result.size

    def _values(self, table: pa.Table, start: int) -> Array:
        column = table[self.column]
        if column.null_count:
            row = start + int(np.argmax(column.is_null().to_numpy()))
            raise InputError(f"column {self.column!r} is null in row {row}; fill or drop such rows first")
        return np.asarray(column.to_numpy())


Job = NpyJob | ParquetJob


def run_tasks(batches: Iterable[pa.RecordBatch], job: Job) -> Iterator[pa.RecordBatch]:
    """Run the tasks whose numbers come in; what ``mapInArrow`` is given."""
    import pyarrow as pa

    for batch in batches:
        tasks = batch.column(0).to_numpy().tolist()
        rows = [job.run(task) for task in tasks]
        yield pa.RecordBatch.from_arrays([pa.array(tasks, pa.int64()), pa.array(rows, pa.int64())], ["task", "rows"])


def _read(group: RowGroup, columns: list[str] | None) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with RangeFile(group.file) as file:
        return pq.ParquetFile(pa.PythonFile(file, "r")).read_row_group(group.number, columns=columns)
