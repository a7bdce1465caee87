"""asv's own pages of a results directory, made by ``asv publish`` in a process of its own.

``python -P -m headgate.measure.asv_publish RESULTS ARGUMENT...`` runs asv with RESULTS as its results directory, and
not what asv.conf.json says: asv has no option for it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from headgate.errors import MeasurementError, UsageError
from headgate.measure.asv_entry import redirect_results
from headgate.measure.asv_run import TAIL_LINES, find_project

__all__ = ["main", "publish"]


def publish(results: Path, target: Path, directory: Path | None = None) -> None:
    """Have asv write its pages of ``results`` into ``target``, which it makes anew.

    Parameters
    ----------
    results
        asv's results directory.
    target
        Where the pages go; what was there of an earlier publication is replaced.
    directory
        Where asv.conf.json is; by default the current directory.

    Raises
    ------
    UsageError
        No asv.conf.json, or ``target`` holds something else than asv's pages.
    MeasurementError
        asv could not make them; the message ends with what it said.
    """
    project = find_project(Path.cwd() if directory is None else directory)
    _require_own(target)
    command = [
        sys.executable,
        "-P",
        "-m",
        "headgate.measure.asv_publish",
        str(results.resolve()),
        "publish",
        "--no-pull",
    ]
    done = subprocess.run(
        [*command, "--html-dir", str(target.resolve())],
        cwd=project.root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode or not (target / "index.html").is_file():
        lines = (done.stdout + done.stderr).strip().splitlines()[-TAIL_LINES:]
        said = "\n".join(f"  | {line}" for line in lines)
        raise MeasurementError(
            f"asv publish failed (exit code {done.returncode}); run it by itself, or leave --asv out; it said:\n{said}"
        )


def _require_own(target: Path) -> None:
    """Refuse a directory that is not asv's: asv deletes what it publishes into."""
    if target.is_dir() and any(target.iterdir()) and not (target / "graphdisplay.js").is_file():
        raise UsageError(f"{target}: holds something else than asv's pages, and asv would delete it; give another DIR")


def main(arguments: list[str]) -> None:
    """Run asv; exits with asv's own code."""
    results, *asv_arguments = arguments
    from asv import config
    from asv.main import main as asv_main

    redirect_results(config.Config, results)
    sys.argv = ["asv", *asv_arguments]
    asv_main()


if __name__ == "__main__":
    main(sys.argv[1:])
