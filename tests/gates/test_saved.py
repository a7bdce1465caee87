"""The gate over saved results: what each kind of evidence may and may not say."""

import math
import random
from dataclasses import replace

import pytest

from headgate.gates.policy import Override, Policy
from headgate.gates.resolution import BenchmarkNoise
from headgate.gates.run import decide_run
from headgate.gates.saved import SESSION_SECONDS, SavedCase, decide_saved, modelled, one_session, resolution_note
from headgate.model import BenchmarkId, Change, Direction, State
from headgate.stats.saved import summarize

POLICY = Policy()
QUIET = BenchmarkNoise("suite.time_x", "time", within=0.05, between=0.002, bias=0.0, state="pass", log_ratios=())


def processes(centre: float, count: int = 10, spread: float = 0.01):
    """A side of ``count`` processes, evenly spread about ``centre``."""
    steps = [(2 * index / (count - 1) - 1) * spread for index in range(count)]
    return summarize(0.0, (), [(centre * math.exp(step),) * 3 for step in steps])


def pooled(centre: float, scatter: float = 0.005):
    """A side of ten samples that nobody assigned to processes."""
    return summarize(centre, [centre * (1.0 + scatter * step) for step in (-2, -1, -1, 0, 0, 0, 0, 1, 1, 2)])


def case(baseline, candidate, name: str = "suite.time_x", **fields) -> SavedCase:
    return SavedCase(BenchmarkId(name), baseline=baseline, candidate=candidate, **({"one_session": True} | fields))


TABLE = {
    # ten processes a side, 1 % spread: the shift is known to about 1 %
    "processes, alike": (case(processes(1.0), processes(1.0)), State.PASS, Change.SAME),
    "processes, 3 % slower": (case(processes(1.0), processes(1.03)), State.PASS, Change.SLOWER),
    "processes, at the margin": (case(processes(1.0), processes(1.05)), State.INCONCLUSIVE, Change.SLOWER),
    "processes, 10 % slower": (case(processes(1.0), processes(1.10)), State.REGRESSED, Change.SLOWER),
    "processes, 10 % faster": (case(processes(1.0), processes(0.90)), State.PASS, Change.FASTER),
    # four a side: 1/70 is no 1 %, so they only narrow the model: 1.7 % / 2 x 4.54 = 3.9 %
    "four processes, alike": (case(processes(1.0, 4), processes(1.0, 4)), State.PASS, Change.SAME),
    "four processes, 7 % slower": (case(processes(1.0, 4), processes(1.07, 4)), State.INCONCLUSIVE, Change.SLOWER),
    # one a side: 1.7 % x 4.54 = 7.7 %, and 5 % of margin
    "pooled, alike": (case(pooled(1.0), pooled(1.0)), State.INCONCLUSIVE, Change.UNKNOWN),
    "pooled, 10 % slower": (case(pooled(1.0), pooled(1.10)), State.INCONCLUSIVE, Change.SLOWER),
    "pooled, 15 % slower": (case(pooled(1.0), pooled(1.15)), State.REGRESSED, Change.SLOWER),
    "pooled, 10 % faster": (case(pooled(1.0), pooled(0.90)), State.PASS, Change.FASTER),
    # a noisy run widens it: 4 % x 1.48 = 5.9 % of scatter, 27 %
    "pooled, noisy, 15 % slower": (case(pooled(1.0, 0.04), pooled(1.15, 0.04)), State.INCONCLUSIVE, Change.UNKNOWN),
    # a calibration of this machine may narrow it: 0.2 % x 4.54 = 0.9 %
    "calibrated, alike": (case(pooled(1.0), pooled(1.0), noise=QUIET), State.PASS, Change.SAME),
    "calibrated, 8 % slower": (case(pooled(1.0), pooled(1.08), noise=QUIET), State.REGRESSED, Change.SLOWER),
    # summaries without any scatter: 9 % x sqrt 2 of error
    "bare numbers, 15 % slower": (case(summarize(1.0), summarize(1.15)), State.INCONCLUSIVE, Change.UNKNOWN),
    "bare numbers, twice as slow": (case(summarize(1.0), summarize(2.0)), State.REGRESSED, Change.SLOWER),
    # two sessions: 0.46 of log ratio at half of 1 %, besides the rest
    "two sessions, 10 % slower": (
        case(processes(1.0), processes(1.10), one_session=False),
        State.INCONCLUSIVE,
        Change.UNKNOWN,
    ),
    "two sessions, alike": (
        case(processes(1.0), processes(1.0), one_session=False),
        State.INCONCLUSIVE,
        Change.UNKNOWN,
    ),
    "two sessions, three times as slow": (
        case(processes(1.0), processes(3.0), one_session=False),
        State.REGRESSED,
        Change.SLOWER,
    ),
    # numbers without a ratio
    "nothing on both sides": (case(summarize(0.0), summarize(0.0), kind="track"), State.PASS, Change.SAME),
    "nothing, then something": (case(summarize(0.0), summarize(1.0)), State.FAILED, Change.UNKNOWN),
    "below nothing": (case(summarize(-1.0), summarize(-1.0)), State.FAILED, Change.UNKNOWN),
    "infinite": (case(summarize(1.0), summarize(math.inf)), State.FAILED, Change.UNKNOWN),
    "a side is missing": (case(summarize(1.0), None), State.FAILED, Change.UNKNOWN),
    "its reason is told": (case(pooled(1.0), pooled(1.0), failure="the units differ"), State.FAILED, Change.UNKNOWN),
}


@pytest.mark.parametrize("name", TABLE)
def test_each_kind_of_evidence_says_what_it_can(name):
    given, state, change = TABLE[name]
    (comparison,) = decide_saved([given], POLICY)
    assert (comparison.state, comparison.change) == (state, change)
    assert comparison.margin == POLICY.margin
    if state is State.FAILED:
        assert comparison.reason
        assert comparison.ratio is None
    else:
        assert comparison.lower <= comparison.ratio <= comparison.upper


def test_regressed_is_held_over_the_family_and_pass_for_each():
    slower = case(pooled(1.0), pooled(1.15))
    (alone,) = decide_saved([slower], POLICY)
    others = [case(pooled(1.0), pooled(0.90), f"suite.time_{index}") for index in range(20)]
    among, *rest = decide_saved([slower, *others], POLICY)
    assert (alone.state, among.state) == (State.REGRESSED, State.INCONCLUSIVE)
    assert {comparison.state for comparison in rest} == {State.PASS}


def test_a_clear_regression_lets_the_next_one_be_seen():
    cases = [case(pooled(1.0), pooled(ratio), f"suite.time_{ratio}") for ratio in (3.0, 1.16)]
    assert decide_saved(cases[1:], POLICY)[0].state is State.REGRESSED
    assert [one.state for one in decide_saved(cases, POLICY)] == [State.REGRESSED, State.REGRESSED]


def test_the_policy_sets_margin_direction_and_what_is_required():
    overrides = (
        Override(match=("*score",), direction=Direction.HIGHER, margin=0.2),
        Override(match=("*other",), required=False),
    )
    policy = replace(POLICY, overrides=overrides)
    score, other = decide_saved(
        [
            case(pooled(50.0), pooled(25.0), "suite.track_score", kind="track"),
            case(pooled(1.0), pooled(9.0), "suite.other"),
        ],
        policy,
    )
    assert (score.state, score.margin) == (State.REGRESSED, 0.2)
    assert score.ratio == pytest.approx(2.0)
    assert (score.baseline_median, score.candidate_median) == (50.0, 25.0)
    assert not other.required
    assert decide_run([other], policy).state is State.PASS


def test_a_number_whose_direction_is_not_declared_says_what_was_assumed():
    (comparison,) = decide_saved([case(pooled(1.0), pooled(1.0), kind="track")], POLICY)
    assert any("lower is taken as better" in text for text in comparison.warnings)


@pytest.mark.parametrize("failed", [{"baseline": None}, {"failure": "the benchmark itself changed"}])
def test_no_evidence_is_never_a_green_run(failed):
    comparisons = decide_saved([replace(case(pooled(1.0), pooled(0.5)), **failed)], POLICY)
    assert decide_run(comparisons, POLICY).state is State.FAILED


def test_a_change_between_the_margin_and_nothing_says_how_many_processes_would_do():
    (comparison,) = decide_saved([case(processes(1.0, spread=0.15), processes(1.0, spread=0.15))], POLICY)
    assert comparison.state is State.INCONCLUSIVE
    assert comparison.reason.startswith("with 10 processes a side the interval contains the margin; about ")


def test_what_the_files_cannot_tell_is_said_once_for_the_run():
    cases = [case(pooled(1.0), pooled(1.0), f"suite.time_{index}") for index in range(3)]
    comparisons = decide_saved(cases, POLICY)
    assert {comparison.reason for comparison in comparisons} == {""}
    assert resolution_note(comparisons).startswith("3 of 3 are undecided")
    assert resolution_note(decide_saved([case(processes(1.0), processes(1.0))], POLICY)) == ""
    assert modelled(cases, POLICY) == 3
    assert modelled([case(processes(1.0), processes(1.0)), case(pooled(1.0), pooled(1.0), noise=QUIET)], POLICY) == 0


@pytest.mark.parametrize(
    ("baseline", "candidate", "expected"),
    [
        (0.0, SESSION_SECONDS, True),
        (SESSION_SECONDS + 1.0, 0.0, False),
        (None, 0.0, False),
        (None, None, False),
    ],
)
def test_results_two_hours_apart_or_of_unknown_time_are_not_one_session(baseline, candidate, expected):
    assert one_session(baseline, candidate) is expected


@pytest.mark.slow
@pytest.mark.parametrize(("count", "spread"), [(10, 0.03), (1, 0.017)])
def test_where_everything_sits_on_the_margin_a_red_run_is_as_rare_as_promised(count, spread):
    """Twelve benchmarks exactly at the margin, over processes and over the model (whose own law the noise follows)."""
    generator = random.Random(20_261_123)
    policy, runs, red = replace(POLICY, confidence=0.95), 600, 0

    def noise() -> float:
        if count > 1:
            return generator.gauss(0.0, spread)
        # Half of a Student-t with three degrees of freedom each side is no t; one side carries all of it.
        return spread * generator.gauss(0.0, 1.0) / math.sqrt(generator.gammavariate(1.5, 2.0) / 3.0)

    for _ in range(runs):
        cases = []
        for index in range(12):
            sides = [
                summarize(0.0, (), [(centre * math.exp(noise() if moves else 0.0),) * 3 for _ in range(count)])
                for centre, moves in ((1.0, count > 1), (1.05, True))
            ]
            cases.append(case(*sides, f"suite.time_{index}"))
        red += any(one.state is State.REGRESSED for one in decide_saved(cases, policy))
    assert red <= 0.05 * runs + 3 * math.sqrt(0.05 * runs)
    assert red > 0


@pytest.mark.parametrize(
    "make", [summarize, lambda value: summarize(value, [value] * 10), lambda value: processes(value, spread=0.0)]
)
@pytest.mark.parametrize(("small", "large"), [(1e-312, 1e-3), (1e-320, 1e300)])
def test_values_too_far_apart_for_a_ratio_are_decided_all_the_same(make, small, large):
    (worse,) = decide_saved([case(make(small), make(large))], POLICY)
    (better,) = decide_saved([case(make(large), make(small))], POLICY)
    assert (worse.state, worse.change) == (State.REGRESSED, Change.SLOWER)
    assert (better.state, better.change) == (State.PASS, Change.FASTER)
    assert 1e299 < worse.lower <= worse.ratio < 1e300
    assert 1e-300 < better.ratio <= better.upper < 1e-299
    # What lies beyond cannot be told, so there it is no bound.
    assert worse.upper is better.lower is None
