"""What a dataclass declares, as a tree of neutral kinds: what every format and engine is checked against or told.

One walk of the annotations; nothing else looks at a type hint.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from headgate.errors import UsageError

__all__ = ["Field", "FieldType", "Kind", "Secret", "declared_fields"]

Kind = Literal[
    "string",
    "integer",  # 64 bits, signed: what JSON, Parquet and Spark can all hold
    "float",
    "boolean",
    "bytes",
    "date",
    "timestamp",
    "decimal",
    "list",
    "map",  # from text to one type
    "record",
]
_SCALARS: dict[object, Kind] = {
    str: "string",
    int: "integer",
    float: "float",
    bool: "boolean",
    bytes: "bytes",
    date: "date",
    datetime: "timestamp",
    Decimal: "decimal",
}


class Secret:
    """Marks a field whose value is never shown: ``password: Annotated[str, Secret]``."""


@dataclass(frozen=True, slots=True)
class FieldType:
    """One declared type: ``item`` is that of a list's elements or a map's values, ``fields`` those of a record.

    ``choices`` are the raw values (text or integers) that an Enum or a Literal admits; empty: any. ``python`` is the
    class values are made of: the dataclass, the Enum, ``list`` or ``tuple``, or the scalar itself.
    """

    kind: Kind
    python: type
    nullable: bool = False
    secret: bool = False
    item: FieldType | None = None
    fields: tuple[Field, ...] = ()
    choices: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One named field of a record; where it has a default, data may leave it out."""

    name: str
    type: FieldType
    has_default: bool = False

    @property
    def kind(self) -> Kind:
        """The neutral name of its type."""
        return self.type.kind

    @property
    def nullable(self) -> bool:
        """Whether None is a value of it."""
        return self.type.nullable

    @property
    def secret(self) -> bool:
        """Whether its value is never shown."""
        return self.type.secret

    @property
    def nested(self) -> tuple[Field, ...]:
        """The fields of a record within; empty for other kinds."""
        return self.type.fields


def declared_fields(cls: type, outer: tuple[type, ...] = ()) -> tuple[Field, ...]:
    """Return the fields that the dataclass ``cls`` declares, in its order; ``outer`` are the records around it.

    Raises
    ------
    UsageError
        It is no dataclass, contains itself, or has a field of a type that data cannot be checked against.
    """
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        shown = getattr(cls, "__name__", type(cls).__name__)
        raise UsageError(f"{shown} is no dataclass; declare the records' fields in one")
    if cls in outer:
        raise UsageError(f"{cls.__name__} contains itself; a record's type must have an end")
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{cls.__name__}: its annotations cannot be resolved ({error}); define it and what it names in a module"
        ) from error
    return tuple(_field(field, hints[field.name], cls, (*outer, cls)) for field in dataclasses.fields(cls))


def _field(field: dataclasses.Field[Any], hint: object, cls: type, outer: tuple[type, ...]) -> Field:
    name = f"{cls.__name__}.{field.name}"
    if not field.init:
        raise UsageError(f"{name} is not an argument of the constructor (init=False); make it a property")
    declared = _type(hint, name, outer)
    if field.metadata.get("secret"):
        declared = dataclasses.replace(declared, secret=True)
    optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    return Field(field.name, declared, optional)


def _type(hint: object, name: str, outer: tuple[type, ...]) -> FieldType:
    """Return what the annotation ``hint`` declares; ``name`` is the field's, for messages."""
    if hint in _SCALARS:  # an unhashable hint does not exist: annotations are classes or typing's forms
        return FieldType(_SCALARS[hint], typing.cast("type", hint))
    if typing.get_origin(hint) is not None:
        return _form(hint, name, outer)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _choices(tuple(member.value for member in hint), hint, name)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return FieldType("record", hint, fields=declared_fields(hint, outer))
    raise _unsupported(hint, name)


def _form(hint: object, name: str, outer: tuple[type, ...]) -> FieldType:
    """Return what one of typing's forms, ``X | None`` or ``list[X]``, declares."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        inner = _type(arguments[0], name, outer)
        marked = any(mark is Secret or isinstance(mark, Secret) for mark in arguments[1:])
        return dataclasses.replace(inner, secret=inner.secret or marked)
    if origin in {typing.Union, types.UnionType}:
        return _union(arguments, name, outer)
    if origin is Literal:
        return _choices(arguments, str, name)
    if origin is list or (origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis):
        return FieldType("list", typing.cast("type", origin), item=_type(arguments[0], name, outer))
    if origin is dict and arguments[0] is str:
        return FieldType("map", dict, item=_type(arguments[1], name, outer))
    raise _unsupported(hint, name)


def _union(arguments: tuple[object, ...], name: str, outer: tuple[type, ...]) -> FieldType:
    others = [one for one in arguments if one is not type(None)]
    if len(others) != 1 or len(others) == len(arguments):
        raise UsageError(f"{name} admits several types; data is checked against one, or one and None")
    return dataclasses.replace(_type(others[0], name, outer), nullable=True)


def _choices(values: tuple[object, ...], python: type, name: str) -> FieldType:
    """Return the type of a Literal or an Enum of ``values``, all text or all integers (None: nullable)."""
    raw = tuple(value for value in values if value is not None)
    nullable = len(raw) < len(values)
    if raw and all(isinstance(value, str) for value in raw):
        kind: Kind = "string"
    elif raw and all(isinstance(value, int) and not isinstance(value, bool) for value in raw):
        kind = "integer"
    else:
        raise UsageError(f"{name}: its choices must be all text or all integers; give the Enum such values")
    if not issubclass(python, enum.Enum):
        python = str if kind == "string" else int
    return FieldType(kind, python, nullable=nullable, choices=typing.cast("tuple[str | int, ...]", raw))


def _unsupported(hint: object, name: str) -> UsageError:
    shown = getattr(hint, "__name__", None) or str(hint)
    return UsageError(
        f"{name}: data cannot be checked against {shown}; use str, int, float, bool, bytes, date, datetime, Decimal, "
        "an Enum or Literal, list[X], tuple[X, ...], dict[str, X], Optional[X] or a dataclass"
    )
