"""The gate over saved results: from two sides' summaries to comparisons. Pure, like `headgate.gates.commit`.

The rules and the errors are those of the commit gate: ``pass`` for each comparison, ``regressed`` family-wise (Holm),
both at the policy's confidence. What differs is the evidence, see `headgate.stats.saved`: the samples are somebody
else's and there is nothing to go on measuring, so more of the answers are ``inconclusive``.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from headgate.gates.policy import policy_for
from headgate.model import BenchmarkId, Change, Comparison, Direction, Side, State
from headgate.stats.family import holm
from headgate.stats.paired import lower_ratio, ratio_of, upper_ratio
from headgate.stats.rank_sum import smallest_level
from headgate.stats.saved import (
    BETWEEN,
    BETWEEN_UNSEEN,
    SideSummary,
    between_scale,
    estimate,
    lower_bound,
    process_counts_suffice,
    upper_bound,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.gates.policy import BenchmarkPolicy, Policy
    from headgate.gates.resolution import BenchmarkNoise

__all__ = [
    "SESSION_SECONDS",
    "SavedCase",
    "decide_saved",
    "modelled",
    "one_session",
    "processes_needed",
    "resolution_note",
]

# Beyond this factor "more processes would decide it" is no help: the change sits on the margin itself.
MOST_HELPFUL_FACTOR = 100.0
# Beyond any sensible policy: 1 / C(2n, n) is below 1e-58 there.
MOST_PROCESSES = 100
# Two results begun within this many seconds are one session. Both sides of one continuous-integration job lie within it
# (django-asv: 2.5 to 7.5 minutes apart); a runner is hardly the same machine for longer.
SESSION_SECONDS = 7200.0


@dataclass(frozen=True, slots=True)
class SavedCase:
    """One benchmark that both results have.

    ``failure`` says why there is nothing to compare (then the sides may be None); ``one_session`` whether both sides
    are known to be of one session; ``noise`` is the machine's calibration for this benchmark, if there is one;
    ``direction`` is which is better as the results say, None where they do not.
    """

    benchmark: BenchmarkId
    unit: str = "seconds"
    kind: str = "time"
    baseline: SideSummary | None = None
    candidate: SideSummary | None = None
    one_session: bool = False
    noise: BenchmarkNoise | None = None
    failure: str = ""
    direction: Direction | None = None

    def side(self, side: Side) -> SideSummary | None:
        """Return one side's summary."""
        return self.baseline if side is Side.BASELINE else self.candidate


@dataclass(frozen=True, slots=True)
class _Ready:
    """A case whose sides are turned so that more is worse; ``scale`` is None where the processes speak themselves."""

    case: SavedCase
    policy: BenchmarkPolicy
    first: SideSummary
    second: SideSummary
    scale: float | None

    @property
    def log_margin(self) -> float:
        return math.log1p(self.policy.margin)

    @property
    def zero(self) -> bool:
        """Both sides are exactly nothing: a ratio of one, without noise, which is proportional to the value."""
        return self.first.centre == self.second.centre == 0.0

    def lower(self, level: float) -> float:
        return 0.0 if self.zero else lower_bound(*self._arguments(level), scale=self.scale, session=self._sessions)

    def upper(self, level: float) -> float:
        return 0.0 if self.zero else upper_bound(*self._arguments(level), scale=self.scale, session=self._sessions)

    def _arguments(self, level: float) -> tuple[SideSummary, SideSummary, float]:
        return self.first, self.second, level

    @property
    def _sessions(self) -> bool:
        return not self.case.one_session

    @property
    def estimate(self) -> float:
        return 0.0 if self.zero else estimate(self.first, self.second, scale=self.scale)

    @property
    def processes(self) -> int:
        return min(self.first.launches, self.second.launches)


def one_session(baseline: float | None, candidate: float | None) -> bool:
    """Whether two results begun at these times (seconds since the epoch) are of one session; unknown is not."""
    return baseline is not None and candidate is not None and abs(baseline - candidate) <= SESSION_SECONDS


def decide_saved(cases: Sequence[SavedCase], policy: Policy) -> tuple[Comparison, ...]:
    """Compare every case; the family over which ``regressed`` is controlled is all of them, failed ones included.

    Which inference a case gets, the one over its processes or the model's, depends on the numbers of processes and of
    cases alone: choosing by the outcome would not keep the errors.
    """
    alpha = 1.0 - policy.confidence
    scatter = _run_scatter(cases)
    family = max(1, len(cases))
    ready = [_ready(case, policy, alpha / family, scatter) for case in cases]

    def claims(index: int, level: float) -> bool:
        one = ready[index]
        return isinstance(one, _Ready) and one.lower(level) > one.log_margin

    regressed, next_level = holm(claims, len(cases), alpha)
    comparisons = []
    for index, one in enumerate(ready):
        if isinstance(one, Comparison):
            comparisons.append(one)
            continue
        # A rejected claim is shown at the level that rejected it, every other at the level it would have needed.
        level = next_level
        if index in regressed:
            levels = [alpha / remaining for remaining in range(family, 0, -1)]
            level = levels[bisect_left(levels, True, key=partial(claims, index))]
        comparisons.append(_comparison(one, level, alpha, regressed=index in regressed))
    return tuple(comparisons)


def modelled(cases: Sequence[SavedCase], policy: Policy) -> int:
    """Return how many cases have neither processes enough nor a calibration: `headgate.stats.saved` models those."""
    level = (1.0 - policy.confidence) / max(1, len(cases))
    ready = [_ready(case, policy, level, None) for case in cases]
    return sum(isinstance(one, _Ready) and one.scale is not None and one.case.noise is None for one in ready)


def processes_needed(cases: int, policy: Policy) -> int:
    """Return how many processes a side let ``cases`` benchmarks of one session speak for themselves."""
    level = (1.0 - policy.confidence) / max(1, cases)
    return next(count for count in range(1, MOST_PROCESSES) if smallest_level(count, count) <= level)


def _run_scatter(cases: Sequence[SavedCase]) -> float | None:
    """Return the scatter of single samples typical of the run: the noisier side's median over the times."""
    scatters = [
        [
            side.scatter
            for case in cases
            if case.kind == "time" and (side := case.side(name)) and side.scatter is not None
        ]
        for name in Side
    ]
    return max((median(one) for one in scatters if one), default=None)


def _ready(case: SavedCase, policy: Policy, first_level: float, scatter: float | None) -> _Ready | Comparison:
    own = policy_for(policy, case.benchmark)
    failure = case.failure or _unusable(case)
    if failure or case.baseline is None or case.candidate is None:
        return Comparison(
            benchmark=case.benchmark,
            unit=case.unit,
            state=State.FAILED,
            margin=own.margin,
            required=own.required,
            reason=failure or "one side is missing",
        )
    first, second = case.baseline, case.candidate
    if (own.direction or case.direction) is Direction.HIGHER:
        first, second = second, first
    level = first_level if case.one_session else first_level / 2.0
    if process_counts_suffice(first, second, level):
        return _Ready(case, own, first, second, None)
    return _Ready(case, own, first, second, between_scale(first, second, *_floor(case, scatter)))


def _floor(case: SavedCase, scatter: float | None) -> tuple[float, float]:
    """Return the between-process scale to assume, and the run's scatter that may widen it further."""
    if case.noise is None:
        return (BETWEEN_UNSEEN, 0.0) if scatter is None else (BETWEEN, scatter)
    # Calibrated: widened only by as much as this run scattered more than the calibration did.
    within = case.noise.within
    return case.noise.between * (max(1.0, (scatter or 0.0) / within) if within > 0.0 else 1.0), 0.0


def _unusable(case: SavedCase) -> str:
    """Return why the numbers have no ratio, or ''."""
    if case.baseline is None or case.candidate is None:
        return ""
    values = {
        "baseline": (case.baseline.centre, *case.baseline.processes),
        "candidate": (case.candidate.centre, *case.candidate.processes),
    }
    if all(value == 0.0 for side in values.values() for value in side):
        return ""
    for side, numbers in values.items():
        bad = [value for value in numbers if not (math.isfinite(value) and value > 0.0)]
        if bad:
            return f"a ratio does not exist: the {side}'s value is {bad[0]:g}"
    return ""


def _comparison(one: _Ready, level: float, alpha: float, *, regressed: bool) -> Comparison:
    lower, upper = one.lower(level), one.upper(alpha)
    state = State.REGRESSED if regressed else State.PASS if upper < one.log_margin else State.INCONCLUSIVE
    comparison = Comparison(
        benchmark=one.case.benchmark,
        unit=one.case.unit,
        state=state,
        margin=one.policy.margin,
        change=_change(lower, upper, one.log_margin),
        ratio=ratio_of(one.estimate),
        lower=lower_ratio(lower),
        upper=upper_ratio(upper),
        rounds=one.processes,
        baseline_median=one.case.baseline.centre if one.case.baseline else None,
        candidate_median=one.case.candidate.centre if one.case.candidate else None,
        required=one.policy.required,
        warnings=_warnings(one),
    )
    return replace(comparison, reason=_why(one, lower, upper)) if state is State.INCONCLUSIVE else comparison


def _change(lower: float, upper: float, log_margin: float) -> Change:
    if lower > 0.0:
        return Change.SLOWER
    if upper < 0.0:
        return Change.FASTER
    inside = lower >= math.log1p(-math.expm1(log_margin)) and upper <= log_margin
    return Change.SAME if inside else Change.UNKNOWN


def _why(one: _Ready, lower: float, upper: float) -> str:
    """Return what would decide a case whose processes speak for themselves; of the others `resolution_note` speaks."""
    if one.scale is not None or not one.case.one_session:
        return ""
    bound = upper if one.estimate < one.log_margin else lower
    distance = abs(one.estimate - one.log_margin)
    factor = (abs(bound - one.estimate) / distance) ** 2 if distance > 0.0 else math.inf
    if factor > MOST_HELPFUL_FACTOR:
        return "the interval still contains the margin: the change is at the margin itself"
    needed = math.ceil(factor * one.processes)
    return f"with {one.processes} processes a side the interval contains the margin; about {needed} would do"


def resolution_note(comparisons: Sequence[Comparison]) -> str:
    """Return, for the comparisons that no process of their own could decide, how far such results can see; or ''."""
    reaches = [
        one.upper / one.ratio - 1.0
        for one in comparisons
        if one.state is State.INCONCLUSIVE and not one.reason and one.ratio and one.upper
    ]
    if not reaches:
        return ""
    is_ = "is" if len(reaches) == 1 else "are"
    return (
        f"{len(reaches)} of {len(comparisons)} {is_} undecided: the files do not tell how much two launches (sessions) "
        f"of a program differ, which may be by {median(reaches):.0%} (median). A margin above that, results of more "
        "processes, or headgate compare would decide"
    )


def _warnings(one: _Ready) -> tuple[str, ...]:
    warnings = []
    if one.case.kind == "track" and one.policy.direction is None and one.case.direction is None:
        warnings.append("lower is taken as better; set direction in the policy if it is not")
    if one.scale is not None and one.case.noise is None and one.case.kind not in {"time", "timeraw", ""}:
        warnings.append("the noise between processes is taken from times, which this is not")
    return tuple(warnings)
