"""The study of the report's scale makes what it says, and a page stays as small as it must."""

from __future__ import annotations

import io

import pytest
from report_scale import STEP, STEP_EVERY, make_tree, weighed

from headgate.cli.report import write_report
from headgate.cli.report_input import Sources, load_site


def test_the_tree_is_the_same_each_time_and_has_the_steps_it_says(tmp_path):
    for name in ("one", "two"):
        make_tree(tmp_path / name, 2 * STEP_EVERY, 60)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.json"))
    assert len(files) == 62
    assert all((tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes() for path in files)
    changes = load_site(Sources(tmp_path / "one")).changes.rows
    stepped = {f"suite_{index % 20:02}.Suite.time_{index:03}" for index in (0, STEP_EVERY)}
    assert {row.series.key.benchmark.name for row in changes} == stepped
    assert all(row.point.ratio == pytest.approx(STEP, rel=0.05) for row in changes)


@pytest.mark.slow
def test_a_page_of_a_thousand_commits_stays_below_60_kb(tmp_path):
    make_tree(tmp_path / "results", 2, 1000)
    write_report(Sources(tmp_path / "results"), tmp_path / "site", io.StringIO())
    pages = list((tmp_path / "site" / "benchmarks").glob("*.html"))
    assert len(pages) == 2
    assert all(path.stat().st_size < 60_000 for path in pages)
    assert weighed(tmp_path / "site")[0].startswith("site: 1.")
