"""Two controllers, and whoever halts: the lease keeps them apart, the epoch fences off the slower, a halt wins."""

import threading
from pathlib import Path

import pytest
from rollout_releases import release_plan, units

from headgate.errors import ConflictError, InputError, LedgerError
from headgate.rollout import Ledger, events
from headgate.rollout.controller import LEASE_SECONDS, Controller, Step
from headgate.rollout.controller_snapshot import SnapshotRouter, publish_halt, read_snapshot
from headgate.rollout.router_state import Status, Version

NOW = 1_800_000_000.0
PLAN = release_plan()


OPEN: list[Ledger] = []


@pytest.fixture
def path(tmp_path: Path):
    yield tmp_path / "rollout.sqlite"
    while OPEN:
        OPEN.pop().close()


def controller(ledger: Ledger, actor: str, now: float = NOW) -> Controller:
    snapshot = ledger.path.with_name("state.json")
    return Controller(ledger, PLAN, "r1", actor=actor, snapshot=snapshot, clock=lambda: now)


def started(path: Path, *, ready: bool = True) -> tuple[Controller, Controller]:
    """Two controllers of one release, each with a connection of its own; the first has started it."""
    OPEN.extend([Ledger(path), Ledger(path)])
    one, other = controller(OPEN[-2], "ann"), controller(OPEN[-1], "bob")
    one.start()
    if ready:
        one.record(units(PLAN, 0, 4_000))
    return one, other


def kinds(one: Controller) -> list[str]:
    return [event.kind for event in one.ledger.events("r1")]


def test_a_second_controller_waits_for_the_lease_and_takes_over_when_it_has_run_out(path: Path) -> None:
    one, other = started(path)
    turn = other.step()
    assert turn.step is Step.WAITED
    assert "'ann" in turn.note
    assert "holds the lease for another 30 s" in turn.note
    with Ledger(path) as ledger:
        assert controller(ledger, "cid", NOW + LEASE_SECONDS).step().step is Step.ADVANCED
    assert kinds(one).count("advanced") == 1


def test_a_controller_that_gives_its_lease_back_keeps_nobody_waiting(path: Path) -> None:
    one, other = started(path)
    one.close()
    one.close()
    assert other.step().step is Step.ADVANCED


def test_two_processes_started_alike_do_not_share_a_lease(path: Path) -> None:
    _, _ = started(path)
    with Ledger(path) as ledger:
        assert "holds the lease" in controller(ledger, "ann").step().note


def test_the_slower_of_two_cannot_record_what_it_decided_on_an_older_state(path: Path) -> None:
    slow, fast = started(path)
    decided = slow.status()
    slow.close()
    fast.advance()
    fast.close()
    with pytest.raises(ConflictError, match="somebody was first"):
        slow._advance(decided)
    assert kinds(slow).count("advanced") == 1


def test_a_lease_that_was_lost_is_fenced_off_by_its_epoch(path: Path) -> None:
    slow, _ = started(path)
    state, lease = slow.state(), slow._lease(NOW)
    with Ledger(path) as ledger:
        late = controller(ledger, "cid", NOW + LEASE_SECONDS)
        late._lease(NOW + LEASE_SECONDS)
    with pytest.raises(ConflictError, match="takes the lease, which is held by 'cid"):
        slow.ledger.append("r1", events.advanced(0, actor="ann", time=NOW), expected_seq=state.seq, lease=lease)
    assert kinds(slow).count("advanced") == 0


def test_of_many_controllers_at_once_exactly_one_moves_the_release(path: Path) -> None:
    started(path)[0].close()
    gate, steps, lock = threading.Barrier(6), [], threading.Lock()

    def turn(number: int) -> None:
        with Ledger(path) as ledger:
            mine = controller(ledger, f"c{number}")
            gate.wait()
            found = mine.step().step
            with lock:
                steps.append(found)

    threads = [threading.Thread(target=turn, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(steps) == [Step.ADVANCED] + [Step.WAITED] * 5
    with Ledger(path) as ledger:
        assert [event.kind for event in ledger.events("r1")].count("advanced") == 1


def test_a_halt_between_decision_and_advance_wins_and_the_snapshot_says_so(path: Path) -> None:
    one, other = started(path)
    decided = one.status()
    other.halt("orders are lost")
    with pytest.raises(ConflictError):
        one._advance(decided)
    one.publish()
    snapshot = read_snapshot(path.with_name("state.json"))
    assert snapshot is not None
    assert snapshot.status is Status.HALTED
    assert kinds(one) == ["registered", "started", "evidence", "halted"]


def test_a_halt_needs_no_lease_and_waits_for_no_reader(path: Path) -> None:
    one, other = started(path)
    one._lease(NOW)
    with one.ledger._file.reading():  # somebody reads a long ledger
        assert other.halt("orders are lost").kind == "halted"
    assert one.state().status is Status.HALTED


def test_halting_again_returns_the_halt_in_force(path: Path) -> None:
    one, other = started(path)
    first = one.halt("orders are lost")
    assert other.halt("and again") == first
    assert kinds(one).count("halted") == 1


def test_halts_racing_turns_end_halted_with_a_halted_snapshot(path: Path) -> None:
    one, _ = started(path)
    one.close()
    gate = threading.Barrier(3)

    def run(halts: bool) -> None:
        with Ledger(path) as ledger:
            mine = controller(ledger, "halter" if halts else "stepper")
            gate.wait()
            for _ in range(1 if halts else 10):
                if halts:
                    mine.halt("orders are lost")
                else:
                    mine.step()

    threads = [threading.Thread(target=run, args=(halts,)) for halts in (False, False, True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    snapshot = read_snapshot(path.with_name("state.json"))
    assert snapshot is not None
    assert snapshot.status is Status.HALTED
    recorded = kinds(one)
    assert "advanced" not in recorded[recorded.index("halted") :]
    assert one.ledger.verify() == []


def test_a_ledger_that_was_edited_can_still_be_halted(path: Path) -> None:
    one, other = started(path)
    with one.ledger.transaction() as connection:
        connection.execute("UPDATE event SET payload = '{}' WHERE kind = 'evidence'")
    with pytest.raises(LedgerError):
        other.state()
    assert other.halt("orders are lost").kind == "halted"
    snapshot = read_snapshot(path.with_name("state.json"))
    assert snapshot is not None
    assert snapshot.status is Status.HALTED
    assert one.ledger.verify() != []


def routed(path: Path) -> set[Version]:
    router = SnapshotRouter(PLAN, "r1", path, clock=lambda: NOW)
    return {router.route(f"u{n}").version for n in range(200)}


@pytest.mark.parametrize("damage", [b"not a database at all, but some text of a hundred bytes" * 2, b""])
def test_a_ledger_that_cannot_be_read_keeps_no_traffic_on_the_canary(path: Path, damage: bytes) -> None:
    one, other = started(path)
    state = path.with_name("state.json")
    assert routed(state) == {Version.CANARY, Version.STABLE}
    one.ledger.close()
    other.ledger.close()
    path.write_bytes(damage)
    with pytest.raises((LedgerError, InputError)):
        one.halt("orders are lost")
    assert routed(state) == {Version.STABLE}


def test_on_a_full_disk_the_halt_is_an_error_and_traffic_ceases_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = started(path)
    prepare = Ledger.halt

    def full(ledger: Ledger, release: str, draft: events.Draft) -> events.Event:
        connection = ledger._file.connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return prepare(ledger, release, events.halted("x" * 2_000, actor="ann", time=NOW, note="x" * 50_000))

    monkeypatch.setattr(Ledger, "halt", full)
    with pytest.raises(LedgerError, match="the disk is full: nothing was recorded"):
        one.halt("orders are lost")
    assert routed(path.with_name("state.json")) == {Version.STABLE}
    monkeypatch.undo()
    assert one.state().status is Status.RUNNING
    assert one.halt("orders are lost").kind == "halted"


def test_a_snapshot_that_cannot_be_written_is_removed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started(path)
    state = path.with_name("state.json")

    def full(*_: object) -> None:
        raise InputError("no space left")

    monkeypatch.setattr("headgate.rollout.controller_snapshot.write_snapshot", full)
    publish_halt(state, "r1", PLAN.hash, NOW, 20.0)
    assert not state.exists()
    assert routed(state) == {Version.STABLE}
    state.mkdir()  # what cannot be removed either
    with pytest.raises(InputError, match=r"the halt cannot be written to it .*; remove it, or wait 20 s"):
        publish_halt(state, "r1", PLAN.hash, NOW, 20.0)
