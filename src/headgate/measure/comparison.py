"""One comparison run: rounds until decided, and the evidence from which its verdict follows.

Measuring and deciding meet here and nowhere else: after each round the gate (pure) is asked what is left to decide.
"""

from __future__ import annotations

import platform
import random
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from headgate import __version__
from headgate.errors import UsageError
from headgate.gates.commit import decide, plan_for, undecided
from headgate.gates.policy import policy_for
from headgate.gates.run import decide_run
from headgate.measure.measurement import Observer
from headgate.measure.rounds import RoundSettings, measure_rounds
from headgate.model import Comparison, Side, Verdict
from headgate.stats.boundaries import FIRST_LOOK
from headgate.stats.sequential import rounds_needed
from headgate.store.bundle import Evidence

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from headgate.gates.policy import Policy
    from headgate.measure.journal import Journal
    from headgate.measure.measurement import Failure, Measurement
    from headgate.measure.session import SideRuntime
    from headgate.measure.suite import Suite
    from headgate.model import BenchmarkId, BenchmarkSpec, Round

__all__ = ["ComparisonObserver", "ComparisonRequest", "ComparisonResult", "compare", "journal_header"]

# Rounds beyond the fewest that could ever decide the whole family, so that one contrary round does not cost a decision.
SPARE_ROUNDS = 8
# A backstop only: the budget ends a run long before.
MOST_ROUNDS = 100_000


class ComparisonObserver(Observer):
    """An `Observer` that also hears what the gate thinks after each round."""

    def compared(self, comparisons: Sequence[Comparison]) -> None:
        """Hear the comparisons so far."""


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """What is to be compared, and under which policy. ``partial``: the user asked for some benchmarks only."""

    baseline: SideRuntime
    candidate: SideRuntime
    suite: Suite
    policy: Policy
    hardware: Mapping[str, Any] = field(default_factory=dict)
    settings: RoundSettings = field(default_factory=RoundSettings)
    seed: int = 0
    partial: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """The evidence, which holds the verdict, and the measurement it came from."""

    evidence: Evidence
    measurement: Measurement

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return self.evidence.verdict


def compare(
    request: ComparisonRequest, *, observer: ComparisonObserver | None = None, journal: Journal | None = None
) -> ComparisonResult:
    """Measure ``request`` and decide it; with a resumed ``journal``, go on from what it holds.

    Raises
    ------
    UsageError
        The policy skips every benchmark, or the budget ended before any decision was possible.
    KeyboardInterrupt
        Ctrl-C came before each benchmark had a round: there is no verdict so far.
    MeasurementError
        A side's process cannot be started at all.
    """
    watcher = observer or ComparisonObserver()
    specs = wanted(request.suite.specs, request.policy)
    plan = plan_for(request.policy)
    failed: dict[BenchmarkId, str] = {}

    def left_to_decide(evidence: Mapping[BenchmarkId, Sequence[Round]]) -> Collection[BenchmarkId]:
        comparisons = decide(evidence, specs, failed, request.policy, plan, final=False)
        watcher.compared(comparisons)
        return undecided(comparisons)

    recorded = journal.recorded if journal is not None else None
    lost = {spec.id: request.suite.unmeasured[spec.id] for spec in specs if spec.id in request.suite.unmeasured}
    for key, failure in lost.items():
        watcher.failed(key, failure)
    measurement = measure_rounds(
        specs,
        request.baseline,
        request.candidate,
        budget_seconds=request.policy.budget,
        undecided=left_to_decide,
        observer=watcher,
        journal=journal,
        previous=recorded.rounds if recorded else {},
        previous_failures={**(recorded.failures if recorded else {}), **lost},
        rng=random.Random(request.seed),  # noqa: S311 - an order of measurement, nothing secret
        max_rounds=MOST_ROUNDS,
        settings=replace(request.settings, wanted_rounds=rounds_needed(plan.alpha / max(1, len(specs))) + SPARE_ROUNDS),
        plugins=request.suite.plugins,
    )
    out = {*measurement.failures, *measurement.skipped}
    if measurement.interrupted and not all(rounds or key in out for key, rounds in measurement.rounds.items()):
        raise KeyboardInterrupt
    refuse_hopeless_budget(measurement, request.policy)
    return ComparisonResult(evidence_of(request, specs, measurement), measurement)


def wanted(specs: Sequence[BenchmarkSpec], policy: Policy) -> tuple[BenchmarkSpec, ...]:
    """Return the benchmarks the policy does not skip; refuse to compare none."""
    kept = tuple(spec for spec in specs if not policy_for(policy, spec.id).skip)
    if specs and not kept:
        raise UsageError("the policy skips every selected benchmark; mend its overrides, or give other --bench")
    return kept


def refuse_hopeless_budget(measurement: Measurement, policy: Policy) -> None:
    """Say which budget would do when this one ended before any decision was possible."""
    if measurement.interrupted:
        return
    most = max((len(rounds) for rounds in measurement.rounds.values()), default=0)
    if not measurement.rounds_run:
        refuse_endless_calibration(measurement, policy, most)
        return
    if not 0 < most < FIRST_LOOK or len(measurement.failures) + len(measurement.skipped) >= len(measurement.rounds):
        return
    measuring = measurement.wall_seconds - measurement.calibration_seconds
    least = measurement.calibration_seconds + FIRST_LOOK * measuring / measurement.rounds_run
    raise UsageError(
        f"--budget {policy.budget:g}s: too small to decide anything: it allowed {most} round{'s' * (most > 1)} of "
        f"{measuring / measurement.rounds_run:.1f} s, and no claim is possible before {FIRST_LOOK}; "
        f"give at least {least + 1:.0f}s, or fewer benchmarks with --bench"
    )


def refuse_endless_calibration(measurement: Measurement, policy: Policy, most: int) -> None:
    """Say which budget would do when this one ended before the first round; ``most`` rounds came from a resumed run."""
    ready = measurement.calibrated + len(measurement.failures) + len(measurement.skipped)
    total = len(measurement.rounds)
    if most or not measurement.calibrated:
        return
    # A round sets each benchmark up and calls it as calibration does, so it takes about as long.
    whole = measurement.calibration_seconds * total / ready
    raise UsageError(
        f"--budget {policy.budget:g}s: too small to decide anything: it ended while the benchmarks were made ready "
        f"({ready} of {total}); give about {whole * (1 + FIRST_LOOK):.0f}s, or fewer benchmarks with --bench"
    )


def evidence_of(request: ComparisonRequest, specs: tuple[BenchmarkSpec, ...], measurement: Measurement) -> Evidence:
    """Return the evidence of a finished measurement, verdict included."""
    policy, plan = request.policy, plan_for(request.policy)
    compared = tuple(spec for spec in specs if spec.id not in measurement.skipped)
    failures = {key: failure_text(failure) for key, failure in measurement.failures.items()}
    rounds = {spec.id: measurement.rounds.get(spec.id, ()) for spec in compared}
    # Ctrl-C is pressed by someone who sees the numbers: its last look spends no more than the others, so that what is
    # resumed has its error left.
    comparisons = decide(rounds, compared, failures, policy, plan, final=not measurement.interrupted)
    decision = decide_run(
        comparisons, policy, added=request.suite.added, removed=request.suite.removed, partial=request.partial
    )
    interrupted = ("interrupted: decided on the rounds so far; --resume goes on",) if measurement.interrupted else ()
    verdict = Verdict(
        state=decision.state,
        baseline=request.baseline.info,
        candidate=request.candidate.info,
        comparisons=comparisons,
        policy=policy.to_json(),
        hardware=dict(request.hardware),
        wall_seconds=measurement.wall_seconds,
        added=request.suite.added,
        removed=request.suite.removed,
        reasons=decision.reasons,
        warnings=(*request.warnings, *decision.warnings, *interrupted),
    )
    return Evidence(
        verdict, rounds, compared, failures, policy, plan, request.partial, versions(), measurement.interrupted
    )


def failure_text(failure: Failure) -> str:
    """Return a failure in one line of text, with the side it happened on."""
    return f"{failure.side}: {failure.reason}" if isinstance(failure.side, Side) else failure.reason


def versions() -> dict[str, str]:
    """Return what measured and decided: names and versions."""
    return {
        "headgate": __version__,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "asv_runner": version("asv_runner"),
    }


def journal_header(request: ComparisonRequest) -> dict[str, Any]:
    """Return what a resumed run must have in common with the one it goes on with."""
    specs = wanted(request.suite.specs, request.policy)
    return {
        "baseline": request.baseline.info.commit or request.baseline.info.requested,
        "candidate": request.candidate.info.commit or request.candidate.info.requested,
        "benchmarks": len(specs),
        "suite": request.suite.digest,
        "fingerprint": request.hardware.get("fingerprint", ""),
        "headgate": __version__,
        # Rounds of another environment, or taken otherwise, are of another comparison; and under another plan the error
        # that was spent would be spent again (measured: 1.2 to 2.7 % false passes in place of 1 %).
        "environments": [side.info.environment for side in (request.baseline, request.candidate)],
        "pythons": [side.info.python for side in (request.baseline, request.candidate)],
        "pin": request.settings.pin,
        "margin": request.policy.margin,
        "confidence": request.policy.confidence,
        "budget": request.policy.budget,
        "overrides": request.policy.to_json()["overrides"],
        # Neither an interpreter's path nor a commit says what was installed since: an environment may be built anew.
        **({"installed code": list(request.suite.installed.values())} if request.suite.installed else {}),
        **({"own modules": list(request.suite.own_modules)} if request.suite.own_modules else {}),
    }
