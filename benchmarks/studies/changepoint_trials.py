"""Which method should find the changes in a history? The trials behind docs/decisions/0003-change-points.md.

Series of 50 to 500 values with 0 to 4 changes of 2 to 20 % at known places, under several kinds of noise of 3 %; each
method gives its change points. A find within two values of a true change is right (each true change counts once);
printed are precision, recall and F1 over all series of a noise, and the share of series *without* a change in which
anything was found. Competitors are shown with their own defaults, and with the setting of their knob that has the best
F1 among those with no more false alarms than headgate's (over all noises together).

Run: python benchmarks/studies/changepoint_trials.py [--series 60] [--markdown FILE]
Otava takes part where it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headgate.stats.changepoint import change_points

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

SEED = 20261123
TOLERANCE = 2
SCATTER = 0.03
LENGTHS = (50, 100, 200, 500)
MOST_CHANGES = 4
LEAST_SEGMENT = 8
SIZES = (0.02, 0.20)


def correlated(n: int, rng: np.random.Generator) -> FloatArray:
    """First-order autocorrelation of 0.6."""
    values: FloatArray = rng.normal(size=n)
    for i in range(1, n):
        values[i] = 0.6 * values[i - 1] + 0.8 * values[i]
    return values


def drifting(n: int, rng: np.random.Generator) -> FloatArray:
    """One slow wave under white noise: the level does change, but at no commit."""
    wave: FloatArray = np.sin(2.0 * math.pi * (np.arange(n) / n + rng.random()))
    return 0.9 * rng.normal(size=n) + 0.6 * wave


def spikes(n: int, rng: np.random.Generator) -> FloatArray:
    """One value in twenty-five far above the others."""
    return 0.7 * rng.normal(size=n) + np.where(rng.random(n) < 0.04, rng.exponential(8.0, size=n), 0.0)


# Noise by name: (n, generator) -> (n,) values of standard deviation about 1.
NOISE: dict[str, Callable[[int, np.random.Generator], FloatArray]] = {
    "Gaussian": lambda n, rng: rng.normal(size=n),
    "Laplace": lambda n, rng: rng.laplace(size=n) / math.sqrt(2.0),
    "heavy tails": lambda n, rng: rng.standard_t(2.5, size=n) / math.sqrt(5.0),
    "bimodal": lambda n, rng: np.where(rng.random(n) < 0.3, 1.5, -0.64) + 0.2 * rng.normal(size=n),
    "correlated": correlated,
    "drifting": drifting,
    "spikes": spikes,
}
NOISES = tuple(NOISE)


@dataclass(frozen=True)
class Trial:
    """A series and the indices at which its level truly changes."""

    values: FloatArray
    truth: tuple[int, ...]


def trial(kind: str, index: int, *, changes: int | None = None) -> Trial:
    """Return series ``index`` of a noise; the same one in every run."""
    rng = np.random.default_rng([SEED, NOISES.index(kind), index, 0 if changes is None else 1])
    n = int(LENGTHS[index % len(LENGTHS)])
    count = int(rng.integers(0, MOST_CHANGES + 1)) if changes is None else changes
    slack = rng.multinomial(n - LEAST_SEGMENT * (count + 1), rng.dirichlet(np.ones(count + 1)))
    truth = tuple(int(place) for place in np.cumsum(slack + LEAST_SEGMENT)[:-1])
    level = np.zeros(n)
    for place in truth:
        level[place:] += rng.choice([-1.0, 1.0]) * math.log1p(math.exp(rng.uniform(*np.log(SIZES))))
    return Trial(1e-3 * np.exp(level + SCATTER * NOISE[kind](n, rng)), truth)


# --- methods: (values, knob) -> the first index of every new level -------------------------------------------------


def by_headgate(values: FloatArray, knob: float) -> list[int]:
    return [point.index for point in change_points(values, knob)]


def by_asv(values: FloatArray, knob: float) -> list[int]:
    """asv.step_detect.detect_steps; the knob is its ``beta`` in log(n)/n, 4 in asv."""
    from asv.step_detect import solve_potts_autogamma

    n = len(values)
    right, *_ = solve_potts_autogamma(list(values), w=[1] * n, beta=knob * math.log(n) / n)
    return [int(end) for end in right[:-1]]


def by_otava(values: FloatArray, knob: float) -> list[int]:
    from otava.analysis import compute_change_points

    return [int(point.index) for point in compute_change_points(list(values), max_pvalue=knob)[0]]


@dataclass(frozen=True)
class Method:
    """A way to find changes; ``knobs`` are its settings, the first its default."""

    name: str
    find: Callable[[FloatArray, float], list[int]]
    knobs: tuple[float, ...]
    needs: str = ""


METHODS = (
    Method("headgate", by_headgate, (0.01,)),
    Method("asv", by_asv, (4.0, 3.0, 3.5, 5.0, 6.0), "asv"),
    Method("Otava", by_otava, (1e-3, 1e-4, 1e-5, 1e-6, 1e-7), "otava"),
)


# --- scoring --------------------------------------------------------------------------------------------------------


@dataclass
class Score:
    """Counts over series."""

    right: int = 0
    found: int = 0
    true: int = 0
    alarms: int = 0
    nulls: int = 0

    def add(self, found: Sequence[int], truth: Sequence[int]) -> None:
        self.right += matched(found, truth)
        self.found += len(found)
        self.true += len(truth)

    def __add__(self, other: Score) -> Score:
        keys = ("right", "found", "true", "alarms", "nulls")
        return Score(**{key: getattr(self, key) + getattr(other, key) for key in keys})

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        return 2.0 * self.right / (self.found + self.true) if self.found + self.true else 1.0

    @property
    def alarm_rate(self) -> float:
        return self.alarms / self.nulls if self.nulls else 0.0


def matched(found: Sequence[int], truth: Sequence[int]) -> int:
    """Return how many true changes have a find of their own within the tolerance."""
    left = sorted(found)
    hits = 0
    for place in truth:
        near = [index for index in left if abs(index - place) <= TOLERANCE]
        if near:
            left.remove(min(near, key=lambda index: abs(index - place)))
            hits += 1
    return hits


def score(method: Method, knob: float, kind: str, series: int) -> Score:
    """Return a method's score on ``series`` series with changes and as many without."""
    result = Score(nulls=series)
    for index in range(series):
        given = trial(kind, index)
        result.add(method.find(given.values, knob), given.truth)
        result.alarms += bool(method.find(trial(kind, index, changes=0).values, knob))
    return result


def scored(method: Method, series: int) -> dict[float, dict[str, Score]]:
    """Return the method's scores by knob, then by noise and over "all" of them."""
    by_knob = {}
    for knob in method.knobs:
        scores = {kind: score(method, knob, kind, series) for kind in NOISES}
        by_knob[knob] = scores | {"all": sum(scores.values(), Score())}
        whole = by_knob[knob]["all"]
        sys.stderr.write(f"{method.name} {knob:g}: F1 {whole.f1:.3f}, alarms {whole.alarm_rate:.3f}\n")
    return by_knob


def rows(series: int) -> list[tuple[str, dict[str, Score]]]:
    """Return (label, score by noise and "all") per method at its default, and matched in false alarms."""
    table: list[tuple[str, dict[str, Score]]] = []
    allowed = 0.0
    for method in METHODS:
        if method.needs and importlib.util.find_spec(method.needs) is None:
            sys.stderr.write(f"{method.name}: not installed, left out\n")
            continue
        by_knob = scored(method, series)
        default = method.knobs[0]
        table.append((f"{method.name} (default {default:g})", by_knob[default]))
        if method.name == "headgate":
            allowed = by_knob[default]["all"].alarm_rate
            continue
        quiet = {knob: scores for knob, scores in by_knob.items() if scores["all"].alarm_rate <= allowed}
        if quiet:
            best = max(quiet, key=lambda knob: quiet[knob]["all"].f1)
            table.append((f"{method.name} (at {best:g})", quiet[best]))
        else:
            least = min(by_knob, key=lambda knob: by_knob[knob]["all"].alarm_rate)
            table.append((f"{method.name} (at {least:g}, its quietest)", by_knob[least]))
    return table


def markdown(table: list[tuple[str, dict[str, Score]]]) -> str:
    """Return the table: per method precision, recall, F1 and false alarms over all noises, then F1 / alarms of each."""
    heads = ["method", "precision", "recall", "F1", "false alarms", *NOISES]
    lines = ["| " + " | ".join(heads) + " |", "|:-" + "|-:" * (len(heads) - 1) + "|"]
    for label, scores in table:
        whole = scores["all"]
        cells = [f"{whole.precision:.3f}", f"{whole.recall:.3f}", f"{whole.f1:.3f}", f"{whole.alarm_rate:.1%}"]
        cells += [f"{scores[kind].f1:.2f} / {scores[kind].alarm_rate:.1%}" for kind in NOISES]
        lines.append("| " + " | ".join([label, *cells]) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=60, help="series with changes, and without, per noise")
    parser.add_argument("--markdown", type=Path, help="also write the table here")
    args = parser.parse_args()
    text = markdown(rows(args.series))
    sys.stdout.write(text)
    if args.markdown:
        args.markdown.write_text(text)


if __name__ == "__main__":
    main()
