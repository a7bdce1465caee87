"""The documentation site builds without a warning, asks the network for nothing, and can be searched from a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from repository_links import rewritten

from browser import DESKTOP, PHONE, Watched, launched

ROOT = Path(__file__).resolve().parents[2]
# The house's browser tests share one process; so do these.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]
# One page of each kind: prose, figures, wide tables, the command line, signatures.
LOOKED_AT = ("index", "quickstart", "performance", "reference/cli", "reference/api", "decisions/0002-sequential-method")
# What axe-core takes long for is left out, and the lists that Sphinx makes of signatures are its own.
EXAMINED = ("quickstart", "policy")


def build(source: Path, destination: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-b", "html", "--fail-on-warning", "--keep-going", "-q", "-E"]
    return subprocess.run(
        [*command, "-d", f"{destination}.doctrees", str(source), str(destination)],
        capture_output=True,
        text=True,
        check=False,
    )


def unreadable(watched: Watched) -> list[str]:
    """Return what axe-core finds. Its preload would ask for the style again, which a page from a file may not."""
    found = Axe().run(watched.page, options={"preload": False}).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    destination = tmp_path_factory.mktemp("documentation") / "site"
    done = build(ROOT / "docs", destination)
    assert done.returncode == 0, done.stdout + done.stderr
    return destination


def test_a_link_to_nowhere_and_a_page_that_no_list_names_fail_the_build(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    (source / "conf.py").write_text((ROOT / "docs" / "conf.py").read_text())
    for name in ("_extensions", "_static"):
        (source / name).symlink_to(ROOT / "docs" / name)
    (source / "index.md").write_text("# Home\n\n[no page](missing.md), [no place](#missing)\n")
    (source / "alone.md").write_text("# Alone\n")
    done = build(source, tmp_path / "site")
    assert done.returncode != 0
    assert "target not found: 'missing.md'" in done.stderr
    assert "'missing'" in done.stderr
    assert "alone.md: WARNING: document isn't included in any toctree" in done.stderr


def test_a_link_out_of_the_documents_is_carried_along_or_named(tmp_path: Path) -> None:
    documents, readme = tmp_path / "docs", tmp_path / "examples" / "README.md"
    readme.parent.mkdir()
    readme.write_text("# Example\n")
    text = "[one](../examples/README.md#how), [all](../examples), [none](../gone.md), [near](../docs/index.md)"
    assert rewritten(text, documents / "index.md", documents) == (
        "[one](path:../examples/README.md), all (`examples/`), [none](../gone.md), [near](../docs/index.md)"
    )


def test_every_page_is_built_with_its_reference(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if not (site / page).is_file()} == set()
    assert 'id="headgate-compare"' in (site / "reference" / "cli.html").read_text(encoding="utf-8")
    assert 'id="headgate.datasets.LazyMap"' in (site / "reference" / "api.html").read_text(encoding="utf-8")


def test_pages_ask_the_network_for_nothing_fit_a_phone_and_can_be_read_in_light_and_dark(site: Path) -> None:
    wrong: list[str] = []
    with launched() as browser:
        for scheme in ("light", "dark"):
            watched = Watched(browser.new_context(viewport=DESKTOP, color_scheme=scheme), site)
            for name in LOOKED_AT:
                watched.open(f"{name}.html")
                for size in (PHONE, DESKTOP):
                    watched.page.set_viewport_size(size)
                    if watched.overflow() > 0:
                        wrong.append(f"{name}: {watched.overflow()} pixels wider than {size['width']}")
                if name in EXAMINED:
                    wrong += [f"{scheme} {name}: {problem}" for problem in unreadable(watched)]
            wrong += watched.problems
    assert wrong == []


def test_a_word_of_a_page_is_found_by_the_search_from_a_file(site: Path) -> None:
    with launched() as browser:
        watched = Watched(browser.new_context(viewport=DESKTOP), site)
        page = watched.open("index.html")
        page.locator("input[name=q]").first.fill("inconclusive")
        page.keyboard.press("Enter")
        page.locator("#search-results li a", has_text="compare").first.wait_for()
        assert watched.problems == []
