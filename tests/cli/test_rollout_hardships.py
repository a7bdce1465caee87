"""What comes to a release's commands from outside: any words, any path, any ledger; a halt is recorded all the same."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from rollout_releases import PLAN_TOML, headgate

from headgate.errors import InputError
from headgate.rollout import Ledger
from headgate.rollout.controller import Controller
from headgate.rollout.controller_snapshot import read_snapshot, snapshot_name
from headgate.rollout.events import chain_hash
from headgate.rollout.router_state import Status

ESCAPE = "\x1b]0;other title\x07\x1b[31m"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "headgate.toml").write_text(PLAN_TOML)
    assert headgate("rollout", "start", "r1").code == 0
    return tmp_path


def halted() -> bool:
    with Ledger("rollout.sqlite") as ledger:
        snapshot = read_snapshot(snapshot_name("r1"))
        return ledger.state("r1").halt is not None and snapshot is not None and snapshot.status is Status.HALTED


@contextlib.contextmanager
def sql():
    connection = sqlite3.connect("rollout.sqlite")
    with connection:
        yield connection
    connection.close()


def rehashed(seq: int, **columns: object) -> None:
    """Edit one event and hash it anew, as someone would who can write the file."""
    with sql() as connection:
        for name, value in columns.items():
            connection.execute(f"UPDATE event SET {name} = ? WHERE seq = ?", (value, seq))
        query = "SELECT release, seq, prev_hash, time, actor, kind, payload FROM event WHERE seq = ?"
        *row, payload = connection.execute(query, (seq,)).fetchone()
        digest = chain_hash(tuple(row), payload.encode())
        connection.execute("UPDATE event SET hash = ? WHERE seq = ?", (digest, seq))
        connection.execute("UPDATE head SET hash = ? WHERE seq = ?", (digest, seq))


@pytest.mark.parametrize("reason", ["a\tb", ESCAPE, "x" * 5000, "caf\udce9", " ", "lines\nof\na log"])
def test_whatever_the_reason_looks_like_the_halt_is_recorded(reason: str) -> None:
    said = headgate("rollout", "halt", "r1", "--reason", reason)
    assert (said.code, said.err, said.out) == (0, "", "r1: halted\n")
    assert halted()


def test_whoever_halts_the_halt_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "a\tb")
    assert headgate("rollout", "halt", "r1", "--reason", "x").code == 0
    assert halted()


def test_a_service_halts_with_an_errors_own_words(here: Path) -> None:
    with Ledger("rollout.sqlite") as ledger:
        Controller(ledger, None, "r1", snapshot=here / snapshot_name("r1")).halt(f"{ValueError('a' * 3000 + chr(9))}")
    assert halted()


def test_a_snapshot_that_cannot_be_written_is_told_of_and_the_halt_is_recorded() -> None:
    said = headgate("rollout", "halt", "r1", "--reason", "x", "--snapshot", f"{'d' * 400}/state.json")
    assert said.code == 0
    assert said.out == "r1: halted\n"
    assert "warning: halted and recorded, but" in said.err
    with Ledger("rollout.sqlite") as ledger:
        assert ledger.state("r1").halt is not None


@pytest.mark.parametrize(
    "snapshot", ["rollout.sqlite", "./rollout.sqlite", "link", "headgate.toml", "plan.toml", "other.json", "copy.toml"]
)
def test_a_snapshot_in_the_place_of_a_ledger_or_a_plan_destroys_nothing_and_the_halt_is_recorded(snapshot: str) -> None:
    Path("link").symlink_to("rollout.sqlite")
    Path("copy.toml").symlink_to("plan.toml")
    Path("plan.toml").write_text(PLAN_TOML)
    Path("other.json").write_text('{"schema": "headgate.verdict/1"}')
    said = headgate("rollout", "halt", "r1", "--reason", "rain", "--snapshot", snapshot)
    assert said.code == 2
    assert f"--snapshot: {snapshot} is " in said.err
    assert "would be overwritten; give another file. The halt is recorded, and router-state-r1.json says so" in said.err
    assert halted()
    assert Path("headgate.toml").read_text() == Path("plan.toml").read_text() == PLAN_TOML
    assert Path("other.json").read_text() == '{"schema": "headgate.verdict/1"}'


@pytest.mark.parametrize("taken", ["rollout.sqlite", "router-state-r1.json"])
def test_a_json_in_the_place_of_the_ledger_or_the_snapshot_is_refused_once_the_halt_is_recorded(taken: str) -> None:
    said = headgate("rollout", "halt", "r1", "--reason", "rain", "--json", taken)
    assert (said.code, said.out) == (2, "r1: halted\n")
    assert f"{taken}" in said.err
    assert said.err.endswith("The halt is recorded, and router-state-r1.json says so\n")
    assert halted()


def test_routers_are_told_of_a_halt_before_anything_looks_at_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []

    def looked_at(*_: object, **__: object) -> None:
        told.append(read_snapshot("s.json").status)  # type: ignore[union-attr]  # written below
        raise InputError("the disk hangs")

    Path("s.json").write_bytes(Path(snapshot_name("r1")).read_bytes())
    monkeypatch.setattr("headgate.cli.rollout_common.open_ledger", looked_at)
    monkeypatch.setattr("os.path.samefile", looked_at)
    said = headgate("rollout", "halt", "r1", "--reason", "x", "--snapshot", "s.json", "--json", "j.json")
    assert said.code == 2
    assert told == [Status.HALTED]


def test_where_the_json_cannot_be_written_the_halt_is_said_first() -> None:
    said = headgate("rollout", "halt", "r1", "--reason", "x", "--json", "headgate.toml/no.json")
    assert said.code == 2
    assert said.out == "r1: halted\n"
    assert "cannot be written" in said.err
    assert "The halt is recorded" in said.err
    assert halted()


@pytest.mark.parametrize("host", ["hooks..example.com", "a" * 64 + ".example.com"])
def test_a_webhook_at_no_possible_host_keeps_no_halt_from_being_recorded(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_WEBHOOK_URL", f"https://{host}/x")
    monkeypatch.setenv("HEADGATE_WEBHOOK_SECRET", "0123456789abcdef0123")
    said = headgate("rollout", "halt", "r1", "--reason", "x")
    assert said.code == 0
    assert "halted, but nobody was notified: webhook: the address will not do" in said.err
    assert headgate("rollout", "start", "r2").code == 2


def test_a_damaged_ledger_can_still_be_halted_and_every_reader_says_what_it_is() -> None:
    with sql() as connection:
        connection.execute("UPDATE event SET payload = '{' WHERE seq = 1")
    for command in (("status", "r1"), ("start", "r1"), ("advance", "r1")):
        said = headgate("rollout", *command)
        assert said.code == 4
        assert "the ledger was edited and proves nothing" in said.err
    assert headgate("rollout", "report").code == 0
    assert headgate("rollout", "halt", "r1", "--reason", "x").code == 0
    verified = headgate("rollout", "verify")
    assert verified.code == 4
    assert "event 1 (registered) was changed since it was recorded" in verified.out


@pytest.mark.parametrize(
    ("seq", "payload"),
    [
        (1, "[]"),
        (1, '{"plan": 7, "plan_hash": "x", "version": []}'),
        (1, "{"),
        (2, '{"stage": 0, "from": null, "to": -7}'),
        (2, "[" * 900 + "]" * 900),
    ],
)
def test_a_ledger_that_someone_hashed_anew_proves_nothing_and_ends_in_no_traceback(seq: int, payload: str) -> None:
    rehashed(seq, payload=payload)
    for command in (("status", "r1"), ("report",), ("verify",), ("start", "r1")):
        assert headgate("rollout", *command).code in {0, 2, 3, 4}
    assert headgate("rollout", "status", "r1").code != 0 or seq == 2
    assert headgate("rollout", "halt", "r1", "--reason", "x").code == 0


def test_a_recorded_head_beyond_all_events_keeps_no_halt_out() -> None:
    with sql() as connection:
        connection.execute("UPDATE head SET seq = ?", (2**63 - 1,))
    assert headgate("rollout", "halt", "r1", "--reason", "x").code == 0
    assert "halted" in [row.kind for row in _events()]


def _events():
    with Ledger("rollout.sqlite") as ledger:
        return list(ledger.events("r1"))


def test_names_in_a_ledger_from_elsewhere_cannot_change_the_terminal() -> None:
    with sql() as connection:
        connection.execute("INSERT INTO head VALUES (?, 1, 'x')", (f"{ESCAPE}evil",))
    for command in (("halt", "nope", "--reason", "x"), ("report", "nope")):
        said = headgate("rollout", *command)
        assert said.code in {2, 4}
        assert "evil" in said.err
        assert "\x1b" not in said.err
        assert "\x07" not in said.err


def test_an_empty_file_is_no_ledger_and_stays_as_it_is(here: Path) -> None:
    empty = here / "empty.sqlite"
    empty.touch()
    for command in (("status", "r1"), ("verify",), ("halt", "r1", "--reason", "x"), ("report",)):
        said = headgate("rollout", *command, "--ledger", str(empty))
        assert said.code == 2
        assert "empty, and no ledger" in said.err
    assert empty.stat().st_size == 0


def test_a_ledger_without_any_release_verifies_nothing(here: Path) -> None:
    with Ledger(here / "new.sqlite"):
        pass
    said = headgate("rollout", "verify", "--ledger", "new.sqlite")
    assert said.code == 4
    assert "no release is in it" in said.out


@pytest.mark.parametrize("anchor", ["9" * 5000 + ":" + "0" * 64, "٣:" + "0" * 64, "1:" + "g" * 64])
def test_an_anchor_of_another_form_is_a_usage_error(anchor: str) -> None:
    said = headgate("rollout", "verify", "r1", "--anchor", anchor)
    assert said.code == 2
    assert "--anchor" in said.err


@pytest.mark.parametrize("name", ["benchmarks", "dataset-quality", "ledger"])
def test_a_path_that_no_file_can_have_is_an_error_in_words(name: str) -> None:
    paths = {"benchmarks": "none.json"} | {name: "d" * 400}
    options = [word for option, path in paths.items() for word in (f"--{option}", path)]
    said = headgate("release", "decide", "--canary", "r1", *options)
    assert said.code in {2, 4}
    assert "File name too long" in said.out + said.err


def test_a_secret_that_is_no_text_signs_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_WEBHOOK_URL", "http://127.0.0.1:1/x")
    monkeypatch.setenv("HEADGATE_WEBHOOK_SECRET", "\udcff" * 20)
    monkeypatch.setattr("headgate.rollout.notify.ATTEMPTS", 1)
    said = headgate("rollout", "halt", "r1", "--reason", "x")
    assert said.code == 0
    assert "not sent" in said.err


@pytest.mark.parametrize("plan", ["a = " + "9" * 5000, "[rollout]\n" + '"\\u001b[31m" = 1'])
def test_an_odd_plan_is_an_error_in_plain_words_and_keeps_no_halt_out(here: Path, plan: str) -> None:
    (here / "headgate.toml").write_text(plan)
    said = headgate("rollout", "plan", "headgate.toml", "--stable", "errors=2%")
    assert said.code == 2
    assert "\x1b" not in said.err
    assert headgate("rollout", "halt", "r1", "--reason", "x", "--ledger", "rollout.sqlite").code == 0


def test_a_bundle_whose_hashes_hold_but_whose_values_are_odd_is_an_input_error(here: Path) -> None:
    rehashed(2, time=1e300)
    said = headgate("rollout", "status", "r1", "--evidence", "canary.json")
    if (here / "canary.json").exists():
        said = headgate("verify", "canary.json")
    assert said.code in {2, 4}
