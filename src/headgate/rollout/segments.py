"""Segments: which units a rule takes out of the stages, and what is done with them.

A rule is a table. ``{ country = "DE" }`` tests one attribute for equality, ``{ age = { gte = 18, lt = 65 } }`` makes
several tests; all entries of a table must hold. ``all = [...]`` and ``any = [...]`` take rules, ``not = {...}`` takes
one (so no attribute can have one of these names). Operators: ``eq``, ``in``, ``lt``, ``lte``, ``gt``, ``gte``,
``exists``, ``prefix``, ``semver``.

An attribute that is missing or of the wrong type makes its own test False, and is counted; ``not`` of that is True.
The first segment whose rule holds decides; what comes after is not looked at, and not counted.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headgate.errors import PlanError
from headgate.rollout.plan_numbers import ppm_from_percent
from headgate.rollout.segments_tests import OPERATORS, TYPES, Fault, Rule, compile_test

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DESTINATIONS", "Fault", "Rule", "Segment", "compile_where", "parse_segments", "unknown_key"]

# What a segment does with its units: exclude (stable), pin a percentage, send to the sandbox, or follow the stage under
# the segment's own name.
DESTINATIONS = ("exclude", "percent", "sandbox", "follow")
# A rule is written by hand; deeper nesting is a mistake, or an attack on the recursion.
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: ``where`` as written, ``destination`` of `DESTINATIONS`; ``ppm`` is the pinned share, else None."""

    name: str
    where: dict[str, Any]
    destination: str
    ppm: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the segment as plain JSON values."""
        shown = {"name": self.name, "where": self.where, "destination": self.destination}
        return shown if self.ppm is None else shown | {"ppm": self.ppm}


def parse_segments(raw: object, where: str, attributes: Mapping[str, str]) -> tuple[Segment, ...]:
    """Return the segments of ``[[rollout.segments]]``, checked: every rule compiles.

    Parameters
    ----------
    raw
        A list of tables: ``name``, ``where``, and one of `DESTINATIONS`.
    where
        The file and the key, for messages.
    attributes
        Declared types by attribute; empty where nothing is declared, and then nothing is checked against it.

    Raises
    ------
    PlanError
        A key is unknown, missing or wrong, or two segments have one name.
    """
    if not isinstance(raw, list | tuple) or not all(isinstance(one, dict) for one in raw):
        raise PlanError(f"{where}: expected tables, each as [[rollout.segments]] with name, where and what to do")
    segments = tuple(_parse_segment(table, f"{where}[{index}]") for index, table in enumerate(raw))
    names = [segment.name for segment in segments]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise PlanError(f"{where}: name: {double!r} is given twice; names must differ")
    for index, segment in enumerate(segments):
        compile_where(segment.where, f"{where}[{index}].where", attributes)
    return segments


def compile_where(where: object, path: str, attributes: Mapping[str, str] | None = None) -> Rule:
    """Return the rule as a closure of (attributes, faults).

    Raises
    ------
    PlanError
        The rule is not one; the message names the key within it.
    """
    return _compile(where, path, attributes or {}, _DEEPEST)


def unknown_key(source: str, key: str, known: Iterable[str]) -> PlanError:
    """Return the error for a key nobody reads; ``source`` names the file and the table."""
    names = sorted(known)
    near = difflib.get_close_matches(key, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return PlanError(f"{source}.{key}: unknown key; {hint}the keys are: {', '.join(names)}")


def _parse_segment(table: dict[str, Any], where: str) -> Segment:
    for key in table:
        if key not in {"name", "where", *DESTINATIONS}:
            raise unknown_key(where, key, ("name", "where", *DESTINATIONS))
    name = table.get("name")
    if not isinstance(name, str) or not name or len(name) > 64 or not name.isprintable():
        raise PlanError(f"{where}.name: {name!r} will not do: give each segment a name, of at most 64 characters")
    given = [key for key in DESTINATIONS if key in table and table[key] is not False]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        raise PlanError(
            f"{where}: say one thing to do with it: exclude = true, percent = 10, sandbox = true or follow = true "
            f"(found {found})"
        )
    destination = given[0]
    if destination == "percent":
        ppm = ppm_from_percent(table["percent"], f"{where}.percent")
        return Segment(name, _rule_table(table, where), destination, ppm)
    if table[destination] is not True:
        raise PlanError(f"{where}.{destination}: {table[destination]!r} will not do: expected true")
    return Segment(name, _rule_table(table, where), destination)


def _rule_table(table: dict[str, Any], where: str) -> dict[str, Any]:
    rule = table.get("where")
    if not isinstance(rule, dict):
        raise PlanError(f'{where}.where: expected a rule, as where = {{ country = "DE" }}; got {rule!r}')
    return rule


def _compile(where: object, path: str, attributes: Mapping[str, str], depth: int) -> Rule:
    if not depth:
        raise PlanError(f"{path}: nested more than {_DEEPEST} deep; simplify the rule")
    if not isinstance(where, dict) or not where:
        raise PlanError(f'{path}: expected a rule with something in it, as {{ country = "DE" }}; got {where!r}')
    rules: list[Rule] = []
    for key, wanted in where.items():
        here = f"{path}.{key}"
        if key in {"all", "any"}:
            if not isinstance(wanted, list | tuple) or not wanted:
                raise PlanError(f"{here}: expected a list of rules with something in it; got {wanted!r}")
            parts = [_compile(one, f"{here}[{index}]", attributes, depth - 1) for index, one in enumerate(wanted)]
            rules.append(_all(parts) if key == "all" else _any(parts))
        elif key == "not":
            rules.append(_not(_compile(wanted, here, attributes, depth - 1)))
        else:
            rules.extend(_tests(key, wanted, here, attributes))
    return _all(rules)


def _tests(attribute: str, wanted: object, path: str, attributes: Mapping[str, str]) -> list[Rule]:
    if attributes and attribute not in attributes:
        raise PlanError(
            f"{path}: {attribute!r} is not in [rollout.attributes]; declare it (as one of {', '.join(TYPES)}) or "
            f"use one of: {', '.join(sorted(attributes))}"
        )
    tests = wanted if isinstance(wanted, dict) else {"eq": wanted}
    if not tests:
        raise PlanError(f"{path}: no test; the operators are: {', '.join(OPERATORS)}")
    for operator in tests:
        if operator not in OPERATORS:
            raise unknown_key(path, operator, OPERATORS)
    declared = attributes.get(attribute)
    return [
        compile_test(attribute, operator, value, path if tests is not wanted else f"{path}.{operator}", declared)
        for operator, value in tests.items()
    ]


def _all(rules: list[Rule]) -> Rule:
    if len(rules) == 1:
        return rules[0]
    both = tuple(rules)

    def rule(attributes: Mapping[str, Any], faults: list[Fault]) -> bool:
        for one in both:  # noqa: SIM110 -- a plain loop: all() would make a generator for every request
            if not one(attributes, faults):
                return False
        return True

    return rule


def _any(rules: list[Rule]) -> Rule:
    several = tuple(rules)

    def rule(attributes: Mapping[str, Any], faults: list[Fault]) -> bool:
        for one in several:  # noqa: SIM110 -- as above
            if one(attributes, faults):
                return True
        return False

    return rule


def _not(inner: Rule) -> Rule:
    return lambda attributes, faults: not inner(attributes, faults)
