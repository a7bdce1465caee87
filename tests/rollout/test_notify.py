"""Webhooks: signed, retried, at least once and with ids; bounded in time; no receiver, and no secret, anywhere else."""

import contextlib
import hashlib
import hmac
import json
import pickle
import socket
import ssl
import threading
from pathlib import Path

import pytest
from faulty_server import FaultyServer, drip_headers, refused_endpoint, response, sends, silence
from rollout_releases import release_plan, valid

from headgate.errors import LedgerError, UsageError
from headgate.rollout import Ledger, notify
from headgate.rollout.controller import Controller
from headgate.rollout.notify import Notifier, deliver, message, signature
from headgate.rollout.notify_http import Webhook

NOW = 1_800_000_000.0
SECRET = b"a secret of the operator's own"
TOKEN = "t0ken-in-the-path"
OK = sends(response(200, b"{}"))


@pytest.fixture
def controller(tmp_path: Path):
    with Ledger(tmp_path / "rollout.sqlite") as ledger:
        one = Controller(ledger, release_plan(), "r1", actor="ann", clock=lambda: NOW)
        one.start("abc")
        yield one


@pytest.fixture
def server():
    with FaultyServer() as one:
        one.script = [OK]
        yield one


def hook(server: FaultyServer, timeout: float = 5.0) -> Webhook:
    return Webhook(f"{server.endpoint}/hooks/{TOKEN}", SECRET, timeout_seconds=timeout)


def sent(controller: Controller, webhook: Webhook, pauses: list[float] | None = None) -> notify.Delivery:
    pause = (lambda _: None) if pauses is None else pauses.append
    return deliver(controller.ledger, "r1", webhook, clock=lambda: NOW, pause=pause)


def parts(request: str) -> tuple[str, dict[str, str], bytes]:
    head, _, body = request.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    return first, {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}, body.encode()


def test_each_change_is_one_message_in_order_that_holds_its_schema(
    controller: Controller, server: FaultyServer
) -> None:
    controller.override("advance", "thin", NOW + 60.0)
    controller.advance()
    controller.halt("orders are lost")
    assert sent(controller, hook(server)) == (4, 0, "")
    found = [valid(json.loads(parts(request)[2])) for request in server.requests]
    assert [one["kind"] for one in found] == ["started", "override", "advanced", "halted"]
    events = {event.seq: event for event in controller.ledger.events("r1")}
    assert [one["id"] for one in found] == [events[one["seq"]].hash for one in found]
    assert found[2]["details"] == {"from": 0, "to": 1, "decision": "inconclusive", "override": 3}
    assert found[3]["details"] == {"reason": "orders are lost"}
    assert {(one["version"], one["plan"], one["plan_hash"]) for one in found} == {
        ("abc", "checkout", release_plan().hash)
    }
    assert sent(controller, hook(server)) == (0, 0, "")
    assert len(server.requests) == 4


def test_a_receiver_can_check_the_signature_with_the_secret_alone(controller: Controller, server: FaultyServer) -> None:
    sent(controller, hook(server))
    first, headers, body = parts(server.requests[0])
    assert first == f"POST /hooks/{TOKEN} HTTP/1.1"
    time, _, given = headers["headgate-signature"].partition(",v1=")
    expected = hmac.new(SECRET, time.removeprefix("t=").encode() + b"." + body, hashlib.sha256).hexdigest()
    assert time == "t=1800000000"
    assert hmac.compare_digest(given, expected)
    assert headers["headgate-event"] == json.loads(body)["id"]
    assert headers["content-type"] == "application/json"
    assert signature(SECRET, 1, body) != signature(SECRET, 2, body) != signature(SECRET + b"x", 2, body)


def test_a_receiver_in_trouble_is_tried_again_with_longer_pauses_and_the_same_id(
    controller: Controller, server: FaultyServer
) -> None:
    server.script = [sends(response(status)) for status in (500, 503, 429)] + [OK]
    pauses: list[float] = []
    assert sent(controller, hook(server), pauses) == (1, 0, "")
    assert len({parts(request)[1]["headgate-event"] for request in server.requests}) == 1
    assert len(server.requests) == 4
    for pause, longest in zip(pauses, (0.5, 1.0, 2.0), strict=True):
        assert 0.5 * longest <= pause <= longest


def test_a_receiver_that_stays_in_trouble_keeps_the_messages_for_the_next_call_in_their_order(
    controller: Controller, server: FaultyServer
) -> None:
    controller.halt("rain")
    server.script = [sends(response(500))]
    assert sent(controller, hook(server)) == (0, 2, "webhook 127.0.0.1: answers 500")
    assert len(server.requests) == 4  # of the first message alone: what comes after it must not overtake it
    server.script = [OK]
    assert sent(controller, hook(server)) == (2, 0, "")
    assert [json.loads(parts(one)[2])["kind"] for one in server.requests[4:]] == ["started", "halted"]


def test_a_message_that_is_refused_for_good_keeps_no_other_from_being_sent(
    controller: Controller, server: FaultyServer
) -> None:
    controller.halt("rain")
    server.script = [sends(response(422)), OK]
    assert sent(controller, hook(server)) == (1, 1, "webhook 127.0.0.1: answers 422")
    assert sent(controller, hook(server)) == (1, 0, "")


def test_a_crash_between_message_and_mark_sends_it_again_with_the_same_id(
    controller: Controller, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, crashed = controller.ledger.transaction, []

    def dies_the_second_time():  # type: ignore[no-untyped-def]
        crashed.append(1)
        if len(crashed) == 2:
            raise LedgerError("crash")
        return real()

    monkeypatch.setattr(controller.ledger, "transaction", dies_the_second_time)
    with pytest.raises(LedgerError, match="crash"):
        sent(controller, hook(server))
    assert sent(controller, hook(server)) == (1, 0, "")
    assert len(server.requests) == 2
    assert len({parts(request)[1]["headgate-event"] for request in server.requests}) == 1


@pytest.mark.parametrize("answer", [silence, drip_headers(0.02)], ids=["hangs", "drips"])
def test_a_receiver_that_holds_the_line_is_left_in_time(
    controller: Controller, server: FaultyServer, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "ATTEMPTS", 1)
    server.script = [answer]  # type: ignore[list-item]
    assert sent(controller, hook(server, 0.2)) == (0, 1, "webhook 127.0.0.1: no answer within 0.2 s")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"", "RemoteDisconnected"),
        (b"not http\r\n\r\n", "BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 300, "HTTPException"),
        (b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000, "LineTooLong"),
    ],
)
def test_a_receiver_that_speaks_no_http_is_an_error_and_no_traceback(
    controller: Controller, server: FaultyServer, answer: bytes, problem: str
) -> None:
    server.script = [sends(answer)]
    assert sent(controller, hook(server)) == (0, 1, f"webhook 127.0.0.1: {problem}")


def test_a_receiver_that_is_not_there_is_an_error_and_no_traceback(controller: Controller) -> None:
    found = sent(controller, Webhook(f"{refused_endpoint()}/{TOKEN}", SECRET))
    assert found == (0, 1, "webhook 127.0.0.1: ConnectionRefusedError")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(controller: Controller, server: FaultyServer, status: int) -> None:
    with FaultyServer() as other:
        other.script = [OK]
        server.script = [sends(response(status, headers=[f"Location: {other.endpoint}/"]))]
        found = sent(controller, hook(server))
        assert found == (0, 1, f"webhook 127.0.0.1: answers {status}; redirects are not followed")
        assert (len(server.requests), other.requests) == (1, [])


def test_the_environments_proxies_are_not_used(
    controller: Controller, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, refused_endpoint())
    assert sent(controller, hook(server)) == (1, 0, "")


def test_what_one_receiver_was_told_another_is_told_too(controller: Controller, server: FaultyServer) -> None:
    assert sent(controller, hook(server)).sent == 1
    assert sent(controller, Webhook(f"{server.endpoint}/other", SECRET)).sent == 1


def test_no_secret_and_no_address_is_in_any_text_or_file(controller: Controller, server: FaultyServer) -> None:
    webhook = hook(server)
    texts = [repr(webhook), str(webhook), webhook.host]
    server.script = [sends(response(500))]
    texts.append(sent(controller, webhook).problem)
    server.script = [OK]
    sent(controller, webhook)
    texts += [json.dumps(event.to_json()) for event in controller.ledger.events("r1")]
    controller.ledger.close()
    files = b"".join(path.read_bytes() for path in controller.ledger.path.parent.iterdir())
    assert SECRET not in files
    assert TOKEN.encode() not in files
    assert all(SECRET.decode() not in text for text in [*texts, *server.requests])
    assert all(TOKEN not in text for text in texts)
    with pytest.raises(TypeError, match="holds a secret"):
        pickle.dumps(webhook)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "expected https"),
        ("ftp://host/x", "expected https"),
        ("https://", "expected https"),
        ("https://host:0/", "expected https"),
        ("https://host:x/", "expected https"),
        ("https://[::1/", "expected https"),
        ("https://höst/", "expected https"),
        ("https://ann:pw-8472@host/", "no user, password"),
        ("https://host/a b", "no user, password or spaces"),
        ("http://host.example/x", "sent in the clear"),
        ("http://10.0.0.1/x", "sent in the clear"),
    ],
)
def test_an_address_that_will_not_do_is_refused_without_being_shown(url: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        Webhook(url, SECRET)
    assert "pw-8472" not in str(refused.value)


def test_plain_http_goes_to_this_machine_or_where_it_is_allowed() -> None:
    for url in ("http://localhost/", "http://127.0.0.9:8080/", "http://[::1]/"):
        assert Webhook(url, SECRET).url == url
    assert Webhook("http://host.example/x", SECRET, allow_http=True).host == "host.example"
    with pytest.raises(UsageError, match="at least 16 bytes"):
        Webhook("https://host/", b"short")


def test_a_notifier_sends_in_its_own_thread_and_what_is_due_when_it_is_closed(
    controller: Controller, server: FaultyServer
) -> None:
    told: list[str] = []
    with Ledger(controller.ledger.path) as own:
        notifier = Notifier(own, "r1", hook(server), told.append)
        controller.halt("rain")
        notifier.close()
    assert [json.loads(parts(one)[2])["kind"] for one in server.requests] == ["started", "halted"]
    assert told == []


def test_a_notifier_tells_of_a_receiver_that_does_not_answer(controller: Controller, server: FaultyServer) -> None:
    server.script = [sends(response(403))]
    told: list[str] = []
    with Ledger(controller.ledger.path) as own:
        notifier = Notifier(own, "r1", hook(server), told.append)
        notifier.wake()
        notifier.close()
    assert told == ["webhook 127.0.0.1: answers 403"]
    assert server.requests


def test_a_message_is_the_same_however_often_it_is_made(controller: Controller) -> None:
    event = list(controller.ledger.events("r1"))[1]
    assert message(event, "p", "0" * 64, "v") == message(event, "p", "0" * 64, "v")


def certificate(folder: Path, host: str) -> Path:
    """Make a certificate for ``host`` that is its own authority; return the file with it and its key."""
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{host}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.mark.parametrize(
    ("named", "trusted", "problem"),
    [
        ("localhost", True, ""),
        ("localhost", False, "its certificate is not trusted (CERTIFICATE_VERIFY_FAILED)"),
        ("other.example", True, "its certificate is not trusted (CERTIFICATE_VERIFY_FAILED)"),
    ],
)
def test_a_message_goes_only_to_a_receiver_whose_certificate_is_trusted_and_its_own(
    controller: Controller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, trusted: bool, problem: str
) -> None:
    pem = certificate(tmp_path, named)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    monkeypatch.setattr(notify, "ATTEMPTS", 1)
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with contextlib.suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as client:
                while not received or not received[-1].endswith(b"}"):
                    received.append(client.recv(65_536))
                client.sendall(response(200))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        found = sent(controller, Webhook(f"https://localhost:{listener.getsockname()[1]}/", SECRET))
        thread.join(5)
    assert found == ((1, 0, "") if not problem else (0, 1, f"webhook localhost: {problem}"))
    assert bool(received) is not bool(problem)
