"""One local Spark session for each process that runs tests, started when first asked for and stopped at its end.

Mark every test that uses it ``slow`` and ``xdist_group("spark")``, so that one worker at a time keeps a JVM.
"""

from __future__ import annotations

import atexit
import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JARS = Path(__file__).resolve().parents[2] / ".tools" / "jars"
"""Where ``make spark-jars`` puts the S3 connector; without it the session starts all the same, and knows no s3a://."""

SETTINGS = {
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.showConsoleProgress": "false",
    "spark.ui.port": "0",
    "spark.port.maxRetries": "64",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.log.level": "ERROR",
}


@functools.cache
def local_session() -> SparkSession:
    """Two tasks at a time (``local[2,2]``: each may fail once), Python workers of this very interpreter."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2,2]").appName("headgate tests")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    if jars := sorted(JARS.glob("*.jar")):
        # Not spark.jars: every start would copy the 700 MB of the SDK bundle.
        builder = builder.config("spark.driver.extraClassPath", ":".join(str(jar) for jar in jars))
    session = builder.getOrCreate()
    atexit.register(session.stop)
    return session
