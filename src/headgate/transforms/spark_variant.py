"""Variant ``spark``: an array as a DataFrame, through :func:`headgate.transforms.spark.sliding_polynomial`, and back.

It is there to be compared and to be tested: an array that is already in one process gains nothing by leaving it. The
active session is used; without one a local session is started on all cores, without the web interface, which stays for
the next call. Unsigned arrays travel as signed ones: the bits are the same, and Spark has no unsigned types.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyspark  # noqa: F401 - without it this variant is not available, and loading must say so

from headgate.errors import VariantUnavailableError
from headgate.transforms.polynomial import wrap
from headgate.transforms.spark import sliding_polynomial

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["kernel", "session"]

SERIES, PLACE, VALUE, RESULT = "series", "n", "x", "y"

if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
    raise VariantUnavailableError(
        "variant 'spark' is not available: there is no Java here; install version 17 or later, or set JAVA_HOME"
    )


def kernel(
    x: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
    window: int,
    coefficients: tuple[float, ...],
    anchor: str,
    threads: int,  # noqa: ARG001 - the session has its own
) -> None:
    """Write the sliding polynomial of every row of `x` into `out`; see `registry.Kernel`."""
    if x.size == 0:
        return
    if x.dtype.kind == "u":
        signed = np.dtype(f"i{x.dtype.itemsize}")
        coefficients = tuple(wrap(int(number), signed) for number in coefficients)
        x, out = x.view(signed), out.view(signed)
    rows, n = x.shape
    table = pa.table(
        {
            SERIES: pa.array(np.repeat(np.arange(rows), n)),
            PLACE: pa.array(np.tile(np.arange(n), rows)),
            VALUE: pa.array(x.reshape(-1)),
        }
    )
    df = session().createDataFrame(table)
    result = sliding_polynomial(
        df, VALUE, PLACE, window, coefficients=coefficients, anchor=anchor, partition_by=SERIES, output=RESULT
    )
    got = result.select(SERIES, PLACE, RESULT).toArrow()
    out[got[SERIES].to_numpy(), got[PLACE].to_numpy()] = got[RESULT].to_numpy()


def session() -> SparkSession:
    """Return the active session, or start a local one whose workers run this interpreter."""
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master("local[*]").appName("headgate").config("spark.ui.enabled", "false")
    return builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
