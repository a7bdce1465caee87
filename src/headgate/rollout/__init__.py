"""Canary releases: a plan registered and hashed, a router without state, a ledger whose fold is the release's state.

Nothing is imported before it is used: each public name is a row of one table.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.rollout.controller import Controller
    from headgate.rollout.controller_snapshot import SnapshotRouter
    from headgate.rollout.ledger import Ledger
    from headgate.rollout.plan import Plan
    from headgate.rollout.recorder import Recorder, lead
    from headgate.rollout.router import Route, Router
    from headgate.rollout.router_state import RouterState

__all__ = ["Controller", "Ledger", "Plan", "Recorder", "Route", "Router", "RouterState", "SnapshotRouter", "lead"]

# Public name: the module of this package that has it.
_HOMES = {
    "Controller": "controller",
    "Ledger": "ledger",
    "Plan": "plan",
    "Recorder": "recorder",
    "Route": "router",
    "Router": "router",
    "RouterState": "router_state",
    "SnapshotRouter": "controller_snapshot",
    "lead": "recorder",
}


def __getattr__(name: str) -> object:
    """Import ``name`` from its module on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
