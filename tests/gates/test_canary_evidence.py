"""Evidence adds up in any order, survives JSON, and is refused where it is no evidence."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import InputError
from headgate.gates.canary_evidence import SANDBOX, ArmEvidence, Evidence, counts_of, evidence_from_json
from headgate.gates.canary_policy import Metric
from headgate.stats.capped import LEVELS, CappedMasses
from headgate.stats.means import Sums
from headgate.stats.rates import RateCounts

RATE = Metric("errors", "rate", 0.2)
P90 = Metric("p90", "quantile", 0.1, quantile=0.9, low=0.5, high=50.0)
MEAN = Metric("mean", "mean", 0.1)
CAPPED = Metric("capped", "mean", 0.1, cap=10.0)
RATIO = Metric("ratio", "ratio", 0.1)
# Values whose sums are exact in binary, so that the order of adding cannot show.
VALUES = st.lists(st.integers(1, 400).map(lambda n: n / 8.0), max_size=8)


def arm(values: list[float]) -> ArmEvidence:
    given = {
        "errors": counts_of(RATE, [value > 10.0 for value in values]),
        "p90": counts_of(P90, values),
        "mean": counts_of(MEAN, values),
        "ratio": counts_of(RATIO, [(value, 2.0) for value in values]),
    }
    return ArmEvidence(len(values), given if values else {})


BATCHES = st.builds(
    lambda ppm, canary, stable, most: Evidence(
        {ppm: {"canary": arm(canary), "stable": arm(stable)}}, maxima={"errors": most}
    ),
    st.sampled_from([10_000, 50_000]),
    VALUES,
    VALUES,
    st.integers(0, 5).map(float),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(BATCHES, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_batches_add_up_to_the_same_in_any_order_and_grouping(batches: list[Evidence], random: Any) -> None:
    def total(some: list[Evidence]) -> Evidence:
        result = Evidence()
        for one in some:
            result = result.add(one)
        return result

    shuffled = list(batches)
    random.shuffle(shuffled)
    assert total(shuffled) == total(batches)
    half = len(batches) // 2
    assert total(batches[:half]).add(total(batches[half:])) == total(batches)


@settings(max_examples=40, deadline=None)
@given(BATCHES)
def test_evidence_survives_json(batch: Evidence) -> None:
    text = json.dumps(batch.to_json(), allow_nan=False)
    assert evidence_from_json(json.loads(text), "batch") == batch


def test_capped_masses_survive_json_too() -> None:
    one = Evidence({10: {"canary": ArmEvidence(2, {"capped": counts_of(CAPPED, [1.0, 25.0])})}})
    assert evidence_from_json(json.loads(json.dumps(one.to_json())), "batch") == one


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {"origin": "live"},
        {"stages": {}, "origin": "elsewhere"},
        {"stages": {}, "extra": 1},
        {"stages": {"one": {}}},
        {"stages": {"10": {"third": {"units": 1, "metrics": {}}}}},
        {"stages": {"10": {"canary": {"units": 1.5, "metrics": {}}}}},
        {"stages": {"10": {"canary": {"units": True, "metrics": {}}}}},
        {"stages": {"10": {"canary": {"units": 1}}}},
        {"stages": {"10": {"canary": {"units": 1, "metrics": {"m": {"kind": "guess", "units": 1}}}}}},
        {"stages": {"10": {"canary": {"units": 1, "metrics": {"m": {"kind": "rate", "units": 1}}}}}},
        {"stages": {"10": {"canary": {"units": 1, "metrics": {"m": {"kind": "rate", "units": 1, "events": "1"}}}}}},
        {
            "stages": {
                "10": {"canary": {"units": 1, "metrics": {"m": {"kind": "rate", "units": 1, "events": 1, "y": 2}}}}
            }
        },
        {"stages": {}, "maxima": {"m": "high"}},
    ],
)
def test_what_is_no_evidence_is_refused_with_its_source(broken: object) -> None:
    with pytest.raises(InputError, match=r"^batch 7: "):
        evidence_from_json(broken, "batch 7")


def test_live_and_sandbox_evidence_is_never_pooled() -> None:
    with pytest.raises(InputError, match="never pooled"):
        Evidence().add(Evidence(origin=SANDBOX))


def test_a_metric_cannot_change_its_kind_within_a_release() -> None:
    first = ArmEvidence(1, {"m": RateCounts(1, 0)})
    with pytest.raises(InputError, match="two kinds"):
        _ = first + ArmEvidence(1, {"m": Sums(1, 1.0, 1.0, 1.0, 1.0, 1.0)})


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        (RATE, [0, 2]),
        (RATE, [math.nan]),
        (P90, [1.0, math.nan]),
        (MEAN, [1.0, math.nan]),
        (MEAN, [math.inf]),
        (MEAN, ["fast"]),
        (CAPPED, [-1.0]),
        (RATIO, [(1.0, -1.0)]),
        (RATIO, [1.0]),
    ],
)
def test_a_value_that_a_metric_cannot_take_is_refused_by_name(metric: Metric, values: list[Any]) -> None:
    with pytest.raises(InputError, match=f"metric '{metric.name}'"):
        counts_of(metric, values)


@pytest.mark.parametrize(
    "counts",
    [
        {"kind": "histogram", "units": 2, "cells": {"1": 1, "2": True}},
        {"kind": "histogram", "units": 2, "cells": {"1": 1, "2": 1.0}},
        {"kind": "histogram", "units": 2, "cells": {"1": 1, "2": 2**53 + 1}},
        {"kind": "histogram", "units": 2, "cells": {"1": 1, "x": 1}},
        {"kind": "capped", "units": 1, "masses": [0.0, True]},
        {"kind": "capped", "units": 1, "masses": [0.0, "1"]},
        {"kind": "capped", "units": 1, "masses": [0.0, None]},
    ],
)
def test_one_wrong_number_among_many_is_refused(counts: dict[str, Any]) -> None:
    stages = {"10": {"canary": {"units": 2, "metrics": {"m": counts}}}}
    with pytest.raises(InputError, match="a batch: not evidence as headgate writes it"):
        evidence_from_json({"stages": stages, "origin": "live"}, "a batch")


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, -1.0, -1e-300])
@pytest.mark.parametrize("place", [0, 64, LEVELS - 1])
def test_one_impossible_mass_among_many_is_a_problem(wrong: float, place: int) -> None:
    masses = [1.0] * LEVELS
    masses[place] = wrong
    assert CappedMasses(LEVELS, tuple(masses)).problem() == "a count or a mass is negative or not finite"
    assert not CappedMasses(LEVELS, (1.0,) * LEVELS).problem()
