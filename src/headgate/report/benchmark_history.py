"""A benchmark's history as one figure: values by commit, and the commits at which the level changed. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.report.benchmark_data import short_hash
from headgate.report.benchmark_figures import (
    MOST_LINES,
    hover_value,
    label,
    left_out,
    legend,
    rounded,
    spans_a_decade,
    style,
    value_axis,
    value_name,
)
from headgate.report.figure import Figure, chart_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.report.benchmark_data import Line
    from headgate.report.history_view import ChangeRow
    from headgate.store.history import History

__all__ = ["MOST_POINTS", "history_figure"]

# Of all lines together, at some 25 bytes each: position, value, commit. Beyond, neighbours become their median.
MOST_POINTS = 1_600
_TICKS = 6
# Of the largest value, above and below the values.
_LEAST_PAD = 0.1


def history_figure(history: History, lines: Sequence[Line]) -> Figure | None:
    """Return the values of ``lines`` by commit with their changes; None where no line has two values.

    At most `MOST_LINES`: those that changed last. Where they have more than `MOST_POINTS` values, a point is the median
    of as many neighbours as it takes.
    """
    long = [line for line in lines if line.series.values.size > 1]
    drawn = sorted(long, key=_changed_last)[:MOST_LINES]
    if not drawn:
        return None
    together = -(-sum(line.series.values.size for line in drawn) // MOST_POINTS)
    data = [_curve(history, place, line, drawn, together) for place, line in enumerate(drawn)]
    data += _marks(drawn)
    values = [value for trace in data for value in trace["y"]]
    unit = drawn[0].series.unit
    log = spans_a_decade(values)
    layout = {
        "xaxis": {"title": {"text": "commits, oldest first, with their dates"}, **_ticks(history, drawn)},
        "yaxis": value_axis(values, unit, log=log) | ({} if log else {"range": _range(values)}),
        "legend": legend(),
        "hovermode": "closest",
        "meta": {"columns": ["commit"], "y": value_name(unit)},
    }
    each = "each commit's value" if together == 1 else f"each point the median of {together} neighbouring values"
    marks = "; markers: where the level changed, at the likeliest commit" if any(line.changes for line in drawn) else ""
    axis = "logarithmic" if log else "the axis need not begin at zero"
    caption = f"The value by commit, {each}; {axis}{marks}{left_out(len(drawn), len(long))}."
    return Figure("history", "By commit", caption, {"data": data, "layout": layout})


def _range(values: Sequence[float]) -> list[float]:
    """Return an axis on which a step is seen, and noise of a few per cent looks like that."""
    low, high = min(values), max(values)
    pad = max(_LEAST_PAD * max(abs(low), abs(high)), (high - low) * 0.1)
    return [rounded(max(0.0, low - pad) if low >= 0 else low - pad), rounded(high + pad)]


def _changed_last(line: Line) -> tuple[bool, int, int]:
    last = max((int(line.series.positions[row.point.index]) for row in line.changes), default=-1)
    return not line.current, -last, -int(line.series.values.size)


def _curve(history: History, place: int, line: Line, drawn: Sequence[Line], together: int) -> dict[str, Any]:
    positions, values = line.series.positions, line.series.values
    ends = np.arange(values.size - 1, -1, -together)[::-1]  # whole groups from the newest back
    medians = values if together == 1 else [np.median(values[max(0, end - together + 1) : end + 1]) for end in ends]
    at = [int(position) for position in positions[ends]]
    drawing = style(place)
    dots = len(at) <= 60
    return drawing | {
        "type": "scatter",
        "mode": "lines+markers" if dots else "lines",
        "name": label(line, drawn),
        "x": at,
        "y": [rounded(float(value)) for value in medians],
        "customdata": [[short_hash(history.commits[position])] for position in at],
        "line": drawing["line"] | {"width": 1},
        "marker": drawing["marker"] | {"size": 5},
        "hovertemplate": f"%{{fullData.name}}<br>%{{customdata[0]}}: {hover_value(line.series.unit)}<extra></extra>",
    }


def _marks(drawn: Sequence[Line]) -> list[dict[str, Any]]:
    """Return the changes as two traces, worse and better: told apart by marker and colour."""
    traces = []
    for worse, name, symbol, color in (
        (True, "worse", "triangle-up", "--fail"),
        (False, "better", "triangle-down", "--pass"),
    ):
        rows = [row for line in drawn for row in line.changes if row.worse == worse]
        if rows:
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": name,
                    "x": [int(row.series.positions[row.point.index]) for row in rows],
                    "y": [rounded(row.point.after) for row in rows],
                    "customdata": [[short_hash(row.likely)] for row in rows],
                    "text": [_told(row) for row in rows],
                    "marker": {"symbol": symbol, "size": 13, "color": color, "line": {"width": 1, "color": "--bg"}},
                    "hovertemplate": "%{text}<extra></extra>",
                }
            )
    return traces


def _told(row: ChangeRow) -> str:
    size = f"{row.change} ({row.interval})" if row.change else f"{row.before} to {row.after}"
    likely = short_hash(row.likely)
    return f"<b>{chart_text(size)}</b><br>{chart_text(row.range)}, likeliest {likely}"


def _ticks(history: History, drawn: Sequence[Line]) -> dict[str, Any]:
    first = min(int(line.series.positions[0]) for line in drawn)
    last = max(int(line.series.positions[-1]) for line in drawn)
    places = sorted({int(place) for place in np.linspace(first, last, _TICKS).round()})
    texts = [datetime.fromtimestamp(history.order.dates[place], UTC).strftime("%Y-%m-%d") for place in places]
    return {"tickmode": "array", "tickvals": places, "ticktext": texts}
