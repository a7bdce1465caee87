"""A page about a rollout as data: sections of figures, tables and text; one template shows them all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headgate.report.figure import chart_text
from headgate.report.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.report.figure import Figure
    from headgate.report.study_tables import Table

__all__ = ["COLORS", "LEGEND", "Page", "Section", "across", "drawn_name", "line_trace", "rounded"]

# Lines of a figure in the order in which they are given out; each with a dash of its own, so colour is not all.
COLORS = (
    ("--blue", "solid"),
    ("--orange", "dash"),
    ("--green", "dot"),
    ("--purple", "dashdot"),
    ("--grey", "longdash"),
)
# With so few points each is marked; of a single one there is no line to see.
MOST_MARKED = 25
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page; ``code`` is shown as it stands, under its label."""

    id: str
    heading: str
    note: str = ""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    code: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page: ``state`` is shown as a badge in the style's class ``mark``; ``problems`` come before all else."""

    title: str
    lede: str
    state: str = ""
    mark: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    commands: tuple[str, ...] = ()
    date: str = field(default="", kw_only=True)

    @property
    def drawn(self) -> bool:
        """Whether any section has a figure."""
        return any(section.figures for section in self.sections)


def drawn_name(text: str) -> str:
    """Return foreign text for a drawing, shown letter by letter."""
    return chart_text(printable(text))


def line_trace(name: str, x: Sequence[float], y: Sequence[float | None], look: int, **more: Any) -> dict[str, Any]:
    """Return a line with the colour and dash of its place in the legend; what is None is left open."""
    color, dash = COLORS[look % len(COLORS)]
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(x) <= MOST_MARKED else "lines",
        "name": name,
        "x": [rounded(value) for value in x],
        "y": [None if value is None else rounded(value) for value in y],
        "line": {"color": color, "dash": dash, "width": 2},
    } | more


def across(y: float, color: str, dash: str, text: str, *, left: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a line across the drawing at ``y``, and its label at the right end, or the left one."""
    place = {"xref": "paper", "x0": 0, "x1": 1, "y0": rounded(y), "y1": rounded(y)}
    shape = {"type": "line", **place, "line": {"color": color, "dash": dash, "width": 1.5}, "layer": "below"}
    end = {"x": 0, "xanchor": "left"} if left else {"x": 1, "xanchor": "right"}
    at = {"xref": "paper", **end, "y": rounded(y), "yanchor": "bottom"}
    return shape, {**at, "text": text, "showarrow": False, "font": {"color": color, "size": 11}}


def rounded(value: float) -> float:
    """Return six digits: what a drawing shows."""
    return float(f"{value:.6g}")
