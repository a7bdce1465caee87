"""`headgate rollout`: a release led from its plan to its end, each subcommand as a person or a script would call it."""

import json
from pathlib import Path

import jsonschema
import pytest
from rollout_releases import PLAN_TOML, SCHEMAS, headgate, release_plan, units, valid

from headgate.cli.rollout import SUBCOMMANDS
from headgate.rollout import Ledger
from headgate.rollout.controller import Controller
from headgate.rollout.controller_snapshot import read_snapshot
from headgate.rollout.router_state import Status

PLAN = release_plan()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "headgate.toml").write_text(PLAN_TOML)
    return tmp_path


def record(stage: int, count: int = 4_000, worse: float = 1.0, **rest: object) -> None:
    with Ledger("rollout.sqlite") as ledger:
        Controller(ledger, None, "r1").record(units(PLAN, stage, count, worse=worse, **rest))  # type: ignore[arg-type]


def test_every_subcommand_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert headgate("rollout", "--help").code == 0
    listed = capsys.readouterr().out
    for name in SUBCOMMANDS:
        assert f"    {name} " in listed
        assert headgate("rollout", name, "--help").code == 0
        assert "examples:" in capsys.readouterr().out, name


def test_a_release_is_led_from_its_plan_to_its_end() -> None:
    started = headgate("rollout", "start", "r1", "--version", "abc", "--actor", "ann")
    assert (started.code, started.err) == (0, "")
    assert "r1: running, stage 1 of 3: 20 % of units" in started.out
    assert PLAN.hash[:12] in started.out
    assert headgate("rollout", "status", "r1").code == 3
    assert headgate("rollout", "advance", "r1").code == 3
    record(0)
    status = headgate("rollout", "status", "r1")
    assert status.code == 0
    assert "decision: pass" in status.out
    assert "r1: running, stage 2 of 3: 50 %" in headgate("rollout", "advance", "r1").out
    record(1)
    assert "stage 3 of 3: 100 %" in headgate("rollout", "advance", "r1").out
    assert "r1: completed" in headgate("rollout", "advance", "r1").out
    assert headgate("rollout", "status", "r1").code == 0
    verified = headgate("rollout", "verify")
    assert (verified.code, verified.err) == (0, "")
    assert "every hash holds" in verified.out


@pytest.mark.parametrize(
    "argv",
    [
        ("start", "r1"),
        ("status", "r1"),
        ("advance", "r1"),
        ("override", "r1", "hold", "--reason", "sale", "--expires", "3d"),
        ("halt", "r1", "--reason", "rain"),
        ("verify", "r1"),
    ],
)
def test_json_alone_is_on_standard_output_and_holds_its_schema(argv: tuple[str, ...]) -> None:
    headgate("rollout", "start", "r1")
    assert headgate("rollout", *argv, "--json", "-").json["schema"]
    said = headgate("rollout", *argv, "--json", "out.json")
    assert said.out
    valid(json.loads(Path("out.json").read_text()))


def test_the_status_tells_the_decision_by_its_exit_code() -> None:
    headgate("rollout", "start", "r1")
    record(0, 6_000, worse=3.0)
    due = headgate("rollout", "status", "r1")
    assert due.code == 1
    assert "errors is worse than tolerated" in due.out
    written = headgate("rollout", "status", "r1", "--json", "-").json
    assert (written["status"], written["decision"]["state"]) == ("running", "halt")
    assert written["units"]["200000"] == {"canary": 1_200, "stable": 4_800}
    halted = headgate("rollout", "advance", "r1")
    assert halted.code == 1
    assert headgate("rollout", "status", "r1", "--json", "-").json["status"] == "halted"


def test_a_status_without_a_number_says_so_and_not_zero() -> None:
    headgate("rollout", "start", "r1")
    with Ledger("rollout.sqlite") as ledger:
        Controller(ledger, None, "r1").record(units(PLAN, 0, 50))
    written = headgate("rollout", "status", "r1", "--json", "-").json
    rows = {row["name"]: row for row in written["decision"]["metrics"]}
    assert rows["seconds"]["missing"] == "10 units in the smaller arm; a mean is judged from 100"
    assert "10 units in the smaller arm" in headgate("rollout", "status", "r1").out


def test_the_status_shows_the_stages_as_the_plan_has_them_although_a_sandbox_takes_its_part(here: Path) -> None:
    (here / "headgate.toml").write_text(PLAN_TOML.replace("minimum_units", 'sandbox = "10%"\nminimum_units'))
    headgate("rollout", "start", "r1")
    with Ledger("rollout.sqlite") as ledger:
        one = Controller(ledger, None, "r1")
        one.record(units(one.plan, 0, 900))
    said = headgate("rollout", "status", "r1")
    rows = [line.split() for line in said.out.splitlines() if line.strip().startswith("1 ")]
    assert rows == [["1", "20", "%", "canary", "200"], ["1", "20", "%", "stable", "700"]]


def test_invalid_evidence_exits_4() -> None:
    headgate("rollout", "start", "r1")
    record(0, window="w")
    record(0, window="w", seed=5)
    for command in ("status", "advance"):
        said = headgate("rollout", command, "r1")
        assert said.code == 4
        assert "two different batches" in said.out


def test_an_override_advances_once_and_the_status_shows_it_while_it_lasts() -> None:
    headgate("rollout", "start", "r1")
    words = ("advance", "--reason", "night traffic is too thin", "--expires", "2h", "--actor", "ann")
    said = headgate("rollout", "override", "r1", *words)
    assert said.out == "r1: advance for 2 h, by ann: night traffic is too thin\n"
    assert "override in force: advance by ann" in headgate("rollout", "status", "r1").out
    assert headgate("rollout", "advance", "r1").code == 0
    assert headgate("rollout", "advance", "r1").code == 3


@pytest.mark.parametrize("expires", ["2", "0h", "31d", "30d1s", "soon", "-1h", "1e9d"])
def test_an_override_ends_within_a_month(expires: str) -> None:
    headgate("rollout", "start", "r1")
    said = headgate("rollout", "override", "r1", "hold", "--reason", "sale", f"--expires={expires}")
    assert (said.code, said.out) == (2, "")
    assert f"--expires: '{expires}' will not do" in said.err


def test_a_halt_is_recorded_published_and_final() -> None:
    headgate("rollout", "start", "r1")
    assert headgate("rollout", "halt", "r1", "--reason", "rain", "--actor", "ann").out == "r1: halted\n"
    again = headgate("rollout", "halt", "r1", "--reason", "hail", "--actor", "bob")
    assert (again.code, again.out) == (0, "r1: halted, since event 3, by ann: rain\n")
    snapshot = read_snapshot("router-state-r1.json")
    assert snapshot is not None
    assert (snapshot.status, snapshot.plan_hash) == (Status.HALTED, PLAN.hash)
    started = headgate("rollout", "start", "r1")
    assert (started.code, started.out) == (1, "")
    assert "halted (rain); it stays so" in started.err
    word = headgate("rollout", "override", "r1", "advance", "--reason", "please", "--expires", "1h")
    assert "the release is halted, and no override undoes that" in word.out
    assert headgate("rollout", "advance", "r1").code == 1


def test_a_halt_needs_no_plan_and_no_whole_ledger(here: Path) -> None:
    headgate("rollout", "start", "r1")
    (here / "headgate.toml").write_text("[rollout\nnonsense")
    assert headgate("rollout", "halt", "r1", "--reason", "rain").code == 0
    headgate("rollout", "start", "r2", "--plan", str(plan_again(here)))
    for name in here.glob("rollout.sqlite*"):
        name.write_bytes(b"neither here nor there " * 9)
    said = headgate("rollout", "halt", "r2", "--reason", "rain")
    assert (said.code, said.out) == (2, "")
    assert "not a ledger" in said.err
    assert "The halt is NOT recorded yet; routers that follow router-state-r2.json send all to stable" in said.err
    snapshot = read_snapshot("router-state-r2.json")
    assert snapshot is not None
    assert snapshot.status is Status.HALTED


def plan_again(here: Path) -> Path:
    path = here / "again.toml"
    path.write_text(PLAN_TOML)
    return path


def test_a_release_that_is_not_there_is_no_halt_and_leaves_no_file(here: Path) -> None:
    headgate("rollout", "start", "r1")
    said = headgate("rollout", "halt", "r2", "--reason", "rain")
    assert said.code == 2
    assert "no release 'r2'" in said.err
    assert not (here / "router-state-r2.json").exists()


@pytest.mark.parametrize("command", ["status", "advance", "verify", "halt", "override"])
def test_a_ledger_that_is_not_there_is_named_and_not_made(here: Path, command: str) -> None:
    rest = {"halt": ("--reason", "x"), "override": ("hold", "--reason", "x", "--expires", "1h")}.get(command, ())
    said = headgate("rollout", command, "r1", *rest, "--ledger", "none.sqlite")
    assert (said.code, said.out) == (2, "")
    assert "none.sqlite: no such ledger" in said.err
    assert not (here / "none.sqlite").exists()


def test_the_ledger_stands_beside_the_plan_that_names_it(here: Path) -> None:
    (here / "plans").mkdir()
    text = PLAN_TOML.replace('name = "checkout"', 'name = "checkout"\nledger = "kept.sqlite"')
    (here / "plans" / "headgate.toml").write_text(text)
    assert headgate("rollout", "start", "r1", "--plan", "plans/headgate.toml").code == 0
    assert (here / "plans" / "kept.sqlite").exists()
    assert (here / "plans" / "router-state-r1.json").exists()


def test_an_edited_ledger_is_found_by_verify_and_shows_no_status() -> None:
    headgate("rollout", "start", "r1")
    record(0)
    anchor = headgate("rollout", "verify", "r1", "--json", "-").json["heads"]["r1"]
    with Ledger("rollout.sqlite") as ledger, ledger.transaction() as connection:
        connection.execute("UPDATE event SET actor = 'nobody' WHERE seq = 2")
    said = headgate("rollout", "verify")
    assert said.code == 4
    assert "event 2" in said.out
    assert headgate("rollout", "verify", "--json", "-").json["problems"]
    assert headgate("rollout", "status", "r1").code == 4
    kept = f"{anchor['seq']}:{anchor['hash']}"
    assert headgate("rollout", "verify", "r1", "--anchor", kept).code == 4


def test_an_anchor_shows_a_chain_that_was_made_anew() -> None:
    headgate("rollout", "start", "r1")
    head = headgate("rollout", "verify", "r1", "--json", "-").json["heads"]["r1"]
    assert headgate("rollout", "verify", "r1", "--anchor", f"{head['seq']}:{head['hash']}").code == 0
    assert headgate("rollout", "verify", "r1", "--anchor", f"{head['seq']}:{'0' * 64}").code == 4
    for anchor in ("nonsense", "1:abc", f"x:{'0' * 64}"):
        assert headgate("rollout", "verify", "r1", "--anchor", anchor).code == 2
    assert headgate("rollout", "verify", "--anchor", f"1:{'0' * 64}").code == 2


def test_a_changed_plan_is_a_new_release(here: Path) -> None:
    headgate("rollout", "start", "r1")
    (here / "headgate.toml").write_text(PLAN_TOML.replace("100%", "90%"))
    said = headgate("rollout", "start", "r1")
    assert (said.code, said.out) == (2, "")
    assert "plan" in said.err
    assert headgate("rollout", "start", "r2").code == 0


def test_foreign_text_cannot_change_the_terminal() -> None:
    headgate("rollout", "start", "r1")
    said = headgate("rollout", "halt", "r1", "--reason", "rain", "--actor", "a\x1b[2Jnn")
    assert said.code == 0  # a halt is recorded whatever its words are
    with Ledger("rollout.sqlite") as ledger, ledger.transaction() as connection:
        connection.execute("UPDATE event SET actor = ? WHERE seq = 2", ("a\x1b[2Jnn",))
    for command in ("verify", "status"):
        said = headgate("rollout", command, "r1")
        assert "\x1b" not in said.out + said.err


def test_evidence_goes_to_a_file_and_never_to_standard_output(here: Path) -> None:
    headgate("rollout", "start", "r1")
    said = headgate("rollout", "status", "r1", "--evidence", "-")
    assert (said.code, said.out) == (2, "")
    assert "--evidence: - will not do; give a file" in said.err
    assert not (here / "-").exists()


def test_the_evidence_of_a_status_is_verified_offline_byte_for_byte(here: Path) -> None:
    headgate("rollout", "start", "r1", "--version", "abc")
    record(0)
    assert headgate("rollout", "status", "r1", "--evidence", "canary.json.gz").code == 0
    for name in here.glob("rollout.sqlite*"):
        name.unlink()
    said = headgate("verify", "canary.json.gz")
    assert (said.code, said.err) == (0, "")
    assert "Verified: pass, derived again from 3 events, exactly." in said.out
    assert headgate("verify", "canary.json.gz", "--json", "-").json["state"] == "pass"
    for output in ("--markdown", "--junit", "--html"):
        refused = headgate("verify", "canary.json.gz", output, "out")
        assert refused.code == 2
        assert "a canary's bundle" in refused.err


def test_a_bundle_that_was_changed_is_refused(here: Path) -> None:
    headgate("rollout", "start", "r1")
    record(0)
    headgate("rollout", "status", "r1", "--evidence", "canary.json")
    whole = (here / "canary.json").read_bytes()
    jsonschema.validate(json.loads(whole), json.loads((SCHEMAS / "canary-evidence-1.schema.json").read_text()))
    (here / "canary.json").write_bytes(whole.replace(b'"units":800', b'"units":801', 1))
    assert whole != (here / "canary.json").read_bytes()
    said = headgate("verify", "canary.json")
    assert (said.code, said.out) == (2, "")
    assert "changed since it was written" in said.err
