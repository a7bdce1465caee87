"""Typed records to a DataFrame and back."""

from __future__ import annotations

import contextlib
from datetime import UTC
from typing import TYPE_CHECKING, Any, TypeVar

from headgate.datasets.schema import Schema
from headgate.datasets.schema_plain import plain
from headgate.datasets.schema_values import Mismatch
from headgate.datasets.spark_errors import spark_errors
from headgate.datasets.spark_types import RowCheck, arrow_schema, row_type, spark_type
from headgate.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import DataType

    from headgate.datasets.schema_types import FieldType

__all__ = ["dataframe", "records"]

T = TypeVar("T")


def dataframe(records: Iterable[T], type: type[T], session: SparkSession) -> DataFrame:  # noqa: A002 - as in SparkLoader
    """Return the DataFrame of ``records``, which are checked as data from outside is.

    Raises
    ------
    SchemaError
        A record holds what its dataclass does not declare, a time without a zone, or a Decimal that does not fit
        DECIMAL(38, 18); the message names record and field, never a value.
    """
    import pyarrow as pa

    check = RowCheck(Schema.of(type))
    declared, row = row_type(Schema.of(type)), check.rows()
    rows, problem = [], ""
    for number, record in enumerate(records, start=1):
        try:
            rows.append(row(plain(record, declared, "native")))
        except Mismatch as mismatch:
            problem = f"record {number}: {check.problem(mismatch)}"
            break
        except AttributeError:  # a field that the record, of another class, has not
            problem = f"record {number} is no {check.name}; give records of that type"
            break
    if problem:
        raise SchemaError(problem)
    table = pa.Table.from_pylist(rows, schema=arrow_schema(check.fields))
    made: DataFrame = session.createDataFrame(table, schema=spark_type(declared))  # type: ignore[call-overload]  # a StructType
    return made


def records(df: DataFrame, type: type[T]) -> list[T]:  # noqa: A002 - as in SparkLoader
    """Return the rows of ``df`` as records of ``type``, checked strictly; times are in UTC.

    Raises
    ------
    SchemaError
        A row is not what the dataclass declares; the message names row and field, never a value.
    DatasetError
        Spark could not read what the DataFrame stands for.
    """
    schema = Schema.of(type)
    with spark_errors("the DataFrame"):
        # pyspark's toArrow refuses nulls in a struct that has fields without them; null is the schema's matter here.
        anywhere = [df[f"`{one.name}`"].cast(_nullable(one.dataType)).alias(one.name) for one in df.schema]
        table = df.select(*anywhere).toArrow()
    declared = row_type(schema)
    return list(schema.records((_native(row, declared) for row in table.to_pylist()), "the DataFrame"))


def _nullable(kind: DataType) -> DataType:
    """Return the type with null allowed at every depth."""
    from pyspark.sql import types

    if isinstance(kind, types.StructType):
        return types.StructType([types.StructField(one.name, _nullable(one.dataType)) for one in kind])
    if isinstance(kind, types.ArrayType):
        return types.ArrayType(_nullable(kind.elementType))
    if isinstance(kind, types.MapType):
        return types.MapType(kind.keyType, _nullable(kind.valueType))
    return kind


def _native(value: Any, declared: FieldType) -> Any:
    """Return Arrow's value with maps as dicts and times in UTC; what does not fit is left for the schema to refuse."""
    if value is None:
        return None
    if declared.kind == "record" and isinstance(value, dict):
        types = {one.name: one.type for one in declared.fields}
        return {name: _native(one, types[name]) if name in types else one for name, one in value.items()}
    if declared.kind == "map" and declared.item is not None and isinstance(value, list):
        return [(key, _native(one, declared.item)) for key, one in value]
    if declared.kind == "list" and declared.item is not None and isinstance(value, list):
        return [_native(one, declared.item) for one in value]
    if declared.kind == "timestamp" and getattr(value, "tzinfo", None) is not None:
        with contextlib.suppress(OverflowError):
            return value.astimezone(UTC)
    return value
