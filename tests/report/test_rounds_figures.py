"""One benchmark's evidence, drawn: every pair, the claims of the verdict, and no number that was not measured."""

import json
import math
from dataclasses import replace

import pytest
from sample_verdicts import sample_evidence

from headgate.gates.policy import Override, Policy
from headgate.model import BenchmarkId, BenchmarkSpec, Comparison, Direction, Round, State
from headgate.report.rounds_figures import (
    HIGHER_IS_BETTER,
    MOST_POINTS,
    distribution_figure,
    round_figures,
    rounds_figure,
    samples_figure,
)
from headgate.report.verdict_benchmark import compared_page, directions_of
from headgate.report.verdict_view import verdict_view
from headgate.report.wording import MINUS
from headgate.stats.paired import log_ratio

EVIDENCE = sample_evidence()
VIEW = verdict_view(EVIDENCE.verdict)
ROWS = {row.name: row for row in VIEW.rows}


def evidence_of(name: str):
    row = ROWS[name]
    return row, EVIDENCE.rounds[row.comparison.benchmark]


def row_of(**fields):
    one = Comparison(BenchmarkId("s.a"), fields.pop("unit", "seconds"), State.PASS, 0.05, **fields)
    return verdict_view(replace(EVIDENCE.verdict, comparisons=(one,))).rows[0]


def traces(figure) -> dict:
    json.dumps(figure.json, allow_nan=False)
    return {trace["name"]: trace for trace in figure.json["data"]}


def test_every_pair_and_every_round_is_drawn_with_the_claims_of_the_verdict():
    row, rounds = evidence_of("suite.TimeIO.time_read")
    found = traces(rounds_figure(row, rounds))
    changes = [(c / b - 1) * 100 for round_ in rounds for b, c in zip(round_.baseline, round_.candidate, strict=True)]
    assert found["pair"]["y"] == pytest.approx(changes, rel=1e-5)
    assert found["round"]["y"] == pytest.approx([math.expm1(log_ratio(one)) * 100 for one in rounds], rel=1e-5)
    one = row.comparison
    shapes = rounds_figure(row, rounds).json["layout"]["shapes"]
    heights = {shape["y0"] for shape in shapes if shape["type"] == "line"}
    wanted = [0, one.margin * 100, *((value - 1) * 100 for value in (one.lower, one.upper, one.ratio))]
    assert sorted(heights) == pytest.approx(sorted(wanted), rel=1e-5)
    (band,) = (shape for shape in shapes if shape["type"] == "rect")
    assert (band["y0"], band["y1"]) == pytest.approx(((one.lower - 1) * 100, (one.upper - 1) * 100), rel=1e-5)


def test_above_zero_is_worse_also_where_a_higher_number_is_better():
    row, rounds = evidence_of("suite.TrackModel.track_accuracy")
    assert row.comparison.ratio < 1 < rounds[0].candidate[0] / rounds[0].baseline[0]
    found = traces(rounds_figure(row, rounds, Direction.HIGHER))
    wanted = [math.expm1(log_ratio(one, Direction.HIGHER)) * 100 for one in rounds]
    assert found["round"]["y"] == pytest.approx(wanted, rel=1e-4)
    assert max(found["pair"]["y"]) < 0


def test_a_benchmarks_page_tells_the_changes_of_its_rounds_as_one_number_each_whichever_way_is_better():
    rounds = [Round(index, (100.0, 101.0, 102.0), (50.0, 50.5, 51.0)) for index in range(8)]
    for direction, ratio, shown in (
        (Direction.LOWER, 0.5, f"{MINUS}50.0 %"),
        (Direction.HIGHER, 2.0, "+100.0 %"),
    ):
        row = row_of(ratio=ratio, lower=ratio, upper=ratio, unit="items/s")
        page = compared_page(VIEW, row, rounds, direction)
        (table,) = page.tables
        assert table.columns[5] == "Change"
        assert {line[5].text for line in table.rows} == {row.change} == {shown}
        drawn = traces(page.figures[0])["round"]["y"]
        assert drawn == pytest.approx([(line[5].value - 1) * 100 for line in table.rows])
        turned = direction is Direction.HIGHER
        assert (HIGHER_IS_BETTER in page.notes, HIGHER_IS_BETTER in page.figures[0].caption) == (turned, turned)
        assert table.caption.endswith("+ is worse")


@pytest.mark.parametrize("declared", ["by the suite", "by the policy"])
def test_what_failed_after_some_rounds_shows_its_changes_the_way_that_is_better(declared):
    spec = BenchmarkSpec(BenchmarkId("s.track_speed"), kind="track", unit="items/s")
    policy = Policy()
    if declared == "by the suite":
        spec = replace(spec, direction=Direction.HIGHER)
    else:
        policy = Policy(overrides=(Override(match=("s.track_*",), direction=Direction.HIGHER),))
    evidence = replace(EVIDENCE, specs=(spec,), policy=policy)
    (direction,) = directions_of(evidence).values()
    page = compared_page(VIEW, row_of(reason="the candidate raised"), [Round(0, (100.0,), (50.0,))], direction)
    assert page.tables[0].rows[0][5].text == "+100.0 %"
    assert traces(page.figures[0])["pair"]["y"] == [100.0]
    assert HIGHER_IS_BETTER in page.notes


def test_the_samples_stand_beside_each_other_by_round():
    row, rounds = evidence_of("suite.TimeRender.time_escape")
    figure = samples_figure(row, rounds)
    found = traces(figure)
    for side in ("baseline", "candidate"):
        values = [value for one in rounds for value in getattr(one, side)]
        assert found[side]["y"] == pytest.approx(values, rel=1e-5)
        assert [index for index, _ in found[side]["customdata"]] == [one.index for one in rounds for _ in one.baseline]
    assert found["baseline"]["x"][0] < 0 < found["candidate"]["x"][0]
    assert "n = 20 rounds, 60 samples a side." in figure.caption
    assert "1,000 loops" in figure.caption


def test_a_distribution_rises_from_nothing_to_all_of_the_samples():
    row, rounds = evidence_of("suite.TimeRender.time_escape")
    for trace in traces(distribution_figure(row, rounds)).values():
        assert (trace["y"][0], trace["y"][-1]) == (0, 1)
        assert trace["x"] == sorted(trace["x"])
        assert trace["y"] == sorted(trace["y"])


def test_of_many_samples_some_are_drawn_evenly_and_the_caption_says_how_many():
    many = [Round(index, *(tuple(1.0 + 0.001 * (index * 50 + i) for i in range(50)),) * 2) for index in range(100)]
    row = row_of(ratio=1.0, lower=0.99, upper=1.01)
    for figure in round_figures(row, many):
        for name, trace in traces(figure).items():
            assert len(trace["x"]) == (100 if name == "round" else MOST_POINTS)
        assert f"Drawn: {MOST_POINTS:,} of 5,00" in figure.caption
        assert len(json.dumps(figure.json)) < 200_000
    samples = traces(samples_figure(row, many))["baseline"]
    assert (samples["y"][0], samples["y"][-1]) == (1.0, pytest.approx(5.999))


@pytest.mark.parametrize(
    "rounds",
    [[], [Round(0, (), ())], [Round(0, (math.nan,), (math.inf,))]],
    ids=["no rounds", "no samples", "no numbers"],
)
def test_where_nothing_was_measured_nothing_is_drawn(rounds):
    assert round_figures(row_of(), rounds) == ()


def test_a_pair_without_a_ratio_is_left_out_and_counted():
    rounds = [Round(0, (0.0, 1.0, 0.0, -1.0), (0.0, 1.1, 2.0, 1.0))]
    figure = rounds_figure(row_of(unit="widgets"), rounds)
    assert traces(figure)["pair"]["y"] == pytest.approx([0.0, 10.0])
    assert "2 pairs without a ratio." in figure.caption
    assert "n = 1 round, 4 pairs." in figure.caption


def test_an_unknown_bound_is_not_drawn():
    row = row_of(ratio=1.02, lower=None, upper=1.2)
    shapes = rounds_figure(row, [Round(0, (1.0,), (1.02,))]).json["layout"]["shapes"]
    assert not [shape for shape in shapes if shape["type"] == "rect"]
    assert sorted(shape["y0"] for shape in shapes) == pytest.approx([0, 2, 5, 20])


def test_a_unit_from_outside_is_text_on_the_axis_and_a_name_in_the_csv():
    layout = samples_figure(row_of(unit="<b>µ"), [Round(0, (1.0,), (2.0,))]).json["layout"]
    assert layout["yaxis"]["title"]["text"] == "value (&lt;b&gt;µ)"
    assert layout["meta"]["y"] == "value (<b>µ)"


def test_values_that_span_decades_are_drawn_on_a_logarithmic_axis():
    rounds = [Round(0, (1e-6, 1e-3), (1e-6, 1e-3))]
    assert samples_figure(row_of(), rounds).json["layout"]["yaxis"]["type"] == "log"
    assert distribution_figure(row_of(), rounds).json["layout"]["xaxis"]["type"] == "log"


def test_a_change_beyond_any_number_is_drawn_where_the_scale_ends():
    figure = rounds_figure(row_of(ratio=2.0), [Round(0, (1.0,), (2.0,)), Round(1, (1e-310,), (1e3,))])
    assert traces(figure)["round"]["y"][1] > 1e300
