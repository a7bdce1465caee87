"""The figures of docs/concepts.md: `python tools/concept_figures.py` writes them to docs/images/.

Nothing is drawn by hand. Intervals come from the gate's own code on recorded noise (tests/data/noise: an unchanged
suite on a shared two-core machine), with a change of known size added; error rates are read from docs/decisions/0002.
"""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from svg_figure import Axis, Figure

from headgate.gates.commit import decide, plan_for
from headgate.gates.policy import Policy
from headgate.model import BenchmarkId, BenchmarkSpec, Comparison, Round, State
from headgate.stats.noise import margin_resolved
from headgate.stats.sequential import bounds, looks_taken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parents[1]
NOISE = ROOT / "tests" / "data" / "noise" / "two-core-vm-shared.json"
METHODS = ROOT / "docs" / "decisions" / "0002-sequential-method.md"
POLICY = Policy(margin=0.05, confidence=0.99, budget=60.0)
ROUNDS = 60  # one a second
COLOURS = {State.PASS: "pass", State.REGRESSED: "fail", State.INCONCLUSIVE: "unsure"}
# A benchmark whose recorded noise is middling (1.5 % between processes, no bias).
TYPICAL = "pure.time_regexes"


def recorded(name: str) -> list[float]:
    """Return the recorded log ratios of an unchanged benchmark, one a round."""
    benchmarks = json.loads(NOISE.read_text(encoding="utf-8"))["benchmarks"]
    return next(one["log_ratios"] for one in benchmarks if one["benchmark"] == name)[:ROUNDS]


def rounds_of(values: Sequence[float], change: float) -> list[Round]:
    """Return rounds in which the candidate is slower by ``change``, with the noise of ``values``."""
    return [
        Round(index, (1.0,), (math.exp(value) * (1.0 + change),), elapsed=float(index))
        for index, value in enumerate(values)
    ]


def judged(change: float, name: str = TYPICAL, rounds: int = ROUNDS) -> Comparison:
    """Return the gate's own comparison of a change of known size."""
    key = BenchmarkId(name)
    evidence = {key: rounds_of(recorded(name)[:rounds], change)}
    (found,) = decide(evidence, [BenchmarkSpec(key, "time", "s")], {}, POLICY, plan_for(POLICY))
    return found


def percent(ratio: float | None) -> float:
    """Return a ratio as a change in percent; there is one wherever enough rounds were taken."""
    if ratio is None:
        raise ValueError("no bound: more rounds are needed for the figure")
    return 100.0 * (ratio - 1.0)


def margin() -> Figure:
    """Draw five changes against the margin: the interval decides, not the estimate."""
    changes = (-0.06, 0.0, 0.025, 0.05, 0.11)
    labels = ("6 % less work", "unchanged", "2.5 % more", "5 % more", "11 % more")
    figure = Figure("The change of a benchmark against the margin: four are decided, one is at the margin itself", 250)
    x = Axis(-8, 14, 150, 590)
    figure.grid_x(x, (-5, 0, 5, 10), lambda value: f"{value:+.0f} %".replace("+0", "0").replace("-", "\u2212"), 30, 215)
    figure.line(x(5), 22, x(5), 215, "fail", width=2, dash="5 4")
    figure.text(x(5) + 6, 24, "margin", "fail")
    for row, (change, label) in enumerate(zip(changes, labels, strict=True)):
        found, y = judged(change, rounds=25), 52 + row * 36
        colour = COLOURS[found.state]
        figure.text(138, y + 4, label, "text", anchor="end")
        figure.line(x(percent(found.lower)), y, x(percent(found.upper)), y, colour, width=5)
        figure.dot(x(percent(found.ratio)), y, 6, colour)
        figure.text(612, y + 4, found.state.value, colour, bold=True)
    return figure


def rounds() -> Figure:
    """Draw the rounds of two benchmarks, and the bounds after each look until it is decided."""
    figure = Figure("Rounds of a benchmark that is 3 % slower and of one that is 6 % slower, and their bounds", 300)
    for left, change, title in ((60, 0.03, "3 % slower"), (410, 0.06, "6 % slower")):
        _one_course(figure, left, change, title)
    return figure


def _one_course(figure: Figure, left: int, change: float, title: str) -> None:
    plan = plan_for(POLICY)
    values = [value + math.log1p(change) for value in recorded(TYPICAL)]
    y, limit, most = Axis(16, -8, 40, 250), math.log1p(POLICY.margin), 40
    x = Axis(0, most, left, left + 280)
    figure.grid_y(
        y,
        (-5, 0, 5, 10, 15),
        lambda value: f"{value:+.0f} %".replace("+0", "0").replace("-", "\u2212"),
        left,
        left + 280,
    )
    figure.text(left, 24, title, "text", bold=True)
    course: list[tuple[int, float, float]] = []
    for count in range(1, most + 1):
        looks = looks_taken([float(index) for index in range(count)], plan, final=False)
        found = bounds(values[:count], looks, plan.alpha, plan.alpha, plan)
        course.append((count, found.lower, found.upper))
        if found.upper < limit or found.lower > limit:
            break
    decided = course[-1][0]
    shown = [
        (count, max(low, math.log(0.92)), min(high, math.log(1.16)))
        for count, low, high in course
        if high < math.inf or low > -math.inf
    ]
    outline = [(x(count), y(100 * math.expm1(high))) for count, _, high in shown]
    outline += [(x(count), y(100 * math.expm1(low))) for count, low, _ in reversed(shown)]
    state = "pass" if course[-1][2] < limit else "fail"
    figure.area(outline, state)
    figure.line(left, y(5), left + 280, y(5), "fail", width=2, dash="5 4")
    for count, value in enumerate(values[:decided], start=1):
        figure.dot(x(count), y(100 * math.expm1(value)), 3.5, "text")
    figure.line(x(decided), 40, x(decided), 250, state, width=2)
    word = "pass" if state == "pass" else "regressed"
    figure.text(left + 280, 24, f"{word}: {decided} rounds", state, anchor="end", bold=True)
    figure.text(left + 140, 284, "rounds", "muted", anchor="middle")
    for tick in (0, 10, 20, 30, 40):
        figure.text(x(tick), 268, str(tick), "muted", anchor="middle")


def looking() -> Figure:
    """Draw the errors of a test repeated at each look, and of one that plans for it."""
    pattern = r"^\| ([\w: -]+) \| (t at every look, no plan|signed rank, spending exponent 1) \| ([\d.]+)%"
    found = re.findall(pattern, METHODS.read_text(encoding="utf-8"), re.MULTILINE)
    kinds = list(dict.fromkeys(kind for kind, _, _ in found))
    errors = {(kind, method.startswith("t ")): float(share) for kind, method, share in found}
    figure = Figure(
        "Errors at the margin when one looks after each round: with a plan at most 1 %, without up to 6 %",
        100 + 34 * len(kinds),
    )
    x = Axis(0, 6.5, 190, 660)
    bottom = 46 + 34 * len(kinds)
    figure.grid_x(x, range(7), lambda value: f"{value:g} %", 40, bottom)
    figure.line(x(1), 32, x(1), bottom, "text", width=2, dash="5 4")
    figure.text(x(1) + 6, 28, "promised", "text")
    for row, kind in enumerate(kinds):
        top = 50 + 34 * row
        figure.text(
            178, top + 14, kind.replace("recorded: two-core-vm-shared", "recorded on a machine"), "text", anchor="end"
        )
        figure.bar(x(0), top, x(errors[kind, False]) - x(0), 10, "pass")
        figure.bar(x(0), top + 11, x(errors[kind, True]) - x(0), 10, "fail")
    figure.legend(300, bottom + 44, (("pass", "headgate's test, planned"), ("fail", "a t-test at each look")))
    return figure


def family() -> Figure:
    """Draw the chance of a false alarm somewhere, by the number of benchmarks."""
    figure = Figure(
        "The chance that some unchanged benchmark is called slower: 63 % at 100 benchmarks unless the family is held",
        290,
    )
    x, y = Axis(0, 3, 70, 640), Axis(100, 0, 30, 230)
    figure.grid_y(y, (0, 25, 50, 75, 100), lambda value: f"{value:g} %", 70, 640)
    for power in range(4):
        figure.text(x(power), 250, f"{10**power:,}", "muted", anchor="middle")
    figure.text(355, 272, "benchmarks in the suite, none of them changed", "muted", anchor="middle")
    steps = [index / 40 for index in range(121)]
    figure.path([(x(step), y(100 * (1 - 0.99 ** (10**step)))) for step in steps], "fail")
    figure.path([(x(0), y(1)), (x(3), y(1))], "pass")
    figure.text(x(1.62), y(64), "each tested at 1 %", "fail", anchor="end", bold=True)
    figure.text(x(3), y(5), "all together at 1 % (Holm)", "pass", anchor="end", bold=True)
    return figure


def budget() -> Figure:
    """Draw what margin so many rounds can resolve, by the noise between processes."""
    figure = Figure(
        "The smallest margin an unchanged benchmark passes nine times in ten, by rounds and noise between processes",
        310,
    )
    x, y = Axis(math.log10(8), math.log10(400), 70, 600), Axis(math.log10(12), math.log10(0.2), 30, 250)
    figure.grid_y(
        y, [math.log10(value) for value in (0.25, 0.5, 1, 2, 5, 10)], lambda value: f"{10**value:g} %", 70, 600
    )
    for count in (8, 20, 50, 100, 200, 400):
        figure.text(x(math.log10(count)), 270, str(count), "muted", anchor="middle")
    figure.text(335, 294, "rounds that the budget allows", "muted", anchor="middle")
    for noise, colour in ((0.04, "fail"), (0.02, "unsure"), (0.01, "pass")):
        counts = [round(8 * 50 ** (step / 24)) for step in range(25)]
        points = [(count, 100 * margin_resolved(noise, count, 0.01)) for count in counts]
        inside = [(x(math.log10(count)), y(math.log10(value))) for count, value in points if value < 12]
        figure.path(inside, colour)
        figure.text(608, inside[-1][1] + 4, f"noise {100 * noise:g} %", colour, bold=True)
    figure.text(70, 20, "margin that can be passed", "muted")
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "margin": margin,
    "rounds": rounds,
    "looking": looking,
    "family": family,
    "budget": budget,
}


def main() -> int:
    """Write every figure; say which changed."""
    for name, draw in FIGURES.items():
        path, text = ROOT / "docs" / "images" / f"{name}.svg", draw().svg()
        changed = not path.exists() or path.read_text(encoding="utf-8") != text
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}{' (changed)' if changed else ''}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
