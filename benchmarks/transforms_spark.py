"""The transform on Spark beside a sum over one of Spark's own Windows: small sizes, for changes to be seen.

Skipped where Spark or Java is missing, as in asv's own environments: ``asv run -E existing:python --bench
^transforms_spark`` measures it where they are. `studies/spark_scale.py` has the large sizes, in turns, with intervals.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .workload import SEED, kernel_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONTENDERS = {
    "one series, blocks": ("one series", "blocks"),
    "one series, Window": ("one series", "Window"),
    "many series, blocks": ("many series", "blocks"),
    "many series, Window": ("many series", "Window"),
    "file": ("file", "ranges"),
}
SIZES = {"100,000 rows, window 10": (100_000, 10), "100,000 rows, window 1000": (100_000, 1000)}
MEMORY = "1g"


@functools.cache
def session() -> SparkSession:
    """Return this process's session: asv sets up again before every sample."""
    from .studies import spark_scale

    return spark_scale.session(MEMORY)


class Session:
    """What all share: a warm session, and the work of a contender."""

    timeout = 300
    _warm: object = None

    def setup(self, contender: str, size: str) -> None:
        kernel_of("spark")  # skips where it is not available
        from .studies import spark_scale

        n, window = SIZES[size]
        self.folder = Path(tempfile.mkdtemp())
        np.save(self.folder / f"{n}.npy", np.random.default_rng(SEED).standard_normal(n))
        self.work = spark_scale.contenders(session(), n, window, self.folder)[CONTENDERS[contender]]
        if self._warm != (contender, size):
            self.work()  # code is compiled, workers are started
            self._warm = (contender, size)

    def teardown(self, contender: str, size: str) -> None:
        shutil.rmtree(self.folder)


class Rows(Session):
    """One pass; rows are made and thrown away in the JVM, but for the file."""

    params: ClassVar = (tuple(CONTENDERS), tuple(SIZES))
    param_names: ClassVar = ("contender", "size")
    number = 1
    rounds = 1
    repeat = (3, 6, 10.0)
    warmup_time = 0.0  # the setup has run it

    def time_rows(self, contender: str, size: str) -> None:
        self.work()


class Shuffled(Session):
    """What goes through the shuffle, as Spark counts it."""

    params: ClassVar = (("one series, blocks", "one series, Window"), tuple(SIZES)[:1])
    param_names: ClassVar = ("contender", "size")
    unit = "bytes a row"

    def track_shuffled(self, contender: str, size: str) -> float:
        from .studies import spark_scale

        return spark_scale.measure(session(), self.work)["shuffled"] / SIZES[size][0]
