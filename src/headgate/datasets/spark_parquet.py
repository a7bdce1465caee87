"""Parquet through Spark, held to a dataclass: types from the files' own schema, nulls and choices by one aggregation.

Given a schema, Spark reads a missing column as nulls and says nothing of one too many; so the files' own schema is
read first, and compared.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from headgate.datasets.schema_plain import plain
from headgate.datasets.spark_types import DECIMAL, default_of, row_type, spark_type
from headgate.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import DataType

    from headgate.datasets.schema import Schema
    from headgate.datasets.schema_types import Field, FieldType

    Violation = tuple[str, Callable[[Column], Column]]

__all__ = ["check_values", "typed_parquet"]

# What Spark calls its types, for each kind; all are exact in the type that `spark_type` gives.
_FITTING = {
    "string": {"string"},
    "integer": {"byte", "short", "integer", "long"},
    "float": {"float", "double"},
    "boolean": {"boolean"},
    "bytes": {"binary"},
    "date": {"date"},
    "timestamp": {"timestamp"},
    "decimal": {"decimal"},
    "list": {"array"},
    "map": {"map"},
    "record": {"struct"},
}


def typed_parquet(session: SparkSession, uri: str, schema: Schema[Any], where: str) -> DataFrame:
    """Return the rows of ``uri`` with the declared columns and types; reads every file's footer, and no values.

    Raises
    ------
    SchemaError
        A column is missing and has no default, is unknown, or is of another type than declared.
    """
    found = session.read.option("mergeSchema", "true").parquet(uri)
    declared = row_type(schema)
    problem = _difference(found.schema, declared, schema.allow_unknown)
    if problem:
        raise SchemaError(f"{where}: {problem}; mend the data or the type {schema.type.__name__}")
    present = {one.name: one.dataType for one in found.schema.fields}
    return found.select(
        *[
            _column(found[one.name] if one.name in present else None, present.get(one.name), one, declared)
            for one in declared.fields
        ]
    )


def check_values(rows: DataFrame, schema: Schema[Any], where: str) -> None:
    """Hold every value of ``rows`` to what types cannot say: where null may be, which texts and numbers an Enum has.

    Raises
    ------
    SchemaError
        A field breaks it; the message names the field and the number of records.
    """
    from pyspark.sql import functions

    violations = [
        (f"{one.name}{path}", one.name, test) for one in schema.fields for path, test in _violations(one.type)
    ]
    if not violations:
        rows.foreach(_nothing)
        return
    counts = [functions.count_if(test(rows[name])).alias(str(i)) for i, (_, name, test) in enumerate(violations)]
    (row,) = rows.agg(functions.count("*"), *counts).collect()
    for (path, _, _), count in zip(violations, row[1:], strict=True):
        if count:
            raise SchemaError(
                f"{where}: field {path}: null, or no value of its type, in {count} of {row[0]} records; mend the data "
                f"or the type {schema.type.__name__}"
            )


def _nothing(_row: object) -> None:
    """Make Spark read all that there is."""


def _difference(actual: DataType, declared: FieldType, allow_unknown: bool) -> str:
    """Return what distinguishes a column's type from the declared one; nothing: it holds such values."""
    name = actual.typeName()
    # pyspark names parameters too: decimal(10,2)
    if name.partition("(")[0] not in _FITTING[declared.kind]:
        zone = "; its times have no zone, and Spark's timestamps are instants" if name == "timestamp_ntz" else ""
        return f"expected {declared.kind}, found a column of {name}{zone}"
    if declared.kind == "record":
        return _record_difference(actual, declared, allow_unknown)
    if declared.kind == "decimal":
        return _decimal_difference(actual)
    if declared.item is None:
        return ""
    if declared.kind == "map" and actual.keyType.typeName() != "string":  # type: ignore[attr-defined]  # a MapType
        return f"expected a map from text, found one from {actual.keyType.typeName()}"  # type: ignore[attr-defined]
    item = actual.elementType if declared.kind == "list" else actual.valueType  # type: ignore[attr-defined]
    return _difference(item, declared.item, allow_unknown)


def _record_difference(actual: DataType, declared: FieldType, allow_unknown: bool) -> str:
    present = {one.name: one.dataType for one in actual.fields}  # type: ignore[attr-defined]  # a StructType
    known = {one.name for one in declared.fields}
    if not allow_unknown and not present.keys() <= known:
        unknown = next(name for name in present if name not in known)
        return f"has the unknown field {unknown!a}; add it to the type, or allow unknown fields"
    for one in declared.fields:
        if one.name not in present:
            if not one.has_default:
                return f"field {one.name}: is missing, and has no default"
        elif problem := _difference(present[one.name], one.type, allow_unknown):
            return f"field {one.name}: {problem}"
    return ""


def _decimal_difference(actual: Any) -> str:
    precision, scale = DECIMAL
    if actual.scale > scale or actual.precision - actual.scale > precision - scale:
        return f"expected decimal({precision},{scale}) or narrower, found {actual.simpleString()}"
    return ""


def _column(column: Column | None, actual: DataType | None, field: Field, outer: FieldType) -> Column:
    """Return the column as declared; its default where the files have none."""
    from pyspark.sql import functions, types

    wanted = spark_type(field.type)
    if column is None or actual is None:
        value = plain(default_of(outer.python, field.name), field.type, "json")
        box = types.StructType([types.StructField("value", wanted)])
        return functions.from_json(functions.lit(json.dumps({"value": value})), box)["value"].alias(field.name)
    return _converted(column, actual, field.type).alias(field.name)


def _converted(column: Column, actual: DataType, declared: FieldType) -> Column:
    from pyspark.sql import functions, types

    if declared.kind == "record" and isinstance(actual, types.StructType):
        present = {one.name: one.dataType for one in actual.fields}
        parts = [
            _column(column[one.name] if one.name in present else None, present.get(one.name), one, declared)
            for one in declared.fields
        ]
        return functions.when(column.isNotNull(), functions.struct(*parts))
    if declared.item is None:
        return column.cast(spark_type(declared))
    item = declared.item
    if isinstance(actual, types.ArrayType):
        return functions.transform(column, lambda one: _converted(one, actual.elementType, item))
    assert isinstance(actual, types.MapType)  # noqa: S101 - `_difference` has refused everything else
    return functions.transform_values(column, lambda _, one: _converted(one, actual.valueType, item))


def _violations(declared: FieldType) -> list[Violation]:
    """Return, for what may be wrong with a value of the type, the path to it and the test that it is wrong."""
    found: list[Violation] = []
    if not declared.nullable:
        found.append(("", lambda column: column.isNull()))
    if declared.choices:
        choices = list(declared.choices)
        found.append(("", lambda column: column.isNotNull() & ~column.isin(choices)))
    for one in declared.fields:
        found += [(f".{one.name}{path}", _within(one.name, test)) for path, test in _violations(one.type)]
    if declared.item is not None:
        mark = "[]" if declared.kind == "list" else "{}"
        found += [(mark + path, _among(declared.kind, test)) for path, test in _violations(declared.item)]
    return found


def _within(name: str, test: Callable[[Column], Column]) -> Callable[[Column], Column]:
    return lambda column: column.isNotNull() & test(column[name])


def _among(kind: str, test: Callable[[Column], Column]) -> Callable[[Column], Column]:
    from pyspark.sql import functions

    if kind == "list":
        return lambda column: functions.exists(column, test)
    return lambda column: functions.exists(functions.map_values(column), test)
