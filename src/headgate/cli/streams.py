"""Text for a stream that may not know every character."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["shown"]

# For a terminal that cannot show them; a question mark would say "unknown".
_PLAIN = str.maketrans({"−": "-", "±": "+/-", "…": "...", "µ": "u", "“": '"', "”": '"', "–": "-"})  # noqa: RUF001 - the characters that wording.py uses


def shown(text: str, stream: TextIO) -> str:
    """Return ``text`` with what the stream's encoding cannot say replaced."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, "backslashreplace").decode(encoding)
    return text
