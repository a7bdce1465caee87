"""The quality gate: whether a dataset may be evidence at all.

Before a dataset feeds a benchmark or a canary, its profile is held to rules: schema, nulls, ranges, duplicate keys,
categories never seen before, too few rows. Failing makes what it fed *invalid*: never pass, and no regression either.
Data that is not there (no rows, a missing column, a reference that was not given) fails; it is never taken for good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from headgate.datasets.quality_profile import ColumnProfile, DatasetProfile, profile_dataset
from headgate.datasets.schema import Kind, Schema
from headgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "ColumnProfile",
    "ColumnRules",
    "DatasetProfile",
    "Finding",
    "QualityReport",
    "QualityRules",
    "check_quality",
    "profile_dataset",
]

Rule = Literal["rows", "schema", "nulls", "range", "duplicates", "novelty"]


@dataclass(frozen=True)
class ColumnRules:
    """What one column must keep; what is None is not looked at.

    Attributes
    ----------
    kind
        Of every value; an integer is a value of a float column too.
    max_null_rate
        The largest share of rows without value (None, NaN).
    minimum, maximum
        Of the numbers, both admitted; an infinity is outside of any.
    max_novelty
        The largest share of values that the reference's categories do not have.
    """

    kind: Kind | None = None
    max_null_rate: float = 0.0
    minimum: float | None = None
    maximum: float | None = None
    max_novelty: float | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in get_args(Kind):
            raise UsageError(f"kind={self.kind!r}: expected one of {', '.join(get_args(Kind))}")
        for name in ("max_null_rate", "max_novelty"):
            _check_rate(name, getattr(self, name))
        for name in ("minimum", "maximum"):
            if (bound := getattr(self, name)) is not None and not math.isfinite(bound):
                raise UsageError(f"{name}={bound}: give a finite number, or None for no bound")


@dataclass(frozen=True)
class QualityRules:
    """What a dataset must keep to be evidence.

    Attributes
    ----------
    columns
        The columns there must be, each with its rules.
    minimum_rows
        The fewest rows; at least 1, since no data is no evidence.
    max_duplicate_rate
        The largest share of rows that repeat the profile's key; None: the profile needs no key.
    allow_unknown
        Whether there may be columns without rules.
    """

    columns: dict[str, ColumnRules] = field(default_factory=dict)
    minimum_rows: int = 1
    max_duplicate_rate: float | None = None
    allow_unknown: bool = False

    def __post_init__(self) -> None:
        _check_rate("max_duplicate_rate", self.max_duplicate_rate)
        if self.minimum_rows < 1:
            raise UsageError(f"minimum_rows={self.minimum_rows}: give 1 or more; no rows are no evidence")
        if not self.columns and not self.allow_unknown:
            raise UsageError("rules without columns refuse every dataset; name the columns, or allow unknown ones")

    @classmethod
    def of(
        cls,
        type: type[Any] | Schema[Any],  # noqa: A002 - as in Schema.of
        columns: Mapping[str, ColumnRules] | None = None,
        *,
        minimum_rows: int = 1,
        max_duplicate_rate: float | None = None,
    ) -> QualityRules:
        """Return the rules that the dataclass ``type`` makes: its kinds, nulls only where None is a value.

        ``columns`` replaces the rules of the columns it names.

        Raises
        ------
        UsageError
            ``columns`` names one that the dataclass has not.
        """
        schema = type if isinstance(type, Schema) else Schema.of(type)
        # A value of a nullable field may be missing from all rows, unless its rules say otherwise.
        made = {one.name: ColumnRules(one.kind, 1.0 if one.nullable else 0.0) for one in schema.fields}
        # A profile sees a record as a map of its fields.
        made = {
            name: ColumnRules("map", one.max_null_rate) if one.kind == "record" else one for name, one in made.items()
        }
        if unknown := sorted({*(columns or {})} - {*made}):
            raise UsageError(f"rules for {unknown[0]}, which {schema.type.__name__} has not; mend the name")
        return cls(made | dict(columns or {}), minimum_rows, max_duplicate_rate, schema.allow_unknown)


@dataclass(frozen=True)
class Finding:
    """One rule that is broken: by which column (None: the dataset), what was seen, and the limit where there is one."""

    rule: Rule
    column: str | None
    message: str
    observed: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class QualityReport:
    """The decision: ``invalid`` if anything was found, with the profile it was made from.

    The profile is without the digests of the keys: they have been counted, and a report is passed on.
    """

    state: Literal["pass", "invalid"]
    findings: tuple[Finding, ...]
    profile: DatasetProfile


def check_quality(
    profile: DatasetProfile, rules: QualityRules, reference: DatasetProfile | None = None
) -> QualityReport:
    """Decide whether the dataset of ``profile`` keeps ``rules``; ``reference`` has the categories known before.

    Pure: the same profiles and rules give the same report.
    """
    findings = tuple(_findings(profile, rules, reference))
    return QualityReport("invalid" if findings else "pass", findings, replace(profile, digests=None))


def _findings(profile: DatasetProfile, rules: QualityRules, reference: DatasetProfile | None) -> Iterator[Finding]:
    if profile.rows < rules.minimum_rows:
        message = f"{profile.rows} rows, fewer than {rules.minimum_rows}"
        yield Finding("rows", None, message, profile.rows, rules.minimum_rows)
    if not rules.allow_unknown:
        for name in sorted({*profile.columns} - {*rules.columns}):
            yield Finding("schema", name, "there are no rules for this column; give some, or allow unknown columns")
    if rules.max_duplicate_rate is not None:
        yield from _duplicates(profile, rules.max_duplicate_rate)
    for name, wanted in rules.columns.items():
        column = profile.columns.get(name)
        if column is None or column.rows < profile.rows or column.rows == 0:
            missing = profile.rows - (column.rows if column else 0)
            yield Finding("schema", name, f"the column is missing from {missing} of {profile.rows} rows", missing, 0)
        if column is not None:
            known = reference.columns.get(name) if reference else None
            yield from _column_findings(name, column, wanted, known)


def _column_findings(
    name: str, column: ColumnProfile, rules: ColumnRules, known: ColumnProfile | None
) -> Iterator[Finding]:
    admitted = {rules.kind, "integer"} if rules.kind == "float" else {rules.kind}
    if rules.kind is not None and (others := sorted({*column.kinds} - admitted)):
        count = sum(column.kinds[kind] for kind in others)
        yield Finding("schema", name, f"{count} values are {' or '.join(others)}, not {rules.kind}", count, 0)
    rate = column.nulls / column.rows if column.rows else 1.0
    if rate > rules.max_null_rate:
        message = f"{rate:.2%} of the rows have no value, more than {rules.max_null_rate:.2%}"
        yield Finding("nulls", name, message, rate, rules.max_null_rate)
    yield from _range(name, column, rules)
    if rules.max_novelty is not None:
        yield from _novelty(name, column, known, rules.max_novelty)


def _range(name: str, column: ColumnProfile, rules: ColumnRules) -> Iterator[Finding]:
    low, high = rules.minimum, rules.maximum
    if low is None and high is None:
        return
    if column.infinite:
        yield Finding("range", name, f"{column.infinite} values are infinite", column.infinite, 0)
    if column.minimum is None or column.maximum is None:
        if column.nulls < column.rows and not column.infinite:
            yield Finding("range", name, "it has values and no numbers are known of it, so the range is not either")
        return
    if low is not None and column.minimum < low:
        yield Finding("range", name, f"{column.minimum:g} is below {low:g}", column.minimum, low)
    if high is not None and column.maximum > high:
        yield Finding("range", name, f"{column.maximum:g} is above {high:g}", column.maximum, high)


def _novelty(name: str, column: ColumnProfile, known: ColumnProfile | None, limit: float) -> Iterator[Finding]:
    if column.categories is None:
        yield Finding("novelty", name, "its categories are not known: profile it with them; too many are none")
    elif known is None or not known.categories:
        yield Finding("novelty", name, "there is no reference with its categories to compare with")
    else:
        total = sum(column.categories.values())
        new = sum(count for category, count in column.categories.items() if category not in known.categories)
        rate = new / total if total else 0.0
        if rate > limit:
            message = f"{rate:.2%} of the values are of categories the reference has not, more than {limit:.2%}"
            yield Finding("novelty", name, message, rate, limit)


def _duplicates(profile: DatasetProfile, limit: float) -> Iterator[Finding]:
    why = None
    if not profile.key:
        why = "it was profiled without a key"
    elif profile.digests is None:
        why = "the profile has no digests of the keys: there are too many, or they were left out"
    elif any(name not in profile.columns or profile.columns[name].rows < profile.rows for name in profile.key):
        why = "a column of the key is missing"
    if why:
        yield Finding("duplicates", None, f"how many rows repeat a key is not known: {why}")
        return
    rate = profile.duplicates / profile.rows if profile.rows else 0.0
    if rate > limit:
        message = f"{rate:.2%} of the rows repeat the key {', '.join(profile.key)}, more than {limit:.2%}"
        yield Finding("duplicates", None, message, rate, limit)


def _check_rate(name: str, rate: float | None) -> None:
    if rate is not None and not 0 <= rate <= 1:
        raise UsageError(f"{name}={rate}: give a share from 0 to 1")
