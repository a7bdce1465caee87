"""How often the canary gate errs and how soon it decides: the simulation behind docs/decisions/0004-canary-evidence.md.

Every release is looked at after each event (rates) or unit (the rest). Printed per kind of metric: false halts of a
canary no worse than stable, wrong passes of one worse by exactly the margin, both against alpha and its Monte-Carlo
bound; how many errors or units it takes; what a repeated z-test, and counting every error of a sticky user, would do.

Run: python benchmarks/studies/canary_errors.py [--replicates 2000] [--seed 20261123]
"""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING

import canary_paths as paths
import numpy as np

from headgate.stats.mixtures import HALTING, passing
from headgate.stats.quantiles import Grid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

SEED = 20261123
ALPHA = 0.05
THRESHOLD = -math.log(ALPHA)
MARGIN = 0.2
QUANTILE_MARGIN = 0.1
CAP_OF_MEANS = 5.0

Row = tuple[str, str, str]
DRAWS: dict[str, Callable[[np.random.Generator, tuple[int, int]], FloatArray]] = {
    "lognormal, sigma 0.5": lambda rng, size: rng.lognormal(0.0, 0.5, size),
    "lognormal, sigma 1": lambda rng, size: rng.lognormal(0.0, 1.0, size),
    "lognormal, sigma 2": lambda rng, size: rng.lognormal(0.0, 2.0, size),
    "Pareto, index 2.5": lambda rng, size: 1.0 + rng.pareto(2.5, size),
    "Pareto, index 1.5": lambda rng, size: 1.0 + rng.pareto(1.5, size),
    "bimodal": lambda rng, size: np.where(rng.random(size) < 0.9, 1.0, 10.0) * rng.lognormal(0.0, 0.2, size),
}


def rated(first: npt.NDArray[np.int64], *, nominal: float = ALPHA) -> str:
    """Share of the replicates that decided, and whether it is beyond what chance allows a nominal error."""
    found = float((first < paths.NEVER).mean())
    bound = nominal + 3.0 * math.sqrt(nominal * (1.0 - nominal) / first.size)
    return f"{found:.1%}" + (" **above nominal**" if found > bound else "")


def when(first: npt.NDArray[np.int64]) -> str:
    """Median and 90th percentile of the looks needed, over all replicates."""
    middle, late = np.quantile(first.astype(np.float64), [0.5, 0.9], method="lower")
    return " / ".join("never" if value >= float(paths.NEVER) else f"{value:.0f}" for value in (middle, late))


def rates(rng: np.random.Generator, replicates: int, events: int = 2_000) -> Iterator[Row]:
    """Halts, passes and their speed for rates."""
    for share in (0.5, 0.05, 0.01):
        ours = rng.random((replicates, events)) < share
        halts = paths.first_at(paths.rate_paths(ours, np.full(events, share), 0.0, HALTING), THRESHOLD)
        yield "rate", f"false halts, ratio 1, share {share:.0%}", rated(halts)
        if share == 0.5:
            yield (
                "rate",
                "false halts of a z-test at every event",
                rated(paths.naive_z(ours, np.full(events, share), ALPHA)),
            )
    stages = np.repeat([0.01, 0.05, 0.25], events // 3 + 1)[:events]
    halts = paths.first_at(paths.rate_paths(rng.random((replicates, events)) < stages, stages, 0.0, HALTING), THRESHOLD)
    yield "rate", "false halts, ratio 1, stages 1 % - 5 % - 25 %", rated(halts)
    for ratio in (1.2, 1.5, 2.0, 3.0, 5.0):
        ours = rng.random((replicates, events)) < paths.split(ratio, 0.5)
        halts = paths.first_at(paths.rate_paths(ours, np.full(events, 0.5), 0.0, HALTING), THRESHOLD)
        yield "rate", f"errors to halt at 50/50, ratio {ratio:g} (median / 90 %)", when(halts)
    ladder = passing(MARGIN)
    for share, truth in ((0.5, 1.0 + MARGIN), (0.05, 1.0 + MARGIN), (0.5, 1.0), (0.5, 0.8)):
        ours = rng.random((replicates, events)) < paths.split(truth, share)
        log_e = paths.rate_paths(~ours, np.full(events, 1.0 - share), -math.log1p(MARGIN), ladder)
        passes = paths.first_at(log_e, THRESHOLD)
        if truth > 1.0:
            yield "rate", f"wrong passes at the margin ({MARGIN:.0%}), share {share:.0%}", rated(passes)
        else:
            yield "rate", f"errors to pass, margin {MARGIN:.0%}, ratio {truth:g} (median / 90 %)", when(passes)


def sticky(rng: np.random.Generator, replicates: int) -> Iterator[Row]:
    """Counting every error of a user against counting each user once."""
    for shape in (3.0, 1.0, 0.3):
        everything, firsts = paths.sticky_errors(rng, replicates, users=1_000, errors=2_000, shape=shape)
        halts = paths.first_at(paths.rate_paths(everything, np.full(everything.shape[1], 0.5), 0.0, HALTING), THRESHOLD)
        once = np.array(
            [
                paths.first_at(paths.rate_paths(row[None, :], np.full(row.size, 0.5), 0.0, HALTING), THRESHOLD)[0]
                for row in firsts
            ]
        )
        where = f"sticky users, 2 errors each on average, Gamma({shape:g})"
        yield "unit", f"false halts, every error counted: {where}", rated(halts)
        yield "unit", "false halts, each user counted once: the same", rated(once)


def mean_rows(rng: np.random.Generator, replicates: int, units: int = 5_000) -> Iterator[Row]:
    """The asymptotic test of means, light and heavy tails; a tenth or half of the units are the canary's."""
    for name, draw in DRAWS.items():
        for share in (0.5, 0.1):
            halts, passes, usual, fine = [], [], [], []
            for _ in range(0, replicates, 250):
                values, ours = draw(rng, (250, units)), rng.random((250, units)) < share
                halts.append(paths.first_at(paths.mean_paths(values, ours, 0.0), THRESHOLD))
                at_margin = np.where(ours, values * (1.0 + MARGIN), values)
                limit = -math.log1p(MARGIN)
                passes.append(paths.first_at(paths.mean_paths(at_margin, ~ours, limit), THRESHOLD))
                usual.append(paths.first_at(paths.mean_paths(at_margin, ~ours, limit, separate=True), THRESHOLD))
                fine.append(paths.first_at(paths.mean_paths(values, ~ours, limit), THRESHOLD))
            where = f"{name}, share {share:.0%}"
            yield "mean", f"false halts, {where}", rated(np.concatenate(halts))
            yield "mean", f"wrong passes at the margin ({MARGIN:.0%}), {where}", rated(np.concatenate(passes))
            yield "mean", f"wrong passes with each arm's own variance, {where}", rated(np.concatenate(usual))
            yield "mean", f"units to pass, {where} (median / 90 %)", when(np.concatenate(fine))


def capped_rows(rng: np.random.Generator, replicates: int, units: int = 2_000) -> Iterator[Row]:
    """The betting test of means below a cap."""
    for name in ("lognormal, sigma 1", "lognormal, sigma 2", "Pareto, index 1.5"):
        for share in (0.5, 0.1):
            base = np.minimum(DRAWS[name](rng, (replicates, units)), CAP_OF_MEANS) / CAP_OF_MEANS
            ours = rng.random((replicates, units)) < share
            halts = paths.capped_first(base, ours, share, 0.0, THRESHOLD)
            yield "capped mean", f"false halts, {name}, share {share:.0%}", rated(halts)
            at_margin = np.where(ours, base, base / (1.0 + MARGIN))
            passes = paths.capped_first(at_margin, ~ours, 1.0 - share, -math.log1p(MARGIN), THRESHOLD)
            yield "capped mean", f"wrong passes at the margin ({MARGIN:.0%}), {name}, share {share:.0%}", rated(passes)
            worse = np.where(ours, base, base * 0.5)
            slow = paths.capped_first(worse, ours, share, 0.0, THRESHOLD)
            yield "capped mean", f"units to halt, ratio 2, {name}, share {share:.0%} (median / 90 %)", when(slow)


def success_rows(rng: np.random.Generator, replicates: int, units: int = 4_000) -> Iterator[Row]:
    """The same test of a success rate: 1 for a unit that was served, else 0; more is better."""
    margin = 0.05
    for rate in (0.999, 0.98):
        for share in (0.5, 0.1):
            ours = rng.random((replicates, units)) < share
            drawn = rng.random((replicates, units))
            alike = (drawn < rate).astype(np.float64)
            where = f"{rate:.1%} served, share {share:.0%}"
            halts = paths.capped_first(alike, ~ours, 1.0 - share, 0.0, THRESHOLD)
            yield "success", f"false halts, {where}", rated(halts)
            at_margin = (drawn < np.where(ours, rate / (1.0 + margin), rate)).astype(np.float64)
            passes = paths.capped_first(at_margin, ours, share, -math.log1p(margin), THRESHOLD)
            yield "success", f"wrong passes at the margin ({margin:.0%}), {where}", rated(passes)
            fine = paths.capped_first(alike, ours, share, -math.log1p(margin), THRESHOLD)
            yield "success", f"units to pass, {where} (median / 90 %)", when(fine)
            failing = (drawn < np.where(ours, 0.8 * rate, rate)).astype(np.float64)
            halted = paths.capped_first(failing, ~ours, 1.0 - share, 0.0, THRESHOLD)
            yield "success", f"units to halt, a fifth fails, {where} (median / 90 %)", when(halted)


def quantile_rows(rng: np.random.Generator, replicates: int, units: int = 1_000) -> Iterator[Row]:
    """The composite test of quantiles: no assumption on the tails."""
    for name, quantile, most in (
        ("lognormal, sigma 1", 0.5, units),
        ("Pareto, index 1.5", 0.9, units),
        ("lognormal, sigma 0.5", 0.99, 3 * units),
    ):
        centre = float(np.quantile(DRAWS[name](rng, (1_000, 1_000)), quantile))
        grid = Grid(centre / 3.0, centre * 3.0, QUANTILE_MARGIN, 8)
        values = DRAWS[name](rng, (replicates, most))
        ours = rng.random((replicates, most)) < 0.5
        what = f"p{quantile * 100:g} of {name}"
        halts = paths.quantile_first([(values, ours)], grid, quantile, 0, THRESHOLD)
        yield "quantile", f"false halts, {what}", rated(halts)
        at_margin = np.where(ours, values * (1.0 + QUANTILE_MARGIN), values)
        passes = paths.quantile_first([(at_margin, ~ours)], grid, quantile, -8, THRESHOLD)
        yield "quantile", f"wrong passes at the margin ({QUANTILE_MARGIN:.0%}), {what}", rated(passes)
        slow = paths.quantile_first([(np.where(ours, values * 2.0, values), ours)], grid, quantile, 0, THRESHOLD)
        yield "quantile", f"units to halt, ratio 2, {what} (median / 90 %)", when(slow)
    # The level doubles from stage to stage (the time of day): no evidence against the canary.
    grid, stages = Grid(0.2, 20.0, QUANTILE_MARGIN, 8), []
    for level, share in ((1.0, 0.01), (2.0, 0.05), (4.0, 0.25)):
        stages.append(
            (level * rng.lognormal(0.0, 1.0, (replicates, units // 3)), rng.random((replicates, units // 3)) < share)
        )
    drifting = paths.quantile_first(stages, grid, 0.5, 0, THRESHOLD)
    yield "quantile", "false halts, stages 1 % - 5 % - 25 %, level doubling", rated(drifting)


def sample_ratio_rows(rng: np.random.Generator, replicates: int, units: int = 20_000) -> Iterator[Row]:
    """The split of the units."""
    for share in (0.5, 0.05):
        alarms, seen = [], []
        for _ in range(0, replicates, 250):
            fine = paths.sample_ratio_paths(rng.random((250, units)) < share, share)
            alarms.append(paths.first_at(fine, THRESHOLD))
            lost = paths.sample_ratio_paths(rng.random((250, units)) < share * 0.8, share)
            seen.append(paths.first_at(lost, -math.log(0.001)))
        yield "split", f"false alarms at 5 %, share {share:.0%}", rated(np.concatenate(alarms))
        what = f"units to see a fifth of the canary's lost, at 0.1 %, share {share:.0%} (median / 90 %)"
        yield "split", what, when(np.concatenate(seen))


PARTS = (rates, sticky, mean_rows, capped_rows, quantile_rows, sample_ratio_rows, success_rows)


def say(line: str) -> None:
    """Print at once: a row is ready long before the table is."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run every part and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    bound = ALPHA + 3.0 * math.sqrt(ALPHA * (1.0 - ALPHA) / arguments.replicates)
    say(f"{arguments.replicates} replicates, alpha {ALPHA:.0%}, Monte-Carlo bound {bound:.1%}, a look at every event\n")
    say("| kind | what | found |\n|---|---|---|")
    for index, part in enumerate(PARTS):
        sys.stderr.write(f"{part.__name__} ({index + 1} of {len(PARTS)})\n")
        for row in part(np.random.default_rng([arguments.seed, index]), arguments.replicates):
            say("| " + " | ".join(row) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
