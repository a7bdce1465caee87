"""A loader on a bad day, behind a lazy map: what failed or arrived damaged is never kept, nor served to the next."""

import os
from dataclasses import dataclass

import pytest
from faulty_server import Answer, FaultyServer, drip, refusal, silence, truncated, whole, wrong_checksum

from headgate.datasets.lazy_map import LazyMap
from headgate.datasets.s3 import S3Loader
from headgate.errors import (
    AccessDeniedError,
    CorruptObjectError,
    DatasetError,
    LoadError,
    SchemaError,
    StoreUnavailableError,
)


@dataclass(frozen=True)
class Device:
    device: str


BODY = b'{"device": "lamp"}'


@pytest.fixture
def loader(faulty_server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> S3Loader[list[Device]]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRETEXAMPLE")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    return S3Loader(
        "s3://bucket/{key}.json",
        Device,
        endpoint=faulty_server.endpoint,
        region="us-east-1",
        connect_seconds=0.5,
        read_seconds=0.5,
        deadline_seconds=1.5,
        attempts=1,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(silence, StoreUnavailableError, marks=pytest.mark.slow),
        pytest.param(drip(BODY * 5, 0.2), StoreUnavailableError, marks=pytest.mark.slow),
        (refusal(500, "InternalError"), StoreUnavailableError),
        (refusal(403, "AccessDenied"), AccessDeniedError),
        (truncated(BODY), CorruptObjectError),
        (wrong_checksum(BODY), CorruptObjectError),
        (whole(BODY[:-1]), CorruptObjectError),
        (whole(b'{"device": 5}'), SchemaError),
    ],
    ids=["silence", "drip", "failure", "denied", "truncated", "checksum", "no JSON", "no Device"],
)
def test_a_bad_answer_is_an_error_for_who_asked_and_nothing_is_kept_of_it(
    loader: S3Loader[list[Device]], faulty_server: FaultyServer, answer: Answer, error: type[DatasetError]
) -> None:
    devices = LazyMap(loader.versioned, revalidate=loader.revalidate, ttl=60.0)
    faulty_server.script = [answer]
    with pytest.raises(LoadError) as caught:
        devices["lamp"]
    assert isinstance(caught.value.__cause__, error)
    assert "s3://bucket/lamp.json" in str(caught.value.__cause__)
    assert not devices.is_loaded("lamp")
    faulty_server.script = [whole(BODY)]
    assert devices["lamp"] == [Device("lamp")]


@pytest.mark.slow
def test_an_error_on_asking_again_is_no_answer_that_the_object_is_unchanged(
    loader: S3Loader[list[Device]], faulty_server: FaultyServer
) -> None:
    now = [0.0]
    devices = LazyMap(loader.versioned, revalidate=loader.revalidate, ttl=10.0, clock=lambda: now[0])
    faulty_server.script = [whole(BODY)]
    assert devices["lamp"] == [Device("lamp")]
    now[0] = 11.0
    faulty_server.script = [refusal(503, "SlowDown")]
    with pytest.raises(LoadError):
        devices["lamp"]
    faulty_server.script = [refusal(304, "NotModified")]
    assert devices["lamp"] == [Device("lamp")]
    assert 'If-None-Match: "v1"' in faulty_server.requests[-1]
