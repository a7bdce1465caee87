"""`headgate rollout lead`: what a person sees of a control loop, and how it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rollout_releases import PLAN_TOML, headgate, release_plan, units

from headgate.rollout import Controller, Ledger
from headgate.rollout.controller_snapshot import SnapshotRouter, read_snapshot, snapshot_name
from headgate.rollout.router_state import Version

PLAN = release_plan()
SNAPSHOT = snapshot_name("r1")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "headgate.toml").write_text(PLAN_TOML)
    assert headgate("rollout", "start", "r1").code == 0
    return tmp_path


def record(stage: int, worse: float = 1.0) -> None:
    with Ledger("rollout.sqlite") as ledger:
        Controller(ledger, None, "r1").record(units(PLAN, stage, 4_000, worse=worse))


@contextmanager
def leading(**environment: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "headgate", "rollout", "lead", "r1", "--every", "0.1"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    ) as leader:
        try:
            yield leader
        finally:
            leader.kill()


def line(leader: subprocess.Popen[str]) -> str:
    assert leader.stdout is not None
    return leader.stdout.readline().partition(" r1: ")[2].rstrip()


def test_it_halts_at_once_on_evidence_of_harm_and_ends() -> None:
    record(0, worse=3.0)
    said = headgate("rollout", "lead", "r1", "--every", "0.01")
    assert said.code == 1
    assert "r1: halted, stage 1 of 3 (20 %), halt: " in said.out
    assert said.out.count("\n") == 1
    status = headgate("rollout", "status", "r1", "--json", "-").json
    assert "is worse than tolerated" in status["decision"]["reasons"][0]
    assert [one["state"] for one in status["decision"]["metrics"]] == ["halt", "halt"]  # they are still to be seen
    # Again, as a supervisor would start it: halted, and no traffic.
    assert headgate("rollout", "lead", "r1", "--every", "0.01").code == 1
    assert SnapshotRouter(PLAN, "r1", SNAPSHOT).route("u1").version is Version.STABLE


@pytest.mark.slow
def test_it_advances_and_completes_on_evidence_and_keeps_the_snapshot_fresh_until_it_is_ended() -> None:
    with leading() as leader:
        assert line(leader) == "running, stage 1 of 3 (20 %), inconclusive"
        record(0)
        assert line(leader).startswith("running, stage 2 of 3 (50 %), pass: every required metric")
        assert line(leader) == "running, stage 2 of 3 (50 %), inconclusive"
        record(1)
        assert line(leader).startswith("running, stage 3 of 3 (100 %), pass: ")
        assert line(leader).startswith("completed, stage 3 of 3 (100 %), pass: ")
        before = read_snapshot(SNAPSHOT)
        time.sleep(0.5)
        after = read_snapshot(SNAPSHOT)
        assert before is not None
        assert after is not None
        assert after.time > before.time
        leader.send_signal(signal.SIGINT)
        _, err = leader.communicate(timeout=30)
        assert leader.returncode == 130
        assert "everybody is on stable in 20 s" in err


@pytest.mark.slow
def test_it_says_when_it_was_a_person_who_moved_the_release() -> None:
    with leading() as leader:
        assert line(leader).startswith("running")
        words = ["--reason", "night traffic is too thin", "--expires", "1h"]
        assert headgate("rollout", "override", "r1", "advance", *words).code == 0
        assert line(leader) == "running, stage 2 of 3 (50 %), on a person's word: the evidence was inconclusive"


@pytest.mark.slow
def test_a_receiver_of_notifications_that_never_answers_holds_up_no_halt() -> None:
    from socket import create_server

    with create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        with leading(HEADGATE_WEBHOOK_URL=url, HEADGATE_WEBHOOK_SECRET="a secret of some length") as leader:
            assert line(leader).startswith("running")
            record(0, worse=3.0)
            began = time.monotonic()
            assert line(leader).startswith("halted")
            assert time.monotonic() - began < 4.0  # one try of a message waits 5 s for its answer


@pytest.mark.parametrize("every", ["0", "11", "nan"])
def test_times_between_turns_that_leave_the_snapshot_to_grow_stale_are_refused(every: str) -> None:
    said = headgate("rollout", "lead", "r1", "--every", every)
    assert said.code == 2
    assert "--every" in said.err


def test_a_release_that_there_is_not_cannot_be_led() -> None:
    said = headgate("rollout", "lead", "r2")
    assert said.code == 2
    assert "no release 'r2'; it has: r1" in said.err
