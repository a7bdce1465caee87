"""Loads of a lazy map that run in threads of their own: refreshes, and what async tasks ask for."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from typing import Literal, TypeVar

from headgate.datasets.lazy_flight import Answer, Ending, Load, following, told
from headgate.datasets.lazy_loading import Loading
from headgate.datasets.lazy_table import MISSING, Missing, Node
from headgate.errors import LoadError

__all__ = ["Background"]

K = TypeVar("K")
V = TypeVar("V")

# A refresh is a thread while it lasts: enough to keep a server's hot entries fresh, few against its threads.
MOST_REFRESHES = 8
# A refresh that failed is tried again at the first hit after 1 s, 2 s, 4 s … a minute: long against a glitch, short
# against an outage that somebody mends. The first wait is no longer than refresh_after itself.
FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 60.0


class Background(Loading[K, V]):
    """Adds to `Loading` what does not block the thread that asks."""

    # -- refreshing ------------------------------------------------------------------------------------------------

    def _overdue(self, node: Node[K, V], now: float) -> V | Literal[Missing.MISSING]:
        """Return what a hit on an entry that is due gives: nothing once it has expired, else the stale value."""
        if now >= node.expires:
            return MISSING
        load = self._claim_refresh(node, now)
        if load is not None:
            try:
                self._spawn(load)
            except RuntimeError as error:  # no more threads: a refresh that failed
                self._publish(load, (Ending.FAILED, error), now)
        return node.value

    def _claim_refresh(self, node: Node[K, V], now: float) -> Load[K, V] | None:
        """Return the refresh that this hit is to start, if it is to."""
        with self._lock:
            if self._nodes.get(node.key) is not node or node.key in self._loads or now < node.due:
                return None
            if len(self._refreshes) >= MOST_REFRESHES:
                node.due = min(node.expires, now + self._retry_after(0))
                return None
            load: Load[K, V] = Load(node.key, node, begun=True, refreshing=True)
            self._loads[node.key] = load
            self._refreshes.add(load)
            node.due = node.expires  # hits need not look closer while it runs
            return load

    def _put_off(self, load: Load[K, V], now: float) -> None:
        """Have a refresh that failed tried again later; the stale value is served meanwhile, until it expires."""
        node = self._nodes.get(load.key)
        if node is not None and node is load.basis:
            node.due = min(node.expires, now + self._retry_after(node.attempts))
            node.attempts += 1

    def _retry_after(self, attempts: int) -> float:
        first = min(FIRST_RETRY_SECONDS, self._refresh_after or FIRST_RETRY_SECONDS)
        return min(LAST_RETRY_SECONDS, first * 2.0 ** min(attempts, 64))

    def _spawn(self, load: Load[K, V]) -> None:
        """Run a refresh in a thread; a daemon, because a source that hangs must not keep the program from ending."""
        threading.Thread(target=self._run_contained, args=(load,), name="headgate-refresh", daemon=True).start()

    def _run_contained(self, load: Load[K, V]) -> None:
        try:
            self._run(load, contained=True)
        finally:
            if not load.done:  # not the loader but the clock raised
                self._abandon(load)

    # -- async tasks -----------------------------------------------------------------------------------------------

    async def _obtain_async(self, key: K) -> V | Literal[Missing.MISSING]:
        """As `_obtain`, for a task: the load runs in a thread, and goes on for others if the task is cancelled."""
        again = False
        while True:
            mine: Load[K, V] = Load(key, None, begun=False)
            load, _, answer = self._claim(key, mine, begin=False, again=again)
            if load is not None:
                with following(load):
                    if load is mine:
                        self._hand_to_executor(load)
                    answer = await _arrival(load)
            if answer is not None and answer[0] is not Ending.ABANDONED:
                value: V | Literal[Missing.MISSING] = told(key, answer)
                return value
            again = True

    def _hand_to_executor(self, load: Load[K, V]) -> None:
        import asyncio

        context = contextvars.copy_context()
        try:
            handed = asyncio.get_running_loop().run_in_executor(None, context.run, self._run_unless_begun, load)
        except RuntimeError as error:
            if not self._is_mine_to_end(load):
                return  # a thread has begun it meanwhile: it ends there
            self._abandon(load)
            raise LoadError(
                f"cannot load {load.key!r}: the event loop's executor takes no more work ({error}); ask before it is "
                "shut down, or give the loop another",
                load.key,
            ) from None
        except BaseException:
            self._dropped(load)
            raise
        # An executor that is shut down may drop what it has not begun; those who wait then ask anew.
        handed.add_done_callback(lambda ended: self._dropped(load) if ended.cancelled() else None)

    def _is_mine_to_end(self, load: Load[K, V]) -> bool:
        """Begin a load, unless a thread has: then it ends there."""
        with self._lock:
            begun, load.begun = load.begun, True
        return not begun

    def _dropped(self, load: Load[K, V]) -> None:
        if self._is_mine_to_end(load):
            self._abandon(load)

    def _run_unless_begun(self, load: Load[K, V]) -> None:
        if self._is_mine_to_end(load):
            self._run_contained(load)


async def _arrival(load: Load[K, V]) -> Answer:
    """Wait for a load without being able to cancel it: the task has a future of its own."""
    import asyncio

    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()

    def settle() -> None:
        if not arrived.done():
            arrived.set_result(None)

    def wake(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle)

    future = load.join()
    future.add_done_callback(wake)
    await arrived
    return future.result()
