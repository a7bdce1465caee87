"""A release's evidence over time: what the gate would have said after each batch, from the ledger's events. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.gates.canary import decide
from headgate.gates.canary_evidence import CANARY, LIVE, STABLE, Evidence
from headgate.rollout.controller_track import Track, follow
from headgate.rollout.events import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.gates.canary import MetricRow
    from headgate.rollout.events import Event
    from headgate.rollout.plan import Plan

__all__ = ["MOST_LOOKS", "Look", "looks_of"]

# Batches after which the e-values are worked out: a drawing has no more room, and a ledger may have 100,000.
MOST_LOOKS = 150


@dataclass(frozen=True, slots=True)
class Look:
    """What was known after one batch: seconds since the start by the events' clock, units by arm, and each metric."""

    seq: int
    seconds: float
    stage: int
    units: dict[str, int]
    rows: tuple[MetricRow, ...]


def looks_of(plan: Plan, events: Sequence[Event]) -> tuple[list[Look], int]:
    """Return the looks, in order, at most `MOST_LOOKS` of them evenly chosen with the last; and how many there were.

    Every batch is folded, as the controller folds it; between the looks drawn only the metrics' rows are left out.
    """
    numbers = [event.seq for event in events if event.kind == Kind.EVIDENCE]
    chosen = set(_evenly(numbers))
    policy, track, found = plan.policy, Track(), []
    stage, began, start = 0, 0.0, 0.0
    for event in events:
        follow(policy, track, [event])
        if event.kind == Kind.STARTED:
            start = began = event.time
        elif event.kind == Kind.ADVANCED:
            stage, began = int(event.payload["to"]), event.time
        if event.seq in chosen:
            evidence = Evidence(track.evidence.stages, LIVE, track.evidence.maxima)
            decision = decide(policy, evidence, min(stage, len(policy.stages) - 1), max(0.0, event.time - began))
            units = {
                arm: sum(one[arm].units for one in evidence.stages.values() if arm in one) for arm in (CANARY, STABLE)
            }
            found.append(Look(event.seq, event.time - start, stage, units, decision.rows))
    return found, len(numbers)


def _evenly(numbers: list[int]) -> list[int]:
    if len(numbers) <= MOST_LOOKS:
        return numbers
    step = (len(numbers) - 1) / (MOST_LOOKS - 1)
    return [numbers[round(place * step)] for place in range(MOST_LOOKS)]
