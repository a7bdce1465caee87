"""What is drawn on a terminal while a command runs: names and messages in it cannot change the terminal."""

import io

import pytest

from headgate.cli.bench_progress import BenchProgress
from headgate.cli.live import watching
from headgate.gates.policy import Policy
from headgate.gates.resolution import BenchmarkNoise, Calibration
from headgate.measure.asv_plan import Chunk
from headgate.measure.measurement import Failure
from headgate.model import BenchmarkId, Comparison, Side, State
from headgate.report.calibration_text import calibration_text

# Puts a command into the clipboard, clears the screen, sets the title; and what rich itself would read.
CLIPBOARD, CLEAR, TITLE, MARKUP = "\x1b]52;c;cm0gLXJm\x07", "\x1b[2J", "\x9d0;root\x9c", "[/red]:smile:"
HOSTILE = f"time_x{CLEAR}{CLIPBOARD}{TITLE}{MARKUP}"
SHOWN = r"time_x\x1b[2J\x1b]52;c;cm0gLXJm\x07\x9d0;root\x9c[/red]:smile:"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")


def harmless(text: str) -> bool:
    return not any(sequence in text for sequence in (CLIPBOARD, CLEAR, TITLE, "\x07", "\x9d"))


def test_the_live_table_and_its_lines_show_escape_sequences_as_text():
    err = Terminal()
    name = BenchmarkId("suite", (HOSTILE,))
    with watching(2, 60.0, err, quiet=False) as observer:
        observer.round_started(1, [name])
        observer.compared([Comparison(name, "seconds", State.INCONCLUSIVE, 0.05)])
        observer.live.refresh()
        table = err.getvalue()
        observer.failed(name, Failure(Side.CANDIDATE, f"ValueError: {HOSTILE}"))
    assert SHOWN in table
    said = " ".join(err.getvalue()[len(table) :].split())
    assert "failed on the candidate's side" in said
    assert f"ValueError: {SHOWN}" in said
    assert harmless(err.getvalue())


def test_the_bar_of_a_suite_shows_a_name_as_text():
    err = Terminal()
    name = BenchmarkId(HOSTILE)
    with BenchProgress(err, [Chunk((name,), 1.0)], 1, {}) as progress:
        progress.combination({"benchmark": HOSTILE})
    assert harmless(err.getvalue())
    assert "[/red]:smile:" in err.getvalue()


def test_a_calibrations_table_shows_a_name_as_text():
    noise = BenchmarkNoise(HOSTILE, "time", 0.01, 0.01, 0.0, "pass", (0.0,) * 20)
    text = calibration_text(Calibration("m", "f", "d", "c", 0.05, 0.99, 60.0, 1.0, 20, 0, (noise,)), Policy())
    assert harmless(text)
    assert r"\x1b[2J" in text
    assert "[/red]:smile:" in "".join(line.split()[0] for line in text.splitlines() if line.strip())
