"""Which files, and which part of the baseline, a run is judged against."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pluggy
import pytest

from headgate.errors import InputError
from headgate.gates.policy import Policy
from headgate.gates.saved import processes_needed
from headgate.pytest_plugin.sides import HookError, asked_for, found_files, telling_hooks


@pytest.mark.parametrize(
    ("prefixes", "asked"),
    [
        (None, True),
        ([""], True),
        (["bench"], True),
        (["bench/test_a.py"], True),
        (["bench/test_a.py::test_x"], True),
        (["bench/test_a.py::test_x[1-2]"], True),
        (["bench/test_a.py::test_x[1]"], False),
        (["bench/test_a.py::test"], False),
        (["bench/test"], False),
        (["other", "bench/test_a.py"], True),
        (["other"], False),
        ([], False),
    ],
)
def test_a_benchmark_is_asked_for_by_its_directory_its_file_or_its_id(prefixes, asked) -> None:
    assert asked_for("bench/test_a.py::test_x[1-2]", prefixes) is asked


def test_globs_and_names_give_each_file_once_in_order(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b-2.json", "b-1.json", "a.json", "odd[1].json"):
        (tmp_path / name).touch()
    assert found_files(["a.json", "b-*.json", "./a.json", "odd[1].json"], "--x") == [
        "a.json",
        "b-1.json",
        "b-2.json",
        "odd[1].json",
    ]
    with pytest.raises(InputError, match=r"--x: 'none-\*' matches no file"):
        found_files(["none-*"], "--x")


def test_a_hooks_failure_is_placed_in_the_projects_code_or_else_in_the_plugins_hook(tmp_path) -> None:
    """Whoever wrote the hook is to find the line; where a library failed beneath it says less."""
    packages = tmp_path / "site-packages"
    packages.mkdir()
    hook = "import json\nimport sys\nimport pluggy\n@pluggy.HookimplMarker('p')\ndef event():\n    json.loads('{')\n"
    for place, told in ((tmp_path / "conftest.py", "conftest.py:6, in event"), (packages / "x.py", "x.py:6, in event")):
        names: dict[str, object] = {}
        exec(compile(hook, str(place), "exec"), names)
        manager = pluggy.PluginManager("p")
        manager.add_hookspecs(SimpleNamespace(event=pluggy.HookspecMarker("p")(lambda: None)))
        manager.register(SimpleNamespace(event=names["event"]))
        with pytest.raises(HookError, match=re.escape(f"{place.parent / told}: a hook")), telling_hooks():
            manager.hook.event()


@pytest.mark.parametrize(("cases", "needed"), [(1, 5), (20, 7)])
def test_the_processes_needed_are_those_of_the_exact_test(cases: int, needed: int) -> None:
    assert processes_needed(cases, Policy(confidence=0.99)) == needed
