"""One set of sites for all of these tests, a browser for each module, and pages that are closed after each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser_sites import write_sites

from browser import DESKTOP, Watched, launched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not longer: playwright has an event loop run in this thread, in which other modules' tests could start none.
    with launched() as found:
        yield found


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_sites(tmp_path_factory.mktemp("sites"))


@pytest.fixture
def watch(browser: Browser, sites: dict[str, Path]) -> Iterator[Callable[..., Watched]]:
    """Give a function of a site's name and a context's options that makes a page of it, which must have no problem."""
    made: list[Watched] = []

    def new(site: str, **options) -> Watched:
        context = browser.new_context(**{"viewport": DESKTOP, "color_scheme": "light"} | options)
        made.append(Watched(context, sites[site]))
        return made[-1]

    yield new
    for item in made:
        item.page.context.close()
    assert [problem for item in made for problem in item.problems] == []
