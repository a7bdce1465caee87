"""The loader against a real S3 server, which checks signatures and stores checksums."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from versity import VersityServer, versity_server

from headgate.datasets.lazy_values import Unchanged, Versioned
from headgate.datasets.s3 import S3Loader
from headgate.errors import AccessDeniedError, CorruptObjectError, ObjectMissingError

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("versity")]


@dataclass(frozen=True)
class Device:
    device: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VersityServer]:
    with versity_server(tmp_path_factory.mktemp("versity")) as running:
        running.bucket("loader")
        yield running


@pytest.fixture(params=["boto3", "obstore"])
def settings(request: pytest.FixtureRequest, server: VersityServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return {"endpoint": server.endpoint, "region": "us-east-1", "backend": request.param}


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256", "CRC32C", "CRC64NVME"])
def test_an_object_of_any_checksum_is_loaded_and_revalidated(
    server: VersityServer, settings: dict[str, Any], algorithm: str
) -> None:
    client = server.client()
    # botocore makes the last two only with an extra of its own; the server makes them itself.
    told = {"ChecksumAlgorithm": algorithm} if algorithm in {"CRC32", "SHA1", "SHA256"} else {}
    client.put_object(Bucket="loader", Key=f"{algorithm}/ä b.json", Body=b'{"device": "lamp"}', **told)
    client.close()
    loader = S3Loader("s3://loader/{key}.json", Device, missing="none", **settings)
    found = loader.versioned(f"{algorithm}/ä b")
    assert isinstance(found, Versioned)
    assert found.value == [Device("lamp")]
    assert isinstance(loader.revalidate(f"{algorithm}/ä b", found.version), Unchanged)
    assert loader("nobody") is None


def test_an_object_altered_in_the_store_is_refused_by_boto3_and_not_noticed_by_obstore(
    server: VersityServer, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    client = server.client()
    client.put_object(Bucket="loader", Key="altered.json", Body=b'{"device": "lamp"}', ChecksumAlgorithm="CRC32")
    client.close()
    [stored] = [path for path in tmp_path_factory.getbasetemp().rglob("altered.json") if path.is_file()]
    stored.write_bytes(b'{"device": "lamb"}')
    loader = S3Loader("s3://loader/{key}.json", Device, **settings)
    if settings["backend"] == "obstore":  # which compares none, as docs/datasets.md says
        assert loader("altered") == [Device("lamb")]
        return
    with pytest.raises(CorruptObjectError, match=r"s3://loader/altered\.json at .*checksum"):
        loader("altered")


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_wrong_key_is_denied(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "WRONGWRONGWRONG")
    with pytest.raises(AccessDeniedError, match=r"s3://loader/a\.json at .*mend the credentials"):
        S3Loader("s3://loader/{key}.json", Device, missing="none", **settings)("a")


def test_a_missing_bucket_is_an_error_where_a_missing_key_is_none(settings: dict[str, Any]) -> None:
    with pytest.raises(ObjectMissingError, match="no such bucket"):
        S3Loader("s3://loader-gone/{key}.json", Device, missing="none", **settings)("a")
