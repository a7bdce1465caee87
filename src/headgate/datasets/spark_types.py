"""A dataclass as Spark and Arrow types, and one row checked and made ready for them; workers need not have the class.

``datetime`` is Spark's TIMESTAMP, an instant: values must have a time zone. ``Decimal`` is DECIMAL(38, 18). ``int`` is
BIGINT, ``float`` DOUBLE, an Enum or Literal its raw values, a dataclass a STRUCT.
"""

from __future__ import annotations

import dataclasses
import enum
from datetime import UTC
from typing import TYPE_CHECKING, Any, cast

from headgate.datasets.schema import Schema
from headgate.datasets.schema_plain import plain
from headgate.datasets.schema_values import Mismatch, acceptor

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from pyspark.sql.types import DataType, StructType

    from headgate.datasets.schema_types import Field, FieldType

__all__ = ["DECIMAL", "RowCheck", "arrow_schema", "default_of", "row_type", "spark_type", "struct_type"]

# Digits in all, and behind the point: Spark's and Arrow's widest, and Spark's own choice for Python's Decimal.
DECIMAL = (38, 18)


def struct_type(type: type[Any] | Schema[Any]) -> StructType:  # noqa: A002 - the loaders' name for it
    """Return the Spark schema of a dataclass, with its nullability: the counterpart of the encoder for ``T``.

    Raises
    ------
    UsageError
        It is no dataclass, or has a field of a type that data cannot be checked against.
    """
    schema = type if isinstance(type, Schema) else Schema.of(type)
    return cast("StructType", spark_type(row_type(schema)))


def row_type(schema: Schema[Any]) -> FieldType:
    """Return the declared type of a whole record."""
    from headgate.datasets.schema_types import FieldType

    return FieldType("record", schema.type, fields=schema.fields)


def spark_type(declared: FieldType) -> DataType:
    """Return the Spark type that holds every value of ``declared``."""
    from pyspark.sql import types

    if declared.kind == "record":
        fields = [types.StructField(one.name, spark_type(one.type), one.nullable) for one in declared.fields]
        return types.StructType(fields)
    if declared.item is not None:
        item = spark_type(declared.item)
        if declared.kind == "list":
            return types.ArrayType(item, containsNull=declared.item.nullable)
        return types.MapType(types.StringType(), item, valueContainsNull=declared.item.nullable)
    scalars: dict[str, DataType] = {
        "string": types.StringType(),
        "integer": types.LongType(),
        "float": types.DoubleType(),
        "boolean": types.BooleanType(),
        "bytes": types.BinaryType(),
        "date": types.DateType(),
        "timestamp": types.TimestampType(),
        "decimal": types.DecimalType(*DECIMAL),
    }
    return scalars[declared.kind]


def arrow_schema(fields: tuple[Field, ...]) -> pa.Schema:
    """Return the Arrow schema of rows with these fields, as Spark takes it from a Python worker."""
    import pyarrow as pa

    return pa.schema([pa.field(one.name, _arrow_type(one.type), nullable=one.nullable) for one in fields])


def _arrow_type(declared: FieldType) -> pa.DataType:
    import pyarrow as pa

    if declared.kind == "record":
        return pa.struct(list(arrow_schema(declared.fields)))
    if declared.item is not None:
        item = pa.field("element", _arrow_type(declared.item), nullable=declared.item.nullable)
        return pa.list_(item) if declared.kind == "list" else pa.map_(pa.string(), item.with_name("value"))  # type: ignore[call-overload]  # the stubs know no field
    scalars: dict[str, pa.DataType] = {
        "string": pa.string(),
        "integer": pa.int64(),
        "float": pa.float64(),
        "boolean": pa.bool_(),
        "bytes": pa.binary(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "decimal": pa.decimal128(*DECIMAL),
    }
    return scalars[declared.kind]


class _Found(dict[str, Any]):
    """A record's fields, in the place of the dataclass: a worker need not be able to import that."""


class RowCheck:
    """Holds data to a dataclass without needing it where the check runs: classes are replaced, defaults written out.

    Pickled, it is plain types and values. A ``__post_init__`` of the dataclass is therefore not run; `records` does.
    """

    def __init__(self, schema: Schema[Any]) -> None:
        declared = row_type(schema)
        self.name = schema.type.__name__
        self.allow_unknown = schema.allow_unknown
        self.type = _without_classes(declared)
        self.defaults = _defaults(declared)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of a row, in order."""
        return self.type.fields

    def rows(self) -> Callable[[Any], dict[str, Any]]:
        """Return the function that makes Arrow's values of one mapping, or raises `Mismatch`."""
        check, declared, defaults = acceptor(self.type, allow_unknown=self.allow_unknown), self.type, self.defaults
        return lambda value: cast("dict[str, Any]", _fit(check(value), declared, defaults))

    def problem(self, mismatch: Mismatch) -> str:
        """Return what a message says of a mismatch: the field and the types, never the value."""
        field = f"field {mismatch.where}: " if mismatch.where else ""
        return f"{field}{mismatch.problem}; mend the data or the type {self.name}"


def _without_classes(declared: FieldType) -> FieldType:
    if declared.kind == "record":
        fields = tuple(dataclasses.replace(one, type=_without_classes(one.type)) for one in declared.fields)
        return dataclasses.replace(declared, python=_Found, fields=fields)
    if declared.item is not None:
        return dataclasses.replace(declared, python=list, item=_without_classes(declared.item))
    if issubclass(declared.python, enum.Enum):
        return dataclasses.replace(declared, python=str if declared.kind == "string" else int)
    return declared


def _defaults(declared: FieldType) -> Any:
    """Return, for a record, its fields' defaults as Arrow takes them and the defaults within each field."""
    if declared.kind == "record":
        found = {}
        for one in declared.fields:
            within = _defaults(one.type)
            filled = None
            if one.has_default:
                filled = _fit(plain(default_of(declared.python, one.name), one.type, "native"), one.type, within)
            found[one.name] = (filled, within)
        return found
    return _defaults(declared.item) if declared.item is not None else None


def default_of(cls: type[Any], name: str) -> Any:
    """Return the default of a dataclass's field, which has one."""
    field = next(one for one in dataclasses.fields(cls) if one.name == name)
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _fit(value: Any, declared: FieldType, defaults: Any) -> Any:
    """Return a checked value as Arrow takes it: defaults filled in, instants in UTC, decimals within `DECIMAL`."""
    if value is None:
        return None
    if declared.kind == "record":
        return {
            one.name: _fit_field(value[one.name], one, defaults[one.name][1])
            if one.name in value
            else defaults[one.name][0]
            for one in declared.fields
        }
    if declared.item is not None:
        pairs = enumerate(value) if declared.kind == "list" else enumerate(value.items())
        return [_fit_item(item, position, declared, defaults) for position, item in pairs]
    if declared.kind == "timestamp":
        if value.tzinfo is None:
            raise Mismatch("the time has no zone, and Spark's timestamps are instants: end it in Z or an offset")
        return value.astimezone(UTC)
    if declared.kind == "decimal":
        _check_decimal(value)
    return value


def _fit_field(value: Any, field: Field, defaults: Any) -> Any:
    try:
        return _fit(value, field.type, defaults)
    except Mismatch as mismatch:
        raise mismatch.within(f".{field.name}") from None


def _fit_item(item: Any, position: int, declared: FieldType, defaults: Any) -> Any:
    inner = cast("FieldType", declared.item)
    try:
        if declared.kind == "list":
            return _fit(item, inner, defaults)
        return item[0], _fit(item[1], inner, defaults)
    except Mismatch as mismatch:
        raise mismatch.within(f"[{position}]" if declared.kind == "list" else f"{{entry {position}}}") from None


def _check_decimal(value: Any) -> None:
    precision, scale = DECIMAL
    _, digits, exponent = value.as_tuple()  # and not normalize(): it has limits of its own, and makes 0 of 1e-9999999
    kept = "".join(map(str, digits)).rstrip("0")
    exponent += len(digits) - len(kept)
    if kept and (-exponent > scale or len(kept) + exponent > precision - scale):
        raise Mismatch(f"the Decimal does not fit DECIMAL({precision}, {scale}) exactly; store it as text")
