"""The example's service over HTTP on loopback, in this process, and the users that its router sends to each version."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from transform_app import create_app
from transform_service import Settings, TransformService

from headgate.rollout import Plan, Router, RouterState
from headgate.rollout.router_state import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "canary_service"
RELEASE = "transform-1"
# What the guide and the example's README state: traffic ceases within one turn, one look and what both take.
EVERY, POLL = 0.2, 0.2
# What a turn, a look, and the test's own requests may take besides on a machine that is busy with other things.
SLACK = 3.0
SERIES = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3]


@contextmanager
def served(state: Path, **changes: Any) -> Iterator[tuple[TransformService, httpx.Client]]:
    """Run the service; yield it and a client."""
    settings = replace(Settings(state=state, release=RELEASE, every=EVERY, poll=POLL, faults=True), **changes)
    service = TransformService(settings)
    server = uvicorn.Server(uvicorn.Config(create_app(service), host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started or not thread.is_alive())
        assert server.started, "the service did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20.0, trust_env=False) as client:
            wait_for(lambda: service.router.poll() is None and (service.router.state is not None or not settings.leads))
            yield service, client
    finally:
        server.should_exit = True
        thread.join()


def wait_for(done: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def ask(client: httpx.Client, user: str, customer: str | None = "consumer", **headers: str) -> httpx.Response:
    """Send one request."""
    return client.post("/transform", json={"series": SERIES}, headers=_headers(user, customer, headers))


def ask_all(client: httpx.Client, users: Sequence[str], at_once: int = 20, **headers: str) -> dict[str, httpx.Response]:
    """Send one request for each user, some at a time; return the answers by user."""

    async def send() -> list[httpx.Response]:
        turn = asyncio.Semaphore(at_once)
        async with httpx.AsyncClient(base_url=client.base_url, timeout=20.0, trust_env=False) as many:

            async def one(user: str) -> httpx.Response:
                async with turn:
                    given = _headers(user, "consumer", headers)
                    return await many.post("/transform", json={"series": SERIES}, headers=given)

            return list(await asyncio.gather(*(one(user) for user in users)))

    return dict(zip(users, asyncio.run(send()), strict=True))


def users_of(version: str, count: int, stage: int = 0, prefix: str = "user") -> list[str]:
    """Return users of no segment that a stage's share sends to a version."""
    plan = Plan.from_file(EXAMPLE / "headgate.toml")
    router = Router(plan, RELEASE, RouterState(RELEASE, plan.hash, Status.RUNNING, stage, 0.0, 1.0))
    names = (f"{prefix}-{number}" for number in itertools.count())
    return list(itertools.islice((one for one in names if router.route(one, now=0.0).version == version), count))


def _headers(user: str, customer: str | None, others: dict[str, str]) -> dict[str, str]:
    named = {"X-User": user} | ({} if customer is None else {"X-Customer": customer})
    return named | {f"X-{name.replace('_', '-')}": value for name, value in others.items()}
