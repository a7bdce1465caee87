"""What Linux says of the machine in /proc and /sys; every reader takes the root of the tree and returns None for gaps.

Sources: proc(5); the kernel's Documentation/ABI/testing/sysfs-devices-system-cpu and
admin-guide/{pm/cpufreq,mm/transhuge,sysctl/kernel}.rst.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.model import Cache

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CpuTimes",
    "aslr",
    "busy_share",
    "caches",
    "clock_source",
    "container",
    "cpu_list",
    "cpu_times",
    "cpuinfo",
    "dmi_hypervisor",
    "frequencies",
    "governor",
    "meminfo",
    "numa_nodes",
    "os_name",
    "physical_cores",
    "read_text",
    "smt",
    "steal_share",
    "transparent_hugepages",
    "turbo",
]

_CPU = "sys/devices/system/cpu"
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_ASLR = {"0": "off", "1": "partial", "2": "full"}

# What /sys/class/dmi/id/{sys_vendor,product_name} say under each hypervisor (the list systemd-detect-virt uses).
_DMI_HYPERVISORS = (
    ("amazon ec2", "Amazon"),
    ("kvm", "KVM"),
    ("qemu", "QEMU"),
    ("vmware", "VMware"),
    ("innotek", "VirtualBox"),
    ("virtualbox", "VirtualBox"),
    ("google compute engine", "Google"),
    ("virtual machine", "Hyper-V"),
    ("xen", "Xen"),
    ("bochs", "Bochs"),
    ("parallels", "Parallels"),
    ("openstack", "OpenStack"),
)

_CONTAINER_SIGNS = (("kubepods", "kubernetes"), ("docker", "docker"), ("libpod", "podman"), ("lxc", "lxc"))


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """The first line of /proc/stat: clock ticks summed over all cores since the machine started."""

    total: int
    idle: int
    steal: int


def read_text(path: Path) -> str | None:
    """Return the stripped text of ``path``, or None where it is absent, unreadable or not text."""
    try:
        return path.read_text(encoding="utf-8").strip("\0\n\t ")
    except (OSError, UnicodeDecodeError):
        return None


def cpuinfo(root: Path) -> list[dict[str, str]]:
    """Return /proc/cpuinfo, one mapping per logical core; empty where there is none."""
    processors = []
    for block in re.split(r"\n\s*\n", read_text(root / "proc/cpuinfo") or ""):
        pairs = (line.partition(":") for line in block.splitlines())
        fields = {key.strip(): value.strip() for key, colon, value in pairs if colon}
        if "processor" in fields:  # ARM ends with a block on the board
            processors.append(fields)
    return processors


def physical_cores(root: Path) -> int | None:
    """Count distinct (package, core) pairs in the sysfs topology."""
    cores = set()
    for topology in root.joinpath(_CPU).glob("cpu[0-9]*/topology"):
        package, core = read_text(topology / "physical_package_id"), read_text(topology / "core_id")
        if core is not None:
            cores.add((package, core))
    return len(cores) or None


def caches(root: Path) -> tuple[Cache, ...]:
    """Return the caches of the first core that lists any, by level."""
    found = []
    for index in root.joinpath(_CPU, "cpu0/cache").glob("index[0-9]*"):
        level, kind = _integer(index / "level"), read_text(index / "type")
        size = _size(read_text(index / "size"))
        if level is None or size is None or kind is None:
            continue
        shared = cpu_list(read_text(index / "shared_cpu_list") or "")
        found.append(Cache(level=level, kind=kind.lower(), size=size, shared_by=len(shared) or None))
    return tuple(sorted(found, key=lambda cache: (cache.level, cache.kind)))


def cpu_list(text: str) -> frozenset[int]:
    """Expand the kernel's list of processors: ``"0-2,5"`` is {0, 1, 2, 5}; what is malformed is left out."""
    processors: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match:
            processors.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return frozenset(processors)


def governor(root: Path) -> str | None:
    """Return the frequency governor of all cores; several are joined with ``+``."""
    paths = root.joinpath(_CPU).glob("cpu[0-9]*/cpufreq/scaling_governor")
    return "+".join(sorted({text for path in paths if (text := read_text(path))})) or None


def turbo(root: Path) -> bool | None:
    """Return whether cores may exceed their nominal frequency."""
    no_turbo = _integer(root / _CPU / "intel_pstate/no_turbo")
    if no_turbo is not None:
        return no_turbo == 0
    for place in ("cpufreq/boost", "cpu0/cpufreq/boost"):
        boost = _integer(root / _CPU / place)
        if boost is not None:
            return boost != 0
    return None


def frequencies(root: Path) -> tuple[float | None, float | None, float | None]:
    """Return the first core's least, greatest and current frequency in MHz."""
    folder = root / _CPU / "cpu0/cpufreq"
    names = ("cpuinfo_min_freq", "cpuinfo_max_freq", "scaling_cur_freq")
    low, high, now = (None if (kilohertz := _integer(folder / name)) is None else kilohertz / 1000 for name in names)
    return low, high, now


def smt(root: Path) -> bool | None:
    """Return whether two or more logical cores share a physical one."""
    active = _integer(root / _CPU / "smt/active")
    return None if active is None else active == 1


def numa_nodes(root: Path) -> int | None:
    """Count the memory nodes."""
    return len(list(root.joinpath("sys/devices/system/node").glob("node[0-9]*"))) or None


def transparent_hugepages(root: Path) -> str | None:
    """Return the chosen word of ``always [madvise] never``."""
    match = re.search(r"\[(\w+)\]", read_text(root / "sys/kernel/mm/transparent_hugepage/enabled") or "")
    return match[1] if match else None


def aslr(root: Path) -> str | None:
    """Return how addresses are randomised: off, partial (no heap) or full."""
    return _ASLR.get(read_text(root / "proc/sys/kernel/randomize_va_space") or "")


def clock_source(root: Path) -> str | None:
    """Return the hardware clock behind CLOCK_MONOTONIC."""
    return read_text(root / "sys/devices/system/clocksource/clocksource0/current_clocksource") or None


def meminfo(root: Path) -> dict[str, int]:
    """Return /proc/meminfo in bytes."""
    matches = re.finditer(r"^(\w+):\s+(\d+) kB$", read_text(root / "proc/meminfo") or "", re.MULTILINE)
    return {match[1]: int(match[2]) * 1024 for match in matches}


def cpu_times(root: Path) -> CpuTimes | None:
    """Return the clock ticks of all cores since the start, or None."""
    match = re.match(r"cpu +([\d ]+)", read_text(root / "proc/stat") or "")
    ticks = [int(word) for word in match[1].split()] if match else []
    if len(ticks) < 8:  # user nice system idle iowait irq softirq steal; guest time is part of user already
        return None
    return CpuTimes(total=sum(ticks[:8]), idle=ticks[3] + ticks[4], steal=ticks[7])


def busy_share(before: CpuTimes | None, after: CpuTimes | None) -> float | None:
    """Return the share of all cores' time that was not idle between two readings."""
    if before is None or after is None or after.total <= before.total:
        return None
    return 1 - (after.idle - before.idle) / (after.total - before.total)


def steal_share(before: CpuTimes | None, after: CpuTimes | None) -> float | None:
    """Return the share of all cores' time that the hypervisor gave to others between two readings."""
    if before is None or after is None or after.total <= before.total:
        return None
    return (after.steal - before.steal) / (after.total - before.total)


def dmi_hypervisor(root: Path) -> str | None:
    """Return the hypervisor the firmware tables or /sys/hypervisor name; None where they name none."""
    kernel = (read_text(root / "proc/sys/kernel/osrelease") or "").lower()
    if "microsoft" in kernel:
        return "WSL"
    words = [read_text(root / "sys/class/dmi/id" / name) for name in ("sys_vendor", "product_name")]
    text = " ".join(word for word in words if word).lower()
    named = next((name for sign, name in _DMI_HYPERVISORS if sign in text), None)
    return named or read_text(root / "sys/hypervisor/type") or None


def container(root: Path) -> str | None:
    """Return the container runtime around this process, "none", or None where there is no /proc to tell."""
    groups = read_text(root / "proc/1/cgroup") or read_text(root / "proc/self/cgroup")
    if groups is None:
        return None
    for sign, name in _CONTAINER_SIGNS:
        if sign in groups:
            return name
    if (root / ".dockerenv").exists():
        return "docker"
    if (root / "run/.containerenv").exists():
        return "podman"
    return read_text(root / "run/systemd/container") or "none"


def os_name(root: Path) -> str | None:
    """Return the distribution's own name for itself."""
    match = re.search(r'^PRETTY_NAME="?([^"\n]+)', read_text(root / "etc/os-release") or "", re.MULTILINE)
    return match[1].strip() if match else None


def _integer(path: Path) -> int | None:
    text = read_text(path)
    return int(text) if text and re.fullmatch(r"-?\d+", text) else None


def _size(text: str | None) -> int | None:
    match = re.fullmatch(r"(\d+)([KMG]?)", text or "")
    return int(match[1]) * _UNITS[match[2]] if match else None
