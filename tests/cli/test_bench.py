"""`headgate bench` with asv replaced by one that writes what it is told."""

from __future__ import annotations

import argparse
import io
import json
import re
import subprocess
from pathlib import Path

import pytest
import study_results as known

from headgate.cli import bench, main
from headgate.cli.bench_progress import building
from headgate.errors import EnvironmentBuildError, InputError, MeasurementError, UsageError
from headgate.store.bench_log import log_path, read_log

CONFIG = {"version": 1, "project": "p", "repo": ".", "environment_type": "existing", "pythons": ["same"]}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with one commit and an asv.conf.json, and no hardware to measure."""

    def git(*words):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=tmp_path, check=True)

    (tmp_path / "asv.conf.json").write_text(json.dumps(CONFIG))
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(bench, "_profile", lambda *_: None)
    return tmp_path


class FakeAsv:
    """Discovers the study's benchmarks and saves the known time of whatever is selected."""

    def __init__(self, root, *, codes=(), interrupt_at=None, failing=""):
        self.root, self.codes, self.interrupt_at, self.failing = root, list(codes), interrupt_at, failing
        self.calls, self.environments, self.entries = [], [], known.benchmarks()
        self.measured = []

    def __call__(self, arguments, on_event, env):
        self.calls.append(list(arguments))
        self.environments.append(dict(env))
        results = self.root / "results"
        regexes = [argument.removeprefix("--bench=") for argument in arguments if argument.startswith("--bench=")]
        if self.codes and self.codes[0]:
            return self.codes.pop(0)
        self.codes = self.codes[1:]
        if regexes == ["just-discover"]:
            results.mkdir(exist_ok=True)
            (results / "benchmarks.json").write_text(json.dumps({**self.entries, "version": 2}))
            return 0
        if self.interrupt_at == len(self.calls):
            raise KeyboardInterrupt
        return self._measure(regexes, arguments, on_event)

    def _measure(self, regexes, arguments, on_event):
        machine = next(word for word in arguments if word.startswith("--machine=")).removeprefix("--machine=")
        from headgate.formats.asv import read_benchmarks

        failed = False
        for name, info in read_benchmarks(self.root / "results" / "benchmarks.json").items():
            for index, item in enumerate(info.combinations()):
                if any(re.search(regex, str(item)) for regex in regexes):
                    bad = bool(self.failing) and self.failing in str(item)
                    failed = failed or bad
                    self.measured.append(str(item))
                    outcome = {"outcome": "failed", "reason": "boom"} if bad else {"outcome": "measured"}
                    on_event({"benchmark": name, "index": index, "environment": "e", "seconds": 0.5, **outcome})
        known.write_tree(self.root / "results", machine)
        return 2 if failed else 0


def run(asv, *words):
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    out, err = io.StringIO(), io.StringIO()
    code = bench.run(parser.parse_args(["--machine", "box", *words]), out, err, asv)
    return code, out.getvalue(), err.getvalue()


def test_a_run_measures_the_commit_keeps_the_samples_and_prints_the_report_last(repository):
    asv = FakeAsv(repository)
    code, out, err = run(asv, "--bench", "Small", "--yes")
    assert code == 0
    assert out.strip() == str(repository / "report" / "index.html")
    assert (repository / "report" / "index.html").is_file()
    assert len(asv.measured) == len(known.VARIANTS) * len(known.SIZES)
    assert all("Small" in name for name in asv.measured)
    assert "18 combinations in 1 parts, about" in err
    assert "18 measured, 0 skipped, 0 failed" in err
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    for call in asv.calls:
        assert call[call.index("--set-commit-hash") + 1] == head
        assert "--record-samples" in call
    assert not (repository / "home").exists()


@pytest.mark.parametrize(("words", "name"), [([], "report/index.html"), (["--html", "site"], "site/assets/tables.js")])
def test_a_report_of_someone_elses_is_refused_before_anything_is_measured(repository, words, name):
    (repository / name).parent.mkdir(parents=True)
    (repository / name).write_text("<title>My thesis</title>")
    asv = FakeAsv(repository)
    with pytest.raises(InputError, match="is not a file of headgate's, and would be overwritten"):
        run(asv, *words)
    with pytest.raises(UsageError, match=r"asv\.conf\.json is a file; give a directory"):
        run(asv, "--html", "asv.conf.json")
    assert not asv.calls


@pytest.mark.parametrize("terminal", [True, False])
def test_a_directorys_name_is_no_markup_and_changes_no_terminal_while_the_environment_is_built(monkeypatch, terminal):
    monkeypatch.setenv("TERM", "xterm-256color")
    err = io.StringIO()
    monkeypatch.setattr(err, "isatty", lambda: terminal)
    with building(err, Path("/srv/a[/b]\x1b]0;title\x07/bench.log")):
        pass
    said = "".join(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", err.getvalue()).split())
    assert "/srv/a[/b]\\x1b]0;title\\x07/bench.log)" in said


def test_quiet_prints_the_report_alone_but_never_hides_a_failure(repository):
    code, out, err = run(FakeAsv(repository), "--bench", "Small.*map", "--quiet")
    assert (code, out.strip(), err) == (0, str(repository / "report" / "index.html"), "")
    code, _, err = run(FakeAsv(repository, failing="scan"), "--bench", "Small", "--quiet")
    assert code == 4
    assert "failed: " in err


def test_quick_takes_what_the_policy_says_and_full_what_it_holds_back(repository):
    (repository / "headgate.toml").write_text(
        '[bench]\nquick = ["Small.*, 10\\\\)$"]\nfull = ["\'recursion\'.*9000000"]\n'
    )
    quick, default, full = (FakeAsv(repository) for _ in range(3))
    run(quick, "--quick")
    assert len(quick.measured) == len(known.VARIANTS)
    assert "--attribute=rounds=1" in quick.calls[-1]
    run(default)
    run(full, "--full")
    assert len(full.measured) - len(default.measured) == 2
    assert full.environments[-1] == {"HEADGATE_SUITE": "full"}
    assert default.environments[-1] == {}


def test_an_interrupted_run_keeps_its_parts_and_goes_on_from_there(repository):
    # 100 s a combination: each is a part of its own.
    (repository / "headgate.toml").write_text('[bench.seconds]\n"." = 100\n')
    first = FakeAsv(repository, interrupt_at=4)
    with pytest.raises(KeyboardInterrupt):
        run(first, "--bench", "Small.*'(map|scan)'")
    assert len(first.measured) == 2
    second = FakeAsv(repository)
    code, _, err = run(second, "--bench", "Small.*'(map|scan)'")
    assert code == 0
    assert "2 combinations are done" in err
    assert not set(first.measured) & set(second.measured)
    assert len(first.measured) + len(second.measured) == 4
    third = FakeAsv(repository)
    run(third, "--bench", "Small.*'(map|scan)'")
    assert len(third.measured) == 4


PARTS = '[bench.seconds]\n"." = 100\n'  # each combination a part of its own
FOUR = ("--bench", "Small.*'(map|scan)'")


@pytest.mark.parametrize("changed", ["asv.conf.json", "benchmarks/helper.py", "benchmarks/new.py", "the version"])
def test_what_was_measured_of_other_code_is_measured_again(repository, changed):
    (repository / "headgate.toml").write_text(PARTS)
    (repository / "benchmarks").mkdir()
    (repository / "benchmarks" / "helper.py").write_text("N = 1\n")  # untracked
    with pytest.raises(KeyboardInterrupt):
        run(FakeAsv(repository, interrupt_at=4), *FOUR)
    again = FakeAsv(repository)
    if changed == "the version":
        again.entries = {name: {**entry, "version": "v2"} for name, entry in again.entries.items()}
    else:
        (repository / changed).write_text(json.dumps(CONFIG) + "\n")
    code, _, err = run(again, *FOUR)
    assert (code, len(again.measured)) == (0, 4)
    assert ("headgate: begun anew: the suite, asv.conf.json or what they" in err) == (changed != "the version")


def test_what_is_built_of_the_commit_is_gone_on_with_whatever_else_is_edited(repository):
    (repository / "asv.conf.json").write_text(json.dumps({**CONFIG, "environment_type": "virtualenv", "pythons": []}))
    (repository / "README").write_text("first\n")
    (repository / "headgate.toml").write_text(PARTS)
    for words in (["add", "."], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "second"]):
        subprocess.run(["git", *words], check=True)
    with pytest.raises(KeyboardInterrupt):
        run(FakeAsv(repository, interrupt_at=4), *FOUR)
    (repository / "README").write_text("second\n")
    again = FakeAsv(repository)
    _, _, err = run(again, *FOUR)
    assert len(again.measured) == 2
    assert "begun anew" not in err


def test_a_suite_that_writes_data_beside_itself_is_gone_on_with(repository):
    (repository / "headgate.toml").write_text(PARTS)
    (repository / "benchmarks").mkdir()
    with pytest.raises(KeyboardInterrupt):
        run(FakeAsv(repository, interrupt_at=4), *FOUR)
    (repository / "benchmarks" / "setup_cache.json").write_text("{}")
    again = FakeAsv(repository)
    _, _, err = run(again, *FOUR)
    assert len(again.measured) == 2
    assert "begun anew" not in err


def test_another_size_or_selection_is_begun_anew_and_said(repository):
    (repository / "headgate.toml").write_text(PARTS)
    with pytest.raises(KeyboardInterrupt):
        run(FakeAsv(repository, interrupt_at=4), *FOUR)
    _, _, err = run(FakeAsv(repository), "--bench", "Small.*'map'", "--quick")
    assert "begun anew: the run that was interrupted was of another size (--quick, --full); the run that was" in err
    assert "begun anew" not in run(FakeAsv(repository), *FOUR)[2]  # the last one ended by itself


def test_a_second_run_is_refused_while_one_lasts(repository):
    again = FakeAsv(repository)

    def asv(*_):
        with pytest.raises(InputError, match="another `headgate bench` of this suite is at work"):
            run(again)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(asv)
    assert not again.calls
    assert run(again, "--bench", "Small.*'map'")[0] == 0


def test_what_failed_before_an_interruption_is_measured_again_and_counts(repository):
    (repository / "headgate.toml").write_text(PARTS)
    first = FakeAsv(repository, interrupt_at=4, failing="time")
    with pytest.raises(KeyboardInterrupt):
        run(first, *FOUR)
    # One of the two that failed fails again: what was measured meanwhile makes up for nothing.
    again = FakeAsv(repository, failing=first.measured[0])
    code, _, err = run(again, *FOUR)
    assert (code, len(again.measured)) == (4, 4)
    assert "3 measured, 0 skipped, 1 failed" in err


def test_what_was_measured_before_an_interruption_and_had_not_failed_is_not_measured_again(repository):
    (repository / "headgate.toml").write_text(PARTS)
    first = FakeAsv(repository, interrupt_at=4)
    with pytest.raises(KeyboardInterrupt):
        run(first, *FOUR)
    second = FakeAsv(repository, interrupt_at=3, failing="time")
    with pytest.raises(KeyboardInterrupt):
        run(second, *FOUR)
    third = FakeAsv(repository)
    assert run(third, *FOUR)[0] == 0
    assert len(third.measured) == 2
    assert not set(third.measured) & set(first.measured)


@pytest.mark.parametrize("ended", [b"", b"\n", b"\0\0\n"])
def test_a_run_that_a_crash_ended_within_a_line_is_gone_on_with_and_reported(repository, ended):
    (repository / "headgate.toml").write_text(PARTS)
    with pytest.raises(KeyboardInterrupt):
        run(FakeAsv(repository, interrupt_at=4), *FOUR)
    (log,) = (repository / "results" / "box").glob("*-bench.jsonl")
    log.write_bytes(log.read_bytes()[:-20] + ended)
    again = FakeAsv(repository)
    code, _, err = run(again, *FOUR)
    assert (code, len(again.measured)) == (0, 3)
    assert "bench.jsonl: its last line was cut off as it was written, and is left out" in err
    assert not read_log(log).torn
    torn = log_path(repository / "results", "box", known.COMMIT)
    torn.write_bytes(log.read_bytes() + b'{"done": {"b')
    out, errors = io.StringIO(), io.StringIO()
    assert main(["report", "--results", "results", "-o", "again"], out, errors) == 0
    assert f"{torn.name}: its last line was cut off" in errors.getvalue()


def test_uncommitted_changes_are_said_not_to_be_measured(repository):
    (repository / "asv.conf.json").write_text(json.dumps(CONFIG) + "\n")
    _, _, err = run(FakeAsv(repository), "--bench", "Small.*'map'")
    assert "headgate: warning: 1 uncommitted change (asv.conf.json): the commit is measured" in err


def test_a_failed_benchmark_is_named_and_exits_4_with_the_rest_saved_and_reported(repository):
    code, out, err = run(FakeAsv(repository, failing="'map', 10, 50"), "--bench", "Small")
    assert code == 4
    assert "17 measured, 0 skipped, 1 failed" in err
    assert "transforms_small.Small.time_transform('map', 10, 50) [e]: boom" in err
    assert out.strip().endswith("index.html")
    (log,) = (repository / "results" / "box").glob("*-bench.jsonl")
    assert list(read_log(log).reasons.values()) == [("failed", "boom")]


def test_a_failed_build_carries_the_end_of_asvs_log(repository):
    log = repository / "env" / "headgate-bench.log"
    log.parent.mkdir()

    def asv(_arguments, _on_event, _env):
        log.write_text("error: no compiler\n")
        return 1

    with pytest.raises(EnvironmentBuildError, match="no compiler") as caught:
        run(asv)
    assert caught.value.exit_code == 4


def test_nothing_measured_is_a_failure_never_a_success(repository):
    with pytest.raises(MeasurementError, match="nothing was measured") as caught:
        run(FakeAsv(repository, failing="time"), "--bench", "Small")
    assert caught.value.exit_code == 4
    with pytest.raises(MeasurementError, match="exit code 1"):
        run(FakeAsv(repository, codes=[0, 1]), "--bench", "Large")


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("[bench]\nfast = []", "unknown key"),
        ("[bench]\nquick = 'x'", "list of regular expressions"),
        ("[bench]\nquick = ['(']", "not a regular expression"),
        ("[bench.seconds]\nx = 0", "numbers above 0"),
    ],
)
def test_a_wrong_policy_is_a_usage_error_that_names_its_file(repository, policy, message):
    (repository / "headgate.toml").write_text(policy)
    with pytest.raises(UsageError, match=r"headgate\.toml.*" + message):
        run(FakeAsv(repository))


def test_a_regex_that_matches_nothing_and_a_bad_machine_name_are_usage_errors(repository):
    with pytest.raises(UsageError, match="matches none of"):
        run(FakeAsv(repository), "--bench", "time_nothing")
    with pytest.raises(UsageError, match="--machine"):
        run(FakeAsv(repository), "--machine", "a/b", "--bench", "x")


def test_a_directory_without_a_suite_says_so(repository):
    (repository / "asv.conf.json").unlink()
    with pytest.raises(UsageError, match=r"no asv\.conf\.json"):
        run(FakeAsv(repository))
