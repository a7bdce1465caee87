"""What the JVM throws is told by its classes; causes here are those that Spark 4.3 with Hadoop 3.5 was seen to give."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest

from headgate.datasets import spark_errors as module
from headgate.datasets.spark_errors import spark_errors
from headgate.errors import (
    AccessDeniedError,
    CorruptObjectError,
    DatasetError,
    DatasetSetupError,
    ObjectMissingError,
    SchemaError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SECRET = "hunter2-in-the-data"


class JavaError(Exception):
    """Stands for py4j's: it is the module's name that tells."""


JavaError.__module__ = "py4j.protocol"


@pytest.mark.parametrize(
    ("causes", "kind", "says"),
    [
        ([("org.apache.hadoop.fs.s3a.UnknownStoreException", "")], ObjectMissingError, "bucket"),
        ([("java.io.FileNotFoundException", "")], ObjectMissingError, "object"),
        ([("java.nio.file.AccessDeniedException", "")], AccessDeniedError, "credentials"),
        ([("org.apache.hadoop.fs.s3a.AWSBadRequestException", "")], AccessDeniedError, "session token"),
        ([("java.net.ConnectException", "")], StoreUnavailableError, "endpoint"),
        (
            [("java.lang.RuntimeException", ""), ("java.net.SocketTimeoutException", "")],
            StoreUnavailableError,
            "answer",
        ),
        (
            [
                ("java.lang.RuntimeException", ""),
                ("java.lang.ClassNotFoundException", "Class org.apache.hadoop.fs.s3a.S3AFileSystem not found"),
            ],
            DatasetSetupError,
            "spark.jars.packages",
        ),
        ([("java.lang.NumberFormatException", 'For input string: "60s"')], DatasetSetupError, "different versions"),
        ([("java.lang.NoSuchMethodError", "")], DatasetSetupError, "different versions"),
        ([("PySparkException", "[PYTHON_VERSION_MISMATCH] 3.11 and 3.12")], DatasetSetupError, "PYSPARK_PYTHON"),
        ([("PythonException", "ModuleNotFoundError: No module named 'headgate'")], DatasetSetupError, "lack headgate"),
        ([("AnalysisException", "[PATH_NOT_FOUND] s3a://b/k")], ObjectMissingError, "object"),
        ([("x.SparkException", "file:/a.parquet is not a Parquet file")], CorruptObjectError, "Parquet"),
        (
            [("PythonException", f"headgate.errors.SchemaError: a: field b: c\n at {SECRET}")],
            SchemaError,
            "a: field b: c",
        ),
        ([("x.y.SomethingNew", SECRET)], DatasetError, "Spark failed (SomethingNew)"),
    ],
)
def test_a_cause_becomes_the_error_that_says_what_to_do(
    causes: Sequence[tuple[str, str]], kind: type[DatasetError], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_causes", lambda _: [("Py4JJavaError", SECRET), *causes])
    with pytest.raises(DatasetError) as caught, spark_errors("s3://bucket/key"):
        raise JavaError(SECRET)
    assert type(caught.value) is kind
    assert says in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_an_error_that_is_not_sparks_passes_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError), spark_errors("s3://bucket/key"):
        raise ZeroDivisionError
    with pytest.raises(ObjectMissingError, match=r"^mine$"), spark_errors("s3://bucket/key"):
        raise ObjectMissingError("mine")
