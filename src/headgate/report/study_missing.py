"""What a run did not measure, and why: nothing is left out in silence. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from headgate.formats.saved import Outcome
from headgate.report.study_tables import Cell, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headgate.formats.asv import BenchmarkInfo
    from headgate.formats.saved import SavedRun

__all__ = ["missing_table"]

NOT_SELECTED = "not selected in this run"
# asv prints the exception's repr; NotImplementedError is how a suite says "skip".
_WRAPPED = re.compile(r"""^(?:NotImplementedError|SkipNotImplemented)\((['"])(?P<text>.*)\1,?\)$""")


def missing_table(
    runs: Sequence[SavedRun],
    benchmarks: Mapping[str, BenchmarkInfo],
    reasons: Mapping[tuple[str, str, int], tuple[str, str]],
) -> Table | None:
    """Return combinations without a value by benchmark, environment and reason; None where all have one.

    ``reasons`` is by (environment, benchmark, index): outcome and reason, as `headgate bench` noted them.
    """
    counted: Counter[tuple[str, str, str, str]] = Counter()
    for run in runs:
        for name, info in benchmarks.items():
            for index, outcome in enumerate(_outcomes(run, info)):
                if outcome is not Outcome.MEASURED:
                    noted = reasons.get((run.environment, name, index))
                    counted[name, _environment(run), *_reason(outcome, noted)] += 1
    if not counted:
        return None
    rows = tuple(
        (
            Cell(name),
            Cell(environment),
            Cell(f"{number:,}"),
            Cell(outcome, mark="none" if outcome != "failed" else ""),
            Cell(reason, mark="wrap"),
        )
        for (name, environment, outcome, reason), number in sorted(counted.items(), key=_failed_first)
    )
    caption = "Combinations of parameters without a value"
    return Table(caption, ("benchmark", "environment", "how many", "what", "why"), rows)


def _outcomes(run: SavedRun, info: BenchmarkInfo) -> list[Outcome | None]:
    """Return each combination's outcome in asv's order, None where the run does not have it."""
    known = {result.benchmark.params: result.outcome for result in run.results if result.benchmark.name == info.name}
    return [known.get(item.params) for item in info.combinations()]


def _reason(outcome: Outcome | None, noted: tuple[str, str] | None) -> tuple[str, str]:
    if noted is not None:
        return noted[0], _unwrapped(noted[1])
    if outcome is Outcome.FAILED:
        return "failed", "no value was produced; run it again with `asv run --show-stderr`"
    return "not run", NOT_SELECTED


def _unwrapped(reason: str) -> str:
    found = _WRAPPED.match(reason.strip())
    return found["text"] if found else reason


def _environment(run: SavedRun) -> str:
    return ", ".join(f"{key}={value}" for key, value in run.env_vars.items()) or run.environment


def _failed_first(item: tuple[tuple[str, str, str, str], int]) -> tuple[bool, tuple[str, str, str, str]]:
    return item[0][2] != "failed", item[0]
