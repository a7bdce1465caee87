"""The journal survives what kills a run, and refuses what is not the same run."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from headgate.errors import InputError
from headgate.measure.journal import Journal
from headgate.measure.measurement import Failure
from headgate.model import BenchmarkId, Round, Side

HEADER = {"baseline": {"commit": "a"}, "candidate": {"commit": "b"}, "suite": "d1", "seed": 3}
A = BenchmarkId("s.time_a", ("1", "'x'"), ("n", "m"))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "deep" / "journal.jsonl"
    with Journal.create(path, HEADER) as journal:
        journal.round(A, Round(1, (1.0, 2.0), (1.5, 2.5), "bc", 7))
        journal.failure(BenchmarkId("s.bad"), Failure(Side.CANDIDATE, "boom"))
        journal.failure(BenchmarkId("s.worse"), Failure(None, "both"))
        journal.skip(BenchmarkId("s.skip"), "not here")
    return path


def test_everything_recorded_comes_back_as_it_was(path):
    with Journal.resume(path, HEADER) as journal:
        recorded = journal.recorded
    assert recorded.rounds == {A: [Round(1, (1.0, 2.0), (1.5, 2.5), "bc", 7)]}
    assert recorded.failures[BenchmarkId("s.bad")] == Failure(Side.CANDIDATE, "boom")
    assert recorded.failures[BenchmarkId("s.worse")] == Failure(None, "both")
    assert recorded.skipped == {BenchmarkId("s.skip"): "not here"}


def test_a_torn_last_line_is_dropped_and_writing_goes_on_after_it(path):
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"benchmark": {"na')
    with Journal.resume(path, HEADER) as journal:
        journal.round(A, Round(2, (1.0,), (1.0,), "b", 7))
    assert path.read_bytes().startswith(whole)
    with Journal.resume(path, HEADER) as journal:
        assert [r.index for r in journal.recorded.rounds[A]] == [1, 2]


def test_a_broken_line_before_the_last_is_refused_with_its_number(path):
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], b"{broken", *lines[1:]]) + b"\n")
    with pytest.raises(InputError, match=":2: not a journal's line"):
        Journal.resume(path, HEADER)


def test_a_record_without_its_fields_is_refused(path):
    path.write_bytes(path.read_bytes() + json.dumps({"benchmark": {"name": "x"}}).encode() + b"\n")
    with pytest.raises(InputError, match=":6: not a journal's line"):
        Journal.resume(path, HEADER)


@pytest.mark.parametrize("key", ["candidate", "suite", "seed"])
def test_a_journal_of_another_comparison_is_refused_naming_the_difference(path, key):
    with pytest.raises(InputError, match=f"{key} was"):
        Journal.resume(path, {**HEADER, key: "other"})


def test_a_newer_schema_is_refused(path):
    path.write_bytes(path.read_bytes().replace(b"headgate.journal/1", b"headgate.journal/2"))
    with pytest.raises(InputError, match=r"headgate\.journal/2"):
        Journal.resume(path, HEADER)


def test_resuming_without_a_journal_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="without --resume"):
        Journal.resume(tmp_path / "none", HEADER)


def test_another_budget_is_another_plan_once_something_could_be_decided(path):
    header = {**HEADER, "budget": 60.0}
    with Journal.create(path, header) as journal:
        for number in range(6):
            journal.round(A, Round(number, (1.0,), (1.0,), "bc", 7))
    longer = {**HEADER, "budget": 600.0}
    for decided_from in (0, 6):
        with pytest.raises(InputError, match=r"budget was 60.0 and is now 600.0"):
            Journal.resume(path, longer, decided_from=decided_from)
    with Journal.resume(path, longer, decided_from=7) as journal:
        assert len(journal.recorded.rounds[A]) == 6
        journal.round(A, Round(6, (1.0,), (1.0,), "bc", 7))
    # The plan that was gone on with is the one to be held to.
    with Journal.resume(path, longer, decided_from=7) as journal:
        assert len(journal.recorded.rounds[A]) == 7
    with pytest.raises(InputError, match=r"budget was 600\.0"):
        Journal.resume(path, header, decided_from=7)


def test_a_second_run_of_the_same_comparison_is_refused_while_the_first_one_lasts(path):
    with Journal.resume(path, HEADER) as first:
        held = path.read_bytes()
        for start in (Journal.create, Journal.resume):
            with pytest.raises(InputError, match="another comparison of the same two sides is at work; let it end"):
                start(path, HEADER)
        assert path.read_bytes() == held
        first.round(A, Round(2, (1.0,), (1.0,), "b", 7))
    with Journal.resume(path, HEADER) as journal:
        assert [one.index for one in journal.recorded.rounds[A]] == [1, 2]


def test_a_refused_journal_keeps_nobody_out(path):
    with pytest.raises(InputError, match="suite was"):
        Journal.resume(path, {**HEADER, "suite": "other"})
    Journal.create(path, HEADER).close()


KILLED = """
import os, signal, sys
from pathlib import Path
from headgate.measure.journal import Journal
journal = Journal.resume(Path(sys.argv[1]), __import__("json").loads(sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_that_was_killed_can_be_resumed(path):
    command = [sys.executable, "-c", KILLED, str(path), json.dumps(HEADER)]
    assert subprocess.run(command, check=False).returncode == -9
    with Journal.resume(path, HEADER) as journal:
        assert len(journal.recorded.rounds[A]) == 1
