"""The router: golden places, the documented formula written again, and stable whenever anything is amiss."""

import hashlib
import itertools
import json
import zlib
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollout_plans import NOW, plan, running

from headgate.rollout import Router, RouterState
from headgate.rollout.router import ASSIGNMENT, PIN, Route, limit, place, release_key
from headgate.rollout.router_state import Reason, Status, Version, state_from_json

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = json.loads((ROOT / "tests" / "golden" / "rollout" / "places.json").read_text())


def documented_place(plan_name: str, release: str, unit: bytes, person: bytes) -> int:
    """The module's text, written again with nothing of its code."""
    key = hashlib.sha256(plan_name.encode("utf-8") + b"/" + release.encode("utf-8")).digest()
    hashed = hashlib.blake2b(unit, digest_size=8, key=key, person=person).hexdigest()
    return int(hashed, 16)


def test_the_golden_places_follow_from_the_documented_formula() -> None:
    for row in GOLDEN["places"]:
        unit = bytes.fromhex(row["unit_bytes"])
        assert str(documented_place(row["plan"], row["release"], unit, row["purpose"].encode())) == row["place"]
    for row in GOLDEN["limits"]:
        assert str(row["ppm"] * 2**64 // 10**6) == row["limit"]


def test_the_code_gives_the_golden_places() -> None:
    for row in GOLDEN["places"]:
        key = release_key(row["plan"], row["release"])
        assert key.hex() == row["key"]
        assert str(place(row["unit"], key, row["purpose"].encode())) == row["place"]
        assert row["unit"].encode().hex() == row["unit_bytes"]
    assert [str(limit(row["ppm"])) for row in GOLDEN["limits"]] == [row["limit"] for row in GOLDEN["limits"]]


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()), st.integers(0, 4), st.integers(0, 1))
def test_a_route_is_what_the_formula_says(unit: str, stage: int, sandbox: int) -> None:
    one = plan(sandbox=sandbox * 1.5)
    route = Router(one, "r1", running(one, stage)).route(unit, now=NOW)
    h = documented_place("checkout", "r1", unit.encode(), b"assignment")
    if h >= 2**64 - one.sandbox_ppm * 2**64 // 10**6:
        expected = Version.SANDBOX
    elif h < one.stages[stage].ppm * 2**64 // 10**6:
        expected = Version.CANARY
    else:
        expected = Version.STABLE
    assert route.version is expected
    assert (route.release, route.stage, route.segment) == ("r1", stage, None)


def test_text_bytes_and_integers_of_one_writing_are_one_unit() -> None:
    key = release_key("checkout", "r1")
    assert place(42, key) == place("42", key) == place(b"42", key)
    assert place(-7, key) == place("-7", key)
    assert place("é", key) == place("é".encode(), key)
    assert place(42, key, PIN) != place(42, key, ASSIGNMENT)


@pytest.mark.parametrize("unit", ["", b"", None, True, 1.5, object(), [], "\ud800"])
def test_what_is_no_unit_is_stable_and_says_so(unit: object) -> None:
    one = plan(stages=[99])
    route = Router(one, "r1", running(one, 0)).route(unit, {"country": "DE"}, now=NOW)
    assert (route.version, route.reason) == (Version.STABLE, Reason.NO_UNIT)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"time": NOW - 30.1}, Reason.STALE_STATE),
        ({"time": NOW + 30.1}, Reason.STALE_STATE),
        ({"time": NOW - 86_400}, Reason.STALE_STATE),
        ({"time": NOW + 86_400}, Reason.STALE_STATE),
        ({"time": float("nan")}, Reason.STALE_STATE),
        ({"max_age": float("nan")}, Reason.STALE_STATE),
        ({"max_age": -1.0}, Reason.STALE_STATE),
        ({"status": Status.HALTED}, Reason.HALTED),
        ({"status": Status.REGISTERED}, Reason.NOT_STARTED),
        ({"status": Status.REGISTERED, "stage": None}, Reason.NOT_STARTED),
        ({"stage": None}, Reason.NOT_STARTED),
        ({"plan_hash": "0" * 64}, Reason.OTHER_RELEASE),
        ({"stage": 7}, Reason.NO_STATE),
        ({"stage": -1}, Reason.NO_STATE),
    ],
)
def test_any_state_but_a_fresh_one_of_this_plan_sends_all_to_stable(changes: dict, reason: Reason) -> None:
    one = plan(stages=[99], segments=[{"name": "all", "where": {"a": {"exists": False}}, "percent": 100}])
    router = Router(one, "r1", running(one, **{"stage": 0} | changes))
    found = {router.route(unit, {}, now=NOW)[1:] for unit in range(200)}
    assert {(row[0], row[3]) for row in found} == {(Version.STABLE, reason)}


def test_no_state_and_another_releases_state_send_all_to_stable() -> None:
    one = plan(stages=[99])
    assert Router(one, "r1", None).route("u", now=NOW)[1:5:3] == (Version.STABLE, Reason.NO_STATE)
    assert Router(one, "r1", running(one, 0, "r2")).route("u", now=NOW)[1:5:3] == (Version.STABLE, Reason.OTHER_RELEASE)


def test_a_state_is_believed_up_to_its_age_and_no_longer() -> None:
    one = plan(stages=[99])
    router = Router(one, "r1", running(one, 0))
    assert {router.route("u", now=NOW + shift).reason for shift in (-30.0, 0.0, 30.0)} == {Reason.ASSIGNED}
    assert router.route("u", now=float("nan")).version is Version.STABLE


def test_a_halt_reaches_everybody_with_the_next_snapshot() -> None:
    one = plan(stages=[99], segments=[{"name": "p", "where": {"a": 1}, "percent": 100}], sandbox=0.5)
    before = Router(one, "r1", running(one, 0))
    after = before.updated(running(one, 0, status=Status.HALTED))
    assert {before.route(unit, {"a": unit % 2}, now=NOW).version for unit in range(3000)} == set(Version)
    assert {after.route(unit, {"a": unit % 2}, now=NOW).version for unit in range(3000)} == {Version.STABLE}


def test_nobody_leaves_the_canary_as_the_stage_grows_and_the_sandbox_stays_apart() -> None:
    one = plan(stages=[0.01, 1, 5, 25, 50, 80, 100], sandbox=7)
    routers = [Router(one, "r1", running(one, stage)) for stage in range(7)]
    routes = [[router.route(unit, now=NOW).version for unit in range(5000)] for router in routers]
    for earlier, later in itertools.pairwise(routes):
        assert all(b is Version.CANARY for a, b in zip(earlier, later, strict=True) if a is Version.CANARY)
        assert [a is Version.SANDBOX for a in earlier] == [b is Version.SANDBOX for b in later]
    assert set(routes[-1]) == {Version.CANARY, Version.SANDBOX}


SEGMENTS = [
    {"name": "bots", "where": {"agent": {"prefix": "bot"}}, "exclude": True},
    {"name": "lab", "where": {"lab": True}, "sandbox": True},
    {"name": "home", "where": {"country": {"in": ["DE", "AT"]}}, "percent": 30},
    {"name": "voice", "where": {"modality": "voice"}, "follow": True},
]


def test_the_first_segment_that_holds_decides() -> None:
    one = plan(segments=SEGMENTS, stages=[50])
    router = Router(one, "r1", running(one, 0))
    person = {"agent": "x", "lab": False, "country": "FR", "modality": "text"}
    assert router.route(1, person | {"agent": "bot-1", "lab": True}, now=NOW)[1:5] == (
        Version.STABLE, 0, "bots", Reason.EXCLUDED,
    )  # fmt: skip
    assert router.route(1, person | {"lab": True}, now=NOW)[1:5] == (Version.SANDBOX, 0, "lab", Reason.SEGMENT_SANDBOX)
    assert {router.route(u, person | {"country": "AT"}, now=NOW)[3:5] for u in range(99)} == {("home", Reason.PINNED)}
    assert {router.route(u, person | {"modality": "voice"}, now=NOW)[3:5] for u in range(99)} == {
        ("voice", Reason.ASSIGNED)
    }
    assert router.route(1, person, now=NOW)[3:5] == (None, Reason.ASSIGNED)


def test_a_pinned_percentage_is_its_own_at_every_stage() -> None:
    one = plan(segments=SEGMENTS)
    routers = [Router(one, "r1", running(one, stage)) for stage in (0, 4)]
    routes = [[router.route(u, {"country": "DE"}, now=NOW).version for u in range(20_000)] for router in routers]
    assert routes[0] == routes[1]
    assert abs(routes[0].count(Version.CANARY) - 6000) < 5 * (20_000 * 0.3 * 0.7) ** 0.5


def test_a_pin_is_independent_of_the_stages_assignment() -> None:
    units, share = 20_000, 0.3
    pin, stage = (
        np.array([place(u, release_key("checkout", "r1"), purpose) < limit(300_000) for u in range(units)])
        for purpose in (PIN, ASSIGNMENT)
    )
    assert abs(np.count_nonzero(pin & stage) - units * share**2) < 5 * (units * share**2) ** 0.5


def test_what_a_rule_could_not_use_comes_with_the_route_once() -> None:
    one = plan(segments=[*SEGMENTS, {"name": "more", "where": {"country": "CH"}, "exclude": True}])
    router = Router(one, "r1", running(one, 0))
    route = router.route("u", {"agent": 3, "lab": False, "modality": "text"}, now=NOW)
    assert route.faults == (("agent", "type"), ("country", "missing"))
    assert router.route("u", None, now=NOW) == router.route("u", "nonsense", now=NOW) == router.route("u", {}, now=NOW)
    assert len(router.route("u", None, now=NOW).faults) == 4


def test_a_completed_release_keeps_its_last_stage() -> None:
    one = plan(stages=[1, 50])
    running_, done = (
        Router(one, "r1", running(one, 1, status=status)) for status in (Status.RUNNING, Status.COMPLETED)
    )
    assert [running_.route(u, now=NOW) for u in range(500)] == [done.route(u, now=NOW) for u in range(500)]


def test_a_snapshot_survives_its_json_and_anything_else_is_no_state() -> None:
    state = running(plan(), 2)
    written = json.loads(json.dumps(state.to_json()))
    jsonschema.validate(
        written, json.loads((ROOT / "docs" / "schemas" / "rollout-router-state-1.schema.json").read_text())
    )
    assert state_from_json(written) == state
    assert isinstance(state, RouterState)
    damages = [
        {"schema": "headgate.router-state/2"},
        {"status": "fine"},
        {"stage": "1"},
        {"stage": True},
        {"time": None},
    ]
    damages += [{"time": float("nan")}, {"max_age": "30"}, {"release": None}, {"plan_hash": 1}]
    assert [state_from_json(written | damage) for damage in damages] == [None] * len(damages)
    assert [state_from_json(other) for other in (None, [], "x", 3, {})] == [None] * 5


def shapes(count: int) -> dict[str, list[str]]:
    generator = np.random.default_rng(20_260_101)
    random = generator.bytes(16 * count).hex()
    return {
        "sequential integers": [str(number) for number in range(count)],
        "uuids": [random[32 * i : 32 * i + 32] for i in range(count)],
        "emails": [f"user{number}@example.org" for number in range(count)],
        "a long common prefix": [f"tenant-0000000000000000/region-1/user-{number:012d}" for number in range(count)],
    }


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["sequential integers", "uuids", "emails", "a long common prefix"])
def test_places_are_uniform_whatever_the_ids_look_like(shape: str) -> None:
    from scipy.stats import chisquare

    copy = hashlib.blake2b(digest_size=8, key=release_key("checkout", "r1"), person=ASSIGNMENT).copy
    digests = bytearray()
    units = shapes(1_000_000)[shape]
    for unit in units:
        hasher = copy()
        hasher.update(unit.encode())
        digests += hasher.digest()
    places = np.frombuffer(bytes(digests), dtype=">u8")
    assert places[17] == place(units[17], release_key("checkout", "r1"))
    # A true null, four shapes and three looks at fixed ids: p below 1e-6 would be a find, not bad luck.
    for bits in (places >> np.uint64(54), (places >> np.uint64(32)) & np.uint64(1023), places & np.uint64(1023)):
        assert chisquare(np.bincount(bits.astype(np.int64), minlength=1024)).pvalue > 1e-6
    assert abs(np.count_nonzero(places < np.uint64(limit(10_000))) - 10_000) < 5 * 10_000**0.5


def crc_place(release: str, unit: str) -> int:
    return zlib.crc32(unit.encode(), zlib.crc32(release.encode())) << 32


@pytest.mark.slow
def test_the_canaries_of_two_releases_are_independent_where_crc32s_are_not() -> None:
    units, ppm = [f"user-{number:06d}" for number in range(200_000)], 100_000
    due = len(units) * 0.1**2

    def overlap(first: list[bool], second: list[bool]) -> int:
        return sum(a and b for a, b in zip(first, second, strict=True))

    ours = [[place(u, release_key("checkout", r)) < limit(ppm) for u in units] for r in ("r1", "r2")]
    assert abs(overlap(*ours) - due) < 5 * due**0.5
    # CRC-32 is linear: with salts of one length the second release's places are the first's, shifted by a constant.
    crc = [[crc_place(r, u) < limit(ppm) for u in units] for r in ("r1", "r3")]
    assert overlap(*crc) == 0


def test_a_route_is_a_plain_immutable_row() -> None:
    one = plan()
    route = Router(one, "r1", running(one, 0)).route("u", now=NOW)
    assert isinstance(route, Route)
    with pytest.raises(AttributeError):
        route.version = Version.CANARY  # type: ignore[misc]
