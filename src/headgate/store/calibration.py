"""What a calibration found on a machine, as results/<machine>/calibration.json keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import InputError
from headgate.gates.resolution import Calibration
from headgate.store.files import read_json, require_schema, write_json
from headgate.store.records import from_plain, to_plain

if TYPE_CHECKING:
    import os

__all__ = ["FILE_NAME", "SCHEMA", "calibration_path", "load_calibration", "save_calibration"]

SCHEMA = "headgate.calibration/1"
FILE_NAME = "calibration.json"


def calibration_path(results: str | os.PathLike[str], machine: str) -> Path:
    """Return where a machine's calibration is kept, beside asv's machine.json."""
    if not machine or machine in {".", ".."} or "/" in machine or "\\" in machine:
        raise InputError(f"--machine: {machine!r} will not do: expected letters, digits, - and _")
    return Path(results) / machine / FILE_NAME


def save_calibration(calibration: Calibration, results: str | os.PathLike[str]) -> Path:
    """Write a calibration; return where."""
    path = calibration_path(results, calibration.machine)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"schema": SCHEMA} | to_plain(calibration))
    return path


def load_calibration(results: str | os.PathLike[str], machine: str) -> Calibration | None:
    """Return a machine's calibration; None where it has none.

    Raises
    ------
    InputError
        The file is not a calibration, or a newer headgate's.
    """
    path = calibration_path(results, machine)
    if not path.is_file():
        return None
    data = dict(require_schema(read_json(path), SCHEMA, path))
    del data["schema"]
    return from_plain(Calibration, data, str(path))
