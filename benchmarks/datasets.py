"""Lazy datasets: what the first request for one costs, against loading all of them first; and what is never loaded.

Two stores: files, and S3 (a server in another process, through boto3; skipped where boto3 is not installed, as in asv's
own environments: ``asv run -E existing:python --bench ^datasets`` measures it in one that has it).
"""

from __future__ import annotations

import functools
import gc
import importlib.util
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from headgate.datasets import ColumnRules, LazyMap, QualityRules, S3Loader, check_quality, profile_dataset

from .workload import PerCall

KEYS = tuple(f"customer-{number:03d}" for number in range(100))
THREADS = 16
# Of one dataset in Memory, and how many there are: enough to be seen in the resident set of a process.
ARRAY_BYTES = 2**20
ARRAYS = 64
# Calls that a sample of Warm takes: a third of a millisecond, long against the clock's resolution.
CALLS = 10_000
# What a quality gate looks at.
RECORDS = 10_000
# A server that ends with the benchmark's process, and so with its standard input.
SERVER = """
import json, sys
from headgate.datasets.demo_server import DemoServer
with DemoServer("bench") as server:
    for key, text in json.loads(sys.stdin.readline()).items():
        server.put(key, text.encode())
    print(json.dumps([server.endpoint, dict(server.environment)]), flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class Parameters:
    customer: str
    window: int
    coefficients: list[float]


def texts() -> dict[str, str]:
    return {f"{key}.json": json.dumps({"customer": key, "window": 10, "coefficients": [0.0, 1.0, 0.5]}) for key in KEYS}


@functools.cache
def s3_loader() -> S3Loader[list[Parameters]]:
    """Return this process's loader of a server of its own: asv sets up again before every sample."""
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(texts()) + "\n")
    server.stdin.flush()
    endpoint, environment = json.loads(server.stdout.readline())
    os.environ |= environment | {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    os.environ.pop("AWS_PROFILE", None)
    load = S3Loader("s3://bench/{key}.json", Parameters, endpoint=endpoint, max_connections=THREADS)
    load(KEYS[0])  # a client's first request costs more than the others
    return load


class Stored:
    """Every benchmark's store, with all keys in it, and a loader of it."""

    params: ClassVar = ("files", "s3")
    param_names: ClassVar = ("store",)
    timeout = 120
    load: S3Loader[list[Parameters]]

    def setup(self, store: str) -> None:
        self.directory = None
        if store == "s3":
            if importlib.util.find_spec("boto3") is None:
                raise NotImplementedError("boto3 is not installed here: see this module's first lines")
            self.load = s3_loader()
            return
        self.directory = Path(tempfile.mkdtemp())
        for name, text in texts().items():
            (self.directory / name).write_text(text)
        self.load = S3Loader(self.directory / "{key}.json", Parameters)

    def teardown(self, store: str) -> None:
        if self.directory is not None:
            shutil.rmtree(self.directory)


class Load(Stored):
    """One dataset: from the store, or resident."""

    rounds = 2
    repeat = (5, 20, 2.0)
    warmup_time = 0.05

    def time_cold(self, store: str) -> None:
        lazy = LazyMap(self.load)
        lazy[KEYS[0]]


class Warm(Stored):
    """A request for a resident dataset: the same wherever it came from."""

    rounds = 2
    repeat = (5, 20, 1.0)
    warmup_time = 0.02
    timer = PerCall(CALLS)

    def setup(self, store: str) -> None:
        super().setup(store)
        self.lazy = LazyMap(self.load)
        self.lazy[KEYS[0]]

    def time_warm(self, store: str) -> None:
        lazy = self.lazy
        for _ in itertools.repeat(None, CALLS):
            lazy[KEYS[0]]


class FirstValue(Stored):
    """The time until one of the datasets can be used: it alone is loaded, or all of them, 16 at a time."""

    number = 1
    repeat = (3, 10, 4.0)

    def time_lazy(self, store: str) -> None:
        LazyMap(self.load)[KEYS[50]]

    def time_preloading_everything(self, store: str) -> None:
        lazy = LazyMap(self.load)
        lazy.prefetch(KEYS, workers=THREADS, progress=False)
        lazy[KEYS[50]]


class Threads(Stored):
    """Every one of 16 threads asks for all 100 datasets, each in an order of its own."""

    number = 1
    repeat = (3, 10, 4.0)

    def time_hundred_keys_sixteen_threads(self, store: str) -> None:
        self.run()

    def track_loads(self, store: str) -> int:
        """As many as there are keys, whatever the threads do."""
        return self.run()

    track_loads.unit = "loads"  # type: ignore[attr-defined]  # asv's convention

    def run(self) -> int:
        lazy = LazyMap(self.load)

        def ask(turn: int) -> None:
            first = turn * len(KEYS) // THREADS
            for key in (*KEYS[first:], *KEYS[:first]):
                lazy[key]

        threads = [threading.Thread(target=ask, args=(turn,)) for turn in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return lazy.stats().loads


class Memory:
    """Sixty-four arrays of a MiB each lie in the store, and one of them is asked for."""

    timeout = 60

    def setup(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        for name, count in (("many", ARRAYS), ("once", 1)):
            (self.directory / name).mkdir()
            for number in range(count):
                array = np.full(ARRAY_BYTES // 8, number, dtype=np.int64)
                np.save(self.directory / name / f"{number:03d}.npy", array)

    def teardown(self) -> None:
        shutil.rmtree(self.directory)

    def lazy(self, name: str) -> LazyMap[str, np.ndarray[Any, Any]]:
        return LazyMap(S3Loader(self.directory / name / "{key}.npy", np.int64, into="numpy"))

    def peakmem_one_asked_for(self) -> None:
        self.lazy("many")["000"]

    def peakmem_everything_preloaded(self) -> None:
        lazy = self.lazy("many")
        lazy.prefetch([f"{number:03d}" for number in range(ARRAYS)], workers=4, progress=False)

    def track_of_what_was_not_asked_for(self) -> float:
        """Memory held by a map over all of them, one loaded, less that of a map over that one alone: 0."""
        self.held("once")  # imports, caches
        self.held("many")
        # In this order, since what Python itself keeps changes by some bytes from one measurement to the next.
        once, many, again, last = (self.held(name) for name in ("once", "many", "many", "once"))
        return (many + again - once - last) / 2

    track_of_what_was_not_asked_for.unit = "bytes"  # type: ignore[attr-defined]  # asv's convention

    def held(self, name: str) -> int:
        gc.collect()
        tracemalloc.start()
        lazy = self.lazy(name)
        lazy["000"]
        gc.collect()
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size


class Quality:
    """The quality gate over ten thousand records: what data pays before it may be evidence."""

    timeout = 60
    number = 1
    repeat = (3, 10, 4.0)
    rules = QualityRules.of(
        Parameters, {"window": ColumnRules("integer", minimum=1)}, minimum_rows=RECORDS, max_duplicate_rate=0
    )

    def setup(self) -> None:
        self.records = [Parameters(f"customer-{number}", 1 + number % 50, [0.0, 1.0]) for number in range(RECORDS)]
        report = check_quality(profile_dataset(self.records, key=["customer"]), self.rules)
        if report.state != "pass":
            raise ValueError(f"the benchmark's own data is invalid: {report.findings}")

    def time_profile_and_check(self) -> None:
        check_quality(profile_dataset(self.records, key=["customer"]), self.rules)
