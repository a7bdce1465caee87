"""Requests reach the ledger once, and a turn that fails ends nothing."""

import threading
from pathlib import Path

import pytest
from rollout_plans import plan

from headgate.errors import LedgerError
from headgate.rollout import Controller, Ledger, Recorder, Route, Router, lead
from headgate.rollout.batches import Batch, Recorded
from headgate.rollout.controller_turn import Step, Turn
from headgate.rollout.router_state import Reason, Version

METRICS = {"errors": False, "seconds": 0.1}


@pytest.fixture
def controller(tmp_path: Path):
    with Ledger(tmp_path / "rollout.sqlite") as ledger:
        one = Controller(ledger, plan(stages=[50, 100]), "r1", snapshot=tmp_path / "state.json")
        one.start()
        yield one
        one.close()


def route(controller: Controller, unit: str) -> Route:
    state = controller.snapshot()
    assert state is not None
    return Router(controller.plan, "r1", state).route(unit, now=state.time)


def units(controller: Controller) -> int:
    return sum(arm.units for arms in controller.state().evidence.stages.values() for arm in arms.values())


def test_what_threads_add_is_recorded_once_as_units(controller: Controller) -> None:
    recorder = Recorder(controller)
    routes = {f"u{number}": route(controller, f"u{number}") for number in range(200)}

    def add() -> None:
        for unit, where in routes.items():
            recorder.add(unit, where, METRICS)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    recorded = recorder.flush()
    assert recorded is not None
    assert recorded.tally is not None
    assert (recorded.tally.requests, recorded.tally.units, recorded.tally.again) == (800, 200, 600)
    assert units(controller) == 200
    assert recorder.flush() is None


def test_two_recorders_do_not_take_each_others_windows(controller: Controller) -> None:
    for name in ("u1", "u2"):
        recorder = Recorder(controller)
        recorder.add(name, route(controller, name), METRICS)
        recorded = recorder.flush()
        assert recorded is not None
        assert recorded.new
        assert not recorded.conflict
    assert units(controller) == 2


def test_what_could_not_be_recorded_is_kept_and_recorded_later(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, record = Recorder(controller), controller.record
    recorder.add("u1", route(controller, "u1"), METRICS)

    def failing(batch: Batch) -> Recorded:
        record(batch)  # it was recorded, and the answer was lost
        raise LedgerError("the disk is full")

    monkeypatch.setattr(controller, "record", failing)
    with pytest.raises(LedgerError, match="disk"):
        recorder.flush()
    monkeypatch.setattr(controller, "record", record)
    recorder.add("u2", route(controller, "u2"), METRICS)
    recorded = recorder.flush()
    assert recorded is not None
    assert len([event for event in controller.ledger.events("r1") if event.kind == "evidence"]) == 2  # it had the first
    assert units(controller) == 2
    assert not controller.state().invalid


def test_what_is_too_much_is_dropped_and_the_record_says_how_much(controller: Controller) -> None:
    recorder = Recorder(controller, most=3)
    for number in range(5):
        recorder.add(f"u{number}", route(controller, f"u{number}"), METRICS)
    recorder.flush()
    [event] = [one for one in controller.ledger.events("r1") if one.kind == "evidence"]
    assert event.payload["faults"] == {"dropped": 2}
    assert units(controller) == 3


def test_requests_that_no_stage_routed_are_no_evidence(controller: Controller) -> None:
    recorder = Recorder(controller)
    recorder.add("u1", Route("r1", Version.STABLE, None, None, Reason.HALTED), METRICS)
    assert recorder.flush() is None


def test_leading_goes_on_after_a_turn_that_failed_and_ends_with_a_last_turn(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, stop, told = Recorder(controller), threading.Event(), []
    step = controller.step

    def sometimes() -> Turn:
        if not told:
            raise LedgerError("held by another")
        return step()

    def tell(turn: object) -> None:
        told.append(turn)
        if len(told) == 2:
            recorder.add("u1", route(controller, "u1"), METRICS)
            stop.set()

    monkeypatch.setattr(controller, "step", sometimes)
    lead(controller, stop, every=0.01, recorder=recorder, told=tell)
    assert isinstance(told[0], LedgerError)
    assert [one.step for one in told[1:]] == [Step.WAITED, Step.WAITED]
    assert units(controller) == 1
