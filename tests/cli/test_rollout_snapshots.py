"""The file that tells routers takes the place of nothing that is no such file; what is refused keeps out no halt."""

import json
from pathlib import Path

import pytest
from rollout_releases import PLAN_TOML, headgate

from headgate.rollout import Ledger, events
from headgate.rollout.controller_snapshot import read_snapshot, snapshot_name
from headgate.rollout.router_state import Status


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "headgate.toml").write_text(PLAN_TOML)
    assert headgate("rollout", "start", "r1").code == 0
    return tmp_path


def says_halted(snapshot: str) -> bool:
    found = read_snapshot(snapshot)
    return found is not None and found.status is Status.HALTED


def test_a_snapshot_in_the_place_of_the_webhooks_secret_leaves_it_and_the_halt_is_recorded(here: Path) -> None:
    Path("secret").touch()  # what is in it does not tell either
    said = headgate(
        "rollout", "halt", "r1", "--reason", "x", "--snapshot", str(here / "secret"), "--webhook-secret-file", "secret"
    )
    assert said.code == 2
    assert "secret is what --webhook-secret-file reads and would be overwritten" in said.err
    assert Path("secret").read_text() == ""
    assert headgate("rollout", "status", "r1").code == 1
    assert says_halted(snapshot_name("r1"))


def test_a_snapshot_of_whatever_age_and_an_empty_file_are_written_anew() -> None:
    Path("old.json").write_text('{ "schema":"headgate.router-state/2", "of": "a later version"}')
    Path("empty.json").touch()
    for name in ("old.json", "empty.json"):
        assert headgate("rollout", "halt", "r1", "--reason", "x", "--snapshot", name).code == 0
        assert says_halted(name)


@pytest.mark.parametrize(
    "command",
    [
        ("start", "r2"),
        ("lead", "r1", "--every", "1"),
        ("advance", "r1"),
        ("override", "r1", "hold", "--reason", "x", "--expires", "1h"),
    ],
)
def test_what_no_controller_wrote_is_no_snapshot_for_any_command(command: tuple[str, ...]) -> None:
    with Ledger("rollout.sqlite") as ledger:  # so that what would lead it ends
        ledger.halt("r1", events.halted("x", actor="a", time=1.0))
        before = ledger.head("r1")
    Path("notes.txt").write_text("by hand")
    said = headgate("rollout", *command, "--snapshot", "notes.txt")
    assert (said.code, said.out) == (2, "")
    assert "--snapshot: notes.txt is no file that tells routers and would be overwritten; give another" in said.err
    assert Path("notes.txt").read_text() == "by hand"
    with Ledger("rollout.sqlite") as ledger:
        assert ledger.head("r1") == before
        assert ledger.releases() == ["r1"]


def test_a_ledger_of_the_snapshots_name_is_read_and_a_halt_is_recorded_in_it() -> None:
    ledger = ("--ledger", snapshot_name("r2"))
    assert headgate("rollout", "start", "r2", *ledger, "--snapshot", "s.json").code == 0
    assert headgate("rollout", "status", "r2", *ledger).code == 3
    said = headgate("rollout", "halt", "r2", "--reason", "x", *ledger, "--json", "halt.json")
    assert (said.code, said.out) == (2, "r2: halted\n")
    assert "has the name of the file that tells routers; give --snapshot FILE. The halt is recorded, and no" in said.err
    assert Path("halt.json").exists()
    assert headgate("rollout", "status", "r2", *ledger).code == 1
    assert headgate("rollout", "lead", "r2", *ledger, "--snapshot", "s.json", "--every", "0.01").code == 1
    assert says_halted("s.json")


def test_a_snapshot_that_is_refused_keeps_no_json_from_being_written_but_one_in_its_place() -> None:
    said = headgate("rollout", "halt", "r1", "--reason", "x", "--snapshot", "rollout.sqlite", "--json", "h.json")
    assert said.code == 2
    assert json.loads(Path("h.json").read_text())["kind"] == "halted"
    Path("notes.txt").write_text("by hand")
    said = headgate("rollout", "halt", "r1", "--reason", "x", "--snapshot", "notes.txt", "--json", "./notes.txt")
    assert said.code == 2
    assert "--json and --snapshot both write to notes.txt" in said.err
    assert Path("notes.txt").read_text() == "by hand"
