"""What the service does, without HTTP: route a request, answer it by the version's model, record how that went."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.datasets import LazyMap, S3Loader
from headgate.errors import HeadgateError
from headgate.rollout import Controller, Ledger, Plan, Recorder, Route, SnapshotRouter, lead
from headgate.rollout.controller_snapshot import MAX_AGE_SECONDS, POLL_SECONDS, snapshot_name
from headgate.rollout.controller_turn import Step, Turn
from headgate.rollout.decision_json import status_to_json
from headgate.rollout.router_state import Version
from headgate.transforms import sliding_polynomial

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CUSTOMERS", "Answer", "Request", "Settings", "TransformService", "told"]

HERE = Path(__file__).resolve().parent
CUSTOMERS = ("consumer", "business", "public", "employee")
log = logging.getLogger("canary_service")


@dataclass(frozen=True)
class Parameters:
    """A model's parameters, as its file has them."""

    window: int
    coefficients: list[int]


@dataclass(frozen=True)
class Settings:
    """How the service runs; the defaults need nothing but this directory."""

    release: str = "transform-1"
    plan: Path = HERE / "headgate.toml"
    state: Path = Path("canary-state")
    # Or s3://bucket/models/{key}.json: the loader is the same.
    parameters: str = f"{HERE}/parameters/{{key}}.json"
    every: float = 1.0  # seconds between turns of the controller
    poll: float = POLL_SECONDS  # seconds between looks at the snapshot
    max_age: float = MAX_AGE_SECONDS
    answer: float = 2.0  # seconds an answer may take; a version that hangs shows in the evidence after it, not never
    leads: bool = True  # False: this process records evidence, and another leads
    faults: bool = False  # let a request ask for a canary that fails or is slow: for the demonstration and the tests


@dataclass(frozen=True)
class Request:
    """One request; ``fault`` is "", "error", "slow" or "hang", and harms nobody but the canary's users."""

    user: str
    series: list[int]
    attributes: dict[str, Any] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True)
class Answer:
    """The transformed series; None where the version failed."""

    route: Route
    result: list[int] | None
    seconds: float


class TransformService:
    """Answers requests, by one of two versions, and leads the release of the new one."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.plan = Plan.from_file(settings.plan)
        settings.state.mkdir(parents=True, exist_ok=True)
        snapshot = settings.state / snapshot_name(settings.release)
        self.router = SnapshotRouter(self.plan, settings.release, snapshot, poll_seconds=settings.poll)
        # One set of parameters for each version and type of customer, loaded by the first request that needs it. The
        # key is what the request says, not the segment that routed it: after a halt no segment is looked at any more,
        # and a user on stable is to get the same answer as before.
        self.models: LazyMap[str, list[Parameters], str] = LazyMap(S3Loader(settings.parameters, Parameters))
        self._ledger = Ledger(settings.state / "rollout.sqlite")
        self._controller = Controller(
            self._ledger, self.plan, settings.release, snapshot=snapshot, max_age=settings.max_age
        )
        self._recorder = Recorder(self._controller)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._lead, name="controller")
        self._reader = Controller(self._ledger, None, settings.release)
        self._reading = threading.Lock()

    def start(self) -> None:
        """Register the release, if this process leads, and start the thread that records.

        A release that is halted, or a ledger that cannot be used, keeps no service from answering: all are on stable.
        """
        try:
            if self.settings.leads:
                self._controller.start()
        except HeadgateError as error:
            log.error("%s", error)  # noqa: TRY400 - its message says all; no traceback
        self._thread.start()

    def stop(self) -> None:
        """Record what waits, give the lease back, close the ledger."""
        self._stop.set()
        self._thread.join()
        self._controller.close()
        self._ledger.close()

    async def answer(self, request: Request) -> Answer:
        """Answer one request; never raises for what a version does."""
        route = self.router.route(request.user, request.attributes)
        began = time.perf_counter()
        result = None
        try:
            async with asyncio.timeout(self.settings.answer):
                result = await self._transform(route, request)
        except Exception as error:  # noqa: BLE001 - whatever a version raises is its failure: counted, and answered with 500
            log.info("%s failed: %s", route.version, type(error).__name__)
        seconds = time.perf_counter() - began
        late = seconds if result is not None else math.inf
        self._recorder.add(
            request.user, route, {"served": float(result is not None), "latency": late, "errors": result is None}
        )
        return Answer(route, result, seconds)

    async def _transform(self, route: Route, request: Request) -> list[int]:
        if request.fault and self.settings.faults and route.version is not Version.STABLE:
            await _misbehave(request.fault)
        # The sandbox runs the new version too; what it answers is nobody's evidence.
        version = "stable" if route.version is Version.STABLE else "canary"
        customer = request.attributes.get("customer")
        [model] = await self.models.aget(f"{version}/{customer if customer in CUSTOMERS else CUSTOMERS[0]}")
        series = np.array(request.series, dtype=np.int64)
        transformed = sliding_polynomial(series, model.window, coefficients=model.coefficients)
        return [int(one) for one in transformed]

    def status(self) -> dict[str, Any]:
        """Return where the release stands, from the ledger; blocks, so not for the event loop."""
        with self._reading:
            return status_to_json(self._reader.status())

    def _lead(self) -> None:
        if self.settings.leads:
            lead(self._controller, self._stop, every=self.settings.every, recorder=self._recorder, told=told())
            return
        say, stopping = told(), False
        while not stopping:
            stopping = self._stop.wait(self.settings.every)
            try:
                self._recorder.flush()
            except HeadgateError as error:
                say(error)


def told() -> Callable[[Turn | HeadgateError], None]:
    """Return what logs a controller's turns: each line once, until another one comes."""
    last = ""

    def say(turn: Turn | HeadgateError) -> None:
        nonlocal last
        line = f"{turn}" if isinstance(turn, HeadgateError) else f"{turn.step}: {'; '.join(turn.decision.reasons)}"
        # What is waited for changes with every user, and a halted release is halted at every turn.
        key = turn.step if isinstance(turn, Turn) and turn.step in {Step.WAITED, Step.HALTED} else line
        if key != last:
            last = key
            log.warning("%s", line)

    return say


async def _misbehave(fault: str) -> None:
    if fault == "error":
        raise RuntimeError("the canary was asked to fail")
    # Sleeping, not computing: what a canary takes of a processor that stable shares, stable's users would notice.
    await asyncio.sleep(0.1 if fault == "slow" else 60.0)
