"""The report's pages as data: what is shown of a tree, and in which order."""

from __future__ import annotations

import doctest
import json
from dataclasses import replace

import numpy as np
import pytest
import study_results as known
from asv_trees import DAY, START, commit_of, write_benchmarks, write_run

from headgate.cli.report_input import Sources, load_site
from headgate.model import Ceiling
from headgate.report import benchmark_data, overview_view
from headgate.report.benchmark_figures import MOST_LINES, MOST_SAMPLES, params_figures, samples_figure
from headgate.report.benchmark_history import MOST_POINTS, history_figure
from headgate.report.benchmark_pages import benchmark_page
from headgate.report.hardware_page import hardware_page
from headgate.report.history_page import history_page
from headgate.report.site_view import site
from headgate.report.study_data import points
from headgate.report.study_limit import limit_figures
from headgate.store.hardware import load_profile

COMMITS = 30
STEP = 18


def tree(root, commits=COMMITS, machines=("box",), extra=()):
    """A tree in which `slower` gets 20 % slower at the 19th commit, `faster` as much faster, `steady` does nothing."""
    rng = np.random.default_rng(1)
    names = ("suite.time_slower", "suite.time_faster", "suite.time_steady", *extra)
    write_benchmarks(root, names)
    for machine in machines:
        for index in range(commits):
            noise = dict(zip(names, np.exp(0.004 * rng.standard_normal(len(names))), strict=True))
            after = index >= STEP
            level = {"suite.time_slower": 1.2 if after else 1.0, "suite.time_faster": 0.8 if after else 1.0}
            values = {name: float(1e-3 * level.get(name, 1.0) * noise[name]) for name in names}
            write_run(root, commit_of(index), START + index * DAY, values, machine=machine)
    return root


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    return load_site(Sources(tree(tmp_path_factory.mktemp("results"))))


@pytest.fixture(scope="module")
def shape(given):
    return site(given)


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    return load_site(Sources(known.write_tree(tmp_path_factory.mktemp("study"))))


def overview(given):
    shape = site(given)
    every = [line for lines in shape.lines.values() for line in lines]
    return overview_view.overview_view(given.history, given.changes, every, given.machines, shape.pages, given.problems)


def test_only_pages_with_content_are_linked(given, shape, studied, tmp_path):
    assert [label for label, _ in shape.links] == ["Overview", "History"]
    assert [label for label, _ in site(studied).links] == ["Overview", "Transform study"]
    one = load_site(Sources(tree(tmp_path, commits=1)))
    assert [label for label, _ in site(one).links] == ["Overview"]
    assert [label for label, _ in site(replace(given, asv="asv/index.html")).links][-1] == "asv"


def test_what_got_worse_stands_first_then_what_got_better_then_the_rest(given):
    view = overview(given)
    assert [row.name for row in view.rows] == ["suite.time_slower", "suite.time_faster", "suite.time_steady"]
    assert [row.state for row in view.rows] == ["worse", "better", "steady"]
    assert view.counts == (("worse", 1), ("better", 1), ("steady", 1))
    assert view.sentence == given.changes.sentence
    assert view.lede.startswith("Newest worsening: suite.time_slower slower by +2")


def test_a_row_says_the_change_its_commit_and_how_long_ago(given):
    row = overview(given).rows[0]
    assert row.change.startswith(("+19", "+20"))
    assert row.since == f"slower, {commit_of(STEP)[:8]}, {COMMITS - 1 - STEP} commits ago"
    assert row.sort[1] == pytest.approx(1.2, rel=0.02)
    assert row.trend[0] < row.trend[-1]
    assert row.page == "benchmarks/suite.time_slower.html"


def test_one_commit_is_said_to_be_too_few_and_nothing_is_called_steady(tmp_path):
    view = overview(load_site(Sources(tree(tmp_path, commits=1))))
    assert {row.state for row in view.rows} == {"too short"}
    assert not view.changing
    assert view.sentence == "3 benchmarks, 3 values measured. Too few commits (1) to look for changes: 6 are needed."


def test_two_machines_have_a_row_each_and_say_which(tmp_path):
    view = overview(load_site(Sources(tree(tmp_path, machines=("box", "laptop")), machine="laptop")))
    assert sorted({row.place for row in view.rows}) == ["box", "laptop"]
    assert len(view.rows) == 6
    assert view.hardware[0][0] == "laptop"


def test_more_rows_than_a_browser_should_hold_are_counted(given, monkeypatch):
    monkeypatch.setattr(overview_view, "MOST_ROWS", 2)
    view = overview(given)
    assert (len(view.rows), view.omitted) == (2, 1)
    assert sum(amount for _, amount in view.counts) == 3


def test_a_benchmarks_page_names_its_newest_change_and_draws_it(given, shape):
    page = benchmark_page("suite.time_slower", given.history, shape.lines["suite.time_slower"])
    change = given.changes.rows[0]
    assert page.lede == f"Newest change: became slower, {change.change} ({change.interval}), in {change.range}."
    (figure,) = page.figures
    traces = {trace["name"]: trace for trace in figure.json["data"]}
    assert traces["value"]["x"] == list(range(COMMITS))
    assert traces["value"]["customdata"][STEP] == [commit_of(STEP)[:8]]
    assert traces["worse"]["x"] == [STEP]
    assert page.tables[1].rows[0][0].text == change.range
    assert commit_of(COMMITS - 1) in page.reproduce[0]


def test_the_changes_are_those_of_the_history_command(given, shape):
    shown = {id(row) for lines in shape.lines.values() for line in lines for row in line.changes}
    assert shown == {id(row) for row in given.changes.rows}
    page = history_page(given.changes, shape.pages)
    assert [row.name for row in page.rows] == [row.name for row in given.changes.rows]
    assert page.sentence == given.changes.sentence


@pytest.mark.parametrize(("pattern", "linked"), [("https://x/{commit}", True), ("javascript:alert('{commit}')", False)])
def test_a_commits_link_is_a_web_link_or_none(given, pattern, linked):
    rows = tuple(replace(row, link=pattern.replace("{commit}", row.likely)) for row in given.changes.rows)
    page = history_page(replace(given.changes, rows=rows), dict.fromkeys(row.series.key.benchmark.name for row in rows))
    assert all(bool(row.link) == linked for row in page.rows)


def test_a_long_history_is_drawn_in_medians_of_neighbours_and_says_so(given, shape):
    line = shape.lines["suite.time_steady"][0]
    size = 4 * MOST_POINTS + 1
    values = np.linspace(1.0, 2.0, size)
    long = replace(line, series=replace(line.series, positions=np.arange(size), values=values))
    order = replace(given.history.order, commits=tuple(map(commit_of, range(size))), dates=(0.0,) * size)
    figure = history_figure(replace(given.history, order=order), [long])
    (trace,) = figure.json["data"]
    assert len(trace["x"]) <= MOST_POINTS
    assert trace["x"][-1] == size - 1
    assert trace["y"][-1] == pytest.approx(np.median(values[-5:]), rel=1e-4)
    assert "each point the median of 5 neighbouring values" in figure.caption
    assert len(json.dumps(figure.json)) < 60_000


def test_a_numeric_parameter_is_an_axis_and_the_others_are_lines(studied):
    lines = site(studied).lines[known.LARGE_NAME]
    (figure,) = params_figures(lines)
    assert figure.title == "Against n"
    assert len(figure.json["data"]) == MOST_LINES
    trace = next(trace for trace in figure.json["data"] if trace["name"] == "map")
    assert trace["x"] == list(map(float, known.LARGE))
    assert trace["y"] == pytest.approx([known.seconds("map", n) for n in known.LARGE])
    assert trace["error_y"]["array"] == pytest.approx([0.01 * y for y in trace["y"]])
    assert f"{MOST_LINES} of {len(known.VARIANTS)} lines drawn" in figure.caption


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        ("seconds", "time (seconds)"),
        ("s", "time (seconds)"),
        ("bytes", "memory (bytes)"),
        ("<b>items/s", "value (<b>items/s)"),
        ("", "value"),
    ],
)
def test_a_column_of_values_in_a_figures_csv_is_named_with_its_unit(given, shape, unit, name):
    line = shape.lines["suite.time_steady"][0]
    key = replace(line.series.key, benchmark=replace(line.series.key.benchmark, params=("1",)))
    other = replace(key, benchmark=replace(key.benchmark, params=("2",)))
    lines = [replace(line, series=replace(line.series, key=one, unit=unit), names=("n",)) for one in (key, other)]
    figures = [*params_figures(lines), history_figure(given.history, lines)]
    assert [figure.json["layout"]["meta"]["y"] for figure in figures] == [name, name]


@pytest.mark.parametrize(("sizes", "log"), [((10, 1000), True), ((10, 100), False), ((-10, 1000), False)])
def test_axes_are_logarithmic_only_over_more_than_a_decade_of_positive_numbers(studied, sizes, log):
    lines = []
    for line, size in zip(site(studied).lines[known.LARGE_NAME][:2], sizes, strict=True):
        key = line.series.key
        params = ("'map'", *key.benchmark.params[1:-1], str(size))
        value = np.array([abs(size) * 1e-6])
        series = replace(line.series, key=replace(key, benchmark=replace(key.benchmark, params=params)), values=value)
        lines.append(replace(line, series=series))
    (figure,) = params_figures(lines)
    assert (figure.json["layout"]["xaxis"].get("type") == "log") == log
    assert (figure.json["layout"]["yaxis"].get("type") == "log") == log


def test_samples_are_drawn_in_units_of_their_median_and_thinned(studied):
    line = site(studied).lines[known.LARGE_NAME][0]
    samples = tuple(np.linspace(1.0, 3.0, 10 * MOST_SAMPLES + 1))
    figure = samples_figure([replace(line, newest=replace(line.newest, samples=samples))])
    (trace,) = figure.json["data"]
    assert (trace["x"][0], trace["x"][-1], trace["y"][-1]) == (0.5, 1.5, 1.0)
    assert len(trace["x"]) <= MOST_SAMPLES
    assert f"at most {MOST_SAMPLES} of a line drawn" in figure.caption
    assert samples_figure([replace(line, newest=replace(line.newest, samples=()))]) is None


def test_a_hostile_commit_and_name_are_no_markup_in_a_chart(given, shape):
    assert benchmark_data.short_hash("<b>1</b>") == "?b?1??b?"
    line = shape.lines["suite.time_slower"][0]
    key = line.series.key
    params = ("<a href='javascript:1'>",)
    evil = replace(key, benchmark=replace(key.benchmark, params=params))
    lines = [replace(line, series=replace(line.series, key=evil), names=("p",)), replace(line, names=("p",))]
    lines[1] = replace(
        lines[1], series=replace(line.series, key=replace(key, benchmark=replace(key.benchmark, params=("x",))))
    )
    names = [trace["name"] for trace in history_figure(given.history, lines).json["data"]]
    assert "&lt;a href='javascript:1'&gt;" in names


def profile(scale=1.0, machine="box"):
    from pathlib import Path

    kept = load_profile(Path(__file__).resolve().parents[2] / "results" / "vm" / "hardware.json")
    ceilings = tuple(
        replace(one, median=one.median * (scale if one.unit == "B/s" else 1 / scale)) for one in kept.ceilings
    )
    return replace(kept, machine=machine, ceilings=ceilings)


def test_machines_stand_side_by_side_in_units_of_their_own_ceilings(studied):
    first = replace(studied.machines[0], hardware=profile())
    second = replace(first, machine="fast", hardware=profile(2.0, "fast"))
    page = hardware_page([first, second])
    assert all(table.columns[1:] == ("box", "fast") for table in (*page.sections, *page.ceilings))
    copy = page.ceilings[0].rows[0]
    assert copy[2].note == "2.00×"
    costs = page.normalised[-1]
    assert {row[2].note for row in costs.rows} == {"2.00×"}


def test_a_machine_without_a_profile_is_named_and_none_at_all_is_no_page(studied):
    bare = studied.machines[0]
    assert hardware_page([bare]) is None
    page = hardware_page([bare, replace(bare, machine="other", hardware=profile())])
    assert page.notes[0] == "box: no hardware profile was saved with its results"


def test_the_distance_to_the_limit_is_bytes_a_second_beside_the_ceilings(studied):
    found = [replace(point, kind="out") for point in points(studied.machines[0].runs) if point.kind == "large"]
    ceiling = Ceiling("copy", "B/s", 5, 1e9, 1e9, 1e9, 1e9, 1e9, nbytes=4_000_000)
    copies = [{"dtype": "int32", "window": 10, "n": 1_000_000, "ns": 0.5, "memcpy": 1.0}]
    (figure,) = limit_figures(found, replace(profile(), ceilings=(ceiling,)), copies)
    traces = {trace["name"]: trace for trace in figure.json["data"]}
    assert traces["numpy"]["x"] == [4 * n for n in known.LARGE]
    assert traces["numpy"]["y"] == pytest.approx([4 * n / known.seconds("numpy", n) for n in known.LARGE])
    assert traces["copy (ceiling)"]["y"] == [1e9]
    assert traces["native kernel, beside copies"]["y"] == [8e9]
    assert "map" not in traces
    assert limit_figures(found, None) == []


def test_what_has_no_value_is_listed_with_its_reason(studied):
    (table,) = overview(studied).missing
    assert "on box at 01234567" in table.caption
    assert [row[0].text for row in table.rows] == [known.LARGE_NAME]


def test_a_series_that_ended_is_not_among_the_newest(tmp_path):
    root = tree(tmp_path, extra=("suite.time_gone",))
    last = commit_of(COMMITS)
    write_run(root, last, START + COMMITS * DAY, {"suite.time_steady": 1e-3})
    given = load_site(Sources(root))
    assert [item.commit for item in given.machines] == [last]
    assert [row.name for row in overview(given).rows] == ["suite.time_steady"]
    assert "suite.time_gone" in site(given).pages


@pytest.mark.parametrize("module", [benchmark_data, overview_view])
def test_the_examples_are_true(module):
    assert doctest.testmod(module).failed == 0
