"""One contract, three stores: boto3, obstore and files answer alike."""

import os
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from moto_server import BUCKET, MotoServer

from headgate.datasets.lazy_values import Unchanged
from headgate.datasets.local import LocalStore
from headgate.datasets.s3_boto import BotoStore
from headgate.datasets.s3_obstore import ObstoreStore
from headgate.datasets.stores import ObjectInfo, ObjectStore, StoredObject, StoreSettings
from headgate.errors import AccessDeniedError, DatasetError, ObjectMissingError, StoreUnavailableError, UsageError

# Names that a careless client encodes once too often, or not at all.
ODD_KEYS = ["a b.json", "ü/é.json", "a%41.json", "a#?&+.json", "x=y/~(1)'!*.json", "{key}.json"]


class Filled:
    """A store with a bucket in it, and a way to put objects there."""

    def __init__(self, store: ObjectStore, bucket: str, put: Callable[[str, bytes], None]) -> None:
        self.store, self.bucket, self.put = store, bucket, put


@cache
def s3_store(kind: str, endpoint: str) -> ObjectStore:
    return (BotoStore if kind == "boto3" else ObstoreStore)(StoreSettings(endpoint=endpoint))


@pytest.fixture(params=["boto3", "obstore", "files"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Filled:
    if request.param == "files":

        def write(key: str, content: bytes) -> None:
            target = tmp_path / key
            target.parent.mkdir(parents=True, exist_ok=True)
            target.with_name(target.name + "~").write_bytes(content)
            target.with_name(target.name + "~").replace(target)

        return Filled(LocalStore(), str(tmp_path), write)
    server: MotoServer = request.getfixturevalue("s3_environment")
    store = s3_store(request.param, server.endpoint)
    return Filled(store, BUCKET, lambda key, content: server.put({key: content}))


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_object_comes_back_whole_under_whatever_name(filled: Filled, key: str) -> None:
    content = os.urandom(70_000)
    filled.put(key, content)
    found = filled.store.get(filled.bucket, key)
    assert isinstance(found, StoredObject)
    assert found.content == content
    assert filled.store.head(filled.bucket, key) == ObjectInfo(key, 70_000, found.etag)
    assert str(content) not in repr(found)


def test_an_empty_object_is_one(filled: Filled) -> None:
    filled.put("empty", b"")
    found = filled.store.get(filled.bucket, "empty")
    assert isinstance(found, StoredObject)
    assert found.content == b""


def test_an_unchanged_object_is_not_sent_again_and_a_changed_one_is(filled: Filled) -> None:
    filled.put("versions", b"one")
    first = filled.store.get(filled.bucket, "versions")
    assert isinstance(first, StoredObject)
    assert isinstance(filled.store.get(filled.bucket, "versions", unless=first.etag), Unchanged)
    filled.put("versions", b"two")
    second = filled.store.get(filled.bucket, "versions", unless=first.etag)
    assert isinstance(second, StoredObject)
    assert second.content == b"two"
    assert second.etag != first.etag


def test_a_key_that_is_not_there_is_none_and_a_bucket_that_is_not_is_an_error(filled: Filled) -> None:
    store = filled.store
    assert store.get(filled.bucket, "nothing") is None
    assert store.get(filled.bucket, "nothing", unless='"v"') is None
    assert store.get_range(filled.bucket, "nothing", 0, 5) is None
    assert store.head(filled.bucket, "nothing") is None
    with pytest.raises(ObjectMissingError, match="nowhere"):
        store.get(f"{filled.bucket}-nowhere", "nothing")
    with pytest.raises(ObjectMissingError, match="nowhere"):
        store.list(f"{filled.bucket}-nowhere")


def test_a_range_is_a_part_and_ends_with_the_object(filled: Filled) -> None:
    filled.put("digits", b"0123456789")
    store = filled.store
    assert store.get_range(filled.bucket, "digits", 2, 3) == b"234"
    assert store.get_range(filled.bucket, "digits", 8, 100) == b"89"
    with pytest.raises(UsageError, match=r"digits.*beyond"):
        store.get_range(filled.bucket, "digits", 10, 1)
    with pytest.raises(UsageError, match="give a start"):
        store.get_range(filled.bucket, "digits", -1, 1)


def test_a_listing_is_of_a_prefix_in_order(filled: Filled) -> None:
    for key in ("list/b", "list/a", "list/sub/c", "listing"):
        filled.put(key, key.encode())
    assert [(one.key, one.size) for one in filled.store.list(filled.bucket, "list/")] == [
        ("list/a", 6),
        ("list/b", 6),
        ("list/sub/c", 10),
    ]
    assert [one.key for one in filled.store.list(filled.bucket, "list/s")] == ["list/sub/c"]
    assert [one.key for one in filled.store.list(filled.bucket, "listi")] == ["listing"]
    assert filled.store.list(filled.bucket, "none/") == []


def test_an_object_larger_than_is_to_be_held_is_refused_by_size(filled: Filled) -> None:
    filled.put("large", bytes(1001))
    with pytest.raises(DatasetError, match="large: 1001 bytes, more than the 1000"):
        filled.store.get(filled.bucket, "large", max_bytes=1000)
    assert isinstance(filled.store.get(filled.bucket, "large", max_bytes=1001), StoredObject)


def test_a_store_survives_pickle(filled: Filled) -> None:
    filled.put("kept", b"kept")
    again = pickle.loads(pickle.dumps(filled.store))
    found = again.get(filled.bucket, "kept")
    assert isinstance(found, StoredObject)
    assert found.content == b"kept"


@pytest.mark.parametrize("key", ["../secret", "a/../../secret", "/etc/hostname", "a//b", "./a", "", "a\0b", "a\nb"])
def test_a_file_outside_the_directory_cannot_be_named(tmp_path: Path, key: str) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "root").mkdir()
    for method in (LocalStore().get, LocalStore().head):
        with pytest.raises(UsageError, match="names an object below the location"):
            method(str(tmp_path / "root"), key)


def test_what_is_no_regular_file_is_no_object_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    (tmp_path / "loose").symlink_to(tmp_path / "gone")
    assert LocalStore().get(str(tmp_path), "pipe") is None
    assert LocalStore().get(str(tmp_path), "directory") is None
    assert LocalStore().list(str(tmp_path)) == []


def test_a_link_that_leads_to_itself_and_a_directory_with_nul_in_its_name_are_errors_of_ours(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for look in (LocalStore().get, LocalStore().head):
        with pytest.raises(StoreUnavailableError, match="loop: cannot be read"):
            look(str(tmp_path), "loop")
    with pytest.raises(StoreUnavailableError, match="loop: cannot be read"):
        LocalStore().list(str(tmp_path))
    with pytest.raises(ObjectMissingError, match="there is no such directory"):
        LocalStore().get("a\0b", "key")


@pytest.mark.parametrize(
    ("raised", "error"), [(PermissionError(13, "no"), AccessDeniedError), (OSError(5, "disk"), StoreUnavailableError)]
)
def test_what_the_system_says_of_a_file_is_told_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: OSError, error: type[DatasetError]
) -> None:
    def refuse(*_: object) -> int:
        raise raised

    (tmp_path / "file").write_bytes(b"x")
    with monkeypatch.context() as patched:
        patched.setattr("os.open", refuse)
        with pytest.raises(error) as caught:
            LocalStore().get(str(tmp_path), "file")
    assert str(tmp_path / "file") in str(caught.value)


@pytest.mark.parametrize("kind", [BotoStore, ObstoreStore])
@pytest.mark.parametrize("change", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
def test_wrong_keys_are_denied_and_the_message_says_what_to_do(
    s3_environment: MotoServer,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[BotoStore | ObstoreStore],
    change: str,
) -> None:
    monkeypatch.setenv(change, "WRONGWRONGWRONG")
    store = kind(StoreSettings(endpoint=s3_environment.endpoint))
    with pytest.raises(AccessDeniedError, match=r"s3://datasets/a at http://127.*mend the credentials"):
        store.get(BUCKET, "a")
    with pytest.raises(AccessDeniedError, match=r"s3://datasets/a at http://127"):
        store.head(BUCKET, "a")


@pytest.mark.parametrize("kind", [BotoStore, ObstoreStore])
def test_no_credentials_and_no_such_profile_are_denied(
    s3_environment: MotoServer, monkeypatch: pytest.MonkeyPatch, kind: type[BotoStore | ObstoreStore]
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AccessDeniedError, match="AWS_ACCESS_KEY_ID"):
        kind(StoreSettings(endpoint=s3_environment.endpoint)).get(BUCKET, "a")
    with pytest.raises(AccessDeniedError, match="profile"):
        kind(StoreSettings(endpoint=s3_environment.endpoint, profile="nobody"))


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("http://user:hunter2@host:9000", "credentials through the environment"),
        ("https://host?token=hunter2", "credentials through the environment"),
        ("ftp://host", "http://host:port"),
        ("localhost:9000", "http://host:port"),
        ("http://host:99999", "http://host:port"),
    ],
)
def test_an_endpoint_is_an_address_and_nothing_else(endpoint: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        StoreSettings(endpoint=endpoint)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("change", [{"attempts": 0}, {"deadline_seconds": float("inf")}, {"read_seconds": -1.0}])
def test_settings_that_bound_nothing_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(change))):
        StoreSettings(**change)  # type: ignore[arg-type]  # attempts is an int where it is given
