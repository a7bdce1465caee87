"""Every page of every site: nothing goes wrong in it, nothing leads nowhere, and it fits a phone."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from browser import DESKTOP, PHONE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]
SITES = ("report", "committed", "compared", "checked", "releases", "simulation")
# Of each kind one: what is the same in all pages of a kind is looked at once.
WITHOUT_SCRIPTS = ("index.html", "verdict.html", "transforms.html", "history.html", "hardware.html")


class Outline(HTMLParser):
    """A page's links, ids, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: Counter[str] = Counter()
        self.feed(text)

    def handle_starttag(self, tag, attrs):  # noqa: ARG002 -- the parser's signature
        found = dict(attrs)
        self.links += [found[name] for name in ("href", "src") if found.get(name)]
        if "id" in found:
            self.ids[found["id"]] += 1


def outlines(site):
    """Return the outline of each page that can be reached from the first, by its path."""
    found, waiting = {}, ["index.html"]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = Outline((site / path).read_text(encoding="utf-8"))
        for link in found[path].links:
            target = urlsplit(link)
            if not target.scheme and target.path.endswith(".html"):
                resolved = (site / path).parent / unquote(target.path)
                waiting.append(resolved.resolve().relative_to(site.resolve()).as_posix())
    return found


@pytest.mark.parametrize("name", SITES)
def test_every_link_leads_to_a_page_and_a_place_and_every_page_can_be_reached(sites, name):
    site = sites[name]
    pages = outlines(site)
    assert set(pages) == {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    wrong = []
    for path, outline in pages.items():
        wrong += [f"{path}: two of {key}" for key, amount in outline.ids.items() if amount > 1]
        for link in outline.links:
            target = urlsplit(link)
            if target.scheme:
                # The web only as a commit's link; data: is the empty icon.
                wrong += [] if target.scheme == "https" or link == "data:," else [f"{path}: {link}"]
                continue
            file = ((site / path).parent / unquote(target.path)) if target.path else site / path
            if not file.is_file():
                wrong.append(f"{path}: {link}")
            elif target.fragment and target.fragment not in Outline(file.read_text(encoding="utf-8")).ids:
                wrong.append(f"{path}: {link}: no such place")
    assert wrong == []


def of_each_kind(paths):
    """Leave out most of the benchmarks' pages, which are alike: a few stay, and every one with a hostile name."""
    alike = [path for path in paths if re.fullmatch(r"benchmarks/[\w.]+\.html", path)]
    return [path for path in paths if path not in alike[2:-2]]


@pytest.mark.parametrize("name", SITES)
def test_a_page_of_each_kind_opens_in_both_themes_without_an_error_and_fits_360_pixels(sites, watch, name):
    watched = watch(name)
    page = watched.page
    wrong = []
    for path in of_each_kind(sorted(outlines(sites[name]))):
        # The fixture's check at the end would not say on which page it was.
        before = len(watched.problems)
        watched.open(path)
        if not page.title().strip() or page.locator("h1").count() != 1:
            wrong.append(f"{path}: title or h1")
        if watched.overflow() > 0:
            wrong.append(f"{path}: wider than 1280 by {watched.overflow()}")
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size(PHONE)
        page.wait_for_timeout(50)
        if watched.overflow() > 0:
            wrong.append(f"{path}: wider than 360 by {watched.overflow()}")
        if page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(18, 21, 26)":
            wrong.append(f"{path}: not dark")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(DESKTOP)
        wrong += [f"{path}: {problem}" for problem in watched.problems[before:]]
    assert wrong == []


@pytest.mark.parametrize("path", WITHOUT_SCRIPTS)
def test_without_javascript_every_number_can_be_read_and_no_button_is_there_to_fail(watch, path):
    watched = watch("report", java_script_enabled=False)
    page = watched.page
    page.goto(f"{watched.site.resolve().as_uri()}/{path}")
    assert page.locator("main h1").inner_text().strip()
    assert page.locator("main table tbody tr").first.is_visible()
    assert page.locator("button:visible").count() == 0
    assert page.locator("form:visible").count() == 0
    for figure in page.locator("figure").all():
        assert figure.locator("noscript").is_visible()
        assert not figure.locator(".chart").is_visible(), "no empty place where a drawing would be"
