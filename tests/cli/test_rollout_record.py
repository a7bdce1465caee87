"""`headgate rollout record`: what it prints, what it leaves in the ledger, and how it ends."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rollout_records import begun, lines, requests
from rollout_releases import PLAN_TOML, headgate, release_plan

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
    assert "nowhere.jsonl: cannot be read" in said.err


def test_no_evidence_and_an_unknown_release_are_usage_errors() -> None:
    assert "say where it is: --jsonl" in headgate("rollout", "record", "r1").err
    said = headgate("rollout", "record", "r9", "--jsonl", "sent.jsonl")
    assert (said.code, "no release 'r9'" in said.err) == (4, True)


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
