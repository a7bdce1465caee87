"""Configurations found, sides prepared, builds that fail: and two commits really built."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headgate.errors import EnvironmentBuildError, InputError, UsageError
from headgate.measure import environments
from headgate.measure.asv_config import find_results
from headgate.measure.environments import (
    Selection,
    find_config,
    prepare_commits,
    prepare_directories,
    prepare_interpreters,
)
from headgate.measure.rounds import measure_rounds
from headgate.measure.suite import discover
from headgate.model import Side

MAKE = Path(__file__).resolve().parents[1] / "suites" / "make_known_truth.py"


def write_config(directory: Path, **changes) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / "asv.conf.json"
    conf = {"version": 1, "project": "p", "repo": ".", "environment_type": "virtualenv", **changes}
    path.write_text("// a comment, as asv allows\n" + json.dumps(conf))
    return path


def make_repository(tmp_path: Path, extra: str = "0.05") -> Path:
    subprocess.run([sys.executable, MAKE, tmp_path / "repo", "--extra", extra, "--no-numpy"], check=True)
    return tmp_path / "repo"


def test_the_configuration_is_found_where_asv_finds_it_and_its_paths_are_relative_to_it(tmp_path):
    write_config(tmp_path, benchmark_dir="perf", default_benchmark_timeout=5, env_dir=".asv/env")
    config = find_config(tmp_path)
    assert config.benchmark_dir == tmp_path.resolve() / "perf"
    assert config.env_dir == tmp_path.resolve() / ".asv" / "env"
    assert config.default_timeout == 5.0


def test_a_missing_configuration_points_at_one_in_a_subdirectory(tmp_path):
    with pytest.raises(InputError, match=r"no asv.conf.json; give one with --config FILE"):
        find_config(tmp_path)
    write_config(tmp_path / "bench")
    with pytest.raises(InputError, match=r"try --config bench/asv.conf.json"):
        find_config(tmp_path)
    assert find_config(tmp_path, tmp_path / "bench" / "asv.conf.json").project == "p"


def test_two_configurations_side_by_side_are_ambiguous(tmp_path):
    write_config(tmp_path)
    (tmp_path / "asv.conf.jsonc").write_text("{}")
    with pytest.raises(InputError, match="say which one"):
        find_config(tmp_path)


def test_results_are_where_the_nearest_configuration_of_the_repository_has_them(tmp_path):
    write_config(tmp_path, results_dir="elsewhere")
    project = tmp_path / "project"
    (project / "docs").mkdir(parents=True)
    (project / ".git").mkdir()
    assert find_results(project / "docs") is None
    write_config(project, results_dir=".asv/results")
    assert find_results(project / "docs") == project.resolve() / ".asv" / "results"
    (project / "asv.conf.jsonc").write_text("{}")
    with pytest.raises(InputError, match="give --results DIR"):
        find_results(project)


@pytest.mark.parametrize("text", ["{broken", '{"version": 1, "project": "x"}'])
def test_an_unusable_configuration_is_named(tmp_path, text):
    (tmp_path / "asv.conf.json").write_text(text)
    with pytest.raises(InputError, match="not a usable asv configuration"):
        find_config(tmp_path)


def test_an_interpreter_that_does_not_run_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"--candidate-python: .* cannot be run \(No such file or directory\)"):
        prepare_interpreters(Path(sys.executable), tmp_path / "none", tmp_path)
    with pytest.raises(InputError, match="no such directory; mend benchmark_dir"):
        prepare_interpreters(Path(sys.executable), Path(sys.executable), tmp_path / "none")


def test_pythonpath_does_not_reach_the_sides_since_both_would_import_the_same_code(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/here")
    assert "PYTHONPATH" not in prepare_interpreters(Path(sys.executable), Path(sys.executable), tmp_path)[0].env_vars
    monkeypatch.setenv("ASV_PYTHONPATH", "/there")
    env = prepare_interpreters(Path(sys.executable), Path(sys.executable), tmp_path)[0].env_vars
    assert env["PYTHONPATH"] == "/there"


def test_unknown_revisions_and_suites_are_refused_before_anything_is_built(tmp_path):
    repository = make_repository(tmp_path)
    with pytest.raises(UsageError, match=r"'basline': no such revision.*did you mean baseline"):
        prepare_commits(find_config(repository), "basline", "candidate")
    with pytest.raises(UsageError, match="expected one of current"):
        Selection(suite="theirs")
    assert not (repository / "env").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(environment="existing"), "(?s)cannot hold two commits.*--baseline-python"),
        (Selection(python="2.2"), "(?s)asv can make none of virtualenv:2.2"),
    ],
)
def test_an_environment_that_cannot_be_had_says_what_to_do_instead(tmp_path, selection, message):
    with pytest.raises(EnvironmentBuildError, match=message):
        prepare_commits(find_config(make_repository(tmp_path)), "baseline", "candidate", selection)


def test_of_a_matrix_the_first_environment_is_built_and_how_many_there_are_is_known(tmp_path):
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    path = write_config(tmp_path, pythons=[version], matrix={"env": {"MODE": ["one", "two"]}})
    job = {"config": str(path), "environment_type": None, "repo": None, "env_dir": str(tmp_path / "env")}
    code = f"""
from headgate.measure.asv_build import choose, load
conf = load({job})
for name in (None, 'virtualenv-py{version}-MODEtwo'):
    chosen, count = choose(conf, {{"environment": name, "python": None}})
    print(chosen.name, count)
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"virtualenv-py{version}-MODEone 2", f"virtualenv-py{version}-MODEtwo 1"]


@pytest.mark.slow
def test_two_commits_are_built_side_by_side_reused_and_measured_and_a_failing_build_shows_its_log(tmp_path):
    repository = make_repository(tmp_path, extra="1.0")
    config = find_config(repository)
    told: list[str] = []
    baseline, candidate = prepare_commits(config, "baseline", "candidate", progress=told.append)
    assert len(told) == 2
    assert "baseline: +0.0% work" in told[0]
    assert len(str(baseline.python)) == len(str(candidate.python))
    assert baseline.info.python == baseline.python.relative_to(config.path.parent).as_posix(), "as seen from there"
    assert baseline.info.title == "baseline: +0.0% work"
    assert len(candidate.info.commit) == 40
    built = baseline.python.parent.parent / "asv-install-status.json"
    before = built.stat().st_mtime_ns
    again, _ = prepare_commits(config, "baseline", "candidate")
    assert again == baseline
    assert built.stat().st_mtime_ns == before

    suite = discover(baseline, candidate, regexes=["time_integers"])
    result = measure_rounds(
        suite.specs, baseline, candidate, budget_seconds=30, undecided=list, rng=random.Random(1), max_rounds=3
    )
    ((*rounds,),) = result.rounds.values()
    ratios = sorted(c / b for r in rounds for b, c in zip(r.baseline, r.candidate, strict=True))
    assert 1.5 < ratios[len(ratios) // 2] < 2.7  # twice the work; wide, since nothing here is about precision

    project = repository / "pyproject.toml"
    project.write_text(project.read_text().replace('packages = ["worklib"]', 'packages = ["nowhere"]'))
    git(repository, "commit", "-qam", "broken")
    with pytest.raises(EnvironmentBuildError, match=r"(?s)the candidate \(\w+\): cannot be built.*build\.log.*nowhere"):
        prepare_commits(config, "baseline", "HEAD")


@pytest.mark.slow
def test_two_directories_become_commits_as_they_stand_and_a_dropped_benchmark_is_seen(tmp_path, monkeypatch):
    repository = make_repository(tmp_path)
    # Commits are really built above; here only what becomes a commit is in question.
    variables = {"ASV_PYTHONPATH": str(repository)}
    ready = {"python": sys.executable, "variables": variables, "environment": "ready", "of_matrix": 1}
    monkeypatch.setattr(environments, "_build_all", lambda *_: dict.fromkeys(Side, ready))
    other = tmp_path / "other"
    git(repository, "worktree", "add", "-q", str(other), "baseline")
    suite = other / "benchmarks" / "pure.py"
    suite.write_text(suite.read_text().replace("def time_sets", "def helper_sets"))
    baseline, candidate = prepare_directories(find_config(other), repository, other)
    assert baseline.info.commit == git(repository, "rev-parse", "HEAD")
    assert "as it stands" in candidate.info.title
    assert discover(baseline, candidate).removed == ("pure.time_sets",)


@pytest.mark.slow
@pytest.mark.parametrize("inside", ["no repository", "below a repository's top"])
def test_a_dropped_benchmark_is_seen_whatever_git_makes_of_the_directories(tmp_path, monkeypatch, inside):
    repository = make_repository(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    variables = {"ASV_PYTHONPATH": str(repository)}
    ready = {"python": sys.executable, "variables": variables, "environment": "ready", "of_matrix": 1}
    monkeypatch.setattr(environments, "_build_all", lambda *_: dict.fromkeys(Side, ready))
    both = tmp_path / "both"
    for name in ("stable", "feature"):
        shutil.copytree(repository, both / name, ignore=shutil.ignore_patterns(".git", ".asv"))
    if inside != "no repository":
        git(both, "init", "-q")
        git(both, "add", "-A")
        git(both, "commit", "-qm", "both")
    suite = both / "feature" / "benchmarks" / "pure.py"
    suite.write_text(suite.read_text().replace("def time_sets", "def helper_sets"))
    baseline, candidate = prepare_directories(find_config(both / "feature"), both / "stable", both / "feature")
    assert discover(baseline, candidate).removed == ("pure.time_sets",)


@pytest.mark.slow
def test_where_the_project_is_named_by_its_url_names_are_those_of_the_checkout(tmp_path, monkeypatch):
    repository = make_repository(tmp_path)
    pull_request = tmp_path / "pull-request"
    git(tmp_path, "clone", "-q", str(repository), str(pull_request))
    config = pull_request / "asv.conf.json"
    # asv takes only some URLs for git's; this one is the repository here.
    url = "https://github.com/known/truth.git"
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{repository}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", url)
    config.write_text(json.dumps(json.loads(config.read_text()) | {"repo": url, "project": "truth"}))
    git(pull_request, "checkout", "-q", "-b", "feature")
    git(pull_request, "commit", "-qam", "the pull request")
    built = []

    def build(_config, mirror, revisions, *_):
        built.append((mirror, {side: revision.commit for side, revision in revisions.items()}))
        ready = {"python": sys.executable, "variables": {}, "environment": "ready", "of_matrix": 1}
        return dict.fromkeys(Side, ready)

    monkeypatch.setattr(environments, "_build_all", build)
    prepare_commits(find_config(pull_request), "HEAD^1", "HEAD")
    mirror, revisions = built[0]
    wanted = {Side.BASELINE: "HEAD^1", Side.CANDIDATE: "HEAD"}
    assert revisions == {side: git(pull_request, "rev-parse", name) for side, name in wanted.items()}
    assert git(mirror, "log", "-1", "--format=%s", revisions[Side.CANDIDATE]) == "the pull request"
    # A shallow clone of it that shares no commit cannot be told from a suite's own.
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", pull_request.as_uri(), str(shallow))
    for name in ("HEAD", "HEAD^", "feature", git(pull_request, "rev-parse", "HEAD")):
        with pytest.raises(InputError, match=r"shallow: a shallow clone that shares no commit.*git fetch --unshallow"):
            prepare_commits(find_config(shallow), "baseline", name)
    prepare_commits(find_config(shallow), "baseline", "candidate")
    assert built.pop()[1][Side.CANDIDATE] == git(repository, "rev-parse", "candidate")
    # Its remote tells: not a fork's, perhaps, but a suite's own, or one of the project.
    git(shallow, "remote", "set-url", "origin", "https://me:S3CRET@github.com/me/truth")
    with pytest.raises(InputError, match=r"shares no commit with https://github\.com/known/truth") as refused:
        prepare_commits(find_config(shallow), "baseline", "HEAD")
    assert "S3CRET" not in str(refused.value)
    git(shallow, "remote", "set-url", "origin", "https://me:S3CRET@github.com/known/truth-benchmarks.git")
    prepare_commits(find_config(shallow), "HEAD~1", "HEAD")
    wanted = {Side.BASELINE: "HEAD~1", Side.CANDIDATE: "HEAD"}
    assert built.pop()[1] == {side: git(repository, "rev-parse", name) for side, name in wanted.items()}
    git(shallow, "remote", "set-url", "origin", "git@github.com:Known/truth")
    prepare_commits(find_config(shallow), "baseline", "HEAD")
    assert built.pop()[1][Side.CANDIDATE] == git(shallow, "rev-parse", "HEAD")
    with pytest.raises(UsageError, match=r"'HEAD~1': no such revision in .*shallow; the clone is shallow"):
        prepare_commits(find_config(shallow), "HEAD~1", "HEAD")
    # A suite kept in a repository of its own names the project's commits.
    apart = tmp_path / "apart"
    shutil.copytree(pull_request, apart, ignore=shutil.ignore_patterns(".git", ".asv"))
    git(apart, "init", "-q")
    git(apart, "add", "-A")
    git(apart, "commit", "-qm", "only the suite")
    prepare_commits(find_config(apart), "baseline", "HEAD")
    assert built[1][1][Side.CANDIDATE] == git(repository, "rev-parse", "HEAD")


def git(directory: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    for who in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{who}_NAME": "t", f"GIT_{who}_EMAIL": "t@localhost"}
    done = subprocess.run(
        ["git", *arguments], cwd=directory, check=True, env=environment, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_known_truth_is_exactly_the_extra_work_asked_for(tmp_path):
    repository = make_repository(tmp_path, extra="0.02")
    units = {
        side: git(repository, "show", f"{side}:worklib/units.py")
        for side in (Side.BASELINE.value, Side.CANDIDATE.value)
    }
    assert "UNITS = 1000\n" in units["baseline"] + "\n"
    assert "UNITS = 1020\n" in units["candidate"] + "\n"
    assert git(repository, "diff", "--name-only", "baseline", "candidate") == "worklib/units.py"
