"""A benchmark's figures as plotly JSON: over its parameters, over the commits, its samples. Pure.

Each is bounded: a page of a thousand commits stays below some 60 KB, and what is left out is said in the caption.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.report.benchmark_data import number, places_of, where
from headgate.report.figure import Figure, chart_text
from headgate.report.study_figures import log_axis
from headgate.report.wording import count, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.report.benchmark_data import Line

__all__ = [
    "MOST_LINES",
    "hover_value",
    "label",
    "left_out",
    "legend",
    "params_figures",
    "rounded",
    "samples_figure",
    "style",
    "value_axis",
    "value_name",
]

# More lines than this cannot be told apart, with the legend of a phone at least.
MOST_LINES = 8
# Of one line's samples; thinned evenly beyond.
MOST_SAMPLES = 150
DIGITS = 5
_COLORS = ("--blue", "--orange", "--green", "--purple", "--black", "--grey")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "triangle-down")
_DASHES = ("solid", "dash", "dot", "dashdot")
# An axis over more than a decade is logarithmic, where the numbers allow it.
_DECADE = 10.0
_QUANTITIES = {"seconds": "time", "bytes": "memory"}


def params_figures(lines: Sequence[Line]) -> list[Figure]:
    """Return a figure for each numeric parameter with several values: the newest value against it.

    Other parameters, machines and environments are its lines, at most `MOST_LINES`: the longest.
    """
    current = [line for line in lines if line.current]
    figures = []
    for index, name in enumerate(current[0].names if current else ()):
        same = [line for line in current if len(line.params) > index and line.names == current[0].names]
        values = [number(line.params[index]) for line in same]
        known = [value for value in values if value is not None]
        if len(known) == len(values) and len(set(known)) > 1:
            figures.append(_against(same, index, name, known))
    return figures


def samples_figure(lines: Sequence[Line]) -> Figure | None:
    """Return the newest samples as cumulative shares, each divided by their median; None where none were saved."""
    sampled = [line for line in lines if line.newest is not None and len(line.newest.samples) > 1 and line.value > 0]
    if not sampled:
        return None
    sampled.sort(key=_spread, reverse=True)
    data = []
    for place, line in enumerate(sampled[:MOST_LINES]):
        samples = np.sort(np.asarray(line.newest.samples if line.newest is not None else (), dtype=np.float64))
        shares = np.arange(1, samples.size + 1) / samples.size
        chosen = _thinned(samples.size, MOST_SAMPLES)
        median = float(np.median(samples))
        trace = style(place) | {"type": "scatter", "mode": "lines", "name": label(line, sampled)}
        trace["line"] = trace["line"] | {"shape": "hv", "width": 1.5}
        trace["x"] = [rounded(value) for value in samples[chosen] / median] if median > 0 else []
        trace["y"] = [rounded(value, 3) for value in shares[chosen]]
        trace["hovertemplate"] = "%{fullData.name}<br>%{y:.0%} of the samples are at or below %{x:.4f}<extra></extra>"
        data.append({key: value for key, value in trace.items() if key != "marker"})
    counts = sorted({len(line.newest.samples) for line in sampled if line.newest is not None})
    amount = f"{counts[0]} samples" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} samples"
    caption = f"Share of the samples at or below a value, in units of their median; {amount} a line"
    caption += f"; the {len(data)} of {len(sampled)} that scatter most" if len(data) < len(sampled) else ""
    caption += f"; at most {MOST_SAMPLES} of a line drawn, evenly chosen" if counts[-1] > MOST_SAMPLES else ""
    layout = {
        "xaxis": {"title": {"text": "sample ÷ median"}},
        "yaxis": {"title": {"text": "share of the samples"}, "tickformat": ".0%", "range": [0, 1.02]},
        "legend": legend(),
        "hovermode": "closest",
    }
    return Figure("samples", "How the newest samples are spread", caption + ".", {"data": data, "layout": layout})


def style(place: int) -> dict[str, Any]:
    """Return colour, line and marker of the line at ``place``: no two of the first eight are told by colour alone."""
    color = _COLORS[place % len(_COLORS)]
    return {
        "line": {"color": color, "dash": _DASHES[place % len(_DASHES)], "width": 1.5},
        "marker": {"color": color, "symbol": _SYMBOLS[place % len(_SYMBOLS)], "size": 7},
    }


def rounded(value: float, digits: int = DIGITS) -> float:
    """Return ``value`` in so many significant digits: what is drawn needs no more, and a page is shorter for it."""
    return float(f"{value:.{digits}g}")


def value_axis(values: Sequence[float], unit: str, *, log: bool) -> dict[str, Any]:
    """Return the axis of measured values, linear or logarithmic, titled with what they are."""
    known = unit in {"seconds", "s", "bytes"}
    plain_unit = "seconds" if unit == "s" else unit
    title = _QUANTITIES.get(plain_unit, chart_text(unit) or "value")
    if log and min(values) > 0:
        axis = log_axis(values, plain_unit if known else "")
    else:
        axis = {"tickformat": "~s", "ticksuffix": {"seconds": "s", "bytes": "B"}[plain_unit]} if known else {}
        axis["rangemode"] = "tozero"
    return {**axis, "title": {"text": title}}


def value_name(unit: str) -> str:
    """Return what a CSV calls a column of measured values: with the unit, which the axis has on its ticks."""
    plain_unit = "seconds" if unit == "s" else printable(unit)
    return f"{_QUANTITIES.get(plain_unit, 'value')} ({plain_unit})" if unit else "value"


def hover_value(unit: str) -> str:
    """Return how a value is shown in a hover text."""
    return {"seconds": "%{y:.4s}s", "s": "%{y:.4s}s", "bytes": "%{y:.4s}B"}.get(unit, "%{y:.5~g}")


def spans_a_decade(values: Sequence[float]) -> bool:
    """Whether ``values`` are positive and the largest is more than ten times the smallest."""
    return min(values) > 0 and max(values) / min(values) > _DECADE


def _spread(line: Line) -> float:
    """Return the distance of the quartiles of a line's newest samples, relative to their median."""
    samples = line.newest.samples if line.newest is not None else ()
    low, middle, high = np.quantile(samples, (0.25, 0.5, 0.75))
    return float((high - low) / middle) if middle > 0 else 0.0


def _against(lines: Sequence[Line], index: int, name: str, known: Sequence[float]) -> Figure:
    groups: dict[tuple[object, ...], list[tuple[float, Line]]] = {}
    for line, x in zip(lines, known, strict=True):
        rest = (*line.params[:index], *line.params[index + 1 :])
        groups.setdefault((rest, where(line)), []).append((x, line))
    longest = sorted(groups.values(), key=len, reverse=True)[:MOST_LINES]
    drawn = [line for group in longest for _, line in group]
    data = [_curve(place, sorted(group, key=lambda pair: pair[0]), index, drawn) for place, group in enumerate(longest)]
    values = [line.value for line in drawn]
    log = spans_a_decade(known)
    unit = drawn[0].series.unit
    sizes = sorted({x for group in longest for x, _ in group})
    axis: dict[str, Any] = {"title": {"text": chart_text(name)}}
    if log:
        axis |= {"type": "log", "tickmode": "array", "tickvals": sizes, "ticktext": [f"{x:,.10g}" for x in sizes]}
    layout = {
        "xaxis": axis,
        "yaxis": value_axis(values, unit, log=log and spans_a_decade(values)),
        "legend": legend(),
        "hovermode": "closest",
        "meta": {"y": value_name(unit)},
    }
    scale = (
        "both axes logarithmic" if log and spans_a_decade(values) else "linear" if not log else f"{name} logarithmic"
    )
    bars = "; bars: the tool's 99 % interval of the median" if any("error_y" in trace for trace in data) else ""
    caption = f"The newest value against {name}, {scale}{bars}{left_out(len(longest), len(groups))}."
    return Figure(f"param-{index}", f"Against {name}", caption, {"data": data, "layout": layout})


def _curve(place: int, group: Sequence[tuple[float, Line]], index: int, drawn: Sequence[Line]) -> dict[str, Any]:
    unit = group[0][1].series.unit
    trace = style(place) | {
        "type": "scatter",
        "mode": "lines+markers",
        "name": label(group[0][1], drawn, index),
        "x": [x for x, _ in group],
        "y": [rounded(line.value) for _, line in group],
        "hovertemplate": f"%{{fullData.name}}<br>%{{x:,}}: {hover_value(unit)}<extra></extra>",
    }
    results = [line.newest for _, line in group]
    if all(item is not None and item.lower is not None and item.upper is not None for item in results):
        above = [
            max(0.0, (item.upper or 0.0) - line.value) for item, (_, line) in zip(results, group, strict=True) if item
        ]
        below = [
            max(0.0, line.value - (item.lower or 0.0)) for item, (_, line) in zip(results, group, strict=True) if item
        ]
        trace["error_y"] = {
            "type": "data",
            "array": [rounded(value, 3) for value in above],
            "arrayminus": [rounded(value, 3) for value in below],
            "color": trace["line"]["color"],
            "thickness": 1,
            "width": 2,
        }
    return trace


def label(line: Line, drawn: Sequence[Line], index: int | None = None) -> str:
    """Return what tells ``line`` from the others of ``drawn``: what differs of parameters and places."""
    parts = []
    for i, (name, value) in enumerate(zip(line.names, line.params, strict=True)):
        if i != index and len({other.params[i] for other in drawn if len(other.params) > i}) > 1:
            parts.append(value if number(value) is None else f"{name} {value}")
    parts += [place for place in [places_of(drawn)[where(line)]] if place]
    return chart_text(", ".join(parts)) or "value"


def legend() -> dict[str, Any]:
    """Return a legend above the drawing: names are long, and pages narrow."""
    return {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"}


def left_out(drawn: int, of: int) -> str:
    """Return what a caption says where not every line is drawn."""
    return "" if drawn >= of else f"; {drawn} of {count(of, 'line')} drawn, all are in the table"


def _thinned(size: int, most: int) -> Any:
    return np.unique(np.linspace(0, size - 1, min(size, most)).round().astype(np.intp))
