"""The controller: one turn at a time, traffic grows on evidence or a person's word, and routers are told."""

from pathlib import Path

import pytest
from rollout_releases import release_plan, units

from headgate.errors import ConflictError, InputError, LedgerError, NotReadyError, PlanError, UsageError
from headgate.gates.canary import CanaryState
from headgate.rollout import Ledger
from headgate.rollout.controller import Controller, Step
from headgate.rollout.controller_snapshot import MAX_AGE_SECONDS, SnapshotRouter, read_snapshot, snapshot_name
from headgate.rollout.controller_turn import reason_of
from headgate.rollout.events import LONGEST_REASON, Action
from headgate.rollout.plan import Plan
from headgate.rollout.router_state import Reason, Status, Version

NOW = 1_800_000_000.0


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Led:
    """A release under a controller, with its clock and its snapshot."""

    def __init__(self, folder: Path, plan: Plan | None = None) -> None:
        self.plan, self.clock, self.path = plan or release_plan(), Clock(), folder / "state.json"
        self.ledger = Ledger(folder / "rollout.sqlite")
        self.controller = self.another("ann")

    def another(self, actor: str, plan: Plan | None = None) -> Controller:
        return Controller(
            self.ledger, plan or self.plan, "r1", actor=actor, snapshot=self.path, clock=lambda: self.clock.now
        )


@pytest.fixture
def led(tmp_path: Path):
    one = Led(tmp_path)
    yield one
    one.ledger.close()


def kinds(led: Led) -> list[str]:
    return [event.kind for event in led.ledger.events("r1")]


def test_a_good_release_goes_from_stage_to_stage_and_is_completed(led: Led) -> None:
    led.controller.start("abc")
    steps = []
    for stage in (0, 1):
        led.controller.record(units(led.plan, stage, 4_000))
        steps.append(led.controller.step())
    steps += [led.controller.step(), led.controller.step()]
    assert [one.step for one in steps] == [Step.ADVANCED, Step.ADVANCED, Step.COMPLETED, Step.WAITED]
    assert kinds(led) == ["registered", "started", "evidence", "advanced", "evidence", "advanced", "completed"]
    state = led.controller.state()
    assert (state.status, state.stage, state.version) == (Status.COMPLETED, 2, "abc")
    assert led.ledger.verify() == []


def test_a_turn_without_evidence_waits_says_why_and_changes_nothing(led: Led) -> None:
    led.controller.start()
    turn = led.controller.step()
    assert turn.step is Step.WAITED
    assert "errors: no units with this metric in both arms yet" in turn.note
    assert kinds(led) == ["registered", "started"]
    with pytest.raises(NotReadyError, match="inconclusive: 200 units of canary are due"):
        led.controller.advance()


def test_a_canary_that_is_twice_as_bad_is_halted_by_the_next_turn_and_stays_so(led: Led) -> None:
    led.controller.start()
    led.controller.record(units(led.plan, 0, 6_000, worse=3.0))
    turn = led.controller.step()
    assert (turn.step, turn.decision.state) == (Step.HALTED, CanaryState.HALT)
    halt = led.controller.state().halt
    assert halt is not None
    assert halt.reason.startswith("errors is worse than tolerated")
    led.controller.record(units(led.plan, 0, 40_000, seed=1))  # as good as stable, and too late
    assert led.controller.step().step is Step.HALTED
    with pytest.raises(NotReadyError, match="it is halted"):
        led.controller.advance()
    with pytest.raises(ConflictError, match=r"halted.*open a new one"):
        led.controller.start()


def test_invalid_evidence_moves_nothing(led: Led) -> None:
    led.controller.start()
    led.controller.record(units(led.plan, 0, 4_000, window="w"))
    led.controller.record(units(led.plan, 0, 4_000, seed=9, window="w"))
    turn = led.controller.step()
    assert (turn.step, turn.decision.state) == (Step.WAITED, CanaryState.INVALID)
    assert "gave two different batches for 'w'" in turn.note


def test_a_batch_that_comes_again_counts_once(led: Led) -> None:
    led.controller.start()
    recorded = [led.controller.record(units(led.plan, 0, 400)).new for _ in range(3)]
    assert recorded == [True, False, False]
    assert led.controller.state().evidence.arm(200_000, "canary").units == 80


def test_a_stage_that_must_last_is_not_left_before(tmp_path: Path) -> None:
    led = Led(tmp_path, release_plan(dwell="10m"))
    led.controller.start()
    led.controller.record(units(led.plan, 0, 4_000))
    led.clock.now += 599.0
    assert "600 s in this stage are due" in led.controller.step().note
    led.clock.now += 1.0
    assert led.controller.step().step is Step.ADVANCED
    led.ledger.close()


@pytest.mark.parametrize("days", [-1.0, 1.0])
def test_a_clock_a_day_off_moves_no_stage_too_soon_and_keeps_nobody_out(tmp_path: Path, days: float) -> None:
    led = Led(tmp_path, release_plan(dwell="48h"))
    led.controller.start()
    led.controller.record(units(led.plan, 0, 4_000))
    led.clock.now += days * 86_400.0
    assert led.controller.status().state.dwelt(led.clock.now) == max(0.0, days * 86_400.0)
    assert led.controller.step().step is Step.WAITED
    led.controller.override("advance", "the clock is mended", led.clock.now + 60.0)
    assert led.another("bob").step().step is Step.ADVANCED  # the lease of the other clock keeps nobody out
    assert led.another("bob").halt("the clock is off again").kind == "halted"
    snapshot = read_snapshot(led.path)
    assert snapshot is not None
    assert snapshot.status is Status.HALTED
    led.ledger.close()


def test_an_override_moves_the_release_once_and_changes_no_verdict(led: Led) -> None:
    led.controller.start()
    led.controller.override(Action.ADVANCE, "night traffic is too thin", NOW + 3_600.0)
    turn = led.controller.step()
    assert (turn.step, turn.decision.state) == (Step.ADVANCED, CanaryState.INCONCLUSIVE)
    assert led.controller.step().step is Step.WAITED
    last = list(led.ledger.events("r1"))[-1]
    assert (last.payload["override"], last.payload["decision"]) == (3, "inconclusive")
    assert led.controller.evaluate().state is CanaryState.INCONCLUSIVE


def test_an_override_that_has_expired_moves_nothing(led: Led) -> None:
    led.controller.start()
    led.controller.override("advance", "night traffic is too thin", NOW + 60.0)
    led.clock.now += 60.0
    assert led.controller.step().step is Step.WAITED
    assert led.controller.state().override_at(led.clock.now) is None


def test_a_word_to_hold_holds_what_has_passed_until_it_expires(led: Led) -> None:
    led.controller.start()
    led.controller.record(units(led.plan, 0, 4_000))
    led.controller.override("hold", "sale until Monday", NOW + 60.0)
    turn = led.controller.step()
    assert (turn.step, turn.decision.state) == (Step.WAITED, CanaryState.PASS)
    assert turn.note == "ann says to hold: sale until Monday"
    led.clock.now += 60.0
    assert led.controller.step().step is Step.ADVANCED


def test_no_word_undoes_a_halt_or_holds_one_up(led: Led) -> None:
    led.controller.start()
    led.controller.override("hold", "wait", NOW + 60.0)
    led.controller.record(units(led.plan, 0, 6_000, worse=3.0))
    assert led.controller.step().step is Step.HALTED
    led.controller.override("advance", "but I want to", NOW + 60.0)
    assert led.controller.step().step is Step.HALTED
    assert led.controller.state().stage == 0


@pytest.mark.parametrize("expires", [NOW, NOW - 1.0, float("inf"), float("nan")])
def test_an_override_without_a_proper_end_is_refused(led: Led, expires: float) -> None:
    led.controller.start()
    with pytest.raises(UsageError, match="expires"):
        led.controller.override("advance", "for ever", expires)


def test_starting_twice_changes_nothing_and_another_plan_or_version_is_refused(led: Led) -> None:
    led.controller.start("abc")
    led.controller.start("abc")
    assert kinds(led) == ["registered", "started"]
    with pytest.raises(PlanError):
        led.another("bob").start("def")
    with pytest.raises(PlanError):
        led.another("bob", release_plan(alpha=0.01)).start("abc")
    with pytest.raises(PlanError, match="not the one it was registered with"):
        led.another("bob", release_plan(alpha=0.01)).state()


def test_a_release_that_is_not_there_is_named(led: Led) -> None:
    for call in (led.controller.status, led.controller.step, lambda: led.controller.halt("rain")):
        with pytest.raises((InputError, LedgerError), match="'r1'"):
            call()
    with pytest.raises(UsageError, match="a plan is needed to start it"):
        Controller(led.ledger, None, "r1").start()
    assert led.controller.snapshot() is None
    assert not led.path.exists()


def test_a_controller_without_a_plan_takes_the_registered_one(led: Led) -> None:
    led.controller.start()
    found = Controller(led.ledger, None, "r1").plan
    assert (found.hash, found.policy) == (led.plan.hash, led.plan.policy)


def test_routers_follow_the_snapshot_and_distrust_an_old_one(led: Led) -> None:
    router = SnapshotRouter(led.plan, "r1", led.path, poll_seconds=0.0, clock=lambda: led.clock.now)
    ids = [f"u{n}" for n in range(500)]

    def canary() -> float:
        return sum(router.route(one).version is Version.CANARY for one in ids) / len(ids)

    assert canary() == 0.0
    led.controller.start()
    assert 0.15 < canary() < 0.25
    led.controller.record(units(led.plan, 0, 4_000))
    led.controller.step()
    assert 0.43 < canary() < 0.57
    led.clock.now += MAX_AGE_SECONDS + 1.0
    assert canary() == 0.0
    led.controller.publish()
    assert 0.43 < canary() < 0.57
    led.controller.halt("rain")
    assert canary() == 0.0
    assert router.route("u1").reason is Reason.HALTED


def test_every_release_has_a_snapshot_of_its_own_that_a_file_can_be_called() -> None:
    assert snapshot_name("checkout-42") == "router-state-checkout-42.json"
    names = [snapshot_name(one) for one in ("a/b", "a_b", "a b", "\u00e9", "\u00fc", "x" * 200, "x" * 199, "../a")]
    assert len(set(names)) == len(names)
    assert all(name.isascii() and len(name) < 140 and "/" not in name for name in names)


def test_whatever_a_metric_is_called_its_halt_is_recorded(tmp_path: Path) -> None:
    name = "errors\x1b[2J" + "x" * 3_000
    metrics = [{"name": name, "kind": "rate", "margin": "100%"}]
    led = Led(tmp_path, release_plan(metrics=metrics))
    led.controller.start()
    batch = units(release_plan(), 0, 6_000, worse=3.0)
    stages = {
        ppm: {arm: type(one)(one.units, {name: one.metrics["errors"]}) for arm, one in arms.items()}
        for ppm, arms in batch.evidence.stages.items()
    }
    led.controller.record(type(batch)("tests", "w", type(batch.evidence)(stages)))
    turn = led.controller.step()
    assert turn.step is Step.HALTED
    halt = led.controller.state().halt
    assert halt is not None
    assert halt.reason == reason_of(turn.decision)
    assert halt.reason.startswith("errors?[2Jxxx")
    assert len(halt.reason) == LONGEST_REASON
    led.ledger.close()
