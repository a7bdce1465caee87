"""What the interpreter and its libraries know of the machine on any operating system; every gap is None.

On Linux most of it is only the second source, after /proc and /sys; elsewhere it is all there is.
"""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from headgate.model import PythonBuild

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_T = TypeVar("_T")

__all__ = ["Live", "live_facts", "python_build", "read_cpuinfo"]


@dataclass(frozen=True, slots=True)
class Live:
    """One look at the running system. Memory in bytes, frequencies in MHz, the clock's resolution in seconds."""

    architecture: str = ""
    os: str | None = None
    kernel: str | None = None
    libc: str | None = None
    hypervisor_signature: str = ""
    affinity: int | None = None
    logical_cores: int | None = None
    physical_cores: int | None = None
    memory_total: int | None = None
    memory_available: int | None = None
    swap: int | None = None
    page_size: int | None = None
    load_1min: float | None = None
    clock_resolution: float | None = None
    frequency_min: float | None = None
    frequency_max: float | None = None
    frequency: float | None = None


def live_facts() -> Live:
    """Ask psutil, platform and the interpreter."""
    import psutil

    memory = _attempt(psutil.virtual_memory)
    frequency = _attempt(lambda: psutil.cpu_freq())  # noqa: PLW0108 - some systems' psutil has no such name; the lambda meets that
    # Linux has swap in /proc/meminfo, where psutil would warn about counters this does not need.
    swap = None if sys.platform == "linux" else _attempt(psutil.swap_memory)
    load = _attempt(lambda: os.getloadavg()[0])  # no such call on Windows
    return Live(
        architecture=platform.machine(),
        os=f"{platform.system()} {platform.release()}".strip() or None,
        kernel=platform.release() or None,
        libc=" ".join(platform.libc_ver()).strip() or None,
        hypervisor_signature=_hypervisor_signature(),
        affinity=_affinity(),
        logical_cores=_attempt(psutil.cpu_count),
        physical_cores=_attempt(lambda: psutil.cpu_count(logical=False)),
        memory_total=memory.total if memory else None,
        memory_available=memory.available if memory else None,
        swap=swap.total if swap else None,
        page_size=_attempt(lambda: os.sysconf("SC_PAGE_SIZE")),
        load_1min=load,
        clock_resolution=time.get_clock_info("perf_counter").resolution,
        # psutil says 0 for a bound it does not know.
        frequency_min=(frequency.min or None) if frequency else None,
        frequency_max=(frequency.max or None) if frequency else None,
        frequency=(frequency.current or None) if frequency else None,
    )


def read_cpuinfo() -> Mapping[str, Any]:
    """Return py-cpuinfo's description of the processor; empty where it does not know this kind.

    It may start programs (lscpu, sysctl) and take a second, so it is asked only where /proc/cpuinfo does not say.
    """
    import cpuinfo

    try:
        return dict(cpuinfo.get_cpu_info())
    except Exception:  # noqa: BLE001 - py-cpuinfo raises a bare Exception on an architecture it does not know
        return {}


def python_build() -> PythonBuild:
    """Describe the interpreter and its NumPy."""
    import numpy as np

    gil_enabled = getattr(sys, "_is_gil_enabled", None)  # new in Python 3.13; before it there always was one
    return PythonBuild(
        implementation=platform.python_implementation(),
        version=platform.python_version(),
        compiler=platform.python_compiler() or None,
        optimization=_optimization(sysconfig.get_config_vars(), debug=hasattr(sys, "gettotalrefcount")),
        gil=bool(gil_enabled()) if gil_enabled else True,
        numpy=np.__version__,
        blas=_blas(np.show_config(mode="dicts")),
    )


def _optimization(config: Mapping[str, Any], *, debug: bool) -> str | None:
    """Return how CPython was built: debug, pgo+lto, pgo, lto, or plain; None where the build does not say (Windows)."""
    if debug:
        return "debug"
    arguments = config.get("CONFIG_ARGS")
    if not isinstance(arguments, str):
        return None
    chosen = [name for name, sign in (("pgo", "--enable-optimizations"), ("lto", "--with-lto")) if sign in arguments]
    return "+".join(chosen) or "plain"


def _blas(config: object) -> str | None:
    """Return NumPy's BLAS and its version out of ``numpy.show_config(mode="dicts")``."""
    dependencies = config.get("Build Dependencies", {}) if isinstance(config, dict) else {}
    blas = dependencies.get("blas", {})
    return " ".join(str(blas[key]) for key in ("name", "version") if blas.get(key)) or None


def _affinity() -> int | None:
    """Count the logical cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    import psutil

    cores = _attempt(lambda: psutil.Process().cpu_affinity())  # Windows and FreeBSD; macOS has no affinity
    return len(cores) if cores else None


def _hypervisor_signature() -> str:
    try:
        from headgate.measure import _ceilings
    except ImportError:  # not built; measuring a ceiling will say so, describing the machine goes on
        return ""
    return _ceilings.hypervisor_signature()


def _attempt(call: Callable[[], _T]) -> _T | None:
    """Return what ``call`` returns, None where this system has no such thing."""
    import psutil

    try:
        return call()
    except (OSError, AttributeError, NotImplementedError, RuntimeError, ValueError, psutil.Error):
        return None
