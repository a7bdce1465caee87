"""The clock that scheduling reads: faked in tests, so that what they claim about budgets is deterministic."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Anything that tells monotonic seconds."""

    def now(self) -> float:
        """Return seconds since an arbitrary start; never runs backwards."""
        ...


class SystemClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Return ``time.monotonic()``."""
        return time.monotonic()
