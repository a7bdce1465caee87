"""A raw TCP server that answers by script, one script line a connection: what a real store does on its worst days."""

import base64
import binascii
import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Self

Answer = Callable[[socket.socket, threading.Event], None]


def response(status: int, body: bytes = b"", *, length: int | None = None, headers: Iterable[str] = ()) -> bytes:
    """Return an HTTP answer; ``length`` is what its Content-Length claims."""
    reason = {200: "OK", 304: "Not Modified", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error"}
    lines = [
        f"HTTP/1.1 {status} {reason.get(status, 'Status')}",
        f"Content-Length: {len(body) if length is None else length}",
        "Last-Modified: Mon, 05 Jan 2026 10:00:00 GMT",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def whole(body: bytes, etag: str = '"v1"') -> Answer:
    return sends(response(200, body, headers=[f"ETag: {etag}"]))


def refusal(status: int, code: str) -> Answer:
    xml = f"<Error><Code>{code}</Code><Message>as scripted</Message></Error>".encode()
    return sends(response(status, xml, headers=["Content-Type: application/xml"]))


def truncated(body: bytes) -> Answer:
    """Claim the whole length, send half and close."""
    return sends(response(200, body[: len(body) // 2], length=len(body), headers=['ETag: "v1"']))


def wrong_checksum(body: bytes) -> Answer:
    crc = binascii.crc32(body + b"!").to_bytes(4, "big")
    return sends(response(200, body, headers=['ETag: "v1"', f"x-amz-checksum-crc32: {base64.b64encode(crc).decode()}"]))


def right_checksum(body: bytes) -> Answer:
    crc = binascii.crc32(body).to_bytes(4, "big")
    return sends(response(200, body, headers=['ETag: "v1"', f"x-amz-checksum-crc32: {base64.b64encode(crc).decode()}"]))


def silence(_client: socket.socket, stop: threading.Event) -> None:
    """Accept and say nothing until the server stops."""
    stop.wait()


def drip(body: bytes, seconds: float, status: int = 200) -> Answer:
    """Send the headers at once and the body a byte at a time, ``seconds`` apart."""

    def answer(client: socket.socket, stop: threading.Event) -> None:
        client.sendall(response(status, b"", length=len(body), headers=['ETag: "v1"']))
        for byte in body:
            if stop.wait(seconds):
                return
            client.sendall(bytes([byte]))

    return answer


def drip_headers(seconds: float) -> Answer:
    """Send headers without end, a byte at a time."""

    def answer(client: socket.socket, stop: threading.Event) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not stop.wait(seconds):
            client.sendall(b"x")

    return answer


def sends(content: bytes) -> Answer:
    def answer(client: socket.socket, _stop: threading.Event) -> None:
        client.sendall(content)

    return answer


class FaultyServer:
    """Answers each connection with the next line of ``script``; the last line for all that follow.

    ``requests`` are what came, as text.
    """

    def __init__(self) -> None:
        self.script: list[Answer] = [silence]
        self.requests: list[str] = []
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            thread = threading.Thread(target=self._serve, args=(client, answer), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket, answer: Answer) -> None:
        # A client that gives up resets the connection: that is the point of half of the scripts.
        with client, contextlib.suppress(OSError):
            client.settimeout(5)
            request = b""
            while not _is_whole(request):
                piece = client.recv(65536)
                if not piece:
                    return
                request += piece
            self.requests.append(request.decode("latin-1"))
            answer(client, self._stop)


def _is_whole(request: bytes) -> bool:
    """Say whether the headers are there, and the body that they announce."""
    headers, separator, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", headers, re.IGNORECASE)
    return bool(separator) and len(body) >= (int(length.group(1)) if length else 0)


def refused_endpoint() -> str:
    """Return the address of a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
