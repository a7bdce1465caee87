"""The tests of a ``where`` rule on one attribute, compiled once into closures: no text is evaluated, ever.

A closure takes the attributes and a list of faults. An attribute that is missing (or None), or of another type than the
rule compares with, makes the test False and is added to the faults, so that it can be counted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.errors import PlanError
from headgate.rollout.plan_numbers import shown
from headgate.rollout.segments_versions import parse_range, parse_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["OPERATORS", "TYPES", "Fault", "Rule", "compile_test"]

# What an attribute may be declared as in [rollout.attributes].
TYPES = ("string", "number", "boolean", "version")


class Fault(NamedTuple):
    """Why a test could not be made: ``problem`` is ``missing`` or ``type``."""

    attribute: str
    problem: str


if TYPE_CHECKING:
    Rule = Callable[[Mapping[str, Any], list[Fault]], bool]
else:
    Rule = object


def compile_test(attribute: str, operator: str, wanted: object, where: str, declared: str | None) -> Rule:
    """Return the closure for one test.

    Parameters
    ----------
    attribute, operator, wanted
        As in ``{ attribute = { operator = wanted } }``.
    where
        The file and the key, for messages.
    declared
        The attribute's type in ``[rollout.attributes]``, one of `TYPES`; None where nothing is declared.

    Raises
    ------
    PlanError
        ``wanted`` is nothing the operator can compare with, or of another type than the declared one.
    """
    kind, test = OPERATORS[operator](wanted, where)
    if kind == "exists":
        return _exists(attribute, present=test(None))
    if declared is not None and declared != kind and (declared, kind) != ("version", "string"):
        raise PlanError(f"{where}: {attribute!r} is declared as a {declared} and compared with a {kind}; mend either")
    if kind == "string":
        return _string_rule(attribute, test)
    return _rule(attribute, _FITS[kind], test)


def _string_rule(attribute: str, test: Callable[[Any], bool]) -> Rule:
    # As `_rule`, with the check of the commonest type written out: it saves a call in every route.
    missing, wrong = Fault(attribute, "missing"), Fault(attribute, "type")

    def rule(attributes: Mapping[str, Any], faults: list[Fault]) -> bool:
        value = attributes.get(attribute)
        if value.__class__ is str or isinstance(value, str):
            return test(value)
        faults.append(missing if value is None else wrong)
        return False

    return rule


def _rule(attribute: str, fits: Callable[[object], bool], test: Callable[[Any], bool]) -> Rule:
    missing, wrong = Fault(attribute, "missing"), Fault(attribute, "type")

    def rule(attributes: Mapping[str, Any], faults: list[Fault]) -> bool:
        value = attributes.get(attribute)
        if fits(value):
            return test(value)
        faults.append(missing if value is None else wrong)
        return False

    return rule


def _exists(attribute: str, *, present: bool) -> Rule:
    def rule(attributes: Mapping[str, Any], faults: list[Fault]) -> bool:  # noqa: ARG001 -- a Rule; absence is no fault here
        return (attributes.get(attribute) is not None) is present

    return rule


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    # NaN compares with nothing: it is counted as a wrong type, not as a quiet False.
    # A whole number may be beyond all floats, and compares with them all the same.
    return value == value and isinstance(value, int | float) and not isinstance(value, bool)  # noqa: PLR0124 -- a NaN


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _is_version(value: object) -> bool:
    return isinstance(value, str) and parse_version(value) is not None


_FITS = {"string": _is_string, "number": _is_number, "boolean": _is_boolean, "version": _is_version}

if TYPE_CHECKING:
    Test = tuple[str, Callable[[Any], bool]]


def _kind(wanted: object, where: str) -> str:
    for kind in ("string", "boolean", "number"):
        if _FITS[kind](wanted) and wanted not in (math.inf, -math.inf):
            return kind
    raise PlanError(f"{where}: {shown(wanted)} will not do: expected a text, a finite number, true or false")


def _equal(wanted: Any, where: str) -> Test:
    kind = _kind(wanted, where)
    # For numbers, 1 equals 1.0; int.__eq__ alone would not say so.
    return kind, (wanted.__eq__ if kind == "string" else lambda value: value == wanted)


def _one_of(wanted: Any, where: str) -> Test:
    if not isinstance(wanted, list | tuple) or not wanted:
        raise PlanError(f'{where}: {shown(wanted)} will not do: expected a list with something in it, as ["DE", "AT"]')
    kinds = {_kind(one, f"{where}[{index}]") for index, one in enumerate(wanted)}
    if len(kinds) > 1:
        raise PlanError(f"{where}: {shown(wanted)} will not do: all values of a list are of one type")
    return kinds.pop(), frozenset(wanted).__contains__


def _order(sign: str) -> Callable[[Any, str], Test]:
    def build(wanted: Any, where: str) -> Test:
        if not _is_number(wanted) or wanted in (math.inf, -math.inf):
            hint = "; versions have semver" if isinstance(wanted, str) else ""
            raise PlanError(f"{where}: {shown(wanted)} will not do: expected a finite number{hint}")
        tests: dict[str, Callable[[Any], bool]] = {
            "lt": lambda value: value < wanted,
            "lte": lambda value: value <= wanted,
            "gt": lambda value: value > wanted,
            "gte": lambda value: value >= wanted,
        }
        return "number", tests[sign]

    return build


def _prefix(wanted: Any, where: str) -> Test:
    prefixes = (wanted,) if isinstance(wanted, str) else tuple(wanted) if isinstance(wanted, list | tuple) else ()
    if not prefixes or not all(isinstance(one, str) and one for one in prefixes):
        raise PlanError(f'{where}: {shown(wanted)} will not do: expected a text or a list of texts, as "test-"')
    return "string", lambda value: value.startswith(prefixes)


def _semver(wanted: Any, where: str) -> Test:
    test = parse_range(wanted) if isinstance(wanted, str) else None
    if test is None:
        raise PlanError(f'{where}: {shown(wanted)} will not do: expected a range of versions, as ">=2.1, <3"')

    def within(value: str) -> bool:
        version = parse_version(value)
        return version is not None and test(version)

    return "version", within


def _present(wanted: Any, where: str) -> Test:
    if not isinstance(wanted, bool):
        raise PlanError(f"{where}: {shown(wanted)} will not do: expected true or false")
    return "exists", lambda _: wanted


# Operator: from what it compares with (and the key, for messages) to the type it takes and its test.
OPERATORS: dict[str, Callable[[Any, str], Test]] = {
    "eq": _equal,
    "in": _one_of,
    "lt": _order("lt"),
    "lte": _order("lte"),
    "gt": _order("gt"),
    "gte": _order("gte"),
    "exists": _present,
    "prefix": _prefix,
    "semver": _semver,
}
