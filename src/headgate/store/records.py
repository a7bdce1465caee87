"""Frozen dataclasses to plain JSON values and back: exact, strict about types, and clear about what is wrong where.

A float that is not finite, which JSON cannot say, is written as the text "nan", "inf" or "-inf".
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from headgate.errors import InputError

__all__ = ["from_plain", "to_plain"]

T = TypeVar("T")
_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
# Free-form values (a hardware profile, a policy) nest a few levels; what nests deeper is hostile.
_MAX_DEPTH = 32
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


def to_plain(value: Any) -> Any:
    """Return ``value`` (dataclasses, enums, tuples, mappings, scalars) as dicts, lists and scalars JSON can say.

    Raises
    ------
    TypeError
        ``value`` holds something else (a programming error).
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if value is None or isinstance(value, str | int | float):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    raise TypeError(f"JSON has no form for {type(value).__name__}")


def from_plain(kind: type[T], data: object, where: str) -> T:
    """Return the ``kind`` (a dataclass) that `to_plain` made ``data`` of.

    Missing keys take the field's default; unknown ones are refused.

    Raises
    ------
    InputError
        A key is missing or unknown, or a value has the wrong type; ``where`` (file and path in it) begins the message.
    """
    result: T = _record(kind, data, where)
    return result


def _record(kind: type, data: object, where: str) -> Any:
    if not isinstance(data, dict):
        raise InputError(f"{where}: expected an object, found {_found(data)}")
    hints = _hints(kind)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise InputError(f"{where}: unknown key {_found(unknown[0])}; it was written by another version of headgate")
    values = {key: _value(hints[key], item, f"{where}.{key}") for key, item in data.items()}
    for item in dataclasses.fields(kind):
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if required and item.name not in values:
            raise InputError(f"{where}: no {item.name!r}; the file is incomplete")
    return kind(**values)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _value(hint: Any, data: object, where: str) -> Any:
    origin = typing.get_origin(hint)
    if hint is Any:
        return data
    if origin in {types.UnionType, typing.Union}:
        return _optional(typing.get_args(hint), data, where)
    if origin is tuple:
        item_hint = typing.get_args(hint)[0]
        if not isinstance(data, list):
            raise InputError(f"{where}: expected a list, found {_found(data)}")
        return tuple(_value(item_hint, item, f"{where}[{index}]") for index, item in enumerate(data))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _record(hint, data, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _member(hint, data, where)
    return _mapping(data, where) if origin is dict else _scalar(hint, data, where)


def _optional(hints: tuple[Any, ...], data: object, where: str) -> Any:
    """Return the value of ``X | None``, the only union the types use."""
    if data is None and type(None) in hints:
        return None
    return _value(next(hint for hint in hints if hint is not type(None)), data, where)


def _member(kind: type[Enum], data: object, where: str) -> Enum:
    for member in kind:
        if member.value == data:
            return member
    allowed = ", ".join(repr(member.value) for member in kind)
    raise InputError(f"{where}: expected one of {allowed}, found {_found(data)}")


def _mapping(data: object, where: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise InputError(f"{where}: expected an object, found {_found(data)}")
    level: list[Any] = [data]
    for _ in range(_MAX_DEPTH):
        level = [item for value in level for item in _children(value)]
    if level:
        raise InputError(f"{where}: nested more than {_MAX_DEPTH} deep; no file of headgate's is")
    return data


def _children(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _scalar(hint: Any, data: object, where: str) -> Any:
    if hint is float and isinstance(data, str) and data in _NON_FINITE:
        return _NON_FINITE[data]
    # A whole number will do for a float and stays one, so that writing it again gives the same bytes.
    accepted = (int, float) if hint is float else hint
    if not isinstance(data, accepted) or (isinstance(data, bool) and hint is not bool):
        raise InputError(f"{where}: expected {_WORDS.get(hint, str(hint))}, found {_found(data)}")
    return data


def _found(data: object) -> str:
    if isinstance(data, dict | list):
        return "an object" if isinstance(data, dict) else "a list"
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "..."
