"""What every test of the command line runs under."""

import pytest


@pytest.fixture(autouse=True)
def a_log_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No width from whoever runs the tests (pytest-xdist exports its own terminal's), and no job summary of theirs."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
