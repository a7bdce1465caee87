"""Foreign and native result formats, one file each; a new format is one file and one line of READERS.

docs/formats.md says what is read of each, and what files without samples cannot say.

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
    "asv 1": "headgate.formats.asv_v1",
    "asv": "headgate.formats.asv",
    "pytest-benchmark": "headgate.formats.pytest_benchmark",
    "pyperf": "headgate.formats.pyperf",
    "headgate": "headgate.formats.native",
}


def read_run(path: Path) -> SavedRun:
    """Return the run saved in ``path``, whatever known format it has: told by content, never by the file's name.

    Raises
    ------
    InputError
        The file cannot be read or is damaged, no reader knows it, or it does not hold one run (an evidence bundle of
        headgate's holds two: `headgate.formats.native.read_sides`).
    """
    data = load(path)
    for module_name in READERS.values():
        reader = importlib.import_module(module_name)
        if reader.sniff(data):
            run: SavedRun = reader.read(data, path)
            return run
    known = ", ".join(READERS)
    raise InputError(f"{path}: not a result file of any known format ({known}); give a file one of these tools saved")
