"""A hardware profile survives being written and read, and a file that is not one is refused by field."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from headgate.errors import InputError
from headgate.formats.hardware import SCHEMA, profile_from_dict, profile_to_dict
from headgate.model import Cache, Ceiling, Conditions, Cpu, HardwareProfile, Memory, Platform, PythonBuild

PROFILE = HardwareProfile(
    machine="m",
    fingerprint="0123456789ab",
    cpu=Cpu("x86_64", model="Xeon", usable_cores=2, smt=False, simd=("avx2",), caches=(Cache(1, "data", 49152, 1),)),
    memory=Memory(total=2**34),
    platform=Platform(os="Linux", clock_resolution=1e-9),
    python=PythonBuild("CPython", "3.12.1", gil=True),
    conditions=Conditions(load_1min=0.0),
    ceilings=(Ceiling("copy", "B/s", 3, 1.0, 2.0, 3.0, 4.0, 5.0, 64, 1, "memcpy"),),
    notes=("a note",),
)


def changed(**replacements: Any) -> dict[str, Any]:
    """The profile as data, keys like ``cpu__caches__0__size`` replaced, or removed where the value is Ellipsis."""
    data = copy.deepcopy(profile_to_dict(PROFILE))
    for dotted, value in replacements.items():
        *parents, last = (int(key) if key.isdigit() else key for key in dotted.split("__"))
        place: Any = data
        for key in parents:
            place = place[key]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return data


def test_a_profile_returns_from_json_as_it_was() -> None:
    data = json.loads(json.dumps(profile_to_dict(PROFILE), allow_nan=False))
    assert data["schema"] == SCHEMA
    assert profile_from_dict(data) == PROFILE


def test_unknown_keys_are_passed_over_and_missing_optional_ones_take_their_default() -> None:
    assert profile_from_dict(changed(later="x", cpu__colour="blue")) == PROFILE
    assert profile_from_dict(changed(cpu__model=...)).cpu.model is None
    assert profile_from_dict(changed(platform__clock_resolution=1)).platform.clock_resolution == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "the profile should be an object, found \\[\\]"),
        (changed(cpu=...), "h.json: cpu is missing"),
        (changed(cpu__architecture=...), "cpu.architecture is missing"),
        (changed(cpu=[]), "cpu should be an object"),
        (changed(cpu__caches__0__size="48K"), r"cpu.caches\[0\].size should be a whole number, found '48K'"),
        (changed(cpu__caches={}), "cpu.caches should be a list"),
        (changed(cpu__smt=0), "cpu.smt should be true or false"),
        (changed(cpu__usable_cores=True), "cpu.usable_cores should be a whole number, found True"),
        (changed(machine=None), "machine should be a text"),
        (changed(ceilings__0__median=None), r"ceilings\[0\].median should be a number"),
        (changed(notes="x" * 100), "notes should be a list, found 'xxx.*\\.\\.\\.; run"),
    ],
)
def test_a_field_that_is_missing_or_of_the_wrong_kind_is_named(data: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        profile_from_dict(data, "h.json")
