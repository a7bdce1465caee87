"""How the report scales: 600 benchmarks over 1,000 commits, written, weighed, and opened in a browser.

::

    python benchmarks/studies/report_scale.py [--benchmarks N] [--commits N] [--browser] [--keep DIR]

Makes a results tree of asv's kind (seed fixed; a known step in every tenth benchmark), writes its report, and prints
the seconds that took, the site's size, and with --browser how long headless Chromium takes from opening the first
page's file to its load event, its first paint, and its table's filter being ready (the scripts done); medians of 5.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headgate.cli.report import write_report
from headgate.cli.report_input import Sources

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = 20240501
NOISE = 0.02
STEP_EVERY, STEP = 10, 1.2
DAY = 86_400_000
REPEATS = 5
CHROMIUM = "/usr/bin/chromium"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
OPTIONS += ["--disable-component-update", "--disable-sync"]
# From the file's request: its load event, the first paint, and the scripts' own work (the filter's count is there).
TIMING = """() => {
  const page = performance.getEntriesByType("navigation")[0];
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return [page.loadEventEnd / 1000, paint ? paint.startTime / 1000 : null];
}"""


def make_tree(root: Path, benchmarks: int, commits: int) -> None:
    """Write a tree in asv's layout: lognormal noise, and a step of 20 % in every tenth benchmark."""
    rng = np.random.default_rng(SEED)
    names = [f"suite_{index % 20:02}.Suite.time_{index:03}" for index in range(benchmarks)]
    levels = 10 ** rng.uniform(-6, -1, benchmarks)
    values = levels[:, None] * np.exp(NOISE * rng.standard_normal((benchmarks, commits)))
    for index in range(0, benchmarks, STEP_EVERY):
        values[index, int(rng.integers(commits // 10, commits - commits // 20)) :] *= STEP
    directory = root / "box"
    directory.mkdir(parents=True)
    entry = {"type": "time", "unit": "seconds", "param_names": [], "params": [], "version": "1"}
    described = {name: {"name": name, **entry} for name in names}
    (root / "benchmarks.json").write_text(json.dumps({"version": 2, **described}))
    (directory / "machine.json").write_text(json.dumps({"version": 1, "machine": "box"}))
    base = {
        "env_name": "virtualenv-py3.11",
        "params": {"arch": "x86_64", "cpu": "A", "machine": "box", "num_cpu": "2", "python": "3.11"},
        "python": "3.11",
        "requirements": {},
        "env_vars": {},
        "result_columns": ["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b"],
        "durations": {},
        "version": 2,
    }
    for place in range(commits):
        commit = hashlib.sha1(str(place).encode(), usedforsecurity=False).hexdigest()
        date = 1_600_000_000_000 + place * DAY
        rows = {
            name: [[value], [], "1", date, 1.0, [value * 0.99], [value * 1.01]]
            for name, value in zip(names, values[:, place].tolist(), strict=True)
        }
        document = base | {"commit_hash": commit, "date": date, "results": rows}
        (directory / f"{commit[:8]}-virtualenv-py3.11.json").write_text(json.dumps(document))


def opened(page: Path) -> list[tuple[float, float, float]]:
    """Return (load event, first paint, scripts done) of opening ``page``, in seconds, a fresh browser each time."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        for _ in range(REPEATS):
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
            tab = browser.new_page(viewport={"width": 1280, "height": 1000})
            start = time.perf_counter()
            tab.goto(page.resolve().as_uri(), wait_until="load")
            tab.wait_for_function("document.querySelector('form.filter output').textContent !== ''")
            done = time.perf_counter() - start
            load, paint = tab.evaluate(TIMING)
            found.append((load, paint or load, done))
            browser.close()
    return found


def weighed(target: Path) -> list[str]:
    """Return what there is to say of a site's size."""
    files = {path.relative_to(target): path.stat().st_size for path in target.rglob("*") if path.is_file()}
    pages = {path: size for path, size in files.items() if path.suffix == ".html"}
    own = [size for path, size in pages.items() if path.parent.name == "benchmarks"]
    largest = max(pages, key=lambda path: pages[path])
    return [
        f"site: {sum(files.values()) / 1e6:.1f} MB in {len(files)} files",
        f"largest page: {largest}, {pages[largest] / 1e3:.0f} kB",
        f"benchmarks' pages: median {statistics.median(own) / 1e3:.1f} kB, largest {max(own) / 1e3:.1f} kB",
    ]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--benchmarks", type=int, default=600)
    parser.add_argument("--commits", type=int, default=1000)
    parser.add_argument("--browser", action="store_true", help="open the first page in headless Chromium")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the tree and the site here")
    args = parser.parse_args()
    work = args.keep or Path(tempfile.mkdtemp(prefix="report-scale-"))
    tree, target = work / "results", work / "site"
    try:
        if not tree.exists():
            make_tree(tree, args.benchmarks, args.commits)
        start = time.perf_counter()
        index = write_report(Sources(tree), target, sys.stderr, progress=steps_told())
        say(f"{args.benchmarks} benchmarks, {args.commits} commits: {time.perf_counter() - start:.1f} s in all")
        for line in weighed(target):
            say(line)
        if args.browser:
            load, paint, done = (statistics.median(column) for column in zip(*opened(index), strict=True))
            say(f"{index.name}: load event {load:.2f} s, first paint {paint:.2f} s, filter ready {done:.2f} s")
    finally:
        if args.keep is None:
            shutil.rmtree(work, ignore_errors=True)


def steps_told() -> Callable[[str, int, int], None]:
    """Return a function that says how long each step took, once it is done."""
    begun: dict[str, float] = {}

    def progress(step: str, done: int, total: int) -> None:
        begun.setdefault(step, time.perf_counter())
        if done == total:
            say(f"  {step}: {total}, {time.perf_counter() - begun[step]:.1f} s since its first part")

    return progress


if __name__ == "__main__":
    main()
