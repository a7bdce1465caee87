"""An S3 server for tests: moto on loopback, which refuses wrong keys once its first user is made.

tests/conftest.py has the fixture, so that a process makes one server, whichever modules ask.
"""

import json
import logging
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

BUCKET = "datasets"


@dataclass(frozen=True)
class MotoServer:
    """Where the server listens and what it lets in."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)

    def client(self, service: str = "s3", **changes: Any) -> Any:
        import boto3

        settings = {
            "endpoint_url": self.endpoint,
            "region_name": "us-east-1",
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
        }
        return boto3.client(service, **settings | changes)

    @property
    def environment(self) -> dict[str, str]:
        """What the credential chain finds first."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def put(self, objects: Mapping[str, bytes]) -> None:
        client = _writer(self)
        for key, content in objects.items():
            client.put_object(Bucket=BUCKET, Key=key, Body=content, ChecksumAlgorithm="CRC32")


@cache
def _writer(server: MotoServer) -> Any:
    """Return the server's one client for storing; making one takes longer than all of a test."""
    return server.client()


@pytest.fixture(scope="session")
def moto_server() -> Iterator[MotoServer]:
    from moto import settings
    from moto.core.authorization import ActionAuthenticatorMixin
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    free_before = settings.INITIAL_NO_AUTH_ACTION_COUNT
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    # Three actions make a user; everything after them is checked, signature and all.
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 3
    ActionAuthenticatorMixin.request_count = 0
    try:
        anyone = MotoServer(f"http://{host}:{port}", "first", secrets.token_hex(8))
        iam = anyone.client("iam")
        iam.create_user(UserName="reader")
        key = iam.create_access_key(UserName="reader")["AccessKey"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_user_policy(UserName="reader", PolicyName="s3", PolicyDocument=json.dumps(policy))
        ready = MotoServer(anyone.endpoint, key["AccessKeyId"], key["SecretAccessKey"])
        ready.client().create_bucket(Bucket=BUCKET)
        yield ready
    finally:
        settings.INITIAL_NO_AUTH_ACTION_COUNT = free_before
        _writer.cache_clear()
        server.stop()
