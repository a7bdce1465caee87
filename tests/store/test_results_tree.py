"""The results/ tree and the bench log in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from headgate.errors import InputError, UsageError
from headgate.store import bench_log
from headgate.store.git import head
from headgate.store.results import machines, read_machine

DATA = Path(__file__).parents[1] / "data" / "asv"


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "box").mkdir()
    shutil.copy(DATA / "kedro-0498150d.json", tmp_path / "box" / "0498150d-py.json")
    return tmp_path


def test_a_machine_without_results_is_none(tree):
    (tree / "empty").mkdir()
    (tree / "empty" / "machine.json").write_text("{}")
    assert machines(tree) == ["box"]


def test_an_absent_or_empty_tree_says_what_to_do(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="headgate bench"):
            machines(path)


def test_one_corrupt_file_is_a_problem_beside_the_others_not_their_end(tree):
    (tree / "box" / "deadbeef-py.json").write_text('{"cut":')
    loaded = read_machine(tree, "box")
    assert len(loaded.runs) == 1
    assert any("deadbeef" in problem for problem in loaded.problems)
    assert any("benchmarks.json" in problem for problem in loaded.problems)
    assert loaded.newest_commit() == loaded.runs[0].commit
    assert loaded.of_commit(loaded.runs[0].commit) == list(loaded.runs)


def test_the_log_keeps_what_asv_does_not_and_says_where_to_go_on(tmp_path):
    path = bench_log.log_path(tmp_path, "box", "abcdef0123")
    assert path.name == "abcdef01-bench.jsonl"
    header = {"commit": "abc", "mode": "quick", "bench": []}
    bench_log.start(path, header, "2026-01-01")
    skip = {"environment": "e", "benchmark": "b", "outcome": "skipped", "reason": "slow", "indices": [3, 4]}
    bench_log.append(path, {"done": {"b": [0, 3, 4]}, "seconds": {"b": [2.0, 1]}, "not_measured": [skip]})
    log = bench_log.read_log(path)
    assert log.resumes(header)
    assert not log.resumes({**header, "mode": "full"})
    assert log.done == {("b", 0), ("b", 3), ("b", 4)}
    assert log.reasons["e", "b", 4] == ("skipped", "slow")
    bench_log.append(path, {"finished": "2026-01-02"})
    assert not bench_log.read_log(path).resumes(header)


def test_a_new_session_forgets_what_the_last_one_finished_but_not_how_long_it_took(tmp_path):
    path = tmp_path / "log.jsonl"
    for _ in range(2):
        bench_log.start(path, {"mode": "quick"}, "now")
        assert bench_log.read_log(path).done == set()
        bench_log.append(path, {"done": {"b": [0]}, "seconds": {"b": [2.0, 1]}})
    assert bench_log.read_log(path).seconds == {"b": (4.0, 2)}


def test_a_torn_last_line_is_dropped_and_any_other_is_refused(tmp_path):
    path = tmp_path / "log.jsonl"
    bench_log.start(path, {"mode": "quick"}, "now")
    with path.open("a") as stream:
        stream.write('{"done": {"b"')
    assert bench_log.read_log(path).header["mode"] == "quick"
    with path.open("a") as stream:
        stream.write("\n{}\n")
    with pytest.raises(InputError, match=r"log\.jsonl:2"):
        bench_log.read_log(path)


def test_no_repository_and_no_commit_are_told_apart(tmp_path):
    import subprocess

    with pytest.raises(InputError, match="not in a git repository"):
        head(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    with pytest.raises(UsageError, match="no commit yet"):
        head(tmp_path)
