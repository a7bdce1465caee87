"""Tables of Arrow and the schema of a dataclass, both ways: checked by column where that is possible.

Arrow would cast a number to text without a word, so the families of types are compared before anything is cast. Columns
that hold lists, maps, records or choices go through the schema value by value.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from headgate.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from headgate.datasets.schema import Field, FieldType, Schema

__all__ = ["plain_rows", "records_table", "typed_table"]

# Digits in all and after the point; Spark's default for a Decimal of Python, and the most that 128 bits hold.
DECIMAL_DIGITS = (38, 18)


def records_table(records: Sequence[Any], schema: Schema[Any], where: str) -> pa.Table:
    """Return the table of ``records``.

    Raises
    ------
    SchemaError
        A value is beyond what Arrow's type of its field holds, or a column mixes times with and without a zone.
    """
    import pyarrow as pa

    rows = [schema.to_mapping(record) for record in records]
    columns = [_column([row[field.name] for row in rows], field, where) for field in schema.fields]
    fields = [
        pa.field(field.name, column.type, nullable=field.nullable)
        for field, column in zip(schema.fields, columns, strict=True)
    ]
    return pa.table(columns, schema=pa.schema(fields))


def typed_table(table: pa.Table, schema: Schema[Any], where: str) -> pa.Table:
    """Return ``table`` with the columns and types that ``schema`` declares, in its order.

    Raises
    ------
    SchemaError
        A column is missing, unknown or there twice, is of another type, or has nulls where there may be none.
    """
    import pyarrow as pa

    _check_names(table, schema, where)
    declared = {field.name for field in schema.fields}
    _check_zones([field for field in table.schema if field.name in declared], where)
    columns, fields = [], []
    for field in schema.fields:
        column = _typed_column(table, field, schema, where)
        columns.append(column)
        fields.append(pa.field(field.name, column.type, nullable=field.nullable))
    return pa.table(columns, schema=pa.schema(fields))


def plain_rows(table: pa.Table, where: str) -> list[dict[str, Any]]:
    """Return the rows of ``table`` as mappings.

    Raises
    ------
    SchemaError
        Two columns have one name, or a column holds what Python has no value or no time zone for.
    """
    import pyarrow as pa

    if len(set(table.column_names)) < table.num_columns:
        raise SchemaError(f"{where}: two columns have one name; mend the data")

    _check_zones(table.schema, where)
    try:
        # Maps as lists of pairs: a key that is there twice is the schema's to find.
        return table.to_pylist()
    except (pa.ArrowException, ValueError, OverflowError) as error:
        kind = type(error).__name__
    raise SchemaError(
        f"{where}: it holds values that Python has none for ({kind}); times finer than 1 µs? mend the data"
    )


def _check_zones(fields: Iterable[pa.Field[Any]], where: str) -> None:
    """Refuse times in a zone that this machine does not know: their first use would fail, far from here."""
    import pyarrow as pa

    for field in fields:
        kind = field.type
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if pa.types.is_nested(kind):
            _check_zones([kind.field(index) for index in range(kind.num_fields)], where)
        elif pa.types.is_timestamp(kind) and kind.tz and not _is_known(kind.tz):
            named = f"{field.name[:60]!a}: times in the unknown time zone {kind.tz[:60]!a}"
            raise SchemaError(f"{where}: column {named}; mend the data")


def _is_known(zone: str) -> bool:
    import pyarrow as pa

    try:
        pa.lib.string_to_tzinfo(zone)
    except (KeyError, ValueError, OSError):  # KeyError: of pytz and of zoneinfo; OSError: where it names a directory
        return False
    return True


def _check_names(table: pa.Table, schema: Schema[Any], where: str) -> None:
    names = table.column_names
    declared = {field.name for field in schema.fields}
    needed = {field.name for field in schema.fields if not field.has_default}
    problem = None
    if len(set(names)) < len(names):
        problem = "two columns have one name"
    elif missing := sorted(needed - set(names)):
        problem = f"the column {missing[0]} is missing, and has no default"
    elif not schema.allow_unknown and (unknown := sorted(set(names) - declared)):
        problem = f"it has the unknown column {unknown[0][:60]!a}"
    if problem:
        raise SchemaError(f"{where}: {problem}; mend the data or the type {schema.type.__name__}")


def _typed_column(table: pa.Table, field: Field, schema: Schema[Any], where: str) -> Any:
    import pyarrow as pa

    if field.name not in table.column_names or field.type.item or field.nested or field.type.choices:
        return _column(list(_checked(table, field, schema, where)), field, where)
    column = table.column(field.name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not pa.types.is_null(column.type) and not _fits(column.type, field.type):
        raise SchemaError(f"{where}: field {field.name}: expected {field.kind}, found {column.type}; mend the data")
    if column.null_count and not field.nullable:
        raise SchemaError(
            f"{where}: field {field.name}: {column.null_count} nulls, and it may have none; mend the data"
        )
    wanted = _arrow_type(field.type, getattr(column.type, "tz", None))
    try:
        return column.cast(wanted)
    except pa.ArrowException as error:
        kind = type(error).__name__
    raise SchemaError(f"{where}: field {field.name}: a value does not fit {wanted} exactly ({kind}); mend the data")


def _checked(table: pa.Table, field: Field, schema: Schema[Any], where: str) -> Iterator[Any]:
    """Yield the values of one column, each checked by the schema: of a record of that column alone."""
    if field.name not in table.column_names:
        yield from [schema.default(field.name)] * table.num_rows
        return
    check = schema.checks(field.name)
    for number, row in enumerate(plain_rows(table.select([field.name]), where), start=1):
        yield check(row, f"{where}: record {number}")


def _fits(found: pa.DataType, declared: FieldType) -> bool:
    """Say whether Arrow's ``found`` is of the family that ``declared`` takes its values from."""
    from pyarrow import types

    families = {
        "string": (types.is_string, types.is_large_string, types.is_string_view),
        "integer": (types.is_integer,),
        "float": (types.is_floating, types.is_integer),
        "boolean": (types.is_boolean,),
        "bytes": (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary),
        "date": (types.is_date,),
        "timestamp": (types.is_timestamp,),
        "decimal": (types.is_decimal, types.is_integer),
    }
    return any(family(found) for family in families[declared.kind])


def _column(values: list[Any], field: Field, where: str) -> Any:
    import pyarrow as pa

    zones = {one.tzinfo is not None for one in _times(values)}
    if len(zones) > 1:
        raise SchemaError(f"{where}: field {field.name}: times with and without a zone in one column; mend the data")
    try:
        return pa.array(values, type=_arrow_type(field.type, "UTC" if zones == {True} else None))
    except (pa.ArrowException, OverflowError, ValueError) as error:
        kind = type(error).__name__
    raise SchemaError(f"{where}: field {field.name}: a value is beyond Arrow's type for it ({kind}); mend the data")


def _times(value: Any) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _times(item)


def _arrow_type(declared: FieldType, zone: str | None) -> pa.DataType:
    import pyarrow as pa

    if declared.kind == "list" and declared.item is not None:
        return pa.list_(_arrow_field("item", declared.item, zone))
    if declared.kind == "map" and declared.item is not None:
        # A field for the values, to say whether they may be null; pyarrow takes one, its stubs do not know.
        return pa.map_(pa.string(), _arrow_field("value", declared.item, zone))  # type: ignore[call-overload,no-any-return]
    if declared.kind == "record":
        return pa.struct([_arrow_field(field.name, field.type, zone) for field in declared.fields])
    if declared.kind == "timestamp":
        return pa.timestamp("us", tz=zone)
    scalars: dict[str, pa.DataType] = {
        "string": pa.string(),
        "integer": pa.int64(),
        "float": pa.float64(),
        "boolean": pa.bool_(),
        "bytes": pa.binary(),
        "date": pa.date32(),
        "decimal": pa.decimal128(*DECIMAL_DIGITS),
    }
    return scalars[declared.kind]


def _arrow_field(name: str, declared: FieldType, zone: str | None) -> pa.Field[Any]:
    import pyarrow as pa

    return pa.field(name, _arrow_type(declared, zone), nullable=declared.nullable)
