"""headgate's own hardware profile as JSON, ``headgate.hardware/1``: both directions, with every field checked.

A key a reader does not know is passed over, so that later versions may add some; a field that is missing takes the
type's default where it has one.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError
from headgate.model import HardwareProfile

if TYPE_CHECKING:
    import os

__all__ = ["SCHEMA", "profile_from_dict", "profile_to_dict"]

SCHEMA = "headgate.hardware/1"

_KINDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def profile_to_dict(profile: HardwareProfile) -> dict[str, Any]:
    """Return the profile as plain JSON-ready data, its schema first; tuples are lists."""
    return {"schema": SCHEMA, **_plain(profile)}


def profile_from_dict(data: object, path: str | os.PathLike[str] = "hardware.json") -> HardwareProfile:
    """Return the profile that `profile_to_dict` described; ``path`` is named in the errors.

    The schema itself is the caller's to check (``headgate.store.files.require_schema``).

    Raises
    ------
    InputError
        A field is missing or of the wrong kind; the message names it.
    """
    profile = _decode(data, HardwareProfile, "", path)
    assert isinstance(profile, HardwareProfile)  # noqa: S101 - tells the type checker what _decode was asked for
    return profile


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _decode(value: object, kind: Any, where: str, path: str | os.PathLike[str]) -> object:
    """Return ``value`` as ``kind``: a dataclass, a tuple of one kind, a scalar, or one of these or None."""
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        if value is None:
            return None
        (kind,) = (choice for choice in typing.get_args(kind) if choice is not types.NoneType)
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(value, kind, where, path)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise _wrong(path, where, "a list", value)
        item = typing.get_args(kind)[0]
        return tuple(_decode(entry, item, f"{where}[{index}]", path) for index, entry in enumerate(value))
    accepted = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(path, where, _KINDS[kind], value)
    return value


def _decode_dataclass(value: object, kind: Any, where: str, path: str | os.PathLike[str]) -> object:
    if not isinstance(value, dict):
        raise _wrong(path, where or "the profile", "an object", value)
    hints = typing.get_type_hints(kind)
    fields = {}
    for field in dataclasses.fields(kind):
        name = f"{where}.{field.name}" if where else field.name
        if field.name in value:
            fields[field.name] = _decode(value[field.name], hints[field.name], name, path)
        elif field.default is dataclasses.MISSING:
            raise InputError(f"{path}: {name} is missing; run `headgate profile --save` to write the file again")
    return kind(**fields)


def _wrong(path: str | os.PathLike[str], where: str, expected: str, found: object) -> InputError:
    text = repr(found)
    shown = text if len(text) <= 40 else text[:37] + "..."
    return InputError(
        f"{path}: {where} should be {expected}, found {shown}; run `headgate profile --save` to write the file again"
    )
