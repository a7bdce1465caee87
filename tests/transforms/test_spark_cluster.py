"""More than one executor process: the package is imported there, rows cross between them, and one of them dies."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("cluster_program.py")
SECONDS = 240


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
def test_two_executors_agree_with_the_kernel_though_one_is_lost_and_no_secret_leaves_the_environment(tmp_path):
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path)], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "executors": 2,
        "lost": True,
        "column": True,
        "file": True,
        "secrets told": 0,
    }
