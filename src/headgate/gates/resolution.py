"""What a machine can resolve, from its calibration: the margin to recommend, a warning where a margin is too fine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.gates.policy import policy_for
from headgate.stats.noise import detectable, margin_resolved, rounds_to_pass, slowdown_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.gates.policy import Policy

__all__ = [
    "BenchmarkNoise",
    "Calibration",
    "advice",
    "detectable_slowdown",
    "known_noise",
    "recommended_margin",
    "resolved_margin",
    "unknown_noise",
]

# Fewest rounds whose scatter is taken for a benchmark's noise. Of Gaussian noise `headgate.stats.noise` sees less than
# half in 37 % of cases with 2 rounds, 29 % with 3, 2 % with 7; and no claim of `compare` rests on fewer either.
LEAST_ROUNDS = 7
# Recommended margins are multiples of this: finer would claim a precision that noise does not have.
MARGIN_STEP = 0.005


@dataclass(frozen=True, slots=True)
class BenchmarkNoise:
    """The noise of one benchmark; fractions. ``log_ratios`` has one entry per round: raw, for simulations.

    ``state`` is what the gate said of it under the policy of the calibration; anything but ``pass`` was wrong or
    undecided, since both sides were the same.
    """

    benchmark: str
    kind: str
    within: float
    between: float
    bias: float
    state: str
    log_ratios: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """One A/A run: both sides the same commit.

    ``seconds_per_round`` is for all ``benchmarks`` together; ``false_alarms`` counts the comparisons that came out
    regressed under the policy's ``margin`` at ``confidence``.
    """

    machine: str
    fingerprint: str
    date: str
    commit: str
    margin: float
    confidence: float
    budget: float
    seconds_per_round: float
    rounds: int
    false_alarms: int
    benchmarks: tuple[BenchmarkNoise, ...]


def known_noise(calibration: Calibration) -> dict[str, BenchmarkNoise]:
    """Return the noise by benchmark, where the calibration had rounds enough to know it."""
    return {one.benchmark: one for one in calibration.benchmarks if len(one.log_ratios) >= LEAST_ROUNDS}


def unknown_noise(calibration: Calibration, benchmarks: Iterable[str]) -> str:
    """Return a warning where the calibration had too few rounds of any of ``benchmarks``; else ''."""
    known = known_noise(calibration)
    rounds = {one.benchmark: len(one.log_ratios) for one in calibration.benchmarks if one.benchmark not in known}
    short = [rounds[name] for name in benchmarks if name in rounds]
    if not short:
        return ""
    many = "s" * (len(short) > 1)
    return (
        f"the calibration of {calibration.machine} is left out for {len(short)} benchmark{many}: it has as few as "
        f"{min(short)} rounds, and {LEAST_ROUNDS} are the fewest that tell noise; calibrate with more --budget"
    )


def rounds_within(calibration: Calibration, budget: float) -> int:
    """Return how many rounds of the whole suite ``budget`` seconds allow."""
    return max(1, int(budget / calibration.seconds_per_round)) if calibration.seconds_per_round > 0.0 else 1


def resolved_margin(noise: BenchmarkNoise, rounds: int, confidence: float) -> float:
    """Return the smallest margin an unchanged benchmark passes nine times in ten; infinite where none is."""
    return slowdown_of(abs(noise.bias)) + margin_resolved(noise.between, rounds, 1.0 - confidence)


def detectable_slowdown(noise: BenchmarkNoise, rounds: int, margin: float, confidence: float) -> float:
    """Return the smallest slowdown called regressed against ``margin`` four times in five."""
    return detectable(noise.between, rounds, margin, 1.0 - confidence)


def recommended_margin(calibration: Calibration, budget: float, confidence: float) -> float:
    """Return the margin that every benchmark of the calibration passes nine times in ten when nothing changed.

    Rounded up to the half percent; infinite where the budget allows no decision.
    """
    rounds = rounds_within(calibration, budget)
    worst = max((resolved_margin(noise, rounds, confidence) for noise in calibration.benchmarks), default=math.inf)
    return math.ceil(worst / MARGIN_STEP) * MARGIN_STEP if math.isfinite(worst) else math.inf


def advice(calibration: Calibration, policy: Policy) -> str:
    """Return a warning where the policy's margins are below what the machine resolves in its budget; else ''."""
    rounds = rounds_within(calibration, policy.budget)
    beyond = []
    for noise in calibration.benchmarks:
        margin = policy_for(policy, noise.benchmark).margin
        resolved = resolved_margin(noise, rounds, policy.confidence)
        if resolved > margin:
            beyond.append((resolved / margin, noise, margin))
    if not beyond:
        return ""
    _, worst, margin = max(beyond, key=lambda item: item[0])
    needed = rounds_to_pass(worst.between, margin, 1.0 - policy.confidence)
    remedy = (
        f"a budget of {math.ceil(needed * calibration.seconds_per_round):,} s would do"
        if needed
        else "no budget would do"
    )
    fit = recommended_margin(calibration, policy.budget, policy.confidence)
    instead = f", or a margin of {fit:.1%}" if math.isfinite(fit) and fit < 1.0 else ""
    return (
        f"{len(beyond)} of {len(calibration.benchmarks)} benchmarks are noisier on this machine than their margin "
        f"allows within {policy.budget:g} s (worst: {worst.benchmark}, {worst.between:.1%} between processes, "
        f"margin {margin:.1%}): {remedy}{instead}"
    )
