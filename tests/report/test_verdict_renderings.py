"""Every rendering of a verdict shows the same sentence and the same numbers."""

import json
import os
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from verdict_pages import RENDERINGS, Page, page, rendered_markdown

from headgate import __version__
from headgate.cli.outputs import exit_code
from headgate.model import BenchmarkId, Change, Comparison, SideInfo, State, Verdict
from headgate.report.verdict_figure import forest_figure
from headgate.report.verdict_html import write_verdict_pages
from headgate.report.verdict_junit import verdict_junit
from headgate.report.verdict_markdown import MAX_BYTES, verdict_markdown
from headgate.report.verdict_text import verdict_text
from headgate.report.verdict_view import verdict_view
from headgate.store.verdict_json import read_verdict, verdict_to_json

GOLDEN = Path(__file__).parents[1] / "golden" / "verdict"
VERDICT = read_verdict(GOLDEN / "verdict.json")
SKIPPED = {"suite.TimeGPU.time_copy": "no GPU"}
VIEW = verdict_view(VERDICT, evidence_file="evidence.json.gz", skipped=SKIPPED)


@pytest.mark.parametrize("name", RENDERINGS)
def test_a_rendering_is_as_its_golden_file_shows_it(name):
    """Set HEADGATE_UPDATE_GOLDEN=1 to write the files anew, then read the difference before committing it."""
    text = RENDERINGS[name](VIEW).replace(__version__, "VERSION")
    if os.environ.get("HEADGATE_UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(text, encoding="utf-8", newline="\n")
    assert text == (GOLDEN / name).read_text(encoding="utf-8")


def test_colour_adds_nothing_but_colour():
    colored = verdict_text(VIEW, width=80, color=True)
    assert "\x1b[1;31m" in colored
    plain = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert [line.rstrip() for line in plain.splitlines()] == verdict_text(VIEW, width=80).splitlines()


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_every_rendering_shows_the_sentence_and_the_same_numbers_for_every_benchmark():
    junit = ET.fromstring(verdict_junit(VIEW))
    shown = {
        "text": squeezed(verdict_text(VIEW, width=250)),
        "markdown": squeezed("".join(rendered_markdown(verdict_markdown(VIEW)).text)),
        "html": squeezed("".join(Page(page(VIEW)).text)),
        "junit": squeezed(" ".join(junit.itertext())),
    }
    assert len(VIEW.rows) == len(VERDICT.comparisons)
    for kind, text in shown.items():
        for row in VIEW.rows:
            assert squeezed(row.change) in text, (kind, row.name)
            assert squeezed(row.interval) in text, (kind, row.name)
            assert kind == "junit" or squeezed(row.name) in text, (kind, row.name)
        assert kind == "junit" or squeezed(VIEW.sentence) in text
    for case, row in zip(junit.iter("testcase"), VIEW.rows, strict=False):
        assert f"{case.get('classname')}.{case.get('name')}" == row.name
    for row in VIEW.rows:
        written = next(
            item for item in verdict_to_json(VERDICT)["comparisons"] if item["ratio"] == row.comparison.ratio
        )
        if written["ratio"] is not None:
            assert abs(float(re.sub(r"[^0-9.]", "", row.change)) - abs(written["ratio"] - 1) * 100) < 0.051
    drawn = figure_numbers(VIEW.rows)
    assert [row.name for row in VIEW.rows if row.change] == [name for name, *_ in drawn]
    for row, (_, ratio, lower, upper, margin, rounds) in zip(
        [row for row in VIEW.rows if row.change], drawn, strict=True
    ):
        one = row.comparison
        expected = [None if value is None else (value - 1) * 100 for value in (one.ratio, one.lower, one.upper)]
        for value, other in zip((ratio, lower, upper), expected, strict=True):
            assert value == (other if other is None else pytest.approx(other, rel=1e-5))
        assert (margin, rounds) == (pytest.approx(one.margin * 100), one.rounds)


def figure_numbers(rows) -> list[list]:
    """Return the columns that the forest plot exports, point by point from the top."""
    figure = forest_figure(rows)
    assert figure is not None
    named = [place for place, name in enumerate(figure.json["layout"]["meta"]["columns"]) if name]
    points = [
        (int(key), [custom[place] for place in named])
        for trace in figure.json["data"]
        if trace["name"] != "margin"
        for key, custom in zip(trace["ids"], trace["customdata"], strict=True)
    ]
    return [numbers for _, numbers in sorted(points)]


def test_rows_come_by_what_matters_and_within_that_by_size():
    def made(name, state, change=Change.UNKNOWN, ratio=1.0):
        return Comparison(BenchmarkId(name), "seconds", state, 0.05, change, ratio, ratio, ratio)

    expected = [
        made("failed", State.FAILED),
        made("worst", State.REGRESSED, Change.SLOWER, 10.0),
        made("bad", State.REGRESSED, Change.SLOWER, 9.0),
        made("open+", State.INCONCLUSIVE, ratio=1.06),
        made("open-", State.INCONCLUSIVE, ratio=1.01),
        made("slower", State.PASS, Change.SLOWER, 1.03),
        made("much faster", State.PASS, Change.FASTER, 0.5),
        made("faster", State.PASS, Change.FASTER, 0.9),
        made("same", State.PASS, Change.SAME, 1.001),
    ]
    verdict = replace(VERDICT, comparisons=tuple(reversed(expected)))
    assert [row.comparison for row in verdict_view(verdict).rows] == expected


def verdict_of(state: State, *comparisons: Comparison, **others) -> Verdict:
    plain = replace(VERDICT, state=state, comparisons=comparisons, added=(), removed=(), reasons=(), warnings=())
    return replace(plain, **others)


def compared(name: str, state: State, ratio: float | None = 1.0, **others) -> Comparison:
    return Comparison(
        BenchmarkId(name), others.pop("unit", "seconds"), state, others.pop("margin", 0.03), ratio=ratio, **others
    )


P, R, I, F = State.PASS, State.REGRESSED, State.INCONCLUSIVE, State.FAILED  # noqa: E741 - a table's columns


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (
            verdict_of(R, compared("s.a", R, 1.121), *(compared(f"s.p{i}", P) for i in range(19))),
            "1 of 20 benchmarks is slower by more than the 3 % margin: s.a, +12.1 %.",
        ),
        (
            verdict_of(R, compared("s.a", R, 1.121, unit="bytes"), compared("s.b", R, 1.3, margin=0.1)),
            "2 of 2 benchmarks are worse by more than their margins; the worst: s.b, +30.0 %.",
        ),
        (
            verdict_of(I, compared("s.a", I), compared("s.b", P)),
            (
                "1 of 2 benchmarks could not be decided at 99 % confidence; "
                "none is known to be slower by more than the 3 % margin."
            ),
        ),
        (verdict_of(P, compared("s.a", P)), "The benchmark passes: it is not slower by more than the 3 % margin."),
        (
            verdict_of(
                P, compared("s.a", P, change=Change.FASTER), compared("s.b", P), compared("s.c", R, required=False)
            ),
            "All 2 benchmarks pass: none is slower by more than the 3 % margin (1 faster); 1 other does not decide.",
        ),
        (
            verdict_of(P, compared("s.a", P, change=Change.SLOWER, unit="%"), compared("s.b", P)),
            "All 2 benchmarks pass: none is worse by more than the 3 % margin (1 worse within it).",
        ),
        (verdict_of(F), "Nothing was measured."),
        (verdict_of(F, compared("s.a", F, None)), "Nothing was measured: the benchmark failed."),
        (
            verdict_of(F, compared("s.a", F, None), compared("s.b", F, None)),
            "Nothing was measured: all 2 benchmarks failed.",
        ),
        (
            verdict_of(F, compared("s.a", F, None), compared("s.b", R), compared("s.c", P)),
            "1 of 3 benchmarks gave no evidence; 1 is slower by more than the 3 % margin.",
        ),
        (replace(verdict_of(F, compared("s.a", P)), removed=("s.x", "s.y")), "2 benchmarks were removed."),
        (
            replace(verdict_of(F, compared("s.a", P)), reasons=("required benchmark t is not there",)),
            "Required benchmark t is not there.",
        ),
        (verdict_of(R, compared("s.a", P)), "The verdict is regressed."),
    ],
)
def test_the_verdict_is_one_sentence(verdict, sentence):
    assert verdict_view(verdict).sentence == sentence


@pytest.mark.parametrize(("state", "policy"), [(s, p) for s in State for p in ("fail", "warn")])
@pytest.mark.parametrize("required", [True, False])
def test_junit_fails_exactly_where_the_command_does(state, policy, required):
    from headgate.gates.policy import Action, Policy
    from headgate.gates.run import decide_run

    comparisons = (compared("s.a", P), compared("s.b", state, None if state is F else 1.1, required=required))
    for removed in ((), ("s.old",)):
        rules = Policy(on_inconclusive=Action(policy))
        decision = decide_run(comparisons, rules, removed=removed)
        verdict = Verdict(
            decision.state,
            SideInfo("a"),
            SideInfo("b"),
            comparisons,
            rules.to_json(),
            removed=removed,
            reasons=decision.reasons,
        )
        root = ET.fromstring(verdict_junit(verdict_view(verdict)))
        bad = int(root.get("failures", "")) + int(root.get("errors", ""))
        assert bool(bad) is bool(exit_code(verdict))
        assert int(root.get("tests", "")) == len(list(root.iter("testcase")))


def test_nothing_measured_is_an_error_in_junit():
    root = ET.fromstring(verdict_junit(verdict_view(verdict_of(F, reasons=("nothing was measured",)))))
    assert root.get("errors") == "1"


def many(amount: int, state: State, width: int = 30) -> tuple[Comparison, ...]:
    return tuple(compared(f"s.{'|' * width}{index}", state, 1.1) for index in range(amount))


@pytest.mark.parametrize(
    "comparisons",
    [many(3000, R), many(3000, P), (*many(250, R), *many(2000, P)), many(400, I, 3000)],
    ids=["regressed", "passed", "both", "long names"],
)
def test_a_comment_fits_github_however_many_benchmarks_there_are_and_says_how_many_it_leaves_out(comparisons):
    state = min((one.state for one in comparisons), key=[F, R, I, P].index)
    text = verdict_markdown(verdict_view(replace(VERDICT, state=state, comparisons=comparisons)))
    assert len(text.encode()) <= MAX_BYTES
    assert text.count("<details>") == text.count("</details>")
    shown = len(re.findall(r"^\| [^|]+ [a-z]+ \| <code>", text, flags=re.MULTILINE))
    left_out = sum(int(number.replace(",", "")) for number in re.findall(r"… and ([\d,]+) more: see", text))
    assert shown + left_out == len(comparisons)
    assert shown > 20


@pytest.mark.parametrize("character", ["@", "|", "`", "\x1b", "語", "a"])
def test_a_comment_shows_what_regressed_whatever_stands_around_the_rows(character):
    long = character * 4000
    side = SideInfo(long, "f" * 40, long, "3.11.9", long)
    bad = tuple(compared(f"suite.{long}{index}", R, 1.1, unit=long, reason=long) for index in range(30))
    view = verdict_view(
        replace(
            VERDICT,
            state=R,
            baseline=side,
            candidate=side,
            comparisons=(*bad, *many(30, P)),
            reasons=tuple(f"reason {index} {long}" for index in range(30)),
            warnings=tuple(f"warning {index} {long}" for index in range(30)),
            removed=tuple(f"removed {index} {long}" for index in range(30)),
            hardware={"machine": long},
        ),
        command=f"headgate compare {long}",
        skipped={f"skipped {index} {long}": long for index in range(30)},
    )
    text = verdict_markdown(view)
    assert len(text.encode()) <= MAX_BYTES
    lines = text.splitlines()
    shown = [line for line in lines if line.startswith("| 🔴 regressed | <code>suite.")]
    assert len(shown) > 10
    told = [
        int(found[1])
        for line in lines
        if (found := re.fullmatch(r"… and (\d+) more: see the HTML or JSON report.", line))
    ]
    assert len(shown) + sum(line.startswith("| ✅ pass") for line in lines) + sum(told) == 60
    lists = [found.groups() for line in lines if (found := re.fullmatch(r"- … and (\d+) more (.+)", line))]
    assert {what for _, what in lists} == {"reasons", "warnings", "skipped", "benchmarks on one side only"}


def test_the_pages_are_written_with_their_assets_and_load_nothing_from_elsewhere(tmp_path):
    from sample_verdicts import sample_evidence

    evidence = sample_evidence(only="TimeRender")
    index = write_verdict_pages(tmp_path / "out", verdict_view(evidence.verdict), rounds=evidence.rounds)
    assert index == tmp_path / "out" / "index.html"
    pages = sorted((tmp_path / "out" / "benchmarks").iterdir())
    assert len(pages) == len(evidence.rounds)
    for path in (index, *pages):
        found = Page(path.read_text(encoding="utf-8"))
        linked = {value for key, value in found.attributes if key in {"src", "href"} and value}
        for link in linked:
            assert link.startswith(("#", "data:")) or (path.parent / link.partition("#")[0]).is_file(), link
    overview = Page(index.read_text(encoding="utf-8"))
    for path in pages:
        assert ("href", f"benchmarks/{path.name}") in overview.attributes
        assert Page(path.read_text(encoding="utf-8")).tags.count("figure") == 3


def test_the_figure_shows_the_interval_the_margin_and_an_open_end_for_a_missing_bound():
    rows = verdict_view(
        verdict_of(
            I,
            compared("s.<b>a</b>", I, 1.02, lower=None, upper=1.2, margin=0.05),
            compared("s.b", P, 0.9, lower=0.8, upper=0.95, margin=0.1),
        )
    ).rows
    figure = forest_figure(rows)
    assert figure is not None
    json.dumps(figure.json, allow_nan=False)
    margins, open_, passed = figure.json["data"]
    assert margins["x"] == pytest.approx([5.0, 10.0])
    left = figure.json["layout"]["xaxis"]["range"][0]
    assert open_["x"][0] - open_["error_x"]["arrayminus"][0] == pytest.approx(left)
    assert open_["x"][0] + open_["error_x"]["array"][0] == pytest.approx(20.0)
    assert passed["x"][0] - passed["error_x"]["arrayminus"][0] == pytest.approx(-20.0)
    assert "<b>a" not in open_["text"][0]
    assert open_["customdata"][0][4:6] == [None, pytest.approx(20.0)], "what is exported is not cut off"
    assert forest_figure(verdict_view(verdict_of(F, compared("s.a", F, None))).rows) is None


def test_a_change_too_large_for_the_drawing_stands_at_its_edge_and_squeezes_no_other():
    rows = verdict_view(
        verdict_of(R, compared("s.a", R, 11.0, lower=10.0, upper=12.0), compared("s.b", P, 0.1, lower=0.09, upper=0.11))
    ).rows
    figure = forest_figure(rows)
    assert figure is not None
    left, right = figure.json["layout"]["xaxis"]["range"]
    assert -25 < left < 0 < right < 25
    _, worse, better = figure.json["data"]
    assert (worse["x"], worse["marker"]["symbol"]) == ([pytest.approx(right)], ["triangle-right"])
    assert (better["x"], better["marker"]["symbol"]) == ([pytest.approx(left)], ["triangle-left"])
    assert worse["customdata"][0][0] == "+1000.0 %"


def test_a_traceback_is_read_on_lines_of_its_own_and_only_the_first_few_are_shown():
    reason = "candidate: ValueError: bad\nTraceback (most recent call last):\n  File x"
    failed = [compared(f"s.{letter}", State.FAILED, None, reason=reason) for letter in "abcde"]
    view = verdict_view(verdict_of(State.FAILED, *failed))
    text = verdict_text(view)
    assert text.count("Traceback (most recent call last):") == 3
    assert text.count("candidate: ValueError: bad") == 5
    assert "2 more tracebacks: see --html or --junit" in text
    assert "\\n" not in text
    assert verdict_junit(view).decode().count("  File x") == 5


@pytest.mark.parametrize("width", [80, 110, 120, 160])
def test_a_name_keeps_room_beside_wide_numbers_and_a_huge_parameter_does_not_fill_the_screen(width):
    wide = compared("suite.TimeParse.time_header", State.PASS, 1.9861934, lower=1.9861934, upper=1.9861934)
    huge = compared(f"suite.time_huge('{'x' * 2000}')", State.PASS)
    text = verdict_text(verdict_view(verdict_of(State.PASS, wide, huge)), width=width)
    assert "suite.TimeParse.time_header" in text
    assert "exactly +98.6 %" in text
    assert len([line for line in text.splitlines() if "xxxx" in line]) <= 3
    assert all(len(line) <= width for line in text.splitlines())
