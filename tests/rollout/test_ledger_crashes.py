"""kill -9 at every boundary, and two processes that race: what is left is a prefix, and every promise in it."""

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from rollout_plans import NOW, batch, plan

from headgate.errors import ConflictError
from headgate.rollout import Ledger, events
from headgate.rollout.router_state import Status
from headgate.store.seal import canonical

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

WHO = {"actor": "ann", "time": NOW}


def in_child(work: Callable[[], None]) -> int:
    """Run ``work`` in a forked process; return its process id."""
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        work()
        status = 0
    except BaseException:  # noqa: BLE001 -- the child must not run on as a second pytest
        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(status)


def ended(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def die_before_statement(ledger: Ledger, number: int) -> None:
    """Kill this process before the ``number``-th SQL statement from now on: every boundary has its number."""
    left = number

    def count(_: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    ledger._file.connection.set_trace_callback(count)


def a_release(ledger: Ledger, promised: Callable[[int], None]) -> None:
    """Everything that is ever recorded; ``promised`` is told the seq after each call that returned."""
    lease = ledger.take_lease("r1", "c1", now=NOW, seconds=60)
    ledger.append("r1", events.registered(plan(), **WHO))
    promised(ledger.head("r1").seq)
    ledger.append("r1", events.started(**WHO), expected_seq=1, lease=lease)
    promised(2)
    ledger.append_many("r1", [events.evidence("a", f"w{n}", batch(n), **WHO) for n in range(3)])
    promised(5)
    ledger.append("r1", events.advanced(0, **WHO), expected_seq=5, lease=lease)
    promised(6)
    ledger.append("r1", events.evidence("a", "w9", batch(9), **WHO))
    promised(7)
    ledger.halt("r1", events.halted("errors", **WHO))
    promised(8)


@pytest.mark.slow
def test_after_kill_9_before_any_statement_a_prefix_with_all_that_was_promised_is_left(tmp_path: Path) -> None:
    with Ledger(tmp_path / "whole.sqlite") as whole:
        a_release(whole, lambda _: None)
        whole_events = list(whole.events("r1"))
    number, killed = 0, True
    while killed:
        path, note = tmp_path / f"{number}.sqlite", tmp_path / f"{number}.promised"

        def work(path: Path = path, note: Path = note, number: int = number) -> None:
            with Ledger(path) as ledger:
                die_before_statement(ledger, number)
                a_release(ledger, lambda seq: note.write_text(str(seq)) and None)

        code = ended(in_child(work))
        killed = code == -signal.SIGKILL
        assert code in {0, -signal.SIGKILL}
        promised = int(note.read_text()) if note.exists() else 0
        with Ledger(path) as ledger:
            left = list(ledger.events("r1"))
            state = ledger.state("r1")
            assert ledger.verify() == []
            assert left == whole_events[: len(left)]
            assert len(left) in {0, 1, 2, 5, 6, 7, 8}
            # One more than was noted, if it died between the commit and the note.
            assert promised <= len(left)
            assert state.seq == len(left)
            # The next controller does the same again: nothing is counted twice.
            if len(left) >= 2:
                ledger.append_many("r1", [events.evidence("a", f"w{n}", batch(n), **WHO) for n in (0, 1, 2, 9)])
                assert ledger.state("r1").batches == 4
                assert canonical(ledger.state("r1").evidence.to_json()) == canonical(expected_evidence())
        number += 1
    assert number > 40


def expected_evidence() -> dict:
    from headgate.rollout.fold_sums import add, read

    total = None
    for seed in (0, 1, 2, 9):
        data = batch(seed).to_json()
        total = add(total, data)
    return read(total)


@pytest.mark.slow
def test_a_file_that_was_being_made_at_kill_9_can_be_opened(tmp_path: Path) -> None:
    import sqlite3

    real = sqlite3.connect
    number, killed = 0, True
    while killed:
        path = tmp_path / f"{number}.sqlite"

        def work(path: Path = path, number: int = number) -> None:
            def traced(*args: object, **options: object) -> sqlite3.Connection:
                connection = real(*args, **options)  # type: ignore[call-overload]
                left = number

                def count(_: str) -> None:
                    nonlocal left
                    left -= 1
                    if left < 0:
                        os.kill(os.getpid(), signal.SIGKILL)

                connection.set_trace_callback(count)
                return connection

            sqlite3.connect = traced  # type: ignore[assignment] # in the child alone
            Ledger(path).close()

        killed = ended(in_child(work)) == -signal.SIGKILL
        with Ledger(path) as ledger:
            ledger.append("r1", events.registered(plan(), **WHO))
            assert ledger.verify() == []
        number += 1
    assert number > 10


def test_two_controllers_that_race_advance_once_for_each_stage(tmp_path: Path) -> None:
    path = tmp_path / "rollout.sqlite"
    with Ledger(path) as ledger:
        ledger.append("r1", events.registered(plan(), **WHO))
        lease = ledger.take_lease("r1", "c0", now=NOW, seconds=1)
        ledger.append("r1", events.started(**WHO), expected_seq=1, lease=lease)

    def controller(name: str) -> None:
        clock = NOW
        with Ledger(path) as ledger:
            while (state := ledger.state("r1")).stage != 4:
                clock += 2  # so that the other's lease has always run out: fencing alone keeps them apart
                with contextlib.suppress(ConflictError):
                    lease = ledger.take_lease("r1", name, now=clock, seconds=1)
                    assert state.stage is not None
                    draft = events.advanced(state.stage, actor=name, time=clock)
                    ledger.append("r1", draft, expected_seq=state.seq, lease=lease)

    children = [in_child(lambda name=name: controller(name)) for name in ("c1", "c2")]  # type: ignore[misc]
    assert [ended(child) for child in children] == [0, 0]
    with Ledger(path) as ledger:
        kinds = [event.kind for event in ledger.events("r1")]
        assert kinds == ["registered", "started", *["advanced"] * 4]
        assert ledger.state("r1").invalid == []
        assert ledger.verify() == []


@pytest.mark.slow
def test_a_halt_wins_every_race_with_an_advance(tmp_path: Path) -> None:
    for attempt in range(12):
        path = tmp_path / f"{attempt}.sqlite"
        with Ledger(path) as ledger:
            ledger.append("r1", events.registered(plan(), **WHO))
            lease = ledger.take_lease("r1", "c1", now=NOW, seconds=1)
            ledger.append("r1", events.started(**WHO), expected_seq=1, lease=lease)

        def advance(path: Path = path) -> None:
            with Ledger(path) as ledger, contextlib.suppress(ConflictError):
                lease = ledger.take_lease("r1", "c1", now=NOW, seconds=1)
                for stage in range(4):
                    seq = ledger.head("r1").seq
                    ledger.append("r1", events.advanced(stage, **WHO), expected_seq=seq, lease=lease)

        def halt(path: Path = path) -> None:
            with Ledger(path) as ledger:
                ledger.halt("r1", events.halted("errors", **WHO))

        children = [in_child(work) for work in ((advance, halt) if attempt % 2 else (halt, advance))]
        assert [ended(child) for child in children] == [0, 0]
        with Ledger(path) as ledger:
            kinds = [event.kind for event in ledger.events("r1")]
            assert kinds.count("halted") == 1
            assert kinds[-1] == "halted"
            assert ledger.state("r1").status is Status.HALTED


def test_processes_that_open_a_new_file_at_once_all_get_it(tmp_path: Path) -> None:
    path = tmp_path / "rollout.sqlite"

    def work(name: str) -> None:
        with Ledger(path) as ledger:
            ledger.append("r1", events.registered(plan(), **WHO))
            ledger.append_many("r1", [events.evidence(name, f"w{n}", batch(n), **WHO) for n in range(10)])

    children = [in_child(lambda name=name: work(name)) for name in ("a", "b", "c", "d")]  # type: ignore[misc]
    assert [ended(child) for child in children] == [0, 0, 0, 0]
    with Ledger(path) as ledger:
        assert ledger.state("r1").batches == 40
        assert ledger.head("r1").seq == 41
        assert ledger.verify() == []
