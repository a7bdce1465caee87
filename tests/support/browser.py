"""Debian's Chromium, started once a process, and pages that note whatever goes wrong in them."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
OPTIONS += ["--disable-component-update", "--disable-sync"]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
# A machine with two busy cores is no reason for a test to fail.
PATIENCE = 20_000
STEP = 25


def executable() -> str:
    """Return Chromium's path; a machine without it fails the tests, and says how to get it."""
    found = shutil.which("chromium")
    assert found is not None, "no chromium: `make test-tools` installs it (Debian's package)"
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """Give a headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


def until(page: Page, expression: str) -> None:
    """Wait until ``expression`` is true: playwright's own wait evaluates within the page, which its policy forbids."""
    waited = 0
    while not page.evaluate(expression):
        assert waited < PATIENCE, f"not within {PATIENCE / 1000:g} s: {expression}"
        page.wait_for_timeout(STEP)
        waited += STEP


class Watched:
    """A page of a context, and in ``problems`` whatever no page of a report may do."""

    def __init__(self, context: BrowserContext, site: Path) -> None:
        self.site = site
        self.problems: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("request", self._request)
        self.page.on("requestfailed", lambda request: self.problems.append(f"failed: {request.url[:200]}"))
        self.page.on("dialog", self._dialog)

    def _console(self, message) -> None:
        # Nothing at all is said: a page is no place for a debugging line either.
        self.problems.append(f"console {message.type}: {message.text}")

    def _request(self, request) -> None:
        if not request.url.startswith((self.site.resolve().as_uri() + "/", "data:", "blob:")):
            self.problems.append(f"request: {request.url[:200]}")

    def _dialog(self, dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, path: str) -> Page:
        """Open the page ``path`` of the site, and wait until its figures are drawn."""
        self.page.goto(f"{self.site.resolve().as_uri()}/{path}", wait_until="load")
        self.drawn()
        return self.page

    def drawn(self) -> None:
        """Wait until every figure of the page has a drawing."""
        self.page.wait_for_load_state("load")
        until(self.page, "[...document.querySelectorAll('.chart')].every((one) => one.querySelector('svg.main-svg'))")

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
