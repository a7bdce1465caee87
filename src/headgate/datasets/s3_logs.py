"""Keeping keys and tokens out of logs.

At DEBUG, botocore writes the request it signs, and with it the header that carries a temporary session's token; and it
writes the answers it parses, so also the one in which STS or SSO hands out a session's secret key and token. Keys that
stand in the environment or a file it never writes.
"""

from __future__ import annotations

import logging
import re

__all__ = ["mask_secrets"]

_LOGGERS = (
    "botocore.auth",
    "botocore.endpoint",
    "botocore.hooks",
    "botocore.httpchecksum",
    "botocore.parsers",
    "botocore.regions",
    "botocore.tokens",
    "botocore.utils",
)
_NAMES = (
    "x-amz-security-token|x-amz-sso_bearer_token|secretaccesskey|sessiontoken|accesstoken|refreshtoken|clientsecret"
    "|webidentitytoken|samlassertion|subjecttoken|authorizationtoken"
)
# "x-amz-security-token:…" of a canonical request, "'X-Amz-Security-Token': b'…'" of headers, "<SessionToken>…</" of
# STS, '"sessionToken":"…"' of SSO, also with the quotes escaped.
_SECRET = re.compile(rf"(\b(?:{_NAMES})\b[\\'\"]*\s*(?:[:=]\s*(?:b?[\\]*['\"])?|>))[^'\"\s,}}<\\]+", re.IGNORECASE)


class _Mask(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        masked = _SECRET.sub(r"\1***", message)
        if masked != message:
            record.msg, record.args = masked, None
        return True


_MASK = _Mask()


def mask_secrets() -> None:
    """Have botocore's loggers mask what is secret, whatever their level and handlers; once is enough."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_MASK)  # adding the same filter again changes nothing
