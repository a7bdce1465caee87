"""Run by test_spark_cluster.py in a process of its own: a driver, two executor processes, an S3 server, one loss.

Prints one line of JSON. Its argument is a folder for what it writes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyspark
from moto.server import ThreadedMotoServer

SECRET = "a-secret-that-must-stay-in-the-environment"
N, WINDOW, BLOCK = 30_000, 700, 1024


def start():
    """A session on two executor processes, and an S3 server that both reach by their own environment."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_HOME": str(Path(pyspark.__file__).parent),  # where the workers find what starts an executor
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(Path(sys.argv[1]) / "workers"),
    }
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("headgate cluster test")
    for name, value in {
        "spark.executor.memory": "512m",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        # On a machine that is busy with other tests, what is slow must not count as lost.
        "spark.network.timeout": "600s",
        "spark.task.maxFailures": "8",
        "spark.sql.shuffle.partitions": "6",
        "spark.sql.adaptive.coalescePartitions.enabled": "false",
    }.items():
        builder = builder.config(name, value)
    return server, builder.getOrCreate()


def executors(df):
    """Which executor processes run the tasks of `df`."""

    def parents(batches):
        for batch in batches:
            # A worker's parent is the daemon that forked it, and that one's parent the executor's JVM.
            yield pa.record_batch({"pid": [psutil.Process(os.getppid()).ppid()] * batch.num_rows})

    return sorted({row["pid"] for row in df.mapInArrow(parents, "pid bigint").collect()})


def lose_an_executor(marker):
    """Rows as they come; but the first task to see that `marker` is not there kills its executor."""

    def pass_on(batches):
        for batch in batches:
            try:
                Path(marker).touch(exist_ok=False)
            except FileExistsError:
                yield batch
            else:
                os.kill(psutil.Process(os.getppid()).ppid(), signal.SIGKILL)

    return pass_on


def main():
    folder = Path(sys.argv[1])
    server, session = start()
    from headgate.transforms import sliding_polynomial
    from headgate.transforms.spark import sliding_polynomial as on_spark
    from headgate.transforms.spark import transform_file
    from headgate.transforms.spark_storage import RangeFile, _client, publish

    found = {"executors": len(executors(session.range(0, 1000, 1, 8)))}
    x = np.random.default_rng(6).integers(-(2**31), 2**31, N).astype(np.int32)
    want = sliding_polynomial(x, WINDOW)
    df = session.createDataFrame(pa.table({"n": np.arange(N), "x": x})).repartition(5)
    flaky = df.mapInArrow(lose_an_executor(str(folder / "lost")), df.schema)
    got = on_spark(flaky, "x", "n", WINDOW, block_rows=BLOCK).orderBy("n").toArrow()["sliding_polynomial"].to_numpy()
    found["lost"] = (folder / "lost").exists()
    found["column"] = bool((got == want).all())

    _client().create_bucket(Bucket="arrays")
    np.save(folder / "x.npy", x)
    publish("s3://arrays/x.npy", (folder / "x.npy").read_bytes())
    index = transform_file(session, "s3a://arrays/x.npy", "s3a://arrays/out", WINDOW, block_rows=5000)
    parts = [np.load(RangeFile(f"s3://arrays/out/{part['name']}")) for part in index["parts"]]
    found["file"] = bool((np.concatenate(parts) == want).all())

    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    said = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # the lost executor may be gone by now, or not yet reaped
            said.append(" ".join(process.cmdline()))
    assert any("org.apache.spark" in words for words in said)
    said += [f"{name}={value}" for name, value in session.sparkContext.getConf().getAll()]
    found["secrets told"] = sum(SECRET in words for words in said)
    print(json.dumps(found))  # noqa: T201 - this is what the test reads
    session.stop()
    server.stop()


if __name__ == "__main__":
    main()
