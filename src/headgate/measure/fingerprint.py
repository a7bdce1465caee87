"""Which hardware a profile is of, and which two profiles may be compared; pure, from the profile alone."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.model import Cpu, HardwareProfile, Memory, Platform

__all__ = ["caveats", "comparable", "fingerprint_of"]

FINGERPRINT_LENGTH = 12  # 48 bits: an accidental match among 10,000 machines is a matter of 1 in 5 million
_VERSION = 1  # of what goes into the hash; a change makes old fingerprints different on purpose
GIB = 2**30
MEMORY_STEPS = 16  # memory counts in sixteenths of its power of two, whole GiB at least

# What must be known before two machines can be called alike: silence on both sides is no evidence.
_REQUIRED = ("architecture", "CPU model", "usable cores", "memory (GiB)")


def fingerprint_of(cpu: Cpu, memory: Memory, platform: Platform) -> str:
    """Return the hardware's short hash: equal across reboots, loads and host names.

    It takes in the architecture, the CPU's model, family and stepping, the cores this process may use, the cache sizes,
    the memory in GiB and the hypervisor.
    """
    identity = json.dumps([_VERSION, _identity(cpu, memory, platform)], sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()[:FINGERPRINT_LENGTH]


def comparable(a: HardwareProfile, b: HardwareProfile) -> tuple[bool, tuple[str, ...]]:
    """Return whether times taken on the two machines may be compared, and if not, every reason why.

    They may when their hardware is the same in everything a fingerprint holds. What is unknown on either side counts
    against it where it must be known (model, architecture, usable cores, memory).
    """
    first = _identity(a.cpu, a.memory, a.platform)
    second = _identity(b.cpu, b.memory, b.platform)
    reasons = []
    for name, value in first.items():
        if name in _REQUIRED and (not value or not second[name]):
            sides = " and ".join(side for side, known in (("first", value), ("second", second[name])) if not known)
            reasons.append(f"{name}: not known on the {sides}")
        elif value != second[name]:
            reasons.append(f"{name}: {_shown(value)} and {_shown(second[name])}")
    return not reasons, tuple(reasons)


def caveats(a: HardwareProfile, b: HardwareProfile) -> tuple[str, ...]:
    """Return what differs between two profiles beside the hardware and can move a time all the same."""
    pairs = {
        "microcode": (a.cpu.microcode, b.cpu.microcode),
        "governor": (a.cpu.governor, b.cpu.governor),
        "turbo": (a.cpu.turbo, b.cpu.turbo),
        "SMT": (a.cpu.smt, b.cpu.smt),
        "memory limit": (a.memory.limit, b.memory.limit),
        "transparent huge pages": (a.memory.transparent_hugepages, b.memory.transparent_hugepages),
        "kernel": (a.platform.kernel, b.platform.kernel),
        "libc": (a.platform.libc, b.platform.libc),
        "ASLR": (a.platform.aslr, b.platform.aslr),
        "clock source": (a.platform.clock_source, b.platform.clock_source),
        "Python": (_python(a), _python(b)),
        "NumPy": (a.python.numpy, b.python.numpy),
        "BLAS": (a.python.blas, b.python.blas),
    }
    return tuple(f"{name}: {_shown(x)} and {_shown(y)}" for name, (x, y) in pairs.items() if x != y)


def _identity(cpu: Cpu, memory: Memory, platform: Platform) -> dict[str, object]:
    """Return what makes the hardware what it is, under the names a reader of reasons understands."""
    return {
        "architecture": cpu.architecture,
        "CPU model": cpu.model,
        "CPU vendor": cpu.vendor,
        "CPU family": cpu.family,
        "CPU model number": cpu.model_number,
        "CPU stepping": cpu.stepping,
        "usable cores": cpu.usable_cores,
        "CPU quota": None if cpu.quota is None else round(cpu.quota, 2),
        "caches": [f"L{cache.level} {cache.kind} {cache.size} B" for cache in cpu.caches],
        "memory (GiB)": _rounded_gib(memory.total),
        "hypervisor": platform.hypervisor,
    }


def _rounded_gib(total: int | None) -> int | None:
    """Round up to the memory that was built in: the kernel keeps some back, and not the same after every update."""
    if not total:
        return None
    step = max(1, 2 ** math.floor(math.log2(total / GIB)) // MEMORY_STEPS) if total >= GIB else 1
    return math.ceil(total / GIB / step) * step


def _python(profile: HardwareProfile) -> str:
    build = profile.python
    gil = " without GIL" if build.gil is False else ""
    return f"{build.implementation} {build.version} ({build.compiler}, {build.optimization}){gil}"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none known"
    return "unknown" if value is None else str(value)
