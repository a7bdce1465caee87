"""A lazy map beside what else keeps loaded values: hits, a stampede, a failing key, a slow neighbour, eviction.

    python benchmarks/studies/lazy_map_peers.py [--rounds 30] [--only hits,stampede,...]

In each round every contender is measured once, in random order, so that the machine's mood meets all alike. Times are
medians over the rounds; those of one thread (hits, churn) are its processor time, so that a busy machine punishes not
the longer measurement. "Of ours" is the median over the rounds of peer / ours within a round, with its 95 % bootstrap
interval. The global lock is the map of the article the project began with: one lock for all keys, held while loading.
"""

from __future__ import annotations

import argparse
import functools
import random
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cachebox
import cachetools
import numpy as np

from headgate.datasets import LazyMap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SEED = 20120917
HIT_CALLS = 50_000
STAMPEDE_THREADS = 1_000
SLOW_ROUNDS = 5
STAMPEDE_SECONDS = 0.1
FAILING_THREADS = 10
FAILING_SECONDS = 0.1
SLOW_SECONDS = 0.25
CHURN_KEYS, CHURN_KEPT, CHURN_REQUESTS = 10_000, 1_000, 50_000
RESAMPLES = 2_000
OURS = "headgate LazyMap"


class GlobalLock:
    """The article's map: look up and load under one lock."""

    def __init__(self, loader: Callable[[Any], Any]) -> None:
        self.loader = loader
        self.lock = threading.Lock()
        self.values: dict[Any, Any] = {}

    def __call__(self, key: Any) -> Any:
        with self.lock:
            if key not in self.values:
                self.values[key] = self.loader(key)
            return self.values[key]


def cachetools_of(loader: Callable[[Any], Any], kept: int) -> Callable[[Any], Any]:
    return cachetools.cached(cachetools.LRUCache(kept), condition=threading.Condition())(loader)


# Name: from a loader and how many entries to keep, what answers a request. Each keeps statistics as it does by default.
CONTENDERS: dict[str, Callable[[Callable[[Any], Any], int], Callable[[Any], Any]]] = {
    OURS: lambda loader, kept: LazyMap(loader, max_weight=kept).__getitem__,
    f"{OURS}, with ttl": lambda loader, kept: LazyMap(loader, max_weight=kept, ttl=3600.0).__getitem__,
    "functools.lru_cache": lambda loader, kept: functools.lru_cache(kept)(loader),
    "functools.cache": lambda loader, _kept: functools.cache(loader),
    "cachetools, condition=": cachetools_of,
    "cachebox LRU": lambda loader, kept: cachebox.cached(cachebox.LRUCache(kept))(loader),
    "global lock": lambda loader, _kept: GlobalLock(loader),
}
UNBOUNDED = {"functools.cache", "global lock"}


@dataclass
class Taken:
    """What the rounds of one contender took, and what was counted in them."""

    seconds: list[float] = field(default_factory=list)
    counted: list[float] = field(default_factory=list)


def interleave(rounds: int, measures: dict[str, Callable[[], tuple[float, float]]]) -> dict[str, Taken]:
    """Call each measure once a round, in random order; a measure returns seconds and a count."""
    order, shuffle = list(measures), random.Random(SEED).shuffle
    taken = {name: Taken() for name in order}
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            seconds, counted = measures[name]()
            taken[name].seconds.append(seconds)
            taken[name].counted.append(counted)
    return taken


def ratio(peer: Sequence[float], ours: Sequence[float]) -> str:
    """The median of peer / ours within rounds, with its bootstrap interval."""
    ratios = np.array(peer) / np.array(ours)
    drawn = np.random.default_rng(SEED).choice(ratios, (RESAMPLES, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return f"{np.median(ratios):.2f} ({low:.2f} to {high:.2f})"


def in_threads(count: int, ask: Callable[[int], Any]) -> float:
    """Seconds from the moment ``count`` threads are let go until the last has its answer or error."""
    barrier = threading.Barrier(count + 1)

    def run(i: int) -> None:
        barrier.wait()
        try:
            ask(i)
        except Exception:  # noqa: BLE001 - the failing key: how long it takes is what is measured
            return

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    barrier.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


# -- the five measures; each gives, for a contender, a function of one round


def hits(make: Any) -> Callable[[], tuple[float, float]]:
    # Asked as each is asked: a map by index, a decorated function by call.
    ask = make(str, 128)
    owner = getattr(ask, "__self__", None)
    names = {"m": owner, "f": ask, "k": "key", "r": range(HIT_CALLS)}
    code = "for _ in r: m[k]" if isinstance(owner, LazyMap) else "for _ in r: f(k)"
    ask("key")
    timed: dict[str, Any] = {}
    exec(f"def timed(m, f, k, r):\n    {code}", timed)

    def round_() -> tuple[float, float]:
        started = time.thread_time()
        timed["timed"](**names)
        return (time.thread_time() - started) / HIT_CALLS * 1e9, 0

    return round_


def stampede(make: Any) -> Callable[[], tuple[float, float]]:
    def round_() -> tuple[float, float]:
        loads: list[object] = []
        ask = make(lambda key: (loads.append(key), time.sleep(STAMPEDE_SECONDS))[0] or key, 128)
        return in_threads(STAMPEDE_THREADS, lambda _i: ask("cold")), len(loads)

    return round_


def failing(make: Any) -> Callable[[], tuple[float, float]]:
    def round_() -> tuple[float, float]:
        loads: list[object] = []

        def load(key: object) -> object:
            loads.append(key)
            time.sleep(FAILING_SECONDS)
            raise OSError("down")

        ask = make(load, 128)
        return in_threads(FAILING_THREADS, lambda _i: ask("bad")), len(loads)

    return round_


def neighbour(make: Any) -> Callable[[], tuple[float, float]]:
    def round_() -> tuple[float, float]:
        begun = threading.Event()

        def load(key: object) -> object:
            if key == "slow":
                begun.set()
                time.sleep(SLOW_SECONDS)
            return key

        ask = make(load, 128)
        slow = threading.Thread(target=ask, args=("slow",))
        slow.start()
        begun.wait()
        started = time.perf_counter()
        ask("other")
        seconds = time.perf_counter() - started
        slow.join()
        return seconds * 1e3, 0

    return round_


def churn(make: Any) -> Callable[[], tuple[float, float]]:
    # Popularity as on the web: Zipf with exponent 1, most keys asked for once or never.
    popularity = 1 / np.arange(1, CHURN_KEYS + 1)
    keys = np.random.default_rng(SEED).choice(CHURN_KEYS, CHURN_REQUESTS, p=popularity / popularity.sum()).tolist()

    def round_() -> tuple[float, float]:
        loads = 0

        def load(key: int) -> int:
            nonlocal loads
            loads += 1
            return key + 1

        ask = make(load, CHURN_KEPT)
        started = time.thread_time()
        for key in keys:
            ask(key)
        return (time.thread_time() - started) / CHURN_REQUESTS * 1e9, loads / CHURN_REQUESTS

    return round_


@dataclass(frozen=True)
class Study:
    title: str
    measure: Callable[[Any], Callable[[], tuple[float, float]]]
    unit: str
    counted: str = ""
    rounds: int | None = None
    bounded: bool = False


STUDIES = {
    "hits": Study("a hit, one thread", hits, "ns"),
    "stampede": Study(
        f"{STAMPEDE_THREADS} threads, one cold key, {STAMPEDE_SECONDS} s a load", stampede, "s", "loads", SLOW_ROUNDS
    ),
    "failing": Study(
        f"{FAILING_THREADS} threads, one failing key, {FAILING_SECONDS} s a load", failing, "s", "loads", SLOW_ROUNDS
    ),
    "neighbour": Study(f"another key while one loads for {SLOW_SECONDS} s", neighbour, "ms", rounds=SLOW_ROUNDS),
    "churn": Study(
        f"{CHURN_REQUESTS:,} Zipf requests, {CHURN_KEPT:,} of {CHURN_KEYS:,} keys kept",
        churn,
        "ns a request",
        "miss rate",
        bounded=True,
    ),
}


def table(study: Study, rounds: int) -> list[str]:
    contenders = {name: make for name, make in CONTENDERS.items() if not (study.bounded and name in UNBOUNDED)}
    taken = interleave(study.rounds or rounds, {name: study.measure(make) for name, make in contenders.items()})
    lines = [f"\n{study.title}\n", f"| | {study.unit} | of ours | {study.counted} |", "|:-|-:|-:|-:|"]
    for name, one in taken.items():
        counted = f"{statistics.median(one.counted):.4g}" if study.counted else ""
        of_ours = "" if name == OURS else ratio(one.seconds, taken[OURS].seconds)
        lines.append(f"| {name} | {statistics.median(one.seconds):.4g} | {of_ours} | {counted} |")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--only", default=",".join(STUDIES))
    arguments = parser.parse_args()
    for name in arguments.only.split(","):
        sys.stdout.write("\n".join(table(STUDIES[name], arguments.rounds)) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
