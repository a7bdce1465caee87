"""`headgate datasets demo` shows lazy datasets at work, on this machine alone, and says what it cannot show."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import socket
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from headgate.cli import main
from headgate.cli.datasets import print_report, report_to_dict
from headgate.datasets.demo import DemoReport, Step, run_demo
from headgate.datasets.demo_server import DemoServer, Served
from headgate.datasets.demo_stores import Credentials
from headgate.datasets.lazy_map import LazyMap
from headgate.datasets.s3 import S3Loader

if TYPE_CHECKING:
    from pathlib import Path


def demo(*options: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return main(["datasets", "demo", *options], out, err), out.getvalue(), err.getvalue()


@pytest.fixture
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def checked(self: socket.socket, address: Any) -> None:
        assert self.family not in {socket.AF_INET, socket.AF_INET6} or address[0] == "127.0.0.1", address
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", checked)


@pytest.mark.slow
@pytest.mark.usefixtures("loopback_only")
def test_every_promise_of_the_demonstration_is_kept_on_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    # Settings of the user's that would lead elsewhere.
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:9")
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:9")
    before = dict(os.environ)
    status, out, err = demo("--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert [step["reached"] for step in found["steps"]] == [
        *([], ["read"], [], ["read"], ["absent"], ["read"]),
        *(["read", "read"], ["unchanged"], ["read"], [], ["refused"]),
    ]
    assert found["schema"] == "headgate.datasets-demo/1"
    assert found["kept"] is True
    assert found["never_read"] == ["fan", "heater", "camera", "lock", "meter", "pump", "valve"]
    assert found["stats"] | {"hits": 0, "misses": 0} == {
        "hits": 0,
        "misses": 0,
        "loads": 5,
        "revalidations": 2,
        "unchanged": 1,
        "absent": 1,
        "failures": 2,
        "resident": 1,
    }
    errors = [step["answer"].partition(":")[0] for step in found["steps"] if "Error:" in step["answer"]]
    assert errors == ["KeyError", "SchemaError", "CorruptObjectError", "ImmutableMapError", "AccessDeniedError"]
    assert dict(os.environ) == before


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--json",), ("--files",), ("--files", "--json")])
def test_no_password_is_in_the_output(options: tuple[str, ...]) -> None:
    status, out, err = demo(*options)
    assert status == 0
    assert "'password': '***'" in " ".join(out.split())
    assert "secret of" not in out + err
    assert "never shown" not in out + err


def test_files_stand_in_for_s3_where_boto3_is_missing_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    report = run_demo()
    assert "boto3 is not installed; with pip install 'headgate[s3]'" in report.store
    assert report.kept
    assert report.stats.loads == 4
    assert list(tmp_path.iterdir()) == []


def test_a_promise_not_kept_is_shown_and_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    # A map that forgets: the second request reads again.
    find = LazyMap.__getitem__

    def forgetful(self: LazyMap[str, Any, Any], item: Any) -> Any:
        self.invalidate(item)
        return find(self, item)

    monkeypatch.setattr(LazyMap, "__getitem__", forgetful)
    status, out, err = demo("--files")
    assert status == 4
    assert "read (promised: nothing)" in " ".join(out.split())
    assert "the store saw other requests than it should" in err


def test_a_stream_without_box_characters_gets_the_report_in_its_own() -> None:
    kept = io.BytesIO()
    out = io.TextIOWrapper(kept, encoding="ascii")
    print_report(run_demo(files=True), out)
    out.flush()
    assert b"never asked for, never read: 7 of 10" in kept.getvalue()


def test_the_server_gives_nothing_to_who_does_not_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    with DemoServer("bucket") as server, socket.create_connection(server._server.server_address) as client:
        server.put("a/b c.json", b"[]")
        client.sendall(b"GET /bucket/a/b%20c.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 403 ")
        assert server.served == [Served("a/b c.json", 403)]


def test_the_server_takes_names_that_must_be_escaped_and_knows_its_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    with DemoServer("bucket") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        server.put("ä b+c.json", b"[]")
        assert S3Loader("s3://bucket/{key}.json", Credentials, endpoint=server.endpoint)("ä b+c") == []
        assert repr(server).find(server.environment["AWS_SECRET_ACCESS_KEY"]) == -1
        assert server.environment["AWS_SECRET_ACCESS_KEY"] not in repr(vars(server))


def test_the_report_as_json_holds_what_the_steps_hold() -> None:
    report = run_demo(files=True)
    broken = DemoReport(
        report.store, report.location, 1, (Step("a", "b", ("read",), ()),), report.stats, report.never_read
    )
    assert report_to_dict(broken)["steps"] == [
        {"asked": "a", "answer": "b", "reached": ("read",), "promised": (), "kept": False}
    ]
    assert report_to_dict(broken)["kept"] is False
