"""What a real S3 server checks: signatures, and the checksums of what is sent and stored."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from versity import VersityServer, versity_server

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("versity")]
BODY = b"model parameters\n" * 1000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VersityServer]:
    with versity_server(tmp_path_factory.mktemp("versity")) as running:
        running.bucket("checked")
        yield running


@pytest.fixture
def client(server: VersityServer) -> Iterator[Any]:
    made = server.client()
    yield made
    made.close()


def refusal(call: Any, **arguments: Any) -> tuple[str, int]:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_an_object_comes_back_with_the_checksum_it_was_stored_with(client: Any, algorithm: str) -> None:
    stored = client.put_object(Bucket="checked", Key=algorithm, Body=BODY, ChecksumAlgorithm=algorithm)
    found = client.get_object(Bucket="checked", Key=algorithm, ChecksumMode="ENABLED")
    assert found["Body"].read() == BODY
    assert found[f"Checksum{algorithm}"] == stored[f"Checksum{algorithm}"]


def test_the_checksum_is_that_of_the_content(client: Any) -> None:
    client.put_object(Bucket="checked", Key="known", Body=BODY, ChecksumAlgorithm="CRC32")
    told = client.head_object(Bucket="checked", Key="known", ChecksumMode="ENABLED")["ChecksumCRC32"]
    assert base64.b64decode(told) == zlib.crc32(BODY).to_bytes(4, "big")


def test_an_object_of_another_checksum_than_announced_is_refused_and_not_stored(client: Any) -> None:
    wrong = base64.b64encode(zlib.crc32(b"something else").to_bytes(4, "big")).decode()
    code, status = refusal(client.put_object, Bucket="checked", Key="wrong", Body=BODY, ChecksumCRC32=wrong)
    assert (code, status) == ("BadDigest", 400)
    assert refusal(client.head_object, Bucket="checked", Key="wrong") == ("404", 404)


def test_a_request_signed_with_another_secret_is_refused(server: VersityServer) -> None:
    client = server.client(aws_secret_access_key="not the secret")
    code, status = refusal(client.get_object, Bucket="checked", Key="known")
    client.close()
    assert (code, status) == ("SignatureDoesNotMatch", 403)


def test_a_request_of_an_unknown_user_is_refused(server: VersityServer) -> None:
    client = server.client(aws_access_key_id="NOBODY")
    code, _ = refusal(client.list_objects_v2, Bucket="checked")
    client.close()
    assert code in {"InvalidAccessKeyId", "XAdminUserNotFound"}  # versitygw 1.8 says the latter, with status 404


def test_the_servers_secret_is_on_no_command_line(server: VersityServer) -> None:
    import psutil

    shown = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert any("versitygw" in line for line in shown)
    assert not any(server.secret_key in line for line in shown)
    assert server.secret_key not in repr(server)
