"""The study's page as data."""

from __future__ import annotations

from dataclasses import replace

import pytest
import study_results as known

from headgate.cli.report_input import study_input
from headgate.model import Ceiling
from headgate.report.study_data import classify, points, series
from headgate.report.study_figures import copy_limit
from headgate.report.study_tables import forms_table, order, sizes_table
from headgate.report.study_view import study_view
from headgate.store.results import read_machine


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return read_machine(known.write_tree(tmp_path_factory.mktemp("results")), "box")


@pytest.fixture(scope="module")
def view(loaded):
    return study_view(study_input(loaded))


def column(table, index):
    return [row[index].text for row in table.rows]


def test_a_variants_name_says_its_form_and_engine():
    assert classify("recursion") == ("recursion", "python")
    assert classify("numba_map") == ("map", "numba")
    assert classify("cython") == ("vector", "cython")
    assert classify("something_new") == ("vector", "something")


def test_the_form_tables_hold_each_form_under_its_engine(view):
    small, large = view.forms
    assert small.columns == ("form", "Python", "Numba")
    assert column(small, 0) == ["tail recursion", "scan", "map"]
    assert column(small, 1) == ["50.0 ns", "100 ns", "150 ns"]
    assert column(large, 2) == ["7.00 ms", "8.00 ms", "9.00 ms"]
    assert [row[1].mark for row in small.rows] == ["best", "", ""]
    assert [row[1].note for row in small.rows] == ["fastest", "2.00×", "3.00×"]


def test_small_arrays_are_said_to_be_the_forms_and_whole_calls_to_be_calls(view, loaded):
    small, large = view.forms
    assert "the form itself, no argument checks" in small.caption
    assert "no argument checks" not in large.caption
    assert next(figure for figure in view.figures if figure.id == "small-int32-10").title == (
        "Small arrays: the form itself, no argument checks (int32, window 10)"
    )
    found = points(loaded.runs)
    assert "no argument checks" in sizes_table(found, "small", "int32", 10).caption
    calls = [replace(point, kind="entry", variant="get(numpy)") for point in found if point.variant == "numpy"]
    table = sizes_table(calls, "entry", "int32", 10)
    assert table.columns[0] == "function"
    assert "argument checks and a fresh result included" in table.caption


def test_no_order_is_claimed_where_intervals_overlap(loaded):
    found = points(loaded.runs)
    assert order(found, "small", 50, 10, "python") == "tail recursion < scan < map"
    same = [point if point.variant != "scan" else _as(point, 50 * 1.001e-9) for point in found]
    assert order(same, "small", 50, 10, "python") == "tail recursion ≈ scan < map"
    assert [row[1].mark for row in forms_table(same, "small", 50, 10).rows] == ["", "", ""]
    assert order(found, "small", 50, 10, "cython") == ""


def _as(point, value):
    from dataclasses import replace

    return replace(point, value=value, lower=value * 0.99, upper=value * 1.01)


def test_the_size_tables_mark_the_fastest_and_leave_a_hole_where_nothing_was_measured(loaded):
    table = sizes_table(points(loaded.runs), "large", "int32", 10)
    assert table.columns == ("variant", "1,000,000", "9,000,000")
    assert column(table, 0) == list(known.VARIANTS)
    assert (table.rows[0][1].text, table.rows[0][1].mark) == ("1.00 ms", "best")
    assert table.rows[0][2].mark == "none"
    assert table.rows[1][2].mark == "best"
    assert sizes_table(points(loaded.runs), "large", "float64", 10) is None


def test_what_was_not_measured_is_listed_with_its_reason(loaded):
    given = study_input(loaded)
    plain = study_view(given).missing
    assert [[cell.text for cell in row] for row in plain.rows] == [
        [known.LARGE_NAME, "HEADGATE_THREADS=1", "1", "not run", "not selected in this run"]
    ]
    from dataclasses import replace

    key = (given.runs[0].environment, known.LARGE_NAME, 1)
    told = replace(given, reasons={key: ("skipped", "NotImplementedError('takes hours')")})
    assert [cell.text for cell in study_view(told).missing.rows[0]][3:] == ["skipped", "takes hours"]


def test_each_figure_says_subject_units_and_n_and_draws_every_point(view):
    large = next(figure for figure in view.figures if figure.id == "large-int32-10")
    assert large.json["layout"]["xaxis"]["type"] == "log"
    assert large.json["layout"]["yaxis"]["type"] == "log"
    assert "n = 10 samples" in large.caption
    assert "99 % interval" in large.caption
    by_name = {trace["name"]: trace for trace in large.json["data"]}
    assert set(by_name) == set(known.VARIANTS)
    assert by_name["cython"]["x"] == list(known.LARGE)
    assert by_name["cython"]["y"] == pytest.approx([known.seconds("cython", n) for n in known.LARGE])
    looks = {(trace["line"]["color"], trace["line"]["dash"], trace["marker"]["symbol"]) for trace in large.json["data"]}
    assert len(looks) == len(known.VARIANTS)


def test_the_copy_limit_is_the_fastest_copy_interpolated_between_payloads():
    class Profile:
        ceilings = (
            Ceiling("copy", "B/s", 5, 1e9, 1e9, 1e9, 1e9, 1e9, nbytes=4_000_000),
            Ceiling("copy_streaming", "B/s", 5, 2e9, 2e9, 2e9, 2e9, 2e9, nbytes=4_000_000),
            Ceiling("copy", "B/s", 5, 1e9, 1e9, 1e9, 1e9, 1e9, nbytes=16_000_000),
            Ceiling("copy", "B/s", 5, 9e9, 9e9, 9e9, 9e9, 9e9, nbytes=4_000_000, threads=2),
        )

    limit = dict(copy_limit(Profile(), "int32", [1_000_000, 2_000_000, 4_000_000, 9_000_000]))
    assert limit[1_000_000] == pytest.approx(2e-3)
    assert limit[2_000_000] == pytest.approx(8e6 * 0.75e-9)
    assert limit[9_000_000] == pytest.approx(36e-3)
    assert copy_limit(None, "int32", [1]) == []


def test_a_suite_that_is_not_the_study_gets_its_values_and_no_study(tmp_path):
    import shutil
    from pathlib import Path

    (tmp_path / "ci").mkdir()
    shutil.copy(
        Path(__file__).parents[1] / "data" / "asv" / "kedro-0498150d.json", tmp_path / "ci" / "0498150d-py.json"
    )
    view = study_view(study_input(read_machine(tmp_path, "ci")))
    assert view.title == "Benchmark results"
    assert view.forms == view.figures == view.tables == ()
    assert len(view.everything.rows) == 75


def test_series_are_in_order_of_size_whatever_order_they_were_saved_in(loaded):
    found = points(loaded.runs)[::-1]
    for line in series(found, "small", "int32", 10):
        assert [point.n for point in line.points] == sorted(known.SIZES)
