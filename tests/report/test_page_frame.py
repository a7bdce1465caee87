"""What frames every page: a policy that lets nothing in, scripts that parse and write no markup, named buttons."""

import re
import subprocess
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources

import pytest
from page_scripts import node
from sample_verdicts import sample_evidence

from headgate.model import BenchmarkId
from headgate.report.html import BASE_ASSETS, CHART_ASSETS
from headgate.report.verdict_html import page_context, write_verdict_pages
from headgate.report.verdict_view import verdict_view

ASSETS = resources.files("headgate.report") / "assets"
OWN_SCRIPTS = [name for name in (*BASE_ASSETS, *CHART_ASSETS) if name.endswith(".js") and not name.startswith("plotly")]
EVIDENCE = sample_evidence()
VIEW = verdict_view(EVIDENCE.verdict, evidence_file="evidence.json.gz", skipped={"suite.TimeGPU.time_copy": "no GPU"})


class Elements(HTMLParser):
    """Every element as (tag, attributes)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Elements]:
    """Return each page that is written of a verdict with evidence."""
    directory = tmp_path_factory.mktemp("pages")
    write_verdict_pages(directory, VIEW, rounds=EVIDENCE.rounds, generated="2026-01-02")
    found = {
        str(path.relative_to(directory)): Elements(path.read_text(encoding="utf-8"))
        for path in directory.rglob("*.html")
    }
    assert len(found) == 1 + len(EVIDENCE.rounds)
    return found


def test_no_page_holds_a_script_a_style_or_a_handler_and_its_policy_allows_none(pages):
    for name, page in pages.items():
        (policy,) = (one["content"] for one in page.of("meta") if one.get("http-equiv") == "Content-Security-Policy")
        rules = dict(rule.strip().partition(" ")[::2] for rule in str(policy).split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == "'self' file:"
        assert "unsafe" not in policy.replace("style-src-attr 'unsafe-inline'", "")
        assert "http" not in policy
        assert not page.of("style"), name
        for _, attributes in page.found:
            assert "style" not in attributes
            assert not [key for key in attributes if key.startswith("on")]
        for script in page.of("script"):
            assert "src" in script or script.get("type") == "application/json"


def test_every_id_is_one_elements_and_every_link_within_a_page_has_a_target(pages):
    for name, page in pages.items():
        ids = Counter(attributes["id"] for _, attributes in page.found if "id" in attributes)
        assert set(ids.values()) == {1}, name
        for link in page.of("a"):
            target = link.get("href") or ""
            assert not target.startswith("#") or target[1:] in ids, (name, target)


def test_every_figure_and_every_table_can_be_saved_by_buttons_that_say_of_what(pages):
    for page in pages.values():
        kinds = Counter(button.get("data-save") for button in page.of("button"))
        assert kinds["svg"] == len(page.of("figure"))
        assert kinds["latex"] == kinds["markdown"] == sum(one.get("class") == "tabular" for one in page.of("div"))
        assert kinds["csv"] == kinds["svg"] + kinds["latex"]
        for button in page.of("button"):
            assert button.get("type") == "button"
            assert button.get("id") or re.search(r": \S", button.get("aria-label") or "")
        labels = Counter(button["aria-label"] for button in page.of("button") if button.get("aria-label"))
        assert set(labels.values()) == {1}, "each is told apart by its name alone"


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN_SCRIPTS)
def test_a_script_parses_and_keeps_to_what_the_policy_allows(name):
    source = (ASSETS / name).read_text(encoding="utf-8")
    done = subprocess.run([node(), "--check", "-"], input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '"use strict";' in source
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "fetch("):
        assert way not in source, "text becomes text: no page writes markup or asks a network"


def test_a_benchmarks_page_says_of_it_what_the_verdict_says(tmp_path):
    index = write_verdict_pages(tmp_path, VIEW, rounds=EVIDENCE.rounds, generated="2026-01-02")
    links = re.findall(r'href="(benchmarks/[^"]+)">([^<]+)<', index.read_text(encoding="utf-8"))
    rows = [row for row in VIEW.rows if row.rounds]
    assert len(links) == len(rows)
    for (path, _), row in zip(links, rows, strict=True):
        text = (tmp_path / path).read_text(encoding="utf-8")
        assert f"{row.state}: {row.change} ({row.interval}) against a margin of {row.margin}." in text


def test_two_benchmarks_that_print_alike_have_no_page_rather_than_one_for_both(tmp_path):
    first, second = VIEW.verdict.comparisons[:2]
    alike = (
        replace(first, benchmark=BenchmarkId("s.a\x1b")),
        replace(second, benchmark=BenchmarkId("s.a\\x1b")),
        replace(second, benchmark=BenchmarkId("s.b")),
    )
    view = verdict_view(replace(VIEW.verdict, comparisons=alike))
    evidence = {one.benchmark: next(iter(EVIDENCE.rounds.values())) for one in alike}
    write_verdict_pages(tmp_path, view, rounds=evidence)
    assert [path.name for path in (tmp_path / "benchmarks").iterdir()] == ["s.b.html"]


def test_the_whole_machine_is_shown_where_the_verdict_has_its_profile():
    from headgate.formats.hardware import profile_to_dict
    from headgate.model import Conditions, Cpu, HardwareProfile, Memory, Platform, PythonBuild

    assert page_context(VIEW)["hardware"] == ()
    build = PythonBuild("CPython", "3.11.9")
    profile = HardwareProfile("box", "f00d", Cpu("x86_64"), Memory(2**30), Platform("Debian"), build, Conditions())
    whole = page_context(verdict_view(replace(VIEW.verdict, hardware=profile_to_dict(profile))))
    assert [section.title for section in whole["hardware"]][:2] == ["Machine", "Processor"]
