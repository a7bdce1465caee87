"""A halt reaches the routers before the ledger, and is not forgotten by whoever leads, whatever the ledger is at."""

import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from rollout_releases import release_plan

from headgate.errors import HeadgateError, InputError, LedgerError
from headgate.rollout import Ledger, halting
from headgate.rollout.controller import Controller
from headgate.rollout.controller_snapshot import SnapshotRouter, publish_halt, read_snapshot, snapshot_name
from headgate.rollout.recorder import Recorder, lead
from headgate.rollout.router_state import Reason, Status

PLAN = release_plan()


@pytest.fixture
def controller(tmp_path: Path):
    with Ledger(tmp_path / "rollout.sqlite") as ledger:
        one = Controller(ledger, PLAN, "r1", snapshot=tmp_path / snapshot_name("r1"))
        one.start()
        yield one


def status(controller: Controller) -> Status | None:
    snapshot = read_snapshot(controller.ledger.path.parent / snapshot_name("r1"))
    return None if snapshot is None else snapshot.status


def test_routers_are_told_while_another_one_still_holds_the_ledger(controller: Controller) -> None:
    other = sqlite3.connect(controller.ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    thread = threading.Thread(target=controller.halt, args=("rain",))
    thread.start()
    end = time.monotonic() + 30.0
    while status(controller) is not Status.HALTED and time.monotonic() < end:
        time.sleep(0.01)
    assert status(controller) is Status.HALTED
    assert controller.ledger.state("r1").halt is None
    other.execute("ROLLBACK")
    thread.join(60.0)
    halt = controller.ledger.state("r1").halt
    assert halt is not None
    assert halt.reason == "rain"
    other.close()


def unable(*_: object, **__: object):
    raise LedgerError("the disk is full")


def test_what_the_ledger_did_not_take_is_recorded_before_anything_else_is_told(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "halt", unable)
    with pytest.raises(LedgerError, match="disk is full"):
        controller.halt("rain")
    for telling in (controller.publish, controller.step):
        with pytest.raises(LedgerError, match="disk is full"):
            telling()
    assert status(controller) is Status.HALTED
    monkeypatch.undo()
    controller.step()
    halt = controller.ledger.state("r1").halt
    assert halt is not None
    assert halt.reason == "rain"
    assert status(controller) is Status.HALTED


def test_another_controller_records_the_halt_that_it_finds_in_the_snapshot(
    controller: Controller, tmp_path: Path
) -> None:
    publish_halt(tmp_path / snapshot_name("r1"), "r1", "", time.time(), 20.0)
    controller.step()
    halt = controller.ledger.state("r1").halt
    assert halt is not None
    assert halt.reason == halting.UNRECORDED
    assert status(controller) is Status.HALTED


@pytest.mark.parametrize(("release", "ago"), [("r2", 0.0), ("r1", 3600.0)])
def test_a_snapshot_of_another_release_or_of_an_earlier_one_of_the_name_halts_nothing(
    controller: Controller, tmp_path: Path, release: str, ago: float
) -> None:
    publish_halt(tmp_path / snapshot_name("r1"), release, "", time.time() - ago, 20.0)
    controller.publish()
    assert controller.ledger.state("r1").halt is None
    assert status(controller) is Status.RUNNING


def test_a_halt_of_no_release_is_an_error_and_halts_none_later(tmp_path: Path) -> None:
    with Ledger(tmp_path / "rollout.sqlite") as ledger:
        controller = Controller(ledger, PLAN, "r1", snapshot=tmp_path / "state.json")
        with pytest.raises(HeadgateError, match="r1"):
            controller.halt("rain")
        assert not (tmp_path / "state.json").exists()
        controller.start()
        controller.step()
        assert ledger.state("r1").halt is None


def test_a_process_that_changes_its_directory_can_halt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Ledger("rollout.sqlite") as ledger:
        controller = Controller(ledger, PLAN, "r1", snapshot="state.json")
        controller.start()
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        os.chdir(elsewhere)
        controller.halt("rain")
        assert ledger.state("r1").halt is not None
    found = read_snapshot(tmp_path / "state.json")
    assert found is not None
    assert found.status is Status.HALTED
    assert list(elsewhere.iterdir()) == []


def test_one_name_for_each_start_of_a_service_makes_no_contradiction(controller: Controller) -> None:
    for user in ("u1", "u2"):
        recorder = Recorder(controller, source="checkout-7")
        state = controller.snapshot()
        assert state is not None
        router = SnapshotRouter(PLAN, "r1", controller.ledger.path.parent / snapshot_name("r1"))
        recorder.add(user, router.route(user), {"errors": False})
        recorder.flush()
    assert not controller.state().invalid


def test_a_batch_that_can_never_be_recorded_is_dropped_counted_and_keeps_no_turn_from_being_taken(
    controller: Controller,
) -> None:
    recorder, stop, said = Recorder(controller), threading.Event(), []
    router = SnapshotRouter(PLAN, "r1", controller.ledger.path.parent / snapshot_name("r1"))
    recorder.add("u1", router.route("u1"), {"errors": 10**5000})

    def told(turn):
        said.append(turn)
        if len(said) == 2:
            recorder.add("u2", router.route("u2"), {"errors": False})
        if len(said) == 3:
            stop.set()

    lead(controller, stop, every=0.001, recorder=recorder, told=told)
    assert isinstance(said[0], HeadgateError)
    assert "1 requests cannot be evidence" in str(said[0])
    assert not any(isinstance(turn, HeadgateError) for turn in said[1:])
    payloads = [event.payload for event in controller.ledger.events("r1") if event.kind == "evidence"]
    assert [payload.get("faults") for payload in payloads] == [{"dropped": 1}]
    assert sum(payloads[0]["faults_of"].values()) == 1


def test_what_waits_is_recorded_in_batches_that_hold_the_ledger_for_a_moment(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate.rollout.recorder._MOST_AT_ONCE", 10)
    recorder = Recorder(controller)
    router = SnapshotRouter(PLAN, "r1", controller.ledger.path.parent / snapshot_name("r1"))
    for number in range(35):
        recorder.add(f"u{number}", router.route(f"u{number}"), {"errors": False})
    recorder.flush()
    tallies = [
        event.payload["tally"]["requests"] for event in controller.ledger.events("r1") if event.kind == "evidence"
    ]
    assert tallies == [10, 10, 10, 5]


def test_a_clock_that_is_set_back_does_not_make_an_old_snapshot_young(
    controller: Controller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall, moment = [time.time()], [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: moment[0])
    router = SnapshotRouter(PLAN, "r1", tmp_path / snapshot_name("r1"), clock=lambda: wall[0])
    assert router.route("u").reason is Reason.ASSIGNED
    moment[0] += 3600.0
    assert router.route("u").reason is Reason.STALE_STATE


def test_a_look_that_hangs_keeps_no_other_request_waiting(controller: Controller, tmp_path: Path, monkeypatch) -> None:
    router = SnapshotRouter(PLAN, "r1", tmp_path / snapshot_name("r1"), poll_seconds=0.001)
    assert router.route("u").reason is Reason.ASSIGNED
    hanging, go_on = threading.Event(), threading.Event()
    exact = read_snapshot

    def hangs(path):
        hanging.set()
        go_on.wait(60.0)
        return exact(path)

    monkeypatch.setattr("headgate.rollout.controller_snapshot.read_snapshot", hangs)
    time.sleep(0.01)
    thread = threading.Thread(target=router.route, args=("u",))
    thread.start()
    assert hanging.wait(30.0)
    assert router.route("u").reason is Reason.ASSIGNED
    go_on.set()
    thread.join(30.0)


def test_a_ledger_of_no_directory_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="directory"):
        Ledger(tmp_path / "none" / "rollout.sqlite")
