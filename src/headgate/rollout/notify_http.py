"""One HTTP POST to a webhook: https, bounded in time and size, no redirect followed, no secret in any message."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from headgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["TIMEOUT_SECONDS", "Failed", "Webhook", "post"]

# For a whole try: connecting, sending, and the answer's first line and headers.
TIMEOUT_SECONDS = 5.0
# Answers by which a receiver asks to come again: 408 Request Timeout, 425 Too Early, 429 Too Many Requests (RFC 9110).
_AGAIN = {408, 425, 429}
# A secret shorter than this can be guessed from one signed message.
LEAST_SECRET_BYTES = 16


class Failed(Exception):  # noqa: N818 -- a reason that `headgate.rollout.notify` reports; no user sees it raised
    """The message was not accepted; ``again``: whether another try may help."""

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(reason)
        self.again = again


@dataclass(frozen=True)
class Webhook:
    """Where notifications go; neither its address (which may carry a token) nor its secret is shown or pickled.

    Parameters
    ----------
    url
        https; plain http only to this machine, or with ``allow_http``.
    secret
        Shared with the receiver, at least 16 bytes.
    timeout_seconds
        For a whole try.
    allow_http
        Whether messages may be sent in the clear to another machine.

    Raises
    ------
    UsageError
        The address will not do, or the secret is too short.
    """

    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS
    allow_http: bool = False

    def __post_init__(self) -> None:
        """Check the address and the secret."""
        try:
            parts = urlsplit(self.url)
            host, port = parts.hostname or "", parts.port
            host.encode("idna")  # what a look-up does: an empty or overlong label is no host's (RFC 3490)
        except ValueError:
            host, port, parts = "", None, urlsplit("")
        if parts.scheme not in {"https", "http"} or not host or port == 0 or not self.url.isascii():
            raise UsageError("webhook: the address will not do: expected https://host/path")
        if parts.username is not None or parts.password is not None or any(one <= " " for one in self.url):
            raise UsageError("webhook: the address will not do: no user, password or spaces in it; messages are signed")
        if parts.scheme == "http" and not (self.allow_http or _is_loopback(host)):
            raise UsageError(f"webhook: http to {host} is sent in the clear; give https, or allow http explicitly")
        if len(self.secret) < LEAST_SECRET_BYTES:
            raise UsageError(f"webhook: the secret is too short: give at least {LEAST_SECRET_BYTES} bytes of chance")

    @property
    def host(self) -> str:
        """The receiver's host: all of the address that may be shown."""
        return urlsplit(self.url).hostname or ""

    @property
    def target(self) -> str:
        """The address's SHA-256: what the ledger keeps of it."""
        return hashlib.sha256(self.url.encode()).hexdigest()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a webhook is not pickled: it holds a secret")


def post(webhook: Webhook, body: bytes, headers: Mapping[str, str]) -> None:
    """Send ``body``; return once the receiver has accepted it with a 2xx.

    Raises
    ------
    Failed
        It has not.
    """
    parts = urlsplit(webhook.url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with _connection(webhook) as connection:
            connection.request("POST", path, body, dict(headers) | {"User-Agent": "headgate", "Connection": "close"})
            status = connection.getresponse().status
    except TimeoutError:
        raise Failed(f"webhook {webhook.host}: no answer within {webhook.timeout_seconds:g} s", again=True) from None
    except ssl.SSLCertVerificationError as error:
        raise Failed(f"webhook {webhook.host}: its certificate is not trusted ({error.reason})", again=True) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Failed(f"webhook {webhook.host}: {type(error).__name__}", again=True) from None
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise Failed(f"webhook {webhook.host}: answers {status}; redirects are not followed", again=False)
    raise Failed(f"webhook {webhook.host}: answers {status}", again=status >= 500 or status in _AGAIN)


@contextlib.contextmanager
def _connection(webhook: Webhook) -> Iterator[http.client.HTTPConnection]:
    """Give a connection that is cut when the try's time is over, however slowly the receiver drips."""
    parts, timeout = urlsplit(webhook.url), webhook.timeout_seconds
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            webhook.host, parts.port, timeout=timeout, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(webhook.host, parts.port, timeout=timeout)
    over = threading.Event()

    def cut() -> None:
        over.set()
        if connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout, cut)
    timer.daemon = True
    timer.start()
    try:
        yield connection
        if over.is_set():
            raise TimeoutError  # what was read of the answer ends where it was cut
    except (OSError, http.client.HTTPException):
        if over.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        connection.close()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
