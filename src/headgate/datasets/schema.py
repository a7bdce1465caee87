"""The schema of a dataset: a dataclass, checked strictly.

The counterpart of the encoder for ``T`` in ``s3ToDataset[T]``. A bool is no int, a number is no text, null is a value
only of ``X | None``, a missing field needs a default, an unknown one is an error unless allowed. Messages name the
record, the path of the field and the types, never a value: it may be a password.
"""

from __future__ import annotations

from dataclasses import MISSING
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from headgate.datasets.schema_plain import HIDDEN, plain
from headgate.datasets.schema_types import Field, FieldType, Kind, Secret, declared_fields
from headgate.datasets.schema_values import Mismatch, acceptor
from headgate.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["HIDDEN", "Field", "FieldType", "Kind", "Schema", "Secret", "redacted"]

T = TypeVar("T")


class Schema(Generic[T]):
    """What the dataclass ``type`` declares, and the checks that hold data to it; made by `Schema.of`.

    Attributes
    ----------
    type
        The dataclass; ``fields`` are what it declares, in its order, with name, kind, nullable, secret and nested.
    allow_unknown
        Whether data may have fields that the dataclass has not (they are left out).
    """

    __slots__ = ("_check", "_root", "allow_unknown", "fields", "type")

    def __init__(self, type: type[T], *, allow_unknown: bool = False) -> None:  # noqa: A002 - the attribute's name
        self.type = type
        self.allow_unknown = allow_unknown
        self.fields = declared_fields(type)
        self._root = FieldType("record", type, fields=self.fields)
        self._check = acceptor(self._root, allow_unknown=allow_unknown)

    @classmethod
    def of(cls, type: type[T], *, allow_unknown: bool = False) -> Schema[T]:  # noqa: A002 - the attribute's name
        """Return the schema of the dataclass ``type``.

        Raises
        ------
        UsageError
            It is no dataclass, contains itself, or has a field of a type that data cannot be checked against.
        """
        return cls(type, allow_unknown=allow_unknown)

    def record(self, mapping: Mapping[str, Any], where: str = "record") -> T:
        """Return the record that ``mapping`` (or a record itself) holds; ``where`` begins the message if it does not.

        Values are native (datetime, Decimal, bytes, Enum members) or as JSON has them: ISO 8601 text, text of a
        number, base64 text, the raw value of an Enum. An int is accepted for a float only where a float equals it.

        Raises
        ------
        SchemaError
            The mapping is not what the dataclass declares; the message names field and types, never a value.
        """
        try:
            return cast("T", self._check(mapping))
        except Mismatch as mismatch:
            problem = self._message(mismatch, where)
        # Outside the handler: a traceback's context must not carry more than the message does.
        raise SchemaError(problem)

    def records(self, mappings: Iterable[Mapping[str, Any]], where: str = "") -> Iterator[T]:
        """Yield the record of each mapping; errors name its number, from 1, after ``where``.

        Raises
        ------
        SchemaError
            As `record` does.
        """
        prefix = f"{where}: " if where else ""
        for number, mapping in enumerate(mappings, start=1):
            yield self.record(mapping, f"{prefix}record {number}")

    def checks(self, name: str) -> Callable[[Mapping[str, Any], str], Any]:
        """Return the check of the field ``name`` alone; the value comes back plain, as `to_mapping` gives it."""
        field = next(one for one in self.fields if one.name == name)
        check = acceptor(field.type, allow_unknown=self.allow_unknown)

        def checked(mapping: Mapping[str, Any], where: str) -> Any:
            try:
                return plain(check(mapping[name]), field.type, "native")
            except Mismatch as mismatch:
                problem = self._message(mismatch.within(f".{name}"), where)
            raise SchemaError(problem)

        return checked

    def default(self, name: str) -> Any:
        """Return the default of the field ``name``, plain, as `to_mapping` gives it."""
        field = next(one for one in self.fields if one.name == name)
        declared = self.type.__dataclass_fields__[name]  # type: ignore[attr-defined]  # `of` saw that it is a dataclass
        factory = declared.default_factory
        return plain(declared.default if factory is MISSING else factory(), field.type, "native")

    def to_mapping(self, record: T) -> dict[str, Any]:
        """Return the fields of ``record`` as dicts, lists and native scalars; an Enum member as its raw value."""
        return cast("dict[str, Any]", plain(record, self._root, "native"))

    def to_json(self, record: T) -> dict[str, Any]:
        """Return the fields of ``record`` as JSON has them; `record` makes the same record of it."""
        return cast("dict[str, Any]", plain(record, self._root, "json"))

    def shown(self, record: T) -> dict[str, Any]:
        """Return the fields of ``record`` with those marked `Secret` hidden."""
        return cast("dict[str, Any]", plain(record, self._root, "shown"))

    def _message(self, mismatch: Mismatch, where: str) -> str:
        field = f": field {mismatch.where}" if mismatch.where else ""
        return f"{where}{field}: {mismatch.problem}; mend the data or the type {self.type.__name__}"

    def __repr__(self) -> str:
        return f"Schema.of({self.type.__name__})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schema):
            return NotImplemented
        return (self.type, self.allow_unknown) == (other.type, other.allow_unknown)

    def __hash__(self) -> int:
        return hash((self.type, self.allow_unknown))

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self.type, self.allow_unknown)


def _again(type: type[T], allow_unknown: bool) -> Schema[T]:  # noqa: A002 - pickle calls it by position
    return Schema(type, allow_unknown=allow_unknown)


def redacted(record: object) -> dict[str, Any]:
    """Return the fields of a dataclass instance with those marked secret hidden: what a log or report may show.

    Marked are ``Annotated[str, Secret]`` and ``field(metadata={"secret": True})``, at any depth.

    Raises
    ------
    UsageError
        The type of ``record`` is none that a schema can be made of.
    """
    return _schema(type(record)).shown(record)  # type: ignore[arg-type]  # every class is hashable


@lru_cache(maxsize=256)
def _schema(cls: type[Any]) -> Schema[Any]:
    return Schema(cls)
