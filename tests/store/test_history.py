import subprocess
from pathlib import Path

import numpy as np
import pytest
from asv_trees import DAY, START, commit_of, write_benchmarks, write_run

from headgate.errors import InputError, UsageError
from headgate.store.history import read_history
from headgate.store.history_order import Order, newest, ordered, unknown_warning
from headgate.store.history_pool import in_chunks


def test_failed_and_skipped_results_are_gaps(tmp_path):
    for index, value in enumerate([1.0, None, 3.0, float("nan"), 5.0]):
        write_run(tmp_path, commit_of(index), START + index * DAY, {"time_a": value})
    (series,) = read_history(tmp_path).series
    assert series.positions.tolist() == [0, 2, 4]
    assert series.values.tolist() == [1.0, 3.0, 5.0]


def test_machines_environments_versions_and_hardware_are_series_of_their_own(tmp_path):
    write_run(tmp_path, commit_of(0), START, {"time_a": 1.0})
    write_run(tmp_path, commit_of(0), START, {"time_a": 1.0}, machine="other")
    write_run(tmp_path, commit_of(0), START, {"time_a": 1.0}, environment="conda-py3.12")
    write_run(tmp_path, commit_of(1), START + DAY, {"time_a": 1.0}, version="2")
    write_run(tmp_path, commit_of(2), START + 2 * DAY, {"time_a": 1.0}, cpu="B")
    assert len(read_history(tmp_path).series) == 5
    assert {series.key.machine for series in read_history(tmp_path, machine="other").series} == {"other"}


def test_several_results_of_one_commit_become_their_median(tmp_path):
    for index, value in enumerate([1.0, 9.0, 2.0]):
        path = write_run(tmp_path, commit_of(7), START, {"time_a": value})
        path.rename(path.with_name(f"{index}.json"))
    (series,) = read_history(tmp_path).series
    assert series.values.tolist() == [2.0]


def test_only_the_benchmarks_asked_for_are_read(tmp_path):
    write_run(tmp_path, commit_of(0), START, {"time_a": 1.0, "time_b": 2.0})
    assert [str(series.key.benchmark) for series in read_history(tmp_path, bench="_b$").series] == ["time_b"]


def test_a_file_that_cannot_be_read_is_named_and_the_others_count(tmp_path):
    write_benchmarks(tmp_path, ["time_a"])
    write_run(tmp_path, commit_of(0), START, {"time_a": 1.0})
    (tmp_path / "box" / "cut.json").write_text('{"commit_hash": "ab')
    history = read_history(tmp_path)
    assert len(history.series) == 1
    assert history.series[0].unit == "seconds"
    assert len(history.problems) == 1
    assert "cut.json" in history.problems[0]


@pytest.mark.parametrize("content", ["{}", "[]", "", '{"commit_hash": null}', "[" * 100_000])
def test_a_tree_of_rubbish_is_refused(tmp_path, content):
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "a.json").write_text(content)
    with pytest.raises(InputError, match="none of its 1 result files"):
        read_history(tmp_path)


def repository(path: Path, dates: list[int]) -> list[str]:
    """A line of commits, one a date (seconds), each the parent of the next."""
    path.mkdir()
    subprocess.run(["git", "init", "-q", "."], cwd=path, check=True)
    commits = []
    for date in dates:
        stamp = {"GIT_AUTHOR_DATE": f"{date} +0000", "GIT_COMMITTER_DATE": f"{date} +0000", "PATH": "/usr/bin:/bin"}
        who = ["-c", "user.name=n", "-c", "user.email=e@x"]
        subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", "c"], cwd=path, check=True, env=stamp)
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=path, check=True, capture_output=True, text=True)
        commits.append(done.stdout.strip())
    return commits


def test_commits_are_ordered_by_topology_where_their_dates_go_back(tmp_path):
    start = 1_700_000_000
    commits = repository(tmp_path / "repo", [start, start + 500, start + 100, start + 900])
    dates = dict(zip(commits, [start, start + 500, start + 100, start + 900], strict=True))
    assert ordered(dates, None).commits == (commits[0], commits[2], commits[1], commits[3])
    known = ordered(dates, tmp_path / "repo")
    assert list(known.commits) == commits
    stranger = ordered(dates | {"f" * 40: start + 600.0}, tmp_path / "repo")
    assert list(stranger.commits) == [*commits[:3], "f" * 40, commits[3]]
    assert stranger.unknown == 1
    assert newest(known, commits[1]) == {2, 3}
    assert newest(known, "HEAD~1") == {3}
    assert newest(known, "2") == {2, 3}


@pytest.fixture
def shallow(tmp_path):
    """A clone of the newest two of five commits, and the dates of all."""
    dates = [START // 1000 + index * 100 for index in range(5)]
    commits = repository(tmp_path / "repo", dates)
    url = (tmp_path / "repo").as_uri()
    subprocess.run(["git", "clone", "-q", "--depth", "2", url, str(tmp_path / "cut")], check=True)
    return tmp_path / "cut", dict(zip(commits, map(float, dates), strict=True))


def test_in_a_shallow_clone_what_lies_before_its_end_is_not_new_and_said_to_go_by_date(shallow):
    clone, dates = shallow
    order = ordered(dates, clone)
    assert order.commits == tuple(dates)
    assert newest(order, "HEAD~1") == {4}
    assert "3 of 5 measured commits are not in the repository, a shallow clone" in unknown_warning(order)
    with pytest.raises(UsageError, match=r"--since v1: no commit.*the clone is shallow.*git fetch --unshallow"):
        newest(order, "v1")


def test_a_shallow_clone_that_has_none_of_the_commits_says_so_and_a_whole_one_nothing(shallow, tmp_path):
    clone, dates = shallow
    before = dict(list(dates.items())[:3])
    assert "3 of 3 measured commits" in unknown_warning(ordered(before, clone))
    assert unknown_warning(ordered(dict(list(dates.items())[3:]), clone)) == ""
    assert unknown_warning(ordered(dates, tmp_path / "repo")) == ""


def test_in_a_clone_of_one_branch_what_it_lacks_stays_new_and_is_said(shallow, tmp_path):
    _, dates = shallow
    other = "f" * 40  # measured on a branch that was not cloned, from before the last commit of this one
    order = ordered(dates | {other: list(dates.values())[2] + 1.0}, tmp_path / "repo")
    assert [order.commits[index] for index in sorted(newest(order, "HEAD~1"))] == [other, list(dates)[4]]
    assert "1 of 6 measured commits are not in the repository: their date" in unknown_warning(order)


def test_outside_a_repository_dates_decide(tmp_path):
    order = ordered({"b": 1.0, "a": 2.0}, tmp_path)
    assert (order.commits, order.repository) == (("b", "a"), None)


@pytest.mark.parametrize("since", ["0", "", "nonsense", "-1", "--all", "a"])
def test_a_since_that_says_nothing_is_refused(since):
    with pytest.raises(UsageError, match="--since"):
        newest(Order(("ab" * 20, "ac" * 20), (1.0, 2.0)), since)


def test_without_a_repository_since_may_be_the_beginning_of_a_measured_commit():
    assert newest(Order(("ab" * 20, "ac" * 20), (1.0, 2.0)), "aba") == {1}


@pytest.mark.slow
def test_several_processes_give_what_one_gives(tmp_path):
    for index in range(400):
        write_run(tmp_path, commit_of(index), START + index * DAY, {"time_a": 1.0 + index, "time_b": 2.0})
    one, two = read_history(tmp_path), read_history(tmp_path, workers=2)
    assert one.commits == two.commits
    assert [series.key for series in one.series] == [series.key for series in two.series]
    assert all(np.array_equal(a.values, b.values) for a, b in zip(one.series, two.series, strict=True))


def test_chunks_keep_their_order():
    assert list(in_chunks(abs, [-3, 2, -1], 1)) == [3, 2, 1]
