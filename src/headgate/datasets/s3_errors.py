"""What S3 and its clients answer when they refuse, as headgate's errors: one table for all clients."""

from __future__ import annotations

from headgate.errors import (
    AccessDeniedError,
    CorruptObjectError,
    DatasetError,
    ObjectMissingError,
    StoreUnavailableError,
    UsageError,
)

__all__ = ["absent", "denied_without_credentials", "store_error", "truncated", "unreachable"]

_NO_KEY = "NoSuchKey"
_NO_BUCKET = "NoSuchBucket"
# Codes that come with statuses of other meanings; the rest is told by the status.
_DENIED = frozenset(
    {
        "AccessDenied",
        "AllAccessDisabled",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
        "XAdminUserNotFound",  # versitygw, with a 404
    }
)
_WHAT_TO_DO = {
    "SignatureDoesNotMatch": "the secret key does not belong to the access key; mend the credentials",
    "InvalidAccessKeyId": "the store does not know this access key; mend the credentials, or the endpoint",
    "XAdminUserNotFound": "the store does not know this access key; mend the credentials, or the endpoint",
    "ExpiredToken": "the session has expired; sign in again",
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it",
}
_WRONG_REGION = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})


def absent(code: str, status: int | None, *, bodiless: bool = False) -> bool:
    """Say whether the answer means that there is no such key (a missing bucket is an error).

    To a GET, S3 says so by its code. A bare 404 is what any web server at a wrong endpoint would say of any key, and
    counts as an answer only where none has a body (``bodiless``: to a HEAD).
    """
    return code == _NO_KEY or (bodiless and status == 404 and code != _NO_BUCKET)


def store_error(code: str, status: int | None, where: str, endpoint: str) -> DatasetError | UsageError:
    """Return the error for S3's answer ``code`` (such as AccessDenied) with HTTP ``status``."""
    at = f"{where} at {endpoint}"
    answer = f"{code}, HTTP {status}" if status else code
    if code == "InvalidObjectState":  # a 403, but no matter of credentials
        return StoreUnavailableError(f"{at}: the object is archived; restore it first")
    if code == "RequestTimeTooSkewed" or code in _DENIED or status in {401, 403}:
        advice = _WHAT_TO_DO.get(code, "give credentials that may read it (environment, profile or role)")
        return AccessDeniedError(f"{at}: access denied ({answer}); {advice}")
    if code == _NO_BUCKET:
        return ObjectMissingError(f"{at}: there is no such bucket; check its name and the endpoint")
    if status == 416:
        return UsageError(f"{at}: the range begins beyond the object's end")
    problem = f"the store failed ({answer}); try again later"
    if code in _WRONG_REGION or status in {301, 307}:
        problem = f"the bucket is in another region ({answer}); give its region"
    elif status == 404:
        problem = "answered 404, but not as S3 does; check the endpoint"
    return StoreUnavailableError(f"{at}: {problem}")


def unreachable(reason: str, where: str, endpoint: str) -> StoreUnavailableError:
    """Return the error for a store that could not be reached, or fell silent."""
    return StoreUnavailableError(f"{where} at {endpoint}: {reason}; check the endpoint and the network")


def truncated(reason: str, where: str, endpoint: str) -> CorruptObjectError:
    """Return the error for content that is not what was stored."""
    return CorruptObjectError(
        f"{where} at {endpoint}: {reason}; load it again, and store it anew if that does not help"
    )


def denied_without_credentials(reason: str, where: str, endpoint: str) -> AccessDeniedError:
    """Return the error for a request that could not be signed."""
    return AccessDeniedError(
        f"{where} at {endpoint}: {reason}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile, "
        "or give anonymous=True for a public bucket"
    )
