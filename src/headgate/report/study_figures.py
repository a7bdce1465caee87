"""The transform study's figures as plotly JSON. Pure: series and a profile in, dictionaries out.

Colour says the engine, line and marker the form, so that no distinction rests on colour alone. A colour is the name of
a variable of the style ("--blue"); the page puts in the theme's.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from headgate.report.figure import Figure
from headgate.report.study_data import ITEM_BYTES, classify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.model import HardwareProfile
    from headgate.report.study_data import Series

__all__ = ["copy_limit", "log_axis", "share_figure", "size_figure"]

COLORS = {"python": "--grey", "numpy": "--orange", "numba": "--green", "cython": "--blue"}
MARKERS = {"recursion": "triangle-up", "scan": "square", "map": "diamond", "vector": "circle"}
DASHES = {"recursion": "dash", "scan": "dot", "map": "dashdot", "vector": "solid"}


def size_figure(
    identifier: str, title: str, lines: Sequence[Series], limit: Sequence[tuple[int, float]] = (), caption: str = ""
) -> Figure:
    """Return time (or memory) against size, both logarithmic, with the copy limit where it is known."""
    unit = "bytes" if lines and lines[0].kind == "memory" else "seconds"
    data = [_line(line, unit) for line in lines]
    if limit:
        data.append(_limit(limit))
    every = [point for line in lines for point in line.points]
    vertical = log_axis([point.value for point in every] + [value for _, value in limit], unit)
    vertical["title"] = {"text": "peak memory" if unit == "bytes" else "time per call"}
    # The ticks say µs and ms; in a CSV the numbers stand in the unit itself.
    layout = _layout(sorted({point.n for point in every}), vertical) | {
        "meta": {"y": f"{vertical['title']['text']} ({unit})"}
    }
    drawn = "bars: 99 % interval of the median" if any(point.lower is not None for point in every) else ""
    return Figure(identifier, title, _join(caption, _counts(lines), drawn), {"data": data, "layout": layout})


def share_figure(identifier: str, title: str, lines: Sequence[Series], caption: str) -> Figure:
    """Return the share of the copy bandwidth against size, linear, with 100 % drawn in."""
    data = [{**_line(line, ""), "name": f"{line.variant} {line.dtype}"} for line in lines]
    for trace, line in zip(data, lines, strict=True):
        trace["line"] = {**trace["line"], "dash": "solid" if line.dtype == "int32" else "dot"}
    sizes = sorted({point.n for line in lines for point in line.points})
    top = max([1.0, *(point.value for line in lines for point in line.points)])
    layout = _layout(
        sizes, {"tickformat": ".0%", "range": [0, top * 1.08], "title": {"text": "share of copy bandwidth"}}
    )
    edge = {
        "x0": 0,
        "x1": 1,
        "xref": "paper",
        "y0": 1,
        "y1": 1,
        "line": {"color": "--text", "dash": "dash", "width": 1.5},
    }
    layout["shapes"] = [{"type": "line", **edge}]
    return Figure(identifier, title, caption, {"data": data, "layout": layout})


def copy_limit(profile: HardwareProfile | None, dtype: str, sizes: Sequence[int]) -> list[tuple[int, float]]:
    """Return (elements, seconds) of the fastest copy of so many elements on one thread; [] without ceilings.

    Between the payloads that were measured the time per byte is interpolated over the logarithm of the size; beyond
    them the nearest one's is kept.
    """
    if profile is None or dtype not in ITEM_BYTES:
        return []
    cost: dict[int, float] = {}
    for ceiling in profile.ceilings:
        if (
            ceiling.kind in {"copy", "copy_streaming"}
            and ceiling.threads == 1
            and ceiling.nbytes
            and ceiling.median > 0
        ):
            cost[ceiling.nbytes] = min(cost.get(ceiling.nbytes, math.inf), 1 / ceiling.median)
    if not cost:
        return []
    known = sorted(cost.items())
    return [(n, n * ITEM_BYTES[dtype] * _interpolate(known, n * ITEM_BYTES[dtype])) for n in sizes]


def _interpolate(known: Sequence[tuple[int, float]], nbytes: int) -> float:
    if nbytes <= known[0][0]:
        return known[0][1]
    for (low, left), (high, right) in itertools.pairwise(known):
        if nbytes <= high:
            share = math.log(nbytes / low) / math.log(high / low)
            return left + (right - left) * share
    return known[-1][1]


def _line(line: Series, unit: str) -> dict[str, Any]:
    form, engine = classify(line.variant)
    color = COLORS.get(engine, "--purple")
    values = [point.value for point in line.points]
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": line.variant,
        "x": [point.n for point in line.points],
        "y": values,
        "line": {"color": color, "dash": DASHES[form], "width": 2.5 if form == "vector" else 1.5},
        "marker": {"color": color, "symbol": MARKERS[form], "size": 8},
        "hovertemplate": f"%{{fullData.name}}<br>%{{x:,}} elements: {_hover(unit)}<extra></extra>",
    }
    upper = [0.0 if point.upper is None else max(0.0, point.upper - point.value) for point in line.points]
    lower = [0.0 if point.lower is None else max(0.0, point.value - point.lower) for point in line.points]
    if any(upper) or any(lower):
        trace["error_y"] = {
            "type": "data",
            "array": upper,
            "arrayminus": lower,
            "color": color,
            "thickness": 1,
            "width": 2,
        }
    return trace


def _hover(unit: str) -> str:
    return {"seconds": "%{y:.3s}s", "bytes": "%{y:.3s}B"}.get(unit, "%{y:.1%}")


def _limit(limit: Sequence[tuple[int, float]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "copy (the limit)",
        "x": [n for n, _ in limit],
        "y": [value for _, value in limit],
        "line": {"color": "--text", "dash": "longdash", "width": 2},
        "hovertemplate": "a copy of %{x:,} elements: %{y:.3s}s<extra></extra>",
    }


def _layout(sizes: Sequence[int], vertical: dict[str, Any]) -> dict[str, Any]:
    ticks = {"tickmode": "array", "tickvals": list(sizes), "ticktext": [_short(n) for n in sizes]}
    return {
        "xaxis": {"type": "log", "title": {"text": "elements"}, **ticks},
        "yaxis": vertical,
        "legend": {"orientation": "v", "x": 1.02, "y": 1},
        "hovermode": "closest",
    }


def log_axis(values: Sequence[float], unit: str) -> dict[str, Any]:
    """Return a logarithmic axis with a tick a decade, written with SI prefixes: 10 µs, not 1e-05."""
    positive = [value for value in values if value > 0]
    if not positive:
        return {"type": "log"}
    low, high = math.log10(min(positive)), math.log10(max(positive))
    if unit == "bytes":
        return {"type": "log", "tickformat": ".3s", "ticksuffix": "B", "nticks": 8}
    # Within two decades a tick each would be one or two ticks in all: 1, 2, 5, 10, … then.
    steps = (1, 2, 5) if high - low < 2 else (1,)
    decades = range(math.floor(low) - 1, math.ceil(high) + 2)
    ticks = {step * 10.0**decade: _tick(step, decade, unit) for decade in decades for step in steps}
    spread = (high - low) * 0.06 + 0.05
    layout = {"tickmode": "array", "tickvals": list(ticks), "ticktext": list(ticks.values())}
    return {"type": "log", **layout, "range": [low - spread, high + spread]}


def _tick(step: int, decade: int, unit: str) -> str:
    names = {0: "", -3: "m", -6: "µ", -9: "n", -12: "p", 3: "k", 6: "M", 9: "G", 12: "T"}
    thousand = decade - decade % 3
    symbol = {"seconds": "s", "bytes": "B"}.get(unit, "")
    return f"{step * 10 ** (decade % 3)} {names.get(thousand, f'e{thousand}')}{symbol}"


def _short(n: int) -> str:
    return f"{n // 1_000_000} M" if n >= 1_000_000 and n % 1_000_000 == 0 else f"{n:,}"


def _counts(lines: Sequence[Series]) -> str:
    counts = sorted({point.samples for line in lines for point in line.points if point.samples})
    if not counts:
        return ""
    return (
        f"n = {counts[0]} samples a point" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]} samples a point"
    )


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part) + "."
