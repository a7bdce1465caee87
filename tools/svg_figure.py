"""A small SVG drawing that reads in light and in dark: it carries its own paper and follows the reader's preference."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["WIDTH", "Axis", "Figure"]

WIDTH = 720
# The reports' own colours (src/headgate/report/assets/style.css).
LIGHT = {"paper": "#ffffff", "text": "#16191d", "muted": "#5a6370", "line": "#d5dae1"}
LIGHT |= {"pass": "#00694d", "fail": "#a33a00", "unsure": "#6b4e9b"}
DARK = {"paper": "#12151a", "text": "#e8ebef", "muted": "#a3adb9", "line": "#343c47"}
DARK |= {"pass": "#5fd3ae", "fail": "#ffa06b", "unsure": "#c3b0ec"}


def _rules(colours: dict[str, str]) -> str:
    return "".join(f".f-{name}{{fill:{value}}}.s-{name}{{stroke:{value}}}" for name, value in colours.items())


STYLE = (
    "text{font:13px system-ui,'Segoe UI',Roboto,sans-serif}.b{font-weight:600}.s{fill:none}.a{opacity:.18}"
    f"{_rules(LIGHT)}@media(prefers-color-scheme:dark){{{_rules(DARK)}}}"
)


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to pixels, linearly."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of ``value``."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


class Figure:
    """Collects shapes; ``title`` is what a reader who cannot see it is told."""

    def __init__(self, title: str, height: int) -> None:
        self.title = title
        self.height = height
        self._parts: list[str] = []

    def line(
        self, x1: float, y1: float, x2: float, y2: float, colour: str, *, width: float = 1, dash: str = ""
    ) -> None:
        """Draw a line."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        self._parts.append(f'<line {ends} class="s-{colour}" stroke-width="{width:g}"{dashed}/>')

    def path(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        """Draw a curve through ``points``."""
        where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(f'<polyline points="{where}" class="s s-{colour}" stroke-width="2.5"/>')

    def area(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        """Fill a polygon, lightly."""
        where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(f'<polygon points="{where}" class="a f-{colour}"/>')

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Fill a rectangle."""
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="f-{colour}"/>'
        )

    def dot(self, x: float, y: float, radius: float, colour: str) -> None:
        """Fill a circle."""
        self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="f-{colour}"/>')

    def text(self, x: float, y: float, text: str, colour: str, *, anchor: str = "start", bold: bool = False) -> None:
        """Write a line of text."""
        weight = " b" if bold else ""
        placed = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="f-{colour}{weight}"{placed}>{escape(text)}</text>')

    def grid_x(
        self, axis: Axis, ticks: Iterable[float], name: Callable[[float], str], top: float, bottom: float
    ) -> None:
        """Draw vertical lines with their values below."""
        for tick in ticks:
            self.line(axis(tick), top, axis(tick), bottom, "line")
            self.text(axis(tick), bottom + 18, name(tick), "muted", anchor="middle")

    def grid_y(
        self, axis: Axis, ticks: Iterable[float], name: Callable[[float], str], left: float, right: float
    ) -> None:
        """Draw horizontal lines with their values to the left."""
        for tick in ticks:
            self.line(left, axis(tick), right, axis(tick), "line")
            self.text(left - 8, axis(tick) + 4, name(tick), "muted", anchor="end")

    def legend(self, x: float, y: float, entries: Sequence[tuple[str, str]]) -> None:
        """Say what colours mean."""
        for colour, text in entries:
            self.bar(x, y - 10, 12, 12, colour)
            self.text(x + 18, y, text, "text")
            x += 40 + 7 * len(text)

    def svg(self) -> str:
        """Return the file."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" role="img" '
            f'aria-label="{escape(self.title)}">\n<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n'
            f'<rect width="{WIDTH}" height="{self.height}" rx="6" class="f-paper"/>\n'
            + "\n".join(self._parts)
            + "\n</svg>\n"
        )
