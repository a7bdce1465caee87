"""The tables of a release: its metrics, its units, its record, its plan. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headgate.gates.canary_evidence import CANARY, STABLE
from headgate.report.study_tables import NOT_MEASURED, Cell, Table
from headgate.report.wording import duration, plain_percent, printable, quantity
from headgate.rollout.events import Kind
from headgate.rollout.plan_numbers import percent_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.gates.canary import MetricRow
    from headgate.rollout.events import Event
    from headgate.rollout.fold import ReleaseState
    from headgate.rollout.plan import Plan

__all__ = [
    "HASH_DIGITS",
    "MOST_EVENTS",
    "audit_table",
    "metrics_table",
    "overrides_table",
    "segments_table",
    "sources_table",
    "stages_table",
    "when",
]

# Enough of a SHA-256 to tell it from the others of a ledger by eye; the file has it whole.
HASH_DIGITS = 12
# Batches in the record's table: the newest; what was decided is there in full.
MOST_EVENTS = 200
_LONGEST = 400


def metrics_table(plan: Plan, rows: Sequence[MetricRow]) -> Table:
    """Return each metric as the evidence stands."""
    units = {metric.name: metric.unit for metric in plan.metrics}
    columns = (
        "metric",
        "state",
        "canary",
        "stable",
        "ratio",
        "interval",
        "margin",
        "e-value to halt",
        "e-value to pass",
        "lacks",
    )
    body = [
        (
            Cell(printable(row.name), row.kind if row.required else f"{row.kind}, informative"),
            Cell(row.state.value),
            _value(row.canary, row.kind, units.get(row.name, "")),
            _value(row.stable, row.kind, units.get(row.name, "")),
            Cell(_short(row.ratio), value=row.ratio),
            Cell(NOT_MEASURED if row.ratio is None else f"{_short(row.lower)} to {_short(row.upper)}"),
            Cell(NOT_MEASURED if row.margin is None else plain_percent(row.margin), value=row.margin),
            Cell(_e(row.log_e_halt), f"halts at {_e(row.halt_at)}" if row.required else ""),
            Cell(_e(row.log_e_pass), f"passes at {_e(row.pass_at)}" if row.required else ""),
            Cell(printable(row.missing) or NOT_MEASURED, mark="wrap"),
        )
        for row in rows
    ]
    caption = (
        "Each metric after the last batch, over all stages, with its stage's margin; e-values to halt are the largest "
        "so far"
    )
    return Table(caption, columns, tuple(body))


def stages_table(plan: Plan, state: ReleaseState) -> Table:
    """Return each stage: what is due in it, and what came."""
    evidence, rows = state.evidence, []
    for index, (stage, live) in enumerate(zip(plan.stages, plan.policy.stages, strict=True)):
        began = when(state.stage_times[index]) if index < len(state.stage_times) else NOT_MEASURED
        counts = [evidence.arm(live.ppm, arm).units for arm in (STABLE, CANARY)]
        rows.append(
            (
                Cell(f"{index + 1}", value=float(index + 1)),
                Cell(percent_text(stage.ppm), value=stage.ppm / 1e4),
                *(Cell(f"{units:,}", value=float(units)) for units in counts),
                Cell(f"{stage.minimum_units:,}", value=float(stage.minimum_units)),
                Cell(duration(stage.dwell_seconds) if stage.dwell_seconds else NOT_MEASURED, value=stage.dwell_seconds),
                Cell(began),
            )
        )
    columns = ("stage", "canary's share", "units of stable", "units of canary", "least in each", "least time", "began")
    return Table("Stages: what each asks for, and the units that came", columns, tuple(rows))


def audit_table(events: Sequence[Event]) -> Table:
    """Return the record: all that was decided, and the newest batches."""
    batches = [event for event in events if event.kind == Kind.EVIDENCE]
    left_out = {event.seq for event in batches[:-MOST_EVENTS]}
    rows = tuple(
        (
            Cell(f"{event.seq}", value=float(event.seq)),
            Cell(when(event.time)),
            Cell(printable(str(event.kind))),
            Cell(_cut(event.actor), mark="wrap"),
            Cell(_cut(_said(event)), mark="wrap"),
            Cell(printable(event.hash[:HASH_DIGITS])),
        )
        for event in events
        if event.seq not in left_out
    )
    more = f"; {len(left_out):,} older batches are in the ledger alone" if left_out else ""
    return Table(f"The record, in order{more}", ("event", "time", "kind", "who", "what", "hash"), rows)


def overrides_table(state: ReleaseState) -> Table:
    """Return every override."""
    rows = tuple(
        (
            Cell(f"{one.seq}", value=float(one.seq)),
            Cell(one.action.value),
            Cell(_cut(one.actor), mark="wrap"),
            Cell(when(one.time)),
            Cell(when(one.expires)),
            Cell(_cut(one.reason), mark="wrap"),
        )
        for one in state.overrides
    )
    caption = "Overrides: they change what is done, never what the evidence says"
    return Table(caption, ("event", "action", "who", "from", "until", "reason"), rows)


def sources_table(events: Sequence[Event]) -> Table | None:
    """Return who delivered how much; None where nobody did."""
    found: dict[str, list[Any]] = {}
    for event in events:
        payload = event.payload if isinstance(event.payload, dict) else {}
        if event.kind == Kind.EVIDENCE:
            one = found.setdefault(str(payload.get("source")), [0, 0, 0, event.time])
            tally = payload.get("tally", {})
            refused = tally.get("refused", {}) if isinstance(tally, dict) else {}
            one[0] += 1
            one[1] += int(tally.get("requests", 0)) if isinstance(tally, dict) else 0
            one[2] += sum(sum(by.values()) for by in refused.values())
            one[3] = event.time
    rows = tuple(
        (
            Cell(_cut(source)),
            Cell(f"{batches:,}", value=float(batches)),
            Cell(f"{requests:,}", value=float(requests)),
            Cell(f"{refused:,}", value=float(refused)),
            Cell(when(last)),
        )
        for source, (batches, requests, refused, last) in sorted(found.items())
    )
    caption = "Where the evidence came from; values that were no numbers are refused, never taken for good ones"
    return Table(caption, ("source", "batches", "requests", "values refused", "last"), rows) if rows else None


def segments_table(plan: Plan) -> Table:
    """Return the segments, in the order in which they are looked at."""
    rows = tuple(
        (
            Cell(printable(one.name)),
            Cell(_cut(str(one.where)), mark="wrap"),
            Cell(one.destination if one.ppm is None else f"pinned to {percent_text(one.ppm)}"),
        )
        for one in plan.segments
    )
    return Table("Segments: the first whose rule holds decides", ("segment", "rule", "destination"), rows)


def when(time: float) -> str:
    """Return a time of the record for people: UTC, to the second."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError, TypeError):
        return f"{time!r:.40}"


def _said(event: Event) -> str:
    payload = event.payload if isinstance(event.payload, dict) else {}
    if event.kind == Kind.EVIDENCE:
        return f"{payload.get('source')}, {payload.get('window')}"
    if event.kind == Kind.REGISTERED:
        version = payload.get("version")
        return f"plan {str(payload.get('plan_hash'))[:HASH_DIGITS]}" + (f", version {version}" if version else "")
    if event.kind == Kind.ADVANCED:
        word = f", by override {payload['override']}" if "override" in payload else ""
        return f"to stage {int(payload.get('to', 0)) + 1} on {payload.get('decision', 'no decision')}{word}"
    if event.kind == Kind.OVERRIDE:
        return f"{payload.get('action')}: {payload.get('reason')}"
    return str(payload.get("reason") or payload.get("decision") or "")


def _value(value: float | None, kind: str, unit: str) -> Cell:
    if value is None:
        return Cell(NOT_MEASURED)
    return Cell(plain_percent(float(f"{value:.4g}")) if kind == "rate" else quantity(value, unit), value=value)


def _short(value: float | None) -> str:
    return NOT_MEASURED if value is None or not math.isfinite(value) else f"{value:.4g}"


def _e(log_e: float) -> str:
    return f"{math.exp(log_e):.3g}" if -20.0 < log_e < 20.0 else f"1e{log_e / math.log(10.0):.0f}"


def _cut(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
