"""A project with benchmarks whose clock is its own, so that what they take is known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

TICKS = '''
import os
clock = 0.0

def now():
    return clock

def work(seconds):
    """Take this long, a hair more or less each time."""
    global clock
    work.calls += 1
    clock += seconds * (1.0 + 0.001 * (work.calls % 7))

work.calls = int(os.environ.get("LAUNCH", "0"))
'''
CONFTEST = """
import os
import pytest

@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_generate_machine_info():
    return {"node": os.environ.get("NODE", "here"), "machine": "x86_64", "cpu": {"brand_raw": "A Processor"}}

@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_generate_commit_info():
    return {"id": os.environ.get("COMMIT", "unversioned"), "time": None, "dirty": "DIRTY" in os.environ}
"""
SUITE = """
import os
import pytest
import ticks

FACTOR = float(os.environ.get("FACTOR", "1"))

@pytest.mark.benchmark(timer=ticks.now)
@pytest.mark.parametrize("size", [10, 20])
def test_work(benchmark, size):
    if size == 20 and "SKIP" in os.environ:
        pytest.skip("not today")
    benchmark.pedantic(ticks.work, args=(size * 1e-4 * FACTOR,), rounds=20)
    assert "BREAK" not in os.environ

@pytest.mark.benchmark(timer=ticks.now)
def test_other(benchmark):
    benchmark.pedantic(ticks.work, args=(3e-3,), rounds=20)
"""
PLAIN = """
def test_plain():
    assert True
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


def write_project(folder: Path) -> Path:
    (folder / "bench").mkdir(parents=True)
    for name, text in {
        "ticks.py": TICKS,
        "conftest.py": CONFTEST,
        "bench/test_work.py": SUITE,
        "test_plain.py": PLAIN,
        "pytest.ini": "[pytest]\npythonpath = .\nfilterwarnings = error\n",
        "headgate.toml": "",
    }.items():
        (folder / name).write_text(text)
    (folder / ".git").mkdir()
    return folder


def run_in(
    folder: Path, *options: object, plugins: tuple[str, ...] = ("benchmark", "headgate"), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder: this plugin, pytest-benchmark, and no other that is installed."""
    # A worker of pytest-xdist runs this; the inner run is nobody's worker, and no job of continuous integration.
    outer = ("PYTEST_", "GITHUB_", "NO_COLOR", "FORCE_COLOR", "PY_COLORS")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(outer)}
    loaded = [word for name in plugins for word in ("-p", name)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *loaded, *map(str, options)],
        cwd=folder,
        env=clean | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "120"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


@pytest.fixture
def run(project: Path) -> Run:
    return partial(run_in, project)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The project's results, as pytest-benchmark saves them."""
    folder = write_project(tmp_path_factory.mktemp("measured") / "project")
    done = run_in(folder, "--benchmark-json=base.json")
    assert done.returncode == 0, done.stdout
    return (folder / "base.json").read_text()


@pytest.fixture
def saved(project: Path, results: str) -> Path:
    path = project / "base.json"
    path.write_text(results)
    return path


@pytest.fixture
def launches(project: Path, results: str) -> Callable[..., None]:
    """Save the results of several launches, each a little off the others, all slower by a factor."""

    def save(name: str, count: int, *, factor: float = 1.0, commit: str = "unversioned") -> None:
        for launch in range(count):
            document = json.loads(results)
            document["commit_info"]["id"] = commit
            for entry in document["benchmarks"]:
                entry["stats"]["data"] = [
                    sample * factor * (1.0 + 0.002 * (launch % 5) + 1e-4 * launch) for sample in entry["stats"]["data"]
                ]
            (project / f"{name}-{launch}.json").write_text(json.dumps(document))

    return save
