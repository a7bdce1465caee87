"""A fingerprint is the hardware's: it survives reboots and renames, and changes with what it names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.measure.fingerprint import caveats, comparable, fingerprint_of
from headgate.model import Cache, Conditions, Cpu, HardwareProfile, Memory, Platform, PythonBuild

GIB = 2**30


def machine(*, cpu: dict[str, Any] | None = None, memory: int | None = 15 * GIB, **others: Any) -> HardwareProfile:
    """A profile whose fingerprint fits its parts."""
    processor = Cpu(
        **{
            "architecture": "x86_64",
            "model": "Xeon",
            "vendor": "GenuineIntel",
            "family": "6",
            "model_number": "207",
            "stepping": "2",
            "usable_cores": 4,
            "caches": (Cache(1, "data", 48 * 1024), Cache(3, "unified", 32 * 1024**2)),
            **(cpu or {}),
        }
    )
    system = Platform(hypervisor=others.pop("hypervisor", "KVM"), kernel=others.pop("kernel", "6.1"))
    return HardwareProfile(
        **{
            "machine": "a",
            "cpu": processor,
            "memory": Memory(total=memory),
            "platform": system,
            "python": PythonBuild("CPython", "3.12.1"),
            "conditions": Conditions(),
            "fingerprint": fingerprint_of(processor, Memory(total=memory), system),
            **others,
        }
    )


def test_name_load_frequency_microcode_and_kernel_are_not_the_hardware() -> None:
    first = machine()
    second = machine(
        machine="b",
        kernel="6.8",
        conditions=Conditions(load_1min=9.0, frequency=3000.0, steal=0.1),
        cpu={"frequency_max": 4000.0, "microcode": "0xf", "governor": "performance", "logical_cores": 8},
    )
    assert first.fingerprint == second.fingerprint
    assert comparable(first, second) == (True, ())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cpu": {"architecture": "aarch64"}}, "architecture: x86_64 and aarch64"),
        ({"cpu": {"model": "EPYC"}}, "CPU model: Xeon and EPYC"),
        ({"cpu": {"family": "25"}}, "CPU family: 6 and 25"),
        ({"cpu": {"stepping": "3"}}, "CPU stepping: 2 and 3"),
        ({"cpu": {"usable_cores": 2}}, "usable cores: 4 and 2"),
        ({"cpu": {"quota": 1.5}}, "CPU quota: unknown and 1.5"),
        ({"cpu": {"caches": ()}}, "none known"),
        ({"memory": 30 * GIB}, "memory (GiB): 15 and 30"),
        ({"hypervisor": "none"}, "hypervisor: KVM and none"),
    ],
)
def test_each_part_of_the_hardware_changes_the_fingerprint_and_is_named_as_the_reason(
    change: dict[str, Any], reason: str
) -> None:
    first, second = machine(), machine(**change)
    assert first.fingerprint != second.fingerprint
    verdict, reasons = comparable(first, second)
    assert not verdict
    assert len(reasons) == 1
    assert reason in reasons[0]


@pytest.mark.parametrize(
    "change",
    [{"cpu": {"model": None}}, {"cpu": {"usable_cores": None}}, {"memory": None}, {"cpu": {"architecture": ""}}],
)
def test_two_machines_of_which_too_little_is_known_are_not_comparable(change: dict[str, Any]) -> None:
    verdict, reasons = comparable(machine(**change), machine(**change))
    assert not verdict
    assert reasons[0].endswith("not known on the first and second")


def test_a_kernel_that_keeps_some_memory_back_does_not_change_the_fingerprint() -> None:
    # What Linux reports for 24, 64 and 256 GiB of memory, and the same after an update that keeps 200 MiB more.
    for built_in, reported in ((24, 23.54), (64, 62.7), (256, 251.6), (4, 3.75), (1, 0.95)):
        before, after = machine(memory=int(reported * GIB)), machine(memory=int(reported * GIB) - 200 * 2**20)
        assert before.fingerprint == after.fingerprint == machine(memory=built_in * GIB).fingerprint


@given(a=st.integers(2**26, 2**42), b=st.integers(2**26, 2**42))
def test_comparable_agrees_with_the_fingerprints_and_with_itself_reversed(a: int, b: int) -> None:
    first, second = machine(memory=a), machine(memory=b)
    same = first.fingerprint == second.fingerprint
    assert comparable(first, second)[0] is comparable(second, first)[0] is same
    if max(a, b) > 2 * min(a, b) and max(a, b) > 2 * GIB:
        assert not same


def test_the_fingerprint_is_twelve_hexadecimal_digits_fixed_for_good() -> None:
    # A change of this value makes every stored profile incomparable: bump the version in fingerprint.py on purpose.
    assert machine().fingerprint == "18b3ad5f3694"


def test_what_can_move_a_time_without_being_hardware_is_a_caveat() -> None:
    first, second = machine(), machine(kernel="6.8", cpu={"turbo": False})
    second = replace(second, python=PythonBuild("CPython", "3.13.0", gil=False))
    assert caveats(first, first) == ()
    found = caveats(first, second)
    assert "turbo: unknown and False" in found
    assert "kernel: 6.1 and 6.8" in found
    assert any(text.startswith("Python:") and "without GIL" in text for text in found)
