"""axe-core finds nothing in any kind of page, light and wide or dark and narrow; and a keyboard is enough."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser import DESKTOP, PHONE, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]
# One page of each kind; the first page with a verdict and without.
KINDS = [
    ("report", "index.html"),
    ("report", "verdict.html"),
    ("report", "transforms.html"),
    ("report", "history.html"),
    ("report", "hardware.html"),
    ("report", "benchmarks/suite.Time0.time_case.html"),
    ("committed", "index.html"),
    ("compared", "index.html"),
    ("releases", "index.html"),
    ("releases", "release-bad.html"),
    ("simulation", "index.html"),
]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
# The size of targets is not among axe's defaults. Its preload would fetch the style again, which the policy forbids.
OPTIONS = {
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
    "preload": False,
}
# A table's rows are alike: the first dozen stand for all (hundreds, each some milliseconds).
CONTEXT = {"exclude": [["tbody tr:nth-child(n+13)"]]}


@pytest.mark.parametrize(("site", "path"), KINDS)
def test_axe_finds_nothing_in_light_on_a_desktop_nor_in_dark_on_a_phone(watch, site, path):
    watched = watch(site)
    page = watched.open(path)
    found = []
    for size, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        watched.drawn()
        answer = Axe().run(page, context=CONTEXT, options=OPTIONS).response
        found += [
            f"{scheme}, {size['width']}: {one['id']}: {node['target']} {node['html'][:120]}"
            for one in answer["violations"]
            for node in one["nodes"][:3]
        ]
    assert found == []


# Where the focus is: what it is, whether it is in sight, and how it is marked.
FOCUS = """() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return { name: `${element.tagName} ${element.id || element.getAttribute("aria-label") || element.textContent.trim()}`,
    body: element === document.body, outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight };
}"""
# What a keyboard must reach: all that can be focused and is in sight.
REACHABLE = """() => [...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
  .filter((element) => element.checkVisibility() && !element.closest("[hidden]")).length"""


def test_tab_reaches_everything_and_the_focus_is_always_seen(watch):
    page = watch("compared").open("index.html")
    wanted = page.evaluate(REACHABLE)
    stops = []
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        where = page.evaluate(FOCUS)
        if where["body"]:
            break
        stops.append(where)
    assert len(stops) == wanted
    assert [one["name"] for one in stops if not (one["outline"] and one["seen"])] == []


def test_enter_and_space_work_everything_without_a_mouse(watch):
    page = watch("compared").open("index.html")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content", "the way past the navigation"
    page.focus("#theme")
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.focus("#benchmarks thead th:nth-child(3) button")
    page.keyboard.press("Space")
    assert page.locator("#benchmarks thead th:nth-child(3)").get_attribute("aria-sort") == "ascending"
    page.focus("form.filter input[type=checkbox]")
    page.keyboard.press("Space")
    assert not page.locator("form.filter input[type=checkbox]").first.is_checked()
    page.focus("#forest-more")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('forest-more').hidden")
    with page.expect_download() as download:
        page.focus("#forest-figure [data-save=csv]")
        page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".csv")
