"""Shared by every HTML page: the template environment, the assets, and writing a page whole or not at all."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from headgate import __version__
from headgate.store.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import jinja2
    import markupsafe

__all__ = ["BASE_ASSETS", "CHART_ASSETS", "environment", "script_json", "write_assets", "write_page"]

# What base.html.j2 links, whatever the page.
BASE_ASSETS = ("style.css", "theme.js", "export.js", "tables.js", "filter.js", "figures.js", "verdict.js")
# plotly.js (basic bundle, MIT) comes with its licence; one copy serves every page of a report.
CHART_ASSETS = ("plotly-basic.min.js", "plotly-LICENSE.txt", "charts.js")

# Inside <script>, HTML ends at "</script" and "<!--" whatever the JSON says; U+2028/9 end a line in old JavaScript.
_SCRIPT_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def script_json(data: object) -> markupsafe.Markup:
    """Return ``data`` as JSON that may stand inside a ``<script>`` element, whatever strings it holds.

    Raises
    ------
    ValueError
        ``data`` holds NaN or an infinity, which JSON cannot say.
    """
    import markupsafe

    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    for character, escape in _SCRIPT_ESCAPES.items():
        text = text.replace(character, escape)
    return markupsafe.Markup(text)  # noqa: S704 - every character that HTML reads was escaped just above


@cache
def environment() -> jinja2.Environment:
    """Return the template environment: everything is escaped unless it is Markup, an unknown name is an error.

    It is made once: a site has hundreds of pages of one template, and compiling that takes longer than filling it in.
    """
    import jinja2

    env = jinja2.Environment(
        loader=jinja2.PackageLoader("headgate.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["script_json"] = script_json
    env.filters["percent_value"] = _percent_value
    env.globals["version"] = __version__
    return env


def _percent_value(ratio: float | None) -> str:
    """Return what a table sorts and exports a ratio by: the change in percent, unrounded for the eye."""
    return "" if ratio is None else f"{(ratio - 1.0) * 100.0:.6g}"


def write_assets(directory: Path, names: Iterable[str] = BASE_ASSETS) -> None:
    """Copy the named assets into ``directory/assets``."""
    source = resources.files("headgate.report") / "assets"
    for name in names:
        write_atomic(directory / "assets" / name, (source / name).read_bytes())


def write_page(path: Path, template: str, context: Mapping[str, Any], *, root: str = "", generated: str = "") -> Path:
    """Render ``template`` with ``context`` into ``path`` and return the path.

    ``root`` is the way from the page to the report's directory (``""`` or ``"../"``); ``generated`` is the date to
    print, as text.
    """
    text = environment().get_template(template).render(**context, root=root, generated=generated)
    write_atomic(path, text)
    return path
