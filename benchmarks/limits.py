"""The native kernels against the machine: copies of the same bytes, other packages, and the cost of a call.

    python benchmarks/limits.py [--quick] [--json FILE] [--markdown FILE] [--update docs/performance.md]

One run, interleaved: every round takes every contender of a table once, in random order. ``--update FILE`` replaces
the tables between the markers of FILE and keeps the measurements in results/<machine>/limits.json. The optional peers
are ``pip install 'headgate[peers]'``; those that are missing are listed as such. It is a script, not an asv benchmark:
its parts are imported when it runs.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

SEED = 20120917
BEGIN, END = "<!-- limits:begin -->", "<!-- limits:end -->"


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="fewer sizes and rounds: under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measurements there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    parser.add_argument("--update", type=Path, metavar="FILE", help="replace the tables between the markers of FILE")
    parser.add_argument("--machine", default=platform.node(), help="the folder of results/ (default: the host's name)")
    return parser.parse_args(argv)


def _machine() -> dict[str, Any]:
    import numpy as np

    from headgate.transforms import native

    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    return {
        "cpu": cpu,
        "load": os.getloadavg()[0],
        "cores": len(os.sched_getaffinity(0)),
        "isa": native.isa(),
        "streaming_threshold": native.streaming_threshold(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _measure(*, quick: bool) -> dict[str, Any]:
    import numpy as np

    from headgate.report.limits_tables import SCHEMA
    from machine_limits import contenders, sections
    from machine_limits.targets import targets

    machine = _machine()  # its load, before this adds to it
    plan = sections.QUICK if quick else sections.FULL
    measured = {}
    for name, section in sections.SECTIONS.items():
        started = time.monotonic()
        measured[name] = section(plan, np.random.default_rng(SEED))
        print(f"{name}: {len(measured[name])} rows in {time.monotonic() - started:.0f} s", file=sys.stderr)  # noqa: T201
    return {
        "schema": SCHEMA,
        "quick": quick,
        "machine": machine,
        "missing": contenders.missing_packages(),
        "targets": targets(measured),
        "measured": measured,
    }


def between_markers(text: str, tables: str) -> str:
    """Give `text` with what is between its markers replaced; ValueError where there are none."""
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        raise ValueError(f"no {BEGIN} ... {END} to write the tables between")
    return text[: begin + len(BEGIN)] + "\n\n" + tables + "\n\n" + text[end:]


def main(argv: list[str]) -> int:
    """Measure, then write what was asked for; the tables go to the terminal where no file was named."""
    from headgate.report.limits_tables import markdown
    from headgate.store.files import write_atomic, write_json
    from headgate.store.results import LIMITS_FILE

    arguments = _arguments(argv)
    if arguments.update:  # before minutes of measuring: is there a place for the result?
        try:
            between_markers(arguments.update.read_text(encoding="utf-8"), "")
        except (OSError, ValueError) as error:
            print(f"{arguments.update}: {error}", file=sys.stderr)  # noqa: T201 - a script's error
            return 2
    document = _measure(quick=arguments.quick)
    tables = markdown(document)
    if arguments.json:
        write_json(arguments.json, document)
    if arguments.markdown:
        write_atomic(arguments.markdown, tables + "\n")
    if arguments.update:
        write_json(Path("results") / arguments.machine / LIMITS_FILE, document)
        write_atomic(arguments.update, between_markers(arguments.update.read_text(encoding="utf-8"), tables))
    if not (arguments.markdown or arguments.update):
        print(tables)  # noqa: T201 - what the script is for
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
