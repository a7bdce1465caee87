"""The verdict as a static page: sentence, forest plot, a table to search, samples by round, how to reproduce."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.report.html import BASE_ASSETS, CHART_ASSETS, write_assets, write_page
from headgate.report.verdict_figure import forest_figure
from headgate.report.wording import percent, quantity

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from headgate.model import BenchmarkId, Round
    from headgate.report.verdict_view import Row, VerdictView

__all__ = ["page_context", "samples_context", "write_verdict_pages"]

_ASSETS = (*BASE_ASSETS, *CHART_ASSETS, "verdict.js")


def write_verdict_pages(
    directory: str | os.PathLike[str],
    view: VerdictView,
    *,
    rounds: Mapping[BenchmarkId, Sequence[Round]] | None = None,
    generated: str = "",
) -> Path:
    """Write the page (and, given ``rounds``, one with the samples) into ``directory``; return the path of index.html.

    Parameters
    ----------
    directory
        Made where it does not exist; other files in it are left alone.
    view
        What to show.
    rounds
        The evidence by benchmark, to be listed round by round.
    generated
        The date to print, as text.

    Raises
    ------
    InputError
        A file cannot be written.
    """
    target = Path(directory)
    write_assets(target, _ASSETS)
    if rounds:
        write_page(
            target / "samples.html", "verdict_samples.html.j2", samples_context(view, rounds), generated=generated
        )
    context = page_context(view, with_samples=bool(rounds))
    return write_page(target / "index.html", "verdict.html.j2", context, generated=generated)


def page_context(view: VerdictView, *, with_samples: bool = False) -> dict[str, Any]:
    """Return what the page's template needs: plain values, escaped by the template."""
    figure = forest_figure(view.rows)
    return {
        "title": f"{view.state}: {_sides(view)}",
        "view": view,
        # A line never begins with the sign of the percentage before it.
        "sentence": view.sentence.replace(" %", "\N{NO-BREAK SPACE}%"),
        "figure": figure,
        "counts": [_count(view, state) for state in ("failed", "regressed", "inconclusive", "pass")],
        "with_samples": with_samples,
    }


def samples_context(view: VerdictView, rounds: Mapping[BenchmarkId, Sequence[Round]]) -> dict[str, Any]:
    """Return what the template of the samples needs: for each benchmark with evidence, a line per round."""
    tables = [
        {
            "anchor": f"b{index + 1}",
            "row": row,
            "lines": [_line(round_, row) for round_ in rounds[row.comparison.benchmark]],
        }
        for index, row in enumerate(view.rows)
        if rounds.get(row.comparison.benchmark)
    ]
    return {"title": f"samples: {_sides(view)}", "view": view, "tables": tables}


def _count(view: VerdictView, state: str) -> tuple[str, int, int]:
    """Return the state, how many rows have it, and how many of these decide nothing though it is not a pass."""
    rows = [row for row in view.rows if row.state == state]
    return state, len(rows), sum(row.matters and not row.comparison.required for row in rows)


def _sides(view: VerdictView) -> str:
    # The first words of the facts: what was asked for, made printable.
    facts = dict(view.facts)
    return " against ".join(facts.get(side, "?").split(", ")[0] for side in ("Candidate", "Baseline"))


def _line(round_: Round, row: Row) -> dict[str, Any]:
    unit = row.comparison.unit
    baseline, candidate = _median(round_.baseline), _median(round_.candidate)
    ratio = candidate / baseline if baseline and candidate else None
    return {
        "index": round_.index,
        "pairs": len(round_.baseline),
        "number": round_.number,
        "baseline": quantity(baseline, unit),
        "candidate": quantity(candidate, unit),
        "difference": percent(ratio),
        "spread": f"{_spread(round_.baseline)} / {_spread(round_.candidate)}",
    }


def _median(values: Sequence[float]) -> float | None:
    import statistics

    return statistics.median(values) if values else None


def _spread(values: Sequence[float]) -> str:
    """Return half the distance between the quartiles, relative to the median: what one process scatters."""
    import statistics

    centre = _median(values)
    if len(values) < 2 or not centre:
        return "–"  # noqa: RUF001 - an en dash: no value
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"±{(high - low) / 2 / abs(centre) * 100:.1f} %"
