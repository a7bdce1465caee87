"""S3 through obstore: small objects in two thirds of the time and a quarter of the processor that boto3 takes.

Two things it cannot do. Its runtime does not survive a fork, where it would hang: the child is told so instead. And it
tells nothing of checksums: where the ETag is not the content's MD5, boto3 is asked for them.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import re
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from headgate.datasets.lazy_values import Unchanged
from headgate.datasets.s3_boto import BotoStore
from headgate.datasets.s3_checksums import differing, is_md5_of
from headgate.datasets.s3_endpoint import VARIABLES, configured_endpoint
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
from headgate.errors import DatasetSetupError, HeadgateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from obstore.store import S3Store

__all__ = ["ObstoreStore"]

R = TypeVar("R")
_CODE = re.compile(r"<Code>(\w+)</Code>")
# obstore asks for the rest of a body that ends early; NoContentRange is what it says of a server that will not go on.
_ENDED_EARLY = r"IncompleteMessage|UnexpectedEof|end of file|error decoding response body|NoContentRange"
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
_STATUS = re.compile(r"status code: (\d{3})")


class ObstoreStore:
    """Objects in S3, or in a server that speaks S3, read by obstore; an `headgate.datasets.stores.ObjectStore`.

    Credentials come from boto3's chain where boto3 is installed, otherwise from the environment or the machine's role.

    Raises
    ------
    DatasetSetupError
        obstore is not installed, or a profile is named and boto3 is not.
    AccessDeniedError
        There is no such profile, or there are no credentials.
    """

    def __init__(self, settings: StoreSettings | None = None) -> None:
        self._given = settings or StoreSettings()
        try:
            import obstore  # noqa: F401 - found here or never
        except ImportError as error:
            raise DatasetSetupError("obstore is not installed; pip install 'headgate[fast]'") from error
        endpoint = self._given.endpoint or configured_endpoint(self._given.profile)
        try:
            self.settings = dataclasses.replace(self._given, endpoint=endpoint)
        except UsageError as error:  # what was given has been checked
            raise DatasetSetupError(f"{error}; it is from {'/'.join(VARIABLES)} or the AWS profile") from None
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._stores: dict[str, S3Store] = {}
        self._session = _session(self.settings)
        self._witness: BotoStore | None = None

    def get(
        self, bucket: str, key: str, *, unless: str | None = None, max_bytes: int = MAX_BYTES
    ) -> StoredObject | Unchanged | None:
        """Return the object; see `headgate.datasets.stores.ObjectStore.get`."""
        import obstore

        where = self.where(bucket, key)

        def fetch(store: S3Store) -> StoredObject:
            answer = obstore.get(store, key, options={"if_none_match": unless} if unless is not None else None)
            size = answer.meta["size"]
            check_size(size, max_bytes, where)
            content = bytes(answer.bytes())
            if len(content) != size:
                raise truncated(f"{len(content)} bytes of {size} arrived", where, self._endpoint)
            return StoredObject(content, answer.meta["e_tag"])

        for _ in range(self.settings.attempts):
            found = self._call(fetch, bucket, where, unchanged=unless is not None)
            if not isinstance(found, StoredObject) or self._is_as_stored(found, bucket, key):
                return found
        raise truncated("the checksum of what arrived is not the one stored", where, self._endpoint)

    def _is_as_stored(self, found: StoredObject, bucket: str, key: str) -> bool:
        """Whether nothing that the store says of the object is against ``found``."""
        if is_md5_of(found.content, found.etag):
            return True
        with self._lock:
            if self._witness is None and importlib.util.find_spec("boto3") is not None:
                self._witness = BotoStore(self.settings, self._session)
        # Without boto3 there is nobody to ask.
        return self._witness is None or not differing(found.content, self._witness.checksums(bucket, key, found.etag))

    def get_range(self, bucket: str, key: str, start: int, length: int) -> bytes | None:
        """Return a part of the object; see `headgate.datasets.stores.ObjectStore.get_range`."""
        import obstore

        check_range(start, length)

        def fetch(store: S3Store) -> bytes:
            return bytes(obstore.get_range(store, key, start=start, length=length))

        found = self._call(fetch, bucket, self.where(bucket, key))
        return None if isinstance(found, Unchanged) else found

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """Return what is known of the object; see `headgate.datasets.stores.ObjectStore.head`."""
        import obstore

        found = self._call(lambda store: obstore.head(store, key), bucket, self.where(bucket, key), bodiless=True)
        return None if found is None or isinstance(found, Unchanged) else ObjectInfo(key, found["size"], found["e_tag"])

    def list(self, bucket: str, prefix: str = "") -> list[ObjectInfo]:
        """Return the objects below ``prefix``; see `headgate.datasets.stores.ObjectStore.list`."""
        import obstore

        # obstore's prefix ends at a slash; the contract's may end within a name.
        folder = prefix.rpartition("/")[0]

        def fetch(store: S3Store) -> list[ObjectInfo]:
            listed = obstore.list(store, prefix=folder or None).collect()
            found = [ObjectInfo(one["path"], one["size"], one["e_tag"]) for one in listed]
            return sorted((one for one in found if one.key.startswith(prefix)), key=lambda one: one.key)

        found = self._call(fetch, bucket, self.where(bucket, prefix))
        return found if isinstance(found, list) else []

    def where(self, bucket: str, key: str) -> str:
        """Return ``s3://bucket/key``."""
        return f"s3://{bucket}/{key}"

    @property
    def _endpoint(self) -> str:
        return shown_endpoint(self.settings.endpoint)

    def _call(
        self, fetch: Callable[[S3Store], R], bucket: str, where: str, *, unchanged: bool = False, bodiless: bool = False
    ) -> R | Unchanged | None:
        """Return what ``fetch`` does, None for a missing key; raise headgate's error for whatever obstore raises.

        The original is not chained: its text repeats the request and the whole answer.
        """
        from obstore.exceptions import BaseError

        store = self._store(bucket)
        try:
            return fetch(store)
        except (BaseError, OSError) as error:
            text, kind = str(error), type(error).__name__
        code, status = _answer(text, kind)
        if status == 304 and unchanged:
            return Unchanged()
        if absent(code, status, bodiless=bodiless):
            return None
        raise _failure(text, code, status, where, self._endpoint)

    def _store(self, bucket: str) -> S3Store:
        if self._pid != os.getpid():
            raise DatasetSetupError(
                "obstore does not survive a fork and would hang; make the loader in the child, "
                "start processes by spawn, or use the boto3 backend"
            )
        with self._lock:
            if bucket not in self._stores:
                self._stores[bucket] = _store(bucket, self.settings, self._session)
            return self._stores[bucket]

    def __repr__(self) -> str:
        return f"ObstoreStore({self._endpoint})"

    def __reduce__(self) -> tuple[object, ...]:
        return ObstoreStore, (self._given,)


def _session(settings: StoreSettings) -> Any:
    """Return a boto3 session with credentials, None where there is no boto3 or no need."""
    if settings.anonymous:
        return None
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        if settings.profile is None:
            return None
        raise DatasetSetupError(
            "profiles are read by boto3, which is not installed; pip install 'headgate[s3]'"
        ) from error
    mask_secrets()
    endpoint, reason = shown_endpoint(settings.endpoint), "there are no credentials"
    try:
        session = boto3.Session(profile_name=settings.profile, region_name=settings.region)
        if session.get_credentials() is not None:
            return session
    except BotoCoreError as error:
        reason = f"the credentials cannot be had ({type(error).__name__})"
    raise denied_without_credentials(reason, "S3", endpoint)


def _store(bucket: str, settings: StoreSettings, session: Any) -> S3Store:
    from obstore.store import S3Store

    _refuse_token_in_the_open(settings, session)
    options: dict[str, Any] = {"skip_signature": True} if settings.anonymous else {}
    if session is not None:
        from obstore.auth.boto3 import Boto3CredentialProvider

        options["credential_provider"] = Boto3CredentialProvider(session)
    region = settings.region or (session.region_name if session is not None else None)
    if region:
        options["region"] = region
    options |= _endpoint_options(settings.endpoint, region)
    return S3Store(
        bucket,
        client_options={
            "allow_http": bool(settings.endpoint and settings.endpoint.startswith("http://")),
            "connect_timeout": timedelta(seconds=settings.connect_seconds),
            "read_timeout": timedelta(seconds=settings.read_seconds),
            "timeout": timedelta(seconds=settings.deadline_seconds),
            "pool_max_idle_per_host": str(settings.max_connections),
        },
        retry_config={
            "max_retries": settings.attempts - 1,
            "retry_timeout": timedelta(seconds=settings.deadline_seconds),
            "backoff": {"max_backoff": timedelta(seconds=1)},
        },
        **options,
    )


def _endpoint_options(endpoint: str | None, region: str | None) -> dict[str, Any]:
    """Return what has obstore go to ``endpoint`` (None: AWS), whatever it finds in the environment by itself."""
    if endpoint is None:
        if not any(os.environ.get(name) for name in _ENDPOINT_VARIABLES):
            return {}
        region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        endpoint = f"https://s3.{region}.amazonaws.com"  # as it does itself
    options = {"endpoint": endpoint, "virtual_hosted_style_request": False}
    # It would go before the other; obstore of a version without it takes no such option.
    if os.environ.get("AWS_ENDPOINT_URL_S3", endpoint) != endpoint:
        options["aws_endpoint_url_s3"] = endpoint
    return options


def _refuse_token_in_the_open(settings: StoreSettings, session: Any) -> None:
    """Refuse to send a session token over plain http to another machine.

    obstore follows redirects, to any host and with the token in a header of its own (no setting of it says otherwise):
    whoever is on the way could take it. boto3 follows none.
    """
    endpoint = urlsplit(settings.endpoint or "")
    if settings.anonymous or endpoint.scheme != "http" or (endpoint.hostname or "") in _THIS_MACHINE:
        return
    token = session.get_credentials().token if session is not None else os.environ.get("AWS_SESSION_TOKEN")
    if token:
        raise UsageError(
            f"{shown_endpoint(settings.endpoint)}: obstore would send the session token wherever a plain http answer "
            "redirects to; give an https endpoint, or backend='boto3'"
        )


def _answer(text: str, kind: str) -> tuple[str, int | None]:
    """Return S3's code and the HTTP status that obstore's error tells of."""
    code, status = _CODE.search(text), _STATUS.search(text)
    if code is None and kind == "FileNotFoundError":
        return "404", 404
    return (code.group(1) if code else kind), (int(status.group(1)) if status else None)


def _failure(text: str, code: str, status: int | None, where: str, endpoint: str) -> HeadgateError:
    if status is not None:
        return store_error(code, status, where, endpoint)
    if re.search(r"kind: (Connect|Request|Timeout)|timed out|error sending request", text):
        timed = "no answer in time" if re.search(r"kind: Timeout|timed out|TimedOut", text) else "no connection"
        return unreachable(timed, where, endpoint)
    if re.search(_ENDED_EARLY, text):
        return truncated("the answer ended early", where, endpoint)
    return store_error(code, None, where, endpoint)
