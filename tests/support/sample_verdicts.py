"""Verdicts and evidence for tests: made up, realistic, and decided by the gate itself."""

from __future__ import annotations

import math
import random

from headgate.gates.commit import decide, plan_for
from headgate.gates.policy import Override, Policy
from headgate.gates.run import decide_run
from headgate.model import BenchmarkId, BenchmarkSpec, Direction, Round, SideInfo, Verdict
from headgate.store.bundle import Evidence

HARDWARE = {
    "schema": "headgate.hardware/1",
    "machine": "ci-runner-7",
    "cpu": {"model": "AMD EPYC 7763 64-Core Processor", "architecture": "x86_64", "usable_cores": 2},
    "memory": {"total": 8326004736},
    "platform": {"os": "Debian GNU/Linux 12", "kernel": "6.1.0-27-amd64"},
}
BASELINE = SideInfo("main", "3f1c0de9a7b2" + "0" * 28, "Cache the parsed header", "3.11.9", "virtualenv")
CANDIDATE = SideInfo("fast-path", "9b7d2e41c05f" + "0" * 28, "Take the fast path for ASCII", "3.11.9", "virtualenv")
POLICY = Policy(
    margin=0.05,
    budget=140.0,
    required=("suite.*",),
    overrides=(
        Override(match=("suite.TrackModel.*",), direction=Direction.HIGHER),
        Override(match=("suite.TimeIO.*",), margin=0.15, required=False),
    ),
)
# name, parameter, kind, unit, baseline value, true ratio of the values, scatter of the rounds
_TABLE = [
    ("suite.TimeParse.time_parse_header", "", "time", "seconds", 3.1e-6, 1.124, 0.008),
    ("suite.TimeParse.time_parse_body", "1000", "time", "seconds", 4.45e-4, 1.003, 0.006),
    ("suite.TimeParse.time_parse_body", "1000000", "time", "seconds", 0.412, 0.842, 0.01),
    ("suite.TimeParse.time_fold_whitespace", "", "time", "seconds", 8.8e-7, 1.049, 0.02),
    ("suite.TimeRender.time_table", "'wide', None", "time", "seconds", 1.27e-3, 1.021, 0.004),
    ("suite.TimeRender.time_table", "'narrow', None", "time", "seconds", 9.9e-4, 0.999, 0.004),
    ("suite.TimeRender.time_escape", "", "time", "seconds", 5.2e-7, 1.0, 0.012),
    ("suite.TimeIO.time_read", "", "time", "seconds", 2.2e-2, 1.3, 0.02),
    ("suite.TimeIO.time_write", "", "time", "seconds", 3.1e-2, 1.02, 0.15),
    ("suite.MemIndex.peakmem_build", "", "peakmemory", "bytes", 61_341_696.0, 1.004, 0.001),
    ("suite.TrackModel.track_accuracy", "", "track", "%", 93.2, 1.012, 0.0005),
]


def sample_evidence(*, count: int = 20, policy: Policy = POLICY, only: str = "") -> Evidence:
    """Return evidence with a regression, an undecided benchmark, a failure, changes for the better, and its verdict."""
    generator = random.Random(20_240_611)
    specs, rounds = [], {}
    for name, params, kind, unit, base, ratio, scatter in _TABLE:
        if only in name:
            values = tuple(params.split(", ")) if params else ()
            id_ = BenchmarkId(name, values, ("size", "style")[: len(values)])
            specs.append(BenchmarkSpec(id_, kind=kind, unit=unit))
            rounds[id_] = [_round(generator, i, count, base, ratio, scatter) for i in range(count)]
    failing = BenchmarkSpec(BenchmarkId("suite.TimeParse.time_unicode"), kind="time", unit="seconds")
    failures = {failing.id: "the candidate raised UnicodeDecodeError: 'ascii' codec can't decode byte 0xc3"}
    if not only:
        specs.append(failing)
    plan = plan_for(policy)
    kept = failures if not only else {}
    verdict = _verdict(rounds, specs, kept, policy, removed=() if only else ("suite.TimeParse.time_old",))
    return Evidence(verdict, rounds, tuple(specs), kept, policy, plan, versions={"headgate": "0.1.0", "numpy": "2.1.0"})


def _round(generator: random.Random, index: int, count: int, base: float, ratio: float, scatter: float) -> Round:
    level = base * math.exp(generator.gauss(0, 0.03))
    own = ratio * math.exp(generator.gauss(0, scatter))
    baseline = tuple(level * math.exp(abs(generator.gauss(0, 0.01))) for _ in range(3))
    candidate = tuple(value * own for value in baseline)
    return Round(index, baseline, candidate, "bcb", 1000, elapsed=140.0 * index / count)


def _verdict(rounds, specs, failures, policy, *, removed) -> Verdict:
    comparisons = decide(rounds, specs, failures, policy, plan_for(policy))
    added = ("suite.TimeParse.time_ascii",)
    decision = decide_run(comparisons, policy, added=added, removed=removed)
    return Verdict(
        state=decision.state,
        baseline=BASELINE,
        candidate=CANDIDATE,
        comparisons=comparisons,
        policy=policy.to_json(),
        hardware=HARDWARE,
        wall_seconds=138.4,
        added=added,
        removed=removed,
        reasons=decision.reasons,
        warnings=(*decision.warnings, "the margin of 5 % is close to what this host can resolve in 140 s (4.1 %)"),
    )
