"""Hostile files end in a clear error, in bounded memory and time."""

from __future__ import annotations

import gzip
import json
import math
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from headgate.errors import InputError
from headgate.formats import asv, jsonfile, read_run
from headgate.formats.jsonfile import load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "f.json"


def test_bare_nan_and_infinity_a_byte_order_mark_and_gzip_are_read(file: Path) -> None:
    for content in (b'{"a": [NaN, -Infinity]}', b'\xef\xbb\xbf{"a": [NaN, -Infinity]}'):
        for stored in (content, gzip.compress(content, mtime=0), gzip.compress(content, mtime=0) + b"\0" * 100):
            file.write_bytes(stored)
            first, second = load(file)["a"]
            assert math.isnan(first)
            assert second == -math.inf


WHOLE = gzip.compress(b'{"a": 1}', mtime=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty; have its tool save it again"),
        (b'{"a": [1, 2', "not valid JSON at line 1, column 12"),
        (b'{"a": 1} x', r"not valid JSON at line 1, column 10 \(Extra data\); have its tool save it again"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b'{"a": "\xe9"}', r"not UTF-8 text \(byte 7\); give a JSON file, saved as UTF-8"),
        (b'{"a": {"b": 1, "b": 2}}', "the key 'b' twice.*remove one"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number no benchmark tool writes"),
        (b'{"a": ["\\ud800"]}', "not valid Unicode; have its tool save the file again"),
        (b'{"\\udc00": 1}', "not valid Unicode"),
        (b"3", "expected a JSON object, found int"),
        (WHOLE[:-9], "ends early.*get the file again"),
        (WHOLE[:3], "ends early"),
        (WHOLE[:-6] + b"\0" * 6, "damaged gzip data.*get the file again"),
        (WHOLE + WHOLE, "something follows its gzip data"),
    ],
)
def test_a_damaged_file_is_refused_by_name_place_and_remedy(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"f\.json: .*" + message):
        load(file)


def test_a_pair_of_surrogates_is_one_character(file: Path) -> None:
    file.write_text('{"a": "\\ud83d\\ude00"}')
    assert load(file) == {"a": "😀"}


@pytest.mark.parametrize("compressed", [True, False])
def test_no_more_is_read_than_the_bound(file: Path, monkeypatch: pytest.MonkeyPatch, *, compressed: bool) -> None:
    content = b'{"a": "' + b"x" * 5000 + b'"}'
    file.write_bytes(gzip.compress(content, mtime=0) if compressed else content)
    monkeypatch.setattr(jsonfile, "MAX_BYTES", len(content))
    assert load(file)
    monkeypatch.setattr(jsonfile, "MAX_BYTES", len(content) - 1)
    with pytest.raises(InputError, match=r"f\.json: more than .* MiB of JSON.*save fewer benchmarks"):
        load(file)


def test_a_gzip_bomb_is_not_unpacked_past_the_bound(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = 100_000
    monkeypatch.setattr(jsonfile, "MAX_BYTES", bound)
    bomb = gzip.compress(b" " * 20_000_000, mtime=0)
    assert len(bomb) < bound
    file.write_bytes(bomb)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="MiB of JSON"):
            load(file)
        assert tracemalloc.get_traced_memory()[1] < 10 * bound
    finally:
        tracemalloc.stop()


def test_no_more_values_are_made_than_the_bound(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonfile, "MAX_VALUES", 20)
    for content, fits in (("[1,2,3,4,5,6]", True), ("[[],[],[]]", False), ("[" + "1," * 20 + "1]", False)):
        file.write_text(f'{{"a":{content}}}')
        if fits:
            assert load(file)
        else:
            with pytest.raises(InputError, match="more values than headgate reads"):
                load(file)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; check the path"):
        load(tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize(
    "params",
    [
        [[str(item) for item in range(100)]] * 10,
        [["1", "2"]] * 5000,
        [["1"]] * 5000,
    ],
)
def test_parameters_that_multiply_beyond_memory_are_refused_before_they_are_made(
    file: Path, params: list[list[str]]
) -> None:
    data = {"commit_hash": "a", "params": {}, "python": "", "requirements": {}, "result_columns": ["result", "params"]}
    file.write_text(json.dumps(data | {"results": {"b": [None, params]}, "version": 2}))
    with pytest.raises(InputError, match=r"f\.json: .*more than .*(combinations|parameters)"):
        read_run(file)
    file.write_text(json.dumps({"b": {"params": params}, "version": 2}))
    with pytest.raises(InputError, match=r"f\.json: .*more than .*(combinations|parameters)"):
        asv.read_benchmarks(file)
