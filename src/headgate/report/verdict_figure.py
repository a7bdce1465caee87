"""The forest plot: each benchmark's change with its interval, against its margin. Pure: a view in, plotly JSON out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.report.figure import Figure, chart_text
from headgate.report.wording import plain_percent, short_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.report.verdict_view import Row

__all__ = ["FOREST", "forest_figure"]

# verdict.js knows the figure by this id: it draws the rows that the table shows, forty at a time.
FOREST = "forest"
_MAX_NAME = 42
# State is told by the marker as well as by the colour.
_MARKERS = {"regressed": ("--fail", "diamond"), "inconclusive": ("--unsure", "square"), "pass": ("--pass", "circle")}
# The view goes this many margins beyond zero at least, so that intervals within the margin do not fill the drawing.
_LEAST_SPAN = 1.6
# One benchmark that got ten times slower must not squeeze all the others onto a point: it is drawn at the edge.
_MOST_SPAN = 6.0
# What stands in a point's customdata and under which name it is exported; what has none is for the label alone.
_COLUMNS = (None, None, "benchmark", "change (%)", "lower (%)", "upper (%)", "margin (%)", "rounds")


def forest_figure(rows: Sequence[Row], *, confidence: float | None = None, table: str = "benchmarks") -> Figure | None:
    """Return the figure of all rows that have a ratio; None where no row has one.

    A bound that is not known or too far off is drawn to the edge; the numbers of the point are the true ones. A point's
    ``ids`` is the place of its row in ``rows``, which is the ``data-row`` of the row in the page's ``table``.
    """
    drawn = [(str(index), row) for index, row in enumerate(rows) if row.comparison.ratio is not None]
    if not drawn:
        return None
    edges = _range([row for _, row in drawn])
    traces = [_margins(drawn)]
    for state, (color, symbol) in _MARKERS.items():
        of_state = [(key, row) for key, row in drawn if row.state == state]
        if of_state:
            traces.append(_trace(of_state, state, color, symbol, edges))
    return Figure(
        FOREST,
        "Change of the candidate against the baseline, %",
        _caption([row for _, row in drawn], confidence),
        {"data": traces, "layout": _layout(edges, table)},
        table=table,
    )


def _caption(drawn: Sequence[Row], confidence: float | None) -> str:
    level = f"its {plain_percent(confidence)} interval" if confidence is not None else "its interval"
    counts = sorted({row.rounds for row in drawn if row.rounds})
    of = ""
    if counts:
        n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        of = f" n = {n} rounds a benchmark, each a fresh process per side."
    return (
        f"Right is worse. Marker: the estimate; line: {level}; upright dash: the margin; triangle at the edge: beyond "
        f"it.{of}"
    )


def _percent(ratio: float) -> float:
    return (ratio - 1.0) * 100.0


def _rounded(value: float | None) -> float | None:
    """Return ``value`` in six digits: what a drawing or a paper can use, in half the bytes."""
    return None if value is None else float(f"{value:.6g}")


def _range(drawn: Sequence[Row]) -> tuple[float, float]:
    margin = max(row.comparison.margin for row in drawn) * 100.0
    values = [0.0]
    for row in drawn:
        one = row.comparison
        values += [_percent(value) for value in (one.ratio, one.lower, one.upper) if value is not None]
    low = min(-margin * _LEAST_SPAN, max(min(values), -margin * _MOST_SPAN))
    high = max(margin * _LEAST_SPAN, min(max(values), margin * _MOST_SPAN))
    pad = (high - low) * 0.04
    return low - pad, high + pad


def _margins(drawn: Sequence[tuple[str, Row]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "margin",
        "ids": [key for key, _ in drawn],
        "x": [_rounded(row.comparison.margin * 100.0) for _, row in drawn],
        "y": _places(drawn),
        "marker": {
            "symbol": "line-ns-open",
            "size": 16,
            "color": "--orange",
            "line": {"width": 2, "color": "--orange"},
        },
        "hovertemplate": "margin %{x:+.3~g} %<extra></extra>",
        "meta": {"csv": False},
    }


def _places(drawn: Sequence[tuple[str, Row]]) -> list[int]:
    # From the top down, as the table has them.
    return [-int(key) for key, _ in drawn]


def _trace(
    drawn: Sequence[tuple[str, Row]], state: str, color: str, symbol: str, edges: tuple[float, float]
) -> dict[str, Any]:
    low, high = edges
    compared = [row.comparison for _, row in drawn]
    places = [min(max(_percent(one.ratio or 1.0), low), high) for one in compared]
    lower = [low if one.lower is None else _percent(one.lower) for one in compared]
    upper = [high if one.upper is None else _percent(one.upper) for one in compared]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": state,
        "ids": [key for key, _ in drawn],
        "x": [_rounded(x) for x in places],
        "y": _places(drawn),
        # Plotly reads a few tags in its texts: a name's own must not be among them.
        "text": [chart_text(short_name(row.name, _MAX_NAME)) for _, row in drawn],
        "customdata": [_custom(row) for _, row in drawn],
        "hovertemplate": (
            f"<b>%{{text}}</b><br>{state}: %{{customdata[0]}} (%{{customdata[1]}})<br>"
            "%{customdata[7]} rounds<extra></extra>"
        ),
        "cliponaxis": False,
        "marker": {"symbol": [_symbol(x, symbol, edges) for x in places], "size": 9, "color": color},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [_rounded(max(0.0, min(end, high) - x)) for end, x in zip(upper, places, strict=True)],
            "arrayminus": [_rounded(max(0.0, x - max(end, low))) for end, x in zip(lower, places, strict=True)],
            "color": color,
            "thickness": 2,
            "width": 4,
        },
    }


def _custom(row: Row) -> list[Any]:
    one = row.comparison
    numbers = [None if value is None else _rounded(_percent(value)) for value in (one.ratio, one.lower, one.upper)]
    return [row.change, row.interval, row.name, *numbers, _rounded(one.margin * 100.0), row.rounds]


def _symbol(x: float, symbol: str, edges: tuple[float, float]) -> str:
    return "triangle-left" if x <= edges[0] else "triangle-right" if x >= edges[1] else symbol


def _layout(edges: tuple[float, float], table: str) -> dict[str, Any]:
    zero = {"x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    return {
        # The place on either axis is where the point is drawn, which an edge may have moved: not to be exported.
        "meta": {"columns": list(_COLUMNS), "x": False, "y": False, "table": table},
        "margin": {"l": 12, "r": 12, "t": 8, "b": 48},
        "xaxis": {"title": {"text": "change, % (right is worse)"}, "range": list(edges), "ticksuffix": " %"},
        "yaxis": {"visible": False, "fixedrange": True, "automargin": False},
        "shapes": [{"type": "line", **zero, "line": {"color": "--grey", "width": 1}}],
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "xanchor": "left"},
        "hovermode": "closest",
        "dragmode": False,
    }
