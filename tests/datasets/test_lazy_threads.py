"""A lazy map and many threads, tasks and processes: barriers and events, never a sleep that decides."""

import asyncio
import contextvars
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from lazy_twin import KINDS, PATIENCE, Clock, in_threads, wait_until

from headgate.datasets.lazy_background import MOST_REFRESHES
from headgate.errors import CircularLoadError, LoadError


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[Any]:
    return request.param


class Gate:
    """A loader that stops in the middle of chosen keys until it is let on."""

    def __init__(self, *slow: object) -> None:
        self.slow = set(slow)
        self.entered = threading.Event()
        self.open = threading.Event()
        self.asked: Counter[object] = Counter()
        self.answer: Any = lambda key: f"value of {key}"

    def __call__(self, key: object) -> Any:
        self.asked[key] += 1
        if key in self.slow:
            self.entered.set()
            assert self.open.wait(PATIENCE)
        return self.answer(key)


def waiters(lazy: Any, key: object) -> int:
    """How many threads wait for the load of a key (they wait on its future's condition)."""
    load = lazy._loads.get(key)
    return 0 if load is None or load.future is None else len(load.future._condition._waiters)


@pytest.mark.slow
def test_a_thousand_threads_on_one_cold_key_make_one_load(kind: type[Any]) -> None:
    gate = Gate("a")
    lazy = kind(gate)
    letting_on = threading.Thread(target=lambda: (wait_until(lambda: waiters(lazy, "a") == 999), gate.open.set()))
    letting_on.start()
    values = in_threads(1000, lambda _i: lazy["a"])
    letting_on.join(PATIENCE)
    assert gate.asked == {"a": 1}
    assert len({id(value) for value in values}) == 1
    stats = lazy.stats()
    assert (stats.hits + stats.misses, stats.loads, stats.loading) == (1000, 1, 0)


def test_a_hundred_threads_on_each_of_ten_keys_make_ten_loads(kind: type[Any]) -> None:
    gate = Gate()
    lazy = kind(gate)
    values = in_threads(1000, lambda i: lazy[i % 10])
    assert values == [f"value of {i % 10}" for i in range(1000)]
    assert gate.asked == dict.fromkeys(range(10), 1)


def test_a_slow_key_keeps_nobody_from_another(kind: type[Any]) -> None:
    gate = Gate("slow")
    lazy = kind(gate)
    _ = lazy["hot"]
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(lambda: lazy["slow"])
        assert gate.entered.wait(PATIENCE)
        assert pool.submit(lambda: (lazy["hot"], lazy["cold"])).result(PATIENCE) == ("value of hot", "value of cold")
        assert lazy.prefetch(["other"]).loaded == ("other",)
        lazy.invalidate("hot")
        assert (len(lazy), lazy.stats().loading, slow.done()) == (2, 1, False)
        gate.open.set()
        assert slow.result(PATIENCE) == "value of slow"


def test_ten_threads_on_a_failing_key_make_one_load_and_get_ten_errors(kind: type[Any]) -> None:
    gate = Gate("a")
    cause = OSError("down")

    def fail(_key: object) -> None:
        raise cause

    gate.answer = fail
    lazy = kind(gate)
    letting_on = threading.Thread(target=lambda: (wait_until(lambda: waiters(lazy, "a") == 9), gate.open.set()))
    letting_on.start()
    errors = in_threads(10, lambda _i: lazy["a"])
    letting_on.join(PATIENCE)
    assert gate.asked == {"a": 1}
    assert all(type(error) is LoadError and error.__cause__ is cause for error in errors)
    assert len({id(error) for error in errors}) == 10
    assert lazy.stats().loading == 0


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_owner_that_is_interrupted_hands_over_to_a_waiter(kind: type[Any], end: type[BaseException]) -> None:
    gate = Gate("a")

    def answer(key: object) -> object:
        if gate.asked[key] == 1:
            raise end
        return "loaded by another"

    gate.answer = answer
    lazy = kind(gate)
    letting_on = threading.Thread(target=lambda: (wait_until(lambda: waiters(lazy, "a") == 4), gate.open.set()))
    letting_on.start()
    results = in_threads(5, lambda _i: lazy["a"])
    letting_on.join(PATIENCE)
    assert Counter(map(type, results)) == {str: 4, end: 1}
    assert gate.asked == {"a": 2}
    assert lazy.stats().hits + lazy.stats().misses == 5


def test_an_interrupted_owner_without_waiters_leaves_nothing_behind(kind: type[Any]) -> None:
    gate = Gate()

    def interrupted(_key: object) -> None:
        raise KeyboardInterrupt

    gate.answer = interrupted
    lazy = kind(gate)
    with pytest.raises(KeyboardInterrupt):
        lazy["a"]
    gate.answer = str
    assert (lazy.stats().loading, lazy["a"]) == (0, "a")


def test_two_threads_whose_loads_need_each_other_are_told_and_do_not_hang(kind: type[Any]) -> None:
    both = threading.Barrier(2)

    def load(key: str) -> Any:
        both.wait(PATIENCE)
        return lazy["b" if key == "a" else "a"]

    lazy = kind(load)
    errors = in_threads(2, lambda i: lazy["ab"[i]])
    assert [type(error) for error in errors] == [CircularLoadError] * 2
    assert lazy.stats().loading == 0


def test_a_circle_through_three_threads_and_two_maps_is_told(kind: type[Any]) -> None:
    all_three = threading.Barrier(3)

    def load(key: int) -> Any:
        all_three.wait(PATIENCE)
        return maps[(key + 1) % 3][(key + 1) % 3]

    one, two = kind(load), kind(load)
    maps = [one, two, one]
    errors = in_threads(3, lambda i: maps[i][i])
    assert [type(error) for error in errors] == [CircularLoadError] * 3


def test_loads_that_meet_on_a_third_key_are_no_circle(kind: type[Any]) -> None:
    gate = Gate("shared")

    def load(key: object) -> Any:
        return gate(key) if key == "shared" else (key, lazy["shared"])

    lazy = kind(load)
    letting_on = threading.Thread(target=lambda: (wait_until(lambda: waiters(lazy, "shared") == 7), gate.open.set()))
    letting_on.start()
    values = in_threads(8, lambda i: lazy[i])
    letting_on.join(PATIENCE)
    assert values == [(i, "value of shared") for i in range(8)]
    assert gate.asked == {"shared": 1}


def test_a_circle_through_a_pool_of_the_loaders_own_is_told_if_it_carries_the_context(kind: type[Any]) -> None:
    with ThreadPoolExecutor(4) as pool:

        def load(key: str) -> Any:
            return pool.submit(contextvars.copy_context().run, lazy.get, "b" if key == "a" else "a").result(PATIENCE)

        lazy = kind(load)
        with pytest.raises(CircularLoadError):
            lazy["a"]


@pytest.mark.parametrize("forget", [lambda lazy: lazy.invalidate("a"), lambda lazy: lazy.invalidate_all()])
def test_a_value_whose_load_began_before_an_invalidation_is_not_served_after_it(kind: type[Any], forget: Any) -> None:
    begun = [threading.Event(), threading.Event()]
    let_on = [threading.Event(), threading.Event()]
    numbers = iter(range(2))

    def load(_key: str) -> str:
        number = next(numbers)
        begun[number].set()
        assert let_on[number].wait(PATIENCE)
        return f"load {number}"

    lazy = kind(load)
    with ThreadPoolExecutor() as pool:
        early = pool.submit(lambda: lazy["a"])
        assert begun[0].wait(PATIENCE)
        forget(lazy)
        late = pool.submit(lambda: lazy["a"])
        assert begun[1].wait(PATIENCE), "the later request must load for itself"
        let_on[0].set()
        assert early.result(PATIENCE) == "load 0", "who asked before gets what was loaded for it"
        assert not lazy.is_loaded("a")
        let_on[1].set()
        assert late.result(PATIENCE) == "load 1"
    assert (lazy["a"], lazy.stats().loads) == ("load 1", 2)


def test_invalidation_and_loads_in_many_threads_never_serve_what_was_invalidated(kind: type[Any]) -> None:
    lock, current = threading.Lock(), [0]
    lazy = kind(lambda _key: current[0])

    def work(i: int) -> bool:
        for _ in range(200):
            if i == 0:
                with lock:
                    current[0] += 1
                    lazy.invalidate("a")
            else:
                with lock:
                    least = current[0]
                if lazy["a"] < least:
                    return False
        return True

    assert in_threads(4, work) == [True] * 4


def test_the_weight_holds_and_every_value_is_right_under_many_threads(kind: type[Any]) -> None:
    lazy = kind(lambda key: key * 7, max_weight=20, weigher=lambda key, _value: key % 5)

    def work(i: int) -> bool:
        right = True
        for step in range(400):
            key = (step * (i + 3)) % 60
            right = right and lazy[key] == key * 7 and lazy.stats().weight <= 20
            if step % 50 == 0:
                lazy.invalidate(key)
            if step % 90 == 0:
                right = right and all(value == key * 7 for key, value in lazy.items())
        return right

    assert in_threads(6, work) == [True] * 6
    stats = lazy.stats()
    assert stats.weight == sum(key % 5 for key in lazy)
    assert stats.hits + stats.misses == 2400


# -- refreshing


def test_a_stale_value_is_served_while_one_refresh_runs(kind: type[Any]) -> None:
    clock, gate = Clock(), Gate()
    lazy = kind(gate, refresh_after=10, clock=clock)
    assert lazy["a"] == "value of a"
    clock.now, gate.slow, gate.answer = 10, {"a"}, lambda _key: "new"
    assert in_threads(20, lambda _i: lazy["a"]) == ["value of a"] * 20
    assert gate.entered.wait(PATIENCE)
    assert lazy["a"] == "value of a"
    gate.open.set()
    wait_until(lambda: lazy.stats().loading == 0)
    assert lazy["a"] == "new"
    assert (gate.asked, lazy.stats().misses) == ({"a": 2}, 1)


def test_a_failed_refresh_serves_stale_and_keeps_trying_ever_more_rarely_until_the_ttl(kind: type[Any]) -> None:
    clock, gate = Clock(), Gate()
    lazy = kind(gate, refresh_after=10, ttl=1000, clock=clock)
    lazy._spawn = lazy._run_contained  # in this thread: the test decides when
    _ = lazy["a"]

    def fail(_key: object) -> None:
        raise OSError("down")

    gate.answer = fail
    tried = []
    for second in range(10, 1000):
        clock.now, before = second, gate.asked["a"]
        assert lazy["a"] == "value of a"
        if gate.asked["a"] > before:
            tried.append(second)
    assert tried[:8] == [10, 11, 13, 17, 25, 41, 73, 133]
    assert {later - earlier for earlier, later in pairwise(tried[7:])} == {60}
    assert lazy.stats().refresh_failures == len(tried)
    clock.now = 1000
    with pytest.raises(LoadError):
        lazy["a"]
    gate.answer = lambda _key: "back"
    assert lazy["a"] == "back"


def test_a_refresh_that_finds_nothing_takes_the_entry_out(kind: type[Any]) -> None:
    clock, gate = Clock(), Gate()
    lazy = kind(gate, refresh_after=10, clock=clock)
    lazy._spawn = lazy._run_contained
    _ = lazy["a"]
    clock.now, gate.answer = 10, lambda _key: None
    assert lazy["a"] == "value of a"
    with pytest.raises(KeyError):
        lazy["a"]


def test_only_so_many_refreshes_run_at_once(kind: type[Any]) -> None:
    clock, keys = Clock(), range(MOST_REFRESHES + 5)
    gate = Gate()
    lazy = kind(gate, refresh_after=10, clock=clock)
    lazy.prefetch(keys)
    clock.now, gate.slow = 10, set(keys)
    assert [lazy[key] for key in keys] == [f"value of {key}" for key in keys]
    assert lazy.stats().loading == MOST_REFRESHES
    gate.open.set()
    wait_until(lambda: lazy.stats().loading == 0)
    clock.now = 12
    _ = [lazy[key] for key in keys]
    wait_until(lambda: lazy.stats().loading == 0 and lazy.stats().loads == 2 * len(keys))


def test_a_request_after_the_ttl_waits_for_the_refresh_that_runs(kind: type[Any]) -> None:
    clock, gate = Clock(), Gate()
    lazy = kind(gate, refresh_after=10, ttl=20, clock=clock)
    _ = lazy["a"]
    clock.now, gate.slow, gate.answer = 10, {"a"}, lambda _key: "new"
    _ = lazy["a"]
    assert gate.entered.wait(PATIENCE)
    clock.now = 20
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(lambda: lazy["a"])
        wait_until(lambda: waiters(lazy, "a") == 1)
        gate.open.set()
        assert waiting.result(PATIENCE) == "new"
    assert gate.asked == {"a": 2}


# -- processes


def in_child(work: Any) -> None:
    """Run ``work`` in a forked child and fail if it fails or hangs."""
    import signal

    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(int(PATIENCE))
            status = 0 if work() else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_child_forked_during_a_load_has_the_values_and_loads_for_itself(kind: type[Any]) -> None:
    gate = Gate("slow")
    lazy = kind(gate)
    _ = lazy["warm"]
    with ThreadPoolExecutor() as pool:
        slow = [pool.submit(lambda: lazy["slow"]) for _ in range(3)]
        assert gate.entered.wait(PATIENCE)

        def child() -> bool:
            gate.slow = set()
            return (lazy.stats().loading, lazy.peek("warm"), lazy["slow"]) == (0, "value of warm", "value of slow")

        in_child(child)
        gate.open.set()
        assert [one.result(PATIENCE) for one in slow] == ["value of slow"] * 3


@pytest.mark.parametrize(
    "given",
    [lambda one: one, lambda one: one.__call__, partial, lambda one: partial(partial(one.__call__))],
    ids=["itself", "a method", "a partial", "a partial of a method"],
)
def test_a_child_has_no_values_that_its_loader_calls_the_parents(kind: type[Any], given: Any) -> None:
    class OfOneProcess:
        values_survive_fork = False
        asked = 0

        def __call__(self, key: str) -> str:
            self.asked += 1
            return key.upper()

    loader = OfOneProcess()
    lazy = kind(given(loader))
    assert lazy["a"] == "A"
    in_child(lambda: (len(lazy), lazy["a"], loader.asked, len(lazy)) == (0, "A", 2, 1))
    assert (lazy["a"], loader.asked) == ("A", 1)


def test_a_loader_may_fork_and_both_processes_go_on(kind: type[Any]) -> None:
    entered, go = threading.Event(), threading.Event()

    def load(key: str) -> str:
        if key == "forks":
            entered.set()
            assert go.wait(PATIENCE)
            if child := os.fork():
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            else:
                in_the_child.append(True)
        return key.upper()

    in_the_child: list[bool] = []
    lazy = kind(load)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(lambda: (entered.wait(PATIENCE), lazy["forks"])[1])
        letting_on = threading.Thread(target=lambda: (wait_until(lambda: waiters(lazy, "forks") == 1), go.set()))
        letting_on.start()
        value = lazy["forks"]
        if in_the_child:
            os._exit(0 if value == "FORKS" and lazy["forks"] == "FORKS" and lazy["other"] == "OTHER" else 1)
        assert waiting.result(PATIENCE) == "FORKS"
        letting_on.join(PATIENCE)


@pytest.mark.slow
def test_forks_amid_requests_leave_every_child_a_whole_map(kind: type[Any]) -> None:
    lazy = kind(str, max_weight=10)
    stop = threading.Event()

    def churn() -> None:
        key = 0
        while not stop.is_set():
            key = (key + 1) % 100
            assert lazy[key] == str(key)

    threads = [threading.Thread(target=churn) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            in_child(
                lambda: all(lazy[key] == str(key) for key in range(100)) and lazy.stats().weight == len(lazy) == 10
            )
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)


# -- async tasks


def run(main: Any) -> Any:
    async def bounded() -> Any:
        return await asyncio.wait_for(main(), PATIENCE)

    return asyncio.run(bounded())


def test_tasks_share_one_load_with_threads_and_the_loop_is_not_blocked(kind: type[Any]) -> None:
    gate = Gate("a")
    lazy = kind(gate)

    async def main() -> list[Any]:
        tasks = [asyncio.create_task(lazy.aget("a")) for _ in range(50)]
        await asyncio.to_thread(gate.entered.wait, PATIENCE)
        assert await lazy.aget("b") == "value of b"
        thread = asyncio.create_task(asyncio.to_thread(lambda: lazy["a"]))
        await asyncio.to_thread(wait_until, lambda: waiters(lazy, "a") == 1)
        gate.open.set()
        return [*await asyncio.gather(*tasks), await thread]

    assert run(main) == ["value of a"] * 51
    assert gate.asked == {"a": 1, "b": 1}


def test_a_cancelled_task_does_not_end_the_load_of_others(kind: type[Any]) -> None:
    gate = Gate("a")
    lazy = kind(gate)

    async def main() -> tuple[Any, bool]:
        first = asyncio.create_task(lazy.aget("a"))
        await asyncio.to_thread(gate.entered.wait, PATIENCE)
        second = asyncio.create_task(lazy.aget("a"))
        third = asyncio.create_task(lazy.aget("a"))
        await asyncio.sleep(0)
        first.cancel()
        third.cancel()
        gate.open.set()
        return await second, (await asyncio.gather(first, third, return_exceptions=True))

    value, cancelled = run(main)
    assert value == "value of a"
    assert [type(one) for one in cancelled] == [asyncio.CancelledError] * 2
    assert gate.asked == {"a": 1}
    assert lazy["a"] == "value of a"


def test_a_load_that_only_a_cancelled_task_wanted_is_kept_all_the_same(kind: type[Any]) -> None:
    gate = Gate("a")
    lazy = kind(gate)

    async def main() -> None:
        task = asyncio.create_task(lazy.aget("a"))
        await asyncio.to_thread(gate.entered.wait, PATIENCE)
        task.cancel()
        gate.open.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)
    assert lazy.peek("a") == "value of a"


def test_tasks_are_told_of_absence_failure_and_circles(kind: type[Any]) -> None:
    def load(key: str) -> Any:
        if key == "bad":
            raise OSError("down")
        if key == "exits":
            raise SystemExit
        return None if key == "gone" else asyncio.run(lazy.aget("b" if key == "a" else "a"))

    lazy = kind(load)

    async def main() -> list[Any]:
        return await asyncio.gather(*map(lazy.aget, ["gone", "bad", "exits", "a", "b"]), return_exceptions=True)

    assert [type(one) for one in run(main)] == [KeyError, LoadError, LoadError, CircularLoadError, CircularLoadError]


def test_a_full_executor_cannot_hang_threads_that_wait_for_what_a_task_claimed(kind: type[Any]) -> None:
    claimed = threading.Event()

    def load(key: str) -> Any:
        if key == "blocks":
            assert claimed.wait(PATIENCE)
            return lazy["queued"]
        return key

    lazy = kind(load)

    async def main() -> Any:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        blocks = asyncio.create_task(lazy.aget("blocks"))
        await asyncio.sleep(0)
        queued = asyncio.create_task(lazy.aget("queued"))
        await asyncio.sleep(0)
        claimed.set()
        return await asyncio.gather(blocks, queued)

    assert run(main) == ["queued", "queued"]
    assert lazy.stats().loads == 2


@pytest.mark.parametrize("replaced", [False, True])
def test_a_load_that_the_executor_drops_is_asked_for_again_or_raises(kind: type[Any], replaced: bool) -> None:
    gate = Gate("blocks")
    lazy = kind(gate)

    async def ask() -> list[Any]:
        executor = ThreadPoolExecutor(1)
        loop = asyncio.get_running_loop()
        loop.set_default_executor(executor)
        blocks = asyncio.create_task(lazy.aget("blocks"))
        await asyncio.sleep(0)
        wait_until(gate.entered.is_set)
        queued = [asyncio.create_task(lazy.aget("queued")) for _ in range(2)]
        await asyncio.sleep(0)
        assert lazy.stats().loading == 2
        if replaced:
            loop.set_default_executor(ThreadPoolExecutor(1))
        executor.shutdown(wait=False, cancel_futures=True)
        try:
            found = await asyncio.wait_for(asyncio.gather(*queued, return_exceptions=True), PATIENCE)
        finally:
            gate.open.set()
        assert await blocks == "value of blocks"
        return found

    found = asyncio.run(ask())
    if replaced:
        assert found == ["value of queued"] * 2
        assert gate.asked["queued"] == 1
    else:
        assert [type(one) for one in found] == [LoadError] * 2
        assert "'queued': the event loop's executor takes no more work" in str(found[0])
    assert (lazy["queued"], lazy.stats().loading) == ("value of queued", 0)


def test_a_load_that_a_thread_has_begun_is_waited_for_though_the_executor_takes_no_more(kind: type[Any]) -> None:
    gate = Gate("a")
    lazy = kind(gate)
    threads = []

    class Closing(ThreadPoolExecutor):
        def submit(self, *_: Any, **__: Any) -> Any:
            threads.append(threading.Thread(target=lambda: lazy["a"]))
            threads[0].start()
            wait_until(gate.entered.is_set)
            raise RuntimeError("cannot schedule new futures after shutdown")

    async def ask() -> Any:
        asyncio.get_running_loop().set_default_executor(Closing(1))
        asked = asyncio.create_task(lazy.aget("a"))
        await asyncio.sleep(0)
        gate.open.set()
        return await asyncio.wait_for(asked, PATIENCE)

    assert asyncio.run(ask()) == "value of a"
    threads[0].join()
    assert (gate.asked["a"], lazy.stats().loads) == (1, 1)


def test_a_hit_of_a_task_is_a_hit(kind: type[Any]) -> None:
    lazy = kind(str)
    _ = lazy[1]
    assert run(lambda: lazy.aget(1)) == "1"
    assert lazy.stats().hits == 1
