"""The router: a thousand requests' routes, beside the hash alone that each of them cannot do without."""

from __future__ import annotations

import hashlib
import itertools
from typing import ClassVar

from headgate.rollout.plan import Plan
from headgate.rollout.router import ASSIGNMENT, Router, release_key
from headgate.rollout.router_state import RouterState, Status

CALLS = 1000
NOW = 1_800_000_000.0
# Both are looked at by every request below, and neither holds: the dearest case.
RULES = (
    {"name": "bots", "where": {"agent": {"prefix": ["bot", "probe"]}, "modality": "text"}, "exclude": True},
    {"name": "home", "where": {"country": {"in": ["DE", "AT", "CH"]}}, "percent": 10},
)
ATTRIBUTES = {"agent": "browser", "modality": "voice", "country": "FR"}


def plan(rules: int) -> Plan:
    """Return a plan with the first ``rules`` of `RULES`."""
    metrics = [{"name": "errors", "kind": "rate", "margin": "10%"}]
    return Plan.from_dict({"name": "checkout", "stages": [1, 5, 25], "metrics": metrics, "segments": RULES[:rules]})


def router(rules: int) -> Router:
    """Return a router of a release at 5 %."""
    one = plan(rules)
    return Router(one, "r1", RouterState("r1", one.hash, Status.RUNNING, 1, NOW, 30.0))


class Routing:
    """A thousand units, each with three attributes, past so many rules."""

    params: ClassVar = (0, 1, 2)
    param_names: ClassVar = ("rules",)
    timeout = 60

    def setup(self, rules: int) -> None:
        self.router = router(rules)
        self.units = [f"user-{number:07d}" for number in range(CALLS)]

    def time_route(self, rules: int) -> None:
        route = self.router.route
        for unit in self.units:
            route(unit, ATTRIBUTES, now=NOW)

    def time_new_snapshot(self, rules: int) -> None:
        one, state = self.router, RouterState("r1", self.router.plan.hash, Status.RUNNING, 2, NOW, 30.0)
        for _ in itertools.repeat(None, CALLS):
            one.updated(state)


class Hash:
    """The keyed BLAKE2b of a thousand units and nothing else: what no router with this formula can be faster than."""

    timeout = 60

    def setup(self) -> None:
        self.copy = hashlib.blake2b(digest_size=8, key=release_key("checkout", "r1"), person=ASSIGNMENT).copy
        self.units = [f"user-{number:07d}" for number in range(CALLS)]

    def time_blake2b(self) -> None:
        copy = self.copy
        for unit in self.units:
            hasher = copy()
            hasher.update(unit.encode())
            hasher.digest()
