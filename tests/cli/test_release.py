"""`headgate release decide`: one decision from the benchmarks' verdict, the canary's ledger and the data's quality."""

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest
from rollout_releases import Said, headgate, release_plan, units
from sample_verdicts import sample_evidence

from headgate.datasets.quality import ColumnRules, QualityRules, check_quality, profile_dataset
from headgate.datasets.quality_json import quality_to_json
from headgate.model import State, Verdict
from headgate.rollout import Ledger
from headgate.rollout.controller import Controller
from headgate.store.verdict_json import write_verdict

COMMIT = "9b7d2e41c05f" + "0" * 28
PLAN = release_plan()
ALL = ("--benchmarks", "verdict.json", "--canary", "r1")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in which everything passes: the benchmarks, a completed canary, and the data."""
    monkeypatch.chdir(tmp_path)
    benchmarks()
    canary("r1")
    quality([{"id": 1}, {"id": 2}])
    return tmp_path


def benchmarks(only: str = "TimeRender", **changes: object) -> None:
    verdict: Verdict = sample_evidence(only=only).verdict
    write_verdict("verdict.json", dataclasses.replace(verdict, **changes))  # type: ignore[arg-type]


def canary(release: str, stages: int = 3, *, worse: float = 1.0, version: str = COMMIT[:9], age: float = 0.0) -> None:
    with Ledger("rollout.sqlite") as ledger:
        one = Controller(ledger, PLAN, release, actor="ann", clock=lambda: time.time() - age)
        one.start(version)
        for stage in range(stages):
            if stage < 2:
                one.record(units(PLAN, stage, 4_000, worse=worse))
            if worse == 1.0:
                one.step()
        one.close()


def quality(rows: list[dict[str, int]]) -> None:
    report = check_quality(
        profile_dataset(rows, key=["id"]), QualityRules({"id": ColumnRules("integer")}, minimum_rows=2)
    )
    Path("quality.json").write_text(json.dumps(quality_to_json(report)))


def decide(*argv: str) -> Said:
    return headgate("release", "decide", *argv)


def test_a_release_passes_when_all_its_evidence_does() -> None:
    said = decide(*ALL, "--dataset-quality", "quality.json", "--version", COMMIT)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "release: pass",
        "  - all parts pass: benchmarks, canary, dataset quality",
        f"  benchmarks: pass, {COMMIT}",
        f"  canary: pass, {COMMIT[:9]}",
        "  dataset quality: pass",
    ]
    written = decide(*ALL, "--json", "-").json
    assert [(part["name"], part["state"]) for part in written["parts"]] == [("benchmarks", "pass"), ("canary", "pass")]


@pytest.mark.parametrize(
    ("only", "code", "says"),
    [("parse_header", 1, "release: stop"), ("TimeIO.time_write", 3, "inconclusive"), ("", 4, "release: invalid")],
)
def test_the_benchmarks_verdict_decides_alone_if_it_does_not_pass(only: str, code: int, says: str) -> None:
    changes = {"state": State.INCONCLUSIVE} if code == 3 else {"state": State.FAILED} if code == 4 else {}
    benchmarks(only, **changes)
    said = decide(*ALL)
    assert said.code == code
    assert says in said.out
    assert "canary: pass" in said.out


def test_a_halted_canary_stops_the_release_and_an_override_does_not_let_it_go() -> None:
    canary("r2", 1, worse=3.0)
    said = decide("--benchmarks", "verdict.json", "--canary", "r2")
    assert said.code == 1
    assert "canary: errors is worse than tolerated" in said.out
    headgate("rollout", "override", "r2", "advance", "--reason", "I want to", "--expires", "1h")
    assert decide("--benchmarks", "verdict.json", "--canary", "r2").code == 1
    headgate("rollout", "halt", "r1", "--reason", "orders are lost")
    assert decide(*ALL).code == 1


def test_the_last_stage_decides_although_it_has_no_stable_arm_it_rests_on_those_before() -> None:
    canary("r2", 2)
    assert headgate("rollout", "status", "r2", "--json", "-").json["stage"] == 2
    assert decide("--benchmarks", "verdict.json", "--canary", "r2").code == 0


def test_a_stage_before_the_last_that_passes_is_not_the_release() -> None:
    with Ledger("rollout.sqlite") as ledger:
        one = Controller(ledger, PLAN, "r2", actor="ann")
        one.start(COMMIT)
        one.record(units(PLAN, 0, 6_000))
        assert one.evaluate().state == "pass"
    said = decide("--benchmarks", "verdict.json", "--canary", "r2")
    assert said.code == 3
    assert "canary: passes stage 1 of 3; the last one decides" in said.out


def test_a_canary_completed_by_overrides_alone_does_not_pass() -> None:
    with Ledger("rollout.sqlite") as ledger:
        one = Controller(ledger, PLAN, "r2", actor="ann")
        one.start(COMMIT)
        for _ in range(3):
            one.override("advance", "in a hurry", time.time() + 60.0)
            one.advance()
        assert one.state().status == "completed"
    assert decide("--benchmarks", "verdict.json", "--canary", "r2").code == 3


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("--benchmarks", "none.json", "--canary", "r1"), "benchmarks: none.json: no such file"),
        (("--benchmarks", "verdict.json", "--canary", "r9"), "canary: rollout.sqlite: no release 'r9'"),
        ((*ALL, "--ledger", "none.sqlite"), "canary: none.sqlite: no such ledger"),
        ((*ALL, "--dataset-quality", "none.json"), "dataset quality: none.json: no such file"),
    ],
)
def test_what_is_missing_is_inconclusive(argv: tuple[str, ...], says: str, here: Path) -> None:
    said = decide(*argv)
    assert said.code == 3
    assert says in said.out
    assert not (here / "none.sqlite").exists()


def damage(part: str) -> None:
    if part == "truncated verdict":
        Path("verdict.json").write_bytes(Path("verdict.json").read_bytes()[:-20])
    elif part == "newer verdict":
        Path("verdict.json").write_text(json.dumps({"schema": "headgate.verdict/9"}))
    elif part == "nothing compared":
        benchmarks(comparisons=())
    elif part == "edited ledger":
        with Ledger("rollout.sqlite") as ledger, ledger.transaction() as connection:
            connection.execute("UPDATE event SET actor = 'nobody' WHERE seq = 2")
    elif part == "no ledger at all":
        for name in Path().glob("rollout.sqlite*"):
            name.write_bytes(b"neither here nor there " * 9)
    elif part == "bad data":
        quality([{"id": 1}])
    elif part == "forged quality":
        bad = json.loads(Path("quality.json").read_text()) | {"state": "invalid"}
        Path("quality.json").write_text(json.dumps(bad))
    else:
        Path("quality.json").write_text("{")


@pytest.mark.parametrize(
    "part",
    [
        "truncated verdict",
        "newer verdict",
        "nothing compared",
        "edited ledger",
        "no ledger at all",
        "bad data",
        "forged quality",
        "broken quality",
    ],
)
def test_what_is_invalid_never_passes(part: str) -> None:
    damage(part)
    said = decide(*ALL, "--dataset-quality", "quality.json")
    assert said.code == 4
    assert "release: invalid" in said.out
    assert decide(*ALL, "--dataset-quality", "quality.json", "--json", "-").json["state"] == "invalid"


def test_evidence_that_is_too_old_is_inconclusive() -> None:
    canary("r2", age=10 * 86_400.0)
    argv = ("--benchmarks", "verdict.json", "--canary", "r2")
    said = decide(*argv)
    assert said.code == 3
    assert "canary: 240 h old, at most 168 h will do; take it anew" in said.out
    assert decide(*argv, "--max-age", "300").code == 0
    headgate("rollout", "override", "r2", "hold", "--reason", "sale", "--expires", "1h")
    assert decide(*argv).code == 3  # a person's word makes no evidence younger
    old = time.time() - 10 * 86_400.0
    os.utime("verdict.json", (old, old))
    assert "benchmarks: 240 h old" in decide(*ALL).out
    taken = {"conditions": {"measured_at": "2020-01-01T00:00:00+00:00"}}
    benchmarks(hardware=taken)  # a new file with old numbers
    assert decide(*ALL).code == 3
    benchmarks(hardware={"conditions": {"measured_at": "2990-01-01T00:00:00+00:00"}})
    assert "its time is in the future" in decide(*ALL).out


def test_evidence_of_different_versions_is_of_no_one_release() -> None:
    canary("r2", version="ffffffff")
    said = decide("--benchmarks", "verdict.json", "--canary", "r2")
    assert said.code == 4
    assert "they are not about one thing" in said.out
    assert decide(*ALL, "--version", "v1").code == 4
    canary("r3", version="")
    argv = ("--benchmarks", "verdict.json", "--canary", "r3")
    assert "canary does not say which version it is of" in decide(*argv).out
    assert decide(*argv, "--version", COMMIT).code == 3


def test_the_summary_is_markdown_that_foreign_text_cannot_mark_up(here: Path) -> None:
    headgate("rollout", "halt", "r1", "--reason", "<b>|`rain`| [x](http://y)", "--actor", "ann")
    said = decide(*ALL, "--markdown", "-")
    assert said.code == 1
    assert said.out.startswith("**Release: stop**\n")
    assert "<b>" not in said.out
    assert "\\[x\\]\\(http://y\\)" in said.out
    assert decide(*ALL, "--markdown", "out.md").out.startswith("release: stop")
    assert (here / "out.md").read_text() == said.out


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ((*ALL, "--max-age", "0"), "--max-age: '0' will not do: expected a time, as 7d"),
        ((*ALL, "--max-age", "nan"), "--max-age: 'nan' will not do"),
        ((*ALL, "--json", "-", "--markdown", "-"), "both write to standard output"),
    ],
)
def test_what_will_not_do_is_named_and_exits_2(argv: tuple[str, ...], says: str) -> None:
    said = decide(*argv)
    assert (said.code, said.out) == (2, "")
    assert says in said.err


def test_a_part_that_is_not_asked_for_is_a_usage_error() -> None:
    said = decide("--benchmarks", "verdict.json")
    assert (said.code, "--canary" in said.err) == (2, True)
