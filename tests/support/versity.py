"""versitygw on loopback, over a temporary directory: a real S3 server that checks signatures and checksums.

``with versity_server(directory) as server:``; a session-scoped fixture around it is three lines. Built by
``make s3-server``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

BINARY = Path(__file__).resolve().parents[2] / ".tools" / "versitygw"
REGION = "us-east-1"
READY_SECONDS = 30.0
ATTEMPTS = 5  # at a free port: another process may take it between the question and the start


@dataclass(frozen=True)
class VersityServer:
    """A running server and the keys of its root user; they begin with words that a search finds anywhere."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)

    def client(self, **changes: Any) -> Any:
        """Return a boto3 client of the server; ``changes`` are passed to it, such as a wrong secret or a config."""
        import boto3

        settings = {
            "endpoint_url": self.endpoint,
            "region_name": REGION,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
        }
        return boto3.session.Session().client("s3", **{**settings, **changes})

    def bucket(self, name: str) -> str:
        """Make a bucket, unless it is there, and return its name."""
        client = self.client()
        try:
            with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
                client.create_bucket(Bucket=name)
        finally:
            client.close()
        return name

    def put(self, bucket: str, key: str, body: bytes | str) -> None:
        """Store an object."""
        client = self.client()
        try:
            client.put_object(Bucket=bucket, Key=key, Body=body.encode() if isinstance(body, str) else body)
        finally:
            client.close()

    def environment(self) -> dict[str, str]:
        """Return the variables by which a provider chain finds the keys, and nothing else."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


@contextlib.contextmanager
def versity_server(directory: Path) -> Iterator[VersityServer]:
    """Start the server over ``directory`` on a free loopback port, wait until it answers, and stop it at the end."""
    if not BINARY.exists():
        raise FileNotFoundError(f"{BINARY} is not there: run `make s3-server`")
    access, secret = f"ACCESS{secrets.token_hex(7)}".upper(), f"SECRET{secrets.token_hex(17)}"
    for name in ("data", "metadata"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    for attempt in range(1, ATTEMPTS + 1):
        port = free_port()
        process = _start(directory, port, access, secret)
        try:
            if _answers(process, port):
                yield VersityServer(f"http://127.0.0.1:{port}", access, secret)
                return
        finally:
            process.terminate()
            process.wait(timeout=10)
        if attempt == ATTEMPTS:
            raise RuntimeError(f"versitygw does not start; it said: {(directory / 'log').read_text()[-2000:]}")


def free_port() -> int:
    """Return a loopback port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(directory: Path, port: int, access: str, secret: str) -> subprocess.Popen[bytes]:
    # The keys go by the environment: a command line is readable to everybody. A sidecar holds the metadata, since a
    # temporary file system may have no extended attributes.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VGW_", "ROOT_", "AWS_"))}
    with (directory / "log").open("wb") as log:
        return subprocess.Popen(
            [
                BINARY,
                "--port",
                f"127.0.0.1:{port}",
                "--quiet",
                "posix",
                "--sidecar",
                directory / "metadata",
                directory / "data",
            ],
            cwd=directory,
            env={**kept, "ROOT_ACCESS_KEY": access, "ROOT_SECRET_KEY": secret},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            if connection.recv(16).startswith(b"HTTP/"):
                return True
        time.sleep(0.05)
    return False
