"""What a page draws: one figure as plotly JSON, with what a reader must know of it. Data only.

A colour in ``json`` is the name of a variable of the style ("--blue"); the page puts in the theme's. What the figure
offers as CSV is made in the browser from the same ``json``, so there is one copy of the numbers in a page.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["Figure", "chart_text"]


def chart_text(text: str) -> str:
    """Return ``text`` as plotly shows it letter by letter: it reads a few tags in its texts, and TeX between two "$".

    Quotes are left alone: plotly does not know their entities. figures.js turns it back for the CSV.

    >>> chart_text('<b>"a" & $x$')
    '&lt;b&gt;"a" &amp; &#36;x&#36;'
    """
    return escape(text, quote=False).replace("$", "&#36;")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: ``title`` says what is seen, ``caption`` units, n and what the bars are; ``size`` is a CSS class.

    ``table`` is the id of the table on the same page that has the same numbers, "" where there is none: the page then
    offers the numbers themselves. Further columns of a point go into the trace's ``customdata`` (one list a point),
    their names into ``layout.meta.columns``.
    """

    id: str
    title: str
    caption: str
    json: dict[str, Any]
    size: str = ""
    table: str = ""
