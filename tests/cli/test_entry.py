"""What the process exits with when no verdict was reached or read: never 0, and never 1, which is "regressed"."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from headgate import cli
from headgate.cli import ExitCode

PROGRAM = [sys.executable, "-m", "headgate"]


def test_a_fault_of_headgate_itself_is_shown_whole_and_is_no_regression(monkeypatch, capsys):
    def faulty(argv=None, out=None, err=None):
        raise ZeroDivisionError("an arithmetic fault")

    monkeypatch.setattr(cli, "main", faulty)
    with pytest.raises(SystemExit) as caught:
        cli.entry()
    assert caught.value.code == ExitCode.FAILED
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "an arithmetic fault" in shown
    assert "fault of headgate itself, and no verdict" in shown


def test_a_verdict_that_nobody_read_is_not_a_pass():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [*PROGRAM, "completion", "bash"]
        found = subprocess.run(command, check=False, stdout=writing, stderr=subprocess.PIPE, text=True)
    finally:
        os.close(writing)
    assert found.returncode == ExitCode.UNREAD
    assert not found.stderr
