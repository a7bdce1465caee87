"""The verdict in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.model import Change, State
from headgate.report.wording import count, percent, plain_percent, printable, short_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.model import Comparison, Verdict

__all__ = ["verdict_sentence"]

_LONGEST_NAME = 80
_TIME_UNITS = ("seconds", "s")


def verdict_sentence(verdict: Verdict) -> str:
    """Return what the verdict says, fit for a headline; only benchmarks that decide are counted as bad."""
    tell = {
        State.FAILED: _failed,
        State.REGRESSED: _regressed,
        State.INCONCLUSIVE: _inconclusive,
        State.PASS: _passed,
    }
    return tell[verdict.state](verdict)


def _failed(verdict: Verdict) -> str:
    total = len(verdict.comparisons)
    failed, regressed = _deciding(verdict, State.FAILED), _deciding(verdict, State.REGRESSED)
    if all(item.state is State.FAILED for item in verdict.comparisons):
        removed = f"; {_removed(verdict)}" if verdict.removed else ""
        if not total:
            return f"Nothing was measured{removed}."
        return (
            f"Nothing was measured: {'the benchmark' if total == 1 else f'all {total:,} benchmarks'} failed{removed}."
        )
    parts = [f"{_of(len(failed), total)} gave no evidence"] if failed else []
    parts += [_removed(verdict)] if verdict.removed and verdict.policy.get("on_removed") != "warn" else []
    # Neither: a required benchmark is not there, an added one is not allowed. The decision has said so.
    parts = parts or [printable(text) for text in verdict.reasons[:1]] or ["No verdict"]
    parts += [f"{len(regressed):,} {_is(len(regressed))} {_worse(regressed)} by more than {_margin(regressed)}"] * bool(
        regressed
    )
    sentence = "; ".join(parts)
    return sentence[:1].upper() + sentence[1:] + "."


def _regressed(verdict: Verdict) -> str:
    worse = _deciding(verdict, State.REGRESSED)
    if not worse:
        return _as_decided(verdict)
    worst = max(worse, key=lambda item: item.ratio or 0.0)
    which = f"{short_name(printable(str(worst.benchmark)), _LONGEST_NAME)}, {percent(worst.ratio, worst.margin)}"
    return (
        f"{_of(len(worse), len(verdict.comparisons))} {_is(len(worse))} {_worse(worse)} by more than {_margin(worse)}"
        f"{': ' if len(worse) == 1 else '; the worst: '}{which}."
    )


def _inconclusive(verdict: Verdict) -> str:
    open_ = _deciding(verdict, State.INCONCLUSIVE)
    if not open_:
        return _as_decided(verdict)
    confidence = verdict.policy.get("confidence")
    at = f" at {plain_percent(confidence)} confidence" if isinstance(confidence, float) else ""
    return (
        f"{_of(len(open_), len(verdict.comparisons))} could not be decided{at}; "
        f"none is known to be {_worse(verdict.comparisons)} by more than {_margin(verdict.comparisons)}."
    )


def _passed(verdict: Verdict) -> str:
    passed = [item for item in verdict.comparisons if item.state is State.PASS]
    if not passed:
        return _as_decided(verdict)
    margin, worse = _margin(passed), _worse(passed)
    moved = [
        f"{amount:,} {word}"
        for change, word in ((Change.FASTER, "faster"), (Change.SLOWER, "slower within it"))
        if (amount := sum(item.change is change for item in passed))
    ]
    if worse == "worse":
        moved = [text.replace("faster", "better").replace("slower", "worse") for text in moved]
    beside = f" ({', '.join(moved)})" if moved else ""
    others = len(verdict.comparisons) - len(passed)
    rest = f"; {count(others, 'other')} {'does' if others == 1 else 'do'} not decide" if others else ""
    if len(passed) == 1:
        return f"The benchmark passes: it is not {worse} by more than {margin}{beside}{rest}."
    return f"All {len(passed):,} benchmarks pass: none is {worse} by more than {margin}{beside}{rest}."


def _as_decided(verdict: Verdict) -> str:
    """Return the decision's own words, where no benchmark that decides accounts for the state."""
    told = (*verdict.reasons, *verdict.warnings)
    return f"The verdict is {verdict.state.value}{': ' + printable(told[0]) if told else ''}."


def _deciding(verdict: Verdict, state: State) -> list[Comparison]:
    return [item for item in verdict.comparisons if item.state is state and item.required]


def _removed(verdict: Verdict) -> str:
    return f"{count(len(verdict.removed), 'benchmark')} {'was' if len(verdict.removed) == 1 else 'were'} removed"


def _of(part: int, total: int) -> str:
    return f"{part:,} of {count(total, 'benchmark')}"


def _is(amount: int) -> str:
    return "is" if amount == 1 else "are"


def _worse(comparisons: Sequence[Comparison]) -> str:
    return "slower" if all(item.unit in _TIME_UNITS for item in comparisons) else "worse"


def _margin(comparisons: Sequence[Comparison]) -> str:
    margins = {item.margin for item in comparisons}
    if len(margins) == 1:
        return f"the {plain_percent(margins.pop())} margin"
    return "its margin" if len(comparisons) == 1 else "their margins"
