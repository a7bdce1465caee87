"""A control group's limits are the least along its path, in both versions and in both at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.measure.cgroup import cpu_quota, memory_limit
from headgate.measure.hardware import describe
from headgate.measure.hardware_live import Live

if TYPE_CHECKING:
    from pathlib import Path

V2_MOUNT = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNTS = (
    "33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "34 30 0:30 /docker/abc /sys/fs/cgroup/memory ro master:7 - cgroup cgroup rw,memory\n"
)
NO_LIMIT_V1 = "9223372036854771712\n"


def plant(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_version_2_takes_the_least_limit_from_the_group_to_the_root(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        {
            "proc/self/mountinfo": V2_MOUNT,
            "proc/self/cgroup": "0::/ci.slice/job.service\n",
            "sys/fs/cgroup/ci.slice/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/ci.slice/job.service/cpu.max": "max 100000\n",
            "sys/fs/cgroup/ci.slice/memory.max": "max\n",
            "sys/fs/cgroup/ci.slice/job.service/memory.max": "2147483648\n",
        },
    )
    assert cpu_quota(root) == 1.5
    assert memory_limit(root, 2**34) == 2**31


def test_a_container_that_cannot_see_its_own_path_reads_the_mount(tmp_path: Path) -> None:
    files = {"proc/self/mountinfo": V2_MOUNT, "sys/fs/cgroup/cpu.max": "50000 100000\n"}
    for number, path in enumerate(("/", "/docker/not-visible-here", "/../other")):
        root = plant(tmp_path / str(number), {**files, "proc/self/cgroup": f"0::{path}\n"})
        assert cpu_quota(root) == 0.5


def test_version_1_reads_each_controller_below_what_is_mounted(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        {
            "proc/self/mountinfo": V1_MOUNTS,
            "proc/self/cgroup": "4:memory:/docker/abc/inner\n3:cpu,cpuacct:/docker/abc\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "200000\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/inner/memory.limit_in_bytes": NO_LIMIT_V1,
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
        },
    )
    assert cpu_quota(root) == 2.0
    assert memory_limit(root, 2**34) == 2**30


def test_a_hybrid_machine_finds_the_controller_in_whichever_version_has_it(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        {
            "proc/self/mountinfo": V1_MOUNTS + V2_MOUNT.replace("/sys/fs/cgroup ", "/sys/fs/cgroup/unified "),
            "proc/self/cgroup": "4:memory:/docker/abc\n0::/docker/abc\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": NO_LIMIT_V1,
            "sys/fs/cgroup/unified/docker/abc/cpu.max": "300000 100000\n",
        },
    )
    assert cpu_quota(root) == 3.0
    assert memory_limit(root, 2**34) is None


def test_a_memory_limit_at_or_above_the_machines_memory_is_none(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        {
            "proc/self/mountinfo": V2_MOUNT,
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": str(2**34),
        },
    )
    assert memory_limit(root, 2**34) is None
    assert memory_limit(root, 2**35) == 2**34


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
    assert memory_limit(tmp_path, None) is None


def test_the_quota_cuts_the_usable_cores_to_whole_ones_and_at_least_one(tmp_path: Path) -> None:
    for quota, usable in ((50_000, 1), (250_000, 2), (900_000, 4)):
        root = plant(
            tmp_path / str(quota),
            {
                "proc/self/mountinfo": V2_MOUNT,
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/cpu.max": f"{quota} 100000\n",
            },
        )
        cpu, _, _, _ = describe(root, Live(affinity=4, logical_cores=8), dict)
        assert (cpu.usable_cores, cpu.logical_cores, cpu.quota) == (usable, 8, quota / 100_000)
