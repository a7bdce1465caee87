"""From two saved runs to what the gate decides on: benchmarks paired, machines checked, warnings collected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.errors import InputError, UsageError
from headgate.formats.saved import Outcome
from headgate.gates.policy import policy_for
from headgate.gates.saved import SESSION_SECONDS, SavedCase, modelled, one_session
from headgate.gates.selection import compile_patterns, matches_none
from headgate.stats.saved import BETWEEN, SideSummary, summarize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headgate.formats.saved import SavedResult, SavedRun
    from headgate.gates.policy import Policy
    from headgate.gates.resolution import BenchmarkNoise

__all__ = ["Pairing", "machine_difference", "pair_runs", "run_warnings"]

# What says that two files come from different machines, wherever both have it. Memory and kernel do not: asv changed
# their units and wording over the years.
IDENTITY = ("machine", "cpu", "arch")
_Key = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Pairing:
    """What two runs have in common, what only one of them has, and what both skipped."""

    cases: tuple[SavedCase, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    skipped: tuple[str, ...]


def machine_difference(baseline: SavedRun, candidate: SavedRun) -> str:
    """Return in what the two runs' machines differ, as far as the files say; '' where they do not."""
    for key in IDENTITY:
        first, second = baseline.machine.get(key, ""), candidate.machine.get(key, "")
        if first and second and first != second:
            return f"{key} is {first} in {baseline.source} and {second} in {candidate.source}"
    return ""


def pair_runs(
    baseline: SavedRun,
    candidate: SavedRun,
    policy: Policy,
    *,
    regexes: Sequence[str] = (),
    noise: Mapping[str, BenchmarkNoise] | None = None,
    any_session: bool = False,
) -> Pairing:
    """Pair the benchmarks of two runs by name and parameters.

    A benchmark that is skipped on one side only counts as missing there.

    Raises
    ------
    UsageError
        A regular expression that is none, or nothing in common.
    InputError
        A run has nothing at all.
    """
    for run in (baseline, candidate):
        if not run.results:
            raise InputError(f"{run.source}: holds no results; run the benchmarks again and give that file")
    first, second = (_wanted(run, regexes, policy) for run in (baseline, candidate))
    common = [key for key in first if key in second]
    present = {key for key in common if Outcome.SKIPPED not in {first[key].outcome, second[key].outcome}}
    cases = [_case(first[key], second[key], noise or {}, any_session=any_session) for key in common if key in present]
    pairing = Pairing(
        cases=tuple(sorted(cases, key=lambda case: case.benchmark)),
        added=_only(second, first),
        removed=_only(first, second),
        skipped=tuple(
            sorted(
                str(first[key].benchmark)
                for key in common
                if first[key].outcome is second[key].outcome is Outcome.SKIPPED
            )
        ),
    )
    if not cases:
        raise UsageError(_nothing_common(baseline, candidate, pairing, regexes))
    return pairing


def _wanted(run: SavedRun, regexes: Sequence[str], policy: Policy) -> dict[_Key, SavedResult]:
    patterns = compile_patterns(regexes)
    wanted: dict[_Key, SavedResult] = {}
    for result in run.results:
        name = str(result.benchmark)
        if (patterns and not any(pattern.search(name) for pattern in patterns)) or policy_for(policy, name).skip:
            continue
        key = (result.benchmark.name, result.benchmark.params)
        if key in wanted:
            raise InputError(f"{run.source}: {name} stands in it twice; give a file with one result a benchmark")
        wanted[key] = result
    return wanted


def _only(these: Mapping[_Key, SavedResult], others: Mapping[_Key, SavedResult]) -> tuple[str, ...]:
    def there(results: Mapping[_Key, SavedResult], key: _Key) -> bool:
        return key in results and results[key].outcome is not Outcome.SKIPPED

    return tuple(sorted(str(these[key].benchmark) for key in these if there(these, key) and not there(others, key)))


def _nothing_common(baseline: SavedRun, candidate: SavedRun, pairing: Pairing, regexes: Sequence[str]) -> str:
    if regexes and not pairing.removed and not pairing.added and not pairing.skipped:
        names = [result.benchmark.name for run in (baseline, candidate) for result in run.results]
        return matches_none(regexes, names)
    asked = " that --bench matches" if regexes else ""
    gone, new = (", ".join(names[:5]) or "none" for names in (pairing.removed, pairing.added))
    return (
        f"{baseline.source} and {candidate.source}: no benchmark in common{asked}; only the baseline has {gone}, only "
        f"the candidate has {new}; give results of one suite"
    )


def _case(
    first: SavedResult, second: SavedResult, noise: Mapping[str, BenchmarkNoise], *, any_session: bool
) -> SavedCase:
    named = first.benchmark if first.benchmark.param_names else second.benchmark
    sides = [_summary(result) for result in (first, second)]
    kind = first.kind or second.kind or "time"
    return SavedCase(
        benchmark=named,
        unit=first.unit or second.unit or ("unit" if kind == "track" else "seconds"),  # as asv calls an unknown one
        kind=kind,
        baseline=sides[0],
        candidate=sides[1],
        one_session=any_session or one_session(first.started_at, second.started_at),
        noise=noise.get(str(named)),
        failure=_incomparable(first, second),
        direction=first.direction or second.direction,
    )


def _incomparable(first: SavedResult, second: SavedResult) -> str:
    failed = [
        side
        for side, result in (("baseline", first), ("candidate", second))
        if result.outcome is not Outcome.MEASURED or result.value is None
    ]
    if failed:
        return f"it failed on the {' and on the '.join(failed)}'s side"
    if first.unit and second.unit and first.unit != second.unit:
        return f"the units differ: {first.unit} and {second.unit}"
    if first.kind and second.kind and first.kind != second.kind:
        return f"the kinds differ: {first.kind} and {second.kind}"
    if first.version and second.version and first.version != second.version:
        return "the benchmark itself changed (its version differs): measure both sides with one suite"
    return ""


def _summary(result: SavedResult) -> SideSummary | None:
    if result.outcome is not Outcome.MEASURED or result.value is None:
        return None
    interval = None
    if result.lower is not None and result.upper is not None and result.confidence is not None:
        interval = (result.lower, result.upper, result.confidence)
    return summarize(
        result.value,
        result.samples,
        result.groups,
        interval=interval,
        stddev=result.stddev,
        count=result.count,
    )


def run_warnings(baseline: SavedRun, candidate: SavedRun, pairing: Pairing, policy: Policy) -> tuple[str, ...]:
    """Return what a reader of the verdict must know of the two runs, beside their machines."""
    told = dict.fromkeys(f"{run.source}: {text}" for run in (baseline, candidate) for text in run.warnings)
    warnings = list(told)
    if baseline.commit is not None and baseline.commit == candidate.commit:
        warnings.append(f"both sides are the same commit ({baseline.commit[:8]}), so only noise was measured")
    for what, first, second in (
        ("Python", baseline.python, candidate.python),
        ("environment", baseline.environment, candidate.environment),
        ("tool", baseline.tool, candidate.tool),
    ):
        if first and second and first != second:
            warnings.append(f"{what} differs: {first} and {second}; what it changes counts as the candidate's doing")
    if not any(key in baseline.machine and key in candidate.machine for key in IDENTITY):
        warnings.append("the files do not both name their machine: on different ones the verdict means nothing")
    apart = sum(not case.one_session for case in pairing.cases)
    if apart:
        warnings.append(
            f"{apart} of {len(pairing.cases)} benchmarks were measured more than {SESSION_SECONDS / 3600:g} hours "
            "apart, or no one knows when: intervals allow for two sessions (--any-session if the machine is steady)"
        )
    assumed = modelled(pairing.cases, policy)
    if baseline.source != candidate.source and assumed < sum(not case.failure for case in pairing.cases):
        warnings.append("each side was measured by itself: what drifted on the machine between them counts as a change")
    if assumed:
        warnings.append(
            f"of {assumed} benchmarks neither enough processes nor a calibration of this machine is at hand: identical "
            f"code is taken to scatter by {BETWEEN:.1%} between processes, or as much as its samples do"
        )
    return tuple(warnings)
