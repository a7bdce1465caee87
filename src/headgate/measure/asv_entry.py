"""Runs asv's own command line in a process of its own, with what asv has no option for.

``python -P -m headgate.measure.asv_entry MACHINE_FILE RESULTS EVENTS_FD ARGUMENT...``

- The machine is described by MACHINE_FILE: asv would read and rewrite ``~/.asv-machine.json``.
- Results go to RESULTS, whatever asv.conf.json says.
- One JSON line on EVENTS_FD for every combination of parameters measured: asv prints a line per benchmark, which may
  hold hundreds of them, and does not keep why one was skipped.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main"]

# What asv_runner prints when a benchmark's setup raises NotImplementedError.
SKIPPED = "asv: skipped: "
REASON_LENGTH = 500


def event(benchmark: dict[str, Any], index: int, environment: str, result: Any, seconds: float) -> dict[str, Any]:
    """Return what is told of one measured combination; ``result`` is asv's BenchmarkResult."""
    text = (result.stderr or "").strip()
    told: dict[str, Any] = {
        "benchmark": benchmark["name"],
        "index": index,
        "environment": environment,
        "seconds": round(seconds, 4),
    }
    if result.errcode != 0 or result.result == [None]:
        return told | {"outcome": "failed", "reason": (text.splitlines() or ["no output"])[-1][-REASON_LENGTH:]}
    if SKIPPED in text:
        reason = text.split(SKIPPED, 1)[1].splitlines()[0].strip()
        return told | {"outcome": "skipped", "reason": reason[:REASON_LENGTH]}
    return told | {"outcome": "measured"}


def install_events(runner: Any, descriptor: int) -> bool:
    """Make asv's runner tell of each combination; return False where this asv has no such function."""
    original: Callable[..., Any] | None = getattr(runner, "_run_benchmark_single_param", None)
    if original is None:
        return False

    def single(benchmark: dict[str, Any], spawner: Any, param_idx: int, *args: Any, **kwargs: Any) -> Any:
        start = time.monotonic()
        result = original(benchmark, spawner, param_idx, *args, **kwargs)
        line = event(benchmark, param_idx, spawner.env.name, result, time.monotonic() - start)
        os.write(descriptor, (json.dumps(line) + "\n").encode())
        return result

    runner._run_benchmark_single_param = single  # noqa: SLF001 - asv has no public hook; absent, progress is coarser
    return True


def redirect_results(config: Any, results: str) -> None:
    """Make every configuration that asv loads name ``results`` as its results directory."""
    original = config.load

    def load(path: str | None = None) -> Any:
        loaded = original(path)
        loaded.results_dir = results
        return loaded

    config.load = staticmethod(load)


def main(arguments: list[str]) -> None:
    """Run asv; exits with asv's own code."""
    machine_file, results, descriptor, *asv_arguments = arguments
    from asv import config, machine, runner
    from asv.main import main as asv_main

    machine.MachineCollection.get_machine_file_path = staticmethod(lambda: machine_file)
    redirect_results(config.Config, results)
    install_events(runner, int(descriptor))
    sys.argv = ["asv", *asv_arguments]
    asv_main()


if __name__ == "__main__":
    main(sys.argv[1:])
