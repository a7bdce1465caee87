"""The study's pages: offline, escaped, complete."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser

import pytest
import study_results as known

from headgate.cli import main
from headgate.report.html import script_json
from headgate.report.study_html import page_names

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
    results = known.write_tree(tmp_path / "results", **tree)
    out, err = io.StringIO(), io.StringIO()
    code = main(["report", "--results", str(results), "-o", str(tmp_path / "site")], out, err)
    assert (code, err.getvalue()) == (0, "")
    assert out.getvalue().strip() == str(tmp_path / "site" / "index.html")
    return (tmp_path / "site" / "index.html").read_text()


def test_no_page_fetches_anything_from_a_network(tmp_path):
    page = Page(report(tmp_path))
    links = [value for _, attrs in page.tags for key, value in attrs.items() if key in {"src", "href"}]
    assert links
    assert not [link for link in links if re.match(r"(?i)\s*(https?:|//|ftp:)", link)]
    for link in links:
        if not link.startswith(("#", "data:")):
            assert (tmp_path / "site" / link).is_file()
    style = (tmp_path / "site" / "assets" / "style.css").read_text()
    assert "url(" not in style
    assert "@import" not in style


def test_the_charts_offer_no_button_that_leaves_the_page(tmp_path):
    report(tmp_path)
    script = (tmp_path / "site" / "assets" / "charts.js").read_text()
    (offered,) = re.findall(r"modeBarButtons: (\[\[.*?\]\])", script)
    assert {name for group in json.loads(offered) for name in group} == {
        "toImage",
        "zoom2d",
        "pan2d",
        "zoomIn2d",
        "zoomOut2d",
        "resetScale2d",
    }


def test_hostile_names_are_text_and_nothing_else(tmp_path):
    text = report(tmp_path, machine="<i>box", variants=(*known.VARIANTS, HOSTILE))
    page = Page(text)
    assert not [attrs for tag, attrs in page.tags if tag in {"img", "i"} or any(key.startswith("on") for key in attrs)]
    assert "alert(1)</script>" not in text
    assert all("src" in attrs or attrs.get("type") == "application/json" for tag, attrs in page.tags if tag == "script")
    names = {trace["name"] for text in page.json for trace in json.loads(text)["data"]}
    assert HOSTILE in names


def test_every_chart_has_its_data_and_its_caption(tmp_path):
    page = Page(report(tmp_path))
    ids = {attrs.get("id") for _, attrs in page.tags}
    charts = [attrs for _, attrs in page.tags if "data-figure" in attrs]
    assert charts
    for chart in charts:
        assert chart["data-figure"] in ids
        assert chart["aria-labelledby"] in ids
    assert len(page.json) == len(charts)


def test_json_inside_a_script_cannot_end_it():
    text = str(script_json({"name": HOSTILE}))
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == {"name": HOSTILE}
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json(float("nan"))


def test_each_machine_has_a_page_of_its_own_however_it_is_called():
    assert page_names(["b"]) == ["index.html"]
    names = page_names(["first", "a b", "a/b", "index", "…"])
    assert len(set(names)) == 5
    assert all(re.fullmatch(r"[\w-]+\.html", name) for name in names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--results", "none"], "no such directory"),
        (["--machine", "other"], "no results of machine 'other'; there are: box"),
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
