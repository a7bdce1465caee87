"""Scheduling, with a fake process layer and a fake clock: nothing here waits or depends on speed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headgate.errors import MeasurementError, UsageError
from headgate.measure.comparison import refuse_hopeless_budget
from headgate.measure.journal import Journal
from headgate.measure.measurement import Observer
from headgate.measure.pairs import Plan, RoundSettings
from headgate.measure.rounds import measure_rounds
from headgate.measure.session import Launch, SideRuntime, WorkerError, draw_cpus, environment_bytes, process_environment
from headgate.model import BenchmarkId, BenchmarkSpec, Round, Side, SideInfo

START = 0.2


@dataclass
class FakeClock:
    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds


@dataclass
class Machine:
    """Fake workers: each call of benchmark ``name`` takes ``costs[name]`` fake seconds on either side."""

    costs: dict[str, float]
    clock: FakeClock = field(default_factory=FakeClock)
    trouble: dict[tuple[str, str], Any] = field(default_factory=dict)
    asked: list[tuple[Side, str, str | None]] = field(default_factory=list)
    launches: list[tuple[Side, Launch]] = field(default_factory=list)
    forced: int = 0

    def __call__(self, runtime: SideRuntime, launch: Launch, directory: Path) -> FakeWorker:  # noqa: ARG002 - a launcher's signature
        self.launches.append((runtime.side, launch))
        self.clock.seconds += START / 2
        return FakeWorker(self, runtime.side)


@dataclass
class FakeWorker:
    machine: Machine
    side: Side
    current: str | None = None
    queue: list[tuple[str, dict[str, Any]]] = field(default_factory=lambda: [("start", {})])

    def post(self, command: str, **arguments: Any) -> None:
        self.queue.append((command, arguments))

    def take(self, timeout: float) -> dict[str, Any]:  # noqa: ARG002 - a worker's signature
        command, arguments = self.queue.pop(0)
        if command == "load":
            self.current = arguments["name"]
        self.machine.asked.append((self.side, command, self.current))
        trouble = self.machine.trouble.get((command, self.current or ""))
        if trouble is not None:
            trouble = trouble(self.side)
        if isinstance(trouble, BaseException):
            raise trouble
        if isinstance(trouble, dict):
            return trouble
        return self.reply(command, arguments)

    def reply(self, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
        cost = self.machine.costs.get(self.current or "", 0.0)
        if command == "calibrate":
            number = max(1, round(arguments["target"] / cost))
            return {"number": number, "wall": number * cost}
        if command in {"sample", "warm"}:
            self.machine.clock.seconds += cost * arguments["number"]
            return {"value": cost, "timed": cost * arguments["number"], "wall": cost * arguments["number"]}
        if command == "measure":
            self.machine.clock.seconds += cost
            return {"value": 8.0, "timed": cost}
        return {}

    def close(self, *, force: bool = False) -> None:
        self.machine.forced += force


def spec(name: str, kind: str = "time", **options: Any) -> BenchmarkSpec:
    return BenchmarkSpec(BenchmarkId(name), kind, "seconds", **options)


def runtime(side: Side) -> SideRuntime:
    return SideRuntime(side, Path("python"), {"A": "1" if side is Side.BASELINE else "longer"}, Path(), SideInfo(side))


def measure(machine: Machine, specs: list[BenchmarkSpec], **options: Any) -> Any:
    arguments: dict[str, Any] = {
        "budget_seconds": 10.0,
        "undecided": list,
        "rng": random.Random(7),
        "max_rounds": 6,
        "clock": machine.clock,
        "launcher": machine,
    }
    return measure_rounds(specs, runtime(Side.BASELINE), runtime(Side.CANDIDATE), **{**arguments, **options})


def test_each_round_gives_every_undecided_benchmark_one_record_with_pairs_of_both_sides():
    machine = Machine({"a": 1e-4, "b": 1e-5})
    result = measure(machine, [spec("a"), spec("b")], max_rounds=4)
    for name in ("a", "b"):
        rounds = result.rounds[BenchmarkId(name)]
        assert [r.index for r in rounds] == [1, 2, 3, 4]
        assert all(len(r.baseline) == len(r.candidate) == len(r.orders) >= 2 for r in rounds)
    assert result.rounds[BenchmarkId("a")][0].number == 20
    assert result.rounds[BenchmarkId("b")][0].number == 200
    assert not result.interrupted


def test_pairs_go_turn_about_and_either_side_may_be_first():
    machine = Machine({"a": 1e-4})
    result = measure(machine, [spec("a")])
    samples = [side for side, command, _ in machine.asked if command == "sample"]
    orders = "".join(r.orders for r in result.rounds[BenchmarkId("a")])
    assert [side[0] for side in samples[::2]] == list(orders)
    assert all(first != second for first, second in zip(samples[::2], samples[1::2], strict=True))
    assert set(orders) == {"b", "c"}


def test_either_side_s_process_may_start_first_and_be_asked_first():
    machine = Machine({"a": 1e-4})
    measure(machine, [spec("a")], max_rounds=60, budget_seconds=1e3)
    first = [side for side, _ in machine.launches[::2]]
    assert all(one != other for one, (other, _) in zip(first, machine.launches[1::2], strict=True))
    assert 18 <= first.count(Side.BASELINE) <= 43  # of 61: outside it once in 700 draws
    warmed = [side for side, command, _ in machine.asked if command == "warm"][::2]
    assert set(warmed) == set(Side)


def test_a_decided_benchmark_leaves_and_the_others_go_on():
    told: list[BenchmarkId] = []

    class Listening(Observer):
        def decided(self, benchmarks):
            told.extend(benchmarks)

    a, b = BenchmarkId("a"), BenchmarkId("b")
    result = measure(
        Machine({"a": 1e-4, "b": 1e-4}),
        [spec("a"), spec("b")],
        undecided=lambda evidence: [key for key in evidence if key == b or len(evidence[key]) < 2],
        observer=Listening(),
    )
    assert (len(result.rounds[a]), len(result.rounds[b])) == (2, 6)
    assert told[0] == a


def test_calibration_stops_when_the_budget_is_spent_and_says_how_far_it_came():
    machine = Machine(dict.fromkeys("abcdef", 1e-4))
    for name in "abcdef":
        machine.trouble["load", name] = lambda _: setattr(machine.clock, "seconds", machine.clock.seconds + 1)
    result = measure(machine, [spec(name) for name in "abcdef"], budget_seconds=5.0)
    assert result.calibrated == 3  # two sides, a second each
    assert result.rounds_run == 0
    policy = SimpleNamespace(budget=5.0)
    with pytest.raises(UsageError, match=r"made ready \(3 of 6\); give about 9\ds"):
        refuse_hopeless_budget(result, policy)


def test_no_round_starts_after_the_budget_is_spent():
    machine = Machine({"a": 1e-4})
    result = measure(machine, [spec("a")], budget_seconds=2.0, max_rounds=1000)
    per_round = (result.wall_seconds - result.calibration_seconds) / result.rounds_run
    assert 2.0 <= result.wall_seconds < 2.0 + per_round


def test_a_round_that_would_overrun_the_budget_badly_is_cut_and_keeps_what_it_has():
    machine = Machine({f"slow{i}": 4.0 for i in range(10)})
    result = measure(machine, [spec(f"slow{i}") for i in range(10)], budget_seconds=10.0)
    measured = [len(rounds) for rounds in result.rounds.values()]
    assert result.rounds_run == 1
    assert 0 < sum(measured) < 10


def test_more_than_half_of_the_time_is_inside_benchmarks_when_processes_start_in_0_2_s():
    machine = Machine({f"b{i}": 2e-4 for i in range(20)})
    result = measure(machine, [spec(f"b{i}") for i in range(20)], budget_seconds=35.0, max_rounds=100)
    assert result.inside_seconds / result.wall_seconds > 0.6


def test_sides_share_hash_seed_and_environment_size_within_a_round_and_not_across_rounds():
    machine = Machine({"a": 1e-4})
    measure(machine, [spec("a")])
    pairs = list(zip(machine.launches[::2], machine.launches[1::2], strict=True))
    assert all(one == two for (_, one), (_, two) in pairs)
    assert len({one.hash_seed for (_, one), _ in pairs}) == len(pairs)
    for (side, launch), (other_side, _) in pairs:
        sizes = {environment_bytes(process_environment(runtime(s).env_vars, launch)) for s in (side, other_side)}
        assert sizes == {launch.environment_bytes}


def test_benchmarks_come_in_another_order_in_another_round():
    names = [f"b{i}" for i in range(8)]
    machine = Machine(dict.fromkeys(names, 1e-4))
    measure(machine, [spec(name) for name in names])
    loads = [name for side, command, name in machine.asked if command == "load" and side is Side.BASELINE][8:]
    orders = {tuple(loads[i : i + 8]) for i in range(0, len(loads), 8)}
    assert len(orders) > 3
    assert all(sorted(order) == names for order in orders)


@pytest.mark.parametrize("command", ["load", "warm", "sample", "unload"])
@pytest.mark.parametrize("fatal", [True, False])
def test_what_goes_wrong_on_one_side_fails_that_benchmark_and_no_other(command, fatal):
    machine = Machine({"good": 1e-4, "bad": 1e-4})
    machine.trouble[command, "bad"] = lambda side: WorkerError("boom", fatal=fatal) if side is Side.CANDIDATE else None
    result = measure(machine, [spec("good"), spec("bad")])
    assert result.failures[BenchmarkId("bad")].side is Side.CANDIDATE
    assert result.failures[BenchmarkId("bad")].reason == "boom"
    assert len(result.rounds[BenchmarkId("good")]) == 6
    assert machine.forced == (2 if fatal else 0)


def test_a_failure_on_both_sides_names_both():
    machine = Machine({"bad": 1e-4})
    machine.trouble["load", "bad"] = lambda side: WorkerError(f"no {side}", fatal=False)
    failure = measure(machine, [spec("bad")]).failures[BenchmarkId("bad")]
    assert failure.side is None
    assert "no baseline" in failure.reason
    assert "no candidate" in failure.reason


def test_what_both_sides_skip_is_skipped_and_what_only_the_candidate_skips_has_failed():
    machine = Machine({"both": 1e-4, "lost": 1e-4, "gained": 1e-4})
    skip = {"skipped": "not here"}
    machine.trouble["load", "both"] = lambda _: skip
    machine.trouble["load", "lost"] = lambda side: skip if side is Side.CANDIDATE else None
    machine.trouble["load", "gained"] = lambda side: skip if side is Side.BASELINE else None
    result = measure(machine, [spec("both"), spec("lost"), spec("gained")])
    assert set(result.skipped) == {BenchmarkId("both"), BenchmarkId("gained")}
    assert set(result.failures) == {BenchmarkId("lost")}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_a_failure_and_never_evidence(value):
    machine = Machine({"t": 1e-4})
    machine.trouble["measure", "t"] = lambda _: {"value": value, "timed": 0.0}
    result = measure(machine, [spec("t", "track")])
    assert "not a number" in result.failures[BenchmarkId("t")].reason
    assert result.rounds[BenchmarkId("t")] == ()


def test_ctrl_c_keeps_every_complete_round_and_says_so():
    machine = Machine({"a": 1e-4})
    samples = iter(range(10_000))
    machine.trouble["sample", "a"] = lambda _: KeyboardInterrupt() if next(samples) == 150 else None
    result = measure(machine, [spec("a")], max_rounds=100)
    rounds = result.rounds[BenchmarkId("a")]
    assert result.interrupted
    assert len(rounds) >= 2
    assert all(len(r.baseline) == len(r.candidate) for r in rounds)
    assert 2 * sum(len(r.baseline) for r in rounds) <= 150
    assert machine.forced >= 2


def test_memory_kinds_take_one_pair_a_round_and_peak_memory_gets_processes_of_its_own():
    machine = Machine({"m": 1e-3, "p": 1e-3, "t": 1e-4})
    specs = [spec("p", "peakmemory"), spec("m", "memory"), spec("t")]
    result = measure(machine, specs)
    assert [len(result.rounds[s.id]) for s in specs] == [6, 6, 6]
    assert all(len(r.baseline) == 1 for r in result.rounds[BenchmarkId("m")])
    assert not any(launch.memory for _, launch in machine.launches[4:6])
    assert len(machine.launches) == 2 * (1 + 6 + 6)  # calibration, six rounds, one pair more for each peak


def test_setup_cache_runs_once_per_key_and_its_failure_fails_all_that_need_it():
    machine = Machine({"a": 1e-4, "b": 1e-4, "c": 1e-4})
    specs = [spec(name, setup_cache_key="k") for name in ("a", "b")]
    measure(machine, specs)
    assert [command for _, command, _ in machine.asked].count("setup_cache") == 2
    machine = Machine({"a": 1e-4, "b": 1e-4, "c": 1e-4})
    machine.trouble["setup_cache", ""] = lambda side: WorkerError("no", fatal=False) if side is Side.BASELINE else None
    result = measure(machine, [*specs, spec("c")])
    assert {str(key): str(f.reason) for key, f in result.failures.items()} == {
        "a": "setup_cache: no",
        "b": "setup_cache: no",
    }
    assert [command for _, command, _ in machine.asked].count("setup_cache") == 2


def test_slices_shrink_where_the_budget_would_not_give_the_rounds_a_decision_needs():
    def first_round(wanted: int) -> int:
        machine = Machine({"a": 1e-3, "b": 1e-3})
        settings = RoundSettings(wanted_rounds=wanted)
        result = measure(machine, [spec("a"), spec("b")], settings=settings, budget_seconds=2.0, max_rounds=1)
        return len(result.rounds[BenchmarkId("a")][0].baseline)

    assert first_round(0) == first_round(2) > first_round(40) >= 2


def test_rounds_carry_the_time_they_began_and_a_resumed_run_goes_on_from_there():
    machine = Machine({"a": 1e-3, "b": 1e-3})
    specs = [spec("a"), spec("b")]
    first = measure(machine, specs)
    times = {s.id: [r.elapsed for r in first.rounds[s.id]] for s in specs}
    assert times[specs[0].id] == times[specs[1].id] == sorted(times[specs[0].id])
    assert times[specs[0].id][0] > 0  # calibration is part of the budget
    more = measure(machine, specs, previous=first.rounds, max_rounds=9)
    again = [r.elapsed for r in more.rounds[specs[0].id]]
    assert again[:6] == times[specs[0].id]
    assert again == sorted(again)


def test_a_resumed_run_goes_on_from_the_journal_as_if_it_had_not_stopped(tmp_path):
    header = {"baseline": "x", "candidate": "y"}
    machine = Machine({"a": 1e-4, "bad": 1e-4})
    machine.trouble["load", "bad"] = lambda side: WorkerError("boom", fatal=False) if side is Side.CANDIDATE else None
    with Journal.create(tmp_path / "j", header) as journal:
        first = measure(machine, [spec("a"), spec("bad")], max_rounds=3, journal=journal)
    with Journal.resume(tmp_path / "j", header) as journal:
        recorded = journal.recorded
        second = measure(
            Machine({"a": 2e-4}),
            [spec("a"), spec("bad")],
            max_rounds=5,
            journal=journal,
            previous=recorded.rounds,
            previous_failures=recorded.failures,
        )
    rounds = second.rounds[BenchmarkId("a")]
    assert rounds[:3] == first.rounds[BenchmarkId("a")]
    assert [r.index for r in rounds] == [1, 2, 3, 4, 5]
    assert len({r.number for r in rounds}) == 1
    assert second.failures == first.failures
    assert second.rounds_run == 2


def test_a_side_that_cannot_start_is_an_error_of_the_run_and_not_of_a_benchmark():
    class Dead(FakeWorker):
        def take(self, timeout):  # noqa: ARG002 - a worker's signature
            raise WorkerError("exec format error", fatal=True)

    machine = Machine({"a": 1e-4})
    with pytest.raises(MeasurementError, match="exec format error"):
        measure(machine, [spec("a")], launcher=lambda runtime, *_: Dead(machine, runtime.side))


def test_a_plan_fills_its_slice_with_pairs_and_a_long_call_gets_one():
    settings = RoundSettings()
    assert Plan(1, 0.002).pairs("time", 0.036, settings) == 9
    assert Plan(1, 0.1).pairs("time", 0.036, settings) == 2
    assert Plan(1, 0.6).pairs("time", 0.036, settings) == 1
    assert Plan(1, 1e-7).pairs("time", 0.036, settings) == settings.max_pairs
    assert Plan(1, 0.002).pairs("memory", 0.036, settings) == 1


def test_pinning_puts_both_sides_on_one_core_or_on_two(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 5})
    rng = random.Random(1)
    assert draw_cpus(rng, "none") == {}
    same = draw_cpus(rng, "same")
    assert same[Side.BASELINE] == same[Side.CANDIDATE]
    apart = draw_cpus(rng, "separate")
    assert {*apart[Side.BASELINE], *apart[Side.CANDIDATE]} == {3, 5}
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3})
    with pytest.raises(UsageError, match="two cores"):
        draw_cpus(rng, "separate")


def test_evidence_given_as_previous_is_not_changed():
    before = {BenchmarkId("a"): [Round(1, (1.0,), (1.0,), "b", 20)]}
    measure(Machine({"a": 1e-4}), [spec("a")], previous=before)
    assert len(before[BenchmarkId("a")]) == 1


def test_pairs_follow_what_samples_take_and_not_a_calibration_that_met_a_busy_moment():
    names = ["a", *(f"b{i}" for i in range(19))]
    machine = Machine(dict.fromkeys(names, 1e-4))
    machine.trouble["calibrate", "a"] = lambda _: {"number": 4, "wall": 0.002}
    result = measure(machine, [spec(name) for name in names], budget_seconds=60)
    rounds = result.rounds[BenchmarkId("a")]
    assert len(rounds[0].baseline) < len(rounds[1].baseline) == RoundSettings().max_pairs
    assert {r.number for r in rounds} == {4}


def test_benchmarks_that_use_several_threads_are_never_pinned_and_the_others_are(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    machine = Machine({"one": 1e-4, "many": 1e-4})
    machine.trouble["calibrate", "many"] = lambda side: {
        "number": 20,
        "wall": 0.002,
        "cores": 1.8 if side is Side.CANDIDATE else 1.0,
    }
    result = measure(machine, [spec("one"), spec("many")], settings=RoundSettings(pin="same"), max_rounds=3)
    assert {len(rounds) for rounds in result.rounds.values()} == {3}
    launches = [launch for side, launch in machine.launches if side is Side.BASELINE]
    assert [bool(launch.cpus) for launch in launches] == [False, True, False, True, False, True, False]
    assert launches[1].hash_seed == launches[2].hash_seed
