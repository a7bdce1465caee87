"""The decision over a whole run: from the comparisons to one state, with its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.gates.policy import Action, Policy, matches, policy_for
from headgate.model import Comparison, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["RunDecision", "decide_run"]

# Worst first: a run is as bad as its worst part, and no evidence is worse than bad news.
_WORST_FIRST = (State.FAILED, State.REGRESSED, State.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class RunDecision:
    """The state of a run, why it is not ``pass`` (``reasons``), and what did not decide but should be known."""

    state: State
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def decide_run(
    comparisons: Sequence[Comparison],
    policy: Policy,
    *,
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
    partial: bool = False,
) -> RunDecision:
    """Decide a run: any failed > any regressed > any inconclusive > pass; nothing measured is failed.

    Parameters
    ----------
    comparisons
        One for every benchmark both sides have, undecided and failed ones included.
    policy
        What is required, and what a missing benchmark does.
    added, removed
        Benchmarks only the candidate, only the baseline has.
    partial
        The user asked for some benchmarks only (``--bench``): a required one left out so is a warning, not a failure.
    """
    findings = [*_states(comparisons), *_nothing_measured(comparisons)]
    findings += _listed(removed, policy, policy.on_removed, "was removed: the candidate does not have it")
    findings += _listed(added, policy, policy.on_added, "was added: there is no baseline to compare it with")
    findings += _required(comparisons, policy, partial=partial)
    states = {state for state, _ in findings}
    return RunDecision(
        state=next((state for state in _WORST_FIRST if state in states), State.PASS),
        reasons=tuple(text for wanted in _WORST_FIRST for state, text in findings if state is wanted),
        warnings=tuple(text for state, text in findings if state is State.PASS),
    )


# A finding is what it makes of the run (PASS: worth a warning, decides nothing) and the sentence that says why.
_Finding = tuple[State, str]


def _states(comparisons: Iterable[Comparison]) -> list[_Finding]:
    says = {
        State.FAILED: "gave no evidence",
        State.REGRESSED: "is worse than its margin allows",
        State.INCONCLUSIVE: "could not be decided",
    }
    findings: list[_Finding] = []
    for comparison in comparisons:
        if comparison.state is State.PASS:
            continue
        text = f"{comparison.benchmark} {says[comparison.state]}"
        text += f" ({comparison.reason})" if comparison.reason else ""
        if comparison.required:
            findings.append((comparison.state, text))
        else:
            findings.append((State.PASS, f"{text}; it is not required, so it decides nothing"))
    return findings


def _nothing_measured(comparisons: Sequence[Comparison]) -> list[_Finding]:
    if not comparisons:
        return [(State.FAILED, "nothing was measured: no benchmark was compared")]
    if all(comparison.state is State.FAILED for comparison in comparisons):
        return [(State.FAILED, "nothing was measured: every benchmark failed")]
    if not any(comparison.required for comparison in comparisons):
        return [(State.PASS, "no benchmark of this run is required: none of them could have failed it")]
    return []


def _listed(names: Iterable[str], policy: Policy, action: Action, says: str) -> list[_Finding]:
    findings: list[_Finding] = []
    for name in names:
        own = policy_for(policy, name)
        if own.skip or action is Action.PASS:
            continue
        fails = action is Action.FAIL and own.required
        findings.append((State.FAILED if fails else State.PASS, f"{name} {says}"))
    return findings


def _required(comparisons: Sequence[Comparison], policy: Policy, *, partial: bool) -> list[_Finding]:
    measured = [str(comparison.benchmark) for comparison in comparisons if comparison.state is not State.FAILED]
    present = [str(comparison.benchmark) for comparison in comparisons]
    findings: list[_Finding] = []
    for glob in policy.required:
        if any(matches([glob], name) for name in measured):
            continue
        was = "failed" if any(matches([glob], name) for name in present) else "is not among the benchmarks compared"
        left_out = partial and was != "failed"
        text = f"required benchmark {glob} {was}" + (" (only some were asked for)" if left_out else "")
        findings.append((State.PASS if left_out else State.FAILED, text))
    return findings
