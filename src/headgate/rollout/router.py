"""Which version a unit gets: pure, no I/O, no state, the same in any language.

Let ``key`` be the SHA-256 (32 bytes) of the salt's UTF-8, and the salt the plan's name, ``/`` and the release's name.
Let ``person`` be the purpose in ASCII (``assignment``, or ``pin`` for a segment's pinned percentage). A unit's place is
``h``, the 8-byte BLAKE2b (RFC 7693, with the personalization of the BLAKE2 paper, section 2.8) of its bytes with that
key and person, read as a big-endian unsigned integer. With ``limit(ppm) = floor(ppm * 2**64 / 10**6)``:

* sandbox, if ``h >= 2**64 - limit(sandbox)``: the top of the range, whatever the stage;
* else canary, if ``h < limit(stage)``: a unit on the canary stays on it as the stage grows;
* else stable.

A unit is its UTF-8 if it is text, its decimal digits if it is an integer (42 and "42" are one unit), or the bytes
themselves; text is not normalised. Whatever goes wrong, the answer is stable, with the reason.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.gates.canary_policy import MILLION
from headgate.rollout.router_state import Reason, RouterState, Status, Version
from headgate.rollout.segments import Fault, Rule, Segment, compile_where

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headgate.rollout.plan import Plan

__all__ = ["ASSIGNMENT", "PIN", "Route", "Router", "limit", "place", "release_key"]

ASSIGNMENT = b"assignment"
PIN = b"pin"
_RANGE = 1 << 64


class Route(NamedTuple):
    """Where a unit goes, and why.

    ``stage`` counts from 0 and is None while no stage runs; ``segment`` is the name of the one that decided.
    ``faults`` are the attributes that a rule looked at and could not use. Routes with ``reason``
    `Reason.ASSIGNED` are the randomised ones: only they belong in the evidence of a stage.
    """

    release: str
    version: Version
    stage: int | None
    segment: str | None
    reason: Reason
    faults: tuple[Fault, ...] = ()


class _Split(NamedTuple):
    """How a place becomes a route. Bounds are big-endian bytes: of equal length they order as the numbers do."""

    copy: Callable[[], Any]
    limit: bytes
    sandbox: bytes
    to_canary: Route
    to_stable: Route
    to_sandbox: Route


class Router:
    """Routes the units of one release by one snapshot of its state; make a new one (`updated`) when that changes.

    Parameters
    ----------
    plan
        The release's plan.
    release
        The release's name; with the plan's name it is the salt.
    state
        What the controller last said; None (nothing readable): everybody is on stable.
    """

    __slots__ = (
        "_default",
        "_fixed",
        "_max_age",
        "_no_unit",
        "_rules",
        "_segments",
        "_stale",
        "_time",
        "plan",
        "release",
    )

    def __init__(self, plan: Plan, release: str, state: RouterState | None) -> None:
        rules = tuple(compile_where(segment.where, segment.name) for segment in plan.segments)
        self._build(plan, release, state, tuple(zip(rules, plan.segments, strict=True)))

    def updated(self, state: RouterState | None) -> Router:
        """Return a router for another snapshot of the same release; the compiled rules are shared."""
        router = object.__new__(Router)
        router._build(self.plan, self.release, state, self._segments)
        return router

    def route(self, unit: object, attributes: Mapping[str, Any] | None = None, *, now: float) -> Route:
        """Return where ``unit`` goes; never raises for what a request carries.

        Parameters
        ----------
        unit
            The randomisation unit: text, bytes or an integer. Anything else, and nothing, is stable.
        attributes
            What the segments' rules look at. Not a mapping: as if empty.
        now
            Seconds since the epoch, by the caller's clock; a state further from it than its ``max_age``, in the past or
            in the future, is not believed.
        """
        # Also false for a NaN, and for the infinite age of no state at all.
        if not -self._max_age <= now - self._time <= self._max_age:
            return self._stale
        if self._fixed is not None:
            return self._fixed
        try:
            data = unit.encode() if unit.__class__ is str else _unit_bytes(unit)
        except ValueError:  # no valid text, or a whole number of more digits than Python writes
            return self._no_unit
        if not data:
            return self._no_unit
        if not self._rules:
            return _assign(self._default, data)
        faults: list[Fault] = []
        found: Route | _Split = self._default
        if attributes.__class__ is not dict:
            attributes = _mapping(attributes)
        for rule, target in self._rules:
            if rule(attributes, faults):
                found = target
                break
        route = found if isinstance(found, Route) else _assign(found, data)
        return route._replace(faults=tuple(dict.fromkeys(faults))) if faults else route

    def _build(
        self, plan: Plan, release: str, state: RouterState | None, segments: tuple[tuple[Rule, Segment], ...]
    ) -> None:
        self.plan, self.release, self._segments = plan, release, segments
        self._time, self._max_age = (0.0, -1.0) if state is None else (state.time, state.max_age)
        reason = Reason.NO_STATE if state is None else Reason.STALE_STATE
        self._stale = Route(release, Version.STABLE, None, None, reason)
        self._no_unit = self._stale._replace(reason=Reason.NO_UNIT)
        refused = _refusal(plan, release, state)
        self._fixed = None if refused is None else self._stale._replace(reason=refused)
        self._rules: tuple[tuple[Rule, Route | _Split], ...] = ()
        if refused is None and state is not None and state.stage is not None:
            self._no_unit = self._no_unit._replace(stage=state.stage)
            base = Route(release, Version.STABLE, state.stage, None, Reason.ASSIGNED)
            self._default = _split(plan, release, base, plan.stages[state.stage].ppm)
            self._rules = tuple((rule, _target(plan, base, segment)) for rule, segment in segments)


def release_key(plan_name: str, release: str) -> bytes:
    """Return the 32-byte BLAKE2b key of a release: the SHA-256 of its salt."""
    return hashlib.sha256(f"{plan_name}/{release}".encode()).digest()


def limit(ppm: int) -> int:
    """Return the number of places, of 2**64, that a share of ``ppm`` parts per million takes."""
    return ppm * _RANGE // MILLION


def place(unit: str | bytes | int, key: bytes, purpose: bytes = ASSIGNMENT) -> int:
    """Return the unit's place in [0, 2**64): the formula above, written once and slowly."""
    data = _unit_bytes(unit)
    if not data:
        raise ValueError("a unit is a text or bytes with something in it, or an integer")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=key, person=purpose).digest(), "big")


def _refusal(plan: Plan, release: str, state: RouterState | None) -> Reason | None:
    """Return why this state sends everybody to stable; None if it does not."""
    if state is None:
        return Reason.NO_STATE
    if state.release != release or state.plan_hash != plan.hash:
        return Reason.OTHER_RELEASE
    if state.status is Status.HALTED:
        return Reason.HALTED
    if state.stage is None or state.status is Status.REGISTERED:
        return Reason.NOT_STARTED
    return None if 0 <= state.stage < len(plan.stages) else Reason.NO_STATE


def _target(plan: Plan, base: Route, segment: Segment) -> Route | _Split:
    named = base._replace(segment=segment.name)
    if segment.destination == "exclude":
        return named._replace(reason=Reason.EXCLUDED)
    if segment.destination == "sandbox":
        return named._replace(version=Version.SANDBOX, reason=Reason.SEGMENT_SANDBOX)
    if segment.ppm is not None:
        return _split(plan, base.release, named._replace(reason=Reason.PINNED), segment.ppm, PIN)
    stage = 0 if base.stage is None else base.stage
    return _split(plan, base.release, named, plan.stages[stage].ppm)


def _split(plan: Plan, release: str, base: Route, ppm: int, purpose: bytes = ASSIGNMENT) -> _Split:
    hasher = hashlib.blake2b(digest_size=8, key=release_key(plan.name, release), person=purpose)
    sandbox = _RANGE - limit(plan.sandbox_ppm if purpose == ASSIGNMENT else 0)
    return _Split(
        hasher.copy,
        _bound(min(limit(ppm), sandbox)),
        _bound(sandbox),
        base._replace(version=Version.CANARY),
        base._replace(version=Version.STABLE),
        base._replace(version=Version.SANDBOX, reason=Reason.SANDBOX),
    )


def _bound(number: int) -> bytes:
    # 2**64 does not fit 8 bytes; this ninth byte makes a bound that every 8-byte digest is below.
    return number.to_bytes(8, "big") if number < _RANGE else b"\xff" * 8 + b"\0"


def _assign(split: _Split, data: bytes) -> Route:
    copy, below, sandbox, to_canary, to_stable, to_sandbox = split
    hasher = copy()
    hasher.update(data)
    digest = hasher.digest()
    if digest < below:
        return to_canary
    return to_stable if digest < sandbox else to_sandbox


def _unit_bytes(unit: object) -> bytes:
    if isinstance(unit, str):
        return unit.encode()
    if isinstance(unit, bytes):
        return unit
    if isinstance(unit, int) and not isinstance(unit, bool):
        return b"%d" % unit
    return b""


def _mapping(attributes: object) -> Mapping[str, Any]:
    from collections.abc import Mapping

    return attributes if isinstance(attributes, Mapping) else {}
