"""Prometheus's texts, parsed: the exposition (0.0.4, and OpenMetrics 1.0), selectors, and answers to a query. Pure.

https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from headgate.errors import InputError, UsageError, brief

__all__ = ["Sample", "Samples", "Selector", "parse_query", "parse_selector", "parse_text"]

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|$|(?=\}))')
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(,|$)')
_SAMPLE = re.compile(rf'({_NAME})\s*(?:\{{((?:[^"}}]|"(?:[^"\\]|\\.)*")*)\}})?\s+(\S+)(?:\s+(\S+))?\s*')
_SELECTOR = re.compile(rf"\s*({_NAME})\s*(?:\{{(.*)\}})?\s*", re.DOTALL)
_TYPE = re.compile(rf"#\s+TYPE\s+({_NAME})\s+(\w+)\s*")
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}
_END = "# EOF"


class Sample(NamedTuple):
    """One value of one series; ``time`` in seconds since the epoch, None where it is not told."""

    name: str
    labels: dict[str, str]
    value: float
    time: float | None


@dataclass(frozen=True, slots=True)
class Samples:
    """What was read: the values, and each family's type where it is told."""

    values: tuple[Sample, ...]
    types: dict[str, str]


@dataclass(frozen=True, slots=True)
class Selector:
    """Which series are meant: those of a name whose labels match."""

    text: str
    name: str
    matchers: tuple[tuple[str, str, re.Pattern[str]], ...]

    def selects(self, labels: dict[str, str]) -> bool:
        """Whether the labels match; a label that is not there is the empty text, as for Prometheus."""
        for label, operator, pattern in self.matchers:
            if bool(pattern.fullmatch(labels.get(label, ""))) != (operator in {"=", "=~"}):
                return False
        return True


def parse_selector(text: str, option: str) -> Selector:
    """Return the selector in ``text``, as ``http_requests_total{code=~"5.."}``; ``option`` is named in the message.

    Raises
    ------
    UsageError
        It is none.
    """
    match = _SELECTOR.fullmatch(text)
    matchers = []
    rest = (match[2] or "").strip() if match else ""
    while match and rest:
        one = _MATCHER.match(rest)
        if one is None:
            match = None
            break
        value = _unescaped(one[3])
        try:
            pattern = re.compile(value if "~" in one[2] else re.escape(value), re.DOTALL)
        except re.error as error:
            raise UsageError(
                f"{option}: {brief(text)}: {brief(value)} is not a regular expression ({error}); mend it"
            ) from None
        matchers.append((one[1], one[2], pattern))
        rest = rest[one.end() :]
    if match is None:
        raise UsageError(
            f'{option}: {brief(text)} will not do: expected a selector, as http_requests_total{{job="shop"}}'
        )
    return Selector(text.strip(), match[1], tuple(matchers))


def parse_text(text: str, where: str) -> Samples:
    """Return what an exposition holds; ``where`` is its address or file, for messages.

    Raises
    ------
    InputError
        A line is no sample, a series is there twice, or the end is missing.
    """
    if text and not text.endswith("\n"):
        raise InputError(f"{where}: cut off: its last line has no end; read it again")
    lines = text.split("\n")
    open_metrics = _END in lines
    found: list[Sample] = []
    types: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if line.startswith("#") or not line.strip():
            kind = _TYPE.fullmatch(line)
            if kind is not None:
                types[kind[1]] = kind[2]
            continue
        found.append(_sample(line, f"{where}:{number}", open_metrics=open_metrics))
    _check_once(found, where)
    return Samples(tuple(found), types)


def parse_query(text: str, where: str) -> Samples:
    """Return what an answer of ``/api/v1/query`` holds: an instant vector whose series have their names.

    Raises
    ------
    InputError
        It is no such answer, an error, or of values without a name.
    """
    try:
        answer = json.loads(text)
        if answer["status"] != "success":
            raise InputError(f"{where}: the query failed ({answer.get('errorType', '?')!s:.40}); mend it")
        data = answer["data"]
        if data["resultType"] != "vector":
            raise InputError(f"{where}: a {data['resultType']!s:.20}; give an instant query, whose answer is a vector")
        found = [_result(one, where) for one in data["result"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{where}: no answer of /api/v1/query ({type(error).__name__}); give its JSON") from None
    _check_once(found, where)
    return Samples(tuple(found), {})


def _result(one: dict[str, Any], where: str) -> Sample:
    labels = {str(key): str(value) for key, value in one["metric"].items()}
    name = labels.pop("__name__", "")
    if not name:
        raise InputError(
            f"{where}: a result without its metric's name, as sum() and rate() give; ask for the counters themselves"
        )
    time, value = one["value"]
    return Sample(name, labels, float(value), float(time))


def _sample(line: str, where: str, *, open_metrics: bool) -> Sample:
    if open_metrics:
        line = line.partition(" # {")[0]  # an exemplar
    match = _SAMPLE.fullmatch(line)
    labels = None if match is None else _labels(match[2] or "")
    try:
        value, time = (0.0, None) if match is None else (float(match[3]), None if match[4] is None else float(match[4]))
    except ValueError:
        labels = None
    if match is None or labels is None or (time is not None and not math.isfinite(time)):
        raise InputError(f"{where}: {line[:60]!r} is no sample; give a Prometheus exposition")
    return Sample(match[1], labels, value, time if time is None or open_metrics else time * 1e-3)


def _labels(text: str) -> dict[str, str] | None:
    """Return the labels between a sample's braces; None if they are none."""
    found: dict[str, str] = {}
    position = 0
    while text[position:].strip():
        match = _LABEL.match(text, position)
        if match is None or match[1] in found:
            return None
        found[match[1]] = _unescaped(match[2])
        position = match.end()
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), text)


def _check_once(found: list[Sample], where: str) -> None:
    seen = set()
    for one in found:
        key = (one.name, *sorted(one.labels.items()))
        if key in seen:
            raise InputError(f"{where}: {one.name} is there twice with the same labels; one of the two is wrong")
        seen.add(key)
