"""The gate's decision and a release's status as JSON, for files, bundles and other programs."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError
from headgate.gates.canary import CanaryDecision, CanaryState, MetricRow

if TYPE_CHECKING:
    from headgate.rollout.controller_turn import ReleaseStatus

__all__ = ["DECISION_SCHEMA", "STATUS_SCHEMA", "decision_from_json", "decision_to_json", "status_to_json"]

DECISION_SCHEMA = "headgate.canary-decision/1"
STATUS_SCHEMA = "headgate.rollout-status/1"


def decision_to_json(decision: CanaryDecision) -> dict[str, Any]:
    """Return the decision as plain JSON values; e-values are natural logarithms, null where they are not finite."""
    return {
        "schema": DECISION_SCHEMA,
        "state": decision.state.value,
        "stage": decision.stage,
        "reasons": list(decision.reasons),
        "missing": list(decision.missing),
        "log_e_sample_ratio": _finite(decision.log_e_sample_ratio),
        "metrics": [_row_to_json(row) for row in decision.rows],
    }


def _row_to_json(row: MetricRow) -> dict[str, Any]:
    return {key: _finite(value) for key, value in asdict(row).items()} | {"state": row.state.value}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def decision_from_json(data: object, source: str) -> CanaryDecision:
    """Return the decision that `decision_to_json` made ``data`` of; ``source`` is the file, for messages.

    Raises
    ------
    InputError
        Another schema, a missing key, or a state there is not.
    """
    if not isinstance(data, dict) or data.get("schema") != DECISION_SCHEMA:
        raise InputError(f'{source}: not a canary decision (its schema is not "{DECISION_SCHEMA}"); get the file again')
    names = {field.name for field in fields(MetricRow)}
    try:
        rows = [
            MetricRow(**{key: one[key] for key in names if key in one} | {"state": CanaryState(one["state"])})
            for one in data["metrics"]
        ]
        return CanaryDecision(
            CanaryState(data["state"]),
            data["stage"],
            tuple(data["reasons"]),
            tuple(rows),
            tuple(data["missing"]),
            data["log_e_sample_ratio"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{source}: not a canary decision as headgate writes them; get the file again") from error


def status_to_json(status: ReleaseStatus) -> dict[str, Any]:
    """Return a release's status as plain JSON values (docs/schemas/rollout-status-1.schema.json)."""
    state = status.state
    return {
        "schema": STATUS_SCHEMA,
        "release": state.release,
        "plan": state.plan.get("name", ""),
        "plan_hash": state.plan_hash,
        "version": state.version,
        "status": None if state.status is None else state.status.value,
        "stage": state.stage,
        "stage_ppm": None if state.stage is None else state.plan["stages"][state.stage]["ppm"],
        "stage_seconds": state.dwelt(status.now),
        "time": status.now,
        "seq": state.seq,
        "head": state.head,
        "halt": None if state.halt is None else asdict(state.halt),
        "overrides": [asdict(one) | {"action": one.action.value} for one in state.overrides],
        "invalid": list(state.invalid),
        "batches": state.batches,
        "units": {
            str(ppm): {arm: one.units for arm, one in sorted(arms.items())}
            for ppm, arms in state.evidence.stages.items()
        },
        "decision": decision_to_json(status.decision),
    }
