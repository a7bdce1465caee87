"""JSON and JSON Lines, strictly: UTF-8, no NaN, no name twice in an object; and nothing of the content in a message."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

from headgate.errors import CorruptObjectError, DatasetError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["parse", "parse_lines"]

_BOM = b"\xef\xbb\xbf"


class _Unfit(Exception):  # noqa: N818 - never leaves this module
    """Valid to Python's parser, and not to us."""


def parse(content: bytes, where: str) -> Any:
    """Return the one JSON value in ``content``.

    Raises
    ------
    CorruptObjectError
        It is not JSON in UTF-8; the message names the line and column.
    SchemaError
        It holds NaN, an infinity, a number beyond the floats, a name twice in one object, or is nested too deeply.
    """
    problem: DatasetError
    try:
        return json.loads(
            content.removeprefix(_BOM).decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_number,
        )
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        problem = CorruptObjectError(f"{where}: not JSON ({error.msg}: {at}); store it again")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = CorruptObjectError(f"{where}: not UTF-8 (line {line}); store it again")
    except _Unfit as error:
        problem = SchemaError(f"{where}: {error}; mend the data")
    except (RecursionError, ValueError) as error:  # ValueError: an integer of more digits than Python reads
        what = "is nested too deeply" if isinstance(error, RecursionError) else "holds a number of too many digits"
        problem = SchemaError(f"{where}: {what}; mend the data")
    # Outside the handlers: the parser's error has the whole document, and would hang on as context.
    raise problem


def parse_lines(content: bytes, where: str) -> Iterator[tuple[Any, str]]:
    """Yield the value of each line that is not blank, and the line as messages name it.

    Raises
    ------
    CorruptObjectError, SchemaError
        As `parse` does, naming the line.
    """
    for number, line in enumerate(content.removeprefix(_BOM).split(b"\n"), start=1):
        if line.strip():
            place = f"{where}: line {number}"
            yield parse(line, place), place


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Unfit("an object has a name twice")
    return found


def _constant(name: str) -> NoReturn:
    raise _Unfit(f"holds {name}, which JSON has not")


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Unfit("holds a number beyond the floats")
    return value
