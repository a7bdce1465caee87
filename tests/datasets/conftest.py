"""Fixtures of the datasets' tests."""

from collections.abc import Iterator

import pytest
from faulty_server import FaultyServer
from moto_server import MotoServer


@pytest.fixture
def s3_environment(moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> MotoServer:
    """Give the server with the credential chain set to find its user, and nobody else."""
    for name, value in moto_server.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    return moto_server


@pytest.fixture
def faulty_server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server
