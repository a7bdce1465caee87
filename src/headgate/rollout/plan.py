"""The plan of a release: what is registered before its first request, and hashed so that nothing changes unseen.

Values only; what a user writes is parsed by `headgate.rollout.plan_input`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from headgate.gates.canary_policy import MILLION, CanaryPolicy, Stage
from headgate.store.seal import canonical, sha256

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from headgate.gates.canary_policy import Metric
    from headgate.rollout.segments import Segment

__all__ = ["DEFAULT_LEDGER", "PLAN_SCHEMA", "Plan"]

PLAN_SCHEMA = "headgate.rollout-plan/1"
DEFAULT_LEDGER = "rollout.sqlite"


@dataclass(frozen=True)
class Plan:
    """The plan of a release.

    Attributes
    ----------
    name
        What is released, as "checkout"; releases of one plan share it.
    stages
        In order. ``ppm`` is the canary's share of *all* units, as the router takes it.
    metrics
        What decides.
    segments
        In order: the first whose rule holds decides.
    attributes
        Declared types by attribute; empty where the plan declares none.
    sandbox_ppm
        The share of all units that goes to the sandbox: the top of the range, never live.
    alpha, sample_ratio_alpha
        As in `headgate.gates.canary_policy.CanaryPolicy`.
    unit
        What is randomised, as "user" or "request"; '' where the plan does not say. Counters, which count requests, are
        evidence for "request" alone.
    ledger
        Where the release's ledger is; no part of the plan's hash, for it decides nothing.
    """

    name: str
    stages: tuple[Stage, ...]
    metrics: tuple[Metric, ...]
    alpha: float
    sample_ratio_alpha: float
    segments: tuple[Segment, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)
    sandbox_ppm: int = 0
    ledger: str = DEFAULT_LEDGER
    unit: str = ""

    @classmethod
    def from_dict(cls, table: Mapping[str, Any], source: str = "[rollout]") -> Plan:
        """Return the plan of a parsed ``[rollout]`` table; ``source`` is the file, for messages.

        Raises
        ------
        PlanError
            A key is unknown, missing or wrong; the message names the file and the key's path.
        """
        from headgate.rollout.plan_input import plan_from_table

        return plan_from_table(table, source)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Plan:
        """Return the plan in a headgate.toml (``[rollout]``) or a pyproject.toml (``[tool.headgate.rollout]``).

        Raises
        ------
        InputError, PlanError
            The file cannot be read; it has no plan, or a wrong one.
        """
        from headgate.rollout.plan_input import read_plan

        return read_plan(path)

    @classmethod
    def from_json(cls, data: Mapping[str, Any], source: str) -> Plan:
        """Return the plan written by `to_json`; ``source`` is the file, for messages.

        Raises
        ------
        PlanError
            Not a plan as headgate writes them, or a newer one.
        """
        from headgate.rollout.plan_input import plan_from_json

        return plan_from_json(data, source)

    @cached_property
    def policy(self) -> CanaryPolicy:
        """What the gate decides by: shares are of the *live* units, that is of stable and canary together."""
        live = MILLION - self.sandbox_ppm
        stages = [
            Stage(self.live_ppm(stage.ppm), stage.minimum_units, stage.dwell_seconds) if live < MILLION else stage
            for stage in self.stages
        ]
        return CanaryPolicy(self.metrics, tuple(stages), self.alpha, self.sample_ratio_alpha)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the plan's canonical JSON, in hexadecimal: two plans with one hash decide alike."""
        return sha256(canonical(self.to_json()))

    def live_ppm(self, ppm: int) -> int:
        """Return a stage's share of the live units, to the nearest part per million (what rounds is below 5e-7)."""
        live = MILLION - self.sandbox_ppm
        return (min(ppm, live) * MILLION + live // 2) // live

    def to_json(self) -> dict[str, Any]:
        """Return all that decides as plain JSON values (docs/schemas/rollout-plan-1.schema.json)."""
        from headgate.gates.canary_policy import CanaryPolicy

        written = CanaryPolicy(self.metrics, self.stages, self.alpha, self.sample_ratio_alpha).to_json()
        return {
            "schema": PLAN_SCHEMA,
            "name": self.name,
            "sandbox_ppm": self.sandbox_ppm,
            "attributes": dict(self.attributes),
            "segments": [segment.to_json() for segment in self.segments],
            # Left out where it is not said: plans that were registered before it could be keep their hash.
            **({"unit": self.unit} if self.unit else {}),
            **written,
        }
