"""`headgate check` on real continuous-integration sessions in which, as good as sure, nothing changed."""

from itertools import chain
from pathlib import Path

import pytest
from check_trials import asv_flags, check_states, halves, sessions, slowed

from headgate.formats import read_run
from headgate.gates.policy import Policy
from headgate.model import State
from headgate.stats.saved import between_reach

DATA = Path(__file__).parents[1] / "data" / "sessions"


@pytest.fixture(scope="module")
def pairs():
    runs = sorted((read_run(path) for path in DATA.glob("*.json.gz")), key=lambda run: run.started_at)
    environments = sorted({run.environment for run in runs})
    return [pair for name in environments for pair in sessions(run for run in runs if run.environment == name)]


def share(pairs, policy, factor=1.0):
    states = [state for old, new in pairs for state in check_states(old, slowed(new, factor), policy)]
    return sum(state is State.REGRESSED for state in states) / len(states)


@pytest.mark.parametrize("confidence", [0.99, 0.9])
def test_no_comparison_is_flagged_where_nothing_changed_and_asvs_rule_flags_many(pairs, confidence):
    assert len(pairs) == 4
    assert share(pairs, Policy(confidence=confidence)) == 0.0
    flags = [flag for old, new in pairs for flag in asv_flags(old, new, 1.0)]
    assert sum(flags) / len(flags) > 0.1
    assert all(any(asv_flags(old, new, 1.1)) for old, new in pairs)


def test_what_is_large_enough_is_seen_even_in_the_noisiest_sessions(pairs):
    assert share(pairs, Policy(), 1.5) > 0.2
    assert share(pairs, Policy(), 3.0) > 0.5
    assert share(pairs, Policy(confidence=0.9), 1.5) > share(pairs, Policy(), 1.5)


def test_processes_of_identical_code_differ_as_the_model_says(pairs):
    found = [pair for run in chain.from_iterable(pairs) for pair in halves(run)]
    assert len(found) > 350
    for level in (0.05, 0.01):
        beyond = sum(abs(ratio) > between_reach(scale, level) for ratio, scale in found)
        assert beyond / len(found) <= 2 * level
