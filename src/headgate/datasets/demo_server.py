"""A small S3 server on loopback for demonstrations: it gives objects out, and writes down who asked for what.

Of S3 it speaks one sentence, GetObject, as S3 does: signatures (version 4) checked, ETag and If-None-Match, CRC32
checksums, errors in XML. Objects are put in by the program that runs it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
import zlib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DemoServer", "Served"]

REGION = "us-east-1"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<access>[^/]+)/(?P<scope>(?P<date>\d{8})/(?P<region>[^/]+)/s3/aws4_request), ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Served:
    """One request as the server saw it; a key is None where the path named none."""

    key: str | None
    status: int


@dataclass(slots=True)
class _Object:
    content: bytes
    checksum: str
    etag: str


@dataclass(slots=True)
class _Bucket:
    """What the server gives out, and to whom; shared by its threads."""

    name: str
    access_key: str
    secret_key: str = field(repr=False)
    objects: dict[str, _Object] = field(default_factory=dict)
    served: list[Served] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class DemoServer:
    """A context manager: the server listens on a free port of the loopback interface and stops at the end.

    ``served`` is every request that reached it, in order.
    """

    def __init__(self, bucket: str) -> None:
        self._bucket = _Bucket(bucket, f"DEMO{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30))
        handler = type("Handler", (_Handler,), {"bucket": self._bucket})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="headgate-demo-s3", daemon=True)

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What the provider chain must find in the environment; **the secret key is among it**."""
        return {
            "AWS_ACCESS_KEY_ID": self._bucket.access_key,
            "AWS_SECRET_ACCESS_KEY": self._bucket.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }

    @property
    def served(self) -> list[Served]:
        """Every request so far."""
        with self._bucket.lock:
            return list(self._bucket.served)

    def put(self, key: str, content: bytes, *, damaged: bool = False) -> None:
        """Store an object; a ``damaged`` one arrives with another byte than its checksum was made of."""
        sent = content[:-1] + bytes([content[-1] ^ 1]) if damaged else content
        etag = hashlib.md5(sent, usedforsecurity=False).hexdigest()
        with self._bucket.lock:
            self._bucket.objects[key] = _Object(sent, _base64(zlib.crc32(content).to_bytes(4, "big")), f'"{etag}"')

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    bucket: _Bucket
    protocol_version = "HTTP/1.1"
    timeout = 30  # for a client that connects and says nothing
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer GetObject."""
        bucket, _, name = self.path.partition("?")[0].removeprefix("/").partition("/")
        key = unquote(name)
        if not self._is_signed():
            self._refuse(key, 403, "SignatureDoesNotMatch")
            return
        with self.bucket.lock:
            found = self.bucket.objects.get(key)
        if bucket != self.bucket.name:
            self._refuse(key, 404, "NoSuchBucket")
        elif found is None:
            self._refuse(key, 404, "NoSuchKey")
        elif self.headers.get("If-None-Match") == found.etag:
            self._answer(key, 304, {"ETag": found.etag})
        else:
            self._answer(key, 200, {"ETag": found.etag, "x-amz-checksum-crc32": found.checksum}, found.content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing to standard error: `Served` is the log."""

    def _refuse(self, key: str, status: int, code: str) -> None:
        xml = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        self._answer(key, status, {"Content-Type": "application/xml"}, xml)

    def _answer(self, key: str, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        with self.bucket.lock:
            self.bucket.served.append(Served(key or None, status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _is_signed(self) -> bool:
        """Whether the request was signed with the one key there is (AWS signature version 4, in the header)."""
        given = _AUTHORIZATION.fullmatch(self.headers.get("Authorization", ""))
        if given is None or given["access"] != self.bucket.access_key:
            return False
        path, _, query = self.path.partition("?")
        signed = given["headers"].split(";")
        lines = [f"{name}:{' '.join((self.headers.get(name) or '').split())}" for name in signed]
        body = self.headers.get("x-amz-content-sha256", "")
        arguments = "&".join(sorted(query.split("&")))
        request = "\n".join([self.command, path, arguments, *lines, "", given["headers"], body])
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{self.headers.get('x-amz-date', '')}\n{given['scope']}\n{digest}"
        key = f"AWS4{self.bucket.secret_key}".encode()
        for part in (given["date"], given["region"], "s3", "aws4_request"):
            key = _keyed(key, part)
        return hmac.compare_digest(_keyed(key, text).hex(), given["signature"])


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), "sha256").digest()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
