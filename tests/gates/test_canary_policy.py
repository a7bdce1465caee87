"""A release's policy says what is wrong with it, by key, before anything is routed."""

import pytest

from headgate.errors import UsageError
from headgate.gates.canary_policy import CanaryPolicy, Metric, Stage, canary_policy_from_json
from headgate.model import Direction

ERRORS = Metric("errors", "rate", 0.2)
STAGES = (Stage(10_000, 500, 60.0), Stage(50_000), Stage(1_000_000))


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("name", {"name": ""}),
        ("kind", {"kind": "median"}),
        ("direction", {"direction": "sideways"}),
        ("margin", {"margin": 0.0}),
        ("margin", {"margin": float("nan")}),
        ("margin", {"margin": True}),
        ("margin", {"margin": "10%"}),
        ("tolerance", {"tolerance": 0.2}),
        ("tolerance", {"tolerance": -0.1}),
        ("weight", {"weight": 0.0}),
        ("quantile", {"quantile": 0.9}),
        ("quantile", {"kind": "quantile", "low": 1.0, "high": 9.0}),
        ("quantile", {"kind": "quantile", "quantile": 1.0, "low": 1.0, "high": 9.0}),
        ("low", {"kind": "quantile", "quantile": 0.9, "low": 0.0, "high": 9.0}),
        ("high", {"kind": "quantile", "quantile": 0.9, "low": 2.0, "high": 2.0}),
        ("high", {"kind": "quantile", "quantile": 0.9, "low": 1e-9, "high": 1e9, "margin": 0.001}),
        ("resolution", {"kind": "quantile", "quantile": 0.9, "low": 1.0, "high": 9.0, "resolution": 1}),
        ("cap", {"cap": 5.0}),
        ("cap", {"kind": "mean", "cap": -5.0}),
    ],
)
def test_a_metric_names_the_key_that_is_wrong(key: str, values: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=rf"{key}: "):
        Metric(**({"name": "m", "kind": "rate", "margin": 0.1} | values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("ppm", {"ppm": 0}),
        ("ppm", {"ppm": 1_000_001}),
        ("ppm", {"ppm": 1.5}),
        ("minimum_units", {"ppm": 1, "minimum_units": 0}),
        ("dwell_seconds", {"ppm": 1, "dwell_seconds": float("inf")}),
        ("dwell_seconds", {"ppm": 1, "dwell_seconds": -1}),
    ],
)
def test_a_stage_names_the_key_that_is_wrong(key: str, values: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=f"stages: {key}: "):
        Stage(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("says", "values"),
    [
        ("metrics: none given", {"metrics": ()}),
        ("stages: none given", {"stages": ()}),
        ("given twice", {"metrics": (ERRORS, ERRORS)}),
        ("no metric is required", {"metrics": (Metric("errors", "rate", 0.2, required=False),)}),
        ("must be larger", {"stages": (Stage(20), Stage(20))}),
        ("nothing to compare with", {"stages": (Stage(1_000_000),)}),
        ("alpha: ", {"alpha": 0.0}),
        ("sample_ratio_alpha: ", {"sample_ratio_alpha": 0.7}),
    ],
)
def test_a_policy_says_what_only_the_whole_can_show(says: str, values: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=says):
        CanaryPolicy(**({"metrics": (ERRORS,), "stages": STAGES} | values))  # type: ignore[arg-type]


def test_a_policy_survives_json_and_what_is_not_one_is_refused_with_its_file() -> None:
    latency = Metric("p99", "quantile", 0.1, Direction.LOWER, quantile=0.99, low=1.0, high=1e4, unit="ms")
    policy = CanaryPolicy((ERRORS, latency, Metric("served", "mean", 0.1, Direction.HIGHER, required=False)), STAGES)
    data = policy.to_json()
    assert canary_policy_from_json(data, "plan.json") == policy
    for broken in ({**data, "extra": 1}, {"metrics": data["metrics"]}, {**data, "stages": [{"ppm": -1}]}):
        with pytest.raises(UsageError, match=r"plan\.json"):
            canary_policy_from_json(broken, "plan.json")


def test_alpha_is_shared_by_weight_among_the_metrics_that_can_halt() -> None:
    double = Metric("latency", "mean", 0.1, weight=3.0)
    informative = Metric("info", "rate", 0.1, required=False, weight=100.0)
    policy = CanaryPolicy((ERRORS, double, informative), STAGES, alpha=0.04)
    assert [policy.halting_level(metric) for metric in policy.metrics] == pytest.approx([0.01, 0.03, 0.0])
    assert policy.metric("latency") is double
    assert policy.metric("other") is None
    assert policy.stages[0].share == 0.01
