"""Simulated releases: the screen misses no decision, chance is the seed's, and the shares are those that are due."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from headgate.errors import InputError, UsageError
from headgate.gates import canary
from headgate.gates.canary_evidence import CANARY, STABLE, Evidence
from headgate.gates.canary_plan import Assumption
from headgate.gates.canary_tests import log_e_pass, log_e_worse, strata_of
from headgate.rollout import simulate_release as one_release
from headgate.rollout.plan import Plan
from headgate.rollout.plan_needs import assumed
from headgate.rollout.simulate import Scenario, default_scenarios, simulate
from headgate.rollout.simulate_input import read_recorded
from headgate.rollout.simulate_release import HALTED, INVALID, PASSED, UNDECIDED, simulate_release
from headgate.rollout.simulate_screen import QuantileScreen
from headgate.rollout.simulate_summary import Share, summaries
from headgate.rollout.simulate_traffic import Traffic, looks, recorded_population, synthetic_population
from headgate.stats.mixtures import Stratum

ERRORS = {"name": "errors", "kind": "rate", "margin": "50%"}
LATENCY = {"name": "latency", "kind": "quantile", "quantile": 0.9, "low": 0.05, "high": 5.0, "margin": "30%"}
ITEMS = {"name": "items", "kind": "mean", "margin": "20%", "direction": "higher"}
CAPPED = {"name": "retries", "kind": "mean", "margin": "50%", "cap": 4.0}
GIVEN = {
    "errors": Assumption(0.05),
    "latency": Assumption(0.4, 0.5),
    "items": Assumption(3.0, 0.6),
    "retries": Assumption(1.0, 1.0),
}
TRAFFIC = Traffic(20.0, every=60.0, growth=0.25, most_seconds=86_400.0)


def plan(*metrics: dict[str, object], stages: tuple[int, ...] = (20, 50, 100), **changes: object) -> Plan:
    values = {"name": "checkout", "stages": list(stages), "dwell": "5m", "metrics": list(metrics) or [ERRORS]}
    return Plan.from_dict(values | changes)


def populations(one: Plan, effects: dict[str, float]) -> tuple:
    return tuple(
        synthetic_population(metric, GIVEN[metric.name], effects.get(metric.name, 1.0)) for metric in one.metrics
    )


@pytest.mark.slow
@pytest.mark.parametrize("effects", [{}, {"errors": 1.5}, {"latency": 1.3}, {"items": 0.6, "retries": 1.5}])
def test_with_a_decision_of_the_gate_at_every_look_each_release_ends_the_same(
    effects: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = plan(ERRORS, LATENCY, ITEMS, CAPPED)
    canary_arm, stable_arm = populations(one, effects), populations(one, {})

    def ended() -> list[object]:
        rng = np.random.default_rng(7)
        return [simulate_release(one.policy, canary_arm, stable_arm, TRAFFIC, rng) for _ in range(8)]

    screened = ended()
    monkeypatch.setattr(one_release._Release, "may_change", lambda *_: True)
    assert ended() == screened


@pytest.mark.slow
def test_a_look_that_the_gate_folds_and_decides_in_production_ends_the_release_at_the_same_place() -> None:
    one = plan(ERRORS, LATENCY)
    arms = populations(one, {"latency": 1.4}), populations(one, {})
    outcome = simulate_release(one.policy, *arms, TRAFFIC, np.random.default_rng(3))
    # The same draws, batch by batch, through fold and decide.
    rng, evidence, before = np.random.default_rng(3), Evidence(), 0.0
    assert outcome.state == HALTED
    for now in looks(TRAFFIC, one.policy.stages[0].dwell_seconds):
        units = int(rng.poisson(TRAFFIC.units_per_second * (now - before)))
        ours = int(rng.binomial(units, one.policy.stages[0].share))
        before, batch = now, {}
        for name, arm, count in ((CANARY, arms[0], ours), (STABLE, arms[1], units - ours)):
            metrics = {source.metric.name: source.counts(count, source.draw(rng, count)) for source in arm}
            batch[name] = _arm(count, metrics)
        evidence = canary.fold(one.policy, evidence, Evidence({one.policy.stages[0].ppm: batch}))
        decision = canary.decide(one.policy, evidence, 0, now)
        if decision.state is not canary.CanaryState.INCONCLUSIVE:
            break
    assert (decision.state, now) == (canary.CanaryState.HALT, outcome.seconds)


def _arm(units: int, metrics: dict[str, object]) -> object:
    from headgate.gates.canary_evidence import ArmEvidence

    return ArmEvidence(units, metrics)  # type: ignore[arg-type]


@pytest.mark.parametrize("direction", ["lower", "higher"])
@pytest.mark.parametrize("effect", [0.7, 1.0, 1.3, 2.0])
def test_the_screen_of_a_quantile_is_never_below_the_gates_own_value(effect: float, direction: str) -> None:
    one = plan(LATENCY | {"direction": direction, "tolerance": "5%"})
    metric, rng = one.policy.metrics[0], np.random.default_rng(11)
    ours, theirs = (synthetic_population(metric, GIVEN["latency"], times) for times in (effect, 1.0))
    screen, stages = QuantileScreen(metric, len(one.policy.stages)), {}
    for stage, sizes in zip(one.policy.stages, ((300, 1200), (900, 900)), strict=False):
        vectors = [arm.draw(rng, units) for arm, units in zip((ours, theirs), sizes, strict=True)]
        arms = zip((CANARY, STABLE), (ours, theirs), sizes, vectors, strict=True)
        stages[stage.ppm] = {name: _arm(n, {metric.name: source.counts(n, v)}) for name, source, n, v in arms}
        strata = strata_of(one.policy, metric, Evidence(stages))
        assert screen.worse(*vectors) >= log_e_worse(one.policy, metric, strata) - 1e-9
        assert screen.within(*vectors) >= log_e_pass(one.policy, metric, strata) - 1e-9
        screen.end_stage(*vectors)


@pytest.mark.slow
def test_the_result_depends_on_the_seed_and_not_on_the_number_of_processes() -> None:
    one, scenarios = plan(ERRORS), [Scenario("none"), Scenario("x2", {"errors": 2.0})]
    found = [
        simulate(one, TRAFFIC, GIVEN, scenarios, seeds=160, seed=seed, workers=n)
        for seed, n in ((1, 1), (1, 2), (2, 1))
    ]
    assert found[0].outcomes == found[1].outcomes
    assert found[0].outcomes != found[2].outcomes


def test_a_stop_gives_the_beginning_of_the_whole() -> None:
    one, scenarios = plan(ERRORS), [Scenario("none"), Scenario("x2", {"errors": 2.0})]

    def stop(done: int, total: int) -> None:
        if done >= 100:
            raise KeyboardInterrupt

    whole = simulate(one, TRAFFIC, GIVEN, scenarios, seeds=120)
    begun = simulate(one, TRAFFIC, GIVEN, scenarios, seeds=120, progress=stop)
    assert whole.complete
    assert not begun.complete
    assert [len(ended) for ended in begun.outcomes] == [50, 50]
    assert all(part == full[:50] for part, full in zip(begun.outcomes, whole.outcomes, strict=True))


@pytest.mark.slow
def test_a_plan_errs_no_more_often_than_it_promises_and_decides_what_is_plain() -> None:
    one = plan(ERRORS, LATENCY)
    found = {one.scenario.name: one for one in summaries(simulate(one, TRAFFIC, GIVEN, seeds=300))}
    bound = 0.05 + 3.0 * math.sqrt(0.05 * 0.95 / 300)
    assert found["no effect"].error == "false halt"
    assert found["no effect"].shares[HALTED].value <= bound
    assert found["no effect"].shares[PASSED].value >= 1.0 - bound
    for name in ("errors at its margin", "latency at its margin"):
        assert found[name].error == "wrong pass"
        assert found[name].advanced.value <= bound
    for name in ("errors twice as bad", "latency twice as bad"):
        assert found[name].shares[HALTED].value >= 0.99
        assert found[name].halted_by[0][0] == name.split()[0]
        assert found[name].canary_units[1] < found[name].units[1] / 4


def test_a_split_that_is_not_the_plans_is_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    one = plan(ERRORS)
    fair = np.random.default_rng(5)

    class Unfair:
        poisson = fair.poisson
        multinomial = fair.multinomial

        @staticmethod
        def binomial(n: int, p: float) -> int:
            # The first draw of a batch is the split: a third of the canary's units is lost.
            return int(fair.binomial(n, p * 0.66 if p == 0.2 else p))

    arms = populations(one, {})
    outcome = simulate_release(one.policy, arms, arms, TRAFFIC, Unfair())  # type: ignore[arg-type]
    assert outcome.state == INVALID
    assert "shares" in outcome.reason


def test_a_release_that_cannot_decide_in_time_is_undecided_at_the_end_of_the_time() -> None:
    one = plan(ERRORS | {"margin": "1%", "tolerance": "0.5%"})
    traffic = Traffic(1.0, most_seconds=7_200.0)
    outcome = simulate_release(
        one.policy, populations(one, {}), populations(one, {}), traffic, np.random.default_rng(0)
    )
    assert (outcome.state, outcome.seconds, outcome.stage_seconds) == (UNDECIDED, 7_200.0, ())


def test_looks_come_at_every_interval_at_first_then_ever_further_apart_and_at_the_end_of_the_dwell_time() -> None:
    traffic, found = Traffic(1.0, every=60.0, growth=0.5), []
    for now in looks(traffic, 200.0):
        found.append(now)
        if now > 1_000.0:
            break
    assert found[:5] == [60.0, 120.0, 180.0, 200.0, 300.0]
    assert all(later - now >= 0.49 * now for now, later in pairwise(found[4:]))


@pytest.mark.parametrize("metric", [LATENCY, ITEMS, CAPPED, ITEMS | {"kind": "ratio"}])
def test_a_synthetic_population_is_like_its_assumption_times_the_effect(metric: dict[str, object]) -> None:
    from headgate.gates.canary_tests import pooled_value

    one = plan(metric).metrics[0]
    given, rng = GIVEN[one.name], np.random.default_rng(2)
    for effect in (1.0, 1.2):
        source = synthetic_population(one, given, effect)
        counts = source.counts(200_000, source.draw(rng, 200_000))
        assert counts.problem() == ""
        assert pooled_value(one, [counts]) == pytest.approx(given.value * effect, rel=0.05)


def test_recorded_units_are_drawn_as_often_as_they_were_recorded() -> None:
    rng, metrics = np.random.default_rng(4), plan(ERRORS, LATENCY, ITEMS).metrics
    errors = recorded_population(metrics[0], [True] * 3 + [False] * 97)
    assert errors.draw(rng, 100_000)[0] / 100_000 == pytest.approx(0.03, abs=0.003)
    latency = recorded_population(metrics[1], [0.2] * 90 + [2.0] * 10, 1.5)
    counts = latency.counts(1_000, latency.draw(rng, 1_000))
    assert len(counts.cells) == 2
    items = recorded_population(metrics[2], [1.0, 2.0, 3.0])
    assert items.counts(3_000, items.draw(rng, 3_000)).value == pytest.approx(2.0, abs=0.1)
    with pytest.raises(UsageError, match="no value was recorded"):
        recorded_population(metrics[2], [])


def test_the_default_scenarios_are_none_the_margin_and_twice_as_bad_the_way_the_metric_counts() -> None:
    found = default_scenarios(plan(ERRORS, ITEMS))
    assert [(one.name, dict(one.effects)) for one in found] == [
        ("no effect", {}),
        ("errors at its margin", {"errors": 1.5}),
        ("errors twice as bad", {"errors": 2.0}),
        ("items at its margin", {"items": pytest.approx(1 / 1.2)}),
        ("items twice as bad", {"items": 0.5}),
    ]
    worst = [one.worst(plan(ERRORS, ITEMS).metrics)[1] for one in found]
    assert [value >= 0.0 for value in worst] == [False, True, True, True, True]


def test_what_makes_no_sense_is_a_usage_error() -> None:
    one = plan(ERRORS)
    with pytest.raises(UsageError, match="'latency': no required metric"):
        simulate(one, TRAFFIC, GIVEN, [Scenario("x", {"latency": 2.0})], seeds=1)
    with pytest.raises(UsageError, match="more than every unit"):
        simulate(one, TRAFFIC, GIVEN, [Scenario("x", {"errors": 30.0})], seeds=1)
    with pytest.raises(UsageError, match="nothing says what stable's is like"):
        simulate(one, TRAFFIC, {}, seeds=1)
    with pytest.raises(UsageError, match="seeds"):
        simulate(one, TRAFFIC, GIVEN, seeds=0)
    with pytest.raises(UsageError, match="units_per_second"):
        Traffic(0.0)


@pytest.mark.parametrize(("count", "of"), [(0, 10), (5, 100), (8, 2000), (10, 10)])
def test_the_interval_of_a_share_is_wilsons(count: int, of: int) -> None:
    from scipy import stats

    wilson = stats.binomtest(count, of).proportion_ci(0.95, method="wilson")
    assert Share(count, of).interval == pytest.approx((wilson.low, wilson.high), abs=1e-9)


@pytest.mark.slow
def test_with_early_margins_a_wrong_pass_is_one_of_a_stage_whose_margin_the_canary_is_at() -> None:
    latency = LATENCY | {"margins": {"20": "100%"}}
    errors = ERRORS | {"margins": {"20": "100%"}, "tolerance": "45%"}
    for metric in (errors, latency):
        one = plan(metric)
        names = [scenario.name for scenario in default_scenarios(one)]
        name = str(metric["name"])
        assert names == [
            "no effect",
            f"{name} at its early margin of 100 %",
            f"{name} at its margin",
            f"{name} twice as bad",
        ]
        found = {each.scenario.name: each for each in summaries(simulate(one, TRAFFIC, GIVEN, seeds=150, workers=2))}
        bound = one.alpha + 3.0 * math.sqrt(one.alpha * (1.0 - one.alpha) / 150)
        at_early, at_margin = found[names[1]], found[names[2]]
        assert at_early.wrongly == at_early.advanced
        assert (at_early.error, at_margin.error) == ("wrong pass", "wrong pass")
        assert at_early.wrongly.value <= bound
        assert at_margin.wrongly.value <= bound
        assert found["no effect"].shares[PASSED].value > 0.8
    # Tolerated nearly up to the margin, a canary at it leaves the first stage often, and the second one hardly ever.
    leaves = summaries(simulate(plan(errors), TRAFFIC, GIVEN, [Scenario("at it", {"errors": 1.5})], seeds=150))[0]
    assert leaves.advanced.value > 0.3
    assert leaves.wrongly.value <= bound


def test_the_screen_of_a_quantile_with_early_margins_is_never_below_the_gates_value() -> None:
    one = plan(LATENCY | {"margins": {"20": "100%"}})
    (metric,), rng = one.policy.metrics, np.random.default_rng(5)
    screen, strata = QuantileScreen(metric, len(one.policy.stages)), []
    population = synthetic_population(metric, GIVEN["latency"])
    for index, stage in enumerate(one.policy.stages[:2]):
        ours, theirs = population.draw(rng, 300), population.draw(rng, 300)
        strata.append(Stratum(stage.share, population.counts(300, ours), population.counts(300, theirs)))
        exact = log_e_pass(one.policy, metric, tuple(strata), metric.margin_at(index))
        assert screen.within(ours, theirs) >= exact - 1e-9
        assert screen.worse(ours, theirs) >= log_e_worse(one.policy, metric, tuple(strata)) - 1e-9
        screen.end_stage(ours, theirs)


def test_a_success_rate_gets_worse_as_more_units_fail_and_not_as_each_succeeds_less() -> None:
    [metric] = plan({"name": "served", "kind": "mean", "direction": "higher", "cap": 1, "margin": "5%"}).metrics
    populations = [
        synthetic_population(metric, Assumption(0.9), 0.5),
        recorded_population(metric, [1.0] * 90 + [0.0] * 10, 0.5),
    ]
    for population in populations:
        masses = population.counts(1000, population.draw(np.random.default_rng(1), 1000)).masses
        assert masses[0] + masses[-1] == 1000.0
        assert masses[-1] == pytest.approx(450.0, abs=60.0)
    # Where the scatter says that it is no success rate, it is none.
    spread = synthetic_population(metric, Assumption(0.9, 0.1)).draw(np.random.default_rng(1), 1000)
    assert spread[1:-1].sum() > 0.0
    with pytest.raises(UsageError, match="more than every unit"):
        synthetic_population(metric, Assumption(0.9), 1.2)


@pytest.mark.parametrize("effect", [0.5, 1.0, 1.2])
@pytest.mark.parametrize("recorded", [False, True])
def test_an_effect_is_one_on_what_is_counted_below_a_cap_that_cuts(effect: float, recorded: bool) -> None:
    metric = plan(CAPPED | {"cap": 1.0}).metrics[0]
    values = np.random.default_rng(1).lognormal(-0.3, 0.5, 500).tolist()

    def mean(times: float) -> float:
        if recorded:
            population = recorded_population(metric, values, times)
        else:
            population = synthetic_population(metric, Assumption(0.75, 0.4), times)
        return float(population.probabilities @ population.columns @ np.linspace(0.0, 1.0, population.width))

    counted = float(np.minimum(values, 1.0).mean()) if recorded else 0.75
    assert mean(1.0) == pytest.approx(counted, rel=1e-4)
    assert mean(effect) == pytest.approx(effect * counted, rel=1e-4)


def test_a_mean_beyond_its_cap_is_no_effect() -> None:
    metric = plan(CAPPED | {"cap": 1.0}).metrics[0]
    with pytest.raises(UsageError, match=r"metric 'retries': .* give a smaller effect"):
        synthetic_population(metric, Assumption(0.75, 0.4), 1.4)


def test_recorded_values_are_refused_as_they_are_when_they_are_recorded(tmp_path: Path) -> None:
    one = plan(LATENCY, CAPPED)
    path = tmp_path / "requests.jsonl"
    first, second = '{"latency": Infinity, "retries": 1}', '{"latency": 1}'
    path.write_text(f'{{"unit": "u1", "metrics": {first}}}\n{{"unit": "u2", "metrics": {second}}}')
    assert read_recorded(path, one)["latency"] == [math.inf, 1]
    for wrong in ('{"retries": -1}', '{"latency": -0.5}', '{"latency": NaN}', '{"latency": 1' + "0" * 400 + "}"):
        path.write_text('{"unit": "u1", "metrics": ' + wrong + "}")
        with pytest.raises(InputError, match=r"requests.jsonl:1: .* will not do: expected a number of at least 0"):
            read_recorded(path, one)


def test_of_a_quantile_what_never_came_back_has_its_place() -> None:
    metric = plan(LATENCY).metrics[0]
    found = assumed(metric, [0.1 + 0.01 * n for n in range(95)] + [math.inf] * 5)
    assert found.value == pytest.approx(0.1 + 0.01 * 90)
    with pytest.raises(UsageError, match="no quantile above 0"):
        assumed(metric, [0.1] * 80 + [math.inf] * 20)
