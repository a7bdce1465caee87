"""Text for a stream that may not know every character."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.report.wording import printable

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["say", "shown"]

# For a terminal that cannot show them; a question mark would say "unknown".
_PLAIN = str.maketrans({"−": "-", "±": "+/-", "…": "...", "µ": "u", "“": '"', "”": '"', "–": "-"})  # noqa: RUF001 - the characters that wording.py uses


def say(stream: TextIO, text: str) -> None:
    """Write an error or a warning: names in it, a ledger's or a file's, cannot change the terminal."""
    stream.writelines(shown(printable(line.expandtabs(4)), stream) + "\n" for line in text.split("\n"))


def shown(text: str, stream: TextIO) -> str:
    """Return ``text`` with what the stream's encoding cannot say replaced."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, "backslashreplace").decode(encoding)
    return text
