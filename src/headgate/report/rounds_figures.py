"""One benchmark's evidence as figures: the pairs and the rounds, each side's samples, their distributions. Pure.

The sides are told apart by colour and by marker or line. A figure draws at most `MOST_POINTS` of a side, evenly chosen,
and says so: a bundle may hold a million samples, a page should not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

from headgate.model import Direction
from headgate.report.figure import Figure, chart_text
from headgate.report.wording import count, printable
from headgate.stats.paired import log_ratio, ratio_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headgate.model import Comparison, Round
    from headgate.report.verdict_view import Row

    Item = TypeVar("Item")

__all__ = [
    "HIGHER_IS_BETTER",
    "MOST_POINTS",
    "distribution_figure",
    "round_figures",
    "rounds_figure",
    "samples_figure",
]

HIGHER_IS_BETTER = "A higher number is better here, so a change is the baseline against the candidate."

# A screen has about as many pixels across; more points lie on each other and make a page of megabytes.
MOST_POINTS = 1000
_SIDES = (("baseline", "--blue", "circle", "solid"), ("candidate", "--orange", "diamond", "dash"))
# The sides of a round stand beside each other: this far from its number.
_OFFSET = 0.15
_SECONDS = ("seconds", "s")


def round_figures(row: Row, rounds: Sequence[Round], direction: Direction = Direction.LOWER) -> tuple[Figure, ...]:
    """Return the three figures of a benchmark; those for which there is nothing to draw are left out."""
    found = (rounds_figure(row, rounds, direction), samples_figure(row, rounds), distribution_figure(row, rounds))
    return tuple(figure for figure in found if figure is not None)


def rounds_figure(row: Row, rounds: Sequence[Round], direction: Direction = Direction.LOWER) -> Figure | None:
    """Return each pair's change and each round's, with the estimate, its interval and the margin.

    ``direction`` is which is better: the change is turned as the comparison's is, so that above zero is worse. None
    where no pair has a ratio.
    """
    pairs = [
        (round_.index, number, change)
        for round_ in rounds
        for number, values in enumerate(zip(round_.baseline, round_.candidate, strict=True), 1)
        if (change := _change(*values, direction)) is not None
    ]
    if not pairs:
        return None
    logs = [(round_.index, log_ratio(round_, direction)) for round_ in rounds]
    centres = [(index, 100.0 * (ratio_of(value) - 1.0)) for index, value in logs if math.isfinite(value)]
    drawn = _thinned(pairs)
    data = [
        {
            **_points([index for index, _, _ in drawn], [change for _, _, change in drawn], "--blue", "circle-open", 6),
            "name": "pair",
            "opacity": 0.6,
            "customdata": [[number] for _, number, _ in drawn],
            "hovertemplate": "round %{x}, pair %{customdata[0]}: %{y:+.3g} %<extra></extra>",
        },
        {
            **_points([index for index, _ in centres], [change for _, change in centres], "--orange", "diamond", 10),
            "name": "round",
            "customdata": [[""] for _ in centres],
            "hovertemplate": "round %{x}: %{y:+.3g} %<extra></extra>",
        },
    ]
    left_out = sum(len(round_.baseline) for round_ in rounds) - len(pairs)
    caption = _sentences(
        "Each pair's change and each round's (of the means of each side's better half); above zero is worse.",
        HIGHER_IS_BETTER if direction is Direction.HIGHER else "",
        "Band: the interval of the verdict; line: its estimate; dashes: the margin.",
        f"n = {count(len(rounds), 'round')}, {count(len(pairs) + left_out, 'pair')}.",
        f"{count(left_out, 'pair')} without a ratio." if left_out else "",
        _said_thinned(len(drawn), len(pairs), "pairs"),
    )
    vertical = {"title": {"text": "change of the candidate (%)"}, "ticksuffix": " %"}
    layout = _layout({"title": {"text": "round"}}, vertical)
    layout |= {"shapes": _claims(row.comparison), "meta": {"columns": ["pair"], "x": "round"}}
    return Figure("rounds", "Pairs and rounds against the margin", caption, {"data": data, "layout": layout})


def samples_figure(row: Row, rounds: Sequence[Round]) -> Figure | None:
    """Return both sides' samples by round; None where there are none."""
    data, said, total = [], "", 0
    for (name, color, symbol, _), offset in zip(_SIDES, (-_OFFSET, _OFFSET), strict=True):
        samples = [
            (round_.index, number, value)
            for round_ in rounds
            for number, value in enumerate(_side(round_, name), 1)
            if math.isfinite(value)
        ]
        drawn, total = _thinned(samples), max(total, len(samples))
        said = said or _said_thinned(len(drawn), len(samples), "samples of each side")
        places = [index + offset for index, _, _ in drawn]
        trace = _points(places, [value for _, _, value in drawn], color, symbol, 6)
        custom = [[index, number] for index, number, _ in drawn]
        hover = f"{name}, round %{{customdata[0]}}, sample %{{customdata[1]}}: {_hover(row, 'y')}<extra></extra>"
        data.append(trace | {"name": name, "opacity": 0.75, "customdata": custom, "hovertemplate": hover})
    if not total:
        return None
    loops = sorted({round_.number for round_ in rounds})
    times = f"{loops[0]:,}" if len(loops) == 1 else f"{loops[0]:,} to {loops[-1]:,}"
    caption = _sentences(
        "A round is a fresh process per side.",
        f"Each sample is {times} loops, divided by them." if loops != [1] else "",
        f"n = {count(len(rounds), 'round')}, {count(total, 'sample')} a side.",
        said,
    )
    values = [value for round_ in rounds for value in (*round_.baseline, *round_.candidate)]
    layout = _layout({"title": {"text": "round"}}, _value_axis(row, values))
    layout["meta"] = {"columns": ["round", "sample"], "x": False, "y": _value_name(row)}
    return Figure("samples", "Samples of both sides, by round", caption, {"data": data, "layout": layout})


def distribution_figure(row: Row, rounds: Sequence[Round]) -> Figure | None:
    """Return the share of each side's samples that are at most so large; None where a side has none."""
    data, sizes, said = [], [], ""
    for name, color, _, dash in _SIDES:
        values = sorted(value for round_ in rounds for value in _side(round_, name) if math.isfinite(value))
        if not values:
            return None
        steps = [(values[0], 0.0), *((value, place / len(values)) for place, value in enumerate(values, 1))]
        drawn = _thinned(steps)
        said = said or _said_thinned(len(drawn), len(steps), "steps of each side")
        sizes.append(len(values))
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": [_digits(value) for value, _ in drawn],
                "y": [_digits(share) for _, share in drawn],
                "line": {"shape": "hv", "color": color, "dash": dash, "width": 2},
                "hovertemplate": f"{name}: %{{y:.0%}} at most {_hover(row, 'x')}<extra></extra>",
            }
        )
    caption = _sentences(
        "Share of a side's samples that are at most so large: the line further to the right is the larger side.",
        "Samples within a round are alike: the verdict is inferred over rounds, not from this.",
        f"n = {' and '.join(f'{size:,}' for size in sizes)} samples.",
        said,
    )
    values = [value for round_ in rounds for value in (*round_.baseline, *round_.candidate)]
    vertical = {"title": {"text": "share of samples"}, "tickformat": ".0%", "range": [0, 1.02]}
    layout = _layout(_value_axis(row, values), vertical) | {"meta": {"x": _value_name(row)}}
    return Figure("distribution", "How the samples are distributed", caption, {"data": data, "layout": layout})


def _change(baseline: float, candidate: float, direction: Direction) -> float | None:
    """Return a pair's change in percent, above zero where the candidate is worse; None without a ratio."""
    if not (baseline > 0.0 and candidate > 0.0 and math.isfinite(baseline) and math.isfinite(candidate)):
        return 0.0 if baseline == candidate == 0.0 else None
    ratio = candidate / baseline if direction is Direction.LOWER else baseline / candidate
    change = (ratio - 1.0) * 100.0
    return change if math.isfinite(change) else None


def _claims(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the margin, the interval and the estimate as shapes across the drawing; an unknown bound is left open."""
    lines: list[dict[str, Any]] = [
        _across(0.0, {"color": "--grey", "width": 1}),
        _across(comparison.margin * 100.0, {"color": "--fail", "width": 2, "dash": "dash"}),
    ]
    ends = [None if bound is None else (bound - 1.0) * 100.0 for bound in (comparison.lower, comparison.upper)]
    lines += [_across(end, {"color": "--grey", "width": 1, "dash": "dot"}) for end in ends if end is not None]
    if ends[0] is not None and ends[1] is not None:
        place = {"xref": "paper", "x0": 0, "x1": 1, "y0": _digits(ends[0]), "y1": _digits(ends[1])}
        look = {"fillcolor": "--grey", "opacity": 0.2, "line": {"width": 0}, "layer": "below"}
        lines.append({"type": "rect", **place, **look})
    if comparison.ratio is not None:
        lines.append(_across((comparison.ratio - 1.0) * 100.0, {"color": "--text", "width": 1.5}))
    return lines


def _across(y: float, line: dict[str, Any]) -> dict[str, Any]:
    place = {"xref": "paper", "x0": 0, "x1": 1, "y0": _digits(y), "y1": _digits(y)}
    return {"type": "line", **place, "line": line, "layer": "between"}


def _points(x: Sequence[float], y: Sequence[float], color: str, symbol: str, size: int) -> dict[str, Any]:
    marker = {"color": color, "symbol": symbol, "size": size}
    values = {"x": [_digits(value) for value in x], "y": [_digits(value) for value in y]}
    return {"type": "scatter", "mode": "markers", **values, "marker": marker}


def _layout(horizontal: dict[str, Any], vertical: dict[str, Any]) -> dict[str, Any]:
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"}
    return {"xaxis": horizontal, "yaxis": vertical, "legend": legend, "hovermode": "closest"}


def _value_axis(row: Row, values: Iterable[float]) -> dict[str, Any]:
    """Return the axis of measured values; logarithmic where they span more than two decades."""
    unit = row.comparison.unit
    finite = [value for value in values if math.isfinite(value)]
    # Plotly reads a few tags in its texts; in a CSV the name stands as it is (`_value_name`).
    axis: dict[str, Any] = {"title": {"text": chart_text(_value_name(row))}}
    if unit in _SECONDS or unit == "bytes":
        axis |= {"tickformat": "~s", "ticksuffix": "s" if unit in _SECONDS else "B"}
    if finite and min(finite) > 0.0 and max(finite) / min(finite) > 100.0:
        axis["type"] = "log"
    return axis


def _value_name(row: Row) -> str:
    unit = row.comparison.unit
    what = "time per call" if unit in _SECONDS else "memory" if unit == "bytes" else "value"
    return f"{what} ({printable(unit)})" if unit else what


def _hover(row: Row, axis: str) -> str:
    unit = row.comparison.unit
    if unit in _SECONDS or unit == "bytes":
        return f"%{{{axis}:.4s}}{'s' if unit in _SECONDS else 'B'}"
    # A unit from outside stands on the axis, as text; here it could be read as part of the template.
    return f"%{{{axis}:.4~g}}"


def _side(round_: Round, name: str) -> tuple[float, ...]:
    return round_.baseline if name == "baseline" else round_.candidate


def _digits(value: float) -> float:
    return float(f"{value:.6g}")


def _thinned(items: Sequence[Item]) -> Sequence[Item]:
    """Return at most `MOST_POINTS` of ``items``, evenly chosen, the first and the last among them."""
    if len(items) <= MOST_POINTS:
        return items
    step = (len(items) - 1) / (MOST_POINTS - 1)
    return [items[round(number * step)] for number in range(MOST_POINTS)]


def _said_thinned(drawn: int, of: int, what: str) -> str:
    return f"Drawn: {drawn:,} of {of:,} {what}, evenly chosen." if drawn < of else ""


def _sentences(*parts: str) -> str:
    return " ".join(part for part in parts if part)
