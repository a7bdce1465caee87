"""asv results trees made by tests: version-2 files with a number a benchmark."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

DAY = 86_400_000
START = 1_700_000_000_000


def commit_of(index: int) -> str:
    return hashlib.sha1(str(index).encode()).hexdigest()


def write_run(
    root: Path,
    commit: str,
    date: int,
    results: Mapping[str, float | None],
    *,
    machine: str = "box",
    environment: str = "virtualenv-py3.11",
    version: str = "1",
    cpu: str = "A",
) -> Path:
    """Write one result file: one benchmark without parameters for each name; ``date`` in milliseconds."""
    path = root / machine / f"{commit[:8]}-{environment}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "machine.json").write_text(json.dumps({"version": 1, "machine": machine}))
    data = {
        "commit_hash": commit,
        "env_name": environment,
        "date": date,
        "params": {"arch": "x86_64", "cpu": cpu, "machine": machine, "num_cpu": "2", "python": "3.11"},
        "python": "3.11",
        "requirements": {},
        "env_vars": {},
        "result_columns": ["result", "params", "version"],
        "results": {name: [[value], [], version] for name, value in results.items()},
        "durations": {},
        "version": 2,
    }
    path.write_text(json.dumps(data))
    return path


def write_benchmarks(root: Path, names: Sequence[str]) -> None:
    """Write benchmarks.json: each a time in seconds, but what is called ``track`` has no unit."""
    root.mkdir(parents=True, exist_ok=True)
    entries = {
        name: {"name": name, "type": "track" if "track" in name else "time", "param_names": [], "params": []}
        | {"unit": "" if "track" in name else "seconds", "version": "1"}
        for name in names
    }
    (root / "benchmarks.json").write_text(json.dumps({"version": 2, **entries}))
