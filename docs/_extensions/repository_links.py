"""Links out of docs/, which lead to files of the repository for who reads it there: the site carries these files along.

A directory cannot be carried; its link becomes its name. What does not exist stays as it is, and fails the build.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_LINK = re.compile(r"\[([^\]]*)\]\(((?:\.\./)+[^)#\s]*)(?:#[^)\s]*)?\)")


def rewritten(text: str, page: Path, documents: Path) -> str:
    """Return the Markdown of ``page`` with its links out of ``documents`` made ones that a site can have."""

    def link(found: re.Match[str]) -> str:
        target = Path(os.path.normpath(page.parent / found[2]))
        if target.is_relative_to(documents) or not target.exists():
            return found[0]
        if target.is_dir():
            return f"{found[1]} (`{target.relative_to(documents.parent).as_posix()}/`)"
        return f"[{found[1]}](path:{found[2]})"

    return _LINK.sub(link, text)


def rewrite(app: Sphinx, name: str, source: list[str]) -> None:
    """Rewrite a page as it is read (Sphinx's event `source-read`)."""
    source[0] = rewritten(source[0], Path(app.env.doc2path(name)), Path(app.srcdir))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True}
