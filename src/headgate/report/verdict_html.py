"""The verdict as a static site: sentence, forest plot, a table to search, where it holds, a page a benchmark."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError
from headgate.formats.hardware import profile_from_dict
from headgate.model import Direction
from headgate.report.benchmark_html import write_benchmark_pages
from headgate.report.citation import citation
from headgate.report.hardware_view import sections
from headgate.report.html import BASE_ASSETS, CHART_ASSETS, require_own, write_assets, write_page
from headgate.report.page_names import page_names
from headgate.report.verdict_benchmark import compared_page
from headgate.report.verdict_figure import forest_figure

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from headgate.model import BenchmarkId, Round
    from headgate.report.hardware_view import Section
    from headgate.report.verdict_view import VerdictView

__all__ = ["page_context", "write_verdict_pages"]

_STATES = ("failed", "regressed", "inconclusive", "pass")


def write_verdict_pages(
    directory: str | os.PathLike[str],
    view: VerdictView,
    *,
    rounds: Mapping[BenchmarkId, Sequence[Round]] | None = None,
    directions: Mapping[BenchmarkId, Direction] | None = None,
    generated: str = "",
) -> Path:
    """Write the page (and, given ``rounds``, one a benchmark) into ``directory``; return the path of index.html.

    Parameters
    ----------
    directory
        Made where it does not exist; other files in it are left alone.
    view
        What to show.
    rounds
        The evidence by benchmark, drawn and listed on the pages in ``benchmarks/``.
    directions
        Which is better, by benchmark (`directions_of`); lower, for one that is not in it.
    generated
        The date to print, as text, year first.

    Raises
    ------
    InputError
        A file cannot be written.
    """
    target = Path(directory)
    evidence = rounds or {}
    links = _links(view, evidence)
    require_own(target, links.values())
    write_assets(target, (*BASE_ASSETS, *CHART_ASSETS))
    better = directions or {}
    pages = (
        compared_page(view, row, evidence[one], better.get(one, Direction.LOWER))
        for row in view.rows
        if row.name in links and (one := row.comparison.benchmark)
    )
    first = ("Verdict", "index.html")
    write_benchmark_pages(target, pages, generated=generated, names=links, links=(first,))
    context = page_context(view, links=links, generated=generated)
    return write_page(target / "index.html", "verdict.html.j2", context, generated=generated)


def page_context(view: VerdictView, *, links: Mapping[str, str] | None = None, generated: str = "") -> dict[str, Any]:
    """Return what the templates need: plain values, escaped by the template.

    ``links`` gives the page of a benchmark by its name, for those that have one.
    """
    confidence = view.verdict.policy.get("confidence")
    machine = view.verdict.hardware.get("machine")
    return {
        "title": f"{view.state}: {_sides(view)}",
        "view": view,
        # A line never begins with the sign of the percentage before it.
        "sentence": view.sentence.replace(" %", "\N{NO-BREAK SPACE}%"),
        "forest": forest_figure(view.rows, confidence=confidence if isinstance(confidence, float) else None),
        "counts": [_count(view, state) for state in _STATES],
        "pages": links or {},
        "hardware": _hardware(view),
        "cited": citation(
            f"Benchmark verdict of {_sides(view)}: {view.sentence}",
            commit=view.verdict.candidate.commit or "",
            date=generated,
            machine=machine if isinstance(machine, str) else "",
        ),
    }


def _links(view: VerdictView, rounds: Mapping[BenchmarkId, Sequence[Round]]) -> dict[str, str]:
    """Return the page of each benchmark with evidence. Two that print alike have none: one would be the other's."""
    printed = Counter(row.name for row in view.rows)
    return page_names(row.name for row in view.rows if rounds.get(row.comparison.benchmark) and printed[row.name] == 1)


def _hardware(view: VerdictView) -> tuple[Section, ...]:
    """Return the whole hardware profile; nothing where the verdict has less than one: the facts show what there is."""
    try:
        return sections(profile_from_dict(view.verdict.hardware))
    except InputError:
        return ()


def _count(view: VerdictView, state: str) -> tuple[str, int, int]:
    """Return the state, how many rows have it, and how many of these decide nothing though it is not a pass."""
    rows = [row for row in view.rows if row.state == state]
    return state, len(rows), sum(row.matters and not row.comparison.required for row in rows)


def _sides(view: VerdictView) -> str:
    # The first words of the facts: what was asked for, made printable.
    facts = dict(view.facts)
    return " against ".join(facts.get(side, "?").split(", ")[0] for side in ("Candidate", "Baseline"))
