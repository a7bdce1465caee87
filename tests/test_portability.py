"""Nothing that only Linux has is needed to import headgate; where it is needed to work, that is said."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from headgate.cli import main
from headgate.errors import UsageError
from headgate.measure.platforms import require_process_groups
from headgate.measure.session import draw_cpus

# What Windows lacks; macOS lacks a part of it. The standard library and NumPy are loaded as they are: they have code of
# their own for each system, and this is about ours.
ELSEWHERE = """
import asyncio, concurrent.futures, ctypes, multiprocessing, socket, ssl, subprocess, tempfile, unittest.mock, uuid
import importlib, os, pkgutil, signal, sys
import numpy, numpy.testing

for name in ("fcntl", "resource", "termios", "pwd", "grp", "tty", "pty", "syslog"):
    sys.modules[name] = None
calls = "fork register_at_fork sched_getaffinity sched_setaffinity getloadavg sysconf killpg setsid getuid"
more = "geteuid getpgid uname fchmod pread mkfifo statvfs posix_fadvise O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_CLOEXEC"
for name in f"{calls} {more}".split():
    vars(os).pop(name, None)
for name in "SIGKILL SIGHUP SIGALRM SIGUSR1 SIGUSR2 SIGQUIT SIGCHLD".split():
    vars(signal).pop(name, None)

import headgate
seen = 0
for module in pkgutil.walk_packages(headgate.__path__, "headgate."):
    if module.name != "headgate.__main__":
        importlib.import_module(module.name)
        seen += 1
print(seen)
"""


@pytest.mark.slow
def test_every_module_can_be_imported_where_nothing_is_that_only_unix_has() -> None:
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 200


def test_without_affinity_nothing_is_pinned_unless_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    assert draw_cpus(random.Random(1), "same") == {}
    assert draw_cpus(random.Random(1), "none") == {}
    with pytest.raises(UsageError, match=r"--pin separate: this system cannot pin .* use --pin none"):
        draw_cpus(random.Random(1), "separate")


def test_that_nothing_is_pinned_is_said(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(os, "sched_getaffinity")
    (tmp_path / "asv.conf.json").write_text('{"version": 1, "project": "x", "repo": ".", "benchmark_dir": "."}')
    assert main(["compare", "one", "two"]) == 2  # there is no repository: refused, after that
    assert "cannot pin processes to cores" in capsys.readouterr().err


def test_measuring_is_refused_with_a_way_out_where_there_are_no_process_groups(monkeypatch) -> None:
    require_process_groups("measuring")
    monkeypatch.delattr(os, "killpg")
    with pytest.raises(UsageError, match=r"measuring needs Linux or macOS \(.*\); on Windows use WSL, or check"):
        require_process_groups("measuring")
