"""A Spark session for loaders: the one that runs, or one of their own, which the last of them stops."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.datasets.spark_jars import check_java, connector_package, jars_in
from headgate.datasets.spark_s3a import forget_buckets
from headgate.errors import DatasetSetupError

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

__all__ = ["FORKED", "JARS_VARIABLE", "Lease", "Start", "lease"]

JARS_VARIABLE = "HEADGATE_SPARK_JARS"
FORKED = (
    "a Spark session does not survive a fork: its connections to Java are the parent's; start processes by spawn, or "
    "fork before the first session"
)


@dataclass(frozen=True, slots=True)
class Start:
    """How to start a session where none runs.

    Attributes
    ----------
    master
        Spark's master; None: what Spark's own configuration says, ``local[*]`` without any.
    jars
        A directory with the S3 connector's jars; None: what HEADGATE_SPARK_JARS says.
    packages
        Maven coordinates to fetch; None: the S3 connector's if ``s3`` and there are no jars, else nothing.
    s3
        Whether S3 will be read.
    progress
        Whether Spark draws its progress bar on standard error.
    """

    master: str | None = None
    jars: str | None = None
    packages: str | None = None
    s3: bool = False
    progress: bool = False

    def settings(self) -> dict[str, str]:
        """Return Spark's settings; no credential is ever among them, for they are on the JVM's command line.

        Raises
        ------
        DatasetSetupError
            The directory of jars has no connector of the right version, or pyspark is not installed.
        """
        found = {"spark.ui.showConsoleProgress": str(self.progress).lower(), "spark.log.level": "ERROR"}
        if self.master is not None:
            found["spark.master"] = self.master
        directory = self.jars or os.environ.get(JARS_VARIABLE)
        if directory:
            jars = [str(jar) for jar in jars_in(directory)]
            if self.master is not None and self.master.startswith("local["):
                # spark.jars would copy 700 MB at each start, for executors elsewhere; here there are none.
                found["spark.driver.extraClassPath"] = os.pathsep.join(jars)
            else:
                found["spark.jars"] = ",".join(jars)
        packages = self.packages or (connector_package() if self.s3 and not directory else None)
        if packages:
            found["spark.jars.packages"] = packages
        return found


class _Own:
    """The session that loaders started in this process, and how many of them use it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.session: SparkSession | None = None
        self.users = 0


_own = _Own()
# The context that was there when this process was forked, and speaks through its parent's sockets.
_inherited: SparkContext | None = None


def _in_child() -> None:
    """Note what is the parent's; and who held the lock is not there any more."""
    global _inherited  # noqa: PLW0603 - one for the process
    _own.lock = threading.RLock()
    if "pyspark" in sys.modules:
        from pyspark import SparkContext

        _inherited = SparkContext._active_spark_context  # noqa: SLF001 - see `_running`


if hasattr(os, "register_at_fork"):  # Windows has no fork to take care of
    os.register_at_fork(after_in_child=_in_child)


class Lease:
    """The use of a session by one loader; `release` stops the session if loaders started it and this was the last."""

    def __init__(self, session: SparkSession, *, counted: bool) -> None:
        self.session = session
        self.process = os.getpid()
        self._counted = counted

    def release(self) -> None:
        """End the use; a second call does nothing."""
        with _own.lock:
            if not self._counted or self.process != os.getpid() or self.session is not _own.session:
                return
            self._counted = False
            _own.users -= 1
            if _own.users == 0:
                _own.session = None
                _stop(self.session)


def lease(given: SparkSession | None, start: Start) -> Lease:
    """Return the use of the session ``given``, of the one that runs, or of one started as ``start`` says.

    Raises
    ------
    DatasetSetupError
        pyspark, pandas or pyarrow is not installed, Java is missing or too old, or the session did not start; or it
        is that of the process which this one was forked from.
    """
    if given is not None:
        if given.sparkContext is _inherited:
            raise DatasetSetupError(FORKED)
        return Lease(given, counted=False)
    with _own.lock:
        running = _running()
        if running is None:
            running = _own.session = _started(start)
            _own.users = 0
        if running is not _own.session:
            return Lease(running, counted=False)
        _own.users += 1
        return Lease(running, counted=True)


def _running() -> SparkSession | None:
    try:
        import pandas as pd  # noqa: F401 - asked for here, where there is advice, and not deep inside Spark
        import pyarrow as pa  # noqa: F401 - likewise
        from pyspark import SparkContext
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise DatasetSetupError(f"{error.name} is not installed; pip install 'headgate[spark]'") from error
    # The public question, getActiveSession, is about this thread; a lazy map loads in many.
    active = SparkContext._active_spark_context  # noqa: SLF001 - nothing public tells for the process
    if active is None:
        return None
    if active is _inherited:
        raise DatasetSetupError(FORKED)
    return SparkSession.builder.getOrCreate()


def _started(start: Start) -> SparkSession:
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # it ships none
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    settings = start.settings()
    check_java()
    # Spark would start "python3" for its workers: another interpreter than this one in most virtual environments.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("headgate datasets")
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except (PySparkRuntimeError, Py4JError) as error:
        kind = type(error).__name__
    packages = settings.get("spark.jars.packages")
    fetching = (
        f"; it was to fetch {packages}: if the network is the reason, fetch the jars where there is one "
        f"(python -m headgate.datasets.spark_jars DIRECTORY) and set {JARS_VARIABLE}=DIRECTORY"
        if packages
        else ""
    )
    raise DatasetSetupError(f"Spark did not start ({kind}); what Java said is above{fetching}")


def _stop(session: SparkSession) -> None:
    forget_buckets(session)
    session.stop()
