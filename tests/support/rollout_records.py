"""Requests of a release as its router split them, and the release itself, started in a directory of the test's own."""

from __future__ import annotations

import json
import random
import weakref
from typing import TYPE_CHECKING, Any

from rollout_plans import NOW
from rollout_releases import TABLE

from headgate.rollout import Ledger, Plan, Router
from headgate.rollout.controller import Controller
from headgate.rollout.router_state import RouterState, Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headgate.rollout.fold import ReleaseState

RELEASE = "r1"


def begun(folder: Path, *, now: float | Callable[[], float] = NOW, **changes: Any) -> Controller:
    """Return the controller of a release started at ``now``, a clock or its time for good, its ledger in ``folder``."""
    plan = Plan.from_dict(TABLE | changes)
    clock = now if callable(now) else lambda: float(now)  # type: ignore[arg-type]  # a number, as just checked
    ledger = Ledger(folder / "rollout.sqlite")
    controller = Controller(ledger, plan, RELEASE, actor="tests", clock=clock)
    weakref.finalize(controller, ledger.close)
    controller.start()
    return controller


def requests(plan: Plan, count: int, *, stage: int = 0, seed: int = 0, first: int = 0) -> list[dict[str, Any]]:
    """Return one record of each of ``count`` units, where the router sent it; values are sums of few powers of two."""
    router = Router(plan, RELEASE, RouterState(RELEASE, plan.hash, Status.RUNNING, stage, NOW, 30.0))
    chance = random.Random(seed)
    found = []
    for number in range(first, first + count):
        route = router.route(f"user-{number}", now=NOW)
        metrics = {"errors": chance.random() < 0.1, "seconds": chance.randrange(1, 64) / 16}
        found.append(
            {
                "unit": f"user-{number}",
                "version": route.version.value,
                "stage": route.stage,
                "reason": route.reason.value,
                "metrics": metrics,
            }
        )
    return found


def lines(records: list[dict[str, Any]]) -> str:
    """Return records as JSON Lines."""
    return "".join(json.dumps(one) + "\n" for one in records)


def sums(state: ReleaseState) -> tuple[Any, Any, list[str]]:
    """Return what the state's evidence is, bit for bit."""
    return state.evidence.to_json(), state.sandbox_evidence.to_json(), state.invalid
