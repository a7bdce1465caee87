"""What the suite of lazy datasets tracks holds: a load a key, and nothing held of what was never asked for."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        monkeypatch.delitem(sys.modules, name)
    return importlib.import_module("benchmarks.datasets")


@pytest.mark.slow
def test_nothing_is_held_of_what_was_not_asked_for(suite: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "ARRAYS", 8)
    memory = suite.Memory()
    memory.setup()
    try:
        assert memory.track_of_what_was_not_asked_for() < suite.ARRAY_BYTES / 100
        assert memory.held("many") > suite.ARRAY_BYTES  # the one that was
    finally:
        memory.teardown()


@pytest.mark.slow
def test_sixteen_threads_load_each_key_once(suite: ModuleType) -> None:
    threads = suite.Threads()
    threads.setup("files")
    try:
        assert threads.track_loads("files") == len(suite.KEYS)
    finally:
        threads.teardown("files")
