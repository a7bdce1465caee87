"""The pages about rollouts, written whole: a ledger's releases, and a simulation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headgate.report.citation import citation
from headgate.report.html import BASE_ASSETS, CHART_ASSETS, require_own, require_own_pages, write_assets, write_page
from headgate.report.page_names import DIRECTORY, page_names
from headgate.report.rollout_simulation import simulation_page
from headgate.report.rollout_view import overview_page, release_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from headgate.report.rollout_page import Page
    from headgate.rollout.events import Event
    from headgate.rollout.simulate import Simulation

__all__ = ["write_releases", "write_simulation"]

_TEMPLATE = "rollout.html.j2"
_INDEX = "index.html"


def write_releases(
    directory: Path,
    releases: Mapping[str, tuple[Sequence[Event], Sequence[str]]],
    *,
    home: str = "",
    generated: str | None = None,
) -> Path:
    """Write the releases' pages into ``directory`` and return the first one.

    Parameters
    ----------
    directory
        Made where it does not exist.
    releases
        By name: the events, and what is wrong with them (nothing, where every hash holds).
    home
        The page of a whole report that these are part of, seen from here: then its assets are used.
    generated
        The date to print; by default today's.

    Raises
    ------
    InputError
        A file cannot be written. The first page is written last.
    """
    paths = _paths(releases)
    if home:
        require_own_pages(directory, (_INDEX, *paths.values()))
    else:
        require_own(directory, paths.values())
    pages = {name: release_page(name, events, problems) for name, (events, problems) in releases.items()}
    links = (("Overview", _INDEX),) if home else ()
    if len(pages) == 1:
        return _write(directory, _INDEX, next(iter(pages.values())), links, generated, home=home)
    links = (*links, ("Releases", f"{_prefix(directory, home)}{_INDEX}"))
    for name, page in pages.items():
        _write(directory, paths[name], page, links, generated, home=home)
    listed = [(f"{page.title.removeprefix('Release ')}: {page.lede}", paths[name]) for name, page in pages.items()]
    first = overview_page(list(pages.values()))
    return _write(directory, _INDEX, first, links, generated, home=home, pages=listed)


def write_simulation(directory: Path, found: Simulation, command: str, *, generated: str | None = None) -> Path:
    """Write a simulation's page into ``directory`` and return its path; ``command`` is what made it."""
    return _write(directory, _INDEX, simulation_page(found, command), (), generated)


def _paths(releases: Iterable[str]) -> dict[str, str]:
    """Return the page of each release, where there are several; of one that is alone, the first page."""
    paths = {name: path.removeprefix(f"{DIRECTORY}/") for name, path in page_names(releases).items()}
    # No release's page may take the first page's name.
    return {name: f"release-{path}" for name, path in paths.items()} if len(paths) > 1 else dict.fromkeys(paths, _INDEX)


def _prefix(directory: Path, home: str) -> str:
    """Return the way from the report's directory to these pages."""
    return f"{directory.name}/" if home else ""


def _write(
    directory: Path,
    path: str,
    page: Page,
    links: Sequence[tuple[str, str]],
    generated: str | None,
    *,
    home: str = "",
    pages: Sequence[tuple[str, str]] = (),
) -> Path:
    when = datetime.now(UTC).strftime("%Y-%m-%d") if generated is None else generated
    if not home:
        write_assets(directory, (*BASE_ASSETS, *CHART_ASSETS))
    context = {
        "view": page,
        "title": page.title,
        "links": links,
        "here": f"{_prefix(directory, home)}{path}",
        "cited": citation(f"{page.title}: {page.lede}", date=page.date or when),
        "pages": pages,
    }
    return write_page(directory / path, _TEMPLATE, context, root=home.removesuffix(_INDEX), generated=when)
