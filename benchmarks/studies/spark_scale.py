"""How the transform on Spark grows with the rows, beside what one writes first: a sum over a Window of Spark's own.

    python benchmarks/studies/spark_scale.py                   # 100,000 to 10,000,000 rows
    python benchmarks/studies/spark_scale.py --full            # 100,000,000 too: hours
    python benchmarks/studies/spark_scale.py --sizes 100000000 --windows 10 --rounds 1 --families file --no-naive

Every round runs every contender once, in an order that changes by round, in one local session; a ratio is the
Hodges-Lehmann estimate over the rounds' log ratios, with its 90 % interval (headgate.stats.signed_rank). Rows are made
on the spot by ``range`` and thrown away by the ``noop`` sink, so neither files nor a network are in the times. Bytes
shuffled come from Spark's own status store; the JVM's heap is the sum of its pools' peaks; a Python worker's memory is
its largest resident set, sampled.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from headgate.stats.signed_rank import hodges_lehmann, lower_bound, upper_bound
from headgate.transforms.spark import sliding_polynomial, transform_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import DataFrame, SparkSession

SIZES = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
FULL_SIZE = 100_000_000
WINDOWS = (10, 1000)
NAIVE_MOST_TERMS = 3e9
"""Row-terms (rows times window) beyond which the naive way is left out: it adds every term of every window anew."""

WARM_ROWS = 1_000_000
"""Rows of the pass that warms a contender up: code is compiled and workers are started by then."""

FAMILIES = ("one series", "many series", "file", "input")
SERIES = 100
ROUNDS = 5
LEVEL = 0.05
SAMPLE_SECONDS = 0.02

Contender = tuple[str, str]  # family, way


def session(memory: str) -> SparkSession:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master("local[2]").appName("spark_scale")
    for name, value in {
        "spark.driver.memory": memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.showConsoleProgress": "false",
        "spark.ui.port": "0",
        "spark.log.level": "ERROR",
    }.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def rows(spark: SparkSession, n: int) -> DataFrame:
    """One series of n rows with values that have no pattern; the same every time."""
    return spark.range(n).selectExpr("id as n", "(hash(id) % 1000000) / 1000.0D as x")


def keyed_rows(spark: SparkSession, n: int) -> DataFrame:
    """As many rows in SERIES series of one length."""
    each = n // SERIES
    return spark.range(each * SERIES).selectExpr(
        f"id % {SERIES} as k", f"id div {SERIES} as n", "(hash(id) % 1000000) / 1000.0D as x"
    )


def naive(df: DataFrame, window: int, keys: tuple[str, ...] = ()) -> DataFrame:
    """What one writes first; right, too, for floats: Spark adds up every frame from its beginning."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F  # noqa: N812 - everyone's name for it

    over = Window.partitionBy(*keys).orderBy("n").rowsBetween(-window, -1)
    return df.withColumn("y", F.coalesce(F.sum(F.col("n") * F.col("x")).over(over), F.lit(0.0)))


def contenders(
    spark: SparkSession, n: int, window: int, folder: Path, *, naive_too: bool = True
) -> dict[Contender, Callable[[], Any]]:
    """The work of each, as a function to be timed."""

    def use(df: DataFrame) -> None:
        df.write.format("noop").mode("overwrite").save()

    def file() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as out:
            transform_file(spark, str(folder / f"{n}.npy"), f"{out}/parts", window, block_rows=max(n // 8, 1))

    found: dict[Contender, Callable[[], Any]] = {
        ("one series", "blocks"): lambda: use(sliding_polynomial(rows(spark, n), "x", "n", window)),
        ("many series", "blocks"): lambda: use(
            sliding_polynomial(keyed_rows(spark, n), "x", "n", window, partition_by="k")
        ),
        ("input", "range"): lambda: use(rows(spark, n)),
        ("file", "ranges"): file,
    }
    if naive_too and n * window <= NAIVE_MOST_TERMS:
        found["one series", "Window"] = lambda: use(naive(rows(spark, n), window))
        found["many series", "Window"] = lambda: use(naive(keyed_rows(spark, n), window, ("k",)))
    return found


@contextmanager
def worker_memory(found: dict[str, int]) -> Iterator[None]:
    """Sample the largest resident set of a Python worker while something runs."""
    stop = threading.Event()

    def sample() -> None:
        me = psutil.Process()
        while not stop.wait(SAMPLE_SECONDS):
            for process in me.children(recursive=True):
                try:
                    if "python" in process.name():
                        found["worker"] = max(found.get("worker", 0), process.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def stages(spark: SparkSession) -> list[dict[str, Any]]:
    context = spark.sparkContext
    url = f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/stages?status=complete"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return list(json.load(answer))


def measure(spark: SparkSession, work: Callable[[], Any]) -> dict[str, float]:
    """Seconds, and what was used; the listener behind the status store is given time to catch up."""
    pools = spark._jvm.java.lang.management.ManagementFactory.getMemoryPoolMXBeans()  # noqa: SLF001 - the only way to the JVM
    heap = [pool for pool in pools if pool.getType().toString() == "Heap memory"]
    seen = {stage["stageId"] for stage in stages(spark)}
    for pool in heap:
        pool.resetPeakUsage()
    used: dict[str, int] = {}
    with worker_memory(used):
        start = time.perf_counter()
        work()
        seconds = time.perf_counter() - start
    spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()  # noqa: SLF001 - as above
    new = [stage for stage in stages(spark) if stage["stageId"] not in seen]
    return {
        "seconds": seconds,
        "shuffled": sum(stage["shuffleWriteBytes"] for stage in new),
        "tasks": max((stage["numCompleteTasks"] for stage in new[:1]), default=0),
        "worker": used.get("worker", 0),
        "heap": sum(pool.getPeakUsage().getUsed() for pool in heap),
    }


def study(spark: SparkSession, given: argparse.Namespace, sizes: tuple[int, ...], folder: Path) -> None:
    generator = np.random.default_rng(20120917)
    for n in sizes:
        warm = min(n, WARM_ROWS)
        for size in {n, warm}:
            np.save(folder / f"{size}.npy", generator.standard_normal(size))
        for window in given.windows:
            every = contenders(spark, n, window, folder, naive_too=given.naive)
            runs = {name: work for name, work in every.items() if name[0] in given.families}
            for name, work in contenders(spark, warm, window, folder).items():
                if name in runs:
                    work()
            taken: dict[Contender, list[dict[str, float]]] = {name: [] for name in runs}
            for turn in range(given.rounds):
                names = list(runs)
                for name in names[turn % len(names) :] + names[: turn % len(names)]:
                    taken[name].append(measure(spark, runs[name]))
            report(n, window, taken)
        for size in {n, warm}:
            (folder / f"{size}.npy").unlink()


def report(n: int, window: int, taken: dict[Contender, list[dict[str, float]]]) -> None:
    for (family, way), found in taken.items():
        middle = {name: statistics.median(one[name] for one in found) for name in found[0]}
        _say(
            f"n={n} w={window} {family}, {way}: {middle['seconds']:.2f} s, {n / middle['seconds'] / 1e6:.2f} M rows/s, "
            f"shuffled {middle['shuffled'] / n:.1f} B/row, last stage {middle['tasks']:.0f} tasks, "
            f"worker {middle['worker'] / 2**20:.0f} MiB, heap {middle['heap'] / 2**20:.0f} MiB"
        )
        other = taken.get((family, "Window"))
        if way == "blocks" and other:
            logs = tuple(math.log(a["seconds"] / b["seconds"]) for a, b in zip(other, found, strict=True))
            middle_, low, high = (
                math.exp(f) for f in (hodges_lehmann(logs), lower_bound(logs, LEVEL), upper_bound(logs, LEVEL))
            )
            _say(f"n={n} w={window} {family}: Window takes {middle_:.2f} ({low:.2f} to {high:.2f}) times as long")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a script's output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help=f"also {FULL_SIZE:,} rows")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--windows", type=int, nargs="+", default=WINDOWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="at least 5 for an interval")
    parser.add_argument("--families", nargs="+", default=FAMILIES, choices=FAMILIES, metavar="FAMILY")
    parser.add_argument("--naive", action=argparse.BooleanOptionalAction, default=True, help="Spark's Window beside it")
    parser.add_argument("--memory", default="4g", help="the JVM's heap")
    given = parser.parse_args()
    sizes = (*given.sizes, FULL_SIZE) if given.full else tuple(given.sizes)
    with tempfile.TemporaryDirectory() as folder:
        study(session(given.memory), given, sizes, Path(folder))


if __name__ == "__main__":
    main()
