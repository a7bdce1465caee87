"""Early margins: a first stage may pass on less, no more than its margin says; the last one holds the metric's own."""

import dataclasses
import math

import numpy as np
import pytest

from headgate.errors import UsageError
from headgate.gates.canary import CanaryState, decide, fold
from headgate.gates.canary_evidence import ArmEvidence, Evidence, grid_of
from headgate.gates.canary_plan import Assumption, Assumptions, plan_report
from headgate.gates.canary_policy import CanaryPolicy, Metric, Stage, canary_policy_from_json
from headgate.gates.canary_tests import log_e_pass
from headgate.model import Direction
from headgate.stats.mixtures import Stratum
from headgate.stats.quantiles import Histogram
from headgate.stats.rates import RateCounts

STAGES = (Stage(50_000), Stage(250_000), Stage(500_000), Stage(1_000_000))
ERRORS = Metric("errors", "rate", 0.2, early_margins=(1.0, 0.5))
POLICY = CanaryPolicy((ERRORS,), STAGES)
ALPHA = 0.05


def rates(units: int, ratio: float, ppm: int, rate: float = 0.02) -> Evidence:
    """Counts as they are on average: the canary's rate is ``ratio`` times stable's."""
    ours = round(units * ppm / 1e6)
    arms = {"canary": (ours, rate * ratio), "stable": (units - ours, rate)}
    counted = {
        arm: ArmEvidence(count, {"errors": RateCounts(count, round(count * p))}) for arm, (count, p) in arms.items()
    }
    return Evidence({ppm: counted})


def state(evidence: Evidence, stage: int) -> CanaryState:
    return decide(POLICY, fold(POLICY, Evidence(), evidence), stage, 0.0).state


def test_a_stage_holds_its_margin_and_those_without_one_the_metrics() -> None:
    assert [ERRORS.margin_at(stage) for stage in range(4)] == [1.0, 0.5, 0.2, 0.2]


def test_what_passes_an_early_stage_does_not_pass_a_later_one() -> None:
    first = rates(20_000, 1.0, 50_000)
    assert state(first, 0) is CanaryState.PASS
    assert state(first.add(rates(1_000, 1.0, 250_000)), 1) is CanaryState.INCONCLUSIVE
    later = first.add(rates(60_000, 1.0, 250_000)).add(rates(200_000, 1.0, 500_000))
    assert [state(later, stage) for stage in range(4)] == [CanaryState.PASS] * 4
    row = decide(POLICY, fold(POLICY, Evidence(), first), 0, 0.0).rows[0]
    assert row.margin == 1.0
    assert row.upper is not None
    assert row.upper < 2.0


def test_the_last_stage_decides_at_the_metrics_own_margin() -> None:
    worse = Evidence()
    for ppm in (50_000, 250_000, 500_000):
        worse = worse.add(rates(2_000_000, 1.3, ppm))
    tolerant = CanaryPolicy((dataclasses.replace(ERRORS, tolerance=0.19, margin=0.2),), STAGES)
    held = fold(tolerant, Evidence(), worse)
    assert decide(tolerant, Evidence(held.stages), 0, 0.0).rows[0].log_e_pass > math.log(20)  # within 100 %, and
    assert decide(tolerant, held, 2, 0.0).state is CanaryState.HALT  # shown to be worse than tolerated


def test_a_wide_early_margin_excuses_nothing_from_halting() -> None:
    evidence = rates(2_000_000, 1.5, 50_000)  # shown to be worse, and to be less than twice as bad
    assert log_e_pass(POLICY, ERRORS, (stratum(evidence),), 1.0) > math.log(20)
    assert state(evidence, 0) is CanaryState.HALT


def stratum(evidence: Evidence) -> Stratum[RateCounts]:
    ((ppm, arms),) = evidence.stages.items()
    return Stratum(ppm / 1e6, arms["canary"].metrics["errors"], arms["stable"].metrics["errors"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "early", [(0.1,), (0.5, 1.0), (0.3, 0.1), (math.nan,), (math.inf,), (10.0,), (True,), ("50%",)]
)
def test_margins_only_shrink_and_never_below_the_metrics(early: tuple[object, ...]) -> None:
    with pytest.raises(UsageError, match=r"early_margins: .*never grow"):
        Metric("errors", "rate", 0.2, early_margins=early)  # type: ignore[arg-type]


def test_the_last_stage_that_compares_takes_none() -> None:
    for stages in (STAGES[:2], (STAGES[0], STAGES[1], STAGES[3])):
        with pytest.raises(UsageError, match="the last one holds the margin itself"):
            CanaryPolicy((ERRORS,), stages)


def test_they_are_written_and_read_and_a_policy_without_them_is_written_as_it_was() -> None:
    assert canary_policy_from_json(POLICY.to_json(), "f") == POLICY
    plain = CanaryPolicy((dataclasses.replace(ERRORS, early_margins=()),), STAGES).to_json()
    assert "early_margins" not in plain["metrics"][0]
    assert POLICY.to_json()["metrics"][0]["early_margins"] == [1.0, 0.5]


def test_a_plan_needs_far_fewer_units_in_its_first_stage() -> None:
    given = {"errors": Assumption(0.02)}
    needs = {row.ppm: row.to_pass for row in plan_report(POLICY, Assumptions(given)).rows}
    narrow = CanaryPolicy((dataclasses.replace(ERRORS, early_margins=()),), STAGES)
    before = {row.ppm: row.to_pass for row in plan_report(narrow, Assumptions(given)).rows}
    assert (needs[50_000] or 0) * 10 < (before[50_000] or 0)
    assert (needs[250_000] or 0) < (before[250_000] or 0)
    assert needs[500_000] == before[500_000]
    short = plan_report(POLICY, Assumptions(given, units=(50_000, 50_000, 50_000, 50_000)))
    assert len(short.refusals) == 1  # the last stage that compares must show what the others need not
    assert short.refusals[0].startswith("errors: about")
    assert "in stage 3" in short.refusals[0]


def quantile_path(rng: np.random.Generator, metric: Metric, looks: int, ratio: float) -> float:
    """The largest e-value for passing at the early margin of a canary slower by ``ratio``, over all looks."""
    policy, grid = CanaryPolicy((metric,), (Stage(200_000), Stage(500_000))), grid_of(metric)
    most, ours, theirs = -math.inf, Histogram(0), Histogram(0)
    for _ in range(looks):
        ours += grid.histogram(rng.lognormal(0.0, 0.3, 20) * ratio)
        theirs += grid.histogram(rng.lognormal(0.0, 0.3, 80))
        most = max(most, log_e_pass(policy, metric, (Stratum(0.2, ours, theirs),), metric.margin_at(0)))
    return most


@pytest.mark.slow
@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize(("stage", "replicates"), [(0, 600), (1, 600), (2, 600)])
def test_a_canary_at_a_stages_margin_passes_it_no_more_often_than_alpha(
    direction: Direction, stage: int, replicates: int
) -> None:
    metric = dataclasses.replace(ERRORS, direction=direction)
    policy = CanaryPolicy((metric,), STAGES)
    margin = metric.margin_at(stage)
    ratio = 1.0 + margin if direction is Direction.LOWER else 1.0 / (1.0 + margin)
    rng, passed = np.random.default_rng(stage), 0
    for _ in range(replicates):
        strata: list[Stratum[RateCounts]] = []
        for one in STAGES[: stage + 1]:
            share = one.share
            split = share * ratio / (share * ratio + 1.0 - share)
            ours = theirs = 0
            before = tuple(strata)
            for _ in range(12):  # a look after every 25 events
                mine = int(rng.binomial(25, split))
                ours, theirs = ours + mine, theirs + 25 - mine
                present = Stratum(share, RateCounts(10**6, ours), RateCounts(10**6, theirs))
                if one is STAGES[stage] and log_e_pass(policy, metric, (*before, present), margin) >= -math.log(ALPHA):
                    passed += 1
                    break
            else:
                strata.append(present)
                continue
            break
    assert passed <= replicates * (ALPHA + 3.0 * math.sqrt(ALPHA * (1.0 - ALPHA) / replicates))


@pytest.mark.slow
def test_a_quantile_at_an_early_margin_passes_it_no_more_often_than_alpha() -> None:
    metric = Metric("p50", "quantile", 0.2, quantile=0.5, low=0.3, high=5.0, early_margins=(0.5,))
    rng = np.random.default_rng(3)
    passed = sum(quantile_path(rng, metric, 25, 1.5) >= -math.log(ALPHA) for _ in range(100))
    assert passed <= 100 * (ALPHA + 3.0 * math.sqrt(ALPHA * (1.0 - ALPHA) / 100))
    rng = np.random.default_rng(4)
    assert sum(quantile_path(rng, metric, 25, 1.0) >= -math.log(ALPHA) for _ in range(20)) >= 15  # and it has power
