"""What only some systems can do, and what is said where they cannot."""

from __future__ import annotations

import os

from headgate.errors import UsageError

__all__ = ["PINNING_MISSING", "can_pin", "require_process_groups"]

PINNING_MISSING = "this system cannot pin processes to cores: they run wherever it puts them, and differ by more"


def can_pin() -> bool:
    """Whether a process can be kept on a core; macOS and Windows have no such call."""
    return hasattr(os, "sched_getaffinity") and hasattr(os, "sched_setaffinity")


def require_process_groups(what: str) -> None:
    """Refuse to measure where a benchmark cannot be ended with all that it started.

    Raises
    ------
    UsageError
        The system has no process groups: Windows.
    """
    if not hasattr(os, "killpg"):
        raise UsageError(
            f"{what} needs Linux or macOS (this system cannot end a benchmark with all it started); on Windows use "
            "WSL, or check, history, report and verify"
        )
