"""Tries an installed wheel: every variant of the transform, a verdict over saved results, the page's templates.

Run by the interpreter whose headgate is meant, away from the source tree: python wheel_smoke.py RESULTS, a directory
with results of pytest-benchmark (tests/data/pytest_benchmark). Needs nothing but headgate and what it depends on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path


def transforms_agree() -> str:
    """Every variant that is there gives what the definition gives; the native one must be there."""
    import numpy as np

    from headgate.transforms import sliding_polynomial, variants

    x = np.arange(1000, dtype=np.int64)
    expected = sliding_polynomial(x, 10, variant="map")
    missing = variants()
    there = [name for name, why in missing.items() if why is None]
    assert missing["cython"] is None, missing["cython"]
    for name in there:
        assert (sliding_polynomial(x, 10, variant=name) == expected).all(), name
    return f"{len(there)} variants agree"


def a_verdict(results: Path) -> str:
    """`headgate check` decides over saved results and writes its page, from templates that must be in the wheel."""
    baseline, candidate = results / "4.0.0.json", results / "5.3.1.json"
    with tempfile.TemporaryDirectory() as folder:
        verdict = Path(folder) / "verdict.json"
        words = ["--baseline", str(baseline), "--candidate", str(candidate), "--any-machine", "--any-session"]
        command = [
            sys.executable,
            "-m",
            "headgate",
            "check",
            *words,
            "--json",
            str(verdict),
            "--html",
            f"{folder}/page",
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode in {0, 1}, done.stderr
        state = json.loads(verdict.read_text())["state"]
        assert (Path(folder) / "page" / "index.html").stat().st_size > 1000
    return f"a verdict: {state}"


def outside_the_source_tree() -> str:
    """Say which package is tried; it must be an installed one."""
    import headgate

    place = Path(headgate.__file__).resolve()
    assert "site-packages" in place.parts, f"{place} is no installed package; run this elsewhere"
    assert (place.parent / "py.typed").is_file()
    return f"headgate {headgate.__version__} in {place.parent}"


def main(results: Path) -> None:
    """Print a line for each thing that works; the first that does not raises."""
    for done in (outside_the_source_tree(), transforms_agree(), a_verdict(results)):
        print(done)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
