"""The hardware profile: /proc and /sys where they are, psutil and py-cpuinfo for the rest, None for what nobody knows.

Nothing in it names the host or its user beyond the machine's name in asv's results.
"""

from __future__ import annotations

import datetime as dt
import platform as platform_module
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.formats.hardware import SCHEMA, profile_from_dict, profile_to_dict
from headgate.measure import cgroup
from headgate.measure import hardware_linux as linux
from headgate.measure.ceilings import FULL, measure_ceilings
from headgate.measure.fingerprint import caveats, comparable, fingerprint_of
from headgate.measure.hardware_cpu import describe_cpu, hypervisor_name
from headgate.measure.hardware_live import Live, live_facts, python_build, read_cpuinfo
from headgate.model import Conditions, HardwareProfile, Memory, Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headgate.measure.ceilings import CeilingPlan
    from headgate.model import Ceiling, Cpu

__all__ = [
    "SCHEMA",
    "caveats",
    "comparable",
    "default_machine",
    "describe",
    "disturbances",
    "profile_from_dict",
    "profile_hardware",
    "profile_to_dict",
]

SAMPLE_SECONDS = 0.3  # how long the machine is watched before the ceilings; /proc/stat counts in 10 ms
BUSY_LIMIT = 0.2  # of all cores: beyond it one of five is taken, and copy bandwidth, which cores share, with it
STEAL_LIMIT = 0.01  # 1 %: the size of the differences a gate is asked to see


def default_machine() -> str:
    """Return the machine's name in asv's results by asv's own rule (``asv.machine``): the node name."""
    return platform_module.node() or "unknown"


def profile_hardware(
    machine: str | None = None,
    *,
    plan: CeilingPlan | None = FULL,
    progress: Callable[[float], None] | None = None,
    root: Path = Path("/"),
) -> HardwareProfile:
    """Describe this machine and measure its ceilings.

    Parameters
    ----------
    machine
        Its name in the results; asv's default when None.
    plan
        The ceilings to measure (`headgate.measure.ceilings.FULL` or ``QUICK``); None measures none.
    progress
        Called with the share of the ceilings done, 0 to 1.
    root
        Where /proc, /sys and /etc are.

    Raises
    ------
    MeasurementError
        The ceilings cannot be measured; with ``plan=None`` this never happens.
    """
    live = live_facts()
    started, before = time.monotonic(), linux.cpu_times(root)
    time.sleep(SAMPLE_SECONDS)
    quiet = linux.cpu_times(root)
    cpu, memory, system, notes = describe(root, live, read_cpuinfo)
    ceilings: tuple[Ceiling, ...] = ()
    if plan is not None:
        available = min((size for size in (live.memory_available, memory.limit) if size is not None), default=None)
        ceilings = measure_ceilings(plan, threads=cpu.usable_cores or 1, memory_available=available, progress=progress)
    conditions = Conditions(
        measured_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        load_1min=live.load_1min,
        busy=linux.busy_share(before, quiet),
        steal=linux.steal_share(before, linux.cpu_times(root)),
        steal_seconds=round(time.monotonic() - started, 1) if before else None,
        memory_available=live.memory_available,
        frequency=linux.frequencies(root)[2] or live.frequency,
    )
    return HardwareProfile(
        machine=machine or default_machine(),
        fingerprint=fingerprint_of(cpu, memory, system),
        cpu=cpu,
        memory=memory,
        platform=system,
        python=python_build(),
        conditions=conditions,
        ceilings=ceilings,
        notes=(*notes, *disturbances(conditions)),
    )


def disturbances(conditions: Conditions) -> tuple[str, ...]:
    """Return what ran beside the measurement and made the ceilings look lower than they are."""
    found = []
    if conditions.busy is not None and conditions.busy > BUSY_LIMIT:
        found.append(
            f"the cores were {conditions.busy:.0%} busy with other work just before: the ceilings may be too low; "
            "measure again when the machine is idle"
        )
    if conditions.steal is not None and conditions.steal > STEAL_LIMIT:
        found.append(
            f"the hypervisor gave {conditions.steal:.1%} of this machine's time to others: expect noisy measurements"
        )
    return tuple(found)


def describe(
    root: Path, live: Live, read_more: Callable[[], Mapping[str, Any]]
) -> tuple[Cpu, Memory, Platform, tuple[str, ...]]:
    """Join what the tree under ``root`` says with what the running system says; the tree goes first.

    ``read_more`` (py-cpuinfo) is called only where /proc/cpuinfo does not name the CPU. The last item says what is
    missing, and why that matters.
    """
    cpu = describe_cpu(root, live, read_more)
    info = linux.meminfo(root)
    total = info.get("MemTotal", live.memory_total)
    memory = Memory(
        total=total,
        limit=cgroup.memory_limit(root, total),
        swap=info.get("SwapTotal", live.swap),
        page_size=live.page_size,
        transparent_hugepages=linux.transparent_hugepages(root),
    )
    system = Platform(
        os=linux.os_name(root) or live.os,
        kernel=live.kernel,
        libc=live.libc,
        hypervisor=hypervisor_name(root, live),
        container=linux.container(root),
        aslr=linux.aslr(root),
        clock_source=linux.clock_source(root),
        clock_resolution=live.clock_resolution,
    )
    return cpu, memory, system, tuple(_notes(root, cpu, memory))


def _notes(root: Path, cpu: Cpu, memory: Memory) -> list[str]:
    """Return what could not be learnt, each with its cause where that is known."""
    if not (root / "proc/cpuinfo").exists():
        return ["no /proc and /sys here: governor, turbo, cgroup limits, steal time and huge pages are not known"]
    notes = []
    if cpu.governor is None:
        notes.append("no frequency governor is visible (usual in a virtual machine): the host may change clock speed")
    if not cpu.caches:
        notes.append("the caches are not visible")
    if cpu.model is None:
        notes.append("the CPU model is not known, so results from here compare with no other machine")
    if memory.total is None:
        notes.append("the memory size is not known, so results from here compare with no other machine")
    return notes
