"""How often is the gate right? Trials with known truth, beside asv continuous and pytest-benchmark in the same hour.

Makes a project whose candidate does exactly X % more work (tests/suites/make_known_truth.py), then runs each tool on it
again and again. For X = 0 every flag is a false alarm; for X above the margin every missed flag is a miss.

    python benchmarks/studies/gate_trials.py --tool headgate --extra 0 --runs 20
    python benchmarks/studies/gate_trials.py --tool headgate --extra 0.05 --runs 2 -- --margin 2% --budget 35s
    python benchmarks/studies/gate_trials.py --tool asv --extra 0.05 --runs 2
    python benchmarks/studies/gate_trials.py --tool pytest-benchmark --extra 0.05 --runs 2

What follows `--` goes to `headgate compare`. Each run prints a line; --json appends all of them to a file.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
MAKER = ROOT / "tests" / "suites" / "make_known_truth.py"
ASV_FACTOR = "1.05"
PYTEST_LIMIT = "median:5%"


def make_project(directory: Path, extra: float) -> tuple[Path, dict[str, Path]]:
    """Return the repository and the two interpreters."""
    repository = directory / "project"
    done = subprocess.run(
        [sys.executable, MAKER, repository, "--extra", str(extra), "--environments", directory / "environments"],
        check=True,
        capture_output=True,
        text=True,
    )
    words = done.stdout.split()
    return repository, {"baseline": Path(words[1]), "candidate": Path(words[3])}


def headgate(repository: Path, pythons: dict[str, Path], options: list[str]) -> dict[str, Any]:
    """Run one comparison; return the states."""
    verdict = repository / "verdict.json"
    verdict.unlink(missing_ok=True)
    command = [sys.executable, "-m", "headgate", "compare", "-E", "existing", "--quiet", "--json", str(verdict)]
    command += ["--baseline-python", str(pythons["baseline"]), "--candidate-python", str(pythons["candidate"])]
    done = subprocess.run([*command, *options], cwd=repository, check=False, capture_output=True, text=True)
    if not verdict.is_file():
        raise SystemExit(done.stderr or done.stdout)
    found = json.loads(verdict.read_text())
    return {
        "exit": done.returncode,
        "states": dict(Counter(one["state"] for one in found["comparisons"])),
        "flagged": sum(one["state"] == "regressed" for one in found["comparisons"]),
        "comparisons": len(found["comparisons"]),
        "rounds": max(one["rounds"] for one in found["comparisons"]),
        "ratios": [one["ratio"] for one in found["comparisons"]],
    }


def asv(repository: Path, _pythons: dict[str, Path], options: list[str]) -> dict[str, Any]:
    """Run `asv continuous`; count what it calls worse."""
    # A home of its own: asv asks about the machine once, and keeps the answer in the user's home.
    environment = {**os.environ, "HOME": str(repository.parent)}
    asv_command = [sys.executable, "-m", "asv"]
    if not (repository.parent / ".asv-machine.json").exists():
        subprocess.run(
            [*asv_command, "machine", "--yes"], cwd=repository, env=environment, check=True, capture_output=True
        )
    command = [*asv_command, "continuous", "--factor", ASV_FACTOR, "baseline", "candidate", *options]
    done = subprocess.run(command, cwd=repository, env=environment, check=False, capture_output=True, text=True)
    total = len(set(re.findall(r"^\[\s*[\d.]+%\] ··· Running \((\S+)", done.stdout, re.MULTILINE)))
    flagged = re.findall(r"^\| \+ .*\|$", done.stdout, re.MULTILINE)
    names = set(re.findall(r"((?:pure|with_numpy)\.time_\w+)", done.stdout))
    return {"exit": done.returncode, "flagged": len(flagged), "comparisons": len(names) or total}


def pytest_benchmark(repository: Path, _pythons: dict[str, Path], _options: list[str]) -> dict[str, Any]:
    """Run the suite's twin under pytest-benchmark on both checkouts, the second compared with the first."""
    checkouts = sorted((repository.parent / "environments").glob("checkout-*"))
    names = functions(repository / "benchmarks")
    lines = ["from benchmarks import pure, with_numpy", ""]
    lines += [f"def test_{module}_{name}(benchmark):\n    benchmark({module}.{name})\n" for module, name in names]
    test = repository / "test_twin.py"
    test.write_text("\n".join(lines))
    storage = tempfile.mkdtemp(dir=repository.parent)
    common = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        f"--rootdir={repository}",
    ]
    common += [f"--benchmark-storage={storage}", "--import-mode=append"]
    for checkout, options in zip(
        checkouts,
        (["--benchmark-save=base"], ["--benchmark-compare", f"--benchmark-compare-fail={PYTEST_LIMIT}"]),
        strict=True,
    ):
        environment = {**os.environ, "PYTHONPATH": f"{checkout}:{repository}"}
        done = subprocess.run(
            [*common, *options, str(test)], cwd=repository, env=environment, check=False, capture_output=True, text=True
        )
    flagged = re.findall(r"(test_\w+) \(.*has failed PercentageRegressionCheck", done.stdout + done.stderr)
    return {"exit": done.returncode, "flagged": len(set(flagged)), "comparisons": len(names)}


def functions(directory: Path) -> list[tuple[str, str]]:
    """Return the (module, function) of each benchmark."""
    return [
        (path.stem, node.name)
        for path in sorted(directory.glob("*.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("time_")
    ]


TOOLS: dict[str, Callable[[Path, dict[str, Path], list[str]], dict[str, Any]]] = {
    "headgate": headgate,
    "asv": asv,
    "pytest-benchmark": pytest_benchmark,
}


def main() -> int:
    """Run the trials and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", choices=TOOLS, default="headgate")
    parser.add_argument("--extra", type=float, default=0.0, help="0.05: the candidate does exactly 5 %% more work")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--json", type=Path, help="append each run's result to this file, a line each")
    parser.add_argument("options", nargs="*", help="after --: options of the tool")
    args = parser.parse_args()
    flagged = compared = red = 0
    with tempfile.TemporaryDirectory(prefix="gate-trials-") as scratch:
        repository, pythons = make_project(Path(scratch), args.extra)
        for run in range(args.runs):
            started = time.monotonic()
            result = TOOLS[args.tool](repository, pythons, args.options)
            result |= {"tool": args.tool, "extra": args.extra, "options": args.options, "run": run}
            result["seconds"] = round(time.monotonic() - started, 1)
            flagged, compared, red = (
                flagged + result["flagged"],
                compared + result["comparisons"],
                red + (result["exit"] == 1),
            )
            shown = {key: value for key, value in result.items() if key not in {"ratios", "options"}}
            sys.stdout.write(json.dumps(shown) + "\n")
            sys.stdout.flush()
            if args.json:
                with args.json.open("a") as stream:
                    stream.write(json.dumps(result) + "\n")
    share = flagged / compared if compared else float("nan")
    sys.stdout.write(
        f"{args.tool}, +{args.extra:.0%}: {flagged} of {compared} comparisons flagged ({share:.1%}), "
        f"{red} of {args.runs} runs red\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
