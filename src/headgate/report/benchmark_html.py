"""The benchmarks' pages, one file each in ``benchmarks/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.report.citation import citation
from headgate.report.html import write_page
from headgate.report.page_names import page_names
from headgate.report.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from headgate.report.benchmark_view import BenchmarkPage

__all__ = ["FIRST_PAGE", "write_benchmark_pages"]

# (label, path from the report's directory) of the page that leads to these.
FIRST_PAGE = ("Overview", "index.html")


def write_benchmark_pages(
    directory: Path,
    pages: Iterable[BenchmarkPage],
    *,
    generated: str = "",
    names: Mapping[str, str] | None = None,
    links: Sequence[tuple[str, str]] = (FIRST_PAGE,),
) -> None:
    """Write each page to its place below ``directory``; the assets are the caller's to write.

    Parameters
    ----------
    directory
        The report's directory, made where it does not exist.
    pages
        May be made one at a time: of two pages, only one is held.
    generated
        The date to print, as text.
    names
        What `page_names` returned for all benchmarks of the report; by default, for ``pages``.
    links
        (label, path from ``directory``) of the report's other pages, for the navigation.

    Raises
    ------
    InputError
        A file cannot be written.
    """
    if names is None:
        pages = list(pages)
        names = page_names(page.name for page in pages)
    for page in pages:
        cited = citation(f"Benchmark {page.name}", commit=page.commit, date=generated)
        context = {"view": page, "title": printable(page.name), "links": links, "here": "", "cited": cited}
        write_page(directory / names[page.name], "benchmark.html.j2", context, root="../", generated=generated)
