"""The processor and the hypervisor under it, from /proc/cpuinfo, sysfs, CPUID and the library fall-backs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from headgate.measure import cgroup
from headgate.measure import hardware_linux as linux
from headgate.model import Cache, Cpu

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from headgate.measure.hardware_live import Live

__all__ = ["describe_cpu", "hypervisor_name"]

# The vector extensions that decide which kernel runs, by the names /proc/cpuinfo uses.
SIMD = (
    *("sse2", "ssse3", "sse4_2", "avx", "f16c", "fma", "avx2", "bmi2"),
    *("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vbmi2", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "asimd", "neon", "asimddp", "fphp", "sve", "sve2", "sme", "altivec", "vsx", "vx"),
)

# CPUID leaf 0x40000000, as the hypervisors' own documents (and systemd-detect-virt) give it.
_SIGNATURES = {
    "KVMKVMKVM": "KVM",
    "Linux KVM Hv": "KVM",
    "Microsoft Hv": "Hyper-V",
    "VMwareVMware": "VMware",
    "XenVMMXenVMM": "Xen",
    "TCGTCGTCGTCG": "QEMU",
    "VBoxVBoxVBox": "VirtualBox",
    "bhyve bhyve": "bhyve",
    "lrpepyh  vr": "Parallels",
    "ACRNACRNACRN": "ACRN",
}

# ARM's MIDR_EL1: the implementer, and each one's parts, of cores that servers and laptops have (lscpu-arm.c).
_ARM_IMPLEMENTERS = {
    0x41: "ARM",
    0x48: "HiSilicon",
    0x4E: "NVIDIA",
    0x50: "APM",
    0x51: "Qualcomm",
    0x46: "Fujitsu",
    0x61: "Apple",
    0x6D: "Microsoft",
    0xC0: "Ampere",
}
_ARM_PARTS = {
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse-N1",
    (0x41, 0xD40): "Neoverse-V1",
    (0x41, 0xD49): "Neoverse-N2",
    (0x41, 0xD4F): "Neoverse-V2",
    (0x41, 0xD84): "Neoverse-V3",
    (0x41, 0xD8E): "Neoverse-N3",
    (0xC0, 0xAC3): "Ampere-1",
}


def describe_cpu(root: Path, live: Live, read_more: Callable[[], Mapping[str, Any]]) -> Cpu:
    """Join /proc/cpuinfo and sysfs with the running system; ``read_more`` is asked where the CPU has no name there."""
    processors = linux.cpuinfo(root)
    identity = _identity(processors[0]) if processors else {}
    more = {} if identity.get("model") else read_more()
    flags = set(_flags(processors[0]) if processors else more.get("flags", ()))
    low, high, _ = linux.frequencies(root)
    logical = len(processors) or live.logical_cores
    quota = cgroup.cpu_quota(root)
    return Cpu(
        architecture=live.architecture,
        model=identity.get("model") or more.get("brand_raw"),
        vendor=identity.get("vendor") or more.get("vendor_id_raw"),
        family=identity.get("family") or _text(more.get("family")),
        model_number=identity.get("model_number") or _text(more.get("model")),
        stepping=identity.get("stepping") or _text(more.get("stepping")),
        microcode=processors[0].get("microcode") if processors else None,
        physical_cores=linux.physical_cores(root) or live.physical_cores,
        logical_cores=logical,
        usable_cores=_usable(live.affinity or logical, quota),
        quota=quota,
        smt=linux.smt(root),
        numa_nodes=linux.numa_nodes(root),
        governor=linux.governor(root),
        turbo=linux.turbo(root),
        frequency_min=live.frequency_min if low is None else low,
        frequency_max=live.frequency_max if high is None else high,
        simd=tuple(name for name in SIMD if name in flags),
        caches=linux.caches(root) or _caches(more),
    )


def hypervisor_name(root: Path, live: Live) -> str | None:
    """Return the hypervisor's name, "none" on bare metal, "unnamed" where it hides its name, None where unknown."""
    named = _SIGNATURES.get(live.hypervisor_signature.strip()) or linux.dmi_hypervisor(root)
    if named or live.hypervisor_signature:
        return named or "unnamed"
    processors = linux.cpuinfo(root)
    flags = processors[0].get("flags", "").split() if processors else []
    if not flags:  # only x86 has the flag that settles it
        return None
    return "unnamed" if "hypervisor" in flags else "none"


def _identity(processor: Mapping[str, str]) -> dict[str, str]:
    """Return the identity of one block of /proc/cpuinfo, under x86's names or ARM's."""
    if "CPU implementer" in processor:
        return _arm_identity(processor)
    names = {
        "model": ("model name", "cpu", "Processor", "uarch"),  # x86, POWER, old ARM, RISC-V
        "vendor": ("vendor_id",),
        "family": ("cpu family",),
        "model_number": ("model",),
        "stepping": ("stepping", "revision"),
    }
    found = {name: next((processor[key] for key in keys if processor.get(key)), "") for name, keys in names.items()}
    return {name: value for name, value in found.items() if value and value.lower() != "unknown"}


def _arm_identity(processor: Mapping[str, str]) -> dict[str, str]:
    implementer, part = _number(processor.get("CPU implementer")), _number(processor.get("CPU part"))
    vendor = _ARM_IMPLEMENTERS.get(implementer, f"implementer {implementer:#04x}")
    variant, revision = _number(processor.get("CPU variant")), _number(processor.get("CPU revision"))
    return {
        "model": processor.get("model name") or f"{vendor} {_ARM_PARTS.get((implementer, part), f'part {part:#05x}')}",
        "vendor": vendor,
        "family": processor.get("CPU architecture", ""),
        "model_number": f"{part:#05x}",
        "stepping": f"r{variant}p{revision}",
    }


def _flags(processor: Mapping[str, str]) -> list[str]:
    return (processor.get("flags") or processor.get("Features") or processor.get("features") or "").split()


def _usable(cores: int | None, quota: float | None) -> int | None:
    """Return the cores left to this process: its affinity, cut by whole CPUs of quota, at least 1."""
    if cores is None or quota is None:
        return cores
    return min(cores, max(1, math.floor(quota)))


def _caches(more: Mapping[str, Any]) -> tuple[Cache, ...]:
    """Return py-cpuinfo's cache sizes (bytes) where sysfs has none."""
    kinds = {
        "l1_data_cache_size": (1, "data"),
        "l1_instruction_cache_size": (1, "instruction"),
        "l2_cache_size": (2, "unified"),
        "l3_cache_size": (3, "unified"),
    }
    sizes = ((level, kind, more.get(key)) for key, (level, kind) in kinds.items())
    return tuple(Cache(level, kind, size) for level, kind, size in sizes if isinstance(size, int) and size > 0)


def _number(text: str | None) -> int:
    try:
        return int(text or "0", 0)
    except ValueError:
        return 0


def _text(value: object) -> str | None:
    return None if value is None else str(value)
