"""A release's page from its ledger: what was decided, by whom, on which evidence, under which plan. Pure.

Of a ledger whose chain is broken only the record is shown, as it stands: what it says is no evidence any more.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from headgate.report.rollout_figures import metric_figures, timeline_figure, units_figure
from headgate.report.rollout_looks import looks_of
from headgate.report.rollout_page import Page, Section
from headgate.report.rollout_tables import (
    HASH_DIGITS,
    audit_table,
    metrics_table,
    overrides_table,
    segments_table,
    sources_table,
    stages_table,
    when,
)
from headgate.report.wording import count, duration, printable
from headgate.rollout.fold import fold
from headgate.rollout.plan import Plan
from headgate.rollout.plan_numbers import percent_text
from headgate.rollout.router_state import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.rollout.events import Event
    from headgate.rollout.fold import ReleaseState

__all__ = ["overview_page", "release_page"]

_MARKS = {Status.HALTED: "regressed", Status.COMPLETED: "pass"}


def release_page(release: str, events: Sequence[Event], problems: Sequence[str] = ()) -> Page:
    """Return the page of one release.

    Parameters
    ----------
    release
        Its name.
    events
        All of its events, in order.
    problems
        What the ledger's own check found; "" and empty where every hash holds.
    """
    if problems:
        return _distrusted(release, events, problems)
    state = fold(events, release)
    plan = Plan.from_json(state.plan, f"the plan of {release!r}") if state.plan else None
    if plan is None:
        return _distrusted(release, events, ["nothing is registered"])
    looks, batches = looks_of(plan, events)
    sections = [
        _timeline(plan, events),
        Section(
            "metrics",
            "What the evidence says",
            "Of each unit the first value (of a rate: whether it ever happened) counts, once a release.",
            metric_figures(plan, looks, batches),
            (metrics_table(plan, looks[-1].rows),) if looks else (),
        ),
        _units(plan, state),
        _record(state, events),
        _plan(plan, state),
    ]
    return Page(
        title=f"Release {printable(release)}",
        lede=_lede(plan, state),
        state=str(state.status) if not state.invalid else "invalid",
        mark="failed" if state.invalid else _MARKS.get(state.status or Status.REGISTERED, "inconclusive"),
        facts=_facts(plan, state, events),
        problems=tuple(printable(reason) for reason in state.invalid),
        sections=tuple(section for section in sections if section.figures or section.tables or section.code),
        commands=("headgate rollout verify", "headgate rollout report"),
        date=when(events[-1].time)[:10],
    )


def overview_page(pages: Sequence[Page]) -> Page:
    """Return the first page of several releases."""
    states = sorted({page.state for page in pages})
    said = ", ".join(f"{sum(page.state == state for page in pages)} {state}" for state in states)
    return Page("Releases", f"{count(len(pages), 'release')}: {said}.", commands=("headgate rollout report",))


def _distrusted(release: str, events: Sequence[Event], problems: Sequence[str]) -> Page:
    record = Section("record", "The record as it stands", tables=(audit_table(events),)) if events else None
    return Page(
        title=f"Release {printable(release)}",
        lede="The record does not hold together, so no evidence is shown: nothing here is a reason to go on.",
        state="invalid",
        mark="failed",
        facts=(("events", f"{len(events):,}"), ("chain", "broken")),
        problems=tuple(printable(problem) for problem in problems),
        sections=(record,) if record is not None else (),
        commands=("headgate rollout verify",),
        date=when(events[-1].time)[:10] if events else "",
    )


def _lede(plan: Plan, state: ReleaseState) -> str:
    what = f"{printable(plan.name)}{f', version {printable(state.version)}' if state.version else ''}"
    if state.halt is not None:
        who, why = printable(state.halt.actor), printable(state.halt.reason)
        return f"{what}: halted by {who}. {why}"
    if state.stage is None:
        return f"{what}: registered, not started; every unit is on stable."
    share = percent_text(plan.stages[state.stage].ppm)
    if state.status is Status.COMPLETED:
        return f"{what}: completed; every stage was passed."
    return f"{what}: in stage {state.stage + 1} of {len(plan.stages)}, {share} of the units on the canary."


def _facts(plan: Plan, state: ReleaseState, events: Sequence[Event]) -> tuple[tuple[str, str], ...]:
    facts = [
        ("plan", f"{printable(plan.name)} {state.plan_hash[:HASH_DIGITS]}"),
        ("registered", when(events[0].time)),
        ("last event", when(events[-1].time)),
        ("chain", f"verified, {count(len(events), 'event')}, head {state.head[:HASH_DIGITS]}"),
        ("batches", f"{state.batches:,}"),
    ]
    if state.duplicates:
        facts.append(("came again", f"{state.duplicates:,}"))
    if state.version:
        facts.insert(0, ("version", printable(state.version)))
    if state.stage_times:
        facts.append(("since the start", duration(max(0.0, events[-1].time - state.stage_times[0]))))
    return tuple(facts)


def _timeline(plan: Plan, events: Sequence[Event]) -> Section:
    figure = timeline_figure(plan, events)
    return Section("timeline", "Stages", figures=() if figure is None else (figure,))


def _units(plan: Plan, state: ReleaseState) -> Section:
    figure = units_figure(plan, state.evidence)
    tables = (stages_table(plan, state),)
    note = "Sandbox units are counted apart and never judged with live ones." if plan.sandbox_ppm else ""
    return Section("units", "Units", note, () if figure is None else (figure,), tables)


def _record(state: ReleaseState, events: Sequence[Event]) -> Section:
    tables = [audit_table(events)]
    if state.overrides:
        tables.append(overrides_table(state))
    sources = sources_table(events)
    if sources is not None:
        tables.append(sources)
    note = (
        "Every event names the one before it by its hash, so none can be changed, removed or put elsewhere unseen. "
        "Times are the writers' clocks; the order is that of the numbers."
    )
    return Section("record", "Who decided what", note, tables=tuple(tables))


def _plan(plan: Plan, state: ReleaseState) -> Section:
    text = json.dumps(state.plan, indent=2, sort_keys=True, ensure_ascii=True)
    tables = (segments_table(plan),) if plan.segments else ()
    note = f"Registered before the first request, SHA-256 {state.plan_hash}. A changed plan is a new release."
    return Section("plan", "The plan, as registered", note, tables=tables, code=("the registered plan (JSON)", text))
