"""Real processes on a tiny suite: every kind and hook of asv, and everything that can go wrong on one side."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import zlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from headgate.errors import MeasurementError
from headgate.measure import worker_suite
from headgate.measure.environments import prepare_interpreters
from headgate.measure.process import launch_worker
from headgate.measure.rounds import RoundSettings, measure_rounds
from headgate.measure.session import Launch, start_pair
from headgate.measure.suite import discover
from headgate.measure.worker_suite import cpu_seconds
from headgate.model import BenchmarkId, Direction, Side

SUITES = Path(__file__).resolve().parents[1] / "suites"
SETTINGS = RoundSettings(sample_seconds=2e-4, slice_seconds=2e-3, max_pairs=4)


def sides(suite: str, **candidate: str):
    one, two = prepare_interpreters(Path(sys.executable), Path(sys.executable), SUITES / suite)
    return one, replace(two, env_vars={**two.env_vars, **candidate})


def run(suite: str, regexes=(), *, rounds: int = 2, candidate=None):
    pair = sides(suite, **(candidate or {}))
    found = discover(*pair, regexes=regexes)
    result = measure_rounds(
        found.specs,
        *pair,
        budget_seconds=60,
        undecided=list,
        rng=random.Random(3),
        max_rounds=rounds,
        settings=SETTINGS,
    )
    return found, {str(key): value for key, value in result.rounds.items()}, result


@pytest.fixture(scope="module")
def all_kinds(tmp_path_factory):
    counter = tmp_path_factory.mktemp("counter") / "calls"
    return (*run("all_kinds", candidate={"HEADGATE_TEST_COUNTER": str(counter)}), counter)


@pytest.mark.slow
def test_every_kind_is_measured_on_both_sides_and_nothing_fails(all_kinds):
    found, rounds, result, _ = all_kinds
    assert result.failures == {}
    assert {spec.kind for spec in found.specs} == {"time", "memory", "peakmemory", "track"}
    assert "kinds.timeraw_import" in rounds  # which asv_runner calls a time benchmark
    for name, measured in rounds.items():
        if name not in {str(key) for key in result.skipped}:
            assert len(measured) == 2, name
            assert all(value > 0 for r in measured for value in (*r.baseline, *r.candidate)), name


@pytest.mark.slow
def test_values_are_what_the_benchmarks_give(all_kinds):
    found, rounds, _, _ = all_kinds
    assert rounds["kinds.track_answer"][0].baseline == (42.0,)
    assert rounds["kinds.Cached.track_cached"][0].candidate == (5.0,)
    assert 8000 <= rounds["kinds.mem_list"][0].baseline[0] < 9000
    assert rounds["kinds.time_explicit_number"][0].number == 7
    assert all(0.0019 < value < 0.2 for value in rounds["kinds.time_slow_once"][0].baseline)
    answer = next(spec for spec in found.specs if spec.id.name == "kinds.track_answer")
    assert (answer.unit, answer.direction) == ("answers", Direction.HIGHER)


@pytest.mark.slow
def test_peak_memory_is_the_benchmark_s_own_and_not_that_of_the_process_that_launched_it(all_kinds):
    _, rounds, _, _ = all_kinds
    ballast = bytearray(b"x") * 300_000_000  # getrusage would hand this peak down through exec
    _, again, _ = run("all_kinds", ["peakmem"], rounds=1)
    del ballast
    for measured in (rounds, again):
        assert 40e6 < measured["kinds.peakmem_bytes"][0].baseline[0] < 90e6


@pytest.mark.slow
def test_a_combination_of_parameters_that_setup_refuses_is_skipped_and_the_others_run(all_kinds):
    _, rounds, result, _ = all_kinds
    assert [str(key) for key in result.skipped] == ["kinds.Params.time_consume(20, 'b')"]
    assert len(rounds["kinds.Params.time_consume(10, 'a')"]) == 2


@pytest.mark.slow
def test_setup_cache_runs_once_a_side_however_many_rounds_and_benchmarks_use_it(all_kinds):
    _, _, _, counter = all_kinds
    assert counter.read_text() == "x"


@pytest.mark.slow
def test_trouble_on_one_side_fails_what_it_strikes_with_side_and_reason_and_nothing_else():
    _, rounds, result = run("troubled", candidate={"HEADGATE_TEST_TROUBLE": "1"})
    reasons = {str(key).split(".", 1)[1]: failure.reason for key, failure in result.failures.items()}
    expected = {
        "time_crash": "exited with status 7",
        "time_raises": "ValueError: wrong answer",
        "Hang.time_never_starts": "timed out after 1 s",
        "track_nan": "gave nan",
        "track_text": "could not convert",
        "SkipsHere.time_skipped_on_one_side": "skipped on the candidate's side alone",
        "BrokenCache.time_uses_cache": "setup_cache: RuntimeError: no cache today",
        "BrokenCache.time_uses_it_too": "setup_cache: RuntimeError: no cache today",
        "time_exits": "SystemExit: 3",
    }
    assert set(reasons) == set(expected)
    assert all(part in reasons[name] for name, part in expected.items()), reasons
    assert "last words" in reasons["time_crash"]
    assert "worker_suite.py" not in reasons["time_raises"]
    assert [name for name, measured in rounds.items() if measured] == ["trouble.time_fine"]
    sides_blamed = {failure.side for key, failure in result.failures.items() if "track_text" not in str(key)}
    assert sides_blamed == {Side.CANDIDATE}


def make_suite(tmp_path: Path, text: str, name: str = "suite") -> Path:
    root = tmp_path / name
    root.mkdir()
    (root / "__init__.py").touch()
    (root / "b.py").write_text(text)
    return root


@pytest.mark.slow
def test_an_interpreter_without_asv_runner_borrows_ours_and_nothing_else(tmp_path):
    import venv

    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    bare = tmp_path / "bare" / "bin" / "python"
    text = "import importlib.util as u\ndef track_numpy():\n    return u.find_spec('numpy') is not None\n"
    pair = prepare_interpreters(bare, Path(sys.executable), make_suite(tmp_path, text))
    found = discover(*pair)
    result = measure_rounds(found.specs, *pair, budget_seconds=30, undecided=list, rng=random.Random(1), max_rounds=1)
    ((measured,),) = result.rounds.values()
    assert (measured.baseline, measured.candidate) == ((0.0,), (1.0,))


@pytest.mark.slow
def test_a_module_of_the_suite_is_not_shadowed_by_a_module_of_ours(tmp_path):
    suite = make_suite(tmp_path, "import sys\ndef track_ours():\n    return any('measure' in p for p in sys.path)\n")
    pair = prepare_interpreters(Path(sys.executable), Path(sys.executable), suite)
    found = discover(*pair)
    result = measure_rounds(found.specs, *pair, budget_seconds=30, undecided=list, rng=random.Random(1), max_rounds=1)
    assert result.rounds[BenchmarkId("b.track_ours")][0].baseline == (0.0,)


def test_the_cpu_time_of_all_threads_and_of_children_counts_however_few_cores_are_free():
    data = bytes(range(256)) * 40_000  # zlib releases the interpreter's lock
    taken = []

    def work():
        started = time.thread_time()
        while time.thread_time() - started < 0.02:
            zlib.crc32(data)
        taken.append(time.thread_time() - started)

    before = cpu_seconds()
    threads = [threading.Thread(target=work) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert cpu_seconds() - before >= sum(taken) * 0.99
    before = cpu_seconds()
    busy = "import time\nwhile time.process_time() < 0.1: pass"
    subprocess.run([sys.executable, "-S", "-c", busy], check=True)
    assert cpu_seconds() - before >= 0.1


@pytest.mark.parametrize("threads", [1, 2])
def test_cores_are_the_cpu_time_of_a_sample_over_its_wall_time(monkeypatch, threads):
    now = {"wall": 5.0, "cpu": 3.0}

    class Timer:
        def timeit(self, number):
            now["wall"] += 0.01 * number
            now["cpu"] += 0.01 * number * threads
            return 0.01 * number

    monkeypatch.setattr(worker_suite, "cpu_seconds", lambda: now["cpu"])
    monkeypatch.setattr(worker_suite.time, "perf_counter", lambda: now["wall"])
    worker = worker_suite.Worker.__new__(worker_suite.Worker)
    worker.timer = Timer()
    worker.benchmark = SimpleNamespace(number=0, sample_time=worker_suite.RUNNER_SAMPLE_TIME)
    assert worker.sample_with_cores(7)["cores"] == pytest.approx(threads)
    assert worker.calibrate(0.05)["cores"] == pytest.approx(threads)


def test_a_worker_dies_with_its_parent_even_inside_a_hanging_benchmark(tmp_path):
    suite = make_suite(tmp_path, "import time\ndef time_hang():\n    time.sleep(600)\n")
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from headgate.measure.environments import prepare_interpreters\n"
        "from headgate.measure.process import launch_worker\n"
        "from headgate.measure.session import Launch\n"
        f"one, _ = prepare_interpreters(Path(sys.executable), Path(sys.executable), Path({str(suite)!r}))\n"
        f"w = launch_worker(one, Launch(memory=False), Path({str(tmp_path / 'w')!r}))\n"
        "w.take(60)\nw.post('load', name='b.time_hang', params=[])\nw.take(60)\nw.post('sample', number=1)\n"
        "print(w.process.pid, flush=True)\ntime.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and alive(pid):
        time.sleep(0.02)
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_killed_worker_is_reported_by_its_signal_and_leaves_no_files(tmp_path):
    one, two = sides("all_kinds")
    pair = start_pair((one, two), Launch(memory=False), tmp_path, launch_worker)
    os.kill(pair.workers[Side.BASELINE].process.pid, signal.SIGSEGV)
    with pytest.raises(Exception, match="killed by SIGSEGV"):
        pair.one(Side.BASELINE, "load", 10, name="kinds.time_plain", params=[])
    pair.close(force=True)
    assert list(tmp_path.iterdir()) == []


def test_an_interpreter_that_cannot_be_executed_is_named(tmp_path):
    one, two = sides("all_kinds")
    broken = tmp_path / "python"
    broken.write_text("not a program")
    with pytest.raises(MeasurementError, match=str(broken)):
        start_pair((replace(one, python=broken), two), Launch(), tmp_path, launch_worker)
