"""How often does `headgate check` cry wolf on saved results, and what does it see? Beside asv's rule on the same pairs.

The pairs are near A/A: two files of one environment that began within two hours of each other are one session of
continuous integration, and hold two adjacent commits. A session of more than two files is no such pair. For the power,
every time of the younger side is multiplied by a factor. asv's rule is asv's own function, with statistics
(Mann-Whitney, else its intervals) and its factor, on the same samples.

    python benchmarks/studies/check_trials.py RESULTS [--margin 5%] [--confidence 0.99] [--limit N]

RESULTS is an asv results directory, such as that of github.com/django/django-asv. Also printed: how often the model of
`headgate.stats.saved` is exceeded, on pairs of processes of identical code (the halves of one file's ten samples) and
on results of different sessions. Both should be at most what the level says.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from headgate.cli.saved_cases import pair_runs
from headgate.errors import InputError
from headgate.formats import read_run
from headgate.formats.saved import Outcome
from headgate.gates.policy_input import COMMAND_LINE, policy_from_layers
from headgate.gates.saved import SESSION_SECONDS, decide_saved
from headgate.model import State
from headgate.stats.saved import BETWEEN, between_reach, between_scale, session_reach, summarize
from headgate.store.results import machines, run_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headgate.formats.saved import SavedResult, SavedRun
    from headgate.gates.policy import Policy

FACTORS = (1.0, 1.05, 1.10, 1.20, 1.50)
ASV_FACTORS = (1.0, 1.05, 1.10)
LEVELS = (0.01, 0.001, 0.0002)
HALF = 5  # asv took five samples in each of two processes


@dataclass
class Tally:
    """Flags over comparisons, and sessions with at least one."""

    flagged: int = 0
    comparisons: int = 0
    red: int = 0
    sessions: int = 0

    def add(self, flags: Sequence[bool]) -> None:
        if not flags:
            return  # a session in which every benchmark failed is no trial
        self.flagged += sum(flags)
        self.comparisons += len(flags)
        self.red += any(flags)
        self.sessions += 1

    def __str__(self) -> str:
        return f"{self.flagged / max(1, self.comparisons):8.2%} {self.red:4d}/{self.sessions}"


def read_all(results: Path) -> dict[tuple[str, str], list[SavedRun]]:
    """Return the runs by machine and environment, in the order they were begun."""
    found: dict[tuple[str, str], list[SavedRun]] = defaultdict(list)
    for machine in machines(results):
        for path in run_paths(results, machine):
            try:
                run = read_run(path)
            except InputError as error:
                sys.stderr.write(f"left out: {error}\n")
                continue
            if any(result.started_at for result in run.results):
                found[machine, run.environment].append(run)
    for runs in found.values():
        runs.sort(key=began)
    return found


def began(run: SavedRun) -> float:
    return min(result.started_at for result in run.results if result.started_at is not None)


def sessions(runs: Iterable[SavedRun]) -> list[tuple[SavedRun, SavedRun]]:
    """Return the sessions of exactly two runs, the older commit first."""
    groups: list[list[SavedRun]] = []
    for run in runs:
        if groups and began(run) - began(groups[-1][-1]) <= SESSION_SECONDS:
            groups[-1].append(run)
        else:
            groups.append([run])
    pairs = [sorted(group, key=lambda run: run.commit_date or 0.0) for group in groups if len(group) == 2]
    return [(first, second) for first, second in pairs]


def slowed(run: SavedRun, factor: float) -> SavedRun:
    """Return ``run`` with every number multiplied; its intervals too."""

    def times(values: Iterable[float]) -> tuple[float, ...]:
        return tuple(value * factor for value in values)

    def one(result: SavedResult) -> SavedResult:
        if result.value is None:
            return result
        return replace(
            result,
            value=result.value * factor,
            samples=times(result.samples),
            groups=tuple(times(group) for group in result.groups),
            lower=None if result.lower is None else result.lower * factor,
            upper=None if result.upper is None else result.upper * factor,
            stddev=None if result.stddev is None else result.stddev * factor,
        )

    return replace(run, results=tuple(one(result) for result in run.results))


def check_states(baseline: SavedRun, candidate: SavedRun, policy: Policy) -> list[State]:
    """Return what `headgate check` says of each comparison that both sides measured."""
    pairing = pair_runs(baseline, candidate, policy)
    return [one.state for one in decide_saved(pairing.cases, policy) if one.state is not State.FAILED]


def asv_flags(baseline: SavedRun, candidate: SavedRun, factor: float) -> list[bool]:
    """Return what `asv compare --factor` says of the same comparisons."""
    from asv.commands.compare import _is_result_better
    from asv_runner.statistics import compute_stats

    before = {result.benchmark: result for result in baseline.results if result.outcome is Outcome.MEASURED}
    flags = []
    for new in candidate.results:
        old = before.get(new.benchmark)
        if old is None or new.value is None or old.version != new.version:
            continue
        stats = [(compute_stats(side.samples, side.number)[1], list(side.samples)) for side in (old, new)]
        flags.append(bool(_is_result_better(old.value, new.value, stats[0], stats[1], factor)))
    return flags


def print_trials(pairs: Sequence[tuple[SavedRun, SavedRun]], policy: Policy) -> None:
    heads = [f"x {factor:.2f}" for factor in FACTORS]
    sys.stdout.write(
        f"{'flagged as regressed (sessions with a flag)':44s}" + "".join(f"{h:>18s}" for h in heads) + "\n"
    )
    rows: dict[str, list[Tally]] = defaultdict(lambda: [Tally() for _ in FACTORS])
    states: list[Counter[State]] = [Counter() for _ in FACTORS]
    for baseline, candidate in pairs:
        for index, factor in enumerate(FACTORS):
            slower = slowed(candidate, factor)
            found = check_states(baseline, slower, policy)
            states[index].update(found)
            rows[f"headgate check, margin {policy.margin:.0%}"][index].add([s is State.REGRESSED for s in found])
            for asv_factor in ASV_FACTORS:
                rows[f"asv, factor {asv_factor:g}"][index].add(asv_flags(baseline, slower, asv_factor))
    for name, tallies in rows.items():
        sys.stdout.write(f"{name:44s}" + "".join(f"{tally!s:>18s}" for tally in tallies) + "\n")
    for state in (State.PASS, State.INCONCLUSIVE):
        shares = [f"{counter[state] / max(1, counter.total()):.2%}" for counter in states]
        sys.stdout.write(
            f"{'headgate check: ' + state.value:44s}" + "".join(f"{share:>18s}" for share in shares) + "\n"
        )
    total = rows[f"headgate check, margin {policy.margin:.0%}"][0]
    sys.stdout.write(f"{total.sessions} sessions, {total.comparisons} comparisons\n")


def print_model(every: dict[tuple[str, str], list[SavedRun]]) -> None:
    """Print how often the model's reach is exceeded by identical code, over how often its level says."""
    between = [ratio for runs in every.values() for run in runs for ratio in halves(run)]
    sizes = sorted(abs(ratio) for ratio, _ in between)
    if not sizes:
        sys.stdout.write("no file has ten samples a benchmark: the model of the processes is not checked\n")
        return
    spread = [f"p{share * 100:g} {math.expm1(sizes[int(share * len(sizes))]):.1%}" for share in (0.5, 0.9, 0.99, 0.998)]
    sys.stdout.write(f"\nbetween processes of identical code, {len(sizes)} pairs: {', '.join(spread)}\n")
    across = [ratio for runs in every.values() for ratio in session_ratios(runs)]
    for level in LEVELS:
        beyond = sum(abs(ratio) > between_reach(scale, level) for ratio, scale in between) / (2 * len(between))
        text = f"level {level:.2%}: two processes beyond it {beyond:.3%}"
        if across:
            text += (
                f"; two sessions {sum(abs(ratio) > session_reach(level) for ratio in across) / (2 * len(across)):.3%}"
            )
        sys.stdout.write(text + "\n")
    sys.stdout.write(f"{len(across)} pairs of results from adjacent sessions\n")


def halves(run: SavedRun) -> list[tuple[float, float]]:
    """Return the log ratio of the two processes of each benchmark, and the model's scale for it."""
    usable = [result for result in run.results if len(result.samples) == 2 * HALF and min(result.samples) > 0.0]
    if not usable:
        return []
    scatter = median(summarize(1.0, result.samples).scatter or 0.0 for result in usable)
    found = []
    for result in usable:
        first, second = (summarize(1.0, part) for part in (result.samples[:HALF], result.samples[HALF:]))
        found.append((math.log(second.centre / first.centre), between_scale(first, second, BETWEEN, scatter)))
    return found


def session_ratios(runs: Sequence[SavedRun]) -> list[float]:
    """Return the log ratios of each run to the one before it, where that was another session's."""
    ratios = []
    for older, newer in pairwise(runs):
        if began(newer) - began(older) <= SESSION_SECONDS:
            continue
        values = {result.benchmark: result for result in older.results if result.value}
        for result in newer.results:
            old = values.get(result.benchmark)
            if old is not None and old.value and result.value and old.version == result.version:
                ratios.append(math.log(result.value / old.value))
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("results", type=Path, metavar="RESULTS")
    parser.add_argument("--margin", default="5%")
    parser.add_argument("--confidence", default="0.99")
    parser.add_argument("--limit", type=int, help="only so many sessions")
    args = parser.parse_args()
    every = read_all(args.results)
    pairs = [pair for runs in every.values() for pair in sessions(runs)][: args.limit]
    policy = policy_from_layers([(COMMAND_LINE, {"margin": args.margin, "confidence": args.confidence})])
    if pairs:
        print_trials(pairs, policy)
    else:
        sys.stdout.write("no session of two runs here\n")
    print_model(every)


if __name__ == "__main__":
    main()
