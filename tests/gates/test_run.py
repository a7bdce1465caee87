"""A run is as bad as its worst part, and no evidence is worse than bad news."""

import pytest

from headgate.gates.policy import Action, Override, Policy
from headgate.gates.run import decide_run
from headgate.model import BenchmarkId, Comparison, State

P, R, I, F = State.PASS, State.REGRESSED, State.INCONCLUSIVE, State.FAILED  # noqa: E741 - a table's columns


def made(name: str, state: State, *, required: bool = True) -> Comparison:
    return Comparison(BenchmarkId(name), "seconds", state, 0.05, required=required)


def comparisons(*states: State) -> list[Comparison]:
    return [made(f"s.time_{index}", state) for index, state in enumerate(states)]


@pytest.mark.parametrize(
    ("states", "state"),
    # By hand: any failed > any regressed > any inconclusive > pass; nothing measured is failed.
    [
        ((P,), P),
        ((P, P, P), P),
        ((P, I), I),
        ((I,), I),
        ((P, R), R),
        ((I, R), R),
        ((P, I, R), R),
        ((P, F), F),
        ((R, F), F),
        ((I, F), F),
        ((P, I, R, F), F),
        ((F,), F),
        ((F, F), F),
        ((), F),
    ],
)
def test_the_worst_comparison_decides(states, state):
    assert decide_run(comparisons(*states), Policy()).state is state


@pytest.mark.parametrize(
    ("action", "required", "state", "reasons", "warnings"),
    [
        (Action.FAIL, True, F, 1, 0),
        (Action.FAIL, False, P, 0, 1),
        (Action.WARN, True, P, 0, 1),
        (Action.WARN, False, P, 0, 1),
    ],
)
def test_what_was_removed_is_never_passed_in_silence(action, required, state, reasons, warnings):
    policy = Policy(on_removed=action, overrides=(Override(match=("s.old",), required=required),))
    decision = decide_run(comparisons(P), policy, removed=["s.old(1)"])
    assert (decision.state, len(decision.reasons), len(decision.warnings)) == (state, reasons, warnings)
    assert "s.old(1) was removed" in (*decision.reasons, *decision.warnings)[0]


@pytest.mark.parametrize(("action", "state", "told"), [(Action.FAIL, F, 1), (Action.WARN, P, 1), (Action.PASS, P, 0)])
def test_what_was_added_does_what_the_policy_says(action, state, told):
    decision = decide_run(comparisons(P), Policy(on_added=action), added=["s.new"])
    assert decision.state is state
    assert len(decision.reasons) + len(decision.warnings) == told


def test_a_benchmark_to_skip_may_come_and_go():
    policy = Policy(on_added=Action.FAIL, overrides=(Override(match=("s.*",), skip=True),))
    assert decide_run([made("t.time_a", P)], policy, added=["s.new"], removed=["s.old"]).state is P


@pytest.mark.parametrize(
    ("glob", "partial", "state"),
    [
        ("s.time_0", False, P),
        ("s.*", False, P),
        ("s.time_1", False, F),  # it failed
        ("t.*", False, F),  # it is not there
        ("t.*", True, P),  # it was not asked for
        ("s.time_1", True, F),  # it was asked for, and failed
    ],
)
def test_a_required_glob_must_match_something_measured(glob, partial, state):
    compared = [made("s.time_0", P), made("s.time_1", F, required=False)]
    decision = decide_run(compared, Policy(required=(glob,)), partial=partial)
    assert decision.state is state
    assert any(glob in text for text in (*decision.reasons, *decision.warnings)) is (glob in {"t.*", "s.time_1"})


@pytest.mark.parametrize("state", [R, I, F])
def test_what_is_not_required_warns_and_decides_nothing(state):
    decision = decide_run([made("s.time_0", P), made("s.time_1", state, required=False)], Policy())
    assert decision.state is P
    assert not decision.reasons
    assert "s.time_1" in decision.warnings[0]


def test_a_run_in_which_nothing_could_fail_says_so():
    decision = decide_run([made("s.time_0", P, required=False)], Policy())
    assert decision.state is P
    assert "none of them could have failed it" in decision.warnings[0]


def test_nothing_measured_fails_even_if_nothing_is_required():
    assert decide_run([made("s.time_0", F, required=False)], Policy()).state is F


def test_reasons_come_worst_first_and_carry_the_comparison_s_own():
    compared = [made("s.a", I), made("s.b", R), Comparison(BenchmarkId("s.c"), "seconds", F, 0.05, reason="it crashed")]
    reasons = decide_run([*compared, made("s.d", P)], Policy()).reasons
    assert [text.split()[0] for text in reasons] == ["s.c", "s.b", "s.a"]
    assert reasons[0] == "s.c gave no evidence (it crashed)"
