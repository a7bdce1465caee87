"""Ceilings are measured by kernels that really copy, within the time and the memory they are given."""

from __future__ import annotations

import builtins
import statistics
from typing import Any

import numpy as np
import pytest

from headgate.errors import MeasurementError, UsageError
from headgate.measure import _ceilings
from headgate.measure.ceilings import FULL, QUICK, CeilingPlan, copy_bandwidth, measure_ceilings, streaming_isa

TINY = CeilingPlan(sizes=(1, 4096), repetitions=2, seconds=5.0)


@pytest.mark.parametrize("offset", [0, 1, 63])
@pytest.mark.parametrize("kernel", ["memcpy", *_ceilings.isas()])
def test_a_copy_of_any_length_and_alignment_copies_all_bytes_and_no_others(kernel: str, offset: int) -> None:
    source = np.random.default_rng(0).integers(1, 255, 2000, dtype=np.uint8)
    for n in (1, 15, 63, 64, 65, 127, 255, 256, 257, 1023, 1500):
        target = np.zeros(2000, np.uint8)
        if kernel == "memcpy":
            _ceilings.copy(target[offset : offset + n], source[:n], False, 2)
        else:
            _ceilings.copy_with(kernel, target[offset : offset + n], source[:n])
        assert (target[offset : offset + n] == source[:n]).all()
        assert not target[:offset].any()
        assert not target[offset + n :].any()


@pytest.mark.parametrize("isa", _ceilings.isas())
def test_a_read_takes_in_every_word(isa: str) -> None:
    words = np.random.default_rng(1).integers(0, 2**63, 512, dtype=np.uint64)
    expected = int(np.bitwise_xor.reduce(words))
    got = _ceilings.read_with(isa, words.view(np.uint8))
    assert got == expected


def test_the_timed_copy_uses_the_best_kernel_this_cpu_can_run() -> None:
    assert _ceilings.isas()[0] == streaming_isa()
    source, target = np.arange(4096, dtype=np.uint8), np.zeros(4096, np.uint8)
    start, stop = _ceilings.copy(target, source, True, 3)
    assert start <= stop
    assert (target == source).all()


def test_buffers_of_two_lengths_or_none_are_refused() -> None:
    with pytest.raises(ValueError, match="two buffers of one length"):
        _ceilings.copy(bytearray(3), bytes(4), False, 1)
    with pytest.raises(ValueError, match="above 0"):
        _ceilings.read(b"", 1)


def test_a_kernel_waits_for_the_agreed_start() -> None:
    begin = _ceilings.clock_ns() + 1_000_000
    start, stop = _ceilings.read(bytes(64), 1, begin)
    assert begin <= start <= stop


def test_every_kind_is_measured_per_payload_and_thread_count() -> None:
    shares: list[float] = []
    ceilings = measure_ceilings(TINY, threads=2, progress=shares.append)
    kinds = {"copy", "read"} | ({"copy_streaming"} if streaming_isa() != "none" else set())
    found = {(c.kind, c.threads, c.nbytes) for c in ceilings if c.nbytes is not None}
    assert found == {(kind, threads, size) for kind in kinds for threads in (1, 2) for size in TINY.sizes}
    calls = [c for c in ceilings if c.nbytes is None]
    assert [(c.kind, c.unit) for c in calls] == [(f"call_{k}", "s") for k in ("empty_array", "function", "clock")]
    for c in ceilings:
        assert c.n == 2
        assert 0 <= c.minimum <= c.lower_quartile <= c.median <= c.upper_quartile <= c.maximum
        assert c.method
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_when_the_time_is_up_one_repetition_is_kept_and_said_so() -> None:
    ceilings = measure_ceilings(CeilingPlan((64,), repetitions=1000, seconds=1e-9))
    assert {c.n for c in ceilings} == {1}


def test_payloads_that_do_not_fit_in_memory_are_left_out() -> None:
    ceilings = measure_ceilings(TINY, memory_available=8 * 4095)
    assert {c.nbytes for c in ceilings} == {1, None}
    with pytest.raises(MeasurementError, match=r"7 bytes of memory are available.*--no-ceilings"):
        measure_ceilings(TINY, memory_available=7)


def test_ctrl_c_ends_the_measurement_and_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    def interrupt(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_ceilings(TINY, threads=3, progress=interrupt)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ceilings")]


def test_copy_bandwidth_is_positive_and_refuses_nonsense() -> None:
    assert copy_bandwidth(4096, repeats=2) > 0
    assert copy_bandwidth(3, streaming=False, threads=8, repeats=1) > 0
    for arguments in ({"nbytes": 0}, {"nbytes": 1, "threads": 0}, {"nbytes": 1, "repeats": -1}):
        with pytest.raises(UsageError, match="must be 1 or more"):
            copy_bandwidth(**arguments)


def test_a_missing_native_module_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_kernels(
        name: str, globals_: Any = None, locals_: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        if "_ceilings" in (fromlist or ()):
            raise ImportError(name)
        return real(name, globals_, locals_, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", without_kernels)
    with pytest.raises(MeasurementError, match=r"native kernels are not built.*pip install"):
        copy_bandwidth(64)


def test_the_quick_plan_is_part_of_the_full_one() -> None:
    assert set(QUICK.sizes) < set(FULL.sizes)
    assert QUICK.seconds <= 4
    assert FULL.seconds <= 20


@pytest.mark.slow
def test_a_real_quick_run_gives_plausible_ceilings() -> None:
    ceilings = measure_ceilings(QUICK, threads=2)
    bandwidth = {(c.kind, c.threads, c.nbytes): c.median for c in ceilings if c.unit == "B/s"}
    # 50 MB/s is below any machine's memory of this century, 100 TB/s above any core's registers.
    assert all(5e7 < value < 1e14 for value in bandwidth.values())
    assert ("copy_streaming" in {kind for kind, _, _ in bandwidth}) is (streaming_isa() != "none")
    # Reading is half the work of copying: whatever the noise, the sizes together show it.
    totals = {kind: statistics.fmean(v for (k, _, _), v in bandwidth.items() if k == kind) for kind in ("read", "copy")}
    assert totals["read"] > totals["copy"] / 4
    calls = {c.kind: c.median for c in ceilings if c.unit == "s"}
    assert all(0 < seconds < 1e-3 for seconds in calls.values())
