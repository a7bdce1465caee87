"""Reading asv's own files."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import InputError
from headgate.formats import read_run
from headgate.formats.asv import describe, read, read_benchmarks
from headgate.formats.saved import Outcome

DATA = Path(__file__).parents[1] / "data" / "asv"
COLUMNS = ["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b", "stats_q_25",
           "stats_q_75", "stats_number", "stats_repeat", "samples", "profile"]  # fmt: skip


def document(results, **changes):
    base = {"commit_hash": "a" * 40, "env_name": "py", "date": 1000, "params": {"machine": "m"}, "python": "3.11"}
    base |= {"requirements": {}, "env_vars": {}, "result_columns": COLUMNS, "results": results, "durations": {}}
    return base | {"version": 2} | changes


def results_of(*row):
    return read(document({"b.time_x": list(row)}), Path("f.json")).results


def test_a_real_file_of_a_ci_runner_reads_whole():
    run = read_run(DATA / "django-b1f88476.json")
    assert run.tool == "asv"
    assert len(run.results) == 40
    assert all(item.outcome is Outcome.MEASURED and item.value > 0 for item in run.results)
    assert run.machine["machine"] == "macos-12"
    assert run.started_at > run.commit_date > 1.5e9


def test_a_real_files_rows_follow_the_product_of_their_parameters():
    raw = json.loads((DATA / "kedro-0498150d.json").read_text())
    run = read_run(DATA / "kedro-0498150d.json")
    pairs = [item for item in run.results if len(item.benchmark.params) == 2]
    name = pairs[0].benchmark.name
    own = [item for item in pairs if item.benchmark.name == name]
    first, last = raw["results"][name][1]
    assert [item.benchmark.params for item in own] == [(one, two) for one in first for two in last]
    assert [item.value for item in own] == raw["results"][name][0]


def test_null_is_failed_nan_is_skipped_and_a_whole_null_fails_every_combination():
    outcomes = [item.outcome for item in results_of([1.5, None, math.nan, math.inf], [["1", "2", "3", "4"]])]
    assert outcomes == [Outcome.MEASURED, Outcome.FAILED, Outcome.SKIPPED, Outcome.FAILED]
    assert [item.outcome for item in results_of(None, [["1", "2"]])] == [Outcome.FAILED] * 2


def test_a_whole_number_no_float_can_hold_is_no_value():
    assert [item.outcome for item in results_of([10**400], [])] == [Outcome.FAILED]
    assert results_of([1.0], [], "v", 10**400, 10**400, [10**400], [1.0], [1.0], [1.0], [10**400])[0].number is None


def test_a_name_in_a_message_is_short_and_cannot_command_a_terminal():
    for name in ("\x1b[2J" * 100, "x" * 1000):
        with pytest.raises(InputError) as caught:
            read(document({name: 1}), Path("f.json"))
        assert len(str(caught.value)) < 300
        assert str(caught.value).isprintable()


def test_trailing_columns_may_be_missing_and_unknown_ones_are_left_alone():
    (item,) = results_of([2.0])
    assert (item.value, item.samples, item.lower) == (2.0, (), None)
    run = read(document({"b": [[2.0], [], 7]}, result_columns=["result", "params", "new"]), Path("f.json"))
    assert run.results[0].value == 2.0


def test_an_infinite_interval_is_no_interval():
    (item,) = results_of([2.0], [], "v", 5, 0.1, [-math.inf], [math.inf])
    assert item.lower is None
    assert item.confidence is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 0}, "asv update"),
        ({"version": "2"}, "of type str"),
        ({"results": {"b": [[1.0], [], "v", 0, 0, None, None, None, None, None, None, [["x"]]]}}, "samples of b hold"),
        ({"version": 3}, "upgrade headgate"),
        ({"results": [1]}, "expected a dict"),
        ({"results": {"b": [[1.0, 2.0], [["1"]]]}}, "2 entries for 1 combinations"),
        ({"results": {"b": [["fast"], []]}}, "'fast'"),
        ({"results": {"b": [[1.0]] * 20}}, "20 columns"),
        ({"result_columns": None}, "result_columns"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused_by_name(changes, message):
    with pytest.raises(InputError, match=r"f\.json.*" + message):
        read(document({}) | changes, Path("f.json"))


LEAVES = st.none() | st.booleans() | st.floats() | st.text(max_size=3)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["results", "durations", "commit_hash", "env_vars", "requirements", "result_columns"]))
def test_nothing_in_a_file_makes_anything_but_a_run_or_an_input_error(value, key):
    changes = {"results": {"b": value}} if key == "results" else {key: value}
    with contextlib.suppress(InputError):
        assert read(document({}) | changes, Path("f.json")).tool == "asv"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"{", "line 1"), (b"\xff\xfe", "UTF-8"), (b"[1]", "a JSON object"), (b'{"a": 1}', "not a result file")],
)
def test_what_is_not_a_result_file_is_refused(tmp_path, content, message):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_run(path)
    with pytest.raises(InputError, match="no such file"):
        read_run(tmp_path / "none.json")


def test_benchmarks_json_lends_units_and_parameter_names(tmp_path):
    path = tmp_path / "benchmarks.json"
    entry = {
        "name": "b.time_x",
        "type": "time",
        "unit": "seconds",
        "param_names": ["n"],
        "params": [["1", "2"]],
        "rounds": 2,
    }
    path.write_text(json.dumps({"b.time_x": entry, "version": 2}))
    benchmarks = read_benchmarks(path)
    assert [str(item) for item in benchmarks["b.time_x"].combinations()] == ["b.time_x(1)", "b.time_x(2)"]
    assert benchmarks["b.time_x"].rounds == 2
    run = describe(read(document({"b.time_x": [[1.0, 2.0], [["1", "2"]]]}), path), benchmarks)
    assert run.results[1].unit == "seconds"
    assert run.results[1].benchmark.param_names == ("n",)


@pytest.mark.parametrize(
    ("name", "kind", "unit"),
    [
        ("suite.time_sort", "time", "seconds"),
        ("suite.Sorting.timeraw_import", "time", "seconds"),
        ("suite.mem_table", "memory", "bytes"),
        ("suite.peakmem_table", "peakmemory", "bytes"),
        ("suite.Timer.track_accuracy", "track", ""),
        ("suite.TimeSort", "time", "seconds"),
        ("suite.PeakMemSort", "peakmemory", "bytes"),
    ],
)
def test_without_benchmarks_json_a_name_says_what_kind_of_number_it_has(name, kind, unit):
    result = read(document(results={name: [[1.0], [], "v"]}), Path("f.json")).results[0]
    assert (result.kind, result.unit) == (kind, unit)
