"""The policy of the commit gate: what a project tolerates, and what it does when it cannot know.

Values only. What a user writes is parsed and checked in `headgate.gates.policy_input`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.model import BenchmarkId, Direction

__all__ = [
    "DEFAULT_BUDGET",
    "DEFAULT_CONFIDENCE",
    "DEFAULT_MARGIN",
    "Action",
    "BenchmarkPolicy",
    "Override",
    "Policy",
    "matches",
    "policy_for",
]

# The smallest slowdown most suites can resolve on a shared two-core machine within the default budget.
DEFAULT_MARGIN = 0.05
# Both errors are held to 1 - confidence at the margin; 1 % keeps a gate of twenty benchmarks from crying wolf.
DEFAULT_CONFIDENCE = 0.99
# Seconds of measuring for the whole run: about what a continuous-integration job may take before people switch it off.
DEFAULT_BUDGET = 600.0


class Action(StrEnum):
    """What the run does about something the numbers do not settle."""

    FAIL = "fail"
    WARN = "warn"
    PASS = "pass"


@dataclass(frozen=True, slots=True)
class Override:
    """What differs for the benchmarks that one of ``match``'s globs matches; None leaves the general value."""

    match: tuple[str, ...]
    margin: float | None = None
    direction: Direction | None = None
    required: bool | None = None
    skip: bool | None = None


@dataclass(frozen=True, slots=True)
class BenchmarkPolicy:
    """The policy of one benchmark.

    ``direction`` is None where the benchmark's own declaration stands. A benchmark that is not ``required`` is measured
    and reported but decides nothing; one to ``skip`` is not measured.
    """

    margin: float
    direction: Direction | None = None
    required: bool = True
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of a run.

    Attributes
    ----------
    margin
        The slowdown tolerated, as a fraction: 0.05 is 5 %.
    confidence
        1 minus the probability that either error may have at the margin.
    budget
        Seconds of measuring.
    on_inconclusive, on_removed, on_added
        What an undecided benchmark, one that only the baseline has, and one that only the candidate has do to the run.
    required
        Globs; each must match at least one benchmark that was measured.
    overrides
        Exceptions, in order: where several match, the later wins, key by key.
    """

    margin: float = DEFAULT_MARGIN
    confidence: float = DEFAULT_CONFIDENCE
    budget: float = DEFAULT_BUDGET
    on_inconclusive: Action = Action.WARN
    on_removed: Action = Action.FAIL
    on_added: Action = Action.PASS
    required: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the policy as plain JSON values; `headgate.gates.policy_input.policy_from_json` reads it back."""
        return {
            "margin": self.margin,
            "confidence": self.confidence,
            "budget": self.budget,
            "on_inconclusive": self.on_inconclusive.value,
            "on_removed": self.on_removed.value,
            "on_added": self.on_added.value,
            "required": list(self.required),
            "overrides": [_override_to_json(override) for override in self.overrides],
        }


def matches(globs: Iterable[str], name: str) -> bool:
    """Whether a glob of ``globs`` matches ``name``: asv's name, or name and parameters (``suite.time_x(1, 2)``).

    A glob without parameters matches the benchmark with any parameters. ``*``, ``?`` and ``[abc]`` as in a shell; case
    counts, on every platform.
    """
    bare = name.partition("(")[0]
    return any(fnmatchcase(name, glob) or fnmatchcase(bare, glob) for glob in globs)


def policy_for(policy: Policy, benchmark: BenchmarkId | str) -> BenchmarkPolicy:
    """Return the policy of one benchmark: the run's, with every matching override applied in order."""
    values: dict[str, Any] = {"margin": policy.margin, "direction": None, "required": True, "skip": False}
    for override in policy.overrides:
        if matches(override.match, str(benchmark)):
            given = {key: getattr(override, key) for key in values}
            values.update({key: value for key, value in given.items() if value is not None})
    return BenchmarkPolicy(**values)


def _override_to_json(override: Override) -> dict[str, Any]:
    given = {"margin": override.margin, "direction": override.direction, "required": override.required}
    given["skip"] = override.skip
    return {"match": list(override.match)} | {key: value for key, value in given.items() if value is not None}
