"""A file, or one HTTP GET: bounded in time and size, no redirect followed, no credential in any message."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import socket
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from headgate.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MOST_BYTES", "Fetched", "fetch", "shown"]

# An exposition of a large service has some megabytes.
MOST_BYTES = 32 * 2**20
_PIECE = 2**16
_SCHEMES = ("http://", "https://")
_ACCEPT = "text/plain;version=0.0.4;q=1,*/*;q=0.1"
_LONGEST_NAME = 120


class Fetched(NamedTuple):
    """The text, and when it was written as far as that is known: a file's time of change."""

    text: str
    time: float | None


def fetch(given: str, option: str, seconds: float) -> Fetched:
    """Return what the address or file ``given`` holds; ``option`` is named in messages.

    Parameters
    ----------
    given
        A path, or an http or https address; a user and password in it are sent as basic authentication.
    seconds
        For the whole request.

    Raises
    ------
    UsageError
        The address will not do.
    InputError
        It did not answer in time, or not with a text that can be used.
    """
    where = shown(given)
    if _is_address(given):
        return Fetched(_text(_get(_parts(given, option), where, seconds), where), None)
    try:
        with Path(given).open("rb") as file:
            time = os.fstat(file.fileno()).st_mtime
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{where}: no such file; give a file, or an http address") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{where}: cannot be read ({reason}); check the path and its permissions") from None
    return Fetched(_text(content, where), time)


def shown(given: str) -> str:
    """Return the address as it may be shown and told from others: no user, no password, of a query a hash alone."""
    if not _is_address(given):
        before, at, after = given.rpartition("@")
        # An address whose scheme was forgotten or mistyped is taken for a file; its password is one all the same.
        name = f"…@{after}" if at and ":" in before else given
        return name if len(name) <= _LONGEST_NAME else f"…{name[-_LONGEST_NAME:]}"
    scheme, _, rest = given.partition("://")
    try:
        # Of a password with an unencoded slash nothing may stay either.
        parts = urlsplit(f"{scheme}://{rest.rpartition('@')[2]}")
        host, port = parts.hostname or "?", f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the address given"
    text = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path}"[:_LONGEST_NAME]
    return f"{text}?{hashlib.sha256(parts.query.encode()).hexdigest()[:8]}" if parts.query else text


def _is_address(given: str) -> bool:
    return given.lower().startswith(_SCHEMES)  # a scheme's case means nothing (RFC 3986, section 3.1)


def _parts(given: str, option: str) -> SplitResult:
    try:
        parts = urlsplit(given)
        (parts.hostname or "").encode("idna")  # what a look-up does
        fits = (
            bool(parts.hostname)
            and parts.port != 0
            and "@" not in parts.path
            and given.isascii()
            and all(one > " " for one in given)
        )
    except ValueError:
        fits = False
    if not fits:
        raise UsageError(f"{option}: {shown(given)} will not do: expected http://host:port/path, encoded as an address")
    return parts


def _get(parts: SplitResult, where: str, seconds: float) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"User-Agent": "headgate", "Accept": _ACCEPT, "Connection": "close"}
    if parts.username is not None or parts.password is not None:
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    try:
        with _connection(parts, seconds) as connection:
            connection.request("GET", path, headers=headers)
            with connection.getresponse() as answer:
                return _content(answer, where)
    except TimeoutError:
        raise InputError(f"{where}: no whole answer within {seconds:g} s; try again, or give --timeout") from None
    except ssl.SSLCertVerificationError as error:
        raise InputError(
            f"{where}: its certificate is not trusted ({error.reason}); use one that this machine trusts"
        ) from None
    except http.client.IncompleteRead:
        raise InputError(f"{where}: cut off before its end; try again") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InputError(f"{where}: cannot be reached ({reason}); check the address") from None


def _content(answer: http.client.HTTPResponse, where: str) -> bytes:
    if answer.status != http.client.OK:
        raise InputError(f"{where}: answers {answer.status}; check the address (redirects are not followed)")
    pieces, size = [], 0
    while size <= MOST_BYTES and (piece := answer.read(_PIECE)):
        pieces.append(piece)
        size += len(piece)
    if answer.length and size <= MOST_BYTES:
        raise InputError(f"{where}: cut off: {answer.length} bytes are missing; try again")
    return b"".join(pieces)


@contextlib.contextmanager
def _connection(parts: SplitResult, seconds: float) -> Iterator[http.client.HTTPConnection]:
    """Give a connection that is cut when the time is over, however slowly the server drips."""
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=seconds)
    over = threading.Event()
    sockets: list[socket.socket] = []

    def cut() -> None:
        over.set()
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        connection.connect()
        # Kept here: the connection lets go of it as soon as the answer's headers are there.
        sockets.append(connection.sock)
        yield connection
        if over.is_set():
            raise TimeoutError
    except (OSError, http.client.HTTPException, InputError):
        if over.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        connection.close()


def _text(content: bytes, where: str) -> str:
    if len(content) > MOST_BYTES:
        raise InputError(f"{where}: more than {MOST_BYTES} bytes; give a Prometheus exposition")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InputError(f"{where}: not UTF-8 text; give a Prometheus exposition") from None
