"""The one view of a verdict that every renderer shows: rows by what matters, a sentence, facts. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate import __version__
from headgate.model import Change, State
from headgate.report.verdict_sentence import verdict_sentence
from headgate.report.wording import duration, percent, plain_percent, printable, quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.model import Comparison, SideInfo, Verdict

__all__ = ["Row", "VerdictView", "verdict_view"]

_STATE_RANK = {State.FAILED: 0, State.REGRESSED: 1, State.INCONCLUSIVE: 2, State.PASS: 3}
_CHANGE_RANK = {Change.SLOWER: 0, Change.FASTER: 1, Change.SAME: 2, Change.UNKNOWN: 2}
# What "slower" and "faster" are called for numbers that are not times.
_CHANGE_WORDS = {
    "bytes": {Change.SLOWER: "larger", Change.FASTER: "smaller"},
    "": {Change.SLOWER: "worse", Change.FASTER: "better"},
}
_TIME_UNITS = ("seconds", "s")


@dataclass(frozen=True, slots=True)
class Row:
    """One benchmark, ready to show; the texts hold nothing that controls a terminal, and are not escaped for markup.

    ``change`` is above zero where the candidate is worse; ``note`` says in a line what the numbers do not, and
    ``detail`` holds the lines that follow it: the tracebacks and output of what failed.
    """

    comparison: Comparison
    name: str
    state: str
    change: str
    change_word: str
    interval: str
    margin: str
    baseline: str
    candidate: str
    rounds: int
    note: str
    detail: tuple[str, ...] = ()

    @property
    def matters(self) -> bool:
        """Whether the row must be read: it is not a plain pass."""
        return self.comparison.state is not State.PASS


@dataclass(frozen=True, slots=True)
class VerdictView:
    """A verdict, ready to show. ``facts`` and ``missing`` are (label, text); ``reproduce`` is commands."""

    verdict: Verdict
    state: str
    sentence: str
    rows: tuple[Row, ...]
    facts: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    reproduce: tuple[str, ...]

    @property
    def to_read(self) -> tuple[Row, ...]:
        """The rows that are not a plain pass; they come first in ``rows``."""
        return tuple(row for row in self.rows if row.matters)

    @property
    def passed(self) -> tuple[Row, ...]:
        """The other rows."""
        return tuple(row for row in self.rows if not row.matters)

    @property
    def of_the_run(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The reasons and the warnings that no row and nothing in ``missing`` shows."""
        told = tuple(f"{name} " for name in (*(row.name for row in self.rows), *(name for name, _ in self.missing)))
        reasons = tuple(text for text in self.reasons if not text.startswith(told))
        return reasons, tuple(text for text in self.warnings if not text.startswith(told))


def verdict_view(
    verdict: Verdict,
    *,
    command: str = "",
    evidence_file: str = "",
    skipped: Mapping[str, str] | None = None,
) -> VerdictView:
    """Return the view of a verdict.

    Parameters
    ----------
    verdict
        What was decided.
    command
        The command that made it; by default the `headgate compare` that would.
    evidence_file
        Where the evidence bundle was written, if it was.
    skipped
        Benchmarks the suite itself skips, and why.
    """
    verify = f"headgate verify {shlex.quote(evidence_file)}" if evidence_file else ""
    return VerdictView(
        verdict=verdict,
        state=verdict.state.value,
        sentence=verdict_sentence(verdict),
        rows=tuple(_row(comparison) for comparison in sorted(verdict.comparisons, key=_by_what_matters)),
        facts=_facts(verdict),
        missing=_missing(verdict, skipped or {}),
        reasons=tuple(printable(text) for text in verdict.reasons),
        warnings=tuple(printable(text) for text in verdict.warnings),
        reproduce=tuple(printable(text) for text in (command or _compare_command(verdict), verify) if text),
    )


def _by_what_matters(comparison: Comparison) -> tuple[object, ...]:
    """Failed, regressed, inconclusive, slower, faster, same; the largest change first."""
    passed = comparison.state is State.PASS
    size = (comparison.ratio or 1.0) - 1.0
    if passed and comparison.change is Change.FASTER:
        size = -size
    return (
        _STATE_RANK[comparison.state],
        _CHANGE_RANK[comparison.change] if passed else 0,
        not comparison.required,
        -size,
        comparison.benchmark,
    )


def _row(comparison: Comparison) -> Row:
    margin = comparison.margin
    known = comparison.ratio is not None
    words = _CHANGE_WORDS.get(comparison.unit, {} if comparison.unit in _TIME_UNITS else _CHANGE_WORDS[""])
    reason, *detail = comparison.reason.splitlines() or [""]
    notes = [reason, *comparison.warnings]
    if not comparison.required:
        notes.insert(0, "not required: decides nothing")
    return Row(
        comparison=comparison,
        name=printable(str(comparison.benchmark)),
        state=comparison.state.value,
        change=percent(comparison.ratio, margin) if known else "",
        change_word=words.get(comparison.change, comparison.change.value) if known else "",
        interval=_interval(comparison) if known else "",
        margin=plain_percent(margin),
        baseline=quantity(comparison.baseline_median, comparison.unit) if known else "",
        candidate=quantity(comparison.candidate_median, comparison.unit) if known else "",
        rounds=comparison.rounds,
        note=printable("; ".join(note for note in notes if note)),
        detail=tuple(printable(line.expandtabs()) for line in detail),
    )


def _interval(comparison: Comparison) -> str:
    lower, upper, margin = comparison.lower, comparison.upper, comparison.margin
    if lower is None and upper is None:
        return "unbounded"
    if lower is None:
        return f"below {percent(upper, margin)}"
    if upper is None:
        return f"above {percent(lower, margin)}"
    for decimals in (1, 2, 3, 4):
        texts = [percent(bound, margin, least=decimals) for bound in (lower, upper)]
        if texts[0] != texts[1]:
            break
    if texts[0] == texts[1]:
        return f"exactly {percent(lower, margin)}"
    return " to ".join(texts)


def _facts(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    policy, hardware = verdict.policy, verdict.hardware
    facts = [("Baseline", _side(verdict.baseline)), ("Candidate", _side(verdict.candidate))]
    confidence, budget = policy.get("confidence"), policy.get("budget")
    terms = [f"margin {plain_percent(margin)}" for margin in [policy.get("margin")] if isinstance(margin, float)]
    terms += [f"confidence {plain_percent(confidence)}"] if isinstance(confidence, float) else []
    terms += [f"budget {duration(budget)}"] if isinstance(budget, int | float) else []
    facts += [("Policy", ", ".join(terms))] if terms else []
    facts += [("Measured for", duration(verdict.wall_seconds))] if verdict.wall_seconds else []
    facts += [("Hardware", _hardware(hardware))] if hardware else []
    facts += [("headgate", __version__)]
    return tuple((label, printable(text)) for label, text in facts if text)


def _side(side: SideInfo) -> str:
    commit = (side.commit or "")[:12]
    parts = [side.requested]
    if commit and not side.requested.startswith(commit):
        parts.append(commit)
    if side.title:
        parts.append(f"“{side.title}”")
    parts.append(f"Python {side.python}" if side.python[:1].isdigit() else side.python)
    return ", ".join(part for part in (*parts, side.environment) if part)


def _hardware(hardware: Mapping[str, object]) -> str:
    """Return the few facts of a hardware profile that tell machines apart; what is not there is left out."""

    def table(name: str) -> Mapping[str, object]:
        found = hardware.get(name)
        return found if isinstance(found, dict) else {}

    cpu, memory, system = table("cpu"), table("memory"), table("platform")
    cores, total = cpu.get("usable_cores") or cpu.get("logical_cores"), memory.get("total")
    parts = [hardware.get("machine"), cpu.get("model"), f"{cores} cores" if cores else None]
    parts.append(quantity(float(total), "bytes") if isinstance(total, int | float) else None)
    return ", ".join(str(part) for part in (*parts, system.get("os"), system.get("kernel")) if part)


def _missing(verdict: Verdict, skipped: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    missing = [(name, "removed: only the baseline has it") for name in verdict.removed]
    missing += [(name, "added: only the candidate has it") for name in verdict.added]
    missing += [
        (name, f"skipped by the suite: {why}" if why else "skipped by the suite") for name, why in skipped.items()
    ]
    return tuple((printable(name), printable(why)) for name, why in missing)


def _compare_command(verdict: Verdict) -> str:
    words = ["headgate", "compare", *(side.commit or side.requested for side in (verdict.baseline, verdict.candidate))]
    for key in ("margin", "confidence", "budget"):
        value = verdict.policy.get(key)
        if isinstance(value, int | float):
            words += [f"--{key}", f"{value:g}" + ("s" if key == "budget" else "")]
    return shlex.join(words)
