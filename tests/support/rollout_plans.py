"""A release's plan, state and batches, as small as they can be, for the tests of the rollout."""

from __future__ import annotations

from typing import Any

from headgate.gates.canary_evidence import ArmEvidence, Evidence, counts_of
from headgate.rollout.plan import Plan
from headgate.rollout.router_state import RouterState, Status

NOW = 1_800_000_000.0
METRICS = [
    {"name": "errors", "kind": "rate", "margin": "10%"},
    {"name": "seconds", "kind": "mean", "margin": 0.2, "unit": "s"},
]


def plan(**changes: Any) -> Plan:
    """Return a plan of five stages; ``changes`` are keys of its [rollout] table."""
    return Plan.from_dict({"name": "checkout", "stages": [1, 5, 25, 50, 100], "metrics": METRICS} | changes)


def running(one: Plan, stage: int | None, release: str = "r1", **changes: Any) -> RouterState:
    """Return the state of a release at a stage, as of `NOW`."""
    values = {"plan_hash": one.hash, "status": Status.RUNNING, "time": NOW, "max_age": 30.0} | changes
    return RouterState(release=release, stage=stage, **values)


def batch(seed: int = 0, units: int = 20, ppm: int = 10_000, origin: str = "live") -> Evidence:
    """Return the counts of some units in each arm of a stage; they differ by ``seed``."""
    one = plan()

    def arm(shift: int) -> ArmEvidence:
        flags = [(unit + shift) % 7 == 0 for unit in range(units)]
        seconds = [0.1 * ((unit * 37 + shift) % 11) + 0.01 for unit in range(units)]
        return ArmEvidence(
            units, {"errors": counts_of(one.metrics[0], flags), "seconds": counts_of(one.metrics[1], seconds)}
        )

    return Evidence({ppm: {"canary": arm(seed), "stable": arm(seed + 3)}}, origin)
