"""What the template of a machine's transform study is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.report.study_view import ARTICLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.report.study_view import StudyView

__all__ = ["study_context"]


def study_context(view: StudyView, machine: str, here: str, machines: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the context of the page at the path ``here``; ``machines`` are (name, path) of all machines' studies."""
    return {
        "view": view,
        "title": f"{view.title} on {machine}",
        "machines": machines if len(machines) > 1 else (),
        "here": here,
        "article": ARTICLE,
        "figures": view.figures,
    }
