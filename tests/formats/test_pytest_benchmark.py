"""Reading pytest-benchmark's files: three major versions, with and without data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import InputError
from headgate.formats import read_run
from headgate.formats.pytest_benchmark import read
from headgate.formats.saved import Outcome

DATA = Path(__file__).parents[1] / "data" / "pytest_benchmark"
VERSIONS = ["3.4.1", "4.0.0", "5.3.1"]
NAMES = ["test_sort(list-10)", "test_sort(list-100)", "test_sort(tuple-10)", "test_sort(tuple-100)",
         "test_opaque(thing0)", "TestSum::test_sum"]  # fmt: skip


def changed(**changes: Any) -> dict[str, Any]:
    """A file of one benchmark, its entry changed; a key ``stats__x`` is one of its stats."""
    data: dict[str, Any] = json.loads((DATA / "5.3.1.json").read_text())
    entry = data["benchmarks"][0]
    for key, value in changes.items():
        *parents, last = key.split("__")
        (entry["stats"] if parents else entry)[last] = value
    return data | {"benchmarks": [entry]}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_reads_as_its_own_statistics_say(version: str) -> None:
    raw = json.loads((DATA / f"{version}.json").read_text())
    run = read_run(DATA / f"{version}.json")
    assert [str(item.benchmark) for item in run.results] == [f"test_bench.py::{name}" for name in NAMES]
    for item, entry in zip(run.results, raw["benchmarks"], strict=True):
        stats = entry["stats"]
        assert item.outcome is Outcome.MEASURED
        assert item.value == stats["median"]
        assert item.samples == tuple(stats["data"])
        assert item.groups == (item.samples,)
        assert item.stddev == pytest.approx(stats["stddev"])
        assert (item.count, item.number, item.unit, item.kind) == (
            stats["rounds"],
            stats["iterations"],
            "seconds",
            "time",
        )
    assert run.machine["machine"] == "bench-host"
    assert run.machine["num_cpu"] == "2"
    assert (run.environment, run.python) == ("CPython-3.11.7", "3.11.7")
    assert (run.commit, run.commit_date) == ("fe288d30930487aa848bfcc0f2388e1d71a115b1", 1795423157.0)
    assert run.started_at == pytest.approx(1795423200, abs=100)


def test_a_summary_is_the_whole_file_but_its_samples() -> None:
    summary, whole = read_run(DATA / "5.3.1-summary.json"), read_run(DATA / "5.3.1.json")
    for item, other in zip(summary.results, whole.results, strict=True):
        assert (item.samples, item.groups) == ((), ())
        assert item.stddev == pytest.approx(other.stddev)
        blank = {"samples": (), "groups": (), "stddev": None, "started_at": None}
        assert replace(item, **blank) == replace(other, **blank)


def test_parameters_keep_the_id_pytest_made_of_them_and_the_names_in_its_order() -> None:
    sort, *_, opaque, plain = (item.benchmark for item in read_run(DATA / "5.3.1.json").results)
    assert (sort.params, sort.param_names) == (("list-10",), ("kind-n",))
    assert (opaque.params, opaque.param_names) == (("thing0",), ("thing",))
    assert (plain.params, plain.param_names) == ((), ())


def test_one_round_has_no_spread_and_no_commit_is_no_commit() -> None:
    data = changed(stats__data=[], stats__rounds=1, stats__stddev=0)
    data["commit_info"] = {"id": "unversioned", "time": None, "dirty": True}
    run = read(data, Path("f.json"))
    assert (run.results[0].count, run.results[0].stddev) == (1, None)
    assert (run.commit, run.commit_date, len(run.warnings)) == (None, None, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fullname": None}, r"benchmarks\[0\].fullname is missing"),
        ({"stats": []}, "stats of test_bench.py::test_sort.* is a list, expected a dict"),
        ({"stats__data": [1.0, "x"]}, "data of .* holds something else than finite numbers"),
        ({"stats__data": [1.0, float("nan")]}, "holds something else"),
        ({"stats__data": None, "stats__median": None}, "neither data nor a finite median"),
    ],
)
def test_what_pytest_benchmark_never_writes_is_refused_by_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=r"f\.json: .*" + message + ".*save it again"):
        read(changed(**changes), Path("f.json"))


def test_one_benchmark_twice_is_refused() -> None:
    data = changed()
    with pytest.raises(InputError, match="appears twice"):
        read(data | {"benchmarks": data["benchmarks"] * 2}, Path("f.json"))
