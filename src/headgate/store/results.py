"""The results/ tree: asv's own layout, with one hardware profile a machine beside asv's machine.json.

::

    results/benchmarks.json                     what each benchmark is
    results/<machine>/machine.json              asv's description of the machine
    results/<machine>/hardware.json             headgate's, with measured ceilings
    results/<machine>/limits.json               the kernels against the machine, by benchmarks/limits.py
    results/<machine>/calibration.json          its noise per benchmark, by `headgate calibrate`
    results/<machine>/<commit>-<environment>.json   one run
    results/<machine>/<commit>-bench.jsonl          what `headgate bench` did: how long, what was left out and why
    results/verdicts/*.json                     verdicts published with the results (no machine: it has no machine.json)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.errors import InputError
from headgate.formats import read_run
from headgate.formats.asv import BenchmarkInfo, describe, read_benchmarks
from headgate.store.bench_log import BenchLog, log_path, read_log
from headgate.store.calibration import FILE_NAME as CALIBRATION_FILE
from headgate.store.hardware import FILE_NAME as HARDWARE_FILE
from headgate.store.hardware import load_profile, profile_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from headgate.formats.saved import SavedRun
    from headgate.model import HardwareProfile

__all__ = ["LIMITS_FILE", "VERDICTS_DIRECTORY", "MachineResults", "machines", "read_machine", "run_paths"]

BENCHMARKS_FILE = "benchmarks.json"
MACHINE_FILE = "machine.json"
LIMITS_FILE = "limits.json"
VERDICTS_DIRECTORY = "verdicts"
_NOT_RUNS = frozenset({BENCHMARKS_FILE, MACHINE_FILE, HARDWARE_FILE, LIMITS_FILE, CALIBRATION_FILE})


@dataclass(frozen=True, slots=True)
class MachineResults:
    """All that is kept of one machine. ``problems`` names the files that could not be read, and why."""

    results: Path
    name: str
    runs: tuple[SavedRun, ...]
    hardware: HardwareProfile | None
    benchmarks: Mapping[str, BenchmarkInfo]
    problems: tuple[str, ...] = ()

    def newest_commit(self) -> str | None:
        """Return the commit measured last, None where nothing was."""
        dated = [(run.started_at or 0.0, run.commit) for run in self.runs if run.commit]
        return max(dated)[1] if dated else None

    def log(self, commit: str) -> BenchLog:
        """Return what `headgate bench` noted of the commit here; empty where asv was run by itself."""
        return read_log(log_path(self.results, self.name, commit))

    def of_commit(self, commit: str) -> list[SavedRun]:
        """Return the commit's runs, one an environment, in the environments' order."""
        return sorted((run for run in self.runs if run.commit == commit), key=lambda run: run.environment)


def machines(results: Path) -> list[str]:
    """Return the machines that have runs in ``results``, by name.

    Raises
    ------
    InputError
        ``results`` is no directory, or holds no run.
    """
    if not results.is_dir():
        what = "not a directory" if results.exists() else "no such directory"
        raise InputError(f"{results}: {what}; run `headgate bench` first, or give --results DIR")
    found = [entry.name for entry in sorted(results.iterdir()) if entry.is_dir() and run_paths(results, entry.name)]
    if not found:
        raise InputError(f"{results}: holds no results; run `headgate bench` first, or give --results DIR")
    return found


def run_paths(results: Path, machine: str) -> list[Path]:
    """Return a machine's result files."""
    directory = results / machine
    published = machine == VERDICTS_DIRECTORY and not (directory / MACHINE_FILE).exists()
    if not directory.is_dir() or published:
        return []
    return sorted(path for path in directory.glob("*.json") if path.name not in _NOT_RUNS and path.name[0] != ".")


def read_machine(results: Path, machine: str, paths: Sequence[Path] | None = None) -> MachineResults:
    """Return what is kept of ``machine``, of ``paths`` alone where given; a file that cannot be read becomes a problem.

    One bad file among hundreds must not hide the others, nor vanish without a word.
    """
    problems: list[str] = []
    benchmarks: dict[str, BenchmarkInfo] = {}
    hardware: HardwareProfile | None = None
    runs: list[SavedRun] = []
    try:
        benchmarks = read_benchmarks(results / BENCHMARKS_FILE)
    except InputError as error:
        problems.append(f"{error} (units and parameter names are missing)")
    try:
        path = profile_path(results, machine)
        hardware = load_profile(path) if path.exists() else None
    except InputError as error:
        problems.append(str(error))
    for path in run_paths(results, machine) if paths is None else paths:
        try:
            runs.append(describe(read_run(path), benchmarks))
        except InputError as error:
            problems.append(str(error))
    return MachineResults(results, machine, tuple(runs), hardware, benchmarks, tuple(problems))
