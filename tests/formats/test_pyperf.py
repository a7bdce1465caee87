"""Reading pyperf's files: what pyperf's own classes say of each is in golden/pyperf.json."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import InputError
from headgate.formats import read_run
from headgate.formats.pyperf import read
from headgate.formats.saved import Outcome

TESTS = Path(__file__).parents[1]
DATA = TESTS / "data" / "pyperf"
GOLDEN: dict[str, Any] = json.loads((TESTS / "golden" / "pyperf.json").read_text())
UNITS = {"second": "seconds", "byte": "bytes"}


def small(**changes: Any) -> dict[str, Any]:
    run = {"metadata": {"name": "b", "loops": 4, "inner_loops": 2}, "values": [1.0, 2.0], "warmups": [[1, 9.0]]}
    return {"version": "1.0", "benchmarks": [{"runs": [run]}]} | changes


def of_runs(*runs: Any) -> list[Any]:
    return [{"metadata": {"name": "b"}, "runs": list(runs)}]


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_every_file_reads_as_pyperf_reads_it(name: str) -> None:
    run = read_run(DATA / name)
    assert [item.benchmark.name for item in run.results] == list(GOLDEN[name])
    for item in run.results:
        expected = GOLDEN[name][item.benchmark.name]
        assert item.outcome is Outcome.MEASURED
        assert item.value == expected["median"]
        assert item.groups == tuple(map(tuple, expected["processes"]))
        assert item.samples == sum(item.groups, ())
        assert item.stddev == pytest.approx(expected["stdev"])
        assert (item.count, item.number, item.unit) == (expected["nvalue"], expected["loops"], UNITS[expected["unit"]])
    assert run.machine["machine"] == "bench-host"
    assert (run.environment, run.python) == ("cpython-3.11.7", "3.11.7")
    assert run.started_at == pytest.approx(1795423090, abs=10)


def test_the_three_formats_of_one_suite_read_the_same() -> None:
    runs = [read_run(DATA / name) for name in ("2.10.0-suite.json", "format-6.json", "format-5.json")]
    assert [replace(run, source="") for run in runs[1:]] == [replace(runs[0], source="")] * 2
    assert runs[0].commit == "6f0c1d2e3b4a5968778695a4b3c2d1e0f0a1b2c3"


def test_memory_is_a_kind_of_its_own() -> None:
    (item,) = read_run(DATA / "2.10.0-memory.json").results
    assert (item.kind, item.unit) == ("peakmemory", "bytes")


def test_compression_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    disguised = tmp_path / "plain.json"
    disguised.write_bytes((DATA / "2.10.0-suite-again.json.gz").read_bytes())
    assert len(read_run(disguised).results) == 2


def test_warmups_and_calibrations_are_no_samples_and_loops_multiply() -> None:
    calibration = {"metadata": {"calibrate_loops": 4}, "warmups": [[1, 5.0]]}
    data = small()
    data["benchmarks"][0]["runs"].append(calibration)
    (item,) = read(data, Path("f.json")).results
    assert (item.groups, item.number) == (((1.0, 2.0),), 8)
    (only,) = read(small(benchmarks=of_runs(calibration)), Path("f.json")).results
    assert (only.outcome, only.value, only.count) == (Outcome.FAILED, None, None)


def test_processes_that_differ_in_loops_have_no_one_number() -> None:
    runs = [{"values": [1.0], "metadata": {"loops": loops}} for loops in (2, 3)]
    assert read(small(benchmarks=of_runs(*runs)), Path("f.json")).results[0].number is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 4}, "pyperf format 4; headgate reads 5, 6 and 1.0"),
        ({"version": True}, "pyperf format True"),
        ({"version": [1]}, "pyperf format list"),
        ({"benchmarks": {}}, "benchmarks is a dict, expected a list"),
        ({"benchmarks": [{"runs": []}]}, r"benchmarks\[0\].runs is empty"),
        ({"benchmarks": [{"runs": [{"values": [1.0]}]}]}, r"benchmarks\[0\].metadata.name is missing"),
        ({"benchmarks": of_runs({"values": [1.0, -1.0]})}, r"runs\[0\].values holds something else.* above 0"),
        ({"benchmarks": of_runs({"values": "1"})}, r"runs\[0\].values is a str"),
        ({"benchmarks": of_runs({"values": [1.0], "metadata": {"unit": "parsec"}})}, "unit of b is 'parsec'"),
        ({"benchmarks": of_runs({"values": [1.0]}) * 2}, "b appears twice"),
        ({"metadata": 3}, "metadata is a int"),
    ],
)
def test_what_pyperf_never_writes_is_refused_by_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=r"f\.json: .*" + message):
        read(small(**changes), Path("f.json"))
