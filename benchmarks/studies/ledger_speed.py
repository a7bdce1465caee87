"""What the ledger costs: batches recorded a second, and the rebuilding of a state from all its events.

    python benchmarks/studies/ledger_speed.py [--events 100000] [--directory .]

Each batch has both arms, a rate and a mean (some 500 bytes); a group is one synced transaction. CPU seconds are the
thread's; wall seconds depend on the disk and on what else runs. Rebuilding reads, checks every hash and folds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from headgate.gates.canary_evidence import ArmEvidence, Evidence, counts_of
from headgate.rollout import Ledger, Plan, events

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = 100_000
NOW = 1_800_000_000.0
# What was set out: a thousand batches a second in groups, and 100,000 events rebuilt within two seconds.
DUE_BATCHES, DUE_SECONDS = 1000, 2.0
METRICS = [
    {"name": "errors", "kind": "rate", "margin": "10%"},
    {"name": "seconds", "kind": "mean", "margin": "10%"},
]


def plan() -> Plan:
    return Plan.from_dict({"name": "checkout", "stages": [1, 5, 25], "metrics": METRICS})


def batches(one: Plan) -> list[Evidence]:
    def arm(shift: int) -> ArmEvidence:
        flags = [(unit + shift) % 7 == 0 for unit in range(20)]
        seconds = [0.1 * ((unit * 37 + shift) % 11) + 0.01 for unit in range(20)]
        return ArmEvidence(
            20, {"errors": counts_of(one.metrics[0], flags), "seconds": counts_of(one.metrics[1], seconds)}
        )

    return [Evidence({10_000: {"canary": arm(number), "stable": arm(number + 3)}}) for number in range(50)]


class Clock:
    """Wall and CPU seconds of a block."""

    def __enter__(self) -> Self:
        self.start = time.perf_counter(), time.thread_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self.start[0]
        self.cpu = time.thread_time() - self.start[1]


def drafts(count: int, first: int, known: list[Evidence]) -> list[events.Draft]:
    return [
        events.evidence("study", f"w{number}", known[number % len(known)], actor="study", time=NOW)
        for number in range(first, first + count)
    ]


def measure(path: Path, total: int) -> Iterator[str]:
    one = plan()
    known = batches(one)
    with Ledger(path) as ledger:
        ledger.append("r1", events.registered(one, actor="study", time=NOW))
        yield f"{'a group of':12}{'batches':>9}{'wall s':>9}{'CPU s':>8}{'a second, wall':>16}{'a second, CPU':>15}"
        first = 0
        for group, count in ((1, 200), (10, 1000), (100, 5000), (1000, total - 6200)):
            with Clock() as clock:
                for start in range(first, first + count, group):
                    size = min(group, first + count - start)
                    ledger.append_many("r1", drafts(size, start, known))
            first += count
            seconds = f"{clock.wall:9.2f}{clock.cpu:8.2f}"
            yield f"{group:<12}{count:9}{seconds}{count / clock.wall:16,.0f}{count / clock.cpu:15,.0f}"
        word = "reached" if count / clock.wall >= DUE_BATCHES else "NOT reached"
        yield f"{DUE_BATCHES:,} grouped batches a second: {word}"
        with Clock() as clock:
            state = ledger.state("r1")
        yield f"rebuilt from {state.seq:,} events: {clock.wall:.2f} s wall, {clock.cpu:.2f} s CPU"
        yield f"{DUE_SECONDS:g} s: {'reached' if clock.wall < DUE_SECONDS else 'NOT reached'}"
        with Clock() as clock:
            ledger.state("r1", state)
        yield f"continued from there: {clock.wall * 1e3:.1f} ms"
        with Clock() as clock:
            problems = ledger.verify("r1")
        size = path.stat().st_size / 1e6
        yield f"verified: {clock.wall:.2f} s wall, {clock.cpu:.2f} s CPU, {len(problems)} findings; {size:.0f} MB"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--directory", type=Path, default=None, help="where the ledger is made, and removed again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as folder:
        for line in measure(Path(folder) / "rollout.sqlite", max(arguments.events, 7000)):
            print(line, flush=True)  # noqa: T201 -- a study prints its table
