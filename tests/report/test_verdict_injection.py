"""No name of a benchmark and no message of an error can make a rendering say something else."""

import html
import json
import re
import xml.etree.ElementTree as ET

import pytest
from hostile_texts import HOSTILE
from hypothesis import example, given, settings
from hypothesis import strategies as st
from verdict_pages import RENDERINGS, Page, page, rendered_markdown

from headgate.model import BenchmarkId, Comparison, Round, SideInfo, State, Verdict
from headgate.report.verdict_html import write_verdict_pages
from headgate.report.verdict_junit import verdict_junit
from headgate.report.verdict_markdown import verdict_markdown
from headgate.report.verdict_text import verdict_text
from headgate.report.verdict_view import verdict_view


def hostile_view(text: str):
    comparisons = (
        Comparison(BenchmarkId(f"s.{text}", (text,), (text,)), text, State.FAILED, 0.05, reason=text, warnings=(text,)),
        Comparison(BenchmarkId(text), "seconds", State.PASS, 0.05, ratio=1.0, lower=0.99, upper=1.01),
    )
    side = SideInfo(text, None, text, text, text)
    verdict = Verdict(
        State.FAILED, side, side, comparisons, {"margin": 0.05}, {"machine": text, "cpu": {"model": text}}, 1.0,
        (text,), (text,), (text,), (text,),
    )  # fmt: skip
    return verdict_view(verdict, command=f"headgate compare {text}", evidence_file=text, skipped={text: text})


HARMLESS = hostile_view("harmless")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_or_message_puts_markup_into_the_page(text):
    harmless = (
        HARMLESS if len(text.splitlines()) == 1 else hostile_view("\n".join(["harmless"] * len(text.splitlines())))
    )
    found, expected = Page(page(hostile_view(text))), Page(page(harmless))
    assert found.tags == expected.tags
    assert [name for name, _ in found.attributes] == [name for name, _ in expected.attributes]
    assert "7*7" in "".join(found.text) or "7*7" not in text


def written_pages(directory, text: str) -> list[str]:
    """Return the overview and the benchmarks' pages of a view with ``text`` everywhere, as a browser gets them."""
    view = hostile_view(text)
    rounds = {row.comparison.benchmark: [Round(0, (1.0, 1.1), (1.2, 1.3), "bc")] for row in view.rows}
    index = write_verdict_pages(directory, view, rounds=rounds, generated="2026-01-02")
    # The benchmarks' pages in the order of their links: file names differ with the text.
    links = re.findall(r'href="(benchmarks/[^"]+)"', index.read_text(encoding="utf-8"))
    return [path.read_text(encoding="utf-8") for path in (index, *(directory / link for link in links))]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_puts_markup_into_the_written_pages_or_ends_their_json(tmp_path, text):
    # Names of as many lines: a detail is shown line by line.
    plain = "\n".join(["harmless"] * max(1, len(text.splitlines())))
    expected = written_pages(tmp_path / "plain", plain)
    pages = written_pages(tmp_path / "hostile", text)
    assert len(pages) == len(expected) == 3
    for written, other in zip(pages, expected, strict=True):
        found, known = Page(written), Page(other)
        assert found.tags == known.tags
        assert [name for name, _ in found.attributes] == [name for name, _ in known.attributes]
        scripts = re.findall(r'<script type="application/json" id="[a-z]+">(.*?)</script>', written, flags=re.DOTALL)
        assert [sorted(json.loads(script)) for script in scripts] == [["data", "layout"]] * len(scripts)
        assert len(scripts) == known.tags.count("figure")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_or_message_puts_markup_into_the_comment(text):
    source = verdict_markdown(hostile_view(text))
    found, expected = rendered_markdown(source), rendered_markdown(verdict_markdown(HARMLESS))
    assert found.tags == expected.tags
    prose = re.sub(r"^(`{3,}).*?^\1$", "", source, flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"@\w|#1\b|://|www\.\w", html.unescape(prose)), "nobody is notified, nothing is linked"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_or_message_breaks_the_xml_or_reaches_the_terminal(text):
    view = hostile_view(text)
    root = ET.fromstring(verdict_junit(view))
    assert len(list(root.iter("testcase"))) == len(list(ET.fromstring(verdict_junit(HARMLESS)).iter("testcase")))
    for width in (40, 80, 200):
        shown = verdict_text(view, width=width)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028\ud800]", shown)
        assert "[red]" in shown.replace("\n", "") or "[red]" not in text or width == 40


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60))
@example("\ud800\udfff\x00")
def test_any_text_can_be_rendered_everywhere(text):
    view = hostile_view(text)
    for render in RENDERINGS.values():
        render(view).encode("utf-8")
    ET.fromstring(verdict_junit(view))
