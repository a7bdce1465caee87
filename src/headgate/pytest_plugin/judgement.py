"""The verdict over a pytest run, with what so few processes can tell. No pytest here, no terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli.check import judge
from headgate.cli.saved_cases import machine_difference
from headgate.cli.saved_sides import SavedSide
from headgate.errors import UsageError
from headgate.formats.pooled import pool_runs
from headgate.gates.saved import SESSION_SECONDS, processes_needed
from headgate.pytest_plugin.sides import THIS_RUN, node_id

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from headgate.formats.saved import SavedRun
    from headgate.gates.policy import Policy
    from headgate.model import Verdict

__all__ = ["judge_run"]

_MOST_NAMED = 5


def judge_run(  # noqa: PLR0913 - what the command line says of the run, and what became of it
    baseline: SavedSide,
    run: SavedRun,
    earlier: Sequence[SavedSide],
    policy: Policy,
    *,
    any_machine: bool,
    any_session: bool,
    left_out: int,
    skipped: Collection[str],
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict over this ``run``, with the ``earlier`` ones of the same code, and what both sides skipped.

    Parameters
    ----------
    left_out
        How many benchmarks of the baseline this run was not asked for.
    skipped
        The ids of the tests that this run skipped.

    Raises
    ------
    UsageError, InputError
        An earlier run is of other code or another machine, or nothing can be compared.
    """
    candidate = SavedSide(_requested(earlier), Path(run.source), _with_earlier(run, earlier))
    verdict, both = judge(
        baseline,
        candidate,
        policy,
        any_machine=any_machine,
        any_session=any_session,
        partial=left_out > 0,
    )
    notes = [_evidence_note(baseline.run, candidate.run, verdict, policy)]
    if left_out:
        notes.append(
            f"{left_out} benchmark{'s' * (left_out > 1)} of the baseline were not asked for (deselected, or outside "
            "the paths given): nothing was judged of them"
        )
    gone = [
        str(result.benchmark)
        for result in baseline.run.results
        if node_id(result) in skipped and str(result.benchmark) in verdict.removed
    ]
    if gone:
        more = f" and {len(gone) - _MOST_NAMED} more" if len(gone) > _MOST_NAMED else ""
        notes.append(f"skipped by this run, hence missing: {', '.join(gone[:_MOST_NAMED])}{more}")
    return replace(verdict, warnings=(*verdict.warnings, *filter(None, notes))), both


def _requested(earlier: Sequence[SavedSide]) -> str:
    return THIS_RUN + (f" and {len(earlier)} earlier" if earlier else "")


def _with_earlier(run: SavedRun, earlier: Sequence[SavedSide]) -> SavedRun:
    """Return this run pooled with the earlier ones; only what this run measured."""
    for side in earlier:
        difference = machine_difference(run, side.run)
        if difference:
            raise UsageError(f"--headgate-candidate: {difference}; give runs of this machine")
        if run.commit and side.run.commit and run.commit != side.run.commit:
            raise UsageError(
                f"--headgate-candidate {side.requested}: is of commit {side.run.commit[:8]}, this run of "
                f"{run.commit[:8]}: what other code took is no evidence of this one"
            )
        if run.dirty or side.run.dirty:
            which = "this run" if run.dirty else side.requested
            raise UsageError(
                f"--headgate-candidate: {which} is of uncommitted code, which cannot be told from other code; commit "
                "it and measure again, or leave the earlier runs out"
            )
    keys = {(result.benchmark.name, result.benchmark.params) for result in run.results}
    pooled = pool_runs([run, *(side.run for side in earlier)], within=SESSION_SECONDS, latest=True)
    kept = tuple(result for result in pooled.results if (result.benchmark.name, result.benchmark.params) in keys)
    return replace(pooled, results=kept)


def _evidence_note(baseline: SavedRun, candidate: SavedRun, verdict: Verdict, policy: Policy) -> str:
    """Say what so few processes cannot tell and how to have more, where they do not speak for themselves."""
    have = [min((max(1, len(result.groups)) for result in run.results), default=0) for run in (baseline, candidate)]
    needed = processes_needed(len(verdict.comparisons), policy)
    if min(have) >= needed:
        return ""
    return (
        f"a pytest run is one process, and two of the same code differ: here {have[0]} of the baseline and {have[1]} "
        f"of this code, so only large changes can be told. {needed} a side speak for themselves: save each run with "
        "--benchmark-json, give the baseline's as --headgate-baseline 'base-*.json' and this code's earlier ones as "
        "--headgate-candidate 'new-*.json'; or measure turn about, with headgate compare"
    )
