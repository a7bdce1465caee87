"""What a user says of a simulation, parsed: traffic, what stable is like, effects, recorded units."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError, UsageError, brief, unreadable
from headgate.gates.canary_plan import Assumption
from headgate.gates.policy_input import text_seconds
from headgate.rollout.metrics import checked
from headgate.rollout.simulate import Scenario

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from headgate.gates.canary_policy import Metric
    from headgate.rollout.plan import Plan

__all__ = ["parse_effects", "parse_rate", "parse_stable", "parse_time", "read_recorded"]

_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_RATE = re.compile(r"\s*([0-9][0-9_,]*(?:\.[0-9]+)?)\s*/\s*(s|m|min|h|d)\s*")
_FACTOR = re.compile(r"[x×]\s*([0-9.]+)")
_CHANGE = re.compile(r"([+-][0-9.]+)\s*%")
_LARGEST_LINE = 1_000_000
# Recorded units kept; more say nothing more.
MOST_RECORDED = 1_000_000


def parse_rate(text: str) -> float:
    """Return units per second from "1000/min", "20/s", "50,000/h".

    Raises
    ------
    UsageError
        Not a number over s, min, h or d, or not above 0.
    """
    match = _RATE.fullmatch(text)
    rate = float(match[1].replace(",", "").replace("_", "")) / _SECONDS[match[2]] if match else 0.0
    if not rate > 0.0:
        raise UsageError(f'--traffic: {text!r} will not do: expected new units over a time, as "1000/min" or "20/s"')
    return rate


def parse_time(option: str, text: str) -> float:
    """Return seconds from "90s", "1h30m" or "14d", with its unit; ``option`` is named in the message.

    Raises
    ------
    UsageError
        Not a time, or not above 0.
    """
    seconds = None if text.strip()[-1:].isdigit() else text_seconds(text)
    if seconds is None or not 0.0 < seconds < math.inf:
        raise UsageError(f'{option}: {text!r} will not do: expected a time with its unit, as "30m", "1h30m" or "14d"')
    return seconds


def parse_stable(texts: Iterable[str]) -> dict[str, Assumption]:
    """Return what stable's metrics are like, from "errors=2%" or "latency=0.4,scatter=0.5" each.

    Raises
    ------
    UsageError
        Not of that form, or a metric twice.
    """
    found: dict[str, Assumption] = {}
    for text in texts:
        name, equals, rest = text.partition("=")
        value, _, more = rest.partition(",")
        key, _, scatter = more.partition("=")
        if not equals or not name or (more and key.strip() != "scatter"):
            raise _bad("--stable", text, "a metric and its value, as errors=2% or latency=0.4,scatter=0.5")
        if name in found:
            raise UsageError(f"--stable: {name!r} is given twice; keep one of them")
        number = _positive("--stable", text, value)
        found[name] = Assumption(number, _positive("--stable", text, scatter)) if more else Assumption(number)
    return found


def parse_effects(texts: Iterable[str]) -> tuple[Scenario, ...]:
    """Return one scenario for each text: "latency=+10%", "errors=x3", or several with commas between.

    Raises
    ------
    UsageError
        Not of that form.
    """
    scenarios = []
    for text in texts:
        effects: dict[str, float] = {}
        for part in text.split(","):
            name, equals, size = (one.strip() for one in part.partition("="))
            if not equals or not name or name in effects:
                raise _bad("--effect", text, "a metric and its change, as latency=+10% or errors=x3")
            effects[name] = _ratio(text, size)
        scenarios.append(Scenario(text, effects))
    return tuple(scenarios)


def read_recorded(path: str | os.PathLike[str], plan: Plan) -> dict[str, list[Any]]:
    """Return the required metrics' values of stable's units, one per unit, from a file of requests.

    Parameters
    ----------
    path
        JSON Lines: objects with ``unit`` and ``metrics`` (by name), as `headgate rollout record` takes them. Lines with
        a ``version`` other than "stable" are left out. A unit counts once: a rate by whether it ever happened, anything
        else by its first value.
    plan
        Says which metrics are wanted.

    Raises
    ------
    InputError
        The file cannot be read, a line is no such object, or there is nothing for a metric.
    """
    metrics = [metric for metric in plan.metrics if metric.required]
    units: dict[str, dict[str, Any]] = {}
    try:
        with Path(path).open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip() and len(units) < MOST_RECORDED:
                    _count(units, metrics, line, f"{path}:{number}")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text; give a file of requests as JSON Lines") from error
    except OSError as error:
        raise unreadable(path, error) from error
    found = {metric.name: [one[metric.name] for one in units.values() if metric.name in one] for metric in metrics}
    empty = [name for name, values in found.items() if not values]
    if empty:
        raise InputError(f"{path}: no unit of stable has a value of {', '.join(empty)}; record it, or use --stable")
    return found


def _count(units: dict[str, dict[str, Any]], metrics: list[Metric], line: str, where: str) -> None:
    try:
        record = json.loads(line[:_LARGEST_LINE])
        unit, values = record["unit"], dict(record["metrics"])
        version = record.get("version", "stable")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError(
            f'{where}: not a request; each line is a JSON object with unit and metrics, as {{"unit": "u1", "metrics": '
            '{"errors": 0}}'
        ) from None
    if version != "stable":
        return
    mine = units.setdefault(str(unit), {})
    for metric in metrics:
        value = values.get(metric.name)
        if value is None:
            continue
        _check_value(metric, value, where)
        if metric.kind == "rate":
            mine[metric.name] = bool(value) or mine.get(metric.name, False)
        else:
            mine.setdefault(metric.name, value)


def _check_value(metric: Metric, value: object, where: str) -> None:
    if checked(metric, value) is None:  # the same that `headgate rollout record` refuses
        kinds = {"rate": "true or false", "ratio": "a pair of numbers"}
        above = " of at least 0" if metric.cap is not None or metric.kind == "quantile" else ""
        wanted = kinds.get(metric.kind, "a number") + above
        raise InputError(f"{where}: {metric.name!r}: {brief(value)} will not do: expected {wanted}")


def _ratio(text: str, size: str) -> float:
    factor, change = _FACTOR.fullmatch(size), _CHANGE.fullmatch(size)
    try:
        ratio = float(factor[1]) if factor else 1.0 + float(change[1]) / 100.0 if change else 0.0
    except ValueError:
        ratio = 0.0
    if not 0.0 < ratio < math.inf:
        raise _bad("--effect", text, "a change as +10%, -5% or x3")
    return ratio


def _positive(option: str, text: str, number: str) -> float:
    percent = number.strip().endswith("%")
    try:
        value = float(number.strip().removesuffix("%")) / (100.0 if percent else 1.0)
    except ValueError:
        value = 0.0
    if not 0.0 < value < math.inf:
        raise _bad(option, text, "numbers above 0")
    return value


def _bad(option: str, text: str, wanted: str) -> UsageError:
    return UsageError(f"{option}: {text!r} will not do: expected {wanted}")
