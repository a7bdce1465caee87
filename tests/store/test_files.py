"""Files are whole or absent, JSON is strict, schemas are checked."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import InputError
from headgate.store import files
from headgate.store.files import read_json, require_schema, write_atomic, write_json

if TYPE_CHECKING:
    from pathlib import Path

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_text_and_bytes_arrive_unchanged_and_parents_are_made(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a" / "b" / "text", "é\r\nline\n")
    write_atomic(tmp_path / "a" / "b" / "bytes", b"\x00\xff")
    assert (tmp_path / "a/b/text").read_bytes() == "é\r\nline\n".encode()
    assert (tmp_path / "a/b/bytes").read_bytes() == b"\x00\xff"


def test_an_interrupted_write_leaves_the_old_file_and_no_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "results.json"
    write_atomic(target, "old")

    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_an_input_error_that_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(InputError, match=r"out\.json: cannot be written \(No space left on device\)"):
        write_atomic(tmp_path / "out.json", "x")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_or_a_file_in_the_way_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_atomic(tmp_path / "file" / "below", "x")
    with pytest.raises(InputError, match="cannot be written"):
        write_atomic(tmp_path, "x")


@pytest.mark.skipif(os.name != "posix", reason="permissions and links are POSIX's")
def test_permissions_are_kept_and_links_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_atomic(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    mask = os.umask(0o022)
    try:
        write_atomic(tmp_path / "fresh", "x")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o644


@given(data=JSON_VALUES)
def test_json_returns_as_it_was_written(data: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip.json"
    write_json(path, data)
    assert read_json(path) == data


def test_numbers_that_are_not_finite_become_null_at_any_depth(tmp_path: Path) -> None:
    write_json(tmp_path / "x", {"a": (float("nan"), [float("inf")]), "b": {"c": -float("inf"), "d": 1.5}})
    assert read_json(tmp_path / "x") == {"a": [None, [None]], "b": {"c": None, "d": 1.5}}


def test_an_object_json_cannot_hold_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_json(tmp_path / "x", {"a": object()})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1', r"bad\.json: not valid JSON at line 1, column 8"),
        (b"", "empty; get the file again"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[" * 200_000, "not valid JSON"),
    ],
)
def test_what_is_not_json_is_an_input_error_that_says_where(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_json(path)


def test_nan_is_accepted_on_request_for_the_files_asv_writes(tmp_path: Path) -> None:
    path = tmp_path / "asv.json"
    path.write_text(json.dumps([float("nan"), 1.0]))
    assert read_json(path, allow_nan=True)[0] != read_json(path, allow_nan=True)[0]


def test_a_missing_file_and_a_directory_are_input_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_json(tmp_path / "absent.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_json(tmp_path)


def test_the_right_schema_returns_the_data_itself() -> None:
    data = {"schema": "headgate.hardware/2", "x": 1}
    assert require_schema(data, "headgate.hardware/2", "h.json") is data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "h.json: expected a JSON object .* found a list"),
        (3, "found a number"),
        ({}, 'has no "schema" key'),
        ({"schema": 1}, "its schema is 1, expected"),
        ({"schema": "headgate.verdict/2"}, "give a file of that kind"),
        ({"schema": "headgate.hardware/3"}, "newer than .*, which this headgate reads; upgrade headgate"),
        ({"schema": "headgate.hardware/10"}, "newer"),
        ({"schema": "headgate.hardware/1"}, "older than .* create the file again"),
        ({"schema": "headgate.hardware/0"}, "expected"),
    ],
)
def test_any_other_schema_is_refused_with_what_to_do(data: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        require_schema(data, "headgate.hardware/2", "h.json")
