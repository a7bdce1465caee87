"""results/<machine>/hardware.json, beside asv's machine.json."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import UsageError
from headgate.formats.hardware import SCHEMA, profile_from_dict, profile_to_dict
from headgate.store.files import read_json, require_schema, write_json

if TYPE_CHECKING:
    import os

    from headgate.model import HardwareProfile

__all__ = ["load_profile", "profile_path", "save_profile"]

FILE_NAME = "hardware.json"


def profile_path(results: str | os.PathLike[str], machine: str) -> Path:
    """Return where ``machine``'s profile is kept under the ``results`` directory.

    Raises
    ------
    UsageError
        ``machine`` cannot be the name of a directory.
    """
    if not machine.strip(". ") or any(character in machine for character in "/\\\0"):
        raise UsageError(f"--machine: {machine!r} will not do: expected letters, digits, - and _")
    return Path(results) / machine / FILE_NAME


def save_profile(profile: HardwareProfile, results: str | os.PathLike[str]) -> Path:
    """Write the profile under ``results``, atomically; return the file."""
    path = profile_path(results, profile.machine)
    write_json(path, profile_to_dict(profile))
    return path


def load_profile(path: str | os.PathLike[str]) -> HardwareProfile:
    """Return the profile in ``path``, a hardware.json or the directory that holds one.

    Raises
    ------
    InputError
        There is no such file, or it is not a hardware profile this version reads.
    """
    file = Path(path) / FILE_NAME if Path(path).is_dir() else Path(path)
    return profile_from_dict(require_schema(read_json(file), SCHEMA, file), file)
