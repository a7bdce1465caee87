"""What must not be told: keys and tokens of S3, and what is secret in the data, in any text that leaves the loader."""

import io
import logging
import os
import pickle
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from faulty_server import FaultyServer, refusal, refused_endpoint, response, sends, truncated, whole
from moto_server import BUCKET, MotoServer

from headgate.datasets.s3 import S3Loader
from headgate.datasets.s3_logs import mask_secrets
from headgate.datasets.schema import Secret
from headgate.errors import DatasetError

SECRET = "TOPSECRETKEYTOPSECRETKEY"
TOKEN = "SESSIONTOKENSESSIONTOKEN"
VALUE = "correct-horse-battery"


@dataclass(frozen=True)
class Login:
    device: str
    password: Annotated[str, Secret]


@pytest.fixture
def told() -> Iterator[io.StringIO]:
    """Everything that is logged at DEBUG, by anyone, with its tracebacks."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def attempt(loader: S3Loader[Any]) -> str:
    """Return whatever the loader shows of itself and of what became of a load."""
    shown = [repr(loader), str(vars(loader)), pickle.dumps(loader).decode("latin-1")]
    try:
        loader("lamp")
    except DatasetError as error:
        shown += [*traceback.format_exception(error), repr(error), pickle.dumps(error).decode("latin-1")]
        context = error.__context__
        while context is not None:
            shown += [str(context), repr(vars(context))]
            context = context.__context__
    return "\n".join(shown)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["boto3", "obstore"])
def test_keys_tokens_and_values_are_in_no_text_whatever_happens(
    backend: Any, faulty_server: FaultyServer, monkeypatch: pytest.MonkeyPatch, told: io.StringIO
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    bodies = [b'{"device": 5, "password": "%s"}', b'{"device": "lamp", "password": "%s"', b'{"device": "a", "%s": 1}']
    answers = [whole(body % VALUE.encode()) for body in bodies[:2]]
    answers += [refusal(403, "SignatureDoesNotMatch"), refusal(500, "InternalError"), truncated(b"{}" * 20)]
    shown = ""
    for answer in answers:
        faulty_server.script = [answer]
        loader = S3Loader(
            "s3://bucket/{key}.json", Login, backend=backend, endpoint=faulty_server.endpoint, region="us-east-1"
        )
        shown += attempt(loader)
    shown += attempt(S3Loader("s3://bucket/{key}.json", Login, backend=backend, endpoint=refused_endpoint()))
    assert "s3://bucket/lamp.json" in shown
    # The requests were really signed with these, and botocore really logged them.
    assert TOKEN in "".join(faulty_server.requests)
    logged = told.getvalue()
    assert backend != "boto3" or "x-amz-security-token" in logged.lower()
    for text in (shown, logged):
        assert SECRET not in text
        assert TOKEN not in text
        assert VALUE not in text


def test_the_keys_of_a_load_that_works_are_in_no_text_either(s3_environment: MotoServer, told: io.StringIO) -> None:
    s3_environment.put({"secrets/lamp.json": b'{"device": "lamp", "password": "%s"}' % VALUE.encode()})
    told.truncate(0)
    loader = S3Loader(f"s3://{BUCKET}/secrets/{{key}}.json", Login, endpoint=s3_environment.endpoint)
    assert loader("lamp")[0].password == VALUE
    shown = attempt(loader) + told.getvalue()
    assert s3_environment.secret_key not in shown
    assert VALUE not in shown


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["boto3", "obstore"])
def test_what_a_role_is_given_for_a_session_is_in_no_log(
    backend: Any, faulty_server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: io.StringIO
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile base]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = BASESECRETBASESECRET\n"
        "[profile reader]\nrole_arn = arn:aws:iam::123456789012:role/reader\n"
        "source_profile = base\nregion = us-east-1\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", faulty_server.endpoint)
    session = (
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>"
        f"<SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>"
        "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    ).encode()
    faulty_server.script = [sends(response(200, session, headers=["Content-Type: text/xml"])), whole(b"[]")]
    loader = S3Loader(
        "s3://bucket/{key}.json", Login, backend=backend, endpoint=faulty_server.endpoint, profile="reader"
    )
    assert loader("lamp") == []
    assert "AssumeRole" in faulty_server.requests[0]
    assert TOKEN in faulty_server.requests[1]
    logged = told.getvalue()
    assert "AssumeRoleResponse" in logged
    for secret in (SECRET, TOKEN, "BASESECRETBASESECRET"):
        assert secret not in logged + attempt(loader)


@pytest.mark.parametrize(
    "line",
    [
        "x-amz-security-token:TOP\nx-amz-date:1",
        "headers={'X-Amz-Security-Token': b'TOP', 'a': 'b'}",
        '{"roleCredentials":{"secretAccessKey":"TOP","sessionToken":"TOP","expiration":1}}',
        'b\'{\\"accessToken\\": \\"TOP\\"}\'',
        "<SecretAccessKey>TOP</SecretAccessKey><SessionToken>TOP</SessionToken>",
    ],
)
def test_the_mask_knows_the_forms_in_which_secrets_are_logged(line: str, told: io.StringIO) -> None:
    mask_secrets()
    logging.getLogger("botocore.parsers").debug("Response body:\n%s", line)
    assert "***" in told.getvalue()
    assert "TOP" not in told.getvalue()


@pytest.mark.parametrize(
    ("endpoint", "token", "refused"),
    [
        ("http://storage.example.com:9000", "t0ken", True),
        ("http://storage.example.com:9000", "", False),
        ("https://storage.example.com", "t0ken", False),
        ("http://127.0.0.1:9000", "t0ken", False),
    ],
)
def test_obstore_sends_no_session_token_where_a_redirect_could_take_it(
    endpoint: str, token: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headgate.datasets.s3_obstore import ObstoreStore, _store
    from headgate.datasets.stores import StoreSettings
    from headgate.errors import UsageError

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    settings = StoreSettings(endpoint=endpoint, region="us-east-1")
    session = ObstoreStore(settings)._session
    if refused:
        with pytest.raises(UsageError, match="redirects to; give an https endpoint") as caught:
            _store("bucket", settings, session)
        assert "t0ken" not in str(caught.value)
    else:
        assert _store("bucket", settings, session) is not None
