"""`headgate bench` with the real asv, in a small repository of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SUITE = """
class Suite:
    params = ([1, 2, 3],)
    param_names = ("n",)
    repeat = 2
    number = 1
    warmup_time = 0

    def setup(self, n):
        if n == 2:
            raise NotImplementedError("two says nothing")

    def time_sum(self, n):
        sum(range(n))

    def track_n(self, n):
        if n == 3:
            raise ValueError("three is broken")
        return n
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").touch()
    (tmp_path / "benchmarks" / "suite.py").write_text(SUITE)
    config = {"version": 1, "project": "p", "repo": ".", "branches": ["HEAD"], "environment_type": "existing"}
    config |= {"pythons": ["same"], "env_dir": ".asv/env", "html_dir": ".asv/html"}
    (tmp_path / "asv.conf.json").write_text(json.dumps(config))
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "first"],
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def headgate(repository, *words):
    home = repository / "home"
    home.mkdir(exist_ok=True)
    env = {**os.environ, "HOME": str(home)}
    command = [sys.executable, "-m", "headgate", *words]
    found = subprocess.run(command, cwd=repository, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert not list(home.iterdir()), "the user's own asv machine file is left alone"
    return found


def test_a_small_suite_is_measured_reported_and_published(repository):
    done = headgate(
        repository, "bench", "--bench", "time_sum", "--machine", "box", "--results", "kept", "--html", "site"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("site/index.html")
    assert "2 measured, 1 skipped, 0 failed" in done.stderr
    names = sorted(path.name for path in (repository / "kept" / "box").iterdir())
    assert "hardware.json" in names
    assert "machine.json" in names
    page = (repository / "site" / "index.html").read_text()
    assert "suite.Suite.time_sum" in page
    assert "two says nothing" in page
    assert not (repository / "results").exists()
    (run,) = (repository / "kept" / "box").glob("*-existing-*.json")
    assert json.loads(run.read_text())["results"]["suite.Suite.time_sum"][11][0], "raw samples are kept"


def test_a_broken_benchmark_exits_4_and_asv_publishes_the_rest(repository):
    done = headgate(repository, "bench", "--machine", "box")
    assert done.returncode == 4, done.stderr
    assert "suite.Suite.track_n(3)" in done.stderr
    assert "three is broken" in done.stderr
    published = subprocess.run(
        [sys.executable, "-m", "asv", "publish", "--no-pull"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert published.returncode == 0, published.stdout + published.stderr
    assert (repository / ".asv" / "html" / "index.html").is_file()


def test_a_suite_that_cannot_be_imported_shows_the_end_of_the_log(repository):
    (repository / "benchmarks" / "suite.py").write_text("import a_module_that_is_not_there\n")
    done = headgate(repository, "bench", "--machine", "box")
    assert done.returncode == 4
    assert "a_module_that_is_not_there" in done.stderr
    assert "Traceback (most recent call last)" not in done.stderr.split("| ")[0]
