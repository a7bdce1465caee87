"""`headgate profile` prints a readable table or JSON and saves only where it should."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headgate.cli import main
from headgate.measure import hardware
from headgate.measure.ceilings import FULL, QUICK
from headgate.model import Cache, Ceiling, Conditions, Cpu, HardwareProfile, Memory, Platform, PythonBuild
from headgate.store.hardware import load_profile

GOLDEN = Path(__file__).parent.parent / "golden" / "profile"


def ceiling(kind: str, threads: int, nbytes: int | None, median: float, n: int = 25) -> Ceiling:
    unit = "s" if nbytes is None else "B/s"
    return Ceiling(
        kind,
        unit,
        n,
        median * 0.8,
        median * 0.95,
        median,
        median * 1.05,
        median * 1.1,
        nbytes,
        threads,
        f"method of {kind}",
    )


PROFILE = HardwareProfile(
    machine="bench-1",
    fingerprint="0123456789ab",
    cpu=Cpu(
        architecture="x86_64",
        model="AMD EPYC 9B45",
        vendor="AuthenticAMD",
        family="26",
        model_number="2",
        stepping="1",
        microcode="0xb002116",
        physical_cores=64,
        logical_cores=128,
        usable_cores=128,
        quota=127.5,
        smt=True,
        numa_nodes=2,
        governor="performance",
        turbo=True,
        frequency_min=1500.0,
        frequency_max=4121.0,
        simd=(
            "sse2",
            "avx",
            "fma",
            "avx2",
            "avx512f",
            "avx512bw",
            "avx512dq",
            "avx512vl",
            "avx512_vbmi2",
            "avx512_vnni",
        ),
        caches=(Cache(1, "data", 49152, 2), Cache(3, "unified", 33554432, 16)),
    ),
    memory=Memory(total=405_000_000_000, limit=2**36, swap=0, page_size=4096, transparent_hugepages="madvise"),
    platform=Platform("Debian GNU/Linux 12", "6.1.0", "glibc 2.36", "KVM", "none", "full", "kvm-clock", 1e-9),
    python=PythonBuild("CPython", "3.12.1", "GCC 12.2.0", "pgo+lto", True, "2.1.0", "openblas 0.3.27"),
    conditions=Conditions("2026-01-02T03:04:05+00:00", 0.25, 0.01, 0.0, 4.6, 2**38, 3712.4),
    ceilings=(
        *(ceiling("copy", threads, size, 4e10 / size**0.1) for threads in (1, 128) for size in (65_536, 72_000_000)),
        *(ceiling("copy_streaming", t, s, 123.4e9) for t in (1, 128) for s in (65_536, 72_000_000)),
        *(ceiling("read", t, s, 9.999e9, n=24) for t in (1, 128) for s in (65_536, 72_000_000)),
        ceiling("call_empty_array", 1, None, 80e-9),
        ceiling("call_function", 1, None, 28.04e-9),
        ceiling("call_clock", 1, None, 1.5e-6),
    ),
    notes=("the cores were 35% busy with other work just before: the ceilings may be too low; measure again",),
)
BARE = HardwareProfile(
    "bare",
    "ba9876543210",
    Cpu(""),
    Memory(),
    Platform(),
    PythonBuild("PyPy", "3.11"),
    Conditions(),
    notes=("no /proc",),
)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """An empty directory to work in, and `profile_hardware` replaced; holds the profile and what it was asked for."""
    told: dict[str, Any] = {"profile": PROFILE}

    def fake(machine: str, *, plan: object, progress: object) -> HardwareProfile:
        told.update(machine=machine, plan=plan, progress=progress)
        return told["profile"]

    monkeypatch.setattr(hardware, "profile_hardware", fake)
    monkeypatch.chdir(tmp_path)
    return told


def headgate(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return main(["profile", *arguments], out, err), out.getvalue(), err.getvalue()


@pytest.mark.parametrize(("name", "profile"), [("full", PROFILE), ("bare", BARE)])
def test_the_table_reads_as_the_golden_file_in_80_columns(
    measured: dict[str, Any], name: str, profile: HardwareProfile
) -> None:
    measured["profile"] = profile
    code, out, _ = headgate("--no-save")
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("HEADGATE_UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(out)
    assert code == 0
    assert out == golden.read_text()
    assert max(map(len, out.splitlines())) <= 80
    assert all(line == line.rstrip() for line in out.splitlines())


def test_json_holds_the_same_data_and_nothing_else_is_on_stdout(measured: dict[str, Any]) -> None:
    code, out, err = headgate("--json", "--results", "kept")
    assert code == 0
    assert json.loads(out) == json.loads(Path("kept/bench-1/hardware.json").read_text())
    assert err == f"saved {Path('kept/bench-1/hardware.json')}\n"
    assert load_profile("kept/bench-1") == PROFILE


def test_without_a_results_directory_nothing_is_saved_unless_asked(measured: dict[str, Any]) -> None:
    _, _, err = headgate()
    assert "not saved: there is no results/ directory here" in err
    assert list(Path().iterdir()) == []
    assert headgate("--save")[2].startswith("saved ")
    assert Path("results/bench-1/hardware.json").exists()


def test_quiet_saves_without_a_word(measured: dict[str, Any]) -> None:
    code, out, err = headgate("--save", "--quiet")
    assert (code, err) == (0, "")
    assert out
    assert Path("results/bench-1/hardware.json").exists()


def test_an_existing_results_directory_gets_the_profile_but_not_one_without_ceilings(measured: dict[str, Any]) -> None:
    Path("results").mkdir()
    assert "it has no ceilings" in headgate("--no-ceilings")[2]
    assert headgate("--no-save")[2] == ""
    assert list(Path("results").iterdir()) == []
    assert headgate()[2].startswith("saved ")
    assert Path("results/bench-1/hardware.json").exists()


def test_the_options_choose_the_plan_and_the_machines_name(
    measured: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for options, plan in (((), FULL), (("--quick",), QUICK), (("--no-ceilings",), None)):
        headgate("--machine", "rack7", *options)
        assert (measured["machine"], measured["plan"], measured["progress"]) == ("rack7", plan, None)
    monkeypatch.setattr(hardware.platform_module, "node", lambda: "asv-default")
    headgate()
    assert measured["machine"] == "asv-default"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--machine", "a/b"), "expected letters, digits, - and _"),
        (("--machine", ""), "expected letters, digits, - and _"),
        (("--results", "x", "--no-save"), "leave one of them out"),
        (("--results", "file"), "is a file; give a directory"),
    ],
)
def test_a_mistake_costs_no_measurement_and_exits_2(
    measured: dict[str, Any], options: tuple[str, ...], message: str
) -> None:
    Path("file").write_text("")
    code, out, err = headgate(*options)
    assert (code, out) == (2, "")
    assert err.startswith("headgate profile: ")
    assert message in err
    assert "plan" not in measured


def test_quick_and_no_ceilings_exclude_each_other() -> None:
    code, _, err = headgate("--quick", "--no-ceilings")
    assert (code, "not allowed with" in err) == (2, True)


def test_ctrl_c_saves_nothing_and_exits_130(measured: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(hardware, "profile_hardware", interrupted)
    code, out, err = headgate("--save")
    assert (code, out, err) == (130, "", "headgate profile: interrupted\n")
    assert list(Path().iterdir()) == []


def test_a_terminal_sees_progress_that_leaves_no_trace_on_stdout(
    measured: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def measuring(machine: str, *, plan: object, progress: Any) -> HardwareProfile:
        progress(0.5)
        return PROFILE

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(hardware, "profile_hardware", measuring)
    out, err = io.StringIO(), Terminal()
    assert main(["profile", "--no-save", "--json"], out, err) == 0
    assert "measuring the ceilings" in err.getvalue()
    assert json.loads(out.getvalue())["machine"] == "bench-1"


@pytest.mark.slow
def test_the_real_command_measures_saves_and_exits_0(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "headgate", "profile", "--quick", "--json", "--save", "--machine", "here"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["schema"] == "headgate.hardware/1"
    assert {entry["kind"] for entry in data["ceilings"]} >= {"copy", "read", "call_clock"}
    saved = load_profile(tmp_path / "results" / "here")
    assert saved.fingerprint == data["fingerprint"]
    assert saved.ceilings
