"""Shared by every HTML page: the template environment, the assets, and writing a page whole or not at all."""

from __future__ import annotations

import json
import os
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate import __version__
from headgate.errors import InputError, unreadable
from headgate.store.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import jinja2
    import markupsafe

__all__ = [
    "ASSETS",
    "BASE_ASSETS",
    "CHART_ASSETS",
    "environment",
    "require_own",
    "require_own_pages",
    "script_json",
    "write_assets",
    "write_page",
]

ASSETS = "assets"
# How a page and a style of ours begin: what begins otherwise is someone else's, and is not written over.
_PAGE_MARK = b'<meta name="generator" content="headgate '
_STYLE_MARK = b"/* One style for every page of a report."
_MARK_WITHIN = 4096
_FOREIGN = "{}: is not a file of headgate's, and would be overwritten; give another directory"

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
    """Copy the named assets into ``directory/assets``.

    Raises
    ------
    InputError
        The directory has a page or a style of someone else's, or a file cannot be written.
    """
    require_own(directory)
    source = resources.files("headgate.report") / "assets"
    for name in names:
        write_atomic(directory / ASSETS / name, (source / name).read_bytes())


def write_page(path: Path, template: str, context: Mapping[str, Any], *, root: str = "", generated: str = "") -> Path:
    """Render ``template`` with ``context`` into ``path`` and return the path.

    ``root`` is the way from the page to the report's directory (``""`` or ``"../"``); ``generated`` is the date to
    print, as text.

    Raises
    ------
    InputError
        A page of someone else's is there, or the file cannot be written.
    """
    _require_marked(path, _PAGE_MARK)
    text = environment().get_template(template).render(**context, root=root, generated=generated)
    write_atomic(path, text)
    return path


def require_own(directory: str | os.PathLike[str], pages: Iterable[str] = ()) -> None:
    """Refuse a directory whose first page or assets are not ours: a report would be written over someone's site.

    ``pages`` are further ones that are going to be written, so that none is refused when half of them are.

    Raises
    ------
    InputError
        It is so, or the file cannot be read.
    """
    require_own_pages(directory, ("index.html", *pages))
    assets = Path(directory) / ASSETS
    style = assets / BASE_ASSETS[0]
    _require_marked(style, _STYLE_MARK)
    if os.path.lexists(style):
        return
    # The style is written first: where it is missing, what has the name of another asset is someone else's.
    for name in (*BASE_ASSETS, *CHART_ASSETS):
        if os.path.lexists(assets / name):
            raise InputError(_FOREIGN.format(assets / name))


def require_own_pages(directory: str | os.PathLike[str], pages: Iterable[str]) -> None:
    """Refuse a directory in which one of the ``pages`` is not ours; as `require_own`, without the assets."""
    for page in pages:
        _require_marked(Path(directory) / page, _PAGE_MARK)


def _require_marked(path: Path, mark: bytes) -> None:
    try:
        with path.open("rb") as stream:
            found = stream.read(_MARK_WITHIN)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    if found and mark not in found:
        raise InputError(_FOREIGN.format(path))
