"""The controller of a release: evidence in, decisions recorded, and what routers are told.

`Controller.evaluate` decides and changes nothing; `step` is one turn of a control loop: it halts, advances or completes
as the decision says, and writes the snapshot. Traffic to the canary grows on positive evidence alone, or on a person's
override, once for each; it ceases at once, by anyone, without lease or analysis. Two controllers may run: the lease
keeps them apart, and the ledger's compare-and-swap and epoch keep the slower one from recording an outdated decision.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Any

from headgate.errors import ConflictError, NotReadyError, PlanError, UsageError
from headgate.gates.canary import CanaryState
from headgate.rollout import events
from headgate.rollout.controller_snapshot import MAX_AGE_SECONDS, write_snapshot
from headgate.rollout.controller_track import Track, decide_release, follow
from headgate.rollout.controller_turn import ReleaseStatus, Step, Turn, reason_of, refusal
from headgate.rollout.halting import Halting, absolute
from headgate.rollout.plan import Plan
from headgate.rollout.router_state import RouterState, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.gates.canary import CanaryDecision
    from headgate.rollout.batches import Batch, Recorded
    from headgate.rollout.events import Action, Event
    from headgate.rollout.fold import ReleaseState
    from headgate.rollout.ledger import Lease, Ledger

__all__ = ["LEASE_SECONDS", "Controller", "ReleaseStatus", "Step", "Turn"]

# How long a controller that died keeps others from moving traffic; halting needs no lease.
LEASE_SECONDS = 30.0


class Controller:
    """Leads one release through its plan.

    Parameters
    ----------
    ledger
        Where all is recorded.
    plan
        The release's plan; None takes the one that was registered, and refuses to start anything.
    release
        The release's name.
    actor
        Who acts, for the record; by default the host's and the process's id.
    snapshot
        The file for routers, written with every change and by `publish`; None writes none.
    max_age
        For how many seconds routers believe a snapshot.
    clock
        Seconds since the epoch.
    """

    def __init__(
        self,
        ledger: Ledger,
        plan: Plan | None,
        release: str,
        *,
        actor: str = "",
        snapshot: str | os.PathLike[str] | None = None,
        max_age: float = MAX_AGE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.ledger, self.release = ledger, events.check_release(release)
        self.actor = actor or f"controller@{socket.gethostname()}:{os.getpid()}"
        self._given, self._registered = plan, plan
        self._path = None if snapshot is None else absolute(snapshot)
        self._max_age, self._clock = max_age, clock
        self._halting = Halting(ledger, release, self.actor, self._path, max_age, clock)
        # Who holds the lease: the actor alone may be two processes started alike.
        self._holder = f"{self.actor}#{os.urandom(4).hex()}"
        self._state: ReleaseState | None = None
        self._track = Track()
        self._held: Lease | None = None

    # Reading

    @property
    def plan(self) -> Plan:
        """The plan; the registered one where none was given.

        Raises
        ------
        UnknownReleaseError
            None was given, and none is registered.
        """
        if self._registered is None:
            self.state()
        if self._registered is None:
            raise self.ledger.unknown(self.release)
        return self._registered

    def state(self) -> ReleaseState:
        """Return the fold of the release's events, to the last one.

        Raises
        ------
        LedgerTamperedError
            The chain is broken.
        PlanError
            The plan given is not the registered one: a changed plan is a new release.
        """
        self._state = state = self.ledger.state(self.release, self._state)
        if state.status is not None and state.plan_hash:
            if self._given is not None and self._given.hash != state.plan_hash:
                raise PlanError(
                    f"release {self.release!r}: the plan is not the one it was registered with; a change is a new "
                    "release, with evidence of its own: give it another name, or the plan as it was"
                )
            if self._registered is None:
                self._registered = Plan.from_json(state.plan, f"{self.ledger.path}: the plan of {self.release!r}")
        return state

    def evaluate(self, now: float | None = None) -> CanaryDecision:
        """Return the gate's decision on all that is recorded; it changes nothing.

        Raises
        ------
        LedgerError
            No such release (an `UnknownReleaseError`), or its chain is broken.
        """
        return self.status(now).decision

    def status(self, now: float | None = None) -> ReleaseStatus:
        """Return the release's state, and the gate's decision on it."""
        state, moment = self.moment(now)
        policy = self.plan.policy
        if self._track.seq < state.seq:
            follow(policy, self._track, self.ledger.events(self.release, self._track.seq), state.seq)
        return ReleaseStatus(state, decide_release(policy, state, self._track, moment), moment)

    def moment(self, now: float | None = None) -> tuple[ReleaseState, float]:
        """Return the release's state and the time, without a decision; raises as `status`."""
        state = self.state()
        if state.status is None:
            raise self.ledger.unknown(self.release)
        return state, self._clock() if now is None else now

    def snapshot(self) -> RouterState | None:
        """Return what routers are to be told now; None before anything is registered."""
        return self.state().router_state(self._clock(), self._max_age)

    # Recording

    def start(self, version: str = "") -> ReleaseState:
        """Register the plan, and send the first stage's share to the canary; nothing if that was done before.

        Parameters
        ----------
        version
            What is released: a commit, a tag.

        Raises
        ------
        PlanError
            The release was registered with another plan or version.
        ConflictError
            Another controller holds the lease; or the release is halted.
        """
        if self._given is None:
            raise UsageError(f"release {self.release!r}: a plan is needed to start it")
        now = self._clock()
        self.ledger.append(self.release, events.registered(self._given, actor=self.actor, time=now, version=version))
        state = self.state()
        if state.status is Status.REGISTERED:
            draft = events.started(actor=self.actor, time=now)
            self.ledger.append(self.release, draft, expected_seq=state.seq, lease=self._lease(now))
        elif state.halt is not None:
            raise ConflictError(f"release {self.release!r}: halted ({state.halt.reason}); it stays so: open a new one")
        self.publish()
        return self.state()

    def record(self, batch: Batch) -> Recorded:
        """Record a batch of evidence, once however often it comes; see `headgate.rollout.batches`."""
        from headgate.rollout.batches import record_batch

        return record_batch(self.ledger, self.plan, self.release, batch, actor=self.actor, now=self._clock())

    def halt(self, reason: str) -> Event:
        """Cease all traffic to the canary, for good; return the halt in force, which may be an earlier one.

        Nothing holds it up: no lease, no analysis, no plan, no form of the reason. The snapshot is written even if the
        ledger cannot be.

        Raises
        ------
        LedgerError
            It could not be recorded: traffic has ceased where the snapshot is read; this controller, or another that
            finds the snapshot so, records the halt before it publishes anything else.
        InputError
            No such release; or the snapshot can neither be written nor removed: traffic ceases when it is stale.
        """
        return self._halting.halt(reason, "" if self._registered is None else self._registered.hash)

    def record_halt(self, reason: str) -> Event:
        """Record a halt, as `halt` does, and write no snapshot."""
        return self._halting.record(reason)

    def override(self, action: Action | str, reason: str, expires: float) -> Event:
        """Record a person's word: until ``expires`` advance once although the gate has not passed, or hold.

        It changes what is done, never the verdict; and no word undoes a halt.
        """
        draft = events.override(action, reason, expires, actor=self.actor, time=self._clock())
        return self.ledger.append_many(self.release, [draft])[0]

    def advance(self) -> ReleaseState:
        """Move to the next stage, or complete after the last one.

        Raises
        ------
        NotReadyError
            The gate has not passed, and nobody's override says to; or one says to hold.
        ConflictError
            Another controller was first, or holds the lease; or the release is halted.
        """
        status = self.status()
        why = refusal(status, self._track.moved)
        if why:
            raise NotReadyError(f"release {self.release!r}: {why}")
        return self._advance(status)

    def step(self) -> Turn:
        """Take one turn of the control loop: decide, act on it, and write the snapshot."""
        self._recorded()
        status = self.status()
        decision, running = status.decision, status.state.status is Status.RUNNING
        if not running:
            self.publish()
            return Turn(Step.HALTED if status.state.halt is not None else Step.WAITED, decision)
        if decision.state is CanaryState.HALT:
            self.halt(reason_of(decision))
            return Turn(Step.HALTED, decision)
        note = refusal(status, self._track.moved)
        step = Step.WAITED
        if not note:
            try:
                state = self._advance(status)
                step = Step.COMPLETED if state.status is Status.COMPLETED else Step.ADVANCED
            except ConflictError as error:
                note = str(error)
        self.publish()
        return Turn(step, decision, note)

    def publish(self) -> RouterState | None:
        """Write the snapshot anew and return it; call it every `HEARTBEAT_SECONDS`, as `step` does.

        It is written while the ledger's write lock is held, so that no older state can replace a halt.
        """
        self._recorded()
        self.state()  # what is long to read is read before the lock is held
        with self.ledger.transaction():
            self._halting.heed(self.state())
            state = self.snapshot()
            if state is not None and self._path is not None:
                write_snapshot(self._path, state)
        return state

    def close(self) -> None:
        """Give the lease back, so that the next controller need not wait for it; the ledger stays open."""
        if self._held is not None:
            self.ledger.drop_lease(self._held)
            self._held = None

    # How

    def _recorded(self) -> None:
        if self._halting.pending is not None:  # before routers are told anything else
            self._halting.record(self._halting.pending)

    def _advance(self, status: ReleaseStatus) -> ReleaseState:
        state, decision, now = status.state, status.decision, status.now
        details: dict[str, Any] = {"decision": decision.state.value}
        word = state.override_at(now)
        if decision.state is not CanaryState.PASS and word is not None:
            details["override"] = word.seq
        stage = state.stage or 0
        last = stage == len(self.plan.stages) - 1
        make = events.completed if last else lambda **rest: events.advanced(stage, **rest)
        draft = make(actor=self.actor, time=now, **details)
        self.ledger.append(self.release, draft, expected_seq=state.seq, lease=self._lease(now))
        self.publish()
        return self.state()

    def _lease(self, now: float) -> Lease:
        self._held = self.ledger.take_lease(self.release, self._holder, now=now, seconds=LEASE_SECONDS)
        return self._held
