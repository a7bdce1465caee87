"""What a lazy map costs: a hit, a load, eviction, a stampede. `studies/lazy_map_peers.py` measures peers beside it."""

from __future__ import annotations

import itertools
import threading
import time
from typing import ClassVar

from headgate.datasets import LazyMap

from .workload import PerCall, calls_for

# Long against the clock's resolution, short enough for many samples.
SAMPLE_SECONDS = 0.005
SETTINGS: dict[str, dict[str, float]] = {
    "plain": {},
    "max_weight": {"max_weight": 1_000},
    "max_weight and ttl": {"max_weight": 1_000, "ttl": 3600.0},
}
CHURN_KEPT = 1_000
CHURN_KEYS = 10 * CHURN_KEPT
STAMPEDE_THREADS = 1_000
STAMPEDE_SECONDS = 0.05


class Hit:
    """A request for a resident value, statistics counted."""

    params: ClassVar = (tuple(SETTINGS), ("m[key]", "m.get(key)"))
    param_names: ClassVar = ("settings", "request")
    rounds = 2
    repeat = (5, 10, 2.0)
    warmup_time = 0.02
    _prepared: object = None

    def setup(self, settings: str, request: str) -> None:
        if self._prepared == (settings, request):
            return  # asv sets up again before every sample, and keeps the first timer
        self._prepared = (settings, request)
        lazy: LazyMap[str, str] = LazyMap(str.upper, **SETTINGS[settings])  # type: ignore[arg-type]  # by name
        self.lazy, self.indexed = lazy, request == "m[key]"
        _ = lazy["key"]
        self.calls = calls_for(lambda: lazy["key"], SAMPLE_SECONDS)
        self.timer = PerCall(self.calls)

    def time_hit(self, settings: str, request: str) -> None:
        lazy = self.lazy
        if self.indexed:
            for _ in itertools.repeat(None, self.calls):
                lazy["key"]
        else:
            for _ in itertools.repeat(None, self.calls):
                lazy.get("key")


class Churn:
    """A request that loads a value at no cost of its own and evicts another: what the map adds to a load."""

    rounds = 2
    repeat = (5, 10, 2.0)
    warmup_time = 0.05

    def setup(self) -> None:
        self.lazy: LazyMap[int, int] = LazyMap(int, max_weight=CHURN_KEPT)
        self.timer = PerCall(CHURN_KEYS)

    def time_load_and_evict(self) -> None:
        lazy = self.lazy
        for key in range(CHURN_KEYS):
            lazy[key]


class Stampede:
    """Threads that all ask for one cold key whose load takes 50 ms."""

    timeout = 60
    repeat = 5
    number = 1

    def setup(self) -> None:
        self.loads = 0

        def load(key: str) -> str:
            self.loads += 1
            time.sleep(STAMPEDE_SECONDS)
            return key

        self.lazy = LazyMap(load)

    def time_thousand_threads(self) -> None:
        threads = [threading.Thread(target=self.lazy.get, args=("cold",)) for _ in range(STAMPEDE_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def track_loads(self) -> int:
        self.time_thousand_threads()
        return self.loads

    track_loads.unit = "loads"  # type: ignore[attr-defined]  # asv's convention
