"""The ledger: compare and swap, leases, halts that win, and edits that show."""

import json
import os
import sqlite3
import stat
import threading
from pathlib import Path

import jsonschema
import pytest
from rollout_plans import NOW, batch, plan

from headgate.errors import (
    ConflictError,
    InputError,
    LedgerError,
    LedgerTamperedError,
    PlanError,
    UnknownReleaseError,
    UsageError,
)
from headgate.rollout import Ledger, events
from headgate.rollout.ledger_rows import Head
from headgate.rollout.router_state import Status

ROOT = Path(__file__).resolve().parents[2]
WHO = {"actor": "ann", "time": NOW}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rollout.sqlite"


def begun(path: Path, batches: int = 0) -> Ledger:
    ledger = Ledger(path)
    ledger.append("r1", events.registered(plan(), version="abc", **WHO))
    lease = ledger.take_lease("r1", "c1", now=NOW, seconds=60)
    ledger.append("r1", events.started(**WHO), expected_seq=1, lease=lease)
    if batches:
        ledger.append_many("r1", [events.evidence("a", f"w{n}", batch(n), **WHO) for n in range(batches)])
    return ledger


def edit(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


def test_the_file_is_its_owners_alone_and_so_are_its_companions(path: Path) -> None:
    with begun(path):
        for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
            assert stat.S_IMODE(name.stat().st_mode) == 0o600


def test_it_is_written_ahead_and_fully_synced(path: Path) -> None:
    with Ledger(path) as ledger, ledger.transaction() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_what_was_recorded_is_there_for_the_next_reader(path: Path) -> None:
    begun(path, 3).close()
    with Ledger(path, create=False) as ledger:
        state = ledger.state("r1")
        assert (state.status, state.stage, state.seq, state.batches) == (Status.RUNNING, 0, 5, 3)
        assert (state.version, state.plan_hash) == ("abc", plan().hash)
        assert ledger.head("r1") == (state.seq, state.head)
        assert ledger.releases() == ["r1"]
        assert ledger.verify() == []


def test_every_event_is_what_its_schema_says(path: Path) -> None:
    schema = json.loads((ROOT / "docs" / "schemas" / "rollout-event-1.schema.json").read_text())
    with begun(path, 1) as ledger:
        ledger.append("r1", events.override("hold", "a fair", NOW + 9, **WHO))
        ledger.halt("r1", events.halted("rain", **WHO))
        kinds = []
        for event in ledger.events("r1"):
            jsonschema.validate(event.to_json(), schema)
            kinds.append(event.kind)
    assert kinds == ["registered", "started", "evidence", "override", "halted"]


@pytest.mark.parametrize("page", [1, 2, 3, 7, 8, 256])
def test_events_are_read_in_pages_and_none_is_lost_or_twice(
    path: Path, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate.rollout.ledger._PAGE", page)
    with begun(path, 5) as ledger, Ledger(path) as other:
        found = []
        for event in ledger.events("r1"):
            found.append(event.seq)
            if event.seq == 1:  # nobody is held up by whoever reads
                other.append("r1", events.override("hold", "a fair", NOW + 9, **WHO))
        assert found in ([*range(1, 8)], [*range(1, 9)])
        assert [event.seq for event in ledger.events("r1")] == [*range(1, 9)]
        assert [event.seq for event in ledger.events("r1", 6)] == [7, 8]


def test_a_second_writer_who_decided_on_an_old_state_is_refused(path: Path) -> None:
    with begun(path, 1) as ledger, Ledger(path) as other:
        lease = other.take_lease("r1", "c1", now=NOW, seconds=60)
        with pytest.raises(ConflictError, match="at event 3, not 2"):
            other.append("r1", events.advanced(0, **WHO), expected_seq=2, lease=lease)
        assert ledger.head("r1").seq == 3


def test_a_controller_that_lost_its_lease_cannot_move_traffic(path: Path) -> None:
    with begun(path) as ledger:
        old = ledger.take_lease("r1", "c1", now=NOW, seconds=60)
        with pytest.raises(ConflictError, match="'c1' holds the lease for another 30 s"):
            ledger.take_lease("r1", "c2", now=NOW + 30, seconds=60)
        new = ledger.take_lease("r1", "c2", now=NOW + 60, seconds=60)
        assert new.epoch > old.epoch
        with pytest.raises(ConflictError, match="held by 'c2'"):
            ledger.append("r1", events.advanced(0, **WHO), expected_seq=2, lease=old)
        event = ledger.append("r1", events.advanced(0, **WHO), expected_seq=2, lease=new)
        assert event is not None
        assert event.payload["epoch"] == new.epoch


def test_what_moves_traffic_needs_a_lease_and_the_state_decided_on(path: Path) -> None:
    with begun(path) as ledger:
        lease = ledger.take_lease("r1", "c1", now=NOW, seconds=60)
        with pytest.raises(UsageError, match="expected_seq"):
            ledger.append("r1", events.advanced(0, **WHO), lease=lease)
        with pytest.raises(ConflictError, match="takes the lease"):
            ledger.append("r1", events.advanced(0, **WHO), expected_seq=2)
        ledger.drop_lease(lease)
        with pytest.raises(ConflictError, match="held by nobody"):
            ledger.append("r1", events.advanced(0, **WHO), expected_seq=2, lease=lease)
        assert ledger.take_lease("r1", "c2", now=NOW, seconds=60).epoch > lease.epoch


@pytest.mark.parametrize(("holder", "now", "seconds"), [("", NOW, 1), ("c", float("nan"), 1), ("c", NOW, 0)])
def test_a_lease_without_a_name_or_a_time_is_refused(path: Path, holder: str, now: float, seconds: float) -> None:
    with begun(path) as ledger, pytest.raises(UsageError, match="lease"):
        ledger.take_lease("r1", holder, now=now, seconds=seconds)


def test_a_halt_is_not_held_up_by_a_reader_and_shows_to_the_next_one(path: Path) -> None:
    with begun(path, 3) as reader, Ledger(path) as anyone, reader._file.reading() as connection:
        connection.execute("SELECT count(*) FROM event").fetchone()
        anyone.halt("r1", events.halted("errors", **WHO))
        assert reader.state("r1").status is Status.RUNNING  # the moment it began to read
    with Ledger(path) as after:
        assert after.state("r1").status is Status.HALTED


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_a_day_off_keeps_nobody_out_and_lets_nobody_in_twice(path: Path, days: int) -> None:
    with begun(path) as ledger:
        old = ledger.take_lease("r1", "c1", now=NOW, seconds=60)
        new = ledger.take_lease("r1", "c2", now=NOW + days * 86_400, seconds=60)
        with pytest.raises(ConflictError):
            ledger.append("r1", events.advanced(0, **WHO), expected_seq=2, lease=old)
        ledger.append("r1", events.advanced(0, actor="c2", time=NOW + days * 86_400), expected_seq=2, lease=new)
        assert ledger.state("r1").stage == 1


def test_a_halt_needs_no_lease_and_no_state_and_nothing_moves_after_it(path: Path) -> None:
    with begun(path, 2) as ledger, Ledger(path) as anyone:
        lease = ledger.take_lease("r1", "c1", now=NOW, seconds=60)
        halt = anyone.halt("r1", events.halted("errors", actor="on call", time=NOW - 86_400))
        for draft in (events.advanced(0, **WHO), events.completed(**WHO), events.started(**WHO)):
            with pytest.raises(ConflictError, match=r"halted \(errors\)"):
                ledger.append("r1", draft, expected_seq=halt.seq, lease=lease)
        assert ledger.halt("r1", events.halted("again", **WHO)) == halt
        ledger.append("r1", events.evidence("a", "late", batch(9), **WHO))
        state = ledger.state("r1")
        assert (state.status, state.stage, state.batches) == (Status.HALTED, 0, 3)


def test_a_halt_of_a_release_that_is_not_there_says_so(path: Path) -> None:
    with begun(path) as ledger:
        with pytest.raises(UnknownReleaseError, match=r"no release 'r2'; it has: r1; check the name"):
            ledger.halt("r2", events.halted("errors", **WHO))
        with pytest.raises(UsageError, match="halt"):
            ledger.append("r1", events.halted("errors", **WHO))
        with pytest.raises(UsageError, match="no halt"):
            ledger.halt("r1", events.completed(**WHO))


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM event WHERE seq > 3", "event 4 is missing"),
        ("UPDATE event SET payload = '{}' WHERE seq = 1", "event 1 (registered) was changed"),
        ("UPDATE event SET seq = 6 WHERE seq = 5", "event 5 is missing"),
    ],
)
def test_a_halt_is_recorded_in_an_edited_ledger_and_the_edit_still_shows(
    path: Path, statement: str, found: str
) -> None:
    with begun(path, 3) as ledger:
        edit(path, statement)
        halt = ledger.halt("r1", events.halted("it was edited", **WHO))
        assert halt.kind == "halted"
        assert any(found in line for line in ledger.verify())
        with pytest.raises(LedgerTamperedError):
            ledger.state("r1")


def test_a_halt_is_recorded_where_the_head_was_removed(path: Path) -> None:
    with begun(path, 3) as ledger:
        edit(path, "DELETE FROM head")
        assert ledger.halt("r1", events.halted("it was edited", **WHO)).seq == 6
        assert ledger.state("r1").status is Status.HALTED


def test_nothing_is_recorded_after_an_edit_of_the_end(path: Path) -> None:
    with begun(path, 3) as ledger:
        edit(path, "DELETE FROM event WHERE seq > 3")
        with pytest.raises(LedgerTamperedError):
            ledger.append("r1", events.evidence("a", "w9", batch(9), **WHO))


def test_a_plan_is_registered_once_and_a_changed_one_is_a_new_release(path: Path) -> None:
    with begun(path) as ledger:
        assert ledger.append("r1", events.registered(plan(), version="abc", **WHO)) is None
        for draft in (
            events.registered(plan(minimum_units=101), version="abc", **WHO),
            events.registered(plan(), version="abd", **WHO),
        ):
            with pytest.raises(PlanError, match="a change is a new release"):
                ledger.append("r1", draft)
        ledger.append("r2", events.registered(plan(minimum_units=101), version="abc", **WHO))
        assert ledger.state("r2").batches == 0
        assert ledger.state("r2").seq == 1


def test_an_event_that_makes_no_sense_is_refused(path: Path) -> None:
    with begun(path) as ledger:
        lease = ledger.take_lease("r1", "c1", now=NOW, seconds=60)
        for draft in (events.started(**WHO), events.advanced(1, **WHO), events.completed(**WHO)):
            with pytest.raises(LedgerError, match="cannot be"):
                ledger.append("r1", draft, expected_seq=2, lease=lease)
        with pytest.raises(UnknownReleaseError, match="no release 'r9'"):
            ledger.append("r9", events.evidence("a", "w", batch(), **WHO))
        assert ledger.head("r1").seq == 2


def test_a_batch_that_comes_again_is_not_recorded_again(path: Path) -> None:
    with begun(path, 3) as ledger:
        assert ledger.append("r1", events.evidence("a", "w1", batch(1), actor="other", time=NOW + 9)) is None
        drafts = [events.evidence("a", f"w{n}", batch(n), **WHO) for n in (4, 1, 4, 5)]
        assert [event.payload["window"] for event in ledger.append_many("r1", drafts)] == ["w4", "w5"]
        assert ledger.state("r1").batches == 5


def test_a_window_with_another_content_is_recorded_and_invalidates(path: Path) -> None:
    with begun(path, 3) as ledger:
        assert ledger.append("r1", events.evidence("a", "w1", batch(7), **WHO)) is not None
        assert "two different batches" in ledger.state("r1").invalid[0]
        assert ledger.verify() == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE event SET payload = replace(payload, '\"units\":20', '\"units\":21') WHERE seq = 3", "event 3"),
        ("UPDATE event SET payload = payload || ' ' WHERE seq = 3", "event 3"),
        ("UPDATE event SET actor = 'bob' WHERE seq = 2", "event 2 (started) was changed"),
        ("UPDATE event SET time = time + 1 WHERE seq = 2", "event 2"),
        ("UPDATE event SET kind = 'completed' WHERE seq = 2", "event 2"),
        ("UPDATE event SET hash = prev_hash WHERE seq = 4", "event 4"),
        ("UPDATE event SET release = 'r2' WHERE seq = 5", "the last event is 4"),
        ("DELETE FROM event WHERE seq = 3", "event 3 is missing"),
        ("DELETE FROM event WHERE seq = 5", "events were removed"),
        ("DELETE FROM event", "events were removed"),
        ("UPDATE event SET seq = 13 - seq WHERE seq IN (3, 4)", "event 3 is missing"),
        ("DELETE FROM head", "nothing was recorded last"),
    ],
)
def test_an_edited_removed_or_reordered_row_is_found(path: Path, statement: str, found: str) -> None:
    ledger = begun(path, 3)
    known = ledger.state("r1")
    edit(path, statement)
    assert any(found in line for line in ledger.verify("r1")) or any(found in line for line in ledger.verify())
    with pytest.raises(LedgerTamperedError, match="edited and proves nothing"):
        ledger.state("r1")
    ledger.close()
    assert known.seq == 5


def test_two_rows_that_changed_places_are_found(path: Path) -> None:
    with begun(path, 3) as ledger:
        for statement in ("seq = 99 WHERE seq = 3", "seq = 3 WHERE seq = 4", "seq = 4 WHERE seq = 99"):
            edit(path, f"UPDATE event SET {statement}")
        assert any("does not follow" in line for line in ledger.verify())
        with pytest.raises(LedgerTamperedError):
            ledger.state("r1")


def test_a_chain_made_again_is_found_by_a_head_that_was_kept_elsewhere(path: Path, tmp_path: Path) -> None:
    with begun(path, 3) as ledger, begun(tmp_path / "other.sqlite", 4) as other:
        anchor = ledger.head("r1")
        assert ledger.verify("r1", anchor=anchor) == []
        assert ledger.verify("r1", anchor=Head(2, anchor.hash)) != []
        assert other.verify("r1") == []
        assert other.verify("r1", anchor=Head(9, "f" * 64)) != []


def test_a_trigger_in_the_file_is_found(path: Path) -> None:
    with begun(path) as ledger:
        edit(path, "CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM event WHERE seq = 99; END")
        assert any("trigger" in line for line in ledger.verify())


def test_a_state_is_continued_only_from_an_event_that_is_still_there(path: Path) -> None:
    with begun(path, 3) as ledger:
        known = ledger.state("r1")
        ledger.append("r1", events.evidence("a", "w9", batch(9), **WHO))
        assert ledger.state("r1", known).evidence == ledger.state("r1").evidence
        assert ledger.state("r1", known).seq == 6
        edit(path, f"UPDATE event SET hash = '{'0' * 64}' WHERE seq = 5")
        with pytest.raises(LedgerTamperedError, match="event 5 is not the one that was there before"):
            ledger.state("r1", known)


def test_a_full_disk_records_nothing_and_the_ledger_goes_on_when_there_is_room(path: Path) -> None:
    with begun(path, 3) as ledger:
        connection = ledger._file.connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        lease = ledger.take_lease("r1", "c1", now=NOW, seconds=60)
        before = ledger.head("r1")
        many = [events.evidence("a", f"x{n}", batch(n), **WHO) for n in range(200)]
        with pytest.raises(LedgerError, match="the disk is full: nothing was recorded"):
            ledger.append_many("r1", many)
        with pytest.raises(LedgerError, match="the disk is full"):
            ledger.append("r1", events.advanced(0, **WHO, note="x" * 20_000), expected_seq=before.seq, lease=lease)
        assert ledger.head("r1") == before
        assert ledger.state("r1").stage == 0
        assert ledger.verify() == []
        connection.execute("PRAGMA max_page_count = 100000")
        assert len(ledger.append_many("r1", many)) == 200
        assert ledger.verify() == []


def test_a_block_is_recorded_whole_or_not_at_all(path: Path) -> None:
    with begun(path) as ledger:
        with ledger.transaction() as connection:
            connection.execute("CREATE TABLE seen (unit TEXT PRIMARY KEY)")
        with pytest.raises(RuntimeError, match="crash"), ledger.transaction() as connection:  # noqa: PT012 -- the block is the claim
            connection.execute("INSERT INTO seen VALUES ('u1')")
            ledger.append("r1", events.evidence("a", "w", batch(), **WHO))
            raise RuntimeError("crash")
        assert ledger.head("r1").seq == 2
        with ledger.transaction() as connection:
            connection.execute("INSERT INTO seen VALUES ('u1')")
            ledger.append("r1", events.evidence("a", "w", batch(), **WHO))
        assert ledger.head("r1").seq == 3
        assert ledger.verify() == []


def test_threads_share_one_ledger(path: Path) -> None:
    with begun(path) as ledger:
        failures: list[BaseException] = []

        def write(name: str) -> None:
            try:
                for number in range(20):
                    ledger.append("r1", events.evidence(name, f"w{number}", batch(number), **WHO))
            except BaseException as error:  # noqa: BLE001 -- shown by the main thread
                failures.append(error)

        threads = [threading.Thread(target=write, args=(f"t{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert ledger.state("r1").batches == 80
        assert ledger.verify() == []


def test_wrong_files_are_refused_with_what_to_do(tmp_path: Path) -> None:
    text = tmp_path / "plan.toml"
    text.write_text("[rollout]\n" * 100)
    other = tmp_path / "other.sqlite"
    edit(other, "CREATE TABLE t (x)")
    newer = tmp_path / "newer.sqlite"
    Ledger(newer).close()
    edit(newer, "PRAGMA user_version = 2")
    cases = [
        (text, "not an SQLite file"),
        (other, "not a release's ledger"),
        (newer, "newer than 1, which this headgate reads"),
        (tmp_path, "a directory"),
        (tmp_path / "none" / "x.sqlite", "directory does not exist"),
        (tmp_path / "a\0b", "cannot be used"),
    ]
    for path, message in cases:
        with pytest.raises(InputError, match=message):
            Ledger(path)
    with pytest.raises(InputError, match="no such ledger"):
        Ledger(tmp_path / "none.sqlite", create=False)
    assert not (tmp_path / "none.sqlite").exists()
    assert text.read_text() == "[rollout]\n" * 100


def test_a_file_without_rights_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rights are taken away by hand where the tests run as root, whom no mode keeps out."""
    begun(path).close()
    path.chmod(0)
    if os.geteuid() == 0:
        monkeypatch.setattr(os, "open", _refused)
    with pytest.raises(InputError, match="rights"):
        Ledger(path)


def _refused(path: object, *_args: object) -> int:
    raise PermissionError(13, "Permission denied", path)


def test_a_damaged_file_is_no_evidence(path: Path) -> None:
    begun(path, 50).close()
    data = bytearray(path.read_bytes())
    for place in range(4096 * 2, len(data), 4096):
        data[place : place + 64] = b"\xff" * 64
    path.write_bytes(bytes(data))
    with Ledger(path) as ledger, pytest.raises(LedgerTamperedError, match=r"damaged|edited"):
        ledger.state("r1")
