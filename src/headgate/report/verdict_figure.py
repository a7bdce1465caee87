"""The forest plot: each benchmark's change with its interval, against its margin. Pure: a view in, plotly JSON out."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from headgate.report.wording import short_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.report.verdict_view import Row

__all__ = ["MAX_ROWS", "forest_figure"]

# More rows than this cannot be told apart on a screen; the rows are in the order of what matters.
MAX_ROWS = 40
_MAX_NAME = 42
# Pixels.
_ROW_HEIGHT, _AXES_HEIGHT = 36, 100
# State is told by the marker as well as by the colour.
_MARKERS = {"regressed": ("--fail", "diamond"), "inconclusive": ("--unsure", "square"), "pass": ("--pass", "circle")}
# The view goes this many margins beyond zero at least, so that intervals within the margin do not fill the drawing.
_LEAST_SPAN = 1.6
# One benchmark that got ten times slower must not squeeze all the others onto a point: it is drawn at the edge.
_MOST_SPAN = 6.0


def forest_figure(rows: Sequence[Row]) -> dict[str, Any] | None:
    """Return the figure of the rows that have a ratio, at most `MAX_ROWS`: data, layout, height, rows, of how many.

    None where no row has a ratio. A bound that is not known or too far off is drawn to the edge.
    """
    measured = [row for row in rows if row.comparison.ratio is not None]
    drawn = measured[:MAX_ROWS]
    if not drawn:
        return None
    low, high = _range(drawn)
    places = {id(row): len(drawn) - index for index, row in enumerate(drawn)}
    traces = [_margins(drawn, places)]
    for state, (color, symbol) in _MARKERS.items():
        of_state = [row for row in drawn if row.state == state]
        if of_state:
            traces.append(_trace(of_state, places, state, color, symbol, (low, high)))
    layout = _layout(drawn, places, low, high)
    return {"data": traces, "layout": layout, "height": _height(drawn), "rows": len(drawn), "of": len(measured)}


def _percent(ratio: float) -> float:
    return (ratio - 1.0) * 100.0


def _height(drawn: Sequence[Row]) -> int:
    return _AXES_HEIGHT + _ROW_HEIGHT * len(drawn)


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


def _margins(drawn: Sequence[Row], places: dict[int, int]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "margin",
        "x": [row.comparison.margin * 100.0 for row in drawn],
        "y": [places[id(row)] for row in drawn],
        "marker": {
            "symbol": "line-ns-open",
            "size": 16,
            "color": "--orange",
            "line": {"width": 2, "color": "--orange"},
        },
        "hovertemplate": "margin %{x:+.3~g} %<extra></extra>",
    }


def _trace(
    rows: Sequence[Row], places: dict[int, int], state: str, color: str, symbol: str, edges: tuple[float, float]
) -> dict[str, Any]:
    low, high = edges
    places_x = [min(max(_percent(row.comparison.ratio or 1.0), low), high) for row in rows]
    lower = [low if row.comparison.lower is None else _percent(row.comparison.lower) for row in rows]
    upper = [high if row.comparison.upper is None else _percent(row.comparison.upper) for row in rows]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": state,
        "x": places_x,
        "y": [places[id(row)] for row in rows],
        "text": [_hover(row) for row in rows],
        "hovertemplate": "%{text}<extra></extra>",
        "cliponaxis": False,
        "marker": {"symbol": [_symbol(x, symbol, edges) for x in places_x], "size": 9, "color": color},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, min(end, high) - x) for end, x in zip(upper, places_x, strict=True)],
            "arrayminus": [max(0.0, x - max(end, low)) for end, x in zip(lower, places_x, strict=True)],
            "color": color,
            "thickness": 2,
            "width": 4,
        },
    }


def _symbol(x: float, symbol: str, edges: tuple[float, float]) -> str:
    return "triangle-left" if x <= edges[0] else "triangle-right" if x >= edges[1] else symbol


def _hover(row: Row) -> str:
    # Plotly reads a few tags in its texts: a name's own must not be among them.
    name = escape(short_name(row.name, _MAX_NAME))
    return f"<b>{name}</b><br>{row.state}: {escape(row.change)} ({escape(row.interval)})<br>{row.rounds} rounds"


def _layout(drawn: Sequence[Row], places: dict[int, int], low: float, high: float) -> dict[str, Any]:
    labels = [
        {
            "text": escape(f"{short_name(row.name, _MAX_NAME)}  {row.change}"),
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": places[id(row)] + 0.22,
            "yanchor": "bottom",
            "showarrow": False,
            "font": {"size": 11, "color": "--muted"},
            "bgcolor": "--bg",
        }
        for row in drawn
    ]
    return {
        "height": _height(drawn),
        "annotations": labels,
        "margin": {"l": 12, "r": 12, "t": 8, "b": 48},
        "xaxis": {"title": {"text": "change, % (right is worse)"}, "range": [low, high], "ticksuffix": " %"},
        "yaxis": {"visible": False, "range": [0.4, len(drawn) + 0.8], "fixedrange": True, "automargin": False},
        "shapes": [
            {
                "type": "line",
                "x0": 0,
                "x1": 0,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "layer": "below",
                "line": {"color": "--grey", "width": 1},
            }
        ],
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "xanchor": "left"},
        "hovermode": "closest",
        "dragmode": False,
    }
