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


ALGORITHMS = ["CRC32", "SHA1", "SHA256", "CRC32C", "CRC64NVME"]


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


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_object_of_any_checksum_is_loaded_and_revalidated(
    server: VersityServer, settings: dict[str, Any], algorithm: str
) -> None:
    client = server.client()
    client.put_object(
        Bucket="loader", Key=f"{algorithm}/ä b.json", Body=b'{"device": "lamp"}', ChecksumAlgorithm=algorithm
    )
    client.close()
    loader = S3Loader("s3://loader/{key}.json", Device, missing="none", **settings)
    found = loader.versioned(f"{algorithm}/ä b")
    assert isinstance(found, Versioned)
    assert found.value == [Device("lamp")]
    assert isinstance(loader.revalidate(f"{algorithm}/ä b", found.version), Unchanged)
    assert loader("nobody") is None


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_object_altered_in_the_store_is_refused(
    server: VersityServer, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, algorithm: str
) -> None:
    name = f"altered-{algorithm}-{settings['backend']}"
    client = server.client()
    client.put_object(Bucket="loader", Key=f"{name}.json", Body=b'{"device": "lamp"}', ChecksumAlgorithm=algorithm)
    client.close()
    [stored] = [path for path in tmp_path_factory.getbasetemp().rglob(f"{name}.json") if path.is_file()]
    stored.write_bytes(b'{"device": "lamb"}')
    loader = S3Loader("s3://loader/{key}.json", Device, **settings)
    with pytest.raises(CorruptObjectError, match=rf"s3://loader/{name}\.json at .*checksum"):
        loader(name)


def test_an_object_stored_in_parts_is_compared_as_a_whole_where_the_store_has_a_checksum_of_it(
    server: VersityServer, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    key = f"parts-{settings['backend']}.json"
    text = b'{"device": "' + b"x" * (5 * 2**20) + b'"}'
    client = server.client()
    upload = client.create_multipart_upload(
        Bucket="loader", Key=key, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT"
    )["UploadId"]
    told = {"Bucket": "loader", "Key": key, "UploadId": upload}
    parts = []
    for number, body in enumerate((text[: 5 * 2**20], text[5 * 2**20 :]), start=1):
        part = client.upload_part(**told, PartNumber=number, Body=body, ChecksumAlgorithm="CRC64NVME")
        parts.append({"ETag": part["ETag"], "PartNumber": number, "ChecksumCRC64NVME": part["ChecksumCRC64NVME"]})
    client.complete_multipart_upload(**told, MultipartUpload={"Parts": parts}, ChecksumType="FULL_OBJECT")
    client.close()
    loader = S3Loader("s3://loader/{key}", Device, format="json", **settings)
    assert len(loader(key)[0].device) == 5 * 2**20
    [stored] = [path for path in tmp_path_factory.getbasetemp().rglob(key) if path.is_file()]
    stored.write_bytes(text.replace(b"xx", b"xy", 1))
    with pytest.raises(CorruptObjectError, match="checksum"):
        loader(key)


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_wrong_key_is_denied(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "WRONGWRONGWRONG")
    with pytest.raises(AccessDeniedError, match=r"s3://loader/a\.json at .*mend the credentials"):
        S3Loader("s3://loader/{key}.json", Device, missing="none", **settings)("a")


def test_a_missing_bucket_is_an_error_where_a_missing_key_is_none(settings: dict[str, Any]) -> None:
    with pytest.raises(ObjectMissingError, match="no such bucket"):
        S3Loader("s3://loader-gone/{key}.json", Device, missing="none", **settings)("a")
