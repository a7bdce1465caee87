"""The release gate: one decision from the commit gate's verdict, the canary's, and the data's quality. Pure.

It passes when every part that is asked for is there, is whole, is fresh, is of the same thing, and passes. One part
that found harm stops the release whatever the others say; what is missing, stale or of something else is never good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DEFAULT_MAX_AGE", "Part", "PartState", "ReleaseDecision", "ReleaseState", "decide_parts", "same_version"]

# How old a part may be, in seconds: a week, which a slow rollout takes; older evidence is of another world.
DEFAULT_MAX_AGE = 7 * 86_400.0
# How far ahead of ours another machine's clock may be, in seconds.
CLOCKS_APART = 86_400.0
# The shortest abbreviation of a commit that names one: git's own default.
_SHORTEST_COMMIT = 7


class PartState(StrEnum):
    """What one part says, or that it says nothing."""

    PASS = "pass"
    HARM = "harm"  # a regression, a halted canary
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"  # it failed, or what it rests on is no evidence
    MISSING = "missing"


class ReleaseState(StrEnum):
    """The one decision."""

    PASS = "pass"
    STOP = "stop"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the evidence.

    Attributes
    ----------
    name
        For the reader: "benchmarks", "canary", "dataset quality".
    state
        What it says.
    reasons
        Why, as the part itself has it.
    version
        What it is of: a commit or a tag; '' if it does not say.
    age
        In seconds; None if it does not say, and then it is not held against it.
    versioned
        Whether it should say what it is of: a dataset's quality is of no version.
    """

    name: str
    state: PartState
    reasons: tuple[str, ...] = ()
    version: str = ""
    age: float | None = None
    versioned: bool = True


@dataclass(frozen=True, slots=True)
class ReleaseDecision:
    """The decision, its reasons, and the parts as they were judged."""

    state: ReleaseState
    reasons: tuple[str, ...]
    parts: tuple[Part, ...]


def decide_parts(parts: Sequence[Part], *, version: str = "", max_age: float = DEFAULT_MAX_AGE) -> ReleaseDecision:
    """Decide whether a release may go on.

    Parameters
    ----------
    parts
        All that is asked for; at least one.
    version
        What is released, and then every part must say that it is of it; '' takes what those that say it agree on.
    max_age
        How old a part may be, in seconds.
    """
    judged = tuple(_known(_fresh(part, max_age), version) for part in parts)
    # Harm was found, of whatever version: nobody should look further for a reason to ship.
    harmful = [part for part in judged if part.state is PartState.HARM]
    others = _of_others(judged, version)
    unusable = [f"{part.name}: {_why(part)}" for part in judged if part.state is PartState.INVALID] + others
    open_ = [part for part in judged if part.state in {PartState.INCONCLUSIVE, PartState.MISSING}]
    if harmful:
        return ReleaseDecision(ReleaseState.STOP, tuple(f"{part.name}: {_why(part)}" for part in harmful), judged)
    if unusable:
        return ReleaseDecision(ReleaseState.INVALID, tuple(unusable), judged)
    if open_ or not judged:
        reasons = tuple(f"{part.name}: {_why(part)}" for part in open_) or ("no evidence was given",)
        return ReleaseDecision(ReleaseState.INCONCLUSIVE, reasons, judged)
    names = ", ".join(part.name for part in judged)
    silent = tuple(f"{one.name} does not say which version it is of" for one in judged if _silent(one))
    return ReleaseDecision(ReleaseState.PASS, (f"all parts pass: {names}", *silent), judged)


def same_version(one: str, other: str) -> bool:
    """Whether two names can be of one version: equal, or one abbreviates the other's commit."""
    if one == other:
        return True
    short, long = sorted((one.lower(), other.lower()), key=len)
    hexadecimal = set(long) <= set("0123456789abcdef")
    return hexadecimal and len(short) >= _SHORTEST_COMMIT and long.startswith(short)


def _fresh(part: Part, max_age: float) -> Part:
    """Return the part, or that it is too old to be good: harm does not grow old."""
    if part.state is not PartState.PASS or part.age is None:
        return part
    if not math.isfinite(part.age):
        return replace(part, state=PartState.INVALID, reasons=("its time is no number", *part.reasons))
    if part.age > max_age:
        reason = f"{part.age / 3600.0:.0f} h old, at most {max_age / 3600.0:.0f} h will do; take it anew"
        return replace(part, state=PartState.INCONCLUSIVE, reasons=(reason, *part.reasons))
    if part.age < -CLOCKS_APART:
        reason = "its time is in the future; check the clocks"
        return replace(part, state=PartState.INVALID, reasons=(reason, *part.reasons))
    return part


def _known(part: Part, version: str) -> Part:
    """Return the part, or that nobody can tell whether it is of the version released."""
    if part.state is not PartState.PASS or not version or not _silent(part):
        return part
    reason = f"does not say which version it is of, and {version} is released"
    return replace(part, state=PartState.INCONCLUSIVE, reasons=(reason, *part.reasons))


def _silent(part: Part) -> bool:
    return part.versioned and not part.version


def _of_others(parts: Sequence[Part], version: str) -> list[str]:
    """Return what does not go together: parts of different versions, or of another than the one released."""
    found: list[str] = []
    known = ([("the release", version)] if version else []) + [(one.name, one.version) for one in parts if one.version]
    for place, (name, mine) in enumerate(known):
        other = next((one for one in known[:place] if not same_version(mine, one[1])), None)
        if other is not None:
            found.append(f"{name}: is of {mine}, {other[0]} is of {other[1]}: they are not about one thing")
    return found


def _why(part: Part) -> str:
    return "; ".join(part.reasons) or part.state.value
