"""SparkLoader over s3a:// and a real S3 server: what it reads, how it fails, and where the secret never is."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import socket
import time
import traceback
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from faulty_server import FaultyServer, response, sends, silence
from spark_session import local_session
from versity import VersityServer, free_port, versity_server

from headgate.datasets import spark_s3a
from headgate.datasets.spark import SparkLoader, dataframe, records
from headgate.errors import (
    AccessDeniedError,
    DatasetSetupError,
    ObjectMissingError,
    SchemaError,
    StoreUnavailableError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("spark")]
# A store that does not answer is given up after 15 s a request; much more than that leaves room for a busy machine.
BOUNDED_SECONDS = 120.0


@dataclass(frozen=True)
class Model:
    name: str
    weights: list[float]


MODELS = [Model("linear", [0.5, -1.0]), Model("empty", [])]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VersityServer]:
    with versity_server(tmp_path_factory.mktemp("versity")) as running:
        yield running


@pytest.fixture(scope="module", name="session")
def started() -> SparkSession:
    return local_session()


@pytest.fixture(autouse=True)
def chain(server: VersityServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys are in the environment of this process alone: the JVM was started without them, or with others."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)


def stored(server: VersityServer, bucket: str) -> str:
    """A bucket with both models as JSON, JSON Lines and a folder."""
    mappings = [dataclasses.asdict(model) for model in MODELS]
    lines = "\n".join(json.dumps(one) for one in mappings)
    server.bucket(bucket)
    server.put(bucket, "models/all.json", json.dumps(mappings))
    server.put(bucket, "models/all.jsonl", lines)
    server.put(bucket, "models/folder/1.jsonl", lines)
    return bucket


def loader(server: VersityServer, place: str, session: SparkSession | None, **settings: Any) -> SparkLoader[Model]:
    return SparkLoader(f"s3://{place}", Model, session=session, **{"endpoint": server.endpoint, **settings})


def test_json_lines_folders_and_parquet_are_read_from_s3(server: VersityServer, session: SparkSession) -> None:
    bucket = stored(server, "read")
    for ending, key in [("{key}.json", "all"), ("{key}.jsonl", "all"), ("{key}", "folder")]:
        load = loader(server, f"{bucket}/models/{ending}", session, format="auto" if "." in ending else "jsonl")
        found = load(key)
        assert found is not None
        assert records(found, Model) == MODELS
    dataframe(MODELS, Model, session).coalesce(1).write.parquet(f"s3a://{bucket}/models/table.parquet")
    found = loader(server, f"{bucket}/models/{{key}}.parquet", session)("table")
    assert found is not None
    assert records(found, Model) == MODELS


def test_the_secret_is_nowhere_to_be_read(
    server: VersityServer, session: SparkSession, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bucket = stored(server, "secretive")
    load = loader(server, f"{bucket}/models/{{key}}.json", session)
    assert load("all") is not None
    # Adding a file makes Spark post its environment, Hadoop's part included, to the UI once more.
    (tmp_path / "some-file").write_text("")
    session.sparkContext.addFile(str(tmp_path / "some-file"))
    context = session.sparkContext
    java = json.loads(urllib.request.urlopen(f"{context.uiWebUrl}/api/v1/applications").read())[0]["id"]
    environment = urllib.request.urlopen(f"{context.uiWebUrl}/api/v1/applications/{java}/environment").read().decode()
    page = urllib.request.urlopen(f"{context.uiWebUrl}/environment/").read().decode()
    assert f"fs.s3a.bucket.{bucket}.endpoint" in environment  # the place where it would have been
    process = session.sparkContext._jvm.java.lang.ProcessHandle.current().pid()
    places = {
        "the JVM's command line": Path(f"/proc/{process}/cmdline").read_text(),
        "the JVM's environment": Path(f"/proc/{process}/environ").read_text(),
        "the UI's environment": environment + page,
        "Spark's configuration": str(context.getConf().getAll()) + str(session.conf.getAll),
        "the loader's repr": repr(load) + repr(vars(load)),
        "the loader's pickle": str(pickle.dumps(load)),
        "the output": "".join(capfd.readouterr()),
        "what the module remembers": repr(vars(spark_s3a._opened)),
    }
    assert [where for where, text in places.items() if server.secret_key in text] == []
    assert [where for where, text in places.items() if server.access_key in text] == []


def test_a_wrong_secret_is_access_denied(
    server: VersityServer, session: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = stored(server, "denied")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret-at-all")
    with pytest.raises(AccessDeniedError, match=r"s3://denied/models/all\.json at http://127\.0") as caught:
        loader(server, f"{bucket}/models/{{key}}.json", session)("all")
    assert "not-the-secret-at-all" not in "".join(traceback.format_exception(caught.value))


def test_an_unknown_access_key_is_what_the_server_makes_of_it(
    server: VersityServer, session: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = stored(server, "unknown")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "NOBODY")
    with pytest.raises((AccessDeniedError, ObjectMissingError)) as caught:
        loader(server, f"{bucket}/models/{{key}}.json", session)("all")
    assert type(caught.value) is ObjectMissingError  # versitygw 1.8 answers 404: docs/spark.md


def test_no_credentials_at_all_is_access_denied(
    server: VersityServer, session: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    at = f"s3://nobody/all.json at {server.endpoint}: no credentials found"
    with pytest.raises(AccessDeniedError, match=f"^{at}"):
        loader(server, "nobody/{key}.json", session)("all")


def test_a_missing_key_is_an_error_or_none_where_asked_for(server: VersityServer, session: SparkSession) -> None:
    bucket = stored(server, "sparse")
    with pytest.raises(ObjectMissingError, match=r"s3://sparse/models/other\.json at .*: there is no such object"):
        loader(server, f"{bucket}/models/{{key}}.json", session)("other")
    assert loader(server, f"{bucket}/models/{{key}}.json", session, missing="none")("other") is None


def test_a_missing_bucket_is_an_error_even_where_a_missing_key_is_none(
    server: VersityServer, session: SparkSession
) -> None:
    with pytest.raises(ObjectMissingError, match="there is no such bucket"):
        loader(server, "no-such-bucket/{key}.json", session, missing="none")("all")


def test_what_does_not_fit_is_a_schema_error(server: VersityServer, session: SparkSession) -> None:
    server.put(server.bucket("broken"), "one.jsonl", '{"name": 5, "weights": []}')
    with pytest.raises(SchemaError, match=r"broken/one\.jsonl.*field name: expected str, found a value of type int"):
        loader(server, "broken/{key}.jsonl", session)("one")


def test_a_refused_port_is_given_up_in_bounded_time(session: SparkSession, server: VersityServer) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    with bounded(), pytest.raises(StoreUnavailableError, match=f"s3://refused/one.json at {endpoint}"):
        loader(server, "refused/{key}.json", session, endpoint=endpoint)("one")


def test_a_server_that_says_nothing_is_given_up_before_hadoop_asks_it(
    session: SparkSession, server: VersityServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_s3a, "_ANSWER_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with bounded(), pytest.raises(StoreUnavailableError, match=rf"s3://silent/one\.json at {endpoint}: no answer"):
            loader(server, "silent/{key}.json", session, endpoint=endpoint)("one")


def test_a_server_that_falls_silent_is_given_up_by_hadoop_in_bounded_time(
    session: SparkSession, server: VersityServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_s3a, "_RETRIES", 0)  # half the waiting; the time per request is Hadoop's least
    with FaultyServer() as faulty:
        faulty.script = [sends(response(403)), silence]
        with bounded(), pytest.raises(StoreUnavailableError, match=r"s3://falls-silent/one\.json"):
            loader(server, "falls-silent/{key}.json", session, endpoint=faulty.endpoint)("one")
        assert len(faulty.requests) > 1


@contextmanager
def bounded() -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < BOUNDED_SECONDS


def test_other_credentials_for_an_open_bucket_are_refused_and_not_ignored(
    server: VersityServer, session: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = stored(server, "settled")
    place = f"{bucket}/models/{{key}}.json"
    assert loader(server, place, session)("all") is not None
    assert loader(server, place, session)("all") is not None
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
    with pytest.raises(DatasetSetupError, match="s3://settled: it is open in this session with other settings"):
        loader(server, place, session)("all")


def test_a_named_provider_and_a_session_of_its_own_settings_are_left_alone(
    server: VersityServer, session: SparkSession
) -> None:
    stored(server, "named")
    load = loader(server, "named/models/{key}.json", session, credentials="no.such.Provider")
    with pytest.raises(DatasetSetupError, match="check the name given as credentials="):
        load("all")
    bucket = stored(server, "configured")
    configuration = spark_s3a.hadoop(session)
    for name, value in {"access.key": server.access_key, "secret.key": server.secret_key}.items():
        configuration.set(f"fs.s3a.bucket.{bucket}.{name}", value)
    assert loader(server, f"{bucket}/models/{{key}}.json", session, credentials="session")("all") is not None


def test_a_loader_is_pickled_as_its_settings_and_says_what_it_loads(server: VersityServer) -> None:
    load = loader(server, "kept/{key}.json", None)
    again = pickle.loads(pickle.dumps(load))
    assert repr(again) == repr(load)
    assert repr(load) == (
        f"SparkLoader('s3://kept/{{key}}.json', Model, format='json', validate='full', endpoint='{server.endpoint}')"
    )


def test_a_closed_loader_loads_no_more_and_leaves_a_session_that_was_there(
    server: VersityServer, session: SparkSession
) -> None:
    with loader(server, "kept/{key}.json", None) as load:
        assert load.session is session
    with pytest.raises(UsageError, match="is closed"):
        load("one")
    assert session.range(1).count() == 1
