"""The webhook of the rollout's commands: from the environment alone, never in the way, its secret nowhere."""

import json
from pathlib import Path

import pytest
from faulty_server import FaultyServer, refused_endpoint, response, sends
from rollout_releases import PLAN_TOML, Said, headgate, valid

from headgate.rollout import notify
from headgate.rollout.notify import signature

SECRET = "a secret of the operator's own"
TOKEN = "t0ken-in-the-path"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "headgate.toml").write_text(PLAN_TOML)
    monkeypatch.setattr(notify, "FIRST_PAUSE_SECONDS", 0.001)
    return tmp_path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    with FaultyServer() as one:
        one.script = [sends(response(200))]
        monkeypatch.setenv("HEADGATE_WEBHOOK_URL", f"{one.endpoint}/{TOKEN}")
        monkeypatch.setenv("HEADGATE_WEBHOOK_SECRET", SECRET)
        yield one


def told(server: FaultyServer) -> list[str]:
    return [valid(json.loads(request.partition("\r\n\r\n")[2]))["kind"] for request in server.requests]


def a_release() -> list[Said]:
    return [
        headgate("rollout", "start", "r1"),
        headgate("rollout", "override", "r1", "advance", "--reason", "thin", "--expires", "1h"),
        headgate("rollout", "advance", "r1"),
        headgate("rollout", "halt", "r1", "--reason", "rain"),
    ]


def test_each_command_tells_what_it_changed(server: FaultyServer) -> None:
    assert [(said.code, said.err) for said in a_release()] == [(0, "")] * 4
    assert told(server) == ["started", "override", "advanced", "halted"]


def test_without_an_address_nothing_is_sent_and_nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADGATE_WEBHOOK_URL", raising=False)
    assert [(said.code, said.err) for said in a_release()] == [(0, "")] * 4


def test_what_waits_is_told_of_and_sent_by_the_next_command(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script = [sends(response(503))]
    said = headgate("rollout", "start", "r1")
    assert said.code == 0
    assert said.err == (
        "headgate: warning: 1 notification not sent, the next command tries again: webhook 127.0.0.1: answers 503\n"
    )
    server.requests.clear()
    server.script = [sends(response(200))]
    assert headgate("rollout", "halt", "r1", "--reason", "rain").err == ""
    assert told(server) == ["started", "halted"]


def test_a_receiver_that_is_not_there_changes_no_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_WEBHOOK_URL", f"{refused_endpoint()}/{TOKEN}")
    monkeypatch.setenv("HEADGATE_WEBHOOK_SECRET", SECRET)
    for said in a_release():
        assert said.code == 0
        assert "ConnectionRefusedError" in said.err
        assert TOKEN not in said.out + said.err
        assert SECRET not in said.out + said.err


def test_the_secret_may_stand_in_a_file(here: Path, server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADGATE_WEBHOOK_SECRET")
    (here / "secret").write_text(SECRET + "\n")
    assert headgate("rollout", "start", "r1", "--webhook-secret-file", "secret").err == ""
    head, _, body = server.requests[0].partition("\r\n\r\n")
    line = next(one for one in head.split("\r\n") if one.startswith("Headgate-Signature: t="))
    seconds = int(line.removeprefix("Headgate-Signature: t=").partition(",")[0])
    assert line == f"Headgate-Signature: {signature(SECRET.encode(), seconds, body.encode())}"


@pytest.mark.parametrize(
    ("variables", "argv", "says"),
    [
        ({"SECRET": ""}, (), "no secret; set HEADGATE_WEBHOOK_SECRET, or give --webhook-secret-file"),
        ({"SECRET": "short"}, (), "the secret is too short"),
        ({"URL": "ftp://x/"}, (), "the address will not do"),
        ({"URL": "http://10.9.8.7/"}, (), "sent in the clear"),
        ({}, ("--webhook-secret-file", "none"), "--webhook-secret-file: none: cannot be read"),
        ({}, ("--webhook-secret-file", "large"), "--webhook-secret-file large: more than 4096 bytes"),
    ],
)
def test_what_is_wrong_with_it_is_said_first_but_never_holds_up_a_halt(
    here: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], argv: tuple[str, ...], says: str
) -> None:
    headgate("rollout", "start", "r1")
    (here / "large").write_text("x" * 5_000)
    for name, value in ({"URL": "https://host.example/", "SECRET": SECRET} | variables).items():
        monkeypatch.setenv(f"HEADGATE_WEBHOOK_{name}", value)
    for command in (("advance", "r1"), ("override", "r1", "hold", "--reason", "x", "--expires", "1h"), ("start", "r2")):
        refused = headgate("rollout", *command, *argv)
        assert refused.code == 2
        assert says in refused.err
    assert "r2" not in headgate("rollout", "verify").out
    halted = headgate("rollout", "halt", "r1", "--reason", "rain", *argv)
    assert (halted.code, halted.out) == (0, "r1: halted\n")
    assert "halted, but nobody was notified" in halted.err
    assert says in halted.err


def test_json_stays_pure_although_a_receiver_is_in_trouble(server: FaultyServer) -> None:
    server.script = [sends(response(500))]
    said = headgate("rollout", "start", "r1", "--json", "-")
    assert said.json["status"] == "running"
    assert "answers 500" in said.err


def test_the_secret_is_in_no_file_and_no_output(here: Path, server: FaultyServer) -> None:
    outputs = "".join(said.out + said.err for said in a_release())
    headgate("rollout", "status", "r1", "--evidence", "canary.json")
    headgate("rollout", "report")
    files = b"".join(path.read_bytes() for path in here.rglob("*") if path.is_file())
    for hidden in (SECRET, TOKEN):
        assert hidden not in outputs
        assert hidden.encode() not in files
