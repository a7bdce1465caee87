"""One compared benchmark as a page: figures, and rounds in a table. Pure: a row and its evidence in, data out."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from headgate.gates.policy import policy_for
from headgate.model import Direction
from headgate.report.benchmark_view import BenchmarkPage
from headgate.report.rounds_figures import HIGHER_IS_BETTER, round_figures
from headgate.report.study_tables import Cell, Table
from headgate.report.wording import percent, quantity
from headgate.stats.paired import log_ratio, ratio_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.model import BenchmarkId, Round
    from headgate.report.verdict_view import Row, VerdictView
    from headgate.store.bundle import Evidence

__all__ = ["compared_page", "directions_of", "rounds_table"]

_HOW = (
    "Each round is one fresh process per side. The verdict is inferred over the rounds' changes, + is worse: each is "
    "of the means of the better half of either side's samples. The medians, and half the distance between a side's "
    "quartiles (scatter), are for the eye. A sample is the time of that many loops, divided by them."
)


def directions_of(evidence: Evidence) -> dict[BenchmarkId, Direction]:
    """Return which is better for each benchmark, as the gate took it: the policy's word, else the benchmark's own."""
    return {spec.id: policy_for(evidence.policy, spec.id).direction or spec.direction for spec in evidence.specs}


def compared_page(view: VerdictView, row: Row, rounds: Sequence[Round], direction: Direction) -> BenchmarkPage:
    """Return the page of a row of ``view`` with its evidence, and which ``direction`` is better."""
    found = f"{row.change} ({row.interval}) against a margin of {row.margin}" if row.change else row.note
    facts = (
        ("Baseline", row.baseline),
        ("Candidate", row.candidate),
        ("Rounds", f"{row.rounds:,}"),
        ("Pairs", f"{row.comparison.pairs:,}"),
        *(fact for fact in view.facts if fact[0] in {"Policy", "Hardware"}),
    )
    turned = HIGHER_IS_BETTER if direction is Direction.HIGHER else ""
    return BenchmarkPage(
        name=row.name,
        lede=f"{row.state}: {found}." if found else f"{row.state}.",
        facts=tuple((label, text) for label, text in facts if text),
        figures=round_figures(row, rounds, direction),
        tables=(rounds_table(row, rounds, direction),),
        notes=(_HOW, *(text for text in (turned, row.note if row.change else "") if text), *row.detail),
        reproduce=view.reproduce,
        commit=view.verdict.candidate.commit or "",
    )


def rounds_table(row: Row, rounds: Sequence[Round], direction: Direction) -> Table:
    """Return a line for each round: pairs, loops, both medians, its change, and what a process scatters.

    The change is the number that the verdict was inferred from, and that the figure draws.
    """
    columns = ("Round", "Pairs", "Loops", "Baseline", "Candidate", "Change", "Scatter, each side")
    found = f": {row.change} ({row.interval})" if row.change else ""
    caption = f"Rounds of {row.name}{found}; medians of each side's samples; + is worse"
    return Table(caption, columns, tuple(_line(round_, row, direction) for round_ in rounds))


def _line(round_: Round, row: Row, direction: Direction) -> tuple[Cell, ...]:
    unit = row.comparison.unit
    baseline, candidate = _median(round_.baseline), _median(round_.candidate)
    log = log_ratio(round_, direction)
    ratio = ratio_of(log) if math.isfinite(log) else None
    return (
        Cell(str(round_.index), value=round_.index),
        Cell(str(len(round_.baseline)), value=len(round_.baseline)),
        Cell(str(round_.number), value=round_.number),
        Cell(quantity(baseline, unit), value=baseline),
        Cell(quantity(candidate, unit), value=candidate),
        Cell(percent(ratio), value=ratio),
        Cell(f"{_spread(round_.baseline)} / {_spread(round_.candidate)}"),
    )


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _spread(values: Sequence[float]) -> str:
    """Return half the distance between the quartiles, relative to the median: what one process scatters."""
    centre = _median(values)
    if len(values) < 2 or not centre:
        return "–"  # noqa: RUF001 - an en dash: no value
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"±{(high - low) / 2 / abs(centre) * 100:.1f} %"
