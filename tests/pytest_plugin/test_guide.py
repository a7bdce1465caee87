"""The guide's example does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "pytest.md"


@pytest.mark.slow
def test_the_example_in_the_guide_prints_what_it_says(tmp_path: Path) -> None:
    blocks = re.findall(r"^```(sh|text)\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    script = "set -e\n" + "".join(text for kind, text in blocks if kind == "sh")
    promised = [line for kind, text in blocks if kind == "text" for line in text.splitlines()]
    outer = ("PYTEST_", "GITHUB_", "COLUMNS")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(outer)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed = done.stdout.partition("headgate ===")[2]
    assert len(promised) == 3
    for line in promised:
        assert line in printed, done.stdout
