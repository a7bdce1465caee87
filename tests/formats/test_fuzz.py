"""Whatever is done to a valid file, it is read or refused with an InputError, never anything else."""

from __future__ import annotations

import copy
import gzip
import json
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_verdicts import sample_evidence

from headgate.errors import InputError
from headgate.formats import READERS, read_run
from headgate.formats.asv import read_benchmarks
from headgate.formats.native import read_sides
from headgate.formats.saved import Outcome, SavedRun
from headgate.store.bundle import evidence_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parents[1] / "data"
FILES = {
    "asv 1": "asv/version-1.json",
    "asv": "asv/kedro/github-actions/91468e64-virtualenv-py3.11.json",
    "asv samples": "asv/django-b1f88476.json",
    "pytest-benchmark": "pytest_benchmark/5.3.1.json",
    "pytest-benchmark summary": "pytest_benchmark/5.3.1-summary.json",
    "pyperf": "pyperf/2.10.0-suite.json",
    "pyperf 5": "pyperf/format-5.json",
}
# Written into the text where a value stood: what json.dumps cannot make.
RAW = {"@deep": "[" * 3000 + "]" * 3000, "@digits": "9" * 5000, "@twice": '{"a":1,"a":2}', "@half": '"\\ud800"'}
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([10**400, -(10**400), 1e308, 5e-324, 2**63, 0, -1, "", "1.0", 5, 6, *RAW])
    | st.text(max_size=4)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@cache
def seed(name: str) -> Any:
    if name == "headgate":
        return json.loads(evidence_to_bytes(sample_evidence(count=2)))
    return json.loads((DATA / FILES[name]).read_text())


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*here, key)
        yield from places(item, (*here, key))


@cache
def places_of(name: str) -> list[list[tuple[Any, ...]]]:
    """The places of a seed by depth: drawn evenly over depths, the few outer ones are met as often as the samples."""
    by_depth: dict[int, list[tuple[Any, ...]]] = {}
    for place in places(seed(name)):
        by_depth.setdefault(len(place), []).append(place)
    return list(by_depth.values())


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid file in which up to three places were replaced, removed, doubled or exchanged."""
    name = draw(st.sampled_from([*FILES, "headgate"]))
    data = copy.deepcopy(seed(name))
    for place in draw(st.lists(st.sampled_from(places_of(name)).flatmap(st.sampled_from), min_size=1, max_size=3)):
        mutate(draw, data, place)
    text = json.dumps(data)
    for mark, raw in RAW.items():
        text = text.replace(f'"{mark}"', raw)
    return text.encode()


def mutate(draw: st.DrawFn, data: Any, place: tuple[Any, ...]) -> None:
    *parents, last = place
    try:
        for key in parents:
            data = data[key]
        data[last]
    except (KeyError, IndexError, TypeError):
        return  # an earlier mutation took it away
    if not isinstance(data, dict | list):
        return
    action = draw(st.sampled_from(["replace", "remove", "wrap", "grow"]))
    if action == "remove":
        del data[last]
    elif action == "wrap":
        data[last] = [data[last]]
    elif action == "grow" and isinstance(data[last], list):
        data[last] = data[last] * 2
    else:
        data[last] = draw(VALUES)


def check(run: SavedRun) -> None:
    """What a reader promises of every run, however strange the file."""
    for item in run.results:
        numbers = [item.value, item.lower, item.upper, item.stddev, item.started_at, *item.samples]
        assert all(number is None or (isinstance(number, float | int) and math.isfinite(number)) for number in numbers)
        assert (item.value is not None) == (item.outcome is Outcome.MEASURED)
        assert not item.groups or sum(item.groups, ()) == item.samples
        assert all(item.groups)
        assert item.count is None or (item.count >= 1 and (not item.samples or item.count == len(item.samples)))
        assert item.stddev is None or item.stddev >= 0
        str(item.benchmark).encode()
        hash(item)
    assert all(isinstance(text, str) for text in (run.environment, run.python, *run.machine.values()))
    assert all(math.isfinite(number) for number in run.durations.values())


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "f.json"


def attempt(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for reader in (read_run, read_sides, read_benchmarks):
        message, result = "", None
        try:
            result = reader(path)
        except InputError as error:
            message = str(error)
        if result is None:
            assert message.startswith(f"{path}: ")
            assert len(message.encode()) < 600
        for run in result if isinstance(result, tuple) else [result]:
            if isinstance(run, SavedRun):
                check(run)


def test_the_seeds_themselves_are_read(path: Path) -> None:
    assert {name.split()[0] for name in FILES} | {"headgate"} == {name.split()[0] for name in READERS}
    for name in FILES:
        path.write_text(json.dumps(seed(name)))
        check(read_run(path))
    path.write_text(json.dumps(seed("headgate")))
    for run in read_sides(path):
        check(run)


@settings(max_examples=150, deadline=None)
@given(mutated())
def test_a_file_with_wrong_parts_is_read_or_refused(path: Path, content: bytes) -> None:
    attempt(path, content)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_a_file_with_wrong_bytes_is_read_or_refused(path: Path, name: str, data: st.DataObject) -> None:
    content = bytearray((DATA / FILES[name]).read_bytes())
    if data.draw(st.booleans()):
        content = bytearray(gzip.compress(content, 1))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, max(0, len(content) - 1)))
        if data.draw(st.integers(0, 9)) == 0:
            del content[start:]
        else:
            content[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    attempt(path, bytes(content))


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(mutated())
def test_many_files_with_wrong_parts_are_read_or_refused(path: Path, content: bytes) -> None:
    attempt(path, content)
