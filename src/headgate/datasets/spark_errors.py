"""What the JVM threw, as headgate's own error: what is wrong and what to do, instead of pages of stack traces.

Classes decide, and messages only where a class says too little. Nothing of Java's messages is passed on but the class,
since they may show what a file holds; nor is the exception chained.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.errors import (
    AccessDeniedError,
    CorruptObjectError,
    DatasetError,
    DatasetSetupError,
    HeadgateError,
    ObjectMissingError,
    SchemaError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["spark_errors"]

_MOST_CAUSES = 20
_WORKER = re.compile(r"^\s*headgate\.errors\.(SchemaError|CorruptObjectError): (.*)$", re.MULTILINE)
_DENIED = "access denied; give credentials that may read it (environment, profile or role)"
_SETUP = (
    "the S3 connector and Spark's Hadoop client are of different versions, which must be equal; leave the version to "
    "SparkLoader, or fetch the right jars: python -m headgate.datasets.spark_jars DIRECTORY"
)
_NO_CONNECTOR = (
    "this Spark session was started without the S3 connector, and one that runs cannot take it in; stop it (or start "
    "Python anew) and let SparkLoader start the session, or start it with spark.jars.packages or spark.jars"
)
# S3's answer to a HEAD has no text; an expired or unknown session token is a 400.
_BAD_REQUEST = (
    "the store calls the request bad: the session token has expired or is none, or endpoint or region are wrong"
)
_NO_PROVIDER = (
    "a class that the settings name cannot be made; check the name given as credentials=, and the session's jars"
)


class _Rule(NamedTuple):
    classes: str  # the end of a class's name, or several
    text: str  # what its message must hold, if anything
    error: type[DatasetError]
    problem: str


# In this order; the first that fits any cause, outermost first, is taken.
_RULES = [
    _Rule(
        "UnknownStoreException|NoSuchBucketException", "", ObjectMissingError, "there is no such bucket; check its name"
    ),
    _Rule("InstantiationIOException", "", DatasetSetupError, _NO_PROVIDER),
    _Rule("ClassNotFoundException|UnsupportedFileSystemException", r"S3A|s3", DatasetSetupError, _NO_CONNECTOR),
    _Rule("NumberFormatException", r'"\d+[a-z]+"', DatasetSetupError, _SETUP),
    _Rule(
        "NoSuchMethodError|NoClassDefFoundError|AbstractMethodError|IncompatibleClassChangeError",
        "",
        DatasetSetupError,
        _SETUP,
    ),
    _Rule(
        "AccessDeniedException|AccessControlException|NoAuthWithAWSException|NoAwsCredentialsException",
        "",
        AccessDeniedError,
        _DENIED,
    ),
    _Rule("CredentialInitializationException", "", AccessDeniedError, _DENIED),
    _Rule("AWSBadRequestException", "", AccessDeniedError, _BAD_REQUEST),
    _Rule("AWSRedirectException", "", StoreUnavailableError, "the bucket is in another region; give its region"),
    _Rule(
        "ConnectException|UnknownHostException|ConnectTimeoutException|SocketTimeoutException|NoRouteToHostException|"
        "ApiCallTimeout|ApiCallTimeoutException|AWSApiCallTimeoutException|AWSClientIOException|SSLException|"
        "NoHttpResponseException",
        "",
        StoreUnavailableError,
        "the store did not answer; check the endpoint and the network",
    ),
    _Rule(
        "AWSStatus500Exception|AWSServiceThrottledException|AWSServiceIOException",
        "",
        StoreUnavailableError,
        "the store failed; try again later",
    ),
    _Rule("FileNotFoundException|NoSuchKeyException", "", ObjectMissingError, "there is no such object; check the key"),
    _Rule("", r"PATH_NOT_FOUND|FILE_NOT_EXIST", ObjectMissingError, "there is no such object; check the key"),
    _Rule(
        "",
        r"is not a Parquet file|CANNOT_READ_FILE_FOOTER|Could not read footer|CANNOT_READ_FOOTER",
        CorruptObjectError,
        "it is no Parquet file, or a damaged one; store it anew",
    ),
    _Rule(
        "",
        r"PYTHON_VERSION_MISMATCH|different version in worker",
        DatasetSetupError,
        "Spark's workers run another Python; set PYSPARK_PYTHON to this interpreter before the session starts",
    ),
    _Rule(
        "",
        r"No module named '(headgate|pyarrow)",
        DatasetSetupError,
        "Spark's workers lack headgate or pyarrow; install 'headgate[spark]' where they run, or set PYSPARK_PYTHON",
    ),
    _Rule(
        "",
        r"CANNOT_MERGE_SCHEMA|FAILED_MERGE_FIELDS",
        SchemaError,
        "its files are of different schemas; store them alike",
    ),
    _Rule(
        "",
        r"MALFORMED_RECORD_IN_PARSING|CANNOT_PARSE_JSON|BadRecordException",
        SchemaError,
        "a record cannot be read as the declared type; load with validate='full' to see which field",
    ),
    _Rule(
        "ParquetDecodingException|SchemaColumnConvertNotSupportedException",
        "",
        SchemaError,
        "a column is of another type than declared; mend the data or the type",
    ),
]


@contextmanager
def spark_errors(where: str) -> Iterator[None]:
    """Turn what Spark raises within into the DatasetError it amounts to, which begins with ``where``.

    Raises
    ------
    DatasetError
        Spark failed; errors of headgate's own, and those that are not Spark's, pass as they are.
    """
    try:
        yield
    except HeadgateError:
        raise
    except Exception as error:
        if not type(error).__module__.startswith(("pyspark.", "py4j.")):
            raise
        found = _translated(error, where)
    else:
        return
    # A generator's exception has the one it was thrown as context, wherever it is raised.
    raise found from None


def _translated(error: Exception, where: str) -> DatasetError:
    causes = _causes(error)
    texts = [str(error), *(message for _, message in causes)]
    for text in texts:
        if told := _WORKER.search(text):
            return (SchemaError if told[1] == "SchemaError" else CorruptObjectError)(told[2].strip())
    for rule in _RULES:
        if any(_fits(rule, name, message) for name, message in causes):
            return rule.error(f"{where}: {rule.problem} ({_short(causes)})")
    return DatasetError(f"{where}: Spark failed ({_short(causes)}); its log on standard error says more")


def _fits(rule: _Rule, name: str, message: str) -> bool:
    named = not rule.classes or re.search(rf"(?:^|[.$])(?:{rule.classes})$", name) is not None
    return named and (not rule.text or re.search(rule.text, message) is not None)


def _causes(error: Exception) -> list[tuple[str, str]]:
    """Return class and message of the exception and its causes, outermost first; Python's own if there is no Java."""
    from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]  # it ships none

    # pyspark keeps py4j's exception, or Java's itself; to ask the latter for an attribute would name a method of it.
    origin: Any = getattr(error, "_origin", None) or error
    java: Any = origin.java_exception if isinstance(origin, Py4JJavaError) else None if origin is error else origin
    found = [(type(error).__name__, str(error))]
    while java is not None and len(found) < _MOST_CAUSES:
        found.append((java.getClass().getName(), java.getMessage() or ""))
        java = java.getCause()
    return found


def _short(causes: list[tuple[str, str]]) -> str:
    names = dict.fromkeys(name.rpartition(".")[2] for name, _ in causes[1:] or causes)
    return ", ".join(list(names)[-3:])
