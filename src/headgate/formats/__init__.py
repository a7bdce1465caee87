"""Foreign and native result formats, one file each; a new format is one file and one line of READERS.

A reader module has ``sniff(data) -> bool`` (is this parsed JSON mine?) and ``read(data, path) -> SavedRun``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from headgate.errors import InputError
from headgate.formats.jsonfile import load

if TYPE_CHECKING:
    from pathlib import Path

    from headgate.formats.saved import SavedRun

__all__ = ["READERS", "read_run"]

READERS: dict[str, str] = {
    "asv": "headgate.formats.asv",
}


def read_run(path: Path) -> SavedRun:
    """Return the run saved in ``path``, whatever known format it has.

    Raises
    ------
    InputError
        The file cannot be read, or no reader knows it.
    """
    data = load(path)
    for module_name in READERS.values():
        reader = importlib.import_module(module_name)
        if reader.sniff(data):
            run: SavedRun = reader.read(data, path)
            return run
    known = ", ".join(READERS)
    raise InputError(f"{path}: not a result file of any known format ({known}); give a file one of these tools saved")
