"""Run by test_spark_cluster.py in a process of its own: two workers on hosts of their own, and a task that is too slow.

Spark runs a second copy of a slow task on another host only, so ``local-cluster``, whose workers share one, never does.
Prints one line of JSON. Its argument is a folder for what it writes.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyspark

HOME = Path(pyspark.__file__).parent
N, WINDOW, BLOCK = 6_000, 300, 512
SLOW_PARTITION, PATIENCE_SECONDS = 1, 300.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def cluster(folder):
    """Start Spark's own master and two workers of one core, and give the master's address."""
    port = free_port()
    master = f"spark://127.0.0.1:{port}"
    deploy = "org.apache.spark.deploy"
    roles = [[f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]] + [
        [
            *[f"{deploy}.worker.Worker", "--host", host, "--webui-port", "0", "--cores", "1", "--memory", "700M"],
            *["--work-dir", str(folder / host), master],
        ]
        for host in ("127.0.0.2", "127.0.0.3")
    ]
    kept = {**os.environ, "SPARK_HOME": str(HOME), "SPARK_DAEMON_MEMORY": "256m"}
    kept.pop("SPARK_LOCAL_IP", None)
    with contextlib.ExitStack() as running, (folder / "log").open("wb") as log:
        for role in roles:
            process = subprocess.Popen([HOME / "bin" / "spark-class", *role], env=kept, stdout=log, stderr=log)
            running.callback(process.wait)
            running.callback(process.terminate)
        yield master


def session(master):
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(HOME)}
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master).appName("headgate speculation test")
    for name, value in {
        "spark.executor.memory": "512m",
        "spark.executor.cores": "1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",
        "spark.cores.max": "2",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.adaptive.enabled": "false",
        "spark.speculation": "true",
        "spark.speculation.interval": "100ms",
        "spark.speculation.multiplier": "1.1",
        "spark.speculation.quantile": "0.5",
    }.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def slow_at_first(folder):
    """Rows as they come; but the first attempt at one partition waits for a second one to have made them."""

    def pass_on(batches):
        from pyspark import TaskContext

        task = TaskContext.get()
        rows = list(batches)
        if task.partitionId() == SLOW_PARTITION:
            (Path(folder) / f"attempt-{task.attemptNumber()}").touch()
            end = time.monotonic() + PATIENCE_SECONDS
            while not (Path(folder) / "attempt-1").exists() and time.monotonic() < end:
                time.sleep(0.1)
        yield from rows

    return pass_on


def main():
    folder = Path(sys.argv[1])
    with cluster(folder) as master:
        spark = session(master)
        from headgate.transforms import sliding_polynomial
        from headgate.transforms.spark import sliding_polynomial as on_spark

        x = np.random.default_rng(6).integers(-(2**31), 2**31, N).astype(np.int32)
        df = spark.createDataFrame(pa.table({"n": np.arange(N), "x": x})).repartition(3)
        made = on_spark(df, "x", "n", WINDOW, block_rows=BLOCK)
        got = made.mapInArrow(slow_at_first(str(folder)), made.schema).toPandas().sort_values("n")
        found = {
            "attempts": sorted(path.name for path in folder.glob("attempt-*")),
            "rows": got["n"].tolist() == list(range(N)),
            "equal": bool((got["sliding_polynomial"].to_numpy() == sliding_polynomial(x, WINDOW)).all()),
        }
        print(json.dumps(found))  # noqa: T201 - this is what the test reads
        spark.stop()


if __name__ == "__main__":
    main()
