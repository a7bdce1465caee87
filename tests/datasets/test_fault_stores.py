"""What stores do on a bad day, on real sockets: an end in bounded time, and an error that names the object."""

import contextlib
import hashlib
import importlib.util
import os
import socket
import threading
import time
import traceback
from pathlib import Path

import pytest
from faulty_server import (
    Answer,
    FaultyServer,
    drip,
    drip_headers,
    refusal,
    refused_endpoint,
    response,
    right_checksum,
    sends,
    silence,
    truncated,
    whole,
    wrong_checksum,
)
from lazy_twin import wait_until

from headgate.datasets.s3_boto import BotoStore
from headgate.datasets.s3_deadline import Attempt
from headgate.datasets.s3_obstore import ObstoreStore
from headgate.datasets.stores import ObjectStore, StoredObject, StoreSettings
from headgate.errors import (
    AccessDeniedError,
    CorruptObjectError,
    DatasetError,
    DatasetSetupError,
    ObjectMissingError,
    StoreUnavailableError,
)

BODY = b'{"device": "lamp"}' * 4
# Far above what the settings below allow, far below what libraries do by default (minutes).
BOUND_SECONDS = 15.0


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRETEXAMPLE")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture(params=[BotoStore, ObstoreStore])
def kind(request: pytest.FixtureRequest) -> type[BotoStore | ObstoreStore]:
    return request.param  # type: ignore[no-any-return]  # pytest's params are untyped


def quick(endpoint: str, **changes: float) -> StoreSettings:
    settings = {"connect_seconds": 0.5, "read_seconds": 5.0, "deadline_seconds": 10.0, "attempts": 2} | changes
    return StoreSettings(endpoint=endpoint, region="us-east-1", **settings)  # type: ignore[arg-type]  # as above


def failed(store: ObjectStore, error: type[DatasetError], endpoint: str) -> str:
    """Return the message of the error that a get ends in, in time."""
    started = time.monotonic()
    with pytest.raises(error) as caught:
        store.get("bucket", "dir/lamp.json")
    assert time.monotonic() - started < BOUND_SECONDS
    message = str(caught.value)
    assert message.startswith(f"s3://bucket/dir/lamp.json at {endpoint}: ")
    assert "SECRETEXAMPLE" not in "".join(traceback.format_exception(caught.value))
    return message


def test_a_refused_port_is_an_error_that_names_the_endpoint(kind: type[BotoStore | ObstoreStore]) -> None:
    endpoint = refused_endpoint()
    assert "check the endpoint" in failed(kind(quick(endpoint)), StoreUnavailableError, endpoint)


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [silence, drip(BODY * 100, 0.2), drip(BODY * 100, 0.2, status=403), drip_headers(0.2)],
    ids=["silence", "dripping body", "dripping refusal", "dripping headers"],
)
def test_a_server_that_will_not_come_to_an_end_is_left_by_the_deadline(
    kind: type[BotoStore | ObstoreStore], faulty_server: FaultyServer, answer: Answer
) -> None:
    faulty_server.script = [answer]
    store = kind(quick(faulty_server.endpoint, deadline_seconds=1.5))
    failed(store, StoreUnavailableError, faulty_server.endpoint)
    # And no thread stays with it.
    wait_until(lambda: not any(thread.name == "headgate-s3" for thread in threading.enumerate()))
    faulty_server.script = [whole(BODY)]
    assert isinstance(store.get("bucket", "dir/lamp.json"), StoredObject)


@pytest.mark.slow
def test_a_proxy_that_drips_is_left_by_the_deadline_and_keeps_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            assert connection.recv(65536).startswith(b"CONNECT ")
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not ended.wait(0.1):
                connection.sendall(b"X")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        for name in ("NO_PROXY", "no_proxy", "https_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        store = BotoStore(quick("https://s3.example", deadline_seconds=1.0, attempts=1))
        failed(store, StoreUnavailableError, "https://s3.example")
        wait_until(lambda: not any(thread.name == "headgate-s3" for thread in threading.enumerate()))
        ended.set()


def test_a_role_that_sts_would_not_take_is_not_called_a_wrong_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("a token")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "short")
    endpoint = refused_endpoint()
    assert "the credentials cannot be had" in failed(BotoStore(quick(endpoint)), AccessDeniedError, endpoint)
    with pytest.raises(DatasetError, match="not the name of an object in S3"):
        BotoStore(quick(endpoint, anonymous=True)).get("Bucket?", "lamp.json")


@pytest.mark.parametrize("held", [True, False])
def test_a_call_that_is_abandoned_ends_the_connection_it_reads_from_and_no_other(held: bool) -> None:
    ours, theirs = socket.socketpair()
    attempt = Attempt()
    attempt.hold(ours)
    if not held:
        attempt.let_go()
    attempt.abandon()
    with ours, theirs:
        theirs.setblocking(False)
        if held:
            assert theirs.recv(1) == b""
        else:
            with pytest.raises(BlockingIOError):
                theirs.recv(1)


def test_a_call_that_was_abandoned_before_it_read_ends_when_it_would() -> None:
    ours, theirs = socket.socketpair()
    attempt = Attempt()
    attempt.abandon()
    attempt.hold(ours)
    with ours, theirs:
        assert theirs.recv(1) == b""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(403, "AccessDenied"), AccessDeniedError),
        (refusal(403, "InvalidObjectState"), StoreUnavailableError),
        (refusal(400, "ExpiredToken"), AccessDeniedError),
        (refusal(404, "NoSuchBucket"), ObjectMissingError),
        (sends(response(404, b"<html>not here</html>")), StoreUnavailableError),
        (sends(response(404)), StoreUnavailableError),
        (refusal(301, "PermanentRedirect"), StoreUnavailableError),  # and on being sent on, the same again,
        (refusal(501, "NotImplemented"), StoreUnavailableError),
    ],
    ids=[
        "denied",
        "archived",
        "expired",
        "no bucket",
        "a web server",
        "an empty 404",
        "other region",
        "not implemented",
    ],
)
def test_a_refusal_is_told_apart_by_its_code(
    kind: type[BotoStore | ObstoreStore], faulty_server: FaultyServer, answer: Answer, error: type[DatasetError]
) -> None:
    faulty_server.script = [answer]
    failed(kind(quick(faulty_server.endpoint, attempts=1)), error, faulty_server.endpoint)


def test_a_missing_key_is_no_error(kind: type[BotoStore | ObstoreStore], faulty_server: FaultyServer) -> None:
    faulty_server.script = [refusal(404, "NoSuchKey")]
    assert kind(quick(faulty_server.endpoint)).get("bucket", "dir/lamp.json") is None


@pytest.mark.slow
def test_a_store_that_fails_once_is_asked_again_and_one_that_keeps_failing_is_given_up(
    kind: type[BotoStore | ObstoreStore], faulty_server: FaultyServer
) -> None:
    store = kind(quick(faulty_server.endpoint, deadline_seconds=10.0))
    faulty_server.script = [refusal(500, "InternalError"), whole(BODY)]
    found = store.get("bucket", "dir/lamp.json")
    assert isinstance(found, StoredObject)
    assert found.content == BODY
    faulty_server.script = [refusal(503, "SlowDown")]
    asked = len(faulty_server.requests)
    failed(store, StoreUnavailableError, faulty_server.endpoint)
    assert len(faulty_server.requests) - asked == 2


def test_a_body_that_ends_early_is_never_taken_for_the_whole(
    kind: type[BotoStore | ObstoreStore], faulty_server: FaultyServer
) -> None:
    faulty_server.script = [truncated(BODY)]
    failed(kind(quick(faulty_server.endpoint)), CorruptObjectError, faulty_server.endpoint)


def test_content_of_another_checksum_is_asked_for_again_and_then_refused(
    kind: type[BotoStore | ObstoreStore], faulty_server: FaultyServer
) -> None:
    store = kind(quick(faulty_server.endpoint))
    # obstore cannot tell of checksums: boto3 is asked for them after each content.
    bad, good = [wrong_checksum(BODY)], [right_checksum(BODY)]
    faulty_server.script = [*bad, *good] if kind is BotoStore else [*bad, *bad, *good, *good]
    found = store.get("bucket", "dir/lamp.json")
    assert isinstance(found, StoredObject)
    assert found.content == BODY
    faulty_server.script = bad
    assert "checksum" in failed(store, CorruptObjectError, faulty_server.endpoint)
    asked = [request for request in faulty_server.requests if "x-amz-checksum-mode: ENABLED" in request]
    assert [request.split()[0] for request in asked] == ["GET" if kind is BotoStore else "HEAD"] * 4


def test_an_etag_that_is_the_contents_md5_saves_the_question(faulty_server: FaultyServer) -> None:
    faulty_server.script = [whole(BODY, etag=f'"{hashlib.md5(BODY).hexdigest()}"')]
    store = ObstoreStore(quick(faulty_server.endpoint, attempts=1))
    assert isinstance(store.get("bucket", "dir/lamp.json"), StoredObject)
    assert len(faulty_server.requests) == 1


def test_a_checksum_of_another_version_than_the_one_read_is_not_compared(faulty_server: FaultyServer) -> None:
    newer = sends(response(200, BODY, headers=['ETag: "v2"', "x-amz-checksum-crc32: AAAAAA=="]))
    faulty_server.script = [whole(BODY), newer]
    assert isinstance(ObstoreStore(quick(faulty_server.endpoint)).get("bucket", "dir/lamp.json"), StoredObject)


def test_without_boto3_obstore_takes_what_arrives_whole(
    monkeypatch: pytest.MonkeyPatch, faulty_server: FaultyServer
) -> None:
    store = ObstoreStore(StoreSettings(endpoint=faulty_server.endpoint, anonymous=True))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    faulty_server.script = [wrong_checksum(BODY)]
    assert isinstance(store.get("bucket", "dir/lamp.json"), StoredObject)
    assert len(faulty_server.requests) == 1


@pytest.mark.slow
@pytest.mark.parametrize("signed", [True, False])
def test_only_an_anonymous_request_is_unsigned(
    kind: type[BotoStore | ObstoreStore], faulty_server: FaultyServer, signed: bool
) -> None:
    faulty_server.script = [whole(BODY)]
    kind(StoreSettings(endpoint=faulty_server.endpoint, anonymous=not signed)).get("bucket", "dir/lamp.json")
    assert ("authorization:" in faulty_server.requests[0].lower()) is signed


CONFIGURED = {
    "service's variable": ({"AWS_ENDPOINT_URL_S3": "here", "AWS_ENDPOINT_URL": "there"}, ""),
    "variable": ({"AWS_ENDPOINT_URL": "here"}, "endpoint_url = there"),
    "services": ({}, "endpoint_url = there\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = here"),
    "profile": ({}, "endpoint_url = here"),
    "argument": ({"AWS_ENDPOINT_URL_S3": "there", "AWS_ENDPOINT_URL": "there"}, "endpoint_url = there"),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", CONFIGURED)
@pytest.mark.parametrize("anonymous", [False, True])
def test_the_endpoint_is_the_one_that_the_aws_configuration_names(
    kind: type[BotoStore | ObstoreStore],
    faulty_server: FaultyServer,
    how: str,
    anonymous: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    variables, profile = CONFIGURED[how]
    places = {"there": refused_endpoint(), "here": faulty_server.endpoint}
    for name, place in variables.items():
        monkeypatch.setenv(name, places[place])
    for place, endpoint in places.items():
        profile = profile.replace(f"= {place}", f"= {endpoint}")
    (tmp_path / "config").write_text(f"[profile mine]\n{profile}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "mine")
    faulty_server.script = [whole(BODY, etag=f'"{hashlib.md5(BODY).hexdigest()}"')]
    given = faulty_server.endpoint if how == "argument" else None
    store = kind(StoreSettings(endpoint=given, region="us-east-1", anonymous=anonymous, attempts=1))
    assert isinstance(store.get("bucket", "dir/lamp.json"), StoredObject)
    assert len(faulty_server.requests) == 1


def test_configured_endpoints_are_left_alone_where_the_configuration_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"):
        monkeypatch.setenv(name, "https://there.example")
    store = ObstoreStore(StoreSettings(region="eu-west-1", connect_seconds=0.2, attempts=1, deadline_seconds=5))
    made = dict(store._store("bucket").config)
    assert made["endpoint"] == made["endpoint_url_s3"] == "https://s3.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("config", "error", "said"),
    [
        ("[profile mine]\nservices = other\n", DatasetSetupError, "no services 'other'"),
        ("[default]\n", AccessDeniedError, "there is no profile 'mine'"),
        ("no section", DatasetSetupError, "the AWS configuration cannot be read"),
    ],
)
def test_an_aws_configuration_that_cannot_be_followed_is_an_error(
    config: str, error: type[DatasetError], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(error, match=said):
        ObstoreStore(StoreSettings(profile="mine"))


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def test_a_faulty_endpoint_of_the_configuration_is_said_to_be_from_there(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "127.0.0.1:9")
    with pytest.raises(
        DatasetSetupError, match=r"no URL of a server; give it as http.*; it is from AWS_ENDPOINT_URL_S3/"
    ):
        ObstoreStore(StoreSettings(region="us-east-1"))


@pytest.mark.slow
def test_an_address_that_answers_nothing_is_left_by_the_default_settings(kind: type[BotoStore | ObstoreStore]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as stack:
        port = listener.getsockname()[1]
        # Nobody accepts, and once the queue is full the system drops what asks for a connection.
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        endpoint = f"http://127.0.0.1:{port}"
        failed(kind(StoreSettings(endpoint=endpoint, region="us-east-1")), StoreUnavailableError, endpoint)


def in_child(check: object) -> int:
    """Return the exit code of a forked child that runs ``check``: 0 where it returned True."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if check() is True else 1  # type: ignore[operator]  # a function
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.slow
def test_after_a_fork_boto3_works_on_and_obstore_says_why_it_does_not(
    kind: type[BotoStore | ObstoreStore], faulty_server: FaultyServer
) -> None:
    faulty_server.script = [whole(BODY)]
    store = kind(quick(faulty_server.endpoint))
    assert isinstance(store.get("bucket", "dir/lamp.json"), StoredObject)

    def works() -> bool:
        return isinstance(store.get("bucket", "dir/lamp.json"), StoredObject)

    def raises() -> bool:
        with pytest.raises(DatasetSetupError, match="does not survive a fork"):
            store.get("bucket", "dir/lamp.json")
        return True

    assert in_child(works if kind is BotoStore else raises) == 0
    assert works()
