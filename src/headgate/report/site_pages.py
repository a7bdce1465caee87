"""The benchmarks' pages of a report, made one at a time: of thousands, one is held. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headgate.model import Direction
from headgate.report.benchmark_pages import benchmark_page
from headgate.report.verdict_benchmark import compared_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headgate.report.benchmark_view import BenchmarkPage
    from headgate.report.site_view import Site, SiteInput

__all__ = ["MOST_COMPARED", "site_pages"]

# Combinations of one benchmark whose rounds are drawn: three figures each. A verdict's own page has them all.
MOST_COMPARED = 4


def site_pages(given: SiteInput, shape: Site) -> Iterator[BenchmarkPage]:
    """Yield the page of every benchmark in ``shape.pages``, in their order; first what a verdict says of it."""
    compared = _compared(given)
    for name in shape.pages:
        page = benchmark_page(name, given.history, shape.lines.get(name, ()))
        yield _with_verdict(page, compared.get(name, ()))


def _compared(given: SiteInput) -> dict[str, list[BenchmarkPage]]:
    """Return what the newest verdict with evidence shows of each benchmark, its combinations in the verdict's order."""
    found: dict[str, list[BenchmarkPage]] = {}
    for verdict in given.verdicts:
        for row in verdict.view.rows:
            one = row.comparison.benchmark
            rounds = verdict.rounds.get(one)
            if rounds:
                page = compared_page(verdict.view, row, rounds, verdict.directions.get(one, Direction.LOWER))
                found.setdefault(one.name, []).append(page)
        if found:
            break
    return found


def _with_verdict(page: BenchmarkPage, compared: Sequence[BenchmarkPage]) -> BenchmarkPage:
    if not compared:
        return page
    shown = compared[:MOST_COMPARED]
    figures = [
        replace(
            figure,
            id=f"{figure.id}-{place}",
            title=f"{figure.title}: {one.name}" if len(compared) > 1 else figure.title,
        )
        for place, one in enumerate(shown)
        for figure in one.figures
    ]
    said = f"Newest verdict: {shown[0].lede}" if len(compared) == 1 else ""
    each = [f"Newest verdict, {one.name}: {one.lede}" for one in shown if not said]
    left = [f"{len(compared) - len(shown)} more combinations were compared."] if len(compared) > len(shown) else []
    return replace(
        page,
        lede=" ".join(text for text in (said, page.lede) if text),
        facts=page.facts or shown[0].facts,
        figures=(*figures, *page.figures),
        tables=(*page.tables, *(table for one in shown for table in one.tables)),
        notes=(*each, *left, *page.notes, *dict.fromkeys(note for one in shown for note in one.notes)),
        reproduce=(*page.reproduce, *shown[0].reproduce),
    )
