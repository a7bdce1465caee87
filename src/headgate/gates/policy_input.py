"""What a user wrote, parsed and checked into a `Policy`; parsed mappings in, no files read.

A *layer* is where values come from: ``("headgate.toml", {...})``, then ``(COMMAND_LINE, {...})``. Later layers win,
except that ``required`` and ``overrides`` add up.
"""

from __future__ import annotations

import difflib
import math
import re
from typing import TYPE_CHECKING, Any

from headgate.errors import UsageError
from headgate.gates.policy import Action, Override, Policy
from headgate.model import Direction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "COMMAND_LINE",
    "gate_table",
    "parse_budget",
    "parse_fraction",
    "policy_from_json",
    "policy_from_layers",
    "text_seconds",
]

COMMAND_LINE = "command line"
# Tables of headgate.toml that belong to other parts of headgate.
_OTHER_TABLES = ("bench", "rollout")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_PERCENT = re.compile(r"\s*(-?[0-9.]+)\s*%\s*")
_DURATION_PART = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(s|min|m|h|d|)\s*", re.IGNORECASE)


def policy_from_layers(layers: Iterable[tuple[str, Mapping[str, Any]]]) -> Policy:
    """Return the policy that ``layers`` (source, parsed values) make together, over the defaults.

    A value of None (an option not given) is as if absent.

    Raises
    ------
    UsageError
        An unknown key, a wrong type or a value out of range; the message names the source, the key and what is allowed.
    """
    merged: dict[str, Any] = {}
    for source, values in layers:
        for key, raw in values.items():
            if raw is None:
                continue
            parsed = _parser(source, key)(source, key, raw)
            merged[key] = merged.get(key, ()) + parsed if isinstance(parsed, tuple) else parsed
    return Policy(**merged)


def policy_from_json(data: Mapping[str, Any], source: str) -> Policy:
    """Return the policy written by `Policy.to_json`; ``source`` is the file, for messages."""
    return policy_from_layers([(source, data)])


def gate_table(document: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return the gate's values of a headgate.toml (or of ``[tool.headgate]``): the top level and ``[gate]``.

    Raises
    ------
    UsageError
        ``gate`` is no table, or a key stands both at the top and in ``[gate]``.
    """
    inner = document.get("gate", {})
    if not isinstance(inner, dict):
        raise UsageError(f"{source}: gate: expected a table ([gate]), got {_show(inner)}")
    top = {key: value for key, value in document.items() if key not in {"gate", *_OTHER_TABLES}}
    for key in top:
        if key in inner:
            raise UsageError(f"{source}: {key}: given at the top and again in [gate]; keep one of them")
    return top | inner


def parse_fraction(source: str, key: str, raw: object) -> float:
    """Return a margin as a fraction in (0, 1) from 0.03, "0.03" or "3%".

    Raises
    ------
    UsageError
        Not a number, or out of range: a margin of 0 cannot be passed by any evidence.
    """
    value = _fraction(source, key, raw)
    if value == 0:
        raise _bad(source, key, raw, 'a margin of 0 cannot be passed by any evidence; give what you tolerate, as "3%"')
    if not 0 < value < 1:
        hint = f'; did you mean "{value:g}%"?' if 1 <= value < 100 and "%" not in str(raw) else ""
        raise _bad(source, key, raw, f'expected more than 0 and less than 1, as 0.03 or "3%"{hint}')
    return value


def parse_budget(source: str, key: str, raw: object) -> float:
    """Return seconds from 140, "140s", "10m", "1h30m" or "2d".

    Raises
    ------
    UsageError
        Not a duration, or not more than 0.
    """
    allowed = 'expected a time above 0, as "140s", "10m", "1h30m" or "2d"'
    seconds = text_seconds(raw) if isinstance(raw, str) else _number(source, key, raw, raw)
    if seconds is None or not 0 < seconds < math.inf:
        raise _bad(source, key, raw, allowed)
    return seconds


def text_seconds(text: str) -> float | None:
    """Return seconds from "140", "140s", "10m", "1h30m" or "2d"; None if it is not of that form."""
    parts = _DURATION_PART.findall(text)
    if not parts or _DURATION_PART.sub("", text) or (len(parts) > 1 and any(not unit for _, unit in parts)):
        return None
    return sum(float(amount) * _UNITS[unit.lower()] for amount, unit in parts)


def _parse_confidence(source: str, key: str, raw: object) -> float:
    value = _fraction(source, key, raw)
    if not 0.5 < value < 1:
        hint = f'; did you mean "{value:g}%"?' if 50 < value < 100 else ""
        raise _bad(source, key, raw, f"expected more than 0.5 and less than 1, as 0.99{hint}")
    return value


def _parse_action(*allowed: Action) -> Callable[[str, str, object], Action]:
    def parse(source: str, key: str, raw: object) -> Action:
        if raw not in allowed:
            raise _bad(source, key, raw, "expected " + _choices(allowed))
        return Action(str(raw))

    return parse


def _parse_direction(source: str, key: str, raw: object) -> Direction:
    if raw not in tuple(Direction):
        raise _bad(source, key, raw, f"expected {_choices(Direction)} (which is better)")
    return Direction(str(raw))


def _parse_flag(source: str, key: str, raw: object) -> bool:
    if not isinstance(raw, bool):
        raise _bad(source, key, raw, "expected true or false")
    return raw


def _parse_globs(source: str, key: str, raw: object) -> tuple[str, ...]:
    globs = [raw] if isinstance(raw, str) else raw
    if not isinstance(globs, list | tuple) or not all(isinstance(glob, str) and glob for glob in globs):
        raise _bad(source, key, raw, 'expected a glob or a list of globs, as ["suite.time_*"]')
    return tuple(globs)


def _parse_overrides(source: str, key: str, raw: object) -> tuple[Override, ...]:
    if not isinstance(raw, list | tuple) or not all(isinstance(table, dict) for table in raw):
        raise _bad(source, key, raw, f"expected tables, each as [[{key}]] with match = and what differs")
    return tuple(_parse_override(source, f"{key}[{index}]", table) for index, table in enumerate(raw))


def _parse_override(source: str, where: str, table: Mapping[str, Any]) -> Override:
    values: dict[str, Any] = {}
    for key, raw in table.items():
        if key not in _OVERRIDE_PARSERS:
            raise _unknown(source, f"{where}.{key}", key, _OVERRIDE_PARSERS)
        values[key] = _OVERRIDE_PARSERS[key](source, f"{where}.{key}", raw)
    if not values.get("match"):
        raise UsageError(f'{source}: {where}: no match; say which benchmarks, as match = "suite.time_*"')
    return Override(**values)


_PARSERS: dict[str, Callable[[str, str, object], Any]] = {
    "margin": parse_fraction,
    "confidence": _parse_confidence,
    "budget": parse_budget,
    "on_inconclusive": _parse_action(*Action),
    "on_removed": _parse_action(Action.FAIL, Action.WARN),  # what vanished is never silently passed
    "on_added": _parse_action(*Action),
    "required": _parse_globs,
    "overrides": _parse_overrides,
}
_OVERRIDE_PARSERS: dict[str, Callable[[str, str, object], Any]] = {
    "match": _parse_globs,
    "margin": parse_fraction,
    "direction": _parse_direction,
    "required": _parse_flag,
    "skip": _parse_flag,
}


def _parser(source: str, key: str) -> Callable[[str, str, object], Any]:
    if key not in _PARSERS:
        raise _unknown(source, key, key, _PARSERS)
    return _PARSERS[key]


def _fraction(source: str, key: str, raw: object) -> float:
    match = _PERCENT.fullmatch(raw) if isinstance(raw, str) else None
    return _number(source, key, match[1], raw) / 100 if match else _number(source, key, raw, raw)


def _number(source: str, key: str, raw: object, shown: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise _bad(source, key, shown, f"expected a number, as {_example(key)}")
    try:
        value = float(raw)
    except (ValueError, OverflowError):
        raise _bad(source, key, shown, f"expected a number, as {_example(key)}") from None
    if not math.isfinite(value):
        raise _bad(source, key, shown, "expected a finite number")
    return value


def _example(key: str) -> str:
    return "0.99" if key == "confidence" else '0.03 or "3%"'


def _bad(source: str, key: str, raw: object, allowed: str) -> UsageError:
    name = "--" + key.replace("_", "-") if source == COMMAND_LINE else f"{source}: {key}"
    return UsageError(f"{name}: {_show(raw)} will not do: {allowed}")


def _unknown(source: str, where: str, key: str, known: Iterable[str]) -> UsageError:
    names = sorted(known)
    near = difflib.get_close_matches(key, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UsageError(f"{source}: {where}: unknown key; {hint}the keys are: {', '.join(names)}")


def _show(raw: object) -> str:
    text = repr(raw)
    return text if len(text) <= 60 else text[:57] + "..."


def _choices(values: Iterable[str]) -> str:
    return " or ".join(f'"{value}"' for value in values)
