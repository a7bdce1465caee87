"""Records as JSON Lines, from a file or standard input: read a line at a time, however long the file."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.errors import brief, unreadable
from headgate.rollout.providers.records import Wrong, cut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from headgate.rollout.providers.contract import Asked, RecordStep

__all__ = ["LARGEST_LINE", "STDIN", "steps"]

STDIN = "-"
# A record has some hundred bytes; a line without end must not fill the memory.
LARGEST_LINE = 1_000_000
# How often progress is told: each line would be most of the work.
_LINES_A_TELL = 2_000


def steps(given: str, asked: Asked) -> Iterator[RecordStep]:
    """Yield batches of the records in the file ``given``, or in standard input (``-``).

    Raises
    ------
    InputError
        The file cannot be read, or has not one good record.
    """
    if given == STDIN:
        yield from cut(_lines(sys.stdin.buffer, "standard input", asked, 0), asked, name="standard input")
        return
    try:
        with Path(given).open("rb") as file:
            size = file.seek(0, 2) if file.seekable() else 0  # a pipe has no size to tell progress by
            if size:
                file.seek(0)
            # Cut by number alone, so that the same file is cut alike the next time.
            yield from cut(_lines(file, given, asked, size), asked, seconds=math.inf, name=given)
    except OSError as error:
        raise unreadable(given, error) from error


def _lines(file: BinaryIO, name: str, asked: Asked, size: int) -> Iterator[tuple[str, object]]:
    number = done = 0
    while line := file.readline(LARGEST_LINE + 1):
        number += 1
        done += len(line)
        if len(line) > LARGEST_LINE:
            while line and not line.endswith(b"\n"):
                line = file.readline(LARGEST_LINE)
                done += len(line)
            yield f"{name}:{number}", Wrong("not JSON", f"a line of more than {LARGEST_LINE} bytes")
        elif line.strip():
            yield f"{name}:{number}", _parsed(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
        if not number % _LINES_A_TELL and size:
            asked.progress("bytes", done, size)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except UnicodeDecodeError:
        return Wrong("not JSON", "not UTF-8 text; each line is one JSON object")
    except (ValueError, RecursionError) as error:
        text = line.strip().decode(errors="replace")
        return Wrong("not JSON", f"{brief(text)} is no JSON ({error!s:.80}); each line is one object")
