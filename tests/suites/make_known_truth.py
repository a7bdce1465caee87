"""Make a git repository of two commits whose candidate does exactly +X % more work: the truth a gate must find.

    python make_known_truth.py DEST --extra 0.05

`worklib` runs each kind of work in identical units, 1,000 (of quick ones 4,000) at the baseline and (1 + X) times as
many at the candidate. Each benchmark takes 0.2-2.5 ms; the call around its loop takes 0.1 us, so that +5 % is +5 % to
within 0.003 %. The repository is a pure-Python
project with an asv suite, usable by asv, by headgate, and with two ready interpreters (`--environments`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "known_truth"
BASELINE_TAG, CANDIDATE_TAG = "baseline", "candidate"
PYPROJECT = """\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "worklib"
version = "1.0"

[tool.setuptools]
packages = ["worklib"]
"""
GIT_ENVIRONMENT = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "known truth"), ("EMAIL", "truth@localhost"), ("DATE", "2020-01-01T00:00:00Z"))
}


def git(directory: Path, *arguments: str) -> None:
    """Run git in the repository being made, whatever repository called us."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    subprocess.run(["git", *arguments], cwd=directory, check=True, env={**environment, **GIT_ENVIRONMENT})


def write_project(root: Path, *, numpy: bool) -> None:
    """Write everything but the number of units."""
    shutil.copytree(SOURCE / "worklib", root / "worklib", ignore=shutil.ignore_patterns("__pycache__", "units.py"))
    shutil.copytree(SOURCE / "benchmarks", root / "benchmarks", ignore=shutil.ignore_patterns("__pycache__"))
    if not numpy:
        (root / "benchmarks" / "with_numpy.py").unlink()
        (root / "worklib" / "with_numpy.py").unlink()
    configuration = {
        "version": 1,
        "project": "worklib",
        "repo": ".",
        "branches": ["main"],
        "environment_type": "virtualenv",
        "matrix": {"req": {"numpy": []}} if numpy else {},
    }
    (root / "asv.conf.json").write_text(json.dumps(configuration, indent=2))
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / ".gitignore").write_text("env/\nresults/\nhtml/\n__pycache__/\n*.egg-info/\nbuild/\n")


def write_units(root: Path, extra: float) -> None:
    """Write how many units each piece of work is; exact for whole permilles."""
    permille = round(extra * 1000)
    text = f'"""How much work there is."""\n\nUNITS = {1000 + permille}\nMANY = {4 * (1000 + permille)}\n'
    (root / "worklib" / "units.py").write_text(text)


def make_repository(destination: Path, extra: float, *, numpy: bool = True) -> None:
    """Make the repository at ``destination`` (which must not exist), with tags `baseline` and `candidate`."""
    destination.mkdir(parents=True)
    git(destination, "init", "--quiet", "--initial-branch=main", ".")
    write_project(destination, numpy=numpy)
    for tag, work in ((BASELINE_TAG, 0.0), (CANDIDATE_TAG, extra)):
        write_units(destination, work)
        git(destination, "add", "--all")
        git(destination, "commit", "--quiet", "--allow-empty", "-m", f"{tag}: {work:+.1%} work")
        git(destination, "tag", tag)


def make_environments(repository: Path, destination: Path) -> tuple[Path, Path]:
    """Make two interpreters with the two commits importable, NumPy and asv_runner borrowed from this one."""
    pythons = []
    for name, tag in (("a", BASELINE_TAG), ("b", CANDIDATE_TAG)):
        checkout = destination / f"checkout-{name}"
        git(repository, "worktree", "add", "--quiet", "--detach", str(checkout), tag)
        home = destination / f"env-{name}"
        venv.create(home, with_pip=False, symlinks=True)
        (site,) = home.glob("lib/python*/site-packages")
        (site / "worklib.pth").write_text(f"{checkout}\n{sysconfig.get_paths()['purelib']}\n")
        pythons.append(home / "bin" / "python")
    return pythons[0], pythons[1]


def main(arguments: list[str] | None = None) -> int:
    """Make what the command line asks for and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("destination", type=Path)
    parser.add_argument("--extra", type=float, default=0.05, help="0.05 is +5 %% (whole permilles)")
    parser.add_argument("--no-numpy", action="store_true", help="leave out what needs NumPy")
    parser.add_argument("--environments", type=Path, metavar="DIR", help="also make two ready interpreters there")
    options = parser.parse_args(arguments)
    if options.destination.exists():
        parser.error(f"{options.destination} exists; name a new directory")
    make_repository(options.destination.resolve(), options.extra, numpy=not options.no_numpy)
    if options.environments:
        pythons = make_environments(options.destination.resolve(), options.environments.resolve())
        sys.stdout.write(f"--baseline-python {pythons[0]} --candidate-python {pythons[1]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
