"""What a router is told: the snapshot of a release's state, and the words of a route."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["STATE_SCHEMA", "Reason", "RouterState", "Status", "Version", "state_from_json"]

STATE_SCHEMA = "headgate.router-state/1"


class Version(StrEnum):
    """The three places a unit can be sent to."""

    STABLE = "stable"
    CANARY = "canary"
    SANDBOX = "sandbox"


class Reason(StrEnum):
    """Why a unit goes where it goes."""

    ASSIGNED = "assigned"  # by the stage's share: the only routes that count as a stage's evidence
    EXCLUDED = "excluded"  # by a segment, as the next two
    PINNED = "pinned"
    SEGMENT_SANDBOX = "segment-sandbox"
    SANDBOX = "sandbox"  # by the plan's share
    NO_UNIT = "no-unit"  # empty, or neither text, bytes nor an integer: stable
    NO_STATE = "no-state"  # unreadable: stable, as all that follow
    STALE_STATE = "stale-state"
    OTHER_RELEASE = "other-release"  # the state is another release's, or another plan's
    NOT_STARTED = "not-started"
    HALTED = "halted"


class Status(StrEnum):
    """Where a release is; a halted one stays halted."""

    REGISTERED = "registered"
    RUNNING = "running"
    HALTED = "halted"
    COMPLETED = "completed"  # its last stage's share stays


@dataclass(frozen=True, slots=True)
class RouterState:
    """A snapshot of a release's state.

    Attributes
    ----------
    release, plan_hash
        Whose state it is; a router of another release or plan does not use it.
    status, stage
        Where the release is; ``stage`` counts from 0, None before the start.
    time
        When it was taken, in seconds since the epoch.
    max_age
        How far from ``time`` a reader's clock may be, in seconds, for the state to be believed.
    """

    release: str
    plan_hash: str
    status: Status
    stage: int | None
    time: float
    max_age: float

    def to_json(self) -> dict[str, Any]:
        """Return the snapshot as plain JSON values (docs/schemas/rollout-router-state-1.schema.json)."""
        return {
            "schema": STATE_SCHEMA,
            "release": self.release,
            "plan_hash": self.plan_hash,
            "status": self.status.value,
            "stage": self.stage,
            "time": self.time,
            "max_age": self.max_age,
        }


def state_from_json(data: object) -> RouterState | None:
    """Return the snapshot written by `RouterState.to_json`; None for anything else: a router then sends all to stable.

    It does not raise, for a router has nobody to show an error to; the route's reason tells.
    """
    if not isinstance(data, dict) or data.get("schema") != STATE_SCHEMA:
        return None
    release, plan_hash, stage = data.get("release"), data.get("plan_hash"), data.get("stage")
    status = next((one for one in Status if one == data.get("status")), None)
    if not isinstance(release, str) or not isinstance(plan_hash, str) or status is None:
        return None
    if stage is not None and (isinstance(stage, bool) or not isinstance(stage, int)):
        return None
    time, max_age = _seconds(data.get("time")), _seconds(data.get("max_age"))
    if time is None or max_age is None:
        return None
    return RouterState(release, plan_hash, status, stage, time, max_age)


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # a whole number beyond all floats
        return None
