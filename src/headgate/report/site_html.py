"""The report as a static site: its pages, each written whole, and what they share."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headgate.report.benchmark_html import write_benchmark_pages
from headgate.report.citation import citation
from headgate.report.hardware_page import hardware_page
from headgate.report.history_page import history_page
from headgate.report.html import BASE_ASSETS, CHART_ASSETS, require_own, write_assets, write_page
from headgate.report.overview_view import overview_view
from headgate.report.site_pages import site_pages
from headgate.report.site_view import HARDWARE, HISTORY, INDEX, site
from headgate.report.study_html import study_context
from headgate.report.study_view import study_view
from headgate.report.verdict_html import page_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from headgate.report.benchmark_view import BenchmarkPage
    from headgate.report.citation import Citation
    from headgate.report.site_view import Site, SiteInput, SiteVerdict

__all__ = ["require_own_site", "write_site"]


def write_site(
    directory: Path,
    given: SiteInput,
    *,
    generated: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Path:
    """Write the report into ``directory`` and return its first page.

    Parameters
    ----------
    directory
        Made where it does not exist; other files in it are left alone.
    given
        What is reported.
    generated
        The date to print, as text; by default today's.
    progress
        Called with the benchmarks' pages written and all there are.

    Raises
    ------
    InputError
        A file cannot be written. The first page is written last: one that is there has its pages.
    """
    when = datetime.now(UTC).strftime("%Y-%m-%d") if generated is None else generated
    shape = site(given)
    require_own(directory, _paths(shape))
    write_assets(directory, (*BASE_ASSETS, *CHART_ASSETS))
    total = len(shape.pages)
    pages = _counted(site_pages(given, shape), total, progress)
    write_benchmark_pages(directory, pages, generated=when, names=shape.pages, links=shape.links)
    _write_studies(directory, shape, when)
    _write_verdicts(directory, shape, when)
    _write_tables(directory, given, shape, when)
    return _write_overview(directory, given, shape, when)


def require_own_site(directory: Path, given: SiteInput) -> None:
    """Refuse a directory in which a page of the report, or an asset, would take the place of someone else's.

    Raises
    ------
    InputError
        It is so, or a file cannot be read.
    """
    require_own(directory, _paths(site(given)))


def _paths(shape: Site) -> list[str]:
    """Return the path of each page that is written here; asv's own and the releases' are others' to write."""
    tables = {path for _, path in shape.links} & {HISTORY, HARDWARE}
    return [*tables, *(path for _, path in (*shape.studies, *shape.verdicts)), *shape.pages.values()]


def _counted(
    pages: Iterable[BenchmarkPage], total: int, progress: Callable[[int, int], None]
) -> Iterator[BenchmarkPage]:
    for done, page in enumerate(pages, 1):
        yield page
        progress(done, total)


def _write_studies(directory: Path, shape: Site, generated: str) -> None:
    others = [(item.machine, path) for item, path in shape.studies]
    for item, path in shape.studies:
        context = study_context(study_view(item), item.machine, path, others)
        cited = citation(context["title"], commit=item.commit, date=generated, machine=item.machine)
        write_page(directory / path, "study.html.j2", context | _shared(shape, path, cited), generated=generated)


def _write_verdicts(directory: Path, shape: Site, generated: str) -> None:
    for verdict, path in shape.verdicts:
        context = page_context(verdict.view, links=_row_links(verdict, shape), generated=generated)
        write_page(
            directory / path,
            "site_verdict.html.j2",
            context | _shared(shape, path, context["cited"]),
            generated=generated,
        )


def _row_links(verdict: SiteVerdict, shape: Site) -> dict[str, str]:
    """Return the page of each row's benchmark, where the report has one."""
    names = {row.name: row.comparison.benchmark.name for row in verdict.view.rows}
    return {shown: shape.pages[name] for shown, name in names.items() if name in shape.pages}


def _write_tables(directory: Path, given: SiteInput, shape: Site, generated: str) -> None:
    paths = {path for _, path in shape.links}
    if HISTORY in paths:
        history = history_page(given.changes, shape.pages)
        title = "Changes of level"
        cited = citation(f"{title}: {history.sentence}", commit=given.history.commits[-1], date=generated)
        context = {"view": history, "title": title} | _shared(shape, HISTORY, cited)
        write_page(directory / HISTORY, "history.html.j2", context, generated=generated)
    hardware = hardware_page(given.machines)
    if hardware is not None:
        title = "Hardware of the benchmarks"
        context = {"view": hardware, "title": title} | _shared(shape, HARDWARE, citation(title, date=generated))
        write_page(directory / HARDWARE, "hardware.html.j2", context, generated=generated)


def _write_overview(directory: Path, given: SiteInput, shape: Site, generated: str) -> Path:
    every = [line for lines in shape.lines.values() for line in lines]
    view = overview_view(given.history, given.changes, every, given.machines, shape.pages, given.problems)
    cited = citation(f"{view.title}: {view.sentence}", commit=view.commit, date=generated)
    first = shape.verdicts[0][0] if shape.verdicts else None
    context = {
        "view": view,
        "title": view.title,
        "verdict": None if first is None else _first_verdict(first, generated),
        "verdicts": [(item.view.state, item.view.sentence, path) for item, path in shape.verdicts],
    }
    return write_page(
        directory / INDEX, "overview.html.j2", context | _shared(shape, INDEX, cited), generated=generated
    )


def _first_verdict(verdict: SiteVerdict, generated: str) -> dict[str, object]:
    """Return what the first page shows of a verdict; the plot stands there without its table."""
    context = page_context(verdict.view, generated=generated)
    forest = context["forest"]
    if forest is not None:
        layout = forest.json["layout"]
        bare = layout | {"meta": layout.get("meta", {}) | {"table": ""}}
        forest = replace(forest, table="", json=forest.json | {"layout": bare})
    return {key: context[key] for key in ("view", "sentence", "counts")} | {"forest": forest}


def _shared(shape: Site, here: str, cited: Citation) -> dict[str, object]:
    return {"links": shape.links, "here": here, "cited": cited}
