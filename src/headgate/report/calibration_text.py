"""A calibration as text: a table per benchmark and the margin to recommend."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from headgate.gates.resolution import detectable_slowdown, recommended_margin, resolved_margin, rounds_within
from headgate.report.wording import printable

if TYPE_CHECKING:
    from headgate.gates.policy import Policy
    from headgate.gates.resolution import Calibration

__all__ = ["calibration_rows", "calibration_text"]

WIDTH = 110
NAME_WIDTH = 40  # numbers wrap their headings before names are broken


def calibration_rows(calibration: Calibration, policy: Policy) -> list[tuple[str, ...]]:
    """Return one row per benchmark, noisiest first: name, within, between, margin resolved, slowdown seen, state."""
    rounds = rounds_within(calibration, policy.budget)
    noisiest = sorted(calibration.benchmarks, key=lambda noise: -noise.between)
    return [
        (
            printable(noise.benchmark),
            f"{noise.within:.2%}",
            f"{noise.between:.2%}",
            _percent(resolved_margin(noise, rounds, policy.confidence)),
            _percent(detectable_slowdown(noise, rounds, policy.margin, policy.confidence)),
            noise.state,
        )
        for noise in noisiest
    ]


def calibration_text(calibration: Calibration, policy: Policy, *, quiet: bool = False) -> str:
    """Return the whole text; only the recommendation where ``quiet``."""
    closing = _closing(calibration, policy)
    return closing if quiet else _table(calibration, policy) + "\n" + closing


def _table(calibration: Calibration, policy: Policy) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("benchmark", overflow="fold", min_width=NAME_WIDTH)
    headings = (
        "noise within",
        "between processes",
        "margin it can pass",
        f"slowdown seen at {policy.margin:.1%}",
        "A/A",
    )
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in calibration_rows(calibration, policy):
        table.add_row(*row)
    stream = io.StringIO()
    Console(file=stream, width=WIDTH, highlight=False, markup=False, emoji=False).print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _closing(calibration: Calibration, policy: Policy) -> str:
    total = len(calibration.benchmarks)
    passed = sum(noise.state == "pass" for noise in calibration.benchmarks)
    best = recommended_margin(calibration, policy.budget, policy.confidence)
    recommended = f"{best:.1%}" if math.isfinite(best) else "none: the budget allows no decision"
    return (
        f"{calibration.rounds} rounds of {calibration.seconds_per_round:.2f} s; both sides the same code.\n"
        f"At margin {policy.margin:.1%}: {passed} of {total} pass, {calibration.false_alarms} false alarms.\n"
        f"Recommended margin at a budget of {policy.budget:g} s: {recommended} "
        "(every benchmark passes it nine times in ten when nothing changed).\n"
    )


def _percent(value: float) -> str:
    return f"{value:.1%}" if math.isfinite(value) else "-"
