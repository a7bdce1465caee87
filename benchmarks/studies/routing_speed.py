"""What a route costs, and how much of it is the hash: the figures behind `headgate.rollout.router`.

    python benchmarks/studies/routing_speed.py

A router with two rules and the bare BLAKE2b call take turns on the same units. Times are of the thread's CPU, so that
other work on the machine disturbs little; medians over the turns, and the range of the middle half.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.routing import ATTRIBUTES, CALLS, NOW, Hash, router

if TYPE_CHECKING:
    from collections.abc import Callable

TURNS = 300
# What was set out: half a million routes a second on one core, each within two microseconds, with two rules.
DUE_PER_SECOND = 500_000


def calls(rules: int) -> Callable[[], None]:
    route, units = router(rules).route, [f"user-{number:07d}" for number in range(CALLS)]

    def run() -> None:
        for unit in units:
            route(unit, ATTRIBUTES, now=NOW)

    return run


def bare() -> Callable[[], None]:
    one = Hash()
    one.setup()
    return one.time_blake2b


def microseconds(run: Callable[[], None]) -> float:
    start = time.thread_time_ns()
    run()
    return (time.thread_time_ns() - start) / CALLS / 1000


def measure(turns: int) -> dict[str, list[float]]:
    """Return microseconds of CPU per call, one for each turn."""
    cases = {"BLAKE2b alone": bare(), "no rule": calls(0), "one rule": calls(1), "two rules": calls(2)}
    for run in cases.values():
        run()
    found: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(turns):
        order = list(cases) if turn % 2 else list(reversed(cases))
        for name in order:
            found[name].append(microseconds(cases[name]))
    return found


def table(found: dict[str, list[float]]) -> str:
    lines = [f"{'':16}{'µs per call':>12}{'middle half':>16}{'of the hash':>13}{'a second':>12}"]
    hashes = found["BLAKE2b alone"]
    for name, values in found.items():
        low, middle, high = statistics.quantiles(values, n=4)
        ratio = statistics.median(ours / theirs for ours, theirs in zip(values, hashes, strict=True))
        lines.append(f"{name:16}{middle:12.3f}{f'{low:.2f} to {high:.2f}':>16}{ratio:12.2f}×{1e6 / middle:12,.0f}")
    per_second = 1e6 / statistics.median(found["two rules"])
    word = "reached" if per_second >= DUE_PER_SECOND else "NOT reached"
    return "\n".join([*lines, f"{DUE_PER_SECOND:,} routes a second with two rules: {word} ({per_second:,.0f})"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=TURNS)
    print(table(measure(parser.parse_args().turns)))  # noqa: T201 -- a study prints its table
