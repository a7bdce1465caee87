"""The study as a static site: a page a machine, the one measured last first."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headgate.report.html import BASE_ASSETS, CHART_ASSETS, write_assets, write_page
from headgate.report.study_view import ARTICLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from headgate.report.study_view import StudyView

__all__ = ["page_names", "write_study"]


def page_names(machines: Sequence[str]) -> list[str]:
    """Return a file name for each machine: the first is index.html, the others are named after the machine."""
    names = ["index.html"]
    for machine in machines[1:]:
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", machine).strip("-") or "machine"
        taken, number = stem, 2
        while f"{taken}.html" in names:
            taken, number = f"{stem}-{number}", number + 1
        names.append(f"{taken}.html")
    return names


def write_study(directory: Path, views: Sequence[tuple[str, StudyView]]) -> Path:
    """Write a page for each (machine, view) into ``directory``; return the first, index.html.

    Raises
    ------
    InputError
        The directory cannot be written.
    """
    write_assets(directory, (*BASE_ASSETS, *CHART_ASSETS))
    names = page_names([machine for machine, _ in views])
    links = [(machine, name) for (machine, _), name in zip(views, names, strict=True)]
    generated = datetime.now(UTC).strftime("%Y-%m-%d")
    for (machine, view), name in zip(views, names, strict=True):
        context = {
            "view": view,
            "title": f"{view.title} on {machine}",
            "links": links,
            "here": name,
            "article": ARTICLE,
        }
        context["figures"] = [asdict(figure) for figure in view.figures]
        write_page(directory / name, "study.html.j2", context, generated=generated)
    return directory / names[0]
