"""S3 through boto3: the full credential chain, checksums, and calls that end.

botocore makes the attempts (its standard mode); a body that arrives damaged is asked for again, within the same number.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from headgate.datasets.lazy_values import Unchanged
from headgate.datasets.s3_checksums import stated
from headgate.datasets.s3_deadline import Attempt, within
from headgate.datasets.s3_errors import absent, denied_without_credentials, store_error, truncated, unreachable
from headgate.datasets.s3_logs import mask_secrets
from headgate.datasets.stores import (
    MAX_BYTES,
    ObjectInfo,
    StoredObject,
    StoreSettings,
    check_range,
    check_size,
    shown_endpoint,
)
from headgate.errors import CorruptObjectError, DatasetError, DatasetSetupError, HeadgateError, StoreUnavailableError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

__all__ = ["BotoStore"]

R = TypeVar("R")
_Failure = Callable[[str, str, str], HeadgateError]
_CHUNK = 2**18
# What botocore says of parameters that it sends to nobody.
_OF_THE_OBJECT = re.compile(r"bucket name|parameter (Bucket|Key|Prefix)\b")
_making = threading.Lock()


def _new_lock() -> None:
    """Replace the lock in a forked child: the thread that held it is not there any more."""
    global _making  # noqa: PLW0603 - one lock for the process
    _making = threading.Lock()


if hasattr(os, "register_at_fork"):  # Windows has no fork to take care of
    os.register_at_fork(after_in_child=_new_lock)


class BotoStore:
    """Objects in S3, or in a server that speaks S3, read by boto3; an `headgate.datasets.stores.ObjectStore`.

    The client is made at once, so that a wrong profile is heard of here, and anew in a forked child and after pickle,
    with the credentials found then. The store itself holds none; only who has a session already, with what a role was
    given for it, shares it with the store (in this process).

    Raises
    ------
    DatasetSetupError
        boto3 is not installed.
    AccessDeniedError
        There is no such profile.
    """

    def __init__(self, settings: StoreSettings | None = None, session: boto3.Session | None = None) -> None:
        self.settings = settings or StoreSettings()
        self._session = session
        self._client: tuple[int, S3Client] | None = None
        self._ready()

    def get(
        self, bucket: str, key: str, *, unless: str | None = None, max_bytes: int = MAX_BYTES
    ) -> StoredObject | Unchanged | None:
        """Return the object; see `headgate.datasets.stores.ObjectStore.get`."""
        where = self.where(bucket, key)
        wanted: dict[str, Any] = {"Bucket": bucket, "Key": key, "ChecksumMode": "ENABLED"}
        if unless is not None:
            wanted["IfNoneMatch"] = unless

        def fetch(client: S3Client, attempt: Attempt) -> StoredObject | Unchanged:
            answer = client.get_object(**wanted)
            return StoredObject(_read(answer, max_bytes, where, attempt), answer.get("ETag"))

        return self._call(fetch, where, unchanged=unless is not None)

    def get_range(self, bucket: str, key: str, start: int, length: int) -> bytes | None:
        """Return a part of the object; see `headgate.datasets.stores.ObjectStore.get_range`."""
        check_range(start, length)
        where = self.where(bucket, key)

        def fetch(client: S3Client, attempt: Attempt) -> bytes:
            answer = client.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{start + length - 1}")
            return _read(answer, length, where, attempt)

        found = self._call(fetch, where)
        return None if isinstance(found, Unchanged) else found

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """Return what is known of the object; see `headgate.datasets.stores.ObjectStore.head`."""

        def fetch(client: S3Client, _attempt: Attempt) -> ObjectInfo:
            answer = client.head_object(Bucket=bucket, Key=key)
            return ObjectInfo(key, answer["ContentLength"], answer.get("ETag"))

        found = self._call(fetch, self.where(bucket, key), bodiless=True)
        return None if isinstance(found, Unchanged) else found

    def checksums(self, bucket: str, key: str, etag: str | None) -> dict[str, str]:
        """Return the checksums that the store states of the object at ``etag``, by algorithm; none if it has gone."""

        def fetch(client: S3Client, _attempt: Attempt) -> dict[str, str]:
            answer = client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            return stated(answer) if answer.get("ETag") == etag else {}

        found = self._call(fetch, self.where(bucket, key), bodiless=True)
        return found if isinstance(found, dict) else {}

    def list(self, bucket: str, prefix: str = "") -> list[ObjectInfo]:
        """Return the objects below ``prefix``; see `headgate.datasets.stores.ObjectStore.list`."""

        def fetch(client: S3Client, attempt: Attempt) -> list[ObjectInfo]:
            found: list[ObjectInfo] = []
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                found += [ObjectInfo(one["Key"], one["Size"], one.get("ETag")) for one in page.get("Contents", [])]
                if attempt.abandoned.is_set():
                    break
            return found

        found = self._call(fetch, self.where(bucket, prefix))
        return found if isinstance(found, list) else []

    def where(self, bucket: str, key: str) -> str:
        """Return ``s3://bucket/key``."""
        return f"s3://{bucket}/{key}"

    def _call(
        self, fetch: Callable[[S3Client, Attempt], R], where: str, *, unchanged: bool = False, bodiless: bool = False
    ) -> R | Unchanged | None:
        """Return what ``fetch`` does within the deadline; content that arrives damaged is fetched again."""
        client = self._ready()
        endpoint = shown_endpoint(client.meta.endpoint_url)

        def attempts(attempt: Attempt) -> R | Unchanged | None:
            for left in reversed(range(self.settings.attempts)):
                try:
                    return _translated(
                        lambda: fetch(client, attempt), where, endpoint, unchanged=unchanged, bodiless=bodiless
                    )
                except CorruptObjectError:
                    if not left or attempt.abandoned.is_set():
                        raise
            raise AssertionError("there is at least one attempt")

        with contextlib.suppress(TimeoutError):
            return within(self.settings.deadline_seconds, attempts)
        raise unreachable(f"no whole answer within {self.settings.deadline_seconds:g} s", where, endpoint)

    def _ready(self) -> S3Client:
        """Return this process's client, made by the first thread that needs it."""
        held = self._client
        if held is None or held[0] != os.getpid():
            with _making:
                held = self._client
                if held is None or held[0] != os.getpid():
                    # A client's connections belong to the process that made them.
                    held = self._client = os.getpid(), _client(self.settings, self._session)
        return held[1]

    def __repr__(self) -> str:
        return f"BotoStore({shown_endpoint(self.settings.endpoint)})"

    def __reduce__(self) -> tuple[object, ...]:
        return BotoStore, (self.settings,)


def _client(settings: StoreSettings, session: boto3.Session | None) -> S3Client:
    try:
        import boto3
        from botocore import UNSIGNED
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ProfileNotFound
    except ImportError as error:
        raise DatasetSetupError("boto3 is not installed; pip install 'headgate[s3]'") from error
    from headgate.datasets.s3_sockets import watch

    mask_secrets()
    config = Config(
        connect_timeout=settings.connect_seconds,
        read_timeout=settings.read_seconds,
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
        max_pool_connections=settings.max_connections,
        signature_version=UNSIGNED if settings.anonymous else None,
        # A server of one's own seldom has a name for each bucket.
        s3={"addressing_style": "path"} if settings.endpoint else {},
    )
    endpoint = shown_endpoint(settings.endpoint)
    try:
        # A session of our own: making clients from the default session is not safe in threads.
        session = session or boto3.Session(profile_name=settings.profile, region_name=settings.region)
        client: S3Client = session.client("s3", endpoint_url=settings.endpoint, config=config)
        watch(client)
        return client  # noqa: TRY300 - what may fail is above
    except ProfileNotFound:
        raise denied_without_credentials(f"there is no profile {settings.profile!r}", "S3", endpoint) from None
    except (BotoCoreError, ValueError) as error:
        raise DatasetSetupError(
            f"S3 at {endpoint}: no client can be made ({type(error).__name__}); check region, profile and configuration"
        ) from None


def _translated(
    fetch: Callable[[], R], where: str, endpoint: str, *, unchanged: bool, bodiless: bool
) -> R | Unchanged | None:
    """Return what ``fetch`` does, None for a missing key; raise headgate's error for whatever botocore raises.

    The original is not chained: an answer's body may repeat the access key and the signed request.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    problem: HeadgateError | None = None
    code, status = "?", None
    try:
        return fetch()
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "?"))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    except (BotoCoreError, HTTPError, OSError, RecursionError) as error:
        # RecursionError: botocore follows a store that sends it to another region without an end.
        problem = _transport_error(error, where, endpoint)
    # Outside the handlers, so that botocore's error does not hang on as context.
    if problem is not None:
        raise problem
    if status == 304 and unchanged:
        return Unchanged()
    if absent(code, status, bodiless=bodiless):
        return None
    raise store_error(code, status, where, endpoint)


def _transport_error(error: Exception, where: str, endpoint: str) -> HeadgateError:
    from botocore import exceptions as boto
    from urllib3.exceptions import HTTPError

    kind = type(error).__name__
    if isinstance(error, boto.ParamValidationError):
        if _OF_THE_OBJECT.search(str(error)) is None:  # of a request for credentials, to STS
            reason = "the credentials cannot be had: STS would not take what names the role"
            return denied_without_credentials(reason, where, endpoint)
        return DatasetError(f"{where}: not the name of an object in S3; check bucket and key")
    # The first row that fits: some of botocore's errors are also of the kinds further down.
    rows: tuple[tuple[type[Exception] | tuple[type[Exception], ...], _Failure, str], ...] = (
        (boto.FlexibleChecksumError, truncated, "the checksum of what arrived is not the one stored"),
        ((boto.ReadTimeoutError, boto.ConnectTimeoutError), unreachable, f"no answer in time ({kind})"),
        ((boto.IncompleteReadError, boto.ResponseStreamingError), truncated, "the answer ended early"),
        ((boto.NoCredentialsError, boto.PartialCredentialsError), denied_without_credentials, "no credentials found"),
        (
            (boto.CredentialRetrievalError, boto.TokenRetrievalError, boto.SSOError),
            denied_without_credentials,
            f"the credentials cannot be had ({kind})",
        ),
        ((boto.HTTPClientError, boto.ConnectionError, HTTPError, OSError), unreachable, f"no connection ({kind})"),
    )
    for kinds, failure, reason in rows:
        if isinstance(error, kinds):
            return failure(reason, where, endpoint)
    return StoreUnavailableError(f"{where} at {endpoint}: the request failed ({kind}); check the AWS configuration")


def _read(answer: GetObjectOutputTypeDef, most: int, where: str, attempt: Attempt) -> bytes:
    """Return the whole body; reading it to its end has botocore check its length and its checksum."""
    body = answer["Body"]
    try:
        check_size(answer.get("ContentLength"), most, where)
        pieces: list[bytes] = []
        size = 0
        while piece := body.read(_CHUNK):
            pieces.append(piece)
            size += len(piece)
            check_size(size, most, where)
            if attempt.abandoned.is_set():
                break
        return b"".join(pieces)
    finally:
        body.close()  # also gives up the connection, where the body was not read to its end
