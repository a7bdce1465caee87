"""The machine's checks of `headgate doctor`: what makes measuring noisy, or breaks it off. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.measure.hardware import STEAL_LIMIT
from headgate.setup.doctor_outcome import GIB, Level, Outcome, ok, unknown

if TYPE_CHECKING:
    from headgate.setup.doctor_facts import Facts

__all__ = [
    "aslr",
    "cores",
    "counters",
    "disk",
    "governor",
    "hugepages",
    "load",
    "memory",
    "platform",
    "steal",
    "temporary",
]

# Above this load for each usable core, something else is running: half a core's worth is measured as noise.
MOST_LOAD = 0.5
# Two environments with compiled dependencies take a few GiB; below the lower one, a build surely fails half-way.
ENOUGH_DISK, LEAST_DISK = 5 * GIB, GIB
ENOUGH_MEMORY = 2 * GIB
# perf_event_paranoid above 2 keeps counters from ordinary users (kernel documentation, sysctl/kernel.rst).
MOST_PARANOID = 2


def cores(facts: Facts) -> Outcome:
    """How many cores may be used."""
    cpu = facts.cpu
    if cpu is None or cpu.usable_cores is None:
        return unknown("the number of usable cores")
    limit = "" if cpu.quota is None else f", a quota of {cpu.quota:g}"
    text = f"{cpu.usable_cores} of {cpu.logical_cores or '?'}{limit}"
    if cpu.quota is not None and cpu.quota < 1.0:
        remedy = "a process that has used up its share stands still in mid-sample: give at least one whole core"
        return Level.WARNING, text, remedy
    if cpu.usable_cores < 2:
        return Level.WARNING, text, "with a second core the system's own work stays off the one that measures"
    return ok(text)


def governor(facts: Facts) -> Outcome:
    """How the clock's speed is chosen."""
    cpu = facts.cpu
    if cpu is None or cpu.governor is None:
        return unknown("the frequency governor")
    turbo = "" if cpu.turbo is None else f", turbo {'on' if cpu.turbo else 'off'}"
    if cpu.governor != "performance":
        remedy = "sudo cpupower frequency-set -g performance (pairs cancel most of what it does)"
        return Level.WARNING, f"{cpu.governor}{turbo}", remedy
    return ok(f"{cpu.governor}{turbo}")


def load(facts: Facts) -> Outcome:
    """Look at what else runs."""
    if facts.load is None:
        return unknown("the load")
    cores = (facts.cpu.usable_cores if facts.cpu is not None else None) or 1
    text = f"{facts.load:.2f} over the last minute, {cores} core(s)"
    if facts.load > MOST_LOAD * cores:
        remedy = "stop what else runs, or give a larger --budget: it costs time, never a false verdict"
        return Level.WARNING, text, remedy
    return ok(text)


def steal(facts: Facts) -> Outcome:
    """Look at what the hypervisor gives to others."""
    if facts.steal is None:
        return unknown("what a hypervisor takes")
    text = f"{facts.steal:.1%} of the time"
    if facts.steal > STEAL_LIMIT:
        return Level.WARNING, text, "the machine's neighbours are busy: a larger --budget, or another machine"
    return ok(text)


def platform(facts: Facts) -> Outcome:
    """Where this runs."""
    system = facts.platform
    if system is None:
        return unknown("the platform")
    parts = [system.os or "?", system.hypervisor and f"on {system.hypervisor}"]
    parts += [f"in {system.container}" if system.container not in {None, "none"} else ""]
    return ok(", ".join(part for part in parts if part))


def memory(facts: Facts) -> Outcome:
    """How much memory is free, for this process's group too."""
    if facts.memory_available is None:
        return unknown("the free memory")
    limit = facts.memory.limit if facts.memory is not None else None
    free = facts.memory_available if limit is None else min(limit, facts.memory_available)
    text = f"{free / GIB:.1f} GiB available" + ("" if limit is None else f", a limit of {limit / GIB:.1f} GiB")
    if free < ENOUGH_MEMORY:
        return Level.WARNING, text, "where memory runs out, a benchmark is killed, and the run fails (exit 4)"
    return ok(text)


def hugepages(facts: Facts) -> Outcome:
    """Whether processes get huge pages."""
    word = facts.memory.transparent_hugepages if facts.memory is not None else None
    if word is None:
        return unknown("the use of huge pages")
    if word == "always":
        remedy = "whether a process gets huge pages is chance: rounds average it; echo madvise > /sys/kernel/mm/"
        return Level.WARNING, word, remedy + "transparent_hugepage/enabled makes them alike"
    return ok(word)


def aslr(facts: Facts) -> Outcome:
    """Whether each process has a layout of its own."""
    word = facts.platform.aslr if facts.platform is not None else None
    if word is None:
        return unknown("the randomisation of addresses")
    if word != "full":
        remedy = "one layout is measured instead of many, and it may be a lucky one: sysctl kernel.randomize_va_space=2"
        return Level.WARNING, word, remedy
    return ok(word)


def counters(facts: Facts) -> Outcome:
    """Who may read performance counters."""
    if facts.perf_paranoid is None:
        return unknown("the access to performance counters")
    text = f"perf_event_paranoid = {facts.perf_paranoid}"
    note = "" if facts.perf_paranoid <= MOST_PARANOID else "; perf is for root alone (headgate does without)"
    return ok(text + note)


def disk(facts: Facts) -> Outcome:
    """Room for two environments."""
    if facts.disk_free is None:
        return unknown("the free disk space")
    text = f"{facts.disk_free / GIB:.1f} GiB free"
    if facts.disk_free < LEAST_DISK:
        return Level.PROBLEM, text, "free some: two environments are built, and a journal is written"
    if facts.disk_free < ENOUGH_DISK:
        return Level.WARNING, text, "two environments with large dependencies may not fit"
    return ok(text)


def temporary(facts: Facts) -> Outcome:
    """Room for temporary files."""
    if facts.temporary_free is None:
        return unknown("the directory for temporary files")
    where = "" if facts.temporary_in_memory is None else ", in memory" if facts.temporary_in_memory else ", on disk"
    text = f"{facts.temporary_free / GIB:.1f} GiB free{where}"
    if facts.temporary_free < LEAST_DISK:
        return Level.WARNING, text, "set TMPDIR to a place with more room"
    return ok(text)
