"""A service's own mistakes, and clocks: they are counted or told, and end neither the control loop nor a report."""

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from rollout_releases import release_plan, units

from headgate.cli.rollout_report import releases_of
from headgate.errors import HeadgateError, InputError, PlanError, UsageError
from headgate.report.rollout_html import write_releases
from headgate.rollout import Ledger
from headgate.rollout.controller import Controller
from headgate.rollout.controller_snapshot import SnapshotRouter
from headgate.rollout.notify import Notifier
from headgate.rollout.notify_http import Webhook
from headgate.rollout.providers import jsonl
from headgate.rollout.providers.prometheus_fetch import fetch, shown
from headgate.rollout.providers.store import ask, record
from headgate.rollout.recorder import Recorder, lead
from headgate.rollout.router import Router
from headgate.rollout.router_state import Reason, RouterState, Status

NOW = 1_800_000_000.0


@pytest.fixture
def controller(tmp_path: Path):
    with Ledger(tmp_path / "rollout.sqlite") as ledger:
        one = Controller(ledger, release_plan(), "r1", snapshot=tmp_path / "state.json")
        one.start()
        yield one


def routed(controller: Controller, unit: object):
    snapshot = controller.snapshot()
    assert snapshot is not None
    return Router(controller.plan, "r1", snapshot).route(unit, now=snapshot.time)


@pytest.mark.parametrize("metrics", [None, [], "errors"])
def test_a_request_without_metrics_is_dropped_and_counted(controller: Controller, metrics) -> None:
    recorder = Recorder(controller)
    recorder.add("u1", routed(controller, "u1"), metrics)
    recorder.add("u2", routed(controller, "u2"), {"errors": False})
    recorded = recorder.flush()
    assert recorded is not None
    payload = next(event.payload for event in controller.ledger.events("r1") if event.kind == "evidence")
    assert payload["faults"] == {"dropped": 1}


def test_what_a_request_measured_is_kept_as_it_was(controller: Controller) -> None:
    recorder, metrics = Recorder(controller), {"errors": True}
    recorder.add("u1", routed(controller, "u1"), metrics)
    metrics.clear()
    recorder.flush()
    payload = next(event.payload for event in controller.ledger.events("r1") if event.kind == "evidence")
    assert payload["tally"]["good"]["errors"]


@pytest.mark.parametrize("one", [42, b"42", np.str_("42")])
def test_the_recorder_counts_the_units_that_the_router_tells_apart(controller: Controller, one) -> None:
    recorder = Recorder(controller)
    for unit in (one, "42"):
        recorder.add(unit, routed(controller, unit), {"errors": np.bool_(False)})
    recorder.flush()
    payload = next(event.payload for event in controller.ledger.events("r1") if event.kind == "evidence")
    tally = payload["tally"]
    assert (tally["units"], tally["again"], tally["strange"], tally["refused"]) == (1, 1, 0, {})


def test_a_source_that_no_ledger_takes_is_refused_at_once(controller: Controller) -> None:
    with pytest.raises(UsageError, match="source"):
        Recorder(controller, source="a\tb")


def test_an_error_nobody_foresaw_is_told_and_the_next_turn_is_taken(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, stop, said = Recorder(controller), threading.Event(), []

    def flush():
        raise ZeroDivisionError("unforeseen")

    def told(turn):
        said.append(turn)
        monkeypatch.undo()
        if len(said) == 2:
            stop.set()

    monkeypatch.setattr(recorder, "flush", flush)
    lead(controller, stop, every=0.001, recorder=recorder, told=told)
    assert isinstance(said[0], HeadgateError)
    assert "ZeroDivisionError: unforeseen" in str(said[0])
    assert not isinstance(said[1], HeadgateError)


def test_an_error_nobody_foresaw_does_not_end_the_notifications(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, problems, twice = [], [], threading.Event()

    def deliver(*_, **__):
        calls.append(1)
        if len(calls) == 2:
            twice.set()
        raise RuntimeError(f"number {len(calls)}")

    monkeypatch.setattr("headgate.rollout.notify.deliver", deliver)
    webhook = Webhook("https://hooks.example.com/x", b"0123456789abcdef")
    notifier = Notifier(controller.ledger, "r1", webhook, problems.append)
    notifier.wake()
    while not calls:
        twice.wait(0.01)
    notifier.wake()
    assert twice.wait(30)
    notifier.close()
    assert problems[0] == "RuntimeError: number 1"


def test_a_snapshot_with_a_time_beyond_all_numbers_is_no_snapshot(controller: Controller, tmp_path: Path) -> None:
    text = (tmp_path / "state.json").read_text()
    time = text.partition('"time":')[2].partition(",")[0]
    (tmp_path / "state.json").write_text(text.replace(time, "1" + "0" * 400))
    router = SnapshotRouter(controller.plan, "r1", tmp_path / "state.json")
    assert router.route("u").reason is Reason.NO_STATE


def test_a_release_whose_clock_went_back_is_reported(tmp_path: Path) -> None:
    clock = [NOW]
    with Ledger(tmp_path / "rollout.sqlite") as ledger:
        one = Controller(ledger, release_plan(), "r1", clock=lambda: clock[0])
        one.start()
        clock[0] -= 30.0
        recorder = Recorder(one)
        for number in range(50):
            snapshot = one.snapshot()
            assert snapshot is not None
            route = Router(one.plan, "r1", snapshot).route(f"u{number}", now=snapshot.time)
            recorder.add(f"u{number}", route, {"errors": False})
        recorder.flush()
        assert write_releases(tmp_path / "report", releases_of(ledger)).is_file()


@pytest.mark.parametrize(
    "address",
    [
        "HTTP://user:s3cr3t@127.0.0.1:1/metrics",
        "user:s3cr3t@127.0.0.1:1/metrics",
        "https:/user:s3cr3t@127.0.0.1/metrics",
        " http://user:s3cr3t@127.0.0.1/metrics",
        "htps://user:s3cr3t/of@127.0.0.1/metrics",
        "http://user:12/s3cr3t@127.0.0.1/metrics",
    ],
)
def test_a_password_is_not_shown_however_the_address_is_mistyped(address: str) -> None:
    assert "s3cr3t" not in shown(address)
    with pytest.raises((InputError, UsageError)) as caught:
        fetch(address, "--prometheus", 1.0)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_a_host_that_cannot_be_is_a_usage_error(host: str) -> None:
    with pytest.raises(UsageError, match=r"--prometheus: .* will not do"):
        fetch(f"http://{host}/metrics", "--prometheus", 1.0)


@pytest.mark.parametrize("unit", ["u", 10**5000, b"\xff", "\ud800"], ids=["text", "whole", "bytes", "surrogate"])
@pytest.mark.parametrize(
    "value",
    [10**400, -(10**400), 5, 5.5, float("inf"), float("nan"), True, None, "5"],
    ids=["huge", "minus huge", "5", "5.5", "inf", "nan", "true", "null", "text"],
)
def test_no_number_of_a_request_makes_a_router_raise(unit: object, value: object) -> None:
    rules = [
        {"name": "few", "where": {"n": {"lt": 5.5}}, "exclude": True},
        {"name": "some", "where": {"n": {"in": [1, 2.5]}}, "exclude": True},
        {"name": "one", "where": {"n": {"eq": 10**400}}, "sandbox": True},
    ]
    plan = release_plan(segments=rules, sandbox=1)
    state = RouterState("r1", plan.hash, Status.RUNNING, 0, NOW, 20.0)
    route = Router(plan, "r1", state).route(unit, {"n": value}, now=NOW)
    if unit == "u" and value == 10**400:
        assert route.segment == "one"
    if unit == "u" and value == -(10**400):
        assert route.segment == "few"


def test_a_stream_is_held_to_the_release_as_it_stands_and_not_as_it_began(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate.rollout.providers.records.ASK_SECONDS", 0.0)

    def stream():
        for number in range(40):
            if number == 20:
                for stage in (0, 0):
                    controller.record(units(controller.plan, stage, 4_000, window=f"w{number}"))
                assert controller.advance().stage == 1
            snapshot = controller.snapshot()
            assert snapshot is not None
            route = Router(controller.plan, "r1", snapshot).route(f"u{number}", now=snapshot.time)
            # Half of a minute and more after the stream began.
            yield {
                "unit": f"u{number}",
                "version": str(route.version),
                "stage": route.stage,
                "metrics": {"errors": False},
            }

    report = record(controller, stream(), routed_elsewhere=True)
    assert report.refused == {}
    assert report.records == 40


def test_a_time_that_was_in_the_future_when_a_stream_began_is_none_later(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("headgate.rollout.providers.records.ASK_SECONDS", 0.0)
    clock = [NOW]
    with Ledger(tmp_path / "rollout.sqlite") as ledger:
        one = Controller(ledger, release_plan(), "r1", clock=lambda: clock[0])
        one.start()

        def stream():
            for number in range(10):
                clock[0] = NOW + 60.0 * number
                record = {"unit": f"u{number}", "version": "stable", "stage": 0, "metrics": {}, "time": clock[0]}
                yield record

        report = record(one, stream(), routed_elsewhere=True)
        assert report.refused == {}
        late = [{"unit": "u", "version": "stable", "stage": 0, "metrics": {}, "time": clock[0] + 3600.0}]
        with pytest.raises(InputError, match="mend the clock"):
            record(one, late, routed_elsewhere=True)


def test_a_plan_of_more_metrics_than_can_be_counted_is_refused_before_it_starts() -> None:
    many = [{"name": f"m{number}", "kind": "rate", "margin": "10%"} for number in range(63)]
    with pytest.raises(PlanError, match="63 are more than 62"):
        release_plan(metrics=many)
    assert len(release_plan(metrics=many[:62]).metrics) == 62


def test_records_come_through_a_pipe_that_is_named_as_a_file(controller: Controller, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    line = json.dumps({"unit": "u1", "version": "stable", "stage": 0, "metrics": {"errors": False}})
    writing = threading.Thread(target=lambda: pipe.write_text(line + "\n"))
    writing.start()
    asked = ask(controller, routed_elsewhere=True)
    [step] = jsonl.steps(str(pipe), asked)
    writing.join(30.0)
    assert len(step.batch.records) == 1
