"""What was counted between two scrapes, recorded: the ledger keeps each, and the next one is held against it.

Counted is an interval that lies in one stage, after all routers know of the stage; the first scrape, and the first of a
stage, only say from where. What a process had counted when it ended is lost, and is lost most where it ended of an
error: so it is taken for missing, as much as the interval before had, and too much of it passes nothing
(`headgate.rollout.controller_track.MOST_REFUSED`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.errors import InputError
from headgate.gates.canary_evidence import CANARY, STABLE, ArmEvidence, Evidence
from headgate.rollout import events
from headgate.rollout.controller_snapshot import MAX_AGE_SECONDS
from headgate.rollout.providers.prometheus_counts import REQUESTS, UNIT, Scrape, Series, from_json, to_json
from headgate.rollout.providers.records import iso
from headgate.rollout.router_state import Status
from headgate.stats.quantiles import Histogram
from headgate.stats.rates import RateCounts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from headgate.gates.canary_evidence import Counts
    from headgate.gates.canary_policy import Metric
    from headgate.rollout.controller import Controller
    from headgate.rollout.fold import ReleaseState
    from headgate.rollout.plan import Plan
    from headgate.rollout.providers.store import Report

__all__ = ["record_scrape"]

_LAST = (
    "SELECT payload FROM event WHERE release = ? AND kind = 'evidence' AND json_extract(payload, '$.source') = ? "
    "ORDER BY seq DESC LIMIT 1"
)


class _Interval(NamedTuple):
    """What was counted, by role and arm: the values, and how much was lost; and what to say of it."""

    counted: dict[tuple[str, str], list[int]]
    lost: dict[str, int]
    notes: list[str]


def record_scrape(controller: Controller, scrape: Scrape, report: Report) -> None:
    """Record what was counted since the last scrape of the same source, if any; add to ``report``.

    Raises
    ------
    InputError
        The counters contradict each other; nothing was recorded, and the next scrape may do.
    LedgerError
        It cannot be written; nothing was recorded.
    """
    with controller.ledger.transaction() as connection:
        state = controller.state()
        before = _last(connection, controller.release, scrape.source)
        if state.status is not Status.RUNNING or state.stage is None:
            report.notes.append(f"{scrape.source}: the release is {state.status}: nothing is counted")
            return
        if before is not None and scrape.time <= before[0].time:
            report.known += 1
            report.notes.append(
                f"{scrape.source}: as old as the last one, or older: what it says was counted with that"
            )
            return
        interval = _interval(before, scrape, state)
        evidence, tally = _evidence(controller.plan, state.stage, interval, scrape)
        since = f"{iso(before[0].time)}/" if before is not None and interval.counted else "from "
        window = f"{since}{iso(scrape.time)} ({scrape.time:.3f})"
        draft = events.evidence(scrape.source, window, evidence, actor=controller.actor, time=scrape.now)
        extra = {"unit": UNIT, "tally": tally, "scrape": to_json(scrape) | {"stage": state.stage}}
        controller.ledger.append(controller.release, replace(draft, payload=draft.payload | extra))
    report.batches += 1
    report.units += tally["units"]
    if interval.counted:
        report.notes.append(f"{scrape.source}: {tally['units']} requests, each counted as a unit, as the plan says")
    report.notes += [f"{scrape.source}: {note}" for note in interval.notes]


def _last(connection: sqlite3.Connection, release: str, source: str) -> tuple[Scrape, int] | None:
    row = connection.execute(_LAST, (release, source)).fetchone()
    payload = {} if row is None else json.loads(row[0])
    if "scrape" not in payload:
        return None
    return from_json(source, payload["scrape"]), int(payload["scrape"]["stage"])


def _interval(before: tuple[Scrape, int] | None, scrape: Scrape, state: ReleaseState) -> _Interval:
    why = _why_not_counted(before, scrape, state)
    if before is None or why:
        return _Interval({}, {}, [f"counted from here on: {why}"])
    previous, found = before[0], _Interval({}, {}, [])
    reset = _reset(previous, scrape)
    for key, one in scrape.series.items():
        counted = _since(previous, key, one, reset)
        if counted is not None:
            total = found.counted.setdefault((one.role, one.arm), [0] * len(counted))
            found.counted[one.role, one.arm] = [left + right for left, right in zip(total, counted, strict=True)]
            one.last = sum(counted)
    for arm, count in _lost(previous, scrape, reset):
        found.lost[arm] = found.lost.get(arm, 0) + count
    if found.lost:
        found.notes.append(f"counters began anew or are gone: about {sum(found.lost.values())} requests were not seen")
    return found


def _since(previous: Scrape, key: str, one: Series, reset: set[str]) -> list[int] | None:
    """Return what a series has counted since the previous scrape; None of one that may have counted for longer."""
    old = previous.series.get(key)
    if one.instance in reset:
        return one.values
    if old is None:
        known = any(one.instance == other.instance for other in previous.series.values())
        return one.values if known else None
    return [new - was for new, was in zip(one.values, old.values, strict=True)]


def _lost(previous: Scrape, scrape: Scrape, reset: set[str]) -> Iterator[tuple[str, int]]:
    """Yield the requests, by arm, that were counted and not seen: as many as in the interval before, and one at least.

    What is missing and did not begin anew is kept in ``scrape``: should it come back, it goes on from there.
    """
    for key, old in previous.series.items():
        if key not in scrape.series and old.instance not in reset:
            scrape.series[key] = replace(old, gone=True)
        elif old.instance not in reset:
            continue
        if old.role == REQUESTS and not old.gone:
            yield old.arm, max(1, old.last)


def _why_not_counted(before: tuple[Scrape, int] | None, scrape: Scrape, state: ReleaseState) -> str:
    if before is None:
        return "the first of this source"
    previous, stage = before
    if previous.selectors != scrape.selectors:
        return "other counters are selected than before"
    if stage != state.stage:
        return "the stage has changed since the last one"
    if previous.time < state.stage_times[-1] + MAX_AGE_SECONDS:
        return f"the last one was within {MAX_AGE_SECONDS:g} s of the stage's begin, when not all routers knew of it"
    return ""


def _reset(previous: Scrape, scrape: Scrape) -> set[str]:
    """Return the processes that began anew: a counter of theirs has fallen, or they say so."""
    if None not in {previous.started, scrape.started} and previous.started != scrape.started:
        return {one.instance for one in scrape.series.values()}
    found = set()
    for key, one in scrape.series.items():
        old = previous.series.get(key)
        if old is not None and (
            len(old.values) != len(one.values)
            or any(new < was for new, was in zip(one.values, old.values, strict=True))
        ):
            found.add(one.instance)
    return found


def _evidence(plan: Plan, stage: int, interval: _Interval, scrape: Scrape) -> tuple[Evidence, dict[str, Any]]:
    ppm = plan.policy.stages[stage].ppm
    arms: dict[str, ArmEvidence] = {}
    good: dict[str, dict[str, int]] = {}
    refused: dict[str, dict[str, int]] = {}
    for arm in (CANARY, STABLE):
        (units,) = interval.counted.get((REQUESTS, arm), [0])
        metrics: dict[str, Counts] = {}
        for metric in plan.metrics:
            lost = interval.lost.get(arm, 0)
            if lost:
                refused.setdefault(metric.name, {})[arm] = lost
            values = interval.counted.get((metric.name, arm))
            # A counter of events that is there, and has no series of the arm yet, has counted none.
            if values is None and metric.kind == "rate" and metric.name in scrape.selectors:
                values = [0]
            if values is None or not (units or any(values)):
                continue
            metrics[metric.name] = counts = _counts(metric, units, values)
            if counts.problem() or counts.units > units:
                raise InputError(
                    f"{scrape.source}: {metric.name!r} of {arm} counts more than its {units} requests since the "
                    "last time; count both in one place, or try again"
                )
            good.setdefault(metric.name, {})[arm] = counts.units
        if units:
            arms[arm] = ArmEvidence(units, metrics)
    total = sum(one.units for one in arms.values())
    lost_total = sum(interval.lost.values())
    tally = {"requests": total + lost_total, "units": total, "good": good, "refused": refused}
    return Evidence({ppm: arms or {STABLE: ArmEvidence()}}), tally


def _counts(metric: Metric, units: int, values: list[int]) -> RateCounts | Histogram:
    if metric.kind == "rate":
        return RateCounts(units, values[0])
    return Histogram(sum(values), {cell: count for cell, count in enumerate(values) if count})
