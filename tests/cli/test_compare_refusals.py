"""What `headgate compare` refuses or warns of before it measures; and how its progress reads."""

import io
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from headgate.cli import main, sigterm_as_ctrl_c
from headgate.cli.compare import broken_warnings
from headgate.cli.live import LiveObserver
from headgate.cli.sides import matrix_warning, same_warning
from headgate.measure.measurement import Failure
from headgate.measure.session import PairError, SideRuntime
from headgate.measure.suite import Suite
from headgate.model import BenchmarkId, Comparison, Side, SideInfo, State


def refused(*arguments: str) -> str:
    err = io.StringIO()
    assert main(["compare", *arguments], io.StringIO(), err) == 2
    return err.getvalue()


def side(commit: str | None, python: str) -> SideRuntime:
    return SideRuntime(Side.BASELINE, Path(python), {}, Path(), SideInfo("x", commit))


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "benchmarks").mkdir()
    text = '{"version": 1, "project": "p", "repo": "../gone", "benchmark_dir": "benchmarks"}'
    (tmp_path / "asv.conf.json").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_repository_that_is_not_there_is_named_with_the_configuration_that_names_it(suite: Path) -> None:
    assert "asv.conf.json: repo is '../gone'" in refused("a", "b")


def test_a_malformed_regex_is_refused_before_anything_is_built(suite: Path) -> None:
    assert "--bench: '([' is not a regular expression" in refused("a", "b", "--bench", "([")


def test_a_directory_that_is_not_there_is_not_taken_for_a_revision(suite: Path) -> None:
    assert "./stable: no such directory" in refused("./stable", "./feature")


def test_from_a_subdirectory_the_configuration_above_is_pointed_at(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(suite / "benchmarks")
    assert "try --config ../asv.conf.json" in refused("a", "b")


def test_what_is_no_python_is_refused_as_an_interpreter(suite: Path) -> None:
    assert "Python 3.8 or newer is needed" in refused(
        "--baseline-python", "/bin/true", "--candidate-python", "/bin/true"
    )


def test_an_environment_directory_that_cannot_be_made_is_named(suite: Path) -> None:
    (suite / "file").write_text("")
    text = (suite / "asv.conf.json").read_text().replace('"../gone"', '".", "env_dir": "file/env"')
    (suite / "asv.conf.json").write_text(text)
    for command in ("init -q", "add .", "-c user.name=n -c user.email=e commit -qm one"):
        subprocess.run(["git", *command.split()], check=True)
    assert "set env_dir" in refused("HEAD", "HEAD")


def test_comparing_a_thing_with_itself_is_warned_of() -> None:
    assert "the same commit (abc)" in same_warning(side("abc", "a"), side("abc", "b"))[0]
    assert "the same interpreter" in same_warning(side(None, "a"), side(None, "a"))[0]
    assert same_warning(side("abc", "a"), side("abd", "b")) == same_warning(side(None, "a"), side(None, "b")) == ()


def test_a_module_that_imports_on_neither_side_is_told_once() -> None:
    both = {"m": "ImportError: x"}
    broken = {Side.BASELINE: both, Side.CANDIDATE: {**both, "n": "SyntaxError"}}
    told = broken_warnings(Suite((), broken=broken))
    assert [text.split(":")[0] for text in told] == [
        "m cannot be imported on either side",
        "n cannot be imported on the candidate side",
    ]
    assert ["`required` in the policy" in text for text in told] == [True, False]


def test_a_failure_alike_on_both_sides_is_told_once() -> None:
    error = PairError({Side.BASELINE: "KeyError: 1\nat a", Side.CANDIDATE: "KeyError: 1\nat b"}, fatal=False)
    assert error.as_failure() == Failure(None, "both sides: KeyError: 1\nat a")


def test_progress_says_what_failed_in_a_line_and_counts_it_as_no_longer_left() -> None:
    err = io.StringIO()
    observer = LiveObserver(2, 60.0, err)
    names = [BenchmarkId("a"), BenchmarkId("b")]
    observer.failed(names[0], Failure(Side.CANDIDATE, "timed out after 2 s\nlast output:\nhello"))
    observer.round_started(1, names[1:])
    observer.compared([Comparison(name, "seconds", State.INCONCLUSIVE, 0.05) for name in names])
    assert err.getvalue() == "headgate: a failed on the candidate's side: timed out after 2 s\n"
    assert observer.summary().endswith("1 failed; 1 of 2 left")


def test_sigterm_ends_a_command_as_ctrl_c_does() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), sigterm_as_ctrl_c():  # noqa: PT012 - the signal comes a moment after the call
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert signal.getsignal(signal.SIGTERM) is before


def test_one_environment_of_several_is_warned_of() -> None:
    one = side("abc", "a")
    assert matrix_warning(one) == ()
    (warning,) = matrix_warning(replace(one, of_matrix=4))
    assert "has 4 environments, of which only" in warning
