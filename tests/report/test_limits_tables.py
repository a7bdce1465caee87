"""The limits: the document's tables are the kept measurements', and the report shows them as text."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import study_results as known

from headgate.cli import main
from headgate.errors import InputError
from headgate.report.limits_tables import MOST_ROWS, limits_tables, markdown

ROOT = Path(__file__).resolve().parents[2]
KEPT = sorted((ROOT / "results").glob("*/limits.json"))


def test_the_documents_tables_are_what_a_kept_run_renders_to():
    text = (ROOT / "docs" / "performance.md").read_text()
    between = text.split("<!-- limits:begin -->")[1].split("<!-- limits:end -->")[0].strip()
    assert between in [markdown(json.loads(path.read_text())) for path in KEPT]


def test_a_long_table_is_folded_up_and_loses_no_row():
    document = json.loads(KEPT[0].read_text())
    text = markdown(document)
    tables = limits_tables(document)
    folded = [table for table in tables if len(table.rows) > MOST_ROWS]
    assert 0 < len(folded) < len(tables)
    assert text.count("<details>\n<summary>") == text.count("\n\n</details>") == len(folded)
    for table in folded:
        assert f"({len(table.rows)} rows)</summary>\n\n| " in text
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == sum(len(table.rows) + 2 for table in tables)


def page(tmp_path, text, name="index.html"):
    results = known.write_tree(tmp_path / "results")
    (results / "box" / "limits.json").write_text(text)
    err = io.StringIO()
    assert main(["report", "--results", str(results), "-o", str(tmp_path / "site")], io.StringIO(), err) == 0
    return (tmp_path / "site" / name).read_text()


def test_the_report_shows_them_and_a_hostile_name_is_text(tmp_path):
    document = json.loads(KEPT[0].read_text())
    document["measured"]["peers"][0]["name"] = "<script>alert(1)</script>|"
    text = page(tmp_path, json.dumps(document), "transforms.html")
    assert 'id="limits"' in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "<script" not in markdown(document)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "headgate.limits/1"}', '{"schema": "other/1"}'])
def test_a_file_that_is_something_else_is_told_on_the_page(tmp_path, text):
    assert "limits.json" in page(tmp_path, text).split('<div class="callout"')[1].split("</div>")[0]


def test_another_schema_is_refused():
    with pytest.raises(InputError, match="make limits"):
        limits_tables({"schema": "headgate.limits/9"})
