"""A release that is led by hand: its plan's file, its evidence, its schemas, and the command line in one call."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema

from headgate.cli import main
from headgate.gates.canary_evidence import ArmEvidence, Evidence, counts_of
from headgate.rollout.batches import CountBatch
from headgate.rollout.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
PLAN_TOML = """\
[rollout]
name = "checkout"
stages = [20, 50, 100]
minimum_units = 200

[[rollout.metrics]]
name = "errors"
kind = "rate"
margin = "100%"

[[rollout.metrics]]
name = "seconds"
kind = "mean"
margin = "50%"
unit = "s"
"""
TABLE = {
    "name": "checkout",
    "stages": [20, 50, 100],
    "minimum_units": 200,
    "metrics": [
        {"name": "errors", "kind": "rate", "margin": "100%"},
        {"name": "seconds", "kind": "mean", "margin": "50%", "unit": "s"},
    ],
}


class Said(NamedTuple):
    """What a command did: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, all of it, as JSON; the schema it names is held."""
        return valid(json.loads(self.out))


def headgate(*argv: object) -> Said:
    """Run a command as the process would."""
    out, err = io.StringIO(), io.StringIO()
    code = main([str(one) for one in argv], out, err)
    assert "Traceback" not in err.getvalue()
    return Said(code, out.getvalue(), err.getvalue())


def valid(data: Any) -> Any:
    """Return ``data``, having checked that it is what the schema it names says."""
    kind, _, number = data["schema"].removeprefix("headgate.").partition("/")
    kind = {"event": "rollout-event", "router-state": "rollout-router-state"}.get(kind, kind)
    jsonschema.validate(data, json.loads((SCHEMAS / f"{kind}-{number}.schema.json").read_text()))
    return data


def release_plan(**changes: Any) -> Plan:
    """Return the plan of `PLAN_TOML`; ``changes`` are keys of its table."""
    return Plan.from_dict(TABLE | changes)


def units(plan: Plan, stage: int, count: int, *, worse: float = 1.0, seed: int = 0, window: str = "") -> CountBatch:
    """Return the evidence of ``count`` live units in a stage, the canary's errors and seconds times ``worse``."""
    chance = random.Random(seed)
    live = plan.policy.stages[stage]
    ours = round(count * live.share)

    def arm(size: int, times: float) -> ArmEvidence:
        values: dict[str, Callable[[], Any]] = {
            "errors": lambda: chance.random() < 0.1 * times,
            "seconds": lambda: times * chance.lognormvariate(-1.0, 0.5),
        }
        counted = {one.name: counts_of(one, [values[one.name]() for _ in range(size)]) for one in plan.metrics}
        return ArmEvidence(size, counted)

    evidence = Evidence({live.ppm: {"canary": arm(ours, worse), "stable": arm(count - ours, 1.0)}})
    return CountBatch("tests", window or f"{stage}-{seed}-{count}", evidence)
