"""How far from the memory's limit: bytes a second of each variant, against the measured ceilings. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from headgate.report.figure import Figure
from headgate.report.study_data import ITEM_BYTES, classify, distinct, series
from headgate.report.study_figures import COLORS, DASHES, MARKERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headgate.model import HardwareProfile
    from headgate.report.study_data import Point, Series

__all__ = ["limit_figures"]

_CEILINGS = {"copy": ("copy", "longdash"), "copy_streaming": ("streaming copy", "dash"), "read": ("read", "dot")}
# What benchmarks/limits.py measured in turns with the kernel, in one process.
_COPIES = {"ns": ("native kernel, beside copies", "--blue"), "memcpy": ("memcpy, beside it", "--purple")}
FIGURE_WINDOW = 10


def limit_figures(
    found: Sequence[Point], hardware: HardwareProfile | None, copies: Sequence[Mapping[str, Any]] = ()
) -> list[Figure]:
    """Return a figure for each type and window: payload per second against payload, and the ceilings.

    ``copies`` are the rows of limits.json that time the kernel beside a memcpy; [] without.
    """
    if hardware is None or not any(one.kind in _CEILINGS and one.threads == 1 for one in hardware.ceilings):
        return []
    figures = []
    for dtype, window in distinct(found, "out"):
        lines = [line for line in series(found, "out", dtype, window) if classify(line.variant)[0] == "vector"]
        if lines and dtype in ITEM_BYTES:
            figures.append(_figure(lines, hardware, _of(copies, dtype, window)))
    return figures


def _of(copies: Sequence[Mapping[str, Any]], dtype: str, window: int) -> list[Mapping[str, Any]]:
    return [row for row in copies if row["dtype"] == dtype and row["window"] == window]


def _figure(lines: Sequence[Series], hardware: HardwareProfile, copies: Sequence[Mapping[str, Any]]) -> Figure:
    dtype, window = lines[0].dtype, lines[0].window
    data = [_variant(line) for line in lines]
    least = min(min(trace["x"]) for trace in data)
    data += [trace for trace in _beside(copies, ITEM_BYTES[dtype], least) if trace["x"]]
    data += _ceilings(hardware)
    layout = {
        "xaxis": {"type": "log", "title": {"text": "payload, bytes"}, **_ticks(data)},
        "yaxis": {
            "type": "log",
            "title": {"text": "payload per second, bytes/s"},
            "tickformat": "~s",
            "ticksuffix": "B/s",
            "dtick": "D2",
        },
        "legend": {"orientation": "v", "x": 1.02, "y": 1},
        "hovermode": "closest",
    }
    caption = (
        "Bytes of the input array a second against its bytes, one thread, result array given, medians; lines without "
        "markers are the machine's measured ceilings (a copy of n bytes counts n), taken at another time than the "
        "variants. Open markers were measured in turns with each other, in one process."
    )
    title = f"Distance to the memory's limit ({dtype}, window {window})"
    return Figure(f"limit-{dtype}-{window}", title, caption, {"data": data, "layout": layout})


def _ticks(data: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a tick at 1, 2 and 5 of each decade: a logarithmic axis' own stand on one another."""
    every = [x for trace in data for x in trace["x"]]
    decades = range(math.floor(math.log10(min(every))), math.ceil(math.log10(max(every))) + 1)
    places = [step * 10**decade for decade in decades for step in (1, 2, 5)]
    texts = [f"{place / 1e6:g} MB" if place >= 1_000_000 else f"{place / 1e3:g} kB" for place in places]
    return {"tickmode": "array", "tickvals": places, "ticktext": texts}


def _variant(line: Series) -> dict[str, Any]:
    form, engine = classify(line.variant)
    color = COLORS.get(engine, "--purple")
    size = ITEM_BYTES[line.dtype]
    usable = [point for point in line.points if point.value > 0]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": line.variant,
        "x": [point.n * size for point in usable],
        "y": [float(f"{point.n * size / point.value:.5g}") for point in usable],
        "line": {"color": color, "dash": DASHES[form], "width": 2},
        "marker": {"color": color, "symbol": MARKERS[form], "size": 8},
        "hovertemplate": "%{fullData.name}<br>%{x:.3s}B: %{y:.3s}B/s<extra></extra>",
    }


def _beside(copies: Sequence[Mapping[str, Any]], size: int, least: int) -> list[dict[str, Any]]:
    """Return the kernel and memcpy as limits.py timed them (ns per element), from the figure's least payload on."""
    rows = sorted((row for row in copies if row["n"] * size >= least), key=lambda row: row["n"])
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [row["n"] * size for row in rows],
            "y": [float(f"{size / (row[key] * 1e-9):.5g}") for row in rows],
            "marker": {"color": color, "symbol": "star-open" if key == "ns" else "hexagon-open", "size": 11},
            "hovertemplate": "%{fullData.name}<br>%{x:.3s}B: %{y:.3s}B/s<extra></extra>",
        }
        for key, (name, color) in _COPIES.items()
    ]


def _ceilings(hardware: HardwareProfile) -> list[dict[str, Any]]:
    traces = []
    for kind, (name, dash) in _CEILINGS.items():
        known = sorted(
            (one.nbytes, one.median)
            for one in hardware.ceilings
            if one.kind == kind and one.threads == 1 and one.nbytes and one.median > 0
        )
        if known:
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": f"{name} (ceiling)",
                    "x": [nbytes for nbytes, _ in known],
                    "y": [float(f"{median:.5g}") for _, median in known],
                    "line": {"color": "--text", "dash": dash, "width": 2},
                    "hovertemplate": f"{name} of %{{x:.3s}}B: %{{y:.3s}}B/s<extra></extra>",
                }
            )
    return traces
