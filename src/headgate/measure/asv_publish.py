"""asv's own pages of a results directory, made by ``asv publish`` in a process of its own.

``python -P -m headgate.measure.asv_publish RESULTS ARGUMENT...`` runs asv with RESULTS as its results directory, and
not what asv.conf.json says: asv has no option for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from headgate.errors import InputError, MeasurementError, UsageError
from headgate.measure.asv_entry import redirect_results
from headgate.measure.asv_run import TAIL_LINES, find_project
from headgate.store.files import read_json, require_schema, write_json

__all__ = ["MANIFEST", "main", "publish"]

# Lists the files of a publication, beside them: what is not in it was not put there from here, and is never deleted.
MANIFEST = ".headgate-asv-pages.json"
_SCHEMA = "headgate.asv-pages/1"


def publish(results: Path, target: Path, directory: Path | None = None) -> None:
    """Have asv write its pages of ``results`` into ``target``, in place of those of an earlier publication.

    asv deletes the directory that it publishes into, whatever it holds, so it gets a new one, which then takes the
    place of ``target``: what was there stays until there is something to replace it.

    Parameters
    ----------
    results
        asv's results directory.
    target
        Where the pages go; made where it does not exist.
    directory
        Where asv.conf.json is; by default the current directory.

    Raises
    ------
    UsageError
        No asv.conf.json, or ``target`` holds something that no earlier publication put there.
    InputError
        ``target`` cannot be written.
    MeasurementError
        asv could not make them; the message ends with what it said.
    """
    project = find_project(Path.cwd() if directory is None else directory)
    place = Path(os.path.realpath(target))
    _require_own(place, target)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".headgate-asv-", dir=place.parent) as made:
            pages = Path(made) / "pages"
            _run_asv(project.root, results, pages)
            write_json(pages / MANIFEST, {"schema": _SCHEMA, "files": sorted(_files(pages))})
            _require_own(place, target)  # asv took its time, in which something else may have come
            if place.is_dir():
                shutil.rmtree(place)
            pages.rename(place)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{target}: cannot be written ({reason}); check the directory and its permissions") from error


def _run_asv(root: Path, results: Path, pages: Path) -> None:
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
        [*command, "--html-dir", str(pages)],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode or not (pages / "index.html").is_file():
        lines = (done.stdout + done.stderr).strip().splitlines()[-TAIL_LINES:]
        said = "\n".join(f"  | {line}" for line in lines)
        raise MeasurementError(
            f"asv publish failed (exit code {done.returncode}); run it by itself, or leave --asv out; it said:\n{said}"
        )


def _require_own(place: Path, shown: Path) -> None:
    """Refuse a directory with anything in it that no earlier publication of ours listed."""
    if place.exists() and not place.is_dir():
        raise UsageError(f"{shown}: is a file; give a directory for asv's pages")
    there = _files(place)
    if not there:
        return
    own = set()
    if MANIFEST in there:
        listed = require_schema(read_json(place / MANIFEST), _SCHEMA, place / MANIFEST).get("files")
        names = listed if isinstance(listed, list) else ()
        own = {MANIFEST, *(name for name in names if isinstance(name, str))}  # of a damaged one, what can be read
    foreign = sorted(there - own)
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise UsageError(
            f"{shown}: holds something else than the pages published there before ({foreign[0]}{more}), which would be "
            "deleted with them; move it away, or give another DIR"
        )


def _files(directory: Path) -> set[str]:
    """Return all that is in a directory, relative to it; a link is one of its files, wherever it leads."""
    found = set()
    for folder, names, files in os.walk(directory):
        links = [name for name in names if os.path.islink(Path(folder, name))]  # noqa: PTH114 - as in `store.files`
        found |= {Path(folder, name).relative_to(directory).as_posix() for name in (*files, *links)}
    return found


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
