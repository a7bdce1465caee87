"""The loader: a key in, typed data out, from S3 by two clients and from files."""

import json
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto_server import BUCKET, MotoServer

from headgate.datasets.lazy_map import LazyMap
from headgate.datasets.lazy_values import Unchanged, Versioned
from headgate.datasets.locations import Location
from headgate.datasets.s3 import S3Loader
from headgate.datasets.schema import Schema, Secret
from headgate.errors import DatasetSetupError, ObjectMissingError, SchemaError, UsageError


@dataclass(frozen=True)
class Credentials:
    device: str
    id: int
    password: Annotated[str, Secret]
    hint: str | None = None


LAMP = Credentials("lamp", 7, "hunter2")
CONTENT = b'[{"device": "lamp", "id": 7, "password": "hunter2", "hint": null}]'


@pytest.fixture(params=["boto3", "obstore", "files"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, Any], Any]:
    """Return a location's beginning, the settings for it, and a function that puts objects there."""
    if request.param == "files":

        def write(key: str, content: bytes) -> None:
            (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / f"{key}~").write_bytes(content)
            (tmp_path / f"{key}~").replace(tmp_path / key)

        return tmp_path.as_uri(), {}, write
    server: MotoServer = request.getfixturevalue("s3_environment")
    settings = {"endpoint": server.endpoint, "backend": request.param}
    prefix = f"{request.node.name[:40]}-{request.param}".replace("[", "-").replace("]", "")
    return f"s3://{BUCKET}/{prefix}", settings, lambda key, content: server.put({f"{prefix}/{key}": content})


def test_a_key_becomes_typed_records(source: Any) -> None:
    start, settings, put = source
    put("devices/lamp.json", CONTENT)
    loader = S3Loader(f"{start}/devices/{{key}}.json", Credentials, **settings)
    assert loader("lamp") == [LAMP]
    table = S3Loader(f"{start}/devices/{{key}}.json", Credentials, into="table", **settings)("lamp")
    assert table.column("id").to_pylist() == [7]
    assert "hunter2" not in repr(loader)


@pytest.mark.slow
def test_behind_a_lazy_map_an_object_is_loaded_once_and_asked_after_by_its_etag(source: Any) -> None:
    start, settings, put = source
    put("lamp.json", CONTENT)
    loader = S3Loader(f"{start}/{{key}}.json", Credentials, missing="none", **settings)
    now = [0.0]
    devices = LazyMap(loader.versioned, revalidate=loader.revalidate, ttl=10.0, clock=lambda: now[0])
    assert devices["lamp"] is devices["lamp"]
    assert devices.stats().loads == 1
    now[0] = 11.0
    assert devices["lamp"] == [LAMP]
    assert (devices.stats().loads, devices.stats().unchanged) == (1, 1)
    put("lamp.json", CONTENT.replace(b"7", b"8"))
    now[0] = 22.0
    assert devices["lamp"][0].id == 8
    assert devices.get("nobody") is None


def test_a_version_is_unchanged_until_the_object_is(source: Any) -> None:
    start, settings, put = source
    put("lamp.json", CONTENT)
    loader = S3Loader(f"{start}/{{key}}.json", Credentials, missing="none", **settings)
    first = loader.versioned("lamp")
    assert isinstance(first, Versioned)
    assert first.value == [LAMP]
    assert isinstance(loader.revalidate("lamp", first.version), Unchanged)
    put("lamp.json", b"[]")
    second = loader.revalidate("lamp", first.version)
    assert isinstance(second, Versioned)
    assert second.value == []


@pytest.mark.slow
def test_a_missing_object_is_an_error_unless_none_is_asked_for_and_a_bucket_always(source: Any) -> None:
    start, settings, put = source
    put("there.json", b"[]")
    with pytest.raises(ObjectMissingError, match=r"nobody\.json.*no such object"):
        S3Loader(f"{start}/{{key}}.json", Credentials, **settings)("nobody")
    assert S3Loader(f"{start}/{{key}}.json", Credentials, missing="none", **settings)("nobody") is None
    elsewhere = f"{start}-gone/{{key}}.json" if start.startswith("file") else "s3://bucket-gone/{key}.json"
    with pytest.raises(ObjectMissingError, match="gone"):
        S3Loader(elsewhere, Credentials, missing="none", **settings)("nobody")


def test_a_record_that_does_not_fit_is_named_by_object_record_and_field(source: Any) -> None:
    start, settings, put = source
    put("bad.json", CONTENT.replace(b'"hunter2"', b'["hunter2"]'))
    with pytest.raises(SchemaError, match=r"bad\.json: record 1: field password: expected str") as caught:
        S3Loader(f"{start}/{{key}}.json", Credentials, **settings)("bad")
    assert "hunter2" not in str(caught.value)


@pytest.mark.slow
def test_a_loader_survives_pickle_and_reads_on(source: Any) -> None:
    start, settings, put = source
    put("lamp.json", CONTENT)
    again = pickle.loads(pickle.dumps(S3Loader(f"{start}/{{key}}.json", Credentials, **settings)))
    assert again("lamp") == [LAMP]


@pytest.mark.slow
def test_sixteen_threads_share_one_loader(source: Any) -> None:
    start, settings, put = source
    for number in range(8):
        put(f"{number}.json", CONTENT.replace(b"7", str(number).encode()))
    loader = S3Loader(f"{start}/{{key}}.json", Credentials, **settings)
    together = threading.Barrier(16)

    def load(thread: int) -> list[int]:
        together.wait(20)
        return [loader((thread + step) % 8)[0].id for step in range(8)]

    with ThreadPoolExecutor(16) as pool:
        assert [sorted(found) for found in pool.map(load, range(16))] == [list(range(8))] * 16


def test_the_ending_of_the_key_tells_the_format_where_the_location_does_not(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(CONTENT)
    (tmp_path / "a.jsonl").write_bytes(CONTENT[1:-1])
    np.save(tmp_path / "a.npy", np.arange(3.0))
    loader = S3Loader(tmp_path / "{key}", Credentials)
    assert loader("a.json") == loader("a.jsonl") == [LAMP]
    assert S3Loader(tmp_path / "{key}", "f8", into="numpy")("a.npy").tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(UsageError, match="ending tells no format"):
        loader("a.csv")


def test_a_schema_that_allows_unknown_fields_is_a_type_too(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"device": "a", "id": 1, "password": "b", "more": 5}]))
    allowed = Schema.of(Credentials, allow_unknown=True)
    assert S3Loader(tmp_path / "{key}.json", allowed)("a") == [Credentials("a", 1, "b")]


@pytest.mark.parametrize(
    ("location", "settings", "said"),
    [
        ("s3://bucket/fixed.json", {}, "where the key goes"),
        ("s3://{key}/a.json", {}, "the bucket is named in full"),
        ("s3:///a/{key}.json", {}, "the bucket is named in full"),
        ("s3://a..b/{key}.json", {}, "the bucket is named in full"),
        ("https://host/{key}.json", {}, "give s3://bucket/path"),
        ("file://host/{key}.json", {}, "three slashes"),
        ("s3://bucket/{key}.csv", {}, "ending tells no format"),
        ("d/{key}.json", {"format": "csv"}, "format='csv'"),
        ("d/{key}.json", {"missing": "maybe"}, "missing='maybe'"),
        ("d/{key}.json", {"backend": "curl"}, "backend='curl'"),
        ("d/{key}.json", {"into": "frame"}, "into='frame'"),
        ("d/{key}.json", {"max_bytes": 0}, "max_bytes=0"),
        ("d/{key}.json", {"attempts": 0}, "attempts"),
        ("d/{key}.json", {"endpoint": "http://u:hunter2@h"}, "carries more than an address"),
    ],
)
def test_a_wrong_argument_is_said_when_the_loader_is_made(location: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        S3Loader(location, Credentials, **settings)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("type_", ["no dtype", "O", [("a", "O")]])
def test_a_type_that_is_no_safe_dtype_is_refused(type_: Any) -> None:
    with pytest.raises(UsageError, match="type="):
        S3Loader("d/{key}.npy", type_, into="numpy")


@pytest.mark.parametrize(
    "key",
    ["..", "../a", "a/../../b", "/a", "a//b", "a/", "a\n", "a\x7f", "", ".", "\ud800", "x" * 2000, True, None, 1.5],
)
def test_a_key_that_could_lead_elsewhere_is_refused(key: Any) -> None:
    with pytest.raises(UsageError, match="key"):
        Location.parse("s3://bucket/dir/{key}").key(key)


@given(st.text(max_size=30))
def test_whatever_the_key_its_object_lies_below_the_location(key: str) -> None:
    location = Location.parse("/data/customers/{key}/part.json")
    try:
        name = location.key(key)
    except UsageError:
        return
    path = (Path(location.bucket) / name).resolve()
    assert str(path).startswith("/data/customers/")
    assert name == f"{key}/part.json"


@pytest.mark.parametrize(
    ("template", "bucket", "path"),
    [
        ("s3a://bucket/{key}", "bucket", "{key}"),
        ("s3://my.bucket/a/{key}/b-{key}.json", "my.bucket", "a/{key}/b-{key}.json"),
        ("file:///data/dir%20one/{key}.json", "/data/dir one", "{key}.json"),
        ("file://localhost/data/x-{key}.json", "/data", "x-{key}.json"),
        ("/{key}.json", "/", "{key}.json"),
    ],
)
def test_a_location_is_parsed_into_bucket_and_path(template: str, bucket: str, path: str) -> None:
    location = Location.parse(template)
    assert (location.bucket, location.path) == (bucket, path)


@pytest.mark.parametrize(("backend", "module"), [("boto3", "boto3"), ("obstore", "obstore")])
def test_a_backend_that_is_not_installed_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, backend: Any, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DatasetSetupError, match=rf"{module} is not installed; pip install 'headgate\["):
        S3Loader("s3://bucket/{key}.json", Credentials, backend=backend)


def test_what_is_heavy_is_loaded_by_the_loader_that_needs_it(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(CONTENT)
    code = f"""
import sys
from dataclasses import dataclass
from headgate.datasets import S3Loader, check_quality
@dataclass
class Device:
    device: str
    id: int
    password: str
    hint: str | None
assert S3Loader({str(tmp_path / "{key}.json")!r}, Device)("a")[0].id == 7
print(*sys.modules)
"""
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"boto3", "botocore", "obstore", "pyarrow", "numpy", "pandas", "pyspark"} & {*loaded}
