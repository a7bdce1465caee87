"""Takes pictures of a report's main pages, wide in both themes and narrow: ``screenshots.py REPORT OUT``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

# As the browser tests start it: no request leaves for anything but the pages.
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
OPTIONS += ["--disable-component-update", "--disable-sync"]
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
LOOKS = (("light", "light", WIDE), ("dark", "dark", WIDE), ("narrow", "light", NARROW))
# Of the benchmarks' pages, which are alike, the first.
MOST_BENCHMARKS = 1
# Milliseconds for the drawings of a page on a busy machine.
PATIENCE = 60_000


def main(report: Path, out: Path) -> int:
    """Write OUT/<page>-<look>.png for each main page."""
    first = report / "index.html"
    if not first.is_file():
        sys.stderr.write(f"{first}: no such page; write the report first: headgate report -o {report}\n")
        return 2
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.stderr.write("no chromium: `make test-tools` installs it\n")
        return 2
    pages = sorted(report.glob("*.html")) + sorted(report.glob("benchmarks/*.html"))[:MOST_BENCHMARKS]
    pages += sorted(report.glob("rollouts/*.html"))
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        for page in pages:
            for path in photographed(browser, page, page.relative_to(report), out):
                sys.stdout.write(f"{path}\n")
        browser.close()
    return 0


def photographed(browser: Browser, page: Path, name: Path, out: Path) -> list[Path]:
    """Return the pictures taken of one page."""
    taken = []
    for look, scheme, size in LOOKS:
        tab = browser.new_page(viewport=size, color_scheme=scheme)
        tab.goto(page.resolve().as_uri(), wait_until="load")
        tab.locator(".chart:not(:has(svg.main-svg))").first.wait_for(state="detached", timeout=PATIENCE)
        path = out / f"{name.with_suffix('').as_posix().replace('/', '-')}-{look}.png"
        tab.screenshot(path=path, full_page=True)
        tab.close()
        taken.append(path)
    return taken


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: screenshots.py REPORT OUT")
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
