"""Traffic for the service on this machine, for a bounded time: all is well at first, then the canary breaks."""

from __future__ import annotations

import asyncio
import itertools
import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["play"]

SERVE = "python examples/canary_service serve --faults"
MOST_SECONDS = 300.0
MOST_AT_ONCE = 50
RETURNING = 0.2  # share of the requests that come from a user seen before
CUSTOMERS = ("consumer", "consumer", "consumer", "consumer", "business", "business", "public", "employee")
MODALITIES = ("web", "web", "app", "app", "app", "batch")


@dataclass(frozen=True)
class Seen:
    """One answer: when it was asked for (seconds since the epoch), by whom it was given, and how it went."""

    sent: float
    broken: bool
    version: str
    status: int
    seconds: float


async def play(args: argparse.Namespace) -> int:
    """Send the requests, print a line a second and what became of stable's users; 0 if none of them got an error."""
    total = min(args.healthy + args.broken, MOST_SECONDS)
    seen: list[Seen] = []
    # This machine alone, whatever proxies the environment names.
    limits = httpx.Limits(max_connections=MOST_AT_ONCE)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{args.port}", limits=limits, timeout=10.0, trust_env=False
    ) as client:
        try:
            (await client.get("/healthz")).raise_for_status()
        except httpx.HTTPError as error:
            print(f"no service on port {args.port} ({type(error).__name__}); start one: {SERVE}")
            return 2
        begun = time.time()
        reporter = asyncio.create_task(_report(client, seen, begun, args.healthy))
        await _send(client, args, total, seen)
        reporter.cancel()
        release = (await client.get("/release")).raise_for_status().json()
    print("\n".join(_summary(seen, release)))
    return int(any(one.version == "stable" and one.status != 200 for one in seen))


async def _send(client: httpx.AsyncClient, args: argparse.Namespace, total: float, seen: list[Seen]) -> None:
    chance, started = random.Random(), time.monotonic()  # noqa: S311 - traffic, no secret
    prefix, users, tasks = f"{args.prefix}-{time.time():.0f}", 0, set[asyncio.Task[None]]()
    for number in itertools.count():
        now = time.monotonic() - started
        if now >= total:
            break
        if number / args.rate > now or len(tasks) >= MOST_AT_ONCE:
            await asyncio.sleep(max(0.001, number / args.rate - now))
            if len(tasks) >= MOST_AT_ONCE:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        fresh = not users or chance.random() >= RETURNING
        users += fresh
        user = users if fresh else chance.randrange(1, users + 1)
        task = asyncio.create_task(_ask(client, f"{prefix}-{user}", args.fault if now >= args.healthy else "", seen))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    if tasks:
        await asyncio.wait(tasks)


async def _ask(client: httpx.AsyncClient, user: str, fault: str, seen: list[Seen]) -> None:
    # What a user is does not change from request to request.
    who = random.Random(user)  # noqa: S311 - as above
    headers = {
        "X-User": user,
        "X-Customer": who.choice(CUSTOMERS),
        "X-Modality": who.choice(MODALITIES),
        "X-App": f"{who.randrange(1, 4)}.{who.randrange(10)}.0",
        "X-Demo-Fault": fault,
    }
    sent, began = time.time(), time.perf_counter()
    try:
        answer = await client.post("/transform", json={"series": list(range(20))}, headers=headers)
    except httpx.HTTPError:
        seen.append(Seen(sent, bool(fault), "nobody", 0, time.perf_counter() - began))
        return
    seen.append(Seen(sent, bool(fault), answer.headers["X-Version"], answer.status_code, time.perf_counter() - began))


async def _report(client: httpx.AsyncClient, seen: Sequence[Seen], begun: float, healthy: float) -> None:
    print("second  stable  canary  sandbox  failed  release")
    told = 0
    for second in itertools.count(1):
        await asyncio.sleep(max(0.0, begun + second - time.time()))
        new, told = seen[told:], len(seen)
        by = Counter(one.version for one in new)
        failed = sum(one.status != 200 for one in new)
        release = (await client.get("/release")).json()
        where = f"{release.get('status')}, stage {(release.get('stage') or 0) + 1}"
        broken = "  (the canary is broken)" if second > healthy else ""
        print(f"{second:6} {by['stable']:7} {by['canary']:7} {by['sandbox']:8} {failed:7}  {where}{broken}", flush=True)


def _summary(seen: Sequence[Seen], release: dict[str, Any]) -> list[str]:
    lines = []
    for version in ("stable", "canary", "sandbox", "nobody"):
        mine = [one for one in seen if one.version == version]
        if mine:
            failed = sum(one.status != 200 for one in mine)
            well, broken = (_median([one.seconds for one in mine if one.broken is which]) for which in (False, True))
            lines.append(f"{version}: {len(mine)} requests, {failed} failed; median {well}, and {broken} once it broke")
    halt = release.get("halt")
    if not halt:
        return [*lines, f"not halted: {release['decision']['state']}, {'; '.join(release['decision']['reasons'])}"]
    after = [one.sent - halt["time"] for one in seen if one.version == "canary" and one.sent > halt["time"]]
    ceased = (
        f"the last request that the canary got came {max(after):.2f} s later" if after else "the canary got no more"
    )
    return [*lines, f"halted: {halt['reason']}", ceased]


def _median(seconds: list[float]) -> str:
    return f"{1000.0 * statistics.median(seconds):.1f} ms" if seconds else "none"
