"""Reading foreign JSON: tolerant of bare NaN and Infinity, which several tools write; strict about everything else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load"]


def load(path: Path) -> dict[str, Any]:
    """Return the JSON object in ``path``.

    Raises
    ------
    InputError
        The file is missing, unreadable, not UTF-8, not JSON, or not an object.
    """
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}); is this a JSON file?") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{path}: not valid JSON at {where}: {error.msg}; was it cut short or edited?") from error
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply to be a result file") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected a JSON object, found {type(data).__name__}")
    return data
