import io
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from asv_trees import DAY, START, commit_of, write_benchmarks, write_run

from headgate.cli import main

GOLDEN = Path(__file__).parents[1] / "golden" / "history"
LINK = "https://example.org/compare/{last_good}...{commit}"


def history(*words: str | Path) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(["history", *map(str, words)], out, err)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def tree(tmp_path):
    """Forty commits: one benchmark slower from commit 15 on, one faster from 20, one slower from 34, one as ever."""
    rng = np.random.default_rng(1)
    names = ["time_early", "time_better", "time_late", "time_same", "track_share"]
    write_benchmarks(tmp_path / "results", names)
    for index in range(40):
        level = [0.3 * (index >= 15), -0.2 * (index >= 20), 0.25 * (index >= 34), 0.0, 0.4 * (index >= 25)]
        values = 1e-3 * np.exp(np.array(level) + 0.01 * rng.normal(size=5))
        results = dict(zip(names, values.tolist(), strict=True))
        if index == 14:
            results["time_early"] = None
        write_run(tmp_path / "results", commit_of(index), START + index * DAY, results)
    (tmp_path / "headgate.toml").write_text('[[overrides]]\nmatch = "track_share"\ndirection = "higher"\n')
    (tmp_path / ".git").mkdir()
    return tmp_path / "results"


def check_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if not path.exists():
        path.write_text(text)
        pytest.fail(f"{path} was missing and has been written: read it, and commit it")
    assert text == path.read_text()


def test_the_renderings_are_as_agreed(tree, tmp_path):
    code, out, err = history(
        "--results", tree, "--link", LINK, "--markdown", tmp_path / "h.md", "--json", tmp_path / "h.json"
    )
    assert (code, err) == (0, "")
    check_golden("wide.txt", out)
    check_golden("changes.md", (tmp_path / "h.md").read_text())
    check_golden("changes.json", (tmp_path / "h.json").read_text())


def test_the_newest_worsening_comes_first_and_improvements_last(tree):
    document = json.loads(history("--results", tree, "--json", "-")[1])
    assert document["schema"] == "headgate.history/1"
    changes = [(change["benchmark"], change["direction"], change["new"]) for change in document["changes"]]
    assert changes == [
        ("time_late", "worse", True),
        ("time_early", "worse", False),
        ("track_share", "better", False),
        ("time_better", "better", False),
    ]


def test_a_gap_widens_the_range_of_commits(tree):
    document = json.loads(history("--results", tree, "--bench", "early", "--json", "-")[1])
    (change,) = document["changes"]
    assert change["last_good"] == commit_of(13)
    assert change["first_bad"] == commit_of(15)
    assert change["commits_in_range"] == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 1),
        (("--since", "4"), 0),
        (("--since", commit_of(33)[:12]), 1),
        (("--since", commit_of(35)[:12]), 0),
        (("--bench", "same"), 0),
        (("--bench", "better"), 0),
        (("--bench", "early", "--since", "30"), 1),
    ],
)
def test_only_a_new_worsening_fails(tree, words, code):
    assert history("--results", tree, "--fail-on-new", *words)[0] == code
    assert history("--results", tree, *words)[0] == 0


def test_what_was_written_beside_the_machines_is_written_again(tree):
    path = tree / "reports" / "history.json"
    path.parent.mkdir()
    for _ in range(2):
        assert history("--results", tree, "--json", path)[0] == 0
    assert json.loads(path.read_text())


@pytest.mark.parametrize("name", ["benchmarks.json", "box/machine.json"])
def test_no_file_of_the_tree_is_written_over(tree, name):
    path = tree / name
    path.parent.mkdir(exist_ok=True)
    before = path.read_bytes() if path.exists() else b"{}"
    path.write_bytes(before)
    code, out, err = history("--results", tree, "--json", path)
    assert (code, out) == (2, "")
    assert f"--json: {path} is what --results reads and would be overwritten; give another file" in err
    assert path.read_bytes() == before


def test_smaller_changes_than_the_margin_are_not_listed(tree):
    assert "time_late" not in history("--results", tree, "--margin", "40%")[1]


def test_quiet_leaves_the_worsenings_and_the_sentence(tree):
    out = history("--results", tree, "--quiet")[1]
    assert "time_early" in out
    assert "time_better" not in out
    assert "Terms" not in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--bench", "["), "not a regular expression"),
        (("--bench", "nothing_like_it"), "'nothing_like_it' matches nothing in 40 files"),
        (("--machine", "laptop"), "it has: box"),
        (("--since", "v9"), "--since v9"),
        (("--link", "https://example.org"), "{commit}"),
        (("--margin", "0"), "margin"),
        (("--repository", "/no/such/place"), "is not a directory; check the path"),
    ],
)
def test_a_wrong_argument_is_said_to_be_wrong(tree, words, says):
    code, out, err = history("--results", tree, *words)
    assert (code, out) == (2, "")
    assert says in err


def test_too_few_results_are_no_green_verdict(tmp_path):
    for index in range(5):
        write_run(tmp_path, commit_of(index), START + index * DAY, {"time_a": 1.0})
    code, _, err = history("--results", tmp_path, "--fail-on-new")
    assert code == 2
    assert "has 5 results, 6 are needed" in err


@pytest.mark.parametrize("made", [False, True])
def test_no_results_are_no_green_verdict(tmp_path, made):
    if made:
        (tmp_path / "results").mkdir()
    code, _, err = history("--results", tmp_path / "results", "--fail-on-new")
    assert code == 2
    assert "headgate bench" in err


def test_hostile_names_neither_control_the_terminal_nor_the_page(tmp_path):
    name = "time_\x1b[31m<script>|`@everyone`"
    for index in range(30):
        value = 1.0 + 0.001 * (index % 3) + (index >= 15)
        write_run(tmp_path, commit_of(index), START + index * DAY, {name: value}, environment="e]|<b>")
    code, out, _ = history("--results", tmp_path, "--markdown", tmp_path / "h.md", "--link", "https://x/{commit}")
    text = (tmp_path / "h.md").read_text()
    assert code == 0
    assert "\x1b" not in out + text
    assert "<script>" not in text
    assert "@everyone" not in text
    assert re.search(r"\[<code>\w{10}\.\.\w{10}</code>\]\(<https://x/\w{40}>\)", text)


def test_files_that_cannot_be_read_are_warned_of(tree):
    (tree / "box" / "cut.json").write_text("{")
    code, out, err = history("--results", tree)
    assert code == 0
    assert "time_late" in out
    assert "cut.json" in err


def test_results_are_taken_from_where_the_project_has_them(tree, monkeypatch):
    project = tree.parent
    (project / "asv.conf.json").write_text(
        json.dumps({"version": 1, "project": "p", "repo": ".", "results_dir": ".asv/results"})
    )
    monkeypatch.chdir(project)
    code, _, err = history()
    assert code == 2
    assert ".asv/results: no such directory" in err
    (project / ".asv").mkdir()
    tree.rename(project / ".asv" / "results")
    (project / "src").mkdir()
    for place in (project, project / "src"):
        monkeypatch.chdir(place)
        code, out, err = history()
        assert (code, err) == (0, "")
        assert "time_late" in out


def test_a_calibration_beside_the_results_is_none_of_them(tree):
    (tree / "box" / "calibration.json").write_text('{"schema": "headgate.calibration/1"}')
    code, _, err = history("--results", tree)
    assert (code, err) == (0, "")


def test_a_report_of_too_few_results_does_not_say_that_nothing_changed(tmp_path):
    for index in range(2):
        write_run(tmp_path / "results", commit_of(index), START + index * DAY, {"time_a": 1.0})
    out, err = io.StringIO(), io.StringIO()
    assert main(["report", "--results", str(tmp_path / "results"), "-o", str(tmp_path / "site")], out, err) == 0
    page = (tmp_path / "site" / "history.html").read_text()
    assert "Nothing was searched: all 1 series are shorter than 6 results." in page
    assert "No change point" not in page


def test_commits_that_a_shallow_clone_lacks_are_warned_of(tree, tmp_path):
    repository, clone = tmp_path / "repository", tmp_path / "clone"
    who = ["-c", "user.name=n", "-c", "user.email=e@x"]
    subprocess.run(["git", "init", "-q", repository], check=True)
    for _ in range(2):
        subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", "c"], cwd=repository, check=True)
    subprocess.run(["git", "clone", "-q", "--depth", "1", repository.as_uri(), clone], check=True)
    assert history("--results", tree, "--repository", repository)[2] == ""
    code, _, err = history("--results", tree, "--repository", clone, "--quiet")
    assert code == 0
    assert "headgate: warning: 40 of 40 measured commits are not in the repository, a shallow clone" in err
