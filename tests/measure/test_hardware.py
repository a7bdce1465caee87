"""The hardware profile is read from /proc and /sys as they are, and says None where they are silent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.measure import hardware_linux as linux
from headgate.measure.hardware import describe, disturbances, profile_hardware
from headgate.measure.hardware_live import Live, _blas, _optimization, live_facts, python_build, read_cpuinfo
from headgate.model import Cache, Conditions

if TYPE_CHECKING:
    from pathlib import Path

CPU = "sys/devices/system/cpu"

# A laptop, bare metal: two cores with two threads each, intel_pstate.
LAPTOP = {
    "proc/cpuinfo": "\n".join(
        f"""processor\t: {number}
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 78
model name\t: Intel(R) Core(TM) i7-6600U CPU @ 2.60GHz
stepping\t: 3
microcode\t: 0xf0
flags\t\t: fpu sse2 ssse3 sse4_2 avx fma avx2 bmi2 lm
power management:
"""
        for number in range(4)
    ),
    "proc/meminfo": "MemTotal:       16164788 kB\nMemFree:  1 kB\nSwapTotal:       2097148 kB\nHugePages:   0\n",
    "proc/stat": "cpu  100 1 50 800 9 0 10 30 7 0\ncpu0 1 2 3\n",
    "proc/sys/kernel/randomize_va_space": "2\n",
    "proc/sys/kernel/osrelease": "6.8.0-45-generic\n",
    "proc/1/cgroup": "0::/init.scope\n",
    "etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 24.04.1 LTS"\n',
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
    "sys/devices/system/node/node0/cpulist": "0-3\n",
    "sys/class/dmi/id/sys_vendor": "LENOVO\n",
    f"{CPU}/smt/active": "1\n",
    f"{CPU}/intel_pstate/no_turbo": "0\n",
    f"{CPU}/cpu0/cpufreq/cpuinfo_min_freq": "400000\n",
    f"{CPU}/cpu0/cpufreq/cpuinfo_max_freq": "3400000\n",
    f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "2600125\n",
    **{f"{CPU}/cpu{number}/cpufreq/scaling_governor": "powersave\n" for number in range(4)},
    **{f"{CPU}/cpu{number}/topology/core_id": f"{number % 2}\n" for number in range(4)},
    **{f"{CPU}/cpu{number}/topology/physical_package_id": "0\n" for number in range(4)},
    **{f"{CPU}/cpu0/cache/index{i}/level": f"{level}\n" for i, level in enumerate((1, 1, 2, 3))},
    **{
        f"{CPU}/cpu0/cache/index{i}/type": f"{kind}\n"
        for i, kind in enumerate(("Data", "Instruction", "Unified", "Unified"))
    },
    **{f"{CPU}/cpu0/cache/index{i}/size": f"{size}\n" for i, size in enumerate(("32K", "32K", "256K", "4M"))},
    **{
        f"{CPU}/cpu0/cache/index{i}/shared_cpu_list": f"{cores}\n"
        for i, cores in enumerate(("0,2", "0,2", "0,2", "0-3"))
    },
}

# Two cores of an ARM server in the cloud: no model name, no cpufreq.
GRAVITON = {
    "proc/cpuinfo": "\n".join(
        f"""processor\t: {number}
BogoMIPS\t: 2100.00
Features\t: fp asimd evtstrm aes atomics fphp asimddp sve
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd40
CPU revision\t: 1
"""
        for number in range(2)
    ),
    "sys/class/dmi/id/sys_vendor": "Amazon EC2\n",
    "proc/self/cgroup": "0::/system.slice/docker-0123.scope\n",
}


def plant(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def silent() -> dict[str, Any]:
    return {}


def must_not_ask() -> dict[str, Any]:
    raise AssertionError("py-cpuinfo was asked although /proc/cpuinfo names the CPU")


def test_a_laptop_is_described_from_its_proc_and_sys(tmp_path: Path) -> None:
    root = plant(tmp_path, LAPTOP)
    cpu, memory, system, notes = describe(root, Live(architecture="x86_64", affinity=4), must_not_ask)
    assert (cpu.model, cpu.vendor) == ("Intel(R) Core(TM) i7-6600U CPU @ 2.60GHz", "GenuineIntel")
    assert (cpu.family, cpu.model_number, cpu.stepping, cpu.microcode) == ("6", "78", "3", "0xf0")
    assert (cpu.physical_cores, cpu.logical_cores, cpu.usable_cores) == (2, 4, 4)
    assert (cpu.smt, cpu.numa_nodes, cpu.governor, cpu.turbo) == (True, 1, "powersave", True)
    assert (cpu.frequency_min, cpu.frequency_max) == (400.0, 3400.0)
    assert cpu.simd == ("sse2", "ssse3", "sse4_2", "avx", "fma", "avx2", "bmi2")
    assert cpu.caches == (
        Cache(1, "data", 32 * 1024, 2),
        Cache(1, "instruction", 32 * 1024, 2),
        Cache(2, "unified", 256 * 1024, 2),
        Cache(3, "unified", 4 * 1024**2, 4),
    )
    assert (memory.total, memory.swap) == (16164788 * 1024, 2097148 * 1024)
    assert memory.transparent_hugepages == "madvise"
    assert (system.os, system.hypervisor, system.container) == ("Ubuntu 24.04.1 LTS", "none", "none")
    assert (system.aslr, system.clock_source) == ("full", "tsc")
    assert notes == ()


def test_an_arm_server_gets_its_name_from_its_part_number(tmp_path: Path) -> None:
    cpu, _, system, notes = describe(plant(tmp_path, GRAVITON), Live(architecture="aarch64"), must_not_ask)
    assert (cpu.model, cpu.vendor, cpu.family) == ("ARM Neoverse-V1", "ARM", "8")
    assert (cpu.model_number, cpu.stepping, cpu.logical_cores) == ("0xd40", "r1p1", 2)
    assert cpu.simd == ("asimd", "asimddp", "fphp", "sve")
    assert (system.hypervisor, system.container) == ("Amazon", "docker")
    assert any("governor" in note for note in notes)
    assert any("memory size is not known" in note for note in notes)


def test_where_everything_is_missing_everything_is_none_and_a_note_says_so(tmp_path: Path) -> None:
    cpu, memory, system, notes = describe(tmp_path, Live(), silent)
    known = [
        *(getattr(cpu, name) for name in cpu.__slots__ if name not in {"architecture", "simd", "caches"}),
        *(getattr(memory, name) for name in memory.__slots__),
        *(getattr(system, name) for name in system.__slots__),
    ]
    assert set(known) == {None}
    assert (cpu.simd, cpu.caches) == ((), ())
    assert len(notes) == 1
    assert "not known" in notes[0]


def test_every_file_full_of_garbage_is_a_gap_and_never_a_crash(tmp_path: Path) -> None:
    for garbage in ("", "???\n", "-\n:::\n", "\x00\x01", "cpu \n"):
        root = plant(tmp_path, dict.fromkeys([*LAPTOP, "proc/self/cgroup", "proc/self/mountinfo"], garbage))
        cpu, memory, _, _ = describe(root, Live(), silent)
        assert (cpu.model, cpu.caches, cpu.quota, memory.total, memory.limit) == (None, (), None, None, None)
        assert linux.cpu_times(root) is None


def test_outside_linux_the_libraries_are_the_source(tmp_path: Path) -> None:
    live = Live(
        architecture="arm64",
        os="Darwin 24.1",
        logical_cores=8,
        physical_cores=8,
        memory_total=2**34,
        frequency_max=3200,
    )
    more = {"brand_raw": "Apple M1", "flags": ["neon"], "l2_cache_size": 4_194_304, "l3_cache_size": "unknown"}
    cpu, memory, system, _ = describe(tmp_path, live, lambda: more)
    assert (cpu.model, cpu.usable_cores, cpu.simd, cpu.frequency_max) == ("Apple M1", 8, ("neon",), 3200)
    assert cpu.caches == (Cache(2, "unified", 4_194_304, None),)
    assert (memory.total, system.os, system.hypervisor) == (2**34, "Darwin 24.1", None)


@pytest.mark.parametrize(
    ("signature", "files", "expected"),
    [
        ("KVMKVMKVM", LAPTOP, "KVM"),
        ("Microsoft Hv", {}, "Hyper-V"),
        ("something new", {}, "unnamed"),
        ("", {"proc/cpuinfo": "processor: 0\nflags: sse2 hypervisor\n"}, "unnamed"),
        ("", {"sys/class/dmi/id/product_name": "VirtualBox\n"}, "VirtualBox"),
        ("Microsoft Hv", {"sys/hypervisor/type": "xen"}, "Hyper-V"),
        ("", {"proc/sys/kernel/osrelease": "5.15.90.1-microsoft-standard-WSL2"}, "WSL"),
    ],
)
def test_a_hypervisor_is_named_by_its_signature_then_by_the_firmware(
    tmp_path: Path, signature: str, files: dict[str, str], expected: str
) -> None:
    _, _, system, _ = describe(plant(tmp_path, files), Live(hypervisor_signature=signature), silent)
    assert system.hypervisor == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/1/cgroup": "0::/\n", ".dockerenv": ""}, "docker"),
        ({"proc/1/cgroup": "0::/\n", "run/.containerenv": ""}, "podman"),
        ({"proc/1/cgroup": "3:cpu:/kubepods/besteffort/pod1\n"}, "kubernetes"),
        ({"proc/self/cgroup": "0::/\n", "run/systemd/container": "systemd-nspawn\n"}, "systemd-nspawn"),
        ({"proc/self/cgroup": "0::/user.slice\n"}, "none"),
        ({}, None),
    ],
)
def test_a_container_is_known_by_its_signs(tmp_path: Path, files: dict[str, str], expected: str | None) -> None:
    assert linux.container(plant(tmp_path, files)) == expected


def test_turbo_is_read_from_either_driver_and_governors_that_differ_are_joined(tmp_path: Path) -> None:
    assert linux.turbo(plant(tmp_path / "a", {f"{CPU}/cpufreq/boost": "0\n"})) is False
    assert linux.turbo(plant(tmp_path / "b", {f"{CPU}/intel_pstate/no_turbo": "1\n"})) is False
    assert linux.turbo(plant(tmp_path / "c", {f"{CPU}/cpu0/cpufreq/boost": "1\n"})) is True
    governors = {
        f"{CPU}/cpu{n}/cpufreq/scaling_governor": g for n, g in enumerate(("schedutil", "performance", "schedutil"))
    }
    assert linux.governor(plant(tmp_path / "d", governors)) == "performance+schedutil"


@given(processors=st.frozensets(st.integers(0, 300), max_size=30))
def test_a_processor_list_expands_to_the_set_it_was_written_from(processors: frozenset[int]) -> None:
    text, run = [], []
    for number in sorted(processors):
        if run and number != run[-1] + 1:
            text.append(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}")
            run = []
        run.append(number)
    if run:
        text.append(f"{run[0]}-{run[-1]}")
    assert linux.cpu_list(",".join(text)) == processors


def test_busy_and_steal_are_shares_of_the_ticks_between_two_readings(tmp_path: Path) -> None:
    before = linux.cpu_times(plant(tmp_path, LAPTOP))
    # user 100, nice 1, system 50, idle 800, iowait 9, irq 0, softirq 10, steal 30; guest is in user already
    assert before == linux.CpuTimes(total=1000, idle=809, steal=30)
    after = linux.CpuTimes(total=1200, idle=959, steal=40)
    assert linux.busy_share(before, after) == pytest.approx(50 / 200)
    assert linux.steal_share(before, after) == pytest.approx(10 / 200)
    assert linux.busy_share(before, before) is None
    assert linux.steal_share(None, after) is None


def test_a_busy_or_robbed_machine_is_noted_beside_its_ceilings() -> None:
    assert disturbances(Conditions(busy=0.05, steal=0.0)) == ()
    assert disturbances(Conditions()) == ()
    busy, steal = disturbances(Conditions(busy=0.5, steal=0.03))
    assert "50% busy" in busy
    assert "3.0%" in steal


def test_the_python_build_is_read_from_its_configure_arguments() -> None:
    both = {"CONFIG_ARGS": "'--enable-optimizations' '--with-lto=thin'"}
    assert _optimization(both, debug=False) == "pgo+lto"
    assert _optimization(both, debug=True) == "debug"
    assert _optimization({"CONFIG_ARGS": ""}, debug=False) == "plain"
    assert _optimization({}, debug=False) is None
    assert _blas({"Build Dependencies": {"blas": {"name": "openblas", "version": "0.3"}}}) == "openblas 0.3"
    assert _blas({}) is None


def test_this_machine_can_be_described_without_ceilings() -> None:
    profile = profile_hardware("ci", plan=None)
    assert profile.machine == "ci"
    assert profile.ceilings == ()
    assert profile.cpu.usable_cores is not None
    assert profile.cpu.usable_cores >= 1
    assert profile.memory.total is not None
    assert profile.memory.total > 2**27
    assert profile.python == python_build()
    assert live_facts().architecture == profile.cpu.architecture


def test_nothing_in_a_profile_names_the_host_or_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    import getpass
    import platform

    import headgate.measure.hardware as module

    monkeypatch.setattr(module.platform_module, "node", lambda: "node-of-secrets")
    text = repr(profile_hardware("ci", plan=None))
    assert "node-of-secrets" not in text
    user = getpass.getuser()
    assert f"/{user}" not in text
    assert module.default_machine() == platform.node() == "node-of-secrets"


def test_py_cpuinfo_failing_on_an_unknown_architecture_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    import cpuinfo

    def unknown() -> dict[str, Any]:
        raise Exception("py-cpuinfo currently only works on X86 and some ARM")  # noqa: TRY002 - what it raises

    monkeypatch.setattr(cpuinfo, "get_cpu_info", unknown)
    assert read_cpuinfo() == {}
