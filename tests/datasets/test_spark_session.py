"""A session of the loaders' own: started once, shared, stopped by the last; and what is said where none can start."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from versity import versity_server

from headgate.datasets.schema import Schema
from headgate.datasets.schema_values import Mismatch
from headgate.datasets.spark import SparkLoader
from headgate.datasets.spark_jars import check_java, connector_package, jars_in, spark_hadoop_version
from headgate.datasets.spark_s3a import S3aSettings
from headgate.datasets.spark_session import Start
from headgate.datasets.spark_types import RowCheck
from headgate.datasets.stores import StoreSettings
from headgate.errors import DatasetSetupError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

JARS = Path(__file__).resolve().parents[2] / ".tools" / "jars"

SCRIPT = """
import os, sys, threading
from dataclasses import dataclass
from pathlib import Path
from headgate.datasets import LazyMap, SparkLoader
from headgate.errors import AccessDeniedError, DatasetSetupError, LoadError

@dataclass(frozen=True)
class Model:
    name: str
    size: int = 3

def loader():
    return SparkLoader("s3://own/{key}.jsonl", Model, endpoint=sys.argv[1], master="local[1]")

first, second = loader(), loader()
found = []

def load(one):
    found.append(one("a").collect()[0].asDict())

threads = [threading.Thread(target=load, args=(one,)) for one in (first, second)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert found == [{"name": "m", "size": 3}] * 2, found
session = first.session
assert session is second.session
java = session.sparkContext._jvm.java.lang.ProcessHandle.current().pid()
shown = Path(f"/proc/{java}/cmdline").read_bytes() + str(session.sparkContext.getConf().getAll()).encode()
assert os.environ["AWS_SECRET_ACCESS_KEY"].encode() not in shown

frames = LazyMap(first)
assert frames["a"].count() == 1
child = os.fork()
if child == 0:
    given = SparkLoader("s3://own/{key}.jsonl", Model, endpoint=sys.argv[1], session=session)
    refused = 0
    for one in (first, loader(), given, frames.__getitem__):
        try:
            one("a")
        except (DatasetSetupError, LoadError) as error:
            refused += "does not survive a fork" in str(error)
    os._exit(4 - refused)
assert os.waitpid(child, 0)[1] == 0

first.close()
first.close()
assert second("a").count() == 1, "the session is still there for the second"
second.close()
assert session.sparkContext._jsc is None, "the last one stopped it"

os.environ["AWS_SESSION_TOKEN"] = "of another kind"
again = loader()
try:
    again("a")
except DatasetSetupError:
    sys.exit("the bucket was not closed with the session")
except AccessDeniedError:
    pass  # the server has no sessions: the new credentials were used
again.close()
print("done")
"""


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
def test_a_session_of_our_own_is_shared_and_stopped_by_the_last(tmp_path: Path) -> None:
    with versity_server(tmp_path / "server") as server:
        server.put(server.bucket("own"), "a.jsonl", '{"name": "m"}')
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYSPARK_", "SPARK_"))
        }
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, server.endpoint],
            env={**kept, **server.environment(), "HEADGATE_SPARK_JARS": str(JARS)},
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done\n")
    assert "[Stage" not in done.stderr  # no progress bar unless asked for
    assert server.secret_key not in done.stdout + done.stderr


@dataclass(frozen=True)
class Model:
    name: str


@dataclass(frozen=True)
class Price:
    amount: Decimal


@pytest.mark.parametrize("amount", ["1e9999999", "1e-9999999", "1e999999999999999999", "1e-19", "1e20"])
def test_a_decimal_beyond_sparks_is_refused_however_far_beyond(amount: str) -> None:
    with pytest.raises(Mismatch, match=r"does not fit DECIMAL\(38, 18\) exactly"):
        RowCheck(Schema.of(Price)).rows()({"amount": amount})
    fits = RowCheck(Schema.of(Price)).rows()({"amount": "12345678901234567890.100000000000000000000"})
    assert fits == {"amount": Decimal("12345678901234567890.1")}


def test_the_connector_is_of_the_version_of_sparks_hadoop() -> None:
    assert connector_package() == f"org.apache.hadoop:hadoop-aws:{spark_hadoop_version()}"
    assert spark_hadoop_version().split(".")[0] >= "3"


def test_the_connector_is_fetched_only_where_s3_is_read_and_no_jars_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADGATE_SPARK_JARS", raising=False)
    assert "spark.jars.packages" not in Start().settings()
    assert Start(s3=True).settings()["spark.jars.packages"] == connector_package()
    assert Start(packages="a:b:1").settings()["spark.jars.packages"] == "a:b:1"


def jar_directory(tmp_path: Path, *names: str) -> Path:
    for name in names:
        (tmp_path / name).touch()
    return tmp_path


def test_named_jars_take_the_place_of_a_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = f"hadoop-aws-{spark_hadoop_version()}.jar"
    monkeypatch.setenv("HEADGATE_SPARK_JARS", str(jar_directory(tmp_path, jar)))
    found = Start(s3=True).settings()
    assert "spark.jars.packages" not in found
    assert found["spark.jars"] == str(tmp_path / jar)
    assert Start(s3=True, master="local[2]").settings()["spark.driver.extraClassPath"] == str(tmp_path / jar)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["other.jar"], "no S3 connector"),
        (["hadoop-aws-3.3.4.jar"], "the S3 connector is 3.3.4, Spark's Hadoop client is"),
    ],
)
def test_a_directory_without_the_right_connector_is_refused(tmp_path: Path, names: list[str], problem: str) -> None:
    with pytest.raises(DatasetSetupError, match=problem) as caught:
        jars_in(jar_directory(tmp_path, *names))
    assert "python -m headgate.datasets.spark_jars" in str(caught.value)


def test_java_that_is_missing_or_too_old_is_said_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(DatasetSetupError, match="install Java 17 or newer"):
        check_java()
    (tmp_path / "bin").mkdir()
    java = tmp_path / "bin" / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\n")
    java.chmod(0o755)
    with pytest.raises(DatasetSetupError, match="is Java 8; install Java 17 or newer"):
        check_java()


@pytest.mark.parametrize(
    "make",
    [
        lambda: SparkLoader("s3://bucket/no-place.json", Model),
        lambda: SparkLoader("s3://bucket/{key}", Model),
        lambda: SparkLoader("s3://bucket/{key}.json", Model, validate="some"),  # type: ignore[arg-type]
        lambda: SparkLoader("s3://bucket/{key}.json", Model, endpoint="http://user:secret@host"),
        lambda: SparkLoader("s3://bucket/{key}.json", str),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_starts(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert "user:secret" not in str(caught.value)


def test_the_module_loads_no_spark_until_a_session_is_needed() -> None:
    code = (
        "import sys; from headgate.datasets import SparkLoader; "
        "print(*sorted({'pyspark', 'py4j', 'pyarrow', 'pandas', 'boto3'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert told.split() == []


EXPIRES = """
import json
keys = {"AccessKeyId": "A", "SecretAccessKey": "hunter2", "SessionToken": "t"}
print(json.dumps({"Version": 1, **keys, "Expiration": %r}))
"""


@pytest.mark.parametrize("expiry", ["2099-01-01T00:00:00Z", None])
def test_credentials_that_expire_are_never_handed_to_spark_which_would_not_renew_them(
    expiry: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "helper.py").write_text(EXPIRES % expiry)
    (tmp_path / "config").write_text(f"[profile role]\ncredential_process = {sys.executable} {tmp_path}/helper.py\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    named = S3aSettings(StoreSettings(profile="role", endpoint="https://store.example"))
    if expiry is None:
        assert named.options("s3://bucket/key")["session.token"] == "t"
        return
    with pytest.raises(
        DatasetSetupError, match=r"^s3://bucket/key at https://store\.example: .* 'role' expire"
    ) as caught:
        named.options("s3://bucket/key at https://store.example")
    assert "AWS_PROFILE" in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    monkeypatch.setenv("AWS_PROFILE", "role")
    options = S3aSettings(StoreSettings(endpoint="https://store.example")).options("s3://bucket/key")
    assert options["aws.credentials.provider"].endswith("DefaultCredentialsProvider")
    assert not {"access.key", "secret.key", "session.token"} & options.keys()
