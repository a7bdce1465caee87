"""What must not be told: keys and tokens of S3, and what is secret in the data, in any text that leaves the loader."""

import io
import logging
import pickle
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from faulty_server import FaultyServer, refusal, refused_endpoint, truncated, whole
from moto_server import BUCKET, MotoServer

from headgate.datasets.s3 import S3Loader
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
