"""S3 through Hadoop's s3a://, set up bucket by bucket in a session that runs.

Credentials go into the Hadoop configuration of the running JVM under ``fs.s3a.bucket.<bucket>.*``: what is set in the
session's builder stands on the JVM's command line. Hadoop keeps a bucket's first file system for good, so the keys are
there before the bucket is touched, and other keys for a bucket already open are refused rather than ignored.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from headgate.datasets.s3_errors import denied_without_credentials, unreachable
from headgate.datasets.spark_errors import spark_errors
from headgate.datasets.stores import StoreSettings, shown_endpoint
from headgate.errors import DatasetSetupError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["S3aSettings", "forget_buckets", "hadoop", "java", "open_bucket"]

_FILE_SYSTEM = "org.apache.hadoop.fs.s3a.S3AFileSystem"
_HADOOP_PROVIDERS = "org.apache.hadoop.fs.s3a"
# The SDK's own chain: it also renews what expires.
_SDK_CHAIN = "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"
# What S3A needs to sign for a server that is not AWS, and such servers take.
_REGION = "us-east-1"
# Once more after the SDK's own attempts, for a connection that broke; Hadoop's default of 7 takes minutes.
_RETRIES, _RETRY_MS = 1, 100
# For one request in all, its body not included: the least that Hadoop takes, so it gives up a silent server after twice
# that. `_check_that_it_answers` is there before.
_REQUEST_SECONDS = 15.0
# The longest wait for the first word of an answer; S3 itself takes 0.2 s.
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class S3aSettings:
    """Where S3 is and whose credentials are used.

    Attributes
    ----------
    store
        Endpoint, region, profile, timeouts and attempts, as for `S3Loader`.
    path_style
        Whether the bucket is in the path instead of the host's name; None: where an endpoint is given.
    credentials
        ``"chain"``: those boto3 finds (without boto3, those the JVM finds); ``"session"``: what the session is
        configured with; else the name of a provider class.
    """

    store: StoreSettings = field(default_factory=StoreSettings)
    path_style: bool | None = None
    credentials: str = "chain"

    def options(self, where: str) -> dict[str, str]:
        """Return the options ``fs.s3a.bucket.<bucket>.*`` without that prefix; **credentials are among them**.

        Raises
        ------
        AccessDeniedError
            The chain finds no credentials.
        DatasetSetupError
            Those of the profile named expire.
        """
        store = self.store
        # Plain milliseconds: every version of Hadoop reads them; one with a unit breaks older clients.
        found = {
            "attempts.maximum": str(store.attempts - 1),  # S3A counts what comes after the first
            "retry.limit": str(_RETRIES),
            "retry.interval": str(_RETRY_MS),
            "connection.establish.timeout": _milliseconds(store.connect_seconds),
            "connection.timeout": _milliseconds(store.read_seconds),
            "connection.acquisition.timeout": _milliseconds(store.deadline_seconds),
            "connection.request.timeout": _milliseconds(_REQUEST_SECONDS),
            "path.style.access": str(bool(store.endpoint) if self.path_style is None else self.path_style).lower(),
        }
        if store.endpoint:
            found |= {
                "endpoint": store.endpoint,
                "connection.ssl.enabled": str(store.endpoint.startswith("https")).lower(),
            }
        if store.region or store.endpoint:
            found["endpoint.region"] = store.region or _REGION
        return found | self._credentials(where)

    def _credentials(self, where: str) -> dict[str, str]:
        if self.store.anonymous:
            return {"aws.credentials.provider": f"{_HADOOP_PROVIDERS}.AnonymousAWSCredentialsProvider"}
        if self.credentials == "session":
            return {}
        if self.credentials != "chain":
            return {"aws.credentials.provider": self.credentials}
        endpoint = shown_endpoint(self.store.endpoint)
        return _from_chain(self.store.profile, where.removesuffix(f" at {endpoint}"), endpoint)


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))


def _from_chain(profile: str | None, where: str, endpoint: str) -> dict[str, str]:
    try:
        from boto3.session import Session
        from botocore.credentials import RefreshableCredentials
        from botocore.exceptions import BotoCoreError
    except ImportError:
        return {}  # Hadoop's own chain: environment, then the machine's role
    try:
        credentials = Session(profile_name=profile).get_credentials()
    except BotoCoreError as error:
        raise denied_without_credentials(type(error).__name__, where, endpoint) from None
    if credentials is None:
        raise denied_without_credentials("no credentials found", where, endpoint)
    if isinstance(credentials, RefreshableCredentials):
        # These expire, and Hadoop would keep them; the SDK in the JVM finds the same role or token, and renews it.
        # Of a profile named here it knows nothing, and Hadoop's provider of profiles reads no role and no SSO.
        if profile is None:
            return {"aws.credentials.provider": _SDK_CHAIN}
        raise DatasetSetupError(
            f"{where} at {endpoint}: the credentials of profile {profile!r} expire, and Spark would not renew them; "
            "set AWS_PROFILE to it before the session starts and leave profile= out, or name a provider by credentials="
        )
    frozen = credentials.get_frozen_credentials()
    if not frozen.access_key or not frozen.secret_key:
        raise denied_without_credentials("the credentials found are incomplete", where, endpoint)
    kind = "TemporaryAWSCredentialsProvider" if frozen.token else "SimpleAWSCredentialsProvider"
    found = {
        "aws.credentials.provider": f"{_HADOOP_PROVIDERS}.{kind}",
        "access.key": frozen.access_key,
        "secret.key": frozen.secret_key,
    }
    return {**found, "session.token": frozen.token} if frozen.token else found


class _Opened:
    """What each bucket was opened with in this process's JVM, as a keyed digest: no credential is kept here."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.digests: dict[str, bytes] = {}
        self.key = os.urandom(32)

    def digest(self, options: dict[str, str]) -> bytes:
        return hashlib.blake2b(repr(sorted(options.items())).encode(), key=self.key).digest()


_opened = _Opened()


def hadoop(session: SparkSession) -> Any:
    """Return the Hadoop configuration of the running session, which file systems are made from."""
    return session.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001 - there is no public way


def java(session: SparkSession) -> Any:
    """Return the JVM's classes, by their names."""
    return session.sparkContext._jvm  # noqa: SLF001 - there is no public way


def open_bucket(session: SparkSession, bucket: str, settings: S3aSettings, where: str) -> None:
    """Configure ``bucket`` in the running session, before its first touch; once more with the same, nothing changes.

    Raises
    ------
    DatasetSetupError
        The session has no S3 connector, or one of another version than its Hadoop client; or the bucket is open
        with other settings or credentials; or the credentials of the profile named expire.
    AccessDeniedError
        No credentials were found.
    StoreUnavailableError
        There is an endpoint, and it accepts a connection and says nothing.
    """
    _check_connector(session)
    options = settings.options(where)
    _check_that_it_answers(session, bucket, settings.store.endpoint, where)
    with _opened.lock:
        digest = _opened.digest(options)
        if _opened.digests.setdefault(bucket, digest) != digest:
            raise DatasetSetupError(
                f"s3://{bucket}: it is open in this session with other settings or credentials, and Hadoop keeps the "
                "first; close the loaders that use it, which stops a session of their own, or start Python anew"
            )
        configuration = hadoop(session)
        with spark_errors(where):
            for name, value in options.items():
                configuration.set(f"fs.s3a.bucket.{bucket}.{name}", value)


def forget_buckets(session: SparkSession) -> None:
    """Close every Hadoop file system of a session about to stop, so that the next may open buckets otherwise."""
    with _opened.lock:
        _opened.digests.clear()
        java(session).org.apache.hadoop.fs.FileSystem.closeAll()


def _check_connector(session: SparkSession) -> None:
    with spark_errors("s3"):
        found = hadoop(session).getClassByName(_FILE_SYSTEM)
        jar = found.getProtectionDomain().getCodeSource().getLocation().toString()
        client = java(session).org.apache.hadoop.util.VersionInfo.getVersion()
    version = re.search(r"hadoop-aws-([\d.]+)\.jar$", jar)
    if version and version[1] != client:
        raise DatasetSetupError(
            f"the S3 connector is hadoop-aws {version[1]}, Spark's Hadoop client is {client}, and the two must be "
            f"equal; start the session with org.apache.hadoop:hadoop-aws:{client}"
        )


def _check_that_it_answers(session: SparkSession, bucket: str, endpoint: str | None, where: str) -> None:
    """Ask the endpoint anything at all: Hadoop would wait half a minute for one that says nothing.

    Every other answer, and none (refused, no such host, TLS that fails), is left for Hadoop to find out.
    """
    configuration = hadoop(session)
    proxied = any(configuration.get(f"fs.s3a.{scope}proxy.host") for scope in ("", f"bucket.{bucket}."))
    if endpoint is None or proxied:
        return
    parts = urlsplit(endpoint)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    asked = kind(parts.hostname or "", parts.port, timeout=_ANSWER_SECONDS)
    try:
        asked.request("HEAD", "/")
        asked.getresponse()
    except TimeoutError:
        silent = True
    except (OSError, HTTPException):
        silent = False
    else:
        silent = False
    finally:
        asked.close()
    if silent:
        shown = shown_endpoint(endpoint)
        raise unreachable(f"no answer within {_ANSWER_SECONDS:g} s", where.removesuffix(f" at {shown}"), shown)
