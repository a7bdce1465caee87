"""The fold: a release's state from its events alone, the same bits whatever the order the evidence came in."""

import json
import math
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rollout_plans import NOW, batch, plan

from headgate.errors import UsageError
from headgate.gates.canary_evidence import Evidence
from headgate.rollout import events
from headgate.rollout.events import GENESIS, Draft, Event, chain_hash
from headgate.rollout.fold import ReleaseState, fold
from headgate.rollout.fold_batches import MOST_WAITING
from headgate.rollout.fold_columns import Irregular, add_columns
from headgate.rollout.fold_sums import Mismatch, add, copied, read
from headgate.rollout.router_state import Status
from headgate.store.seal import canonical, sha256

WHO = {"actor": "ann", "time": NOW}


def chained(*drafts: Draft, release: str = "r1") -> list[Event]:
    found: list[Event] = []
    for seq, draft in enumerate(drafts, 1):
        before = found[-1].hash if found else GENESIS
        row = (release, seq, before, float(draft.time), draft.actor, str(draft.kind))
        own = chain_hash(row, canonical(draft.payload))
        found.append(Event(*row[:3], own, *row[3:], json.loads(canonical(draft.payload))))
    return found


def begun(*more: Draft) -> ReleaseState:
    return fold(chained(events.registered(plan(), **WHO), events.started(**WHO), *more), "r1")


def given_batch(seed: int, window: str | None = None, **changes: object) -> Draft:
    return events.evidence("a", window or f"w{seed}", batch(seed, **changes), **WHO)  # type: ignore[arg-type]


def test_an_events_hash_is_that_of_the_documented_list() -> None:
    (event,) = chained(events.registered(plan(), actor='Ann "é" 名', time=1.5))
    listed = ["headgate.event/1", "r1", 1, "0" * 64, 1.5, event.actor, "registered", event.payload]
    assert event.hash == sha256(canonical(listed))


def test_a_release_goes_through_its_stages_and_completes() -> None:
    one = begun(*(events.advanced(stage, actor="c", time=NOW + stage) for stage in range(4)), events.completed(**WHO))
    assert (one.status, one.stage, one.invalid) == (Status.COMPLETED, 4, [])
    assert one.stage_times == [NOW, NOW, NOW + 1, NOW + 2, NOW + 3]
    assert one.plan_hash == plan().hash


def test_a_halt_is_latched_whatever_follows() -> None:
    one = begun(
        events.halted("errors", **WHO),
        events.advanced(0, **WHO),
        events.override("advance", "I know better", NOW + 60, **WHO),
        events.halted("again", **WHO),
        events.completed(**WHO),
        events.started(**WHO),
    )
    assert (one.status, one.stage) == (Status.HALTED, 0)
    assert one.halt is not None
    assert one.halt.reason == "errors"


def test_an_override_has_an_end_and_leaves_the_evidence_alone() -> None:
    one = begun(given_batch(1), events.override("advance", "a hotfix", NOW + 60, **WHO))
    assert one.evidence == begun(given_batch(1)).evidence
    found = one.override_at(NOW + 59)
    assert found is not None
    assert (found.action, found.actor, found.reason) == ("advance", "ann", "a hotfix")
    assert one.override_at(NOW + 60) is None


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 12), max_size=30), st.randoms(use_true_random=False))
def test_duplicate_late_and_reordered_batches_give_the_same_bits(seeds: list[int], shuffle: random.Random) -> None:
    drafts = [given_batch(seed) for seed in seeds]
    other = drafts + shuffle.choices(drafts, k=len(drafts)) if drafts else []
    shuffle.shuffle(other)
    once = begun(*(given_batch(seed) for seed in sorted(set(seeds))))
    again = begun(*other)
    assert canonical(again.evidence.to_json()) == canonical(once.evidence.to_json())
    assert (again.batches, again.invalid) == (len(set(seeds)), [])
    assert again.duplicates == len(other) - again.batches


def test_the_folded_evidence_is_the_gates_own_sum() -> None:
    total = Evidence()
    for seed in range(5):
        total = total.add(batch(seed))
    folded = begun(*(given_batch(seed) for seed in range(5))).evidence
    assert folded.stages.keys() == total.stages.keys()
    for arm in ("canary", "stable"):
        ours, theirs = folded.arm(10_000, arm), total.arm(10_000, arm)
        assert ours.units == theirs.units == 100
        assert ours.metrics["errors"] == theirs.metrics["errors"]
        assert math.isclose(ours.metrics["seconds"].y, theirs.metrics["seconds"].y)  # type: ignore[union-attr]


@pytest.mark.parametrize("first", [1, 2])
def test_one_window_with_two_contents_makes_the_release_invalid(first: int) -> None:
    one = begun(given_batch(first, "w"), given_batch(3 - first, "w"))
    assert len(one.invalid) == 1
    assert "gave two different batches for 'w'" in one.invalid[0]


def test_the_sandboxs_evidence_is_never_pooled_with_what_is_live() -> None:
    one = begun(given_batch(1), given_batch(2, origin="sandbox"))
    assert one.evidence == begun(given_batch(1)).evidence
    assert one.sandbox_evidence.origin == "sandbox"
    assert one.sandbox_evidence.arm(10_000, "canary").units == 20


def test_what_cannot_be_makes_the_state_invalid_and_never_raises() -> None:
    registered, started = events.registered(plan(), **WHO), events.started(**WHO)
    assert fold(chained(started), "r1").invalid
    assert fold(chained(registered, registered), "r1").invalid
    assert fold(chained(registered, events.advanced(0, **WHO)), "r1").invalid
    assert fold(chained(registered, started, events.advanced(2, **WHO)), "r1").invalid
    assert fold(chained(registered, started, events.completed(**WHO)), "r1").invalid
    assert fold(chained(registered, release="r2"), "r1").invalid
    assert fold([chained(registered)[0]._replace(kind="resumed")], "r1").invalid
    assert fold([*chained(registered), chained(registered, started)[1]._replace(kind="evidence")], "r1").invalid


def test_continuing_a_fold_is_folding_it_all_and_leaves_the_start_alone() -> None:
    rows = chained(
        events.registered(plan(), **WHO),
        events.started(**WHO),
        *(given_batch(seed) for seed in range(9)),
        given_batch(3),
    )
    whole = fold(rows, "r1")
    start = fold(rows[:6], "r1")
    kept = canonical(start.evidence.to_json()), start.seq, start.batches
    once, twice = fold(rows[6:], start), fold(rows[6:], start)
    assert (
        canonical(once.evidence.to_json()) == canonical(twice.evidence.to_json()) == canonical(whole.evidence.to_json())
    )
    assert (once.seq, once.head, once.batches, once.duplicates) == (
        whole.seq,
        whole.head,
        whole.batches,
        whole.duplicates,
    )
    assert (canonical(start.evidence.to_json()), start.seq, start.batches) == kept


def test_a_clock_that_goes_back_a_day_breaks_nothing() -> None:
    one = begun(events.advanced(0, actor="c", time=NOW - 86_400), events.advanced(1, actor="c", time=NOW + 86_400))
    assert (one.stage, one.invalid) == (2, [])
    assert one.dwelt(NOW) == 0.0
    assert one.dwelt(NOW + 86_460) == 60.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused_before_it_is_recorded(value: float) -> None:
    from dataclasses import replace

    one = batch()
    arm = one.arm(10_000, "canary")
    broken = replace(arm, metrics={**arm.metrics, "seconds": replace(arm.metrics["seconds"], y=value)})
    with pytest.raises(UsageError, match="not finite"):
        events.evidence("a", "w", Evidence({10_000: {"canary": broken}}), **WHO)
    with pytest.raises(UsageError, match="time"):
        events.started(actor="c", time=value)
    with pytest.raises(UsageError, match="not finite JSON"):
        events.halted("errors", **WHO, e_value=value)


@pytest.mark.parametrize("text", ["", " ", "x" * 3000, "a\x00b", "bell \x07"])
def test_empty_endless_and_unprintable_words_are_refused(text: str) -> None:
    makers = [
        lambda: events.halted(text, **WHO),
        lambda: events.started(actor=text, time=NOW),
        lambda: events.evidence(text, "w", batch(), **WHO),
        lambda: events.evidence("s", text, batch(), **WHO),
        lambda: events.override("hold", text, NOW + 1, **WHO),
        lambda: events.check_release(text),
    ]
    for make in makers:
        with pytest.raises(UsageError):
            make()


def test_no_evidence_and_maxima_are_no_batch() -> None:
    for nothing in (Evidence(), Evidence({10_000: {}}), Evidence(batch().stages, maxima={"errors": 1.0})):
        with pytest.raises(UsageError):
            events.evidence("a", "w", nothing, **WHO)


def test_an_override_that_is_no_action_or_has_no_time_is_refused() -> None:
    with pytest.raises(UsageError, match="expected advance or hold"):
        events.override("resume", "please", NOW + 1, **WHO)
    with pytest.raises(UsageError, match="after it begins"):
        events.override("hold", "please", NOW, **WHO)


floats = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(st.lists(floats | st.integers(-(10**20), 10**20), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_sums_are_exact_and_do_not_depend_on_the_order(terms: list[float], shuffle: random.Random) -> None:
    total = None
    for term in terms:
        total = add(total, {"x": [term]})
    shuffled = list(terms)
    shuffle.shuffle(shuffled)
    other = None
    for term in shuffled:
        other = add(other, {"x": [term]})
    exact = sum(map(Fraction, terms), Fraction(0))
    (ours,) = read(total)["x"]
    assert repr(ours) == repr(read(other)["x"][0])
    if all(isinstance(term, int) for term in terms):
        assert ours == exact
    elif abs(exact) < Fraction(2) ** 1023:
        assert ours == float(exact)


def test_a_long_sum_stays_exact_after_its_terms_were_made_fewer() -> None:
    generator = random.Random(7)
    terms = [generator.uniform(-1, 1) * 10.0 ** generator.randint(-300, 300) for _ in range(5000)]
    total = None
    for term in terms:
        total = add(total, term)
    assert len(total.terms) < 1024
    assert read(total) == float(sum(map(Fraction, terms)))


def test_what_no_float_can_hold_is_no_number_for_the_gate() -> None:
    total = None
    for _ in range(1200):
        total = add(total, 1.7e308)
    assert read(total) == math.inf


@pytest.mark.parametrize(
    ("first", "second"), [({"a": 1}, [1]), ([1], [1, 2]), ({"k": "rate"}, {"k": "sums"}), (1, True), ("a", 1), ([1], 1)]
)
def test_what_has_another_shape_does_not_add_up(first: object, second: object) -> None:
    with pytest.raises(Mismatch):
        add(copied(add(None, first)), second)


cells = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9), max_size=3)
leaves = st.integers(-9, 9) | st.floats(-9, 9) | st.booleans() | st.sampled_from(["rate", "sums"]) | st.none()
shapes = st.fixed_dictionaries(
    {"n": st.integers(-9, 9), "cells": cells, "kind": st.just("sums"), "y": st.floats(-9, 9) | st.integers(0, 3)},
    optional={"masses": st.lists(st.floats(0, 9) | st.integers(0, 3), min_size=2, max_size=2), "odd": leaves},
)


@settings(deadline=None, max_examples=200)
@given(st.lists(shapes, min_size=1, max_size=8), st.lists(shapes, max_size=2))
def test_columns_add_up_to_what_one_by_one_does_or_leave_all_as_it_was(
    terms: list[dict[str, object]], before: list[dict[str, object]]
) -> None:
    total = None
    try:
        for one in before:
            total = add(total, one)
    except Mismatch:
        return
    kept, slow = copied(total), copied(total)
    given_terms = json.dumps(terms)
    try:
        fast = add_columns(total, terms)
    except Irregular:
        assert read(total) == read(kept)
    else:
        for one in terms:
            slow = add(slow, one)
        assert repr(read(fast)) == repr(read(slow)) or read(fast) == read(slow)
    assert json.dumps(terms) == given_terms


@pytest.mark.parametrize("place", [0, 3, MOST_WAITING - 1, MOST_WAITING, MOST_WAITING + 5])
def test_a_batch_that_does_not_add_up_is_told_of_in_its_place_among_many(place: int) -> None:
    drafts = [given_batch(seed) for seed in range(2 * MOST_WAITING)]
    arm = drafts[place].payload["data"]["stages"]["10000"]["canary"]
    arm["metrics"]["seconds"] = "none"
    drafts.insert(place + 2, events.evidence("a", f"w{place + 1}", batch(999), **WHO))
    found = begun(*drafts).invalid
    told = [("does not add up" in reason, "two different batches" in reason) for reason in found]
    # Of the first batch all others are in contradiction to it: what comes first is what is taken for right.
    assert told[0] == (True, False)
    assert sum(two for _, two in told) == 1
    assert [int(reason.split()[1].rstrip(":")) for reason in found] == sorted(
        int(reason.split()[1].rstrip(":")) for reason in found
    )
    assert (
        found
        == fold(
            chained(events.registered(plan(), **WHO), events.started(**WHO), *drafts)[-1:], _without_last(drafts)
        ).invalid
    )


def _without_last(drafts: list[Draft]) -> ReleaseState:
    return begun(*drafts[:-1])
