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
    line = {"done": {"b": [0, 3, 4]}, "versions": {"b": "v1"}, "seconds": {"b": [2.0, 1]}, "not_measured": [skip]}
    bench_log.append(path, line)
    log = bench_log.read_log(path)
    assert log.resumes(header)
    assert not log.resumes({**header, "mode": "full"})
    assert log.valid({"b": "v1"}) == {("b", 0), ("b", 3), ("b", 4)}
    assert log.valid({"b": "v2"}) == log.valid({}) == set()
    assert log.reasons["e", "b", 4] == ("skipped", "slow")
    bench_log.append(path, {"finished": "2026-01-02"})
    assert not bench_log.read_log(path).resumes(header)


def test_a_new_session_forgets_what_the_last_one_finished_but_not_how_long_it_took(tmp_path):
    path = tmp_path / "log.jsonl"
    for _ in range(2):
        bench_log.start(path, {"mode": "quick"}, "now")
        assert bench_log.read_log(path).done == {}
        bench_log.append(path, {"done": {"b": [0]}, "seconds": {"b": [2.0, 1]}})
    assert bench_log.read_log(path).seconds == {"b": (4.0, 2)}


def test_what_failed_is_not_done_until_it_was_measured(tmp_path):
    path = tmp_path / "log.jsonl"
    bench_log.start(path, {"mode": "quick"}, "now")
    failed = {"environment": "e", "benchmark": "b", "outcome": "failed", "reason": "boom", "indices": [1]}
    line = {"done": {"b": [0, 1]}, "versions": {"b": "v1"}}
    bench_log.append(path, {**line, "not_measured": [failed]})
    assert bench_log.read_log(path).valid({"b": "v1"}) == {("b", 0)}
    bench_log.append(path, {**line, "done": {"b": [1]}})
    log = bench_log.read_log(path)
    assert (log.valid({"b": "v1"}), log.reasons) == ({("b", 0), ("b", 1)}, {})


def test_what_an_older_headgate_noted_without_versions_counts_as_not_done(tmp_path):
    path = tmp_path / "log.jsonl"
    bench_log.start(path, {"mode": "quick"}, "now")
    bench_log.append(path, {"done": {"b": [0]}})
    assert bench_log.read_log(path).valid({"b": "v1"}) == bench_log.read_log(path).valid({}) == set()


@pytest.mark.parametrize("torn", [b'{"done": {"b"', b"\0\0\0", b'{"reason": "\xc3'])
def test_a_torn_last_line_is_dropped_and_spoils_no_line_after_it(tmp_path, torn):
    path = tmp_path / "log.jsonl"
    bench_log.start(path, {"mode": "quick"}, "now")
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    log = bench_log.read_log(path)
    assert (log.header["mode"], log.torn, log.finished) == ("quick", True, False)
    bench_log.append(path, {"finished": "now"})
    assert path.read_bytes() == whole + b'{"finished":"now"}\n'
    log = bench_log.read_log(path)
    assert (log.torn, log.finished) == (False, True)


def test_a_last_line_that_lacks_its_newline_alone_is_kept(tmp_path):
    path = tmp_path / "log.jsonl"
    bench_log.start(path, {"mode": "quick"}, "now")
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    bench_log.append(path, {"finished": "now"})
    log = bench_log.read_log(path)
    assert (log.header["mode"], log.torn, log.finished) == ("quick", False, True)


def test_a_line_that_is_no_json_before_the_last_is_refused(tmp_path):
    path = tmp_path / "log.jsonl"
    bench_log.start(path, {"mode": "quick"}, "now")
    with path.open("a") as stream:
        stream.write('{"done": {"b"\n{}\n')
    with pytest.raises(InputError, match=r"log\.jsonl:2"):
        bench_log.read_log(path)


def test_no_repository_and_no_commit_are_told_apart(tmp_path):
    import subprocess

    with pytest.raises(InputError, match="not in a git repository"):
        head(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    with pytest.raises(UsageError, match="no commit yet"):
        head(tmp_path)
