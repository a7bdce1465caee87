"""Keeping session tokens out of logs.

At DEBUG, botocore writes the request it signs, and with it the header that carries a temporary session's token. Whoever
has the token and the key that comes with it has the session. The secret key itself is never written.
"""

from __future__ import annotations

import logging
import re

__all__ = ["mask_tokens"]

_LOGGERS = ("botocore.auth", "botocore.endpoint", "botocore.hooks", "botocore.regions", "botocore.httpchecksum")
# "x-amz-security-token:…" of a canonical request, "'X-Amz-Security-Token': '…'" of headers, either also as bytes.
_TOKEN = re.compile(r"(x-amz-security-token['\"]?\s*:\s*(?:b?['\"])?)[^'\"\s,}]+", re.IGNORECASE)


class _Mask(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        masked = _TOKEN.sub(r"\1***", message)
        if masked != message:
            record.msg, record.args = masked, None
        return True


_MASK = _Mask()


def mask_tokens() -> None:
    """Have botocore's loggers mask session tokens, whatever their level and handlers; once is enough."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_MASK)  # adding the same filter again changes nothing
