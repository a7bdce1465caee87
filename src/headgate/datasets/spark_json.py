"""JSON and JSON Lines through Spark, held to a dataclass strictly.

Spark's own reader takes a number for a string column as text, makes null of a missing field and drops
``nullable=False``, even in its mode FAILFAST. Nothing it returns shows that afterwards; so the full check reads the
text itself, and the rows it returns are made by the check: read again later, data that has changed is checked again.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, NoReturn

from headgate.datasets.schema_values import Mismatch
from headgate.datasets.spark_types import RowCheck, arrow_schema, struct_type
from headgate.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from headgate.datasets.schema import Schema

__all__ = ["check_json", "checked_json", "sampled_json", "spark_json"]

_MOST_ROWS = 10_000  # of a batch on its way to the JVM: Spark's own default


def spark_json(session: SparkSession, uri: str, schema: Schema[Any], *, lines: bool) -> DataFrame:
    """Return what Spark's own reader makes of ``uri``, in its strictest mode; it is read when the result is used."""
    reader = session.read.schema(struct_type(schema)).option("mode", "FAILFAST")
    return reader.option("multiLine", str(not lines).lower()).option("allowNonNumericNumbers", "false").json(uri)


def sampled_json(session: SparkSession, uri: str, schema: Schema[Any], *, lines: bool, most: int, where: str) -> None:
    """Hold the first ``most`` records to ``schema``, here and now; of several files, those that Spark names first.

    Raises
    ------
    SchemaError
        One of them is not what the dataclass declares, or the text is no JSON.
    """
    check = RowCheck(schema)
    row, number = check.rows(), 0
    for content in _texts(session, uri, lines=lines).take(most if lines else 1):
        for record in _documents(bytes(content[0]), where, check, lines=lines):
            if number == most:
                return
            number += 1
            _made(row, record, f"{where}: record {number}", check)


def checked_json(session: SparkSession, uri: str, schema: Schema[Any], *, lines: bool) -> DataFrame:
    """Return the rows of ``uri``, each checked whenever it is read; nothing is read yet.

    A JSON document (``lines`` false: one object, or an array of them, to a file) is one task's work.
    """
    check = RowCheck(schema)

    def batches(arriving: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return _checked(arriving, check, lines=lines)

    return _texts(session, uri, lines=lines).mapInArrow(batches, struct_type(schema))


def check_json(session: SparkSession, uri: str, schema: Schema[Any], *, lines: bool) -> None:
    """Hold every record of ``uri`` to ``schema``, in one job.

    Raises
    ------
    SchemaError
        One of them is not what the dataclass declares, or the text is no JSON.
    """
    check = RowCheck(schema)

    def batches(arriving: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return _problem(arriving, check, lines=lines)

    # A problem comes back as a row: a task that raises is tried again, and fills the log each time.
    problems = _texts(session, uri, lines=lines).mapInArrow(batches, "problem string").collect()
    if problems:
        raise SchemaError(min(row.problem for row in problems))


def _texts(session: SparkSession, uri: str, *, lines: bool) -> DataFrame:
    """Return the lines or files as bytes, each with its file's name; as text, what is no UTF-8 would be replaced."""
    from pyspark.sql import functions

    texts = session.read.text(uri, wholetext=not lines)
    return texts.select(functions.col("value").cast("binary"), functions.col("_metadata.file_path"))


def _problem(arriving: Iterator[pa.RecordBatch], check: RowCheck, *, lines: bool) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    try:
        for _ in _rows(arriving, check, lines=lines):
            pass
    except SchemaError as error:
        yield pa.RecordBatch.from_pydict({"problem": [str(error)]})


def _checked(arriving: Iterator[pa.RecordBatch], check: RowCheck, *, lines: bool) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    rows, schema = _rows(arriving, check, lines=lines), arrow_schema(check.fields)
    while some := list(itertools.islice(rows, _MOST_ROWS)):
        yield pa.RecordBatch.from_pylist(some, schema=schema)


def _rows(arriving: Iterator[pa.RecordBatch], check: RowCheck, *, lines: bool) -> Iterator[dict[str, Any]]:
    row = check.rows()
    for batch in arriving:
        for content, path in zip(batch.column(0), batch.column(1), strict=True):
            where = path.as_py()
            for number, record in enumerate(_documents(content.as_py(), where, check, lines=lines), start=1):
                yield _made(row, record, f"{where}: a line" if lines else f"{where}: record {number}", check)


def _documents(content: bytes, where: str, check: RowCheck, *, lines: bool) -> Iterable[Any]:
    """Return the records in one line, or in one document: an object, or an array of them."""
    if lines and not content.strip():
        return ()
    found = _made(_parsed, content, where, check)
    return found if isinstance(found, list) and not lines else (found,)


def _made(make: Callable[[Any], Any], value: Any, where: str, check: RowCheck) -> Any:
    try:
        return make(value)
    except Mismatch as mismatch:
        problem = f"{where}: {check.problem(mismatch)}"
    # Outside the handler: the context of a traceback must not carry more than the message does.
    raise SchemaError(problem)


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        problem = f"is no JSON ({error.msg} at character {error.pos})"
    except UnicodeDecodeError as error:
        problem = f"is no UTF-8 (at byte {error.start})"
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; brackets a thousand deep
        problem = f"cannot be read ({type(error).__name__})"
    raise Mismatch(problem)


def _finite(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):
        raise Mismatch("has a number beyond all floats")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Mismatch("has a field that is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Mismatch(f"holds {name}, which is no JSON")
