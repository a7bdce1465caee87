"""The report's pages: offline, escaped, complete."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import study_results as known

from headgate.cli import main
from headgate.report.html import script_json

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028&amp;"


class Page(HTMLParser):
    """Tags with their attributes, and the text of JSON scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.json, self._inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag == "script" and dict(attrs).get("type") == "application/json"

    def handle_endtag(self, _tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.json.append(data)


def report(tmp_path, **tree):
    """Write a report of the study; return its pages' texts by path."""
    results = known.write_tree(tmp_path / "results", **tree)
    out, err = io.StringIO(), io.StringIO()
    site = tmp_path / "site"
    code = main(["report", "--results", str(results), "-o", str(site)], out, err)
    assert (code, err.getvalue()) == (0, "")
    assert out.getvalue().strip() == str(site / "index.html")
    return {path.relative_to(site).as_posix(): path.read_text() for path in site.rglob("*.html")}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    path = tmp_path_factory.mktemp("report")
    return path / "site", report(path)


def test_no_page_fetches_anything_from_a_network_and_every_link_leads_somewhere(site):
    root, pages = site
    assert {"index.html", "transforms.html"} < set(pages)
    for name, text in pages.items():
        links = [value for _, attrs in Page(text).tags for key, value in attrs.items() if key in {"src", "href"}]
        assert links
        assert not [link for link in links if re.match(r"(?i)\s*(https?:|//|ftp:)", link)]
        for link in links:
            if not link.startswith(("#", "data:")):
                assert ((root / name).parent / link.partition("#")[0]).is_file(), link
    style = (root / "assets" / "style.css").read_text()
    assert "url(" not in style
    assert "@import" not in style


def test_every_link_within_a_page_has_its_target(site):
    for text in site[1].values():
        page = Page(text)
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert len(ids) == len(set(ids))
        for _, attrs in page.tags:
            if attrs.get("href", "").startswith("#"):
                assert attrs["href"][1:] in ids


def test_the_page_one_is_on_is_marked_in_the_navigation(site):
    for name in ("index.html", "transforms.html"):
        current = [attrs["href"] for _, attrs in Page(site[1][name]).tags if attrs.get("aria-current") == "page"]
        assert current == [name]


def test_the_charts_offer_no_button_that_leaves_the_page(site):
    script = (site[0] / "assets" / "charts.js").read_text()
    # plotly's own default has one that sends the chart to its makers' server.
    assert 'displayModeBar: false, plotlyServerURL: ""' in script


def test_hostile_names_are_text_and_nothing_else(tmp_path):
    pages = report(tmp_path, machine="<i>box", variants=(*known.VARIANTS, HOSTILE))
    for text in pages.values():
        page = Page(text)
        assert not [
            attrs for tag, attrs in page.tags if tag in {"img", "i"} or any(key.startswith("on") for key in attrs)
        ]
        assert "alert(1)</script>" not in text
        scripts = [attrs for tag, attrs in page.tags if tag == "script"]
        assert all("src" in attrs or attrs.get("type") == "application/json" for attrs in scripts)
    names = {trace["name"] for text in Page(pages["transforms.html"]).json for trace in json.loads(text)["data"]}
    assert HOSTILE in names


def test_every_chart_has_its_data_and_its_caption(site):
    for text in site[1].values():
        page = Page(text)
        ids = {attrs.get("id") for _, attrs in page.tags}
        charts = [attrs for _, attrs in page.tags if "data-figure" in attrs]
        for chart in charts:
            assert chart["data-figure"] in ids
            assert chart["aria-labelledby"] in ids
        assert len(page.json) == len(charts)
    assert "data-figure" in site[1]["transforms.html"]


def test_json_inside_a_script_cannot_end_it():
    text = str(script_json({"name": HOSTILE}))
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == {"name": HOSTILE}
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json(float("nan"))


@pytest.mark.slow
def test_each_machine_has_a_study_of_its_own_however_it_is_called(tmp_path):
    results = tmp_path / "results"
    for machine in ("first", "a b", "index", "…"):
        known.write_tree(results, machine=machine)
    site = tmp_path / "site"
    assert (
        main(["report", "--results", str(results), "-o", str(site), "--machine", "first"], io.StringIO(), io.StringIO())
        == 0
    )
    studies = sorted(path.name for path in site.glob("transforms*.html"))
    assert len(studies) == 4
    assert all(re.fullmatch(r"transforms[\w.-]*\.html", name) for name in studies)
    page = Page((site / "transforms.html").read_text())
    assert {attrs["href"] for tag, attrs in page.tags if tag == "a" and "href" in attrs} >= set(studies)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--results", "none"], "no such directory"),
        (["--machine", "other"], "no results of machine 'other'; it has: box"),
        (["--link", "https://x"], "has no {commit}"),
        (["--asv", "../elsewhere"], "within the report"),
        (["--repository", "none"], "none is not a directory"),
        (["--verdict", "none.json"], "no such file"),
    ],
)
def test_a_report_of_nothing_is_an_input_error(tmp_path, monkeypatch, arguments, message):
    known.write_tree(tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    err = io.StringIO()
    assert main(["report", *arguments], io.StringIO(), err) == 2
    assert message in err.getvalue()
    assert not (tmp_path / "report").exists()


def test_a_file_that_cannot_be_read_is_told_on_the_page_and_on_stderr(tmp_path):
    results = known.write_tree(tmp_path / "results")
    (results / "box" / "deadbeef-py.json").write_text("{")
    err = io.StringIO()
    assert main(["report", "--results", str(results), "-o", str(tmp_path / "site")], io.StringIO(), err) == 0
    assert "deadbeef-py.json" in err.getvalue()
    assert "deadbeef-py.json" in (tmp_path / "site" / "index.html").read_text()


def test_a_tree_of_which_no_file_can_be_read_makes_no_report(tmp_path):
    (tmp_path / "results" / "box").mkdir(parents=True)
    (tmp_path / "results" / "box" / "deadbeef-py.json").write_text("{")
    err = io.StringIO()
    assert (
        main(["report", "--results", str(tmp_path / "results"), "-o", str(tmp_path / "site")], io.StringIO(), err) == 2
    )
    assert "deadbeef-py.json" in err.getvalue()
    assert not (tmp_path / "site").exists()


def test_the_committed_results_make_a_report(tmp_path):
    results = Path(__file__).resolve().parents[2] / "results"
    assert main(["report", "--results", str(results), "-o", str(tmp_path)], io.StringIO(), io.StringIO()) == 0
    assert {"index.html", "transforms.html", "hardware.html"} <= {path.name for path in tmp_path.glob("*.html")}
    page = Page((tmp_path / "transforms.html").read_text())
    figures = {attrs["data-figure"] for _, attrs in page.tags if "data-figure" in attrs}
    assert {"limit-int32-10", "share-10", "large-int32-10"} <= figures
