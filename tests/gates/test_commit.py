"""The commit gate decides from evidence alone."""

import math

import numpy as np
import pytest

from headgate.gates.commit import decide, plan_for, undecided
from headgate.gates.policy import Override, Policy
from headgate.model import BenchmarkId, BenchmarkSpec, Change, Comparison, Direction, Round, State

POLICY = Policy(margin=0.05, budget=60.0)
PLAN = plan_for(POLICY)


def spec(name: str = "s.time_a", kind: str = "time") -> BenchmarkSpec:
    return BenchmarkSpec(BenchmarkId(name), kind=kind, unit="seconds")


def rounds(
    ratio: float, count: int = 20, noise: float = 0.01, seed: int = 0, base: float = 1e-3, seconds: float = 60.0
) -> list[Round]:
    rng = np.random.default_rng(seed)
    logs = math.log(ratio) + noise * rng.normal(size=count)
    return [
        Round(i, (base,) * 3, (base * math.exp(log),) * 3, "bcb", 10, elapsed=seconds * i / count)
        for i, log in enumerate(logs)
    ]


def one(evidence: list[Round], policy: Policy = POLICY, failures: dict[BenchmarkId, str] | None = None) -> Comparison:
    (comparison,) = decide({spec().id: evidence}, [spec()], failures or {}, policy, plan_for(policy))
    return comparison


@pytest.mark.parametrize(
    ("ratio", "noise", "count", "state", "change"),
    # The truth, the scatter of the rounds, how many there are; what must be said at a margin of 5 %.
    [
        (1.00, 0.01, 20, State.PASS, Change.SAME),
        (0.80, 0.01, 20, State.PASS, Change.FASTER),
        (1.03, 0.01, 20, State.PASS, Change.SLOWER),
        (1.10, 0.01, 20, State.REGRESSED, Change.SLOWER),
        (2.00, 0.05, 20, State.REGRESSED, Change.SLOWER),
        (1.05, 0.01, 20, State.INCONCLUSIVE, Change.SLOWER),
        (1.00, 0.20, 20, State.INCONCLUSIVE, Change.UNKNOWN),
        (1.00, 0.01, 6, State.INCONCLUSIVE, Change.UNKNOWN),
        (1.50, 0.01, 6, State.INCONCLUSIVE, Change.UNKNOWN),
        (1.00, 0.00, 20, State.PASS, Change.SAME),
    ],
)
def test_the_state_follows_the_interval_against_the_margin(
    ratio: float, noise: float, count: int, state: State, change: Change
) -> None:
    comparison = one(rounds(ratio, count, noise))
    assert (comparison.state, comparison.change) == (state, change)


def test_the_numbers_shown_support_the_state() -> None:
    for seed in range(30):
        comparison = one(rounds(1.0 + 0.01 * (seed % 11), 25, 0.02, seed))
        if comparison.state is State.PASS:
            assert comparison.upper is not None
            assert comparison.upper < 1.05
        elif comparison.state is State.REGRESSED:
            assert comparison.lower is not None
            assert comparison.lower > 1.05
        else:
            assert comparison.reason


def test_no_round_at_all_is_failed_never_pass() -> None:
    assert one([]).state is State.FAILED
    (missing,) = decide({}, [spec()], {}, POLICY, PLAN)
    assert missing.state is State.FAILED
    assert "no round" in missing.reason


def test_a_failure_wins_over_good_numbers() -> None:
    comparison = one(rounds(1.0), failures={spec().id: "candidate: ValueError: boom"})
    assert comparison.state is State.FAILED
    assert "boom" in comparison.reason


@pytest.mark.parametrize("bad", [0.0, math.nan, math.inf, -1.0])
def test_a_number_without_a_ratio_is_failed_and_named(bad: float) -> None:
    evidence = [*rounds(1.0), Round(20, (1.0,), (bad,), elapsed=59.0)]
    comparison = one(evidence)
    assert comparison.state is State.FAILED
    assert "round 20" in comparison.reason


def test_too_few_rounds_say_how_many_are_needed() -> None:
    assert "before 7" in one(rounds(1.0, 5)).reason


def test_an_undecided_benchmark_says_how_many_rounds_would_do() -> None:
    reason = one(rounds(1.0, 20, 0.15)).reason
    assert "would do" in reason or "margin itself" in reason


def test_an_override_of_the_margin_decides_its_benchmark_only() -> None:
    policy = Policy(margin=0.05, budget=60.0, overrides=(Override(match=("s.time_a",), margin=0.30),))
    evidence = {spec("s.time_a").id: rounds(1.1), spec("s.time_b").id: rounds(1.1)}
    first, second = decide(evidence, [spec("s.time_a"), spec("s.time_b")], {}, policy, plan_for(policy))
    assert (first.state, second.state) == (State.PASS, State.REGRESSED)
    assert (first.margin, second.margin) == (0.30, 0.05)


def test_a_higher_is_better_number_regresses_when_it_falls() -> None:
    policy = Policy(budget=60.0, overrides=(Override(match=("*",), direction=Direction.HIGHER),))
    comparison = one(rounds(0.5), policy)
    assert comparison.state is State.REGRESSED
    assert comparison.ratio == pytest.approx(2.0, rel=0.02)
    assert one(rounds(2.0), policy).state is State.PASS


def test_a_track_number_of_undeclared_direction_carries_a_warning() -> None:
    (comparison,) = decide({spec().id: rounds(1.0)}, [spec(kind="track")], {}, POLICY, PLAN)
    assert any("direction" in warning for warning in comparison.warnings)


def test_twenty_comparisons_need_stronger_evidence_than_one_to_regress() -> None:
    # One round of fourteen contradicts, and it is the largest: W- = 14.
    evidence = [Round(-1, (1e-3,), (0.95e-3,)), *rounds(1.08, 13, 0.001, seconds=30)]
    alone = one(evidence)
    specs = [spec(f"s.time_{i:02}") for i in range(20)]
    family = {one_spec.id: rounds(1.0, 14, 0.018, seed=i + 1) for i, one_spec in enumerate(specs)}
    family[specs[0].id] = evidence
    among = decide(family, specs, {}, POLICY, PLAN)[0]
    assert alone.state is State.REGRESSED
    assert among.state is State.INCONCLUSIVE
    assert alone.lower is not None
    assert among.lower is None or among.lower < alone.lower


def test_twenty_true_regressions_are_all_found() -> None:
    specs = [spec(f"s.time_{i:02}") for i in range(20)]
    evidence = {one_spec.id: rounds(1.15, 20, 0.01, seed=i) for i, one_spec in enumerate(specs)}
    assert {c.state for c in decide(evidence, specs, {}, POLICY, PLAN)} == {State.REGRESSED}


def test_decided_and_failed_benchmarks_leave_the_rest_go_on() -> None:
    specs = [spec(name) for name in ("s.time_same", "s.time_noisy", "s.time_broken", "s.time_new")]
    evidence = {specs[0].id: rounds(1.0), specs[1].id: rounds(1.0, noise=0.3)}
    so_far = decide(evidence, specs, {specs[2].id: "crashed"}, POLICY, PLAN, final=False)
    assert undecided(so_far) == {specs[1].id, specs[3].id}


def test_the_same_evidence_always_gives_the_same_answer() -> None:
    evidence = {spec().id: rounds(1.04, 30, 0.02)}
    assert decide(evidence, [spec()], {}, POLICY, PLAN) == decide(evidence, [spec()], {}, POLICY, PLAN)


def test_a_machine_that_changed_while_measuring_gives_no_claim() -> None:
    evidence = rounds(2.0, 30, 0.01, seconds=20) + [
        Round(30 + i, (1e-3,) * 3, (0.2e-3,) * 3, elapsed=20.0 + 0.1 * i) for i in range(300)
    ]
    comparison = one(evidence)
    assert comparison.state is State.INCONCLUSIVE
    assert "contradict" in comparison.reason


@pytest.mark.slow
def test_over_a_family_without_regressions_false_alarms_stay_below_nominal() -> None:
    policy = Policy(margin=0.02, confidence=0.95, budget=60.0)
    plan = plan_for(policy)
    specs = [spec(f"s.time_{i}") for i in range(5)]
    red = passed = 0
    replicates = 300
    for replicate in range(replicates):
        # At the boundary itself: every benchmark exactly 2 % slower.
        evidence = {s.id: rounds(1.02, 25, 0.02, seed=1000 * replicate + i, seconds=60.0) for i, s in enumerate(specs)}
        states = [c.state for c in decide(evidence, specs, {}, policy, plan)]
        red += State.REGRESSED in states
        passed += states.count(State.PASS)
    assert red / replicates <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / replicates)
    assert passed / (5 * replicates) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / (5 * replicates))
