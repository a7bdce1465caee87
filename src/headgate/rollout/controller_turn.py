"""What a controller tells of a release, and of one turn of its control loop; when a release may advance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from headgate.gates.canary import CanaryState
from headgate.rollout.events import LONGEST_NAME, LONGEST_REASON, Action
from headgate.rollout.router_state import Status

if TYPE_CHECKING:
    from headgate.gates.canary import CanaryDecision
    from headgate.rollout.fold import ReleaseState

__all__ = ["ReleaseStatus", "Step", "Turn", "halt_words", "reason_of", "refusal"]


class Step(StrEnum):
    """What a turn of the control loop did."""

    WAITED = "waited"
    ADVANCED = "advanced"
    COMPLETED = "completed"
    HALTED = "halted"


class Turn(NamedTuple):
    """One turn: what was done, on which decision, and why nothing was done where something was due."""

    step: Step
    decision: CanaryDecision
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseStatus:
    """A release as it stands: the fold of its events, and the gate's decision on it at ``now``."""

    state: ReleaseState
    decision: CanaryDecision
    now: float


def reason_of(decision: CanaryDecision) -> str:
    """Return a decision's reasons as a halt takes them: whatever a metric is called, the halt is recorded."""
    return recordable("; ".join(decision.reasons), LONGEST_REASON) or decision.state.value


def halt_words(reason: object, actor: object) -> tuple[str, str]:
    """Return a reason and an actor as a halt records them: errors have tabs, and logs no end."""
    words = recordable(reason, LONGEST_REASON) or "no reason was given"
    return words, recordable(actor, LONGEST_NAME) or "unknown"


def recordable(text: object, longest: int) -> str:
    """Return a text as an event takes it: what is not printable is "?", and the end is cut; perhaps ''."""
    return "".join(one if one.isprintable() else "?" for one in str(text))[:longest].strip()


def refusal(status: ReleaseStatus, moved: int) -> str:
    """Return why the release may not advance; '' if it may. ``moved`` is the last event that changed the stage."""
    state, decision = status.state, status.decision
    if state.status is not Status.RUNNING:
        return f"it is {state.status}, so there is nothing to advance"
    word = state.override_at(status.now)
    if word is not None and word.action is Action.HOLD:
        return f"{word.actor} says to hold: {word.reason}"
    if decision.state is CanaryState.PASS:
        return ""
    # An override moves the release once: a second stage is a second decision.
    if word is not None and word.seq > moved and decision.state is not CanaryState.HALT:
        return ""
    return f"{decision.state}: " + "; ".join(decision.reasons)
