"""hardware.json stands beside asv's machine.json and is read back or refused with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headgate.errors import InputError, UsageError
from headgate.model import Conditions, Cpu, HardwareProfile, Memory, Platform, PythonBuild
from headgate.store.hardware import load_profile, profile_path, save_profile

if TYPE_CHECKING:
    from pathlib import Path

PROFILE = HardwareProfile(
    "host-1", "0123456789ab", Cpu("x86_64"), Memory(), Platform(), PythonBuild("CPython", "3.12"), Conditions()
)


def test_a_saved_profile_is_found_under_the_machines_name_and_loads_from_file_or_directory(tmp_path: Path) -> None:
    path = save_profile(PROFILE, tmp_path)
    assert path == tmp_path / "host-1" / "hardware.json"
    assert load_profile(path) == load_profile(path.parent) == PROFILE


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "x\0y", " "])
def test_a_name_that_cannot_be_a_directory_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="expected letters, digits, - and _"):
        profile_path(tmp_path, name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "hardware.json: not valid JSON at line 1"),
        ("[]", "expected a JSON object"),
        ('{"schema": "headgate.hardware/2"}', "which this headgate reads; upgrade"),
        ('{"schema": "headgate.hardware/1"}', "hardware.json: machine is missing; run `headgate profile"),
    ],
)
def test_a_malformed_file_is_an_error_that_names_it(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "hardware.json").write_text(content)
    with pytest.raises(InputError, match=message):
        load_profile(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        load_profile(tmp_path / "absent.json")
