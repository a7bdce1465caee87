"""`headgate rollout record`: what it prints, what it leaves in the ledger, and how it ends."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faulty_server import refused_endpoint
from rollout_records import begun, lines, requests
from rollout_releases import PLAN_TOML, TABLE, headgate, release_plan

from headgate.datasets import ColumnRules, QualityRules, check_quality, profile_dataset
from headgate.datasets.quality_json import quality_to_json
from headgate.rollout import Ledger

PLAN = release_plan()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "headgate.toml").write_text(PLAN_TOML)
    begun(tmp_path, now=time.time())
    (tmp_path / "sent.jsonl").write_text(lines(requests(PLAN, 3_000)))
    return tmp_path


def test_what_was_recorded_is_told_and_the_release_passes_on_it() -> None:
    said = headgate("rollout", "record", "r1", "--jsonl", "sent.jsonl")
    assert (said.code, said.err) == (0, "")
    assert "r1: 1 batch recorded, 0 known already" in said.out
    assert "3000 records: 3000 new units" in said.out
    assert headgate("rollout", "status", "r1").code == 0
    again = headgate("rollout", "record", "r1", "--jsonl", "sent.jsonl")
    assert (again.code, "0 batches recorded, 1 known already" in again.out) == (0, True)


def test_standard_input_and_json_are_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(lines(requests(PLAN, 40)).encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    said = headgate("rollout", "record", "r1", "--jsonl", "-", "--json", "-")
    assert (said.code, said.json["units"], said.json["failed"]) == (0, 40, False)


def test_too_much_left_out_is_failed_evidence_and_a_warning_says_where(here: Path) -> None:
    good = lines(requests(PLAN, 50))
    (here / "some.jsonl").write_text(good + '{"unit": 1}\n\x1b[31m\n')
    said = headgate("rollout", "record", "r1", "--jsonl", "some.jsonl")
    assert said.code == 4
    assert "some.jsonl:51: it has no version" in said.out
    assert "more than 1% left out: the release passes nothing on this" in said.out
    assert "\x1b" not in said.out
    few = headgate("rollout", "record", "r1", "--jsonl", "some.jsonl", "--jsonl", "sent.jsonl")
    assert few.code == 0


def test_what_was_recorded_before_an_error_is_told() -> None:
    said = headgate("rollout", "record", "r1", "--jsonl", "sent.jsonl", "--jsonl", "nowhere.jsonl")
    assert said.code == 2
    assert "r1: 1 batch recorded" in said.out
    assert "nowhere.jsonl: no such file" in said.err


def test_no_evidence_and_an_unknown_release_are_usage_errors() -> None:
    assert "say where it is: --jsonl" in headgate("rollout", "record", "r1").err
    said = headgate("rollout", "record", "r9", "--jsonl", "sent.jsonl")
    assert (said.code, "no release 'r9'" in said.err) == (2, True)


def quality(state: str) -> str:
    """Write a report of data with a duplicate key, as `check_quality` makes it; return its file."""
    rows = [{"unit": "a"}, {"unit": "a" if state == "invalid" else "b"}]
    rules = QualityRules({"unit": ColumnRules("string")}, max_duplicate_rate=0.0)
    report = check_quality(profile_dataset(rows, key=("unit",)), rules)
    Path("quality.json").write_text(json.dumps(quality_to_json(report)))
    return "quality.json"


@pytest.mark.slow
def test_data_whose_quality_failed_is_invalid_evidence_for_good() -> None:
    command = ("rollout", "record", "r1", "--jsonl", "sent.jsonl", "--dataset-quality")
    passing = headgate(*command, quality("pass"))
    assert (passing.code, "the data's quality holds, over 2 rows" in passing.out) == (0, True)
    assert headgate("rollout", "status", "r1").code == 0
    for _ in range(2):
        failed = headgate(*command, quality("invalid"), "--json", "-")
        assert (failed.code, failed.json["failed"]) == (4, True)
        assert "50.00% of the rows repeat the key unit" in failed.json["invalid"]
    status = headgate("rollout", "status", "r1")
    assert status.code == 4
    assert "the data's quality failed (1 findings" in status.out
    Path("quality.json").write_text("{}")
    broken = headgate(*command, "quality.json")
    assert (broken.code, "quality.json: it is no headgate.dataset-quality/1" in broken.err) == (2, True)


def test_counters_are_recorded_twice_and_the_interval_between_counts(tmp_path: Path) -> None:
    table = {"name": "checkout", "unit": "request", "stages": [20, 100], "metrics": [TABLE["metrics"][0]]}
    (tmp_path / "rollout.sqlite").unlink()
    begun(tmp_path, now=time.time() - 100.0, **table)
    counters = tmp_path / "shop.prom"
    command = ("rollout", "record", "r1", "--ledger", "rollout.sqlite", "--prometheus", "shop.prom", "--requests")
    said = []
    for age, canary, stable in ((30, 5, 20), (0, 9, 36)):
        counters.write_text(
            f'http_total{{build="b2",code="200"}} {canary}\nhttp_total{{build="b2",code="500"}} 0\n'
            f'http_total{{build="b1",code="200"}} {stable}\n'
        )
        os.utime(counters, (time.time() - age,) * 2)
        arms = ("--version-label", "build", "--arm", "canary=b2", "--arm", "stable=b1")
        said.append(headgate(*command, "http_total", "--metric", 'errors=http_total{code=~"5.."}', *arms))
    assert [one.code for one in said] == [0, 0], said
    assert "counted from here on: the first of this source" in said[0].out
    assert "prometheus shop.prom: 20 requests, each counted as a unit, as the plan says" in said[1].out
    refused = headgate(*command, "http_total", "--arm", "blue=b2")
    assert (refused.code, "'blue' will not do: expected one of stable, canary, sandbox" in refused.err) == (2, True)
    both = headgate(*command, "http_total", "--prometheus", "other.prom", "--source", "shop")
    assert (both.code, "one name for several counters" in both.err) == (2, True)


def test_counters_for_a_plan_of_other_units_are_refused() -> None:
    Path("shop.prom").write_text('http_total{version="canary"} 1\n')
    said = headgate("rollout", "record", "r1", "--prometheus", "shop.prom", "--requests", "http_total")
    assert (said.code, "counters count requests and cannot tell units apart" in said.err) == (2, True)


def test_an_address_that_does_not_answer_is_an_error_without_its_password() -> None:
    said = headgate(
        "rollout", "record", "r1", "--prometheus", f"{refused_endpoint().replace('//', '//ann:hunter2@')}/m"
    )
    assert (said.code, "cannot be reached" in said.err, "hunter2" in said.err + said.out) == (2, True, False)


@pytest.mark.slow
def test_ctrl_c_leaves_whole_batches_and_the_same_command_goes_on(here: Path) -> None:
    sent = requests(PLAN, 60_000)
    for one in sent:
        one["time"] = time.time()
    text = lines(sent)
    (here / "sent.jsonl").write_text(text)
    command = [sys.executable, "-m", "headgate", "rollout", "record", "r1"]
    process = subprocess.Popen(
        [*command, "--jsonl", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write(text[: len(text) // 2])
    process.stdin.flush()
    with Ledger("rollout.sqlite") as ledger:
        while ledger.head("r1").seq < 3:
            assert process.poll() is None
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "1 batch recorded" in out
        assert "20000 new units" in out
        assert "run the same command again" in err.lower()
        assert "Traceback" not in err
    done = headgate("rollout", "record", "r1", "--jsonl", "sent.jsonl", "--json", "-").json
    assert (done["batches"], done["known"], done["units"]) == (2, 1, 40_000)
