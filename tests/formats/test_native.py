"""headgate's own files: the two sides of an evidence bundle; every other kind says what to do with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sample_verdicts import sample_evidence

from headgate.errors import InputError
from headgate.formats import read_run
from headgate.formats.native import read_sides
from headgate.formats.saved import Outcome
from headgate.model import Direction
from headgate.store.bundle import write_evidence
from headgate.store.verdict_json import write_verdict

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["e.json", "e.json.gz"])
def test_each_side_of_a_bundle_has_its_rounds_as_groups(tmp_path: Path, name: str) -> None:
    evidence = sample_evidence()
    write_evidence(tmp_path / name, evidence)
    for side, run in zip(("baseline", "candidate"), read_sides(tmp_path / name), strict=True):
        found = {item.benchmark: item for item in run.results}
        assert set(found) == {spec.id for spec in evidence.specs}
        for benchmark, rounds in evidence.rounds.items():
            assert found[benchmark].groups == tuple(getattr(item, side) for item in rounds)
            assert found[benchmark].number == 1000
            assert found[benchmark].unit
        assert {key for key, item in found.items() if item.outcome is Outcome.FAILED} == set(evidence.failures)
        assert run.commit == getattr(evidence.verdict, side).commit
        assert "headgate verify" in run.warnings[0]


def test_what_is_not_one_run_is_refused_with_the_command_that_takes_it(tmp_path: Path) -> None:
    evidence = sample_evidence(only="TimeRender")
    write_evidence(tmp_path / "e.json", evidence)
    write_verdict(tmp_path / "v.json", evidence.verdict)
    (tmp_path / "h.json").write_text('{"schema": "headgate.hardware/1"}')
    with pytest.raises(InputError, match=r"e\.json.*two runs.*headgate verify"):
        read_run(tmp_path / "e.json")
    with pytest.raises(InputError, match=r"v\.json.*no samples.*headgate verify"):
        read_run(tmp_path / "v.json")
    with pytest.raises(InputError, match=r"h\.json.*headgate.hardware/1.*no benchmark results"):
        read_run(tmp_path / "h.json")
    with pytest.raises(InputError, match=r"expected headgate\.evidence/1"):
        read_sides(tmp_path / "v.json")


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("samples", {}, "samples is a dict"),
        ("verdict", None, "verdict is a NoneType"),
        ("failures", [1], r"failures\[0\] is a int"),
        ("benchmarks", [{"id": {"name": 1}}], r"benchmarks\[0\].id.name is missing or no text"),
        ("samples", [{"benchmark": {"name": "b"}, "rounds": [{"baseline": ["x"]}]}], "the rounds of b hold something"),
    ],
)
def test_a_damaged_bundle_is_refused_by_place(tmp_path: Path, part: str, value: Any, message: str) -> None:
    path = tmp_path / "e.json"
    write_evidence(path, sample_evidence(only="TimeRender"))
    data = json.loads(path.read_text())
    data["predicate"]["parts"][part] = value
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=message):
        read_sides(path)


def test_a_benchmark_that_failed_after_some_rounds_is_no_measurement_and_a_stated_direction_is_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "e.json"
    write_evidence(path, sample_evidence(only="TimeRender"))
    data = json.loads(path.read_text())
    parts = data["predicate"]["parts"]
    identity = parts["samples"][0]["benchmark"]
    for spec in parts["benchmarks"]:
        spec["direction"] = "higher"
    path.write_text(json.dumps(data))
    assert {result.direction for result in read_sides(path)[0].results} == {Direction.HIGHER}
    parts["failures"] = [{"benchmark": identity, "reason": "candidate: it timed out"}]
    path.write_text(json.dumps(data))
    for run in read_sides(path):
        outcomes = {result.benchmark.name: result.outcome for result in run.results}
        assert outcomes[identity["name"]] is Outcome.FAILED
