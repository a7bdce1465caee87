"""What a dataset looks like, in numbers: what the quality gate decides from, without the data.

A profile is additive: the profiles of the parts of a dataset add up to that of the whole, so that parts may be profiled
where they lie. It is plain values throughout, and shows none of a column that is secret.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headgate.datasets.schema import Schema
from headgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MAX_CATEGORIES", "MAX_KEYS", "ColumnProfile", "DatasetProfile", "profile_dataset"]

# More different values than this are no categories; and a profile stays a file that one can read.
MAX_CATEGORIES = 1000
# Digests kept to find duplicate keys; 16 hexadecimal digits each, so 20 MB of JSON. That two different keys of a
# million have the same 64 bits happens in 3 of 100 million datasets (n²/2^65).
MAX_KEYS = 1_000_000
_DIGEST_BYTES = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS: tuple[tuple[type, str], ...] = (  # the first that fits: a bool is an int, a datetime a date
    (bool, "boolean"),
    (int, "integer"),
    (float, "float"),
    (str, "string"),
    (bytes, "bytes"),
    (datetime, "timestamp"),
    (date, "date"),
    (Decimal, "decimal"),
    (list, "list"),
    (tuple, "list"),
    (Mapping, "map"),
)


@dataclass(frozen=True)
class ColumnProfile:
    """One column: in how many rows it is there (``rows``), how often without value (``nulls``, NaN included).

    ``kinds`` counts the values by kind of type, ``infinite`` the infinities; ``minimum`` and ``maximum`` are those of
    the finite numbers. ``categories`` counts the different values where asked for; None: not asked for, or more than
    `MAX_CATEGORIES`.
    """

    rows: int = 0
    nulls: int = 0
    infinite: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    minimum: float | None = None
    maximum: float | None = None
    categories: dict[str, int] | None = None

    def __add__(self, other: ColumnProfile) -> ColumnProfile:
        both = None
        if self.categories is not None and other.categories is not None:
            both = _bounded(Counter(self.categories) + Counter(other.categories))
        return ColumnProfile(
            self.rows + other.rows,
            self.nulls + other.nulls,
            self.infinite + other.infinite,
            _sorted(Counter(self.kinds) + Counter(other.kinds)),
            min((one for one in (self.minimum, other.minimum) if one is not None), default=None),
            max((one for one in (self.maximum, other.maximum) if one is not None), default=None),
            both,
        )


@dataclass(frozen=True)
class DatasetProfile:
    """A dataset: rows, columns, and how many rows repeat the ``key`` of another.

    ``digests`` are those of the different keys, sorted; None: more than `MAX_KEYS`, so that duplicates are not known.
    """

    rows: int
    columns: dict[str, ColumnProfile]
    key: tuple[str, ...] = ()
    duplicates: int = 0
    digests: tuple[str, ...] | None = field(default=(), repr=False)

    def __add__(self, other: DatasetProfile) -> DatasetProfile:
        """Return the profile of both datasets together.

        Raises
        ------
        UsageError
            They were profiled by different keys.
        """
        if self.key != other.key:
            raise UsageError(f"profiles by different keys, {self.key} and {other.key}: profile both parts by the same")
        # A column that one part has not at all counts no rows there; where both have it, they add.
        names = list(dict.fromkeys((*self.columns, *other.columns)))
        columns = {
            name: self.columns[name] + other.columns[name]
            if name in self.columns and name in other.columns
            else self.columns.get(name) or other.columns[name]
            for name in names
        }
        mine, others = self.digests, other.digests
        if mine is None or others is None:
            digests, again = None, 0
        else:
            digests, again = _kept({*mine, *others}), len({*mine} & {*others})
        return DatasetProfile(
            self.rows + other.rows, columns, self.key, self.duplicates + other.duplicates + again, digests
        )


def profile_dataset(
    data: Any, *, key: Sequence[str] = (), categories: Iterable[str] = (), secret: Iterable[str] = ()
) -> DatasetProfile:
    """Return the profile of ``data``: a list of dataclass records or mappings, a pyarrow table or a structured array.

    ``key`` names the columns that together should differ from row to row, ``categories`` those whose different values
    are counted, ``secret`` those of which only types and nulls may be told (with records, also the fields marked
    `headgate.datasets.Secret`).

    Raises
    ------
    UsageError
        The data is of another type, or a secret column is to be a key or a category: either would tell of its values.
    """
    rows, hidden = _rows(data)
    hidden |= set(secret)
    if told := sorted(hidden & {*key, *(wanted := set(categories))}):
        raise UsageError(f"column {told[0]} is secret; neither a key nor categories may be made of it")
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {
        name: _column([row[name] for row in rows if name in row], shown=name not in hidden, counted=name in wanted)
        for name in names
    }
    counts = Counter(_digest(row, key) for row in rows if all(name in row for name in key)) if key else Counter()
    duplicates = sum(counts.values()) - len(counts)
    return DatasetProfile(len(rows), columns, tuple(key), duplicates, _kept(set(counts)))


def _rows(data: Any) -> tuple[Sequence[Mapping[str, Any]], set[str]]:
    """Return the rows as mappings, and the names of the columns that are secret."""
    if isinstance(data, list | tuple):
        if all(isinstance(row, Mapping) for row in data):
            return list(data), set()
        kinds = {type(row) for row in data}
        if len(kinds) == 1 and dataclasses.is_dataclass(kind := kinds.pop()):
            schema = Schema.of(kind)
            return [schema.to_mapping(row) for row in data], {one.name for one in schema.fields if _tells(one.type)}
    elif hasattr(data, "to_pylist") and hasattr(data, "column_names"):
        from headgate.datasets.decode_table import plain_rows

        return plain_rows(data, "the table"), set()
    elif hasattr(data, "dtype"):
        from headgate.datasets.decode_numpy import array_rows

        return array_rows(data, "the array"), set()
    raise UsageError(
        f"a dataset of type {type(data).__name__}: give a list of records of one dataclass, a pyarrow table or a "
        "structured NumPy array"
    )


def _tells(declared: Any) -> bool:
    """Say whether the type is secret, or holds something that is."""
    inner = [one.type for one in declared.fields] + ([declared.item] if declared.item is not None else [])
    return declared.secret or any(_tells(one) for one in inner)


def _column(values: list[Any], *, shown: bool, counted: bool) -> ColumnProfile:
    plain = [value.value if isinstance(value, enum.Enum) else value for value in values]
    there = [value for value in plain if not _is_null(value)]
    numbers = [
        _float(value) for value in there if not isinstance(value, bool) and isinstance(value, int | float | Decimal)
    ]
    finite = [value for value in numbers if math.isfinite(value)] if shown else []
    return ColumnProfile(
        rows=len(plain),
        nulls=len(plain) - len(there),
        infinite=sum(not math.isfinite(value) for value in numbers),
        kinds=_sorted(Counter(_kind(value) for value in there)),
        minimum=min(finite, default=None),
        maximum=max(finite, default=None),
        categories=_bounded(Counter(_text(value) for value in there)) if counted else None,
    )


def _is_null(value: object) -> bool:
    if isinstance(value, Decimal):
        return value.is_nan()
    return value is None or (isinstance(value, float) and math.isnan(value))


def _float(value: float | Decimal) -> float:
    try:
        return float(value)
    except OverflowError:  # an int beyond the floats is beyond any range, too
        return math.inf if value > 0 else -math.inf


def _kind(value: object) -> str:
    return next((kind for cls, kind in _KINDS if isinstance(value, cls)), "other")


def _text(value: object) -> str:
    """Return the name of the category that a value is: of what is no text, with its kind, so that 1 is not "1"."""
    return value if isinstance(value, str) else f"{_kind(value)}:{value}"


def _digest(row: Mapping[str, Any], key: Sequence[str]) -> str:
    parts = [f"{_kind(row[name])}:{_spelled(row[name])}" for name in key]
    text = "".join(f"{len(part)}:{part}" for part in parts)  # with lengths, so that ("ab", "c") is not ("a", "bc")
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()


def _spelled(value: object) -> str:
    """Return a value's text, one for equal values however they are spelled: 1.0 and 1.00, an instant in two zones."""
    if isinstance(value, Decimal) and value.is_finite():
        sign, digits, exponent = value.as_tuple()
        text = "".join(map(str, digits)).lstrip("0")
        kept = text.rstrip("0")
        return f"{'-' * sign}{kept}e{int(exponent) + len(text) - len(kept)}" if kept else "0"
    if isinstance(value, datetime) and value.tzinfo is not None:
        try:
            return value.astimezone(UTC).isoformat()
        except OverflowError:  # in UTC it is before the year 1, or after 9999
            return str(value - _EPOCH)
    return repr(value + 0.0) if isinstance(value, float) else repr(value)  # -0.0 is 0.0


def _kept(digests: set[str]) -> tuple[str, ...] | None:
    return tuple(sorted(digests)) if len(digests) <= MAX_KEYS else None


def _bounded(counts: Counter[str]) -> dict[str, int] | None:
    return _sorted(counts) if len(counts) <= MAX_CATEGORIES else None


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
