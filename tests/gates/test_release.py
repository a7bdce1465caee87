"""The release gate passes only when every part is there, whole, fresh, of the same thing, and passes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.gates.release import (
    CLOCKS_APART,
    DEFAULT_MAX_AGE,
    Part,
    PartState,
    ReleaseState,
    decide_parts,
    same_version,
)

COMMIT = "4f2a9c1d" + "0" * 32
GOOD = Part("benchmarks", PartState.PASS, (), COMMIT, 60.0)
CANARY = Part("canary", PartState.PASS, ("within its margin",), COMMIT[:8], 3_600.0)
DATA = Part("dataset quality", PartState.PASS, (), age=0.0, versioned=False)

ages = st.one_of(st.none(), st.floats(-2 * DEFAULT_MAX_AGE, 2 * DEFAULT_MAX_AGE), st.sampled_from([math.inf, math.nan]))
parts = st.builds(
    Part,
    name=st.sampled_from(["benchmarks", "canary", "dataset quality"]),
    state=st.sampled_from(PartState),
    reasons=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    version=st.sampled_from(["", COMMIT, COMMIT[:8], "v1", "ffffffff"]),
    age=ages,
    versioned=st.booleans(),
)


def test_all_that_is_good_passes_and_is_named() -> None:
    found = decide_parts([GOOD, CANARY, DATA], version=COMMIT)
    assert (found.state, found.reasons) == (
        ReleaseState.PASS,
        ("all parts pass: benchmarks, canary, dataset quality",),
    )


@pytest.mark.parametrize(
    ("state", "decision"),
    [
        (PartState.HARM, ReleaseState.STOP),
        (PartState.INVALID, ReleaseState.INVALID),
        (PartState.INCONCLUSIVE, ReleaseState.INCONCLUSIVE),
        (PartState.MISSING, ReleaseState.INCONCLUSIVE),
    ],
)
def test_one_part_that_does_not_pass_decides(state: PartState, decision: ReleaseState) -> None:
    for place in range(3):
        given_ = [GOOD, CANARY, DATA]
        given_[place] = Part("one", state, ("because",))
        assert decide_parts(given_).state is decision
        assert decide_parts(given_).reasons == ("one: because",)


def test_harm_stops_whatever_else_is_wrong() -> None:
    harm = Part("canary", PartState.HARM, ("errors",), "another", 10 * DEFAULT_MAX_AGE)
    found = decide_parts([Part("benchmarks", PartState.INVALID), harm, Part("data", PartState.MISSING)], version=COMMIT)
    assert (found.state, found.reasons) == (ReleaseState.STOP, ("canary: errors",))


def test_nothing_is_no_evidence() -> None:
    assert decide_parts([]).state is ReleaseState.INCONCLUSIVE
    assert decide_parts([]).reasons == ("no evidence was given",)


@pytest.mark.parametrize(
    ("age", "decision"),
    [
        (None, ReleaseState.PASS),
        (DEFAULT_MAX_AGE, ReleaseState.PASS),
        (DEFAULT_MAX_AGE + 1.0, ReleaseState.INCONCLUSIVE),
        (-CLOCKS_APART, ReleaseState.PASS),
        (-CLOCKS_APART - 1.0, ReleaseState.INVALID),
        (math.inf, ReleaseState.INVALID),
        (math.nan, ReleaseState.INVALID),
    ],
)
def test_evidence_that_is_too_old_or_of_the_future_is_not_good(age: float | None, decision: ReleaseState) -> None:
    assert decide_parts([GOOD, Part("canary", PartState.PASS, (), COMMIT, age)]).state is decision


def test_parts_of_different_versions_are_about_no_one_thing() -> None:
    found = decide_parts([GOOD, Part("canary", PartState.PASS, (), "ffffffff")])
    assert found.state is ReleaseState.INVALID
    assert found.reasons[0].startswith("canary: is of ffffffff, benchmarks is of 4f2a9c1d")
    assert decide_parts([GOOD, CANARY], version="v2").state is ReleaseState.INVALID
    others = [Part("canary", PartState.PASS, (), "4f2a9c1d1"), Part("benchmarks", PartState.PASS, (), "4f2a9c1d2")]
    assert decide_parts(others, version="4f2a9c1d").state is ReleaseState.INVALID  # short enough to be of both


def test_a_part_that_does_not_say_its_version_is_told_of_and_passes_no_named_one() -> None:
    silent = Part("canary", PartState.PASS)
    assert decide_parts([GOOD, silent]).reasons[1] == "canary does not say which version it is of"
    found = decide_parts([GOOD, silent, DATA], version=COMMIT)
    assert (found.state, len(found.reasons)) == (ReleaseState.INCONCLUSIVE, 1)
    assert found.reasons[0].startswith("canary: does not say which version it is of, and 4f2a9c1d")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (COMMIT, COMMIT, True),
        (COMMIT, COMMIT[:7], True),
        (COMMIT.upper(), COMMIT[:12], True),
        (COMMIT, COMMIT[:6], False),
        (COMMIT, "4f2a9c2", False),
        ("v1.2.3", "v1.2.3", True),
        ("v1.2.3-rc1", "v1.2.3", False),
        ("", COMMIT, False),
    ],
)
def test_two_names_of_one_version(one: str, other: str, same: bool) -> None:
    assert same_version(one, other) is same_version(other, one) is same


@given(st.lists(parts, max_size=4), st.sampled_from(["", COMMIT, "v1"]))
def test_it_passes_exactly_when_every_part_is_good(given_: list[Part], version: str) -> None:
    found = decide_parts(given_, version=version)

    def good(part: Part) -> bool:
        fresh = part.age is None or -CLOCKS_APART <= part.age <= DEFAULT_MAX_AGE
        said = not version or bool(part.version) or not part.versioned
        return part.state is PartState.PASS and fresh and said

    names = [one for one in (version, *(part.version for part in given_)) if one]
    one_thing = all(same_version(name, other) for name in names for other in names)
    assert (found.state is ReleaseState.PASS) == (bool(given_) and all(map(good, given_)) and one_thing)
    assert (found.state is ReleaseState.STOP) == any(part.state is PartState.HARM for part in given_)
    assert found.reasons
    assert len(found.parts) == len(given_)


@given(st.lists(parts, min_size=1, max_size=3), st.integers(0, 2), st.sampled_from(PartState))
def test_making_one_part_worse_never_makes_a_release_pass(given_: list[Part], place: int, state: PartState) -> None:
    from dataclasses import replace

    place %= len(given_)
    if state is not PartState.PASS and decide_parts(given_).state is not ReleaseState.PASS:
        worse = [replace(one, state=state) if n == place else one for n, one in enumerate(given_)]
        assert decide_parts(worse).state is not ReleaseState.PASS
