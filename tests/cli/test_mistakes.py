"""Typical mistakes at the command line: the exit code, what is said, and never a traceback."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from headgate.cli import ExitCode, main
from headgate.errors import brief

PROGRAM = [sys.executable, "-m", "headgate"]
LONG = "n" * 300
PLAN = """
[rollout]
name = "checkout"
unit = "request"
stages = [5, 50, 100]

[[rollout.metrics]]
name = "errors"
kind = "rate"
direction = "lower"
margin = "10%"
"""
CHECK = ("check", "--baseline", "base.json", "--candidate", "cand.json")


def saved(path: Path, seconds: float) -> None:
    """Write what pytest-benchmark would save of one benchmark."""
    data = [seconds * (1.0 + 1e-3 * index) for index in range(30)]
    stats = {"mean": sum(data) / 30, "median": data[15], "stddev": 1e-5, "rounds": 30, "iterations": 1, "data": data}
    one = {"name": "test_a", "fullname": "tests/test_x.py::test_a", "params": None, "stats": stats, "options": {}}
    machine = {"node": "m1", "cpu": {"brand_raw": "X"}}
    document = {"machine_info": machine, "benchmarks": [one], "datetime": "2026-01-01T00:00:00", "version": "4.0.0"}
    path.write_text(json.dumps(document))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with results, a plan, a ledger with a release, and files that are none of them."""
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "base.json", 1e-3)
    saved(tmp_path / "cand.json", 1e-3)
    (tmp_path / "plan.toml").write_text(PLAN)
    (tmp_path / "empty.json").touch()
    (tmp_path / "text.json").write_text("no JSON")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe{}")
    (tmp_path / "bytes.json.gz").write_bytes(b"\xff\xfe{}")
    (tmp_path / "adir").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "asv.conf.json").write_text(json.dumps({"version": 1, "repo": ".", "benchmark_dir": 3}))
    assert said("rollout", "start", "r1", "--plan", "plan.toml", "--ledger", "led.sqlite")[0] == 0
    return tmp_path


def said(*words: str) -> tuple[int, str, str]:
    """Return the exit code, and what went to standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    return main(words, out, err), out.getvalue(), err.getvalue()


RELEASE = ("--ledger", "led.sqlite")
MISTAKES: list[tuple[tuple[str, ...], int, str]] = [
    # the command line itself
    ((), 2, "headgate: missing: COMMAND"),
    (("chek",), 2, "did you mean check?"),
    ((*CHECK, "--unknwon"), 2, "headgate check: no option --unknwon"),
    ((*CHECK, "--markdwon", "x"), 2, "did you mean --markdown?"),
    ((*CHECK, "more"), 2, "'more' is one argument too many"),
    ((*CHECK, "--margin", "-3%"), 2, "one that begins with - is joined to its option by ="),
    ((*CHECK, "--margin", "abc"), 2, "--margin: 'abc' will not do: expected a number, as 0.03 or \"3%\""),
    (("release", "jump"), 2, "ACTION: 'jump' will not do: expected one of decide"),
    (("compare", "a", "b", "--seed", "x"), 2, "--seed: 'x' will not do: expected a whole number, as 7"),
    (("bench", "--quick", "--full"), 2, "--full: not allowed with --quick"),
    # files that are not what they should be
    (("check", "--baseline", "", "--candidate", "cand.json"), 2, "--baseline: an empty path"),
    (("check", "--baseline", "none.json", "--candidate", "cand.json"), 2, "none.json: no such file; check the path"),
    (("check", "--baseline", "~nosuchuser/x", "--candidate", "cand.json"), 2, "~nosuchuser/x: no such file"),
    (("check", "--baseline", LONG, "--candidate", "cand.json"), 2, os.strerror(errno.ENAMETOOLONG)),
    (("check", "--baseline", "loop", "--candidate", "cand.json"), 2, os.strerror(errno.ELOOP)),
    (("check", "--baseline", "adir", "--candidate", "cand.json"), 2, "adir is a directory"),
    (("check", "--baseline", "empty.json", "--candidate", "cand.json"), 2, "empty.json: empty; have its tool save it"),
    (("check", "--baseline", "text.json", "--candidate", "cand.json"), 2, "not valid JSON at line 1, column 1 (Exp"),
    (("check", "--baseline", "bytes.json", "--candidate", "cand.json"), 2, "not UTF-8 text (byte 0)"),
    (("check", "--baseline", "bytes.json.gz", "--candidate", "cand.json"), 2, "not a gzip file, for all its name"),
    ((*CHECK, "--machine", "zz"), 2, "nothing of --machine 'zz'; it has: base.json"),
    ((*CHECK, "--bench", "("), 2, "escape special characters with a backslash"),
    ((*CHECK, "--bench", "zzz"), 2, "--bench: 'zzz' matches none of 1 benchmark; near names:"),
    ((*CHECK, "--policy", "none.toml"), 2, "none.toml: no such file; check the path"),
    ((*CHECK, "--calibration", "none.json"), 2, "--calibration: none.json: no such file"),
    ((*CHECK, "--calibration", "loop"), 2, "--calibration: loop: no such file"),
    ((*CHECK, "--calibration", "base.json"), 2, "base.json is not named calibration.json"),
    ((*CHECK, "--json", "loop"), 2, "loop: cannot be written"),
    ((*CHECK, "--json", LONG), 2, "check the path and its permissions"),
    ((*CHECK, "--html", "base.json"), 2, "--html: base.json is a file"),
    (("verify", "empty.json"), 2, "empty.json: empty; get the file again"),
    (("verify", "text.json"), 2, "truncated, or not an evidence bundle"),
    (("compare", "~nosuchuser/x", "HEAD"), 2, "asv configuration"),
    (("compare", "a", "b", "--config", "none.json"), 2, "--config: none.json: no such file; check the path"),
    (("compare", "a", "b"), 2, "not a usable asv configuration (unsupported operand"),
    (("bench", "--results", "base.json"), 2, "--results: base.json is a file; give a directory"),
    (("history", "--results", "base.json"), 2, "base.json: not a directory"),
    (("history", "--results", "none", "--bench", "("), 2, "not a regular expression"),
    (("report", "--results", LONG), 2, os.strerror(errno.ENAMETOOLONG)),
    (("doctor", "base.json"), 2, "base.json: not a directory; check the path"),
    (("doctor", LONG), 2, os.strerror(errno.ENAMETOOLONG)),
    (("profile", "--results", "base.json"), 2, "--results: base.json is a file"),
    (("profile", "--machine", "a/b", "--no-ceilings", "--save"), 2, "--machine: 'a/b' will not do: expected letters"),
    # releases
    (("rollout", "plan", "none.toml"), 2, "none.toml: no such file; check the path"),
    (("rollout", "plan", "plan.toml", "--stable", "nope=2%"), 2, "--stable: 'nope' is no metric of the plan; it has:"),
    (("rollout", "plan", "plan.toml", "--stable", "errors=200%"), 2, "--stable: errors: a rate is at most 1"),
    (("rollout", "plan", "plan.toml", "--recorded", "none"), 2, "none: no such file"),
    (("rollout", "plan", "plan.toml", "--recorded", "bytes.json"), 2, "bytes.json: not UTF-8 text"),
    (("rollout", "plan", "plan.toml", "--recorded", "text.json"), 2, "text.json:1: not a request; each line is a JSON"),
    (("rollout", "start", "r\udce9", "--plan", "plan.toml"), 2, "release: 'r\\udce9' will not do"),
    (("rollout", "status", "r\udce9", *RELEASE), 2, "expected printable text"),
    (("rollout", "halt", "r\udce9", "--reason", "x", *RELEASE), 2, "expected printable text"),
    (("rollout", "verify", "r\udce9", *RELEASE), 2, "expected printable text"),
    (("release", "decide", "--benchmarks", "x", "--canary", "r\udce9", *RELEASE), 2, "expected printable text"),
    *(
        (("rollout", *words, *RELEASE), 2, "no release 'r9'; it has: r1; check the name")
        for words in (
            ("status", "r9"),
            ("lead", "r9"),
            ("advance", "r9"),
            ("halt", "r9", "--reason", "x"),
            ("override", "r9", "hold", "--reason", "x", "--expires", "1h"),
            ("record", "r9", "--jsonl", "empty.json"),
        )
    ),
    (("rollout", "report", "r9", *RELEASE), 2, "no release 'r9'; it has: r1"),
    (("rollout", "verify", "r9", *RELEASE), 2, "no release 'r9'; it has: r1"),
    (("rollout", "verify", "r9", *RELEASE, "--anchor", f"1:{'0' * 64}"), 4, ""),
    (("rollout", "verify", "r1", *RELEASE, "--anchor", "x"), 2, "expected SEQ:HASH, as 17:"),
    (("rollout", "lead", "r1", *RELEASE, "--every", "x"), 2, "--every: 'x' will not do: expected a time, as 5s"),
    (("rollout", "record", "r1", *RELEASE, "--jsonl", "none"), 2, "none: no such file; check the path"),
    (("rollout", "record", "r1", *RELEASE, "--jsonl", "empty.json"), 2, "empty.json: no records"),
    (("rollout", "record", "r1", *RELEASE, "--parquet", "s3://"), 2, "--parquet: 's3://' will not do"),
    (("rollout", "status", "r1", "--ledger", LONG), 2, os.strerror(errno.ENAMETOOLONG)),
]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("words", "code", "needle"), MISTAKES, ids=[" ".join(one[0])[:60] for one in MISTAKES])
def test_a_mistake_is_named_with_what_to_do(words: tuple[str, ...], code: int, needle: str) -> None:
    found, _, err = said(*words)
    assert found == code, err
    assert needle in err
    assert "Traceback" not in err
    assert "\x1b" not in err


def test_a_recorded_number_that_is_no_float_is_told(here: Path) -> None:
    (here / "huge.jsonl").write_text('{"unit": "a", "metrics": {"errors": 1' + "0" * 400 + "}}\n")
    code, _, err = said("rollout", "plan", "plan.toml", "--recorded", "huge.jsonl")
    assert (code, "huge.jsonl:1: 'errors'" in err) == (2, True)


def test_what_a_file_says_cannot_change_the_terminal(here: Path) -> None:
    (here / "evil.toml").write_text('"\\u001b[31mk" = 1\n')
    code, _, err = said(*CHECK, "--policy", "evil.toml")
    assert (code, "\\x1b[31mk" in err, "\x1b" in err) == (2, True, False)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pipes with names")
def test_a_pipe_is_written_to_and_not_replaced(here: Path) -> None:
    os.mkfifo("pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((here / "pipe").read_text()))
    reader.start()
    code, _, err = said(*CHECK, "--markdown", "pipe")
    reader.join(timeout=10)
    assert code in {0, 1}, err
    assert "headgate" in read[0]
    assert stat.S_ISFIFO((here / "pipe").stat().st_mode)


@pytest.mark.usefixtures("here")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
class TestAFullDisk:
    def test_an_output_there_is_an_input_error_and_leaves_the_device(self) -> None:
        code, _, err = said(*CHECK, "--markdown", "/dev/full")
        assert (code, "/dev/full: cannot be written (No space left on device)" in err) == (2, True)
        assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)

    def test_standard_output_there_is_no_verdict(self) -> None:
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([*PROGRAM, *CHECK], check=False, stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == ExitCode.FAILED
        assert done.stderr.startswith("headgate check: standard output, or a file: cannot be written")
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="Windows does not let go of a working directory")
def test_a_working_directory_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    command = ["sh", "-c", script, "sh", *PROGRAM, "history"]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == ExitCode.USAGE
    assert "the working directory is gone; change into one that exists" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&-"])
def test_a_stream_that_is_closed_is_no_fault(tmp_path: Path, streams: str) -> None:
    command = ["sh", "-c", f'"$@" {streams}', "sh", *PROGRAM, "verify", "none"]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


def test_a_directory_that_may_not_be_searched_is_the_users_mistake(here: Path, monkeypatch: Any) -> None:
    """As root nothing may be forbidden, so the system's word is put in place of its deed."""

    def forbidden(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "is_dir", forbidden)
    code, _, err = said("check", "--baseline", "secret/x.json", "--candidate", "cand.json")
    assert (code, "secret/x.json: cannot be used (Permission denied)" in err) == (2, True)


def test_what_is_missing_of_headgate_itself_is_a_fault(here: Path, monkeypatch: Any) -> None:
    import headgate

    own = str(Path(headgate.__file__).parent / "none.css")

    def missing(path: Path, *_: object, **__: object) -> None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), own)

    monkeypatch.setattr(Path, "is_dir", missing)
    with pytest.raises(FileNotFoundError):
        said("check", "--baseline", "x.json", "--candidate", "cand.json")


def test_another_programs_database_is_refused_as_it_was(here: Path) -> None:
    with sqlite3.connect("foreign.db") as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    before = hashlib.sha256((here / "foreign.db").read_bytes()).hexdigest()
    code, _, err = said("rollout", "status", "r1", "--ledger", "foreign.db")
    assert (code, "not a release's ledger" in err) == (2, True)
    assert hashlib.sha256((here / "foreign.db").read_bytes()).hexdigest() == before
    assert not (here / "foreign.db-wal").exists()


def test_a_repository_of_another_user_is_told_with_gits_own_remedy(tmp_path: Path, monkeypatch: Any) -> None:
    from headgate.store import git

    top = str(tmp_path / "repo")
    words = f"fatal: detected dubious ownership in repository at '{top}'\n"
    done = subprocess.CompletedProcess([], 128, "", words)
    monkeypatch.setattr(git, "_git", lambda *_, **__: done)
    code, _, err = said("init", str(tmp_path))
    assert code == 2
    assert f"`git config --global --add safe.directory {top}` allows it" in err


def test_what_is_long_is_cut_within_its_quotes() -> None:
    assert brief("a" * 80) == repr("a" * 80)
    assert brief("a" * 200) == f"{'a' * 79!r}…"
    assert len(brief(list(range(100)))) == 80
