"""What a reader does on the pages: search, tick, sort, draw more, choose a theme, follow a link."""

from __future__ import annotations

import json
import re

import pytest
from browser_sites import COMMITS, evidence_of_many

from browser import PHONE, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]
COMPARED = evidence_of_many().verdict.comparisons
DRAWABLE = sum(one.ratio is not None for one in COMPARED)
SHOWN = "#benchmarks tbody tr:not([hidden])"
FIRST = 40


def labels(page) -> list[str]:
    """Return the names and changes that the forest plot shows, from the top down."""
    return page.evaluate("""() => [...document.querySelectorAll("[data-figure=forest] .annotation")]
      .map((note) => [note.getBoundingClientRect().top, note.textContent])
      .sort((a, b) => a[0] - b[0]).map((one) => one[1])""")


def settled(page, count: str) -> None:
    until(page, f"document.getElementById('forest-count').textContent === {json.dumps(count)}")


def test_the_search_narrows_table_and_plot_and_says_how_many_are_left(watch):
    page = watch("compared").open("index.html")
    output = page.locator("form.filter output")
    assert output.inner_text() == f"{len(COMPARED)} of {len(COMPARED)} shown"
    assert output.get_attribute("aria-live") == "polite"
    settled(page, f"{FIRST} of {DRAWABLE} drawn")
    wanted = [one for one in COMPARED if one.benchmark.name == "suite.Time2.time_case"]
    page.get_by_role("searchbox").fill("TIME2 time_case")
    assert output.inner_text() == f"{len(wanted)} of {len(COMPARED)} shown"
    assert page.locator(SHOWN).count() == len(wanted)
    settled(page, f"{len(wanted)} of {len(wanted)} drawn")
    until(page, f"document.querySelectorAll('[data-figure=forest] .annotation').length === {len(wanted)}")
    names = [re.sub(r"\s*details of.*", "", text) for text in page.locator(f"{SHOWN} th").all_inner_texts()]
    assert all(name.split("\n")[0].startswith("suite.Time2.time_case") for name in names)
    changes = page.locator(f"{SHOWN} td:nth-child(3)").all_inner_texts()
    assert [text.endswith(change.split("\n")[0]) for text, change in zip(labels(page), changes, strict=True)] == [
        True
    ] * len(wanted)
    page.get_by_role("searchbox").fill("no such benchmark")
    assert output.inner_text() == f"0 of {len(COMPARED)} shown"
    settled(page, "0 of 0 drawn")
    page.get_by_role("searchbox").fill("")
    settled(page, f"{FIRST} of {DRAWABLE} drawn")


def test_a_state_that_is_not_ticked_is_neither_in_the_table_nor_in_the_plot(watch):
    page = watch("compared").open("index.html")
    states = sorted({str(one.state) for one in COMPARED})
    assert states == ["failed", "inconclusive", "pass", "regressed"]
    for state in ("pass", "inconclusive", "failed"):
        page.locator(f"form.filter input[value={state}]").uncheck()
    regressed = sum(one.state == "regressed" for one in COMPARED)
    assert page.locator("form.filter output").inner_text() == f"{regressed} of {len(COMPARED)} shown"
    settled(page, f"{regressed} of {regressed} drawn")
    assert set(page.locator(SHOWN).evaluate_all("rows => rows.map((row) => row.dataset.state)")) == {"regressed"}


def test_a_click_on_a_head_sorts_by_number_and_says_so_and_the_plot_follows(watch):
    page = watch("compared").open("index.html")
    head = page.locator("#benchmarks thead th:nth-child(6)")
    values = f"{SHOWN} td:nth-child(6)"
    for order, sign in (("ascending", 1), ("descending", -1)):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == order
        found = page.locator(values).evaluate_all("cells => cells.map((cell) => cell.dataset.value)")
        numbers = [sign * float(text) for text in found if text]
        assert numbers == sorted(numbers)
        assert len(numbers) == DRAWABLE
        assert found[-1] == "", "what has no value stands last, whichever way"
    page.locator("#benchmarks thead th:nth-child(3)").get_by_role("button").click()
    assert page.locator("#benchmarks th[aria-sort]").count() == 1
    page.wait_for_timeout(200)
    changes = page.locator(f"{SHOWN} td:nth-child(3)").all_inner_texts()[:FIRST]
    assert [text.endswith(change.split("\n")[0]) for text, change in zip(labels(page), changes, strict=True)] == [
        True
    ] * FIRST


@pytest.mark.parametrize("path", ["index.html", "history.html"])
def test_the_tables_of_a_report_are_searched_and_sorted_as_well(watch, path):
    page = watch("report").open(path)
    table = page.locator(f"#{page.locator('form.filter').get_attribute('data-table')}")
    rows = table.locator("tbody tr:not([hidden])")
    every = rows.count()
    page.get_by_role("searchbox").fill("time0 time_case")
    assert 0 < rows.count() < every
    assert page.locator("form.filter output").inner_text() == f"{rows.count()} of {every} shown"
    page.get_by_role("searchbox").fill("")
    table.locator("thead th:nth-child(2) button").click()
    values = [
        float(text)
        for text in table.locator("tbody td:nth-child(2)").evaluate_all(
            "cells => cells.map((one) => one.dataset.value)"
        )
        if text
    ]
    assert values == sorted(values)
    assert len(values) > 10


@pytest.mark.parametrize(("site", "path"), [("compared", "index.html"), ("report", "index.html")])
def test_the_plot_draws_forty_more_when_asked(watch, site, path):
    page = watch(site).open(path)
    settled(page, f"{FIRST} of {DRAWABLE} drawn")
    assert len(labels(page)) == FIRST
    more = page.locator("#forest-more")
    assert more.inner_text() == f"Draw {DRAWABLE - FIRST} more"
    more.click()
    settled(page, f"{DRAWABLE} of {DRAWABLE} drawn")
    until(page, f"document.querySelectorAll('[data-figure=forest] .annotation').length === {DRAWABLE}")
    assert more.is_hidden()


def test_a_chosen_theme_is_drawn_at_once_and_remembered_on_the_next_page(watch):
    watched = watch("report")
    page = watched.open("index.html")
    dark, light = "rgb(18, 21, 26)", "rgb(255, 255, 255)"

    def colours():
        paper = "getComputedStyle(document.querySelector('.chart svg.main-svg')).backgroundColor"
        return page.evaluate(f"[getComputedStyle(document.body).backgroundColor, {paper}]")

    assert colours() == [light, light]
    assert page.locator("#theme").inner_text() == "Dark theme"
    page.locator("#theme").click()
    assert colours() == [dark, dark]
    assert page.locator("#theme").inner_text() == "Light theme"
    watched.open("benchmarks/suite.Time0.time_case.html")
    assert colours() == [dark, dark]
    page.emulate_media(color_scheme="dark")
    page.locator("#theme").click()
    assert colours() == [light, light], "the reader's choice goes before the system's"


def test_a_row_leads_to_its_benchmark_and_back(watch):
    watched = watch("report")
    page = watched.open("index.html")
    page.locator("#series tbody a").first.click()
    watched.drawn()
    assert f"{COMMITS}" in page.locator(".facts").first.inner_text()
    page.get_by_role("link", name="Verdict").click()
    watched.drawn()
    page.locator("#benchmarks a", has_text="suite.Time5.time_case").first.click()
    assert page.locator("h1").inner_text() == "suite.Time5.time_case"


def test_on_a_phone_a_tables_caption_and_a_plots_labels_are_read_without_scrolling(watch):
    page = watch("report", viewport=PHONE).open("verdict.html")
    width = PHONE["width"]
    for box in page.locator("caption").evaluate_all("all => all.map((one) => one.getBoundingClientRect().right)"):
        assert box <= width
    ends = page.evaluate("""() => [...document.querySelectorAll("[data-figure=forest] .annotation text")]
      .map((text) => text.getBoundingClientRect().right)""")
    assert len(ends) == FIRST
    assert max(ends) <= width
    scroll = page.locator("#benchmarks").locator("xpath=..")
    scroll.evaluate("one => { one.scrollLeft = 200; }")
    assert page.locator("#benchmarks caption").evaluate("one => one.getBoundingClientRect().left") >= 0, "it stays"
