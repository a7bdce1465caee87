"""What the pages' scripts make of numbers and names: CSV, LaTeX, Markdown, and the forest plot narrowed."""

import csv
import io
import re

import pytest
from hostile_texts import HOSTILE
from page_scripts import evaluated
from sample_verdicts import sample_evidence
from verdict_pages import rendered_markdown

from headgate.report.rounds_figures import round_figures
from headgate.report.verdict_figure import forest_figure
from headgate.report.verdict_view import verdict_view
from headgate.report.wording import MINUS

TEXTS = [
    *HOSTILE,
    "plain",
    "+12 %",
    "-3.5",
    f"{MINUS}3",
    "a -- b --- c",
    "[x]",
    f"×±{MINUS}µ≈",
    'say "a", b',
    "+1e5",
    "\tx",
    "-",
    "=1",
]
# JSON cannot carry half of a surrogate pair to another process.
TEXTS = [text.replace("\ud800", "") for text in TEXTS]
EVIDENCE = sample_evidence(only="Time")
VIEW = verdict_view(EVIDENCE.verdict)


def test_a_csv_reads_back_as_it_was_and_no_cell_of_it_is_a_formula():
    text = evaluated("headgate.csv(given.map((one) => [one, 1.5, -2, null]))", TEXTS, "export.js")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == len(TEXTS)
    for (cell, *numbers), wanted in zip(rows, TEXTS, strict=True):
        assert cell.removeprefix("'") == wanted.removeprefix("'")
        assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r"} or re.fullmatch(r"[+-][\d.]+(e\d+)?( %)?", cell)
        assert numbers == ["1.5", "-2", ""]
    assert [row[0] for row in rows if row[0] in {"+12 %", "-3.5", "+1e5"}] == ["+12 %", "-3.5", "+1e5"]


def test_latex_shows_a_text_and_runs_nothing_of_it():
    for text, latex in zip(TEXTS, evaluated("given.map(headgate.latexText)", TEXTS, "tables.js"), strict=True):
        commands = re.findall(r"\\[a-zA-Z]+|\\.", latex)
        known = {"textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar", "ldots"}
        known |= {"times", "pm", "mu", "approx"}
        assert {command[1:] for command in commands} <= known | set("{}&%$#_"), text
        bare = re.sub(r"\\[{}&%$#_]|\\[a-z]+(\{\})?|\$-\$|\$(?=\\)|(?<=[a-z])\$|-\{\}(?=-)", ".", latex)
        assert not re.search(r"[\\{}&%#_^<>|$]|--", bare), latex
    assert evaluated("headgate.latexText(given)", f"50 % × a_b {MINUS} {{c}}\\d~e", "tables.js") == (
        r"50 \% $\times$ a\_b $-$ \{c\}\textbackslash{}d\textasciitilde{}e"
    )


def test_markdown_shows_a_text_in_one_cell_and_nobody_is_notified():
    # The scripts put a cell on one line before they escape it.
    texts = [" ".join(text.split()) for text in TEXTS]
    for text, cell in zip(texts, evaluated("given.map(headgate.markdownText)", texts, "tables.js"), strict=True):
        page = rendered_markdown(f"| a | b |\n|-|-|\n| {cell} | end |\n")
        assert page.tags == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"], cell
        assert not re.search(r"@\w|://|www\.\w", cell), text


def figure_rows(figure) -> list[dict]:
    head, *rows = evaluated("headgate.figureRows(given)", figure.json, "figures.js")
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_the_forest_plot_exports_the_true_numbers_of_every_benchmark():
    figure = forest_figure(VIEW.rows)
    assert figure is not None
    rows = figure_rows(figure)
    assert {row["benchmark"] for row in rows} == {row.name for row in VIEW.rows if row.change}
    assert set(rows[0]) == {"series", "benchmark", "change (%)", "lower (%)", "upper (%)", "margin (%)", "rounds"}
    named = {row["benchmark"]: row for row in rows}
    for row in VIEW.rows:
        one = row.comparison
        assert named[row.name]["series"] == row.state
        assert named[row.name]["change (%)"] == pytest.approx((one.ratio - 1) * 100, rel=1e-5)
        assert named[row.name]["lower (%)"] == (
            "" if one.lower is None else pytest.approx((one.lower - 1) * 100, rel=1e-5)
        )


def test_the_samples_are_exported_with_their_round_and_their_unit():
    row = VIEW.rows[0]
    rounds = EVIDENCE.rounds[row.comparison.benchmark]
    pairs, samples, shares = (figure_rows(figure) for figure in round_figures(row, rounds))
    assert set(samples[0]) == {"series", "time per call (seconds)", "round", "sample"}
    assert [
        one["time per call (seconds)"] for one in samples if one["series"] == "candidate" and one["round"] == 3
    ] == (pytest.approx(list(rounds[3].candidate), rel=1e-5))
    assert {one["series"] for one in pairs} == {"pair", "round"}
    assert [one["pair"] for one in pairs if one["round"] == 0] == [1, 2, 3, ""]
    assert set(shares[0]) == {"series", "time per call (seconds)", "share of samples"}


def test_error_bars_are_exported_as_bounds_and_lines_to_see_by_are_not():
    figure = {
        "data": [
            {"name": "a", "x": [1, 2], "y": [10, 20], "error_y": {"array": [1, 2], "arrayminus": [3, 4]}},
            {"name": "b", "x": [7], "y": [5], "error_x": {"array": [1]}, "customdata": [["x", "seen"]]},
            {"name": "limit", "x": [0, 9], "y": [1, 1], "meta": {"csv": False}},
        ],
        "layout": {
            "xaxis": {"title": {"text": "n"}},
            "yaxis": {"title": "time (s)"},
            "meta": {"columns": [None, "note"]},
        },
    }
    assert evaluated("headgate.figureRows(given)", figure, "figures.js") == [
        ["series", "n", "time (s)", "time (s), lower", "time (s), upper", "n, lower", "n, upper", "note"],
        ["a", 1, 10, 7, 11, "", "", ""],
        ["a", 2, 20, 16, 22, "", "", ""],
        ["b", 7, 5, "", "", 6, 8, "seen"],
    ]


def test_the_forest_plot_draws_the_rows_asked_for_in_their_order_and_no_other():
    figure = forest_figure(VIEW.rows)
    assert figure is not None
    wanted = ["4", "0", "2"]
    given = {"figure": figure.json, "ids": wanted}
    drawn = evaluated("headgate.forest(given.figure, given.ids)", given, "verdict.js")
    points = {key: y for trace in drawn["data"] for key, y in zip(trace["ids"], trace["y"], strict=True)}
    assert points == {"4": 3, "0": 2, "2": 1}
    for trace in drawn["data"]:
        whole = next(one for one in figure.json["data"] if one["name"] == trace["name"])
        for place, key in enumerate(trace["ids"]):
            was = whole["ids"].index(key)
            assert trace["x"][place] == whole["x"][was]
            if "error_x" in trace:
                assert trace["error_x"]["array"][place] == whole["error_x"]["array"][was]
                assert trace["error_x"]["arrayminus"][place] == whole["error_x"]["arrayminus"][was]
                assert trace["marker"]["symbol"][place] == whole["marker"]["symbol"][was]
    labels = {note["y"]: note["text"] for note in drawn["layout"]["annotations"]}
    for key, y in points.items():
        row = VIEW.rows[int(key)]
        assert labels[y + 0.22].endswith(f"  {row.change}")


def test_a_column_is_sorted_by_the_numbers_in_it_whatever_their_unit():
    given = [
        "22.1 ms",
        "3.3 µs",
        "412 ms",
        f"{MINUS}5.3 %",
        "+12 % to +13 %",
        "1,000",
        "2.00 MiB",
        "1e-06",
        "3.11.9",
        "3f1c",
        "",
    ]
    wanted = [0.0221, 3.3e-6, 0.412, -5.3, 12, 1000, 2**21, 1e-6, "3.11.9", "3f1c", ""]
    assert evaluated("given.map(headgate.sortKey)", given, "tables.js") == [
        one if isinstance(one, str) else pytest.approx(one) for one in wanted
    ]
