"""One declared type against one value: strict both ways, and silent about what the value was.

A value may be a password, so a message names types and paths only. The path is put together on the way out of a
mismatch, so that data that fits pays nothing for it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import enum
import re
from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.datasets.schema_types import FieldType

__all__ = ["Mismatch", "acceptor"]

_INTEGERS = range(-(2**63), 2**63)
# ISO 8601 as people write it; the standard library also takes week dates and drops digits beyond the microsecond.
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_LONGEST_NAME = 60  # of an unknown field, in a message


class Mismatch(Exception):  # noqa: N818 - never leaves the package: SchemaError is made of it
    """A value does not fit; ``path`` leads to it, from the inside out."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path: list[str] = []

    def within(self, step: str) -> Mismatch:
        """Add the step that led here and return the mismatch itself."""
        self.path.append(step)
        return self

    @property
    def where(self) -> str:
        """The path from the record to the value: ``address.lines[2]``."""
        return "".join(reversed(self.path)).removeprefix(".")


def acceptor(declared: FieldType, *, allow_unknown: bool) -> Callable[[Any], Any]:
    """Return the function that checks a value against ``declared`` and returns it as Python's type for it.

    Text stands for what JSON has no type for: ISO 8601 dates and timestamps, decimals, base64 bytes.
    """
    check = _container(declared, allow_unknown=allow_unknown) or _scalar(declared)
    if declared.nullable:
        return lambda value: None if value is None else check(value)
    return check


def _scalar(declared: FieldType) -> Callable[[Any], Any]:
    check = _SCALAR_CHECKS[declared.kind]
    if not declared.choices:
        return check
    known = {raw: declared.python(raw) for raw in declared.choices}
    expected = declared.python.__name__ if issubclass(declared.python, enum.Enum) else "the Literal"

    def choose(value: Any) -> Any:
        raw = value.value if isinstance(value, enum.Enum) and isinstance(value, declared.python) else check(value)
        if raw not in known:
            raise Mismatch(f"the {type(raw).__name__} is none of the {len(known)} values of {expected}")
        return known[raw]

    return choose


def _container(declared: FieldType, *, allow_unknown: bool) -> Callable[[Any], Any] | None:
    if declared.kind == "record":
        return _record(declared, allow_unknown=allow_unknown)
    if declared.item is None:
        return None
    inner = acceptor(declared.item, allow_unknown=allow_unknown)
    return _list(declared.python, inner) if declared.kind == "list" else _map(inner)


def _list(python: type, inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise _expected("a list", value)
        found = []
        for index, item in enumerate(value):
            try:
                found.append(inner(item))
            except Mismatch as mismatch:
                raise mismatch.within(f"[{index}]") from None
        return python(found)

    return check


def _map(inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        # Arrow and some engines give a map as a list of pairs.
        pairs = list(value.items()) if isinstance(value, Mapping) else value
        if not isinstance(pairs, list) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
            raise _expected("an object", value)
        found = {}
        for position, (key, item) in enumerate(pairs):
            # The entry's position, not its key: a key of data is data.
            try:
                found[_string(key)] = inner(item)
            except Mismatch as mismatch:
                raise mismatch.within(f"{{entry {position}}}") from None
        if len(found) < len(pairs):
            raise Mismatch("a key of the map is there twice")
        return found

    return check


def _record(declared: FieldType, *, allow_unknown: bool) -> Callable[[Any], Any]:
    inner = {field.name: acceptor(field.type, allow_unknown=allow_unknown) for field in declared.fields}
    needed = frozenset(field.name for field in declared.fields if not field.has_default)

    def check(value: Any) -> Any:
        if isinstance(value, declared.python):
            value = {name: getattr(value, name) for name in inner}
        if not isinstance(value, Mapping):
            raise _expected("an object", value)
        if not allow_unknown and not value.keys() <= inner.keys():
            unknown = next(key for key in value if key not in inner)
            shown = ascii(unknown[:_LONGEST_NAME]) if isinstance(unknown, str) else f"a {type(unknown).__name__}"
            raise Mismatch(f"has the unknown field {shown}; add it to the type, or allow unknown fields")
        found = {}
        for name, fits in inner.items():
            if name in value:
                try:
                    found[name] = fits(value[name])
                except Mismatch as mismatch:
                    raise mismatch.within(f".{name}") from None
            elif name in needed:
                raise Mismatch("is missing, and has no default").within(f".{name}")
        return _made(declared.python, found)

    return check


def _made(python: type, found: dict[str, Any]) -> Any:
    try:
        return python(**found)
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        kind = type(error).__name__
    # Outside the handler: the message of a __post_init__ may show the value, and would hang on as context.
    raise Mismatch(f"is refused by {python.__name__} itself ({kind} in its __post_init__)")


def _expected(what: str, value: object) -> Mismatch:
    return Mismatch(f"expected {what}, found {'null' if value is None else f'a value of type {type(value).__name__}'}")


def _string(value: object) -> str:
    if not isinstance(value, str) or isinstance(value, enum.Enum):
        raise _expected("str", value)
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise Mismatch("expected str, found text with half a surrogate pair, which cannot be stored")
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool | enum.Enum):
        raise _expected("int", value)
    if value not in _INTEGERS:
        raise Mismatch("expected int, found one beyond 64 bits")
    return value


def _float(value: object) -> float:
    if isinstance(value, float):
        return value
    if not isinstance(value, int) or isinstance(value, bool | enum.Enum):
        raise _expected("float", value)
    # Beyond the largest float there is no conversion at all; within, only a comparison says whether it was exact.
    if abs(value) < 2**1023 and (exact := float(value)) == value:
        return exact
    raise Mismatch("expected float, found an int that no float equals")


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise _expected("bool", value)
    return value


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if not isinstance(value, str):
        raise _expected("bytes, or base64 text", value)
    decoded = None
    with contextlib.suppress(binascii.Error, ValueError):
        decoded = base64.b64decode(value, validate=True)
    if decoded is None:
        raise Mismatch("expected bytes, found a str that is not base64")
    return decoded


def _date(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise _expected("date, or its ISO text", value)
    if not _valid(_DATE, value, date):
        raise Mismatch("expected date, such as 2026-01-31, found a str that is none")
    return date.fromisoformat(value)


def _timestamp(value: object) -> datetime:
    if isinstance(value, datetime):
        if getattr(value, "nanosecond", 0):  # pandas' Timestamp is a datetime
            raise Mismatch("expected datetime, found a time finer than a microsecond")
        return _instant(value if type(value) is datetime else datetime.combine(value.date(), value.timetz()))
    if not isinstance(value, str):
        raise _expected("datetime, or its ISO text", value)
    if not _valid(_TIMESTAMP, value, datetime):
        raise Mismatch("expected datetime, such as 2026-01-31T12:00:00Z, found a str that is none")
    return _instant(datetime.fromisoformat(value))


def _instant(value: datetime) -> datetime:
    """Return ``value``, which as an instant must be one of the years 1 to 9999, or no table could give it back."""
    if value.tzinfo is not None and value.year in {MINYEAR, MAXYEAR}:
        with contextlib.suppress(OverflowError):
            value.astimezone(UTC)
            return value
        raise Mismatch("expected datetime, found one that is beyond the years 1 to 9999 in UTC")
    return value


def _valid(pattern: re.Pattern[str], value: str, kind: type[date]) -> bool:
    if not pattern.fullmatch(value):
        return False
    try:
        kind.fromisoformat(value)
    except ValueError:  # its text shows the value: nothing may be raised from here
        return False
    return True


def _decimal(value: object) -> Decimal:
    found = value if isinstance(value, Decimal) else None
    if isinstance(value, int) and not isinstance(value, bool | enum.Enum):
        found = Decimal(value)
    elif isinstance(value, str):
        try:
            found = Decimal(value) if value.isascii() and value == value.strip() and "_" not in value else None
        except InvalidOperation:
            found = None
        if found is None:
            raise Mismatch("expected Decimal, found a str that is no number")
    if found is None:
        raise _expected("Decimal, or its text", value)
    if not found.is_finite():
        raise Mismatch("expected Decimal, found one that is not finite")
    return found


_SCALAR_CHECKS: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
    "bytes": _bytes,
    "date": _date,
    "timestamp": _timestamp,
    "decimal": _decimal,
}
