"""Interleaved timing: a round takes every contender once, in a fresh random order; ratios are taken within rounds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

SHORTEST_TIMING = 200e-6  # seconds: some thousand times the clock's own cost
RESAMPLES = 2000
LEVEL = 0.95


def _loops(call: Callable[[], Any]) -> int:
    """How often to call within one timing."""
    number = 1
    while True:
        seconds = _time(call, number)
        if seconds >= SHORTEST_TIMING:
            return number
        number = max(2 * number, int(number * SHORTEST_TIMING / max(seconds, 1e-9)))


def _time(call: Callable[[], Any], number: int) -> float:
    if number == 1:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start
    steps = [None] * number
    start = time.perf_counter()
    for _ in steps:
        call()
    return time.perf_counter() - start


def interleaved(
    calls: dict[str, Callable[[], Any]], *, rounds: int, seconds: float, rng: np.random.Generator
) -> dict[str, list[float]]:
    """Time `calls` in at most `rounds` rounds (at least 3) and about `seconds`; seconds per call, one per round."""
    numbers = {name: _loops(call) for name, call in calls.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    started = time.perf_counter()
    for done in range(rounds):
        if done >= 3 and time.perf_counter() - started > seconds:
            break
        for i in rng.permutation(len(names)):
            name = names[i]
            samples[name].append(_time(calls[name], numbers[name]) / numbers[name])
    return samples


def ratio(numerator: list[float], denominator: list[float], rng: np.random.Generator) -> dict[str, float]:
    """Median over the rounds of numerator / denominator, with its percentile bootstrap interval (Efron, 1979)."""
    ratios = np.array(numerator) / np.array(denominator)
    picks = rng.integers(0, ratios.size, (RESAMPLES, ratios.size))
    low, high = np.quantile(np.median(ratios[picks], axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"ratio": float(np.median(ratios)), "low": float(low), "high": float(high), "rounds": int(ratios.size)}
