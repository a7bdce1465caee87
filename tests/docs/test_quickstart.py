"""The quick start works as it is written: its blocks run in order, and print what the page says they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "quickstart.md"
# Blocks marked `sh` are run; what is to be printed stands in the `text` after it. `console` is for reading only.
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What differs from run to run: numbers with their units, and the rule of a table.
VARIES = re.compile(r"[+\u2212-]?\d[\d.,]*(?: (?:ns|µs|ms|s)\b)?|─+|…")
LITERAL = re.compile(r"exit code \d")


def steps() -> list[tuple[str, list[str]]]:
    """Return each block to run with the lines it must print."""
    found: list[tuple[str, list[str]]] = []
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "sh":
            found.append((text, []))
        else:
            found[-1][1].extend(line for line in text.splitlines() if line.strip("… "))
    return found


def pattern(line: str) -> re.Pattern[str]:
    """Return a pattern of what a line says in general: its words, whatever its numbers."""
    if LITERAL.fullmatch(line):
        return re.compile(re.escape(line))
    words = [re.escape(word) for word in VARIES.sub("\0", line).split()]
    return re.compile(r"\s*".join(words).replace(re.escape("\0"), r"\S.*?"))


def test_a_promised_line_is_matched_by_its_words_and_not_by_its_numbers() -> None:
    line = "regressed   words.Words.time_count   +68.7 %   +54.8 % to +77.6 %      5 %     388 µs      675 µs       10"
    assert pattern(line).search(line.replace("68.7", "1,168.7").replace("388 µs", "1.2 ms"))
    assert not pattern(line).search(line.replace("regressed", "pass"))
    assert pattern("exit code 1").search("exit code 1")
    assert not pattern("exit code 1").search("exit code 0")


@pytest.mark.slow
def test_the_quick_start_does_what_it_says(tmp_path: Path) -> None:
    ours = ("GIT_", "GITHUB_", "COLUMNS", "VIRTUAL_ENV", "PYTHON")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    place, wanted = tmp_path, steps()
    assert sum(len(lines) for _, lines in wanted) >= 10
    for block, lines in wanted:
        script = f"{block}\npwd > {tmp_path}/place"
        done = subprocess.run(
            ["bash", "-c", script], cwd=place, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        place = Path((tmp_path / "place").read_text().strip())
        at = 0
        for line in lines:
            found = pattern(line).search(done.stdout, at)
            assert found, f"{block}\nprinted\n{done.stdout}\n{done.stderr}\nand not: {line}"
            at = found.end()
    assert (place / "report" / "index.html").read_text(encoding="utf-8").count("time_count") > 1
