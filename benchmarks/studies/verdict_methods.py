"""Which sequential method should the commit gate use? The simulation behind docs/decisions/0002-sequential-method.md.

Every method tests, one-sided and with a look after each round of the same schedule, whether the centre of the rounds'
log ratios is above a bound. Replicates are drawn from synthetic noise and from process-level noise recorded by
`headgate calibrate` (tests/data/noise/*.json). Printed per noise and method: the error at the boundary, the power at a
distance, and the mean share of the budget used where the claim is true.

Run: python benchmarks/studies/verdict_methods.py [--replicates 10000] [--rounds 60] [--alpha 0.01] [--markdown FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

from headgate.stats.boundaries import FIRST_LOOK, Look, look_schedule, nominal_levels
from headgate.stats.signed_rank import critical_rank

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

SEED = 20261123
NOISE_DIRECTORY = Path(__file__).parents[2] / "tests" / "data" / "noise"


def planned_looks(rounds: int) -> tuple[Look, ...]:
    """Return the looks of a run whose budget allows ``rounds`` rounds at a steady pace."""
    counts = list(look_schedule(rounds))
    if counts[-1] != rounds:
        counts.append(rounds)
    return tuple(Look(count, count / rounds) for count in counts)


# --- methods: data (replicates, rounds) -> first look at which the claim "centre > 0" is made, or -1 ---------------


def signed_rank_spending(data: FloatArray, alpha: float, exponent: float = 1.0) -> npt.NDArray[np.int64]:
    """The gate's own method: exact signed-rank test at the nominal levels of the spending plan."""
    looks = planned_looks(data.shape[1])
    decided = np.full(data.shape[0], -1)
    for look, level in zip(looks, nominal_levels(looks, alpha, exponent), strict=True):
        rank = critical_rank(look.rounds, level)
        if rank < 0:
            continue
        part = data[:, : look.rounds]
        ranks = stats.rankdata(np.abs(part), axis=1)
        against = np.where(part <= 0.0, ranks, 0.0).sum(axis=1)  # zeros count against the claim
        decided[(decided < 0) & (against <= rank)] = look.rounds
    return decided


def t_spending(data: FloatArray, alpha: float) -> npt.NDArray[np.int64]:
    """Group-sequential t-test: Student's quantiles at the same nominal levels."""
    looks = planned_looks(data.shape[1])
    decided = np.full(data.shape[0], -1)
    for look, level in zip(looks, nominal_levels(looks, alpha), strict=True):
        if level <= 0.0:
            continue
        part = data[:, : look.rounds]
        t = part.mean(axis=1) / (part.std(axis=1, ddof=1) / math.sqrt(look.rounds))
        decided[(decided < 0) & (t >= stats.t.isf(level, look.rounds - 1))] = look.rounds
    return decided


def sign_e_process(data: FloatArray, alpha: float) -> npt.NDArray[np.int64]:
    """Sign e-process: uniform mixture over p in (1/2, 1) against p = 1/2; anytime-valid (Ville's inequality)."""
    decided = np.full(data.shape[0], -1)
    ups = np.cumsum(data > 0.0, axis=1)
    for n in range(1, data.shape[1] + 1):
        k = ups[:, n - 1]
        # 2 * integral over (1/2, 1) of p^k (1-p)^(n-k), times 2^n
        log_e = (
            math.log(2.0) * (n + 1) + special.betaln(k + 1, n - k + 1) + np.log(special.betainc(n - k + 1, k + 1, 0.5))
        )
        decided[(decided < 0) & (log_e >= -math.log(alpha))] = n
    return decided


def normal_mixture_sequence(data: FloatArray, alpha: float) -> npt.NDArray[np.int64]:
    """Asymptotic confidence sequence (Waudby-Smith et al. 2024): normal mixture with the running variance."""
    decided = np.full(data.shape[0], -1)
    # rho tuned for a third of the budget, one-sided (their eq. 33)
    tuned = data.shape[1] / 3.0
    rho2 = (-2.0 * math.log(2 * alpha) + math.log(-2.0 * math.log(2 * alpha) + 1.0)) / tuned
    for n in range(FIRST_LOOK, data.shape[1] + 1):
        part = data[:, :n]
        deviation = part.std(axis=1, ddof=1)
        radius = np.sqrt(
            2.0 * (n * rho2 + 1.0) / (n * n * rho2) * np.log(1.0 + np.sqrt(n * rho2 + 1.0) / (2.0 * alpha))
        )
        decided[(decided < 0) & (part.mean(axis=1) > deviation * radius)] = n
    return decided


def naive_t(data: FloatArray, alpha: float) -> npt.NDArray[np.int64]:
    """What a gate without a plan does: the fixed-sample t-test at every look."""
    decided = np.full(data.shape[0], -1)
    for look in planned_looks(data.shape[1]):
        part = data[:, : look.rounds]
        t = part.mean(axis=1) / (part.std(axis=1, ddof=1) / math.sqrt(look.rounds))
        decided[(decided < 0) & (t >= stats.t.isf(alpha, look.rounds - 1))] = look.rounds
    return decided


METHODS: dict[str, Callable[[FloatArray, float], npt.NDArray[np.int64]]] = {
    "signed rank, spending exponent 1": signed_rank_spending,
    "signed rank, spending exponent 1.5": lambda data, alpha: signed_rank_spending(data, alpha, 1.5),
    "signed rank, spending exponent 2": lambda data, alpha: signed_rank_spending(data, alpha, 2.0),
    "t, spending exponent 1": t_spending,
    "sign e-process": sign_e_process,
    "normal-mixture confidence sequence": normal_mixture_sequence,
    "t at every look, no plan": naive_t,
}


# --- noise: unit scale (the 68 % half-width is about 1), centre of symmetry 0 ---------------------------------


def gaussian(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Draw normal noise."""
    return rng.normal(size=shape)


def laplace(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Draw Laplace noise: heavy tails."""
    return rng.laplace(size=shape)


def bimodal(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Draw what two launches give when three in ten land in a slow layout: difference of two bimodal draws."""
    sides = rng.normal(size=(2, *shape)) * 0.5 + 3.0 * (rng.random(size=(2, *shape)) < 0.3)
    return np.asarray(sides[1] - sides[0])


def skewed(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Draw the difference of two log-normal sides: skewed noise that pairs cancel."""
    sides = rng.lognormal(sigma=1.0, size=(2, *shape))
    return np.asarray(sides[1] - sides[0])


def drifting(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Draw rounds whose scale wanders tenfold over the run, as a neighbour comes and goes; signs stay fair."""
    walk = np.cumsum(rng.normal(size=shape) * 0.15, axis=1)
    return np.asarray(rng.normal(size=shape) * np.exp(np.clip(walk, -1.15, 1.15)))


def recorded(values: list[list[float]]) -> Callable[[np.random.Generator, tuple[int, int]], FloatArray]:
    """Return a sampler of recorded rounds: a random benchmark per replicate, its rounds drawn with random signs.

    Both sides of a recorded round ran the same code, so which of them was called the candidate is arbitrary: the sign
    is a fair coin by design. Without it the accidental median of a finite recording would count as a true effect.
    """
    series = [np.asarray(one) / max(1e-12, float(np.quantile(np.abs(one), 0.68))) for one in values]

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
        rows = [rng.choice(series[rng.integers(len(series))], size=shape[1]) for _ in range(shape[0])]
        return np.asarray(rows) * rng.choice([-1.0, 1.0], size=shape)

    return draw


NOISE: dict[str, Callable[[np.random.Generator, tuple[int, int]], FloatArray]] = {
    "Gaussian": gaussian,
    "Laplace": laplace,
    "bimodal": bimodal,
    "skewed sides": skewed,
    "wandering scale": drifting,
}


def load_recorded(directory: Path) -> dict[str, Callable[[np.random.Generator, tuple[int, int]], FloatArray]]:
    """Return one sampler per recorded file of A/A rounds (schema headgate.noise/1)."""
    found = {}
    for path in sorted(directory.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        found[f"recorded: {path.stem}"] = recorded([entry["log_ratios"] for entry in content["benchmarks"]])
    return found


@dataclass(frozen=True)
class Row:
    """What one method did under one noise."""

    noise: str
    method: str
    error: float
    power: float
    share: float


def simulate(replicates: int, rounds: int, alpha: float, distance: float) -> list[Row]:
    """Return a row per noise and method; ``distance`` is the true excess in units of the noise's scale."""
    rows = []
    for noise, draw in {**NOISE, **load_recorded(NOISE_DIRECTORY)}.items():
        data = draw(np.random.default_rng(SEED), (replicates, rounds))
        for method, decide in METHODS.items():
            error = float(np.mean(decide(data, alpha) > 0))
            decided = decide(data + distance, alpha)
            used = np.where(decided > 0, decided, rounds) / rounds
            rows.append(Row(noise, method, error, float(np.mean(decided > 0)), float(np.mean(used))))
    return rows


def render(rows: list[Row], replicates: int, rounds: int, alpha: float, distance: float) -> str:
    """Return the table as Markdown."""
    three_sigma = 3.0 * math.sqrt(alpha * (1 - alpha) / replicates)
    lines = [
        (
            f"{replicates:,} replicates, {rounds} rounds in the budget, nominal error {alpha:.1%} "
            f"(Monte-Carlo bound: {alpha + three_sigma:.2%}), power at {distance:g} scale units above the boundary."
        ),
        "",
        "| noise | method | error at the boundary | power | share of the budget used |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        mark = " **above nominal**" if row.error > alpha + three_sigma else ""
        lines.append(f"| {row.noise} | {row.method} | {row.error:.2%}{mark} | {row.power:.1%} | {row.share:.0%} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--alpha", type=float, default=0.01)
    parser.add_argument("--distance", type=float, default=0.6)
    parser.add_argument("--markdown", type=Path)
    args = parser.parse_args()
    rows = simulate(args.replicates, args.rounds, args.alpha, args.distance)
    text = render(rows, args.replicates, args.rounds, args.alpha, args.distance)
    sys.stdout.write(text)
    if args.markdown:
        args.markdown.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
