"""The endpoint of S3 that the AWS configuration names, for clients that do not read it themselves.

In the order of the AWS tools: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the ``s3`` part of the profile's ``services``, the
profile's ``endpoint_url``; none of them where AWS_IGNORE_CONFIGURED_ENDPOINT_URLS (or the profile) says so.
"""

from __future__ import annotations

import os

from headgate.datasets.s3_errors import denied_without_credentials
from headgate.errors import DatasetSetupError

__all__ = ["VARIABLES", "configured_endpoint"]

VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def configured_endpoint(profile: str | None) -> str | None:
    """Return the endpoint, None for that of AWS; files are read where botocore is installed.

    Raises
    ------
    AccessDeniedError
        There is no such profile.
    DatasetSetupError
        The configuration cannot be read, or names services that it has not.
    """
    from_environment = next(filter(None, map(os.environ.get, VARIABLES)), None)
    try:
        from botocore.exceptions import BotoCoreError, ProfileNotFound
        from botocore.session import Session
    except ImportError:
        ignored = os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
        return None if ignored else from_environment
    session = Session(profile=profile)
    try:
        if session.get_config_variable("ignore_configured_endpoint_urls"):
            return None
        if from_environment:
            return from_environment
        scoped, everything = session.get_scoped_config(), session.full_config
    except ProfileNotFound:
        missing = session.get_config_variable("profile")
        raise denied_without_credentials(f"there is no profile {missing!r}", "S3", "AWS S3") from None
    except BotoCoreError as error:
        raise DatasetSetupError(f"the AWS configuration cannot be read ({type(error).__name__}); mend it") from None
    name = scoped.get("services")
    services = everything.get("services", {}).get(name)
    if name and not services:
        raise DatasetSetupError(f"the AWS configuration has no services {name!r}, which the profile names; mend it")
    of_s3 = services.get("s3") if services else None
    return (of_s3.get("endpoint_url") if isinstance(of_s3, dict) else None) or scoped.get("endpoint_url")
