"""More than one executor process: the package is imported there, rows cross between them, and one of them dies."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("cluster_program.py")
SPECULATION = PROGRAM.with_name("speculation_program.py")
SECONDS = 600  # each takes a tenth of it on a busy machine


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


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
def test_a_task_that_runs_twice_at_the_same_time_gives_its_rows_once(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SPECULATION), str(tmp_path)], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "attempts": ["attempt-0", "attempt-1"],
        "rows": True,
        "equal": True,
    }


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
def test_without_a_session_the_variant_starts_a_local_one_that_stays():
    program = (
        "from headgate.transforms import sliding_polynomial\n"
        "print(sliding_polynomial([5, 6, 7, 8], 2, variant='spark').tolist())\n"
        "from pyspark.sql import SparkSession\n"
        "session = SparkSession.getActiveSession()\n"
        "print(session.sparkContext.master, session.sparkContext.uiWebUrl)\n"
        "session.stop()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == ["[0, 0, 6, 20]", "local[*] None"]
