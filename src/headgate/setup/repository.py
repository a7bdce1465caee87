"""What a repository has that `headgate init` builds on: its suite, its tests, its files. Reads, writes nothing."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import InputError, UsageError, unreadable
from headgate.measure.asv_config import CONFIG_NAMES
from headgate.store.git import find_repository
from headgate.store.policy_file import find_policy_file

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DEFAULT_PYTHON", "Repository", "Suite", "look_at"]

# What the workflows run where the repository does not ask for a newer one: the oldest that this release is tested on is
# 3.11; this one has years to go and wheels for nearly everything.
DEFAULT_PYTHON = "3.12"
# Directories that never hold a project's own suite.
_NOT_OURS = {"node_modules", "site-packages", "build", "dist", "venv", "env", "vendor", "third_party"}
_MOST_DEEP = 3
# A test that takes pytest-benchmark's fixture as an argument.
_USES_BENCHMARK = re.compile(rb"^\s*(?:async\s+)?def\s+test\w*\([^)]*\bbenchmark\b", re.MULTILINE)
# What directories of tests and benchmarks are called.
_TESTS_NAME = re.compile(r"_?(tests?|testing|bench|benchs|benches|benchmarks?|perf|performance)$", re.IGNORECASE)
_SOURCES = {"src", "lib", "python"}
_REQUIRES = re.compile(r"requires-python\s*=\s*[\"'][^\"']*>=\s*(3\.\d+)")
_LARGEST_TEST = 1_000_000


class Suite:
    """The kinds of suites that can be set up."""

    ASV = "asv"
    PYTEST = "pytest-benchmark"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository's facts.

    Attributes
    ----------
    root
        The top of the working tree.
    suite
        One of `Suite`'s.
    config
        asv's configuration, relative to the root; '' for pytest-benchmark.
    tests
        The directories with benchmarks under pytest, relative to the root.
    python
        The Python that workflows should run.
    existing
        Those of the files that may be written which are there already, relative to the root.
    policy
        The file that has a policy already, relative to the root; '' for none.
    ambiguous
        Whether the root has several of asv's configurations, so that commands must be told which.
    """

    root: Path
    suite: str
    config: str = ""
    tests: tuple[str, ...] = ()
    python: str = DEFAULT_PYTHON
    existing: frozenset[str] = frozenset()
    policy: str = ""
    ambiguous: bool = False


def look_at(directory: Path, *, config: Path | None = None) -> Repository:
    """Return what the repository around ``directory`` has.

    Raises
    ------
    InputError
        No git repository, or no such directory or file.
    UsageError
        No suite, or more than one asv configuration and none named.
    """
    root = find_repository(directory)
    python = _python(root)
    found = _named(root, config) if config is not None else _found(root)
    if found:
        several = sum((root / name).is_file() for name in CONFIG_NAMES) > 1
        return Repository(root, Suite.ASV, found, (), python, _existing(root), _policy(root), several)
    tests = _benchmark_tests(root)
    if tests:
        return Repository(root, Suite.PYTEST, "", tests, python, _existing(root), _policy(root))
    raise UsageError(
        f"{root}: no asv.conf.json, and no test that takes pytest-benchmark's `benchmark` fixture; write a benchmark "
        "first (`asv quickstart`), or give --config FILE"
    )


def _named(root: Path, config: Path) -> str:
    if not config.is_file():
        raise InputError(f"--config: {config}: no such file; check the path")
    path = Path(os.path.realpath(config))
    if not path.is_relative_to(root.resolve()):
        raise UsageError(f"--config: {config} is outside of {root}; run `headgate init` in its own repository")
    return path.relative_to(root.resolve()).as_posix()


def _found(root: Path) -> str:
    """Return the one asv configuration, '' for none; the root's own goes before all others."""
    found = [path for path in _files(root) if path.name in CONFIG_NAMES]
    top = [path for path in found if path.parent == root]
    chosen = top or found
    if len(chosen) > 1:
        names = ", ".join(path.relative_to(root).as_posix() for path in chosen[:5])
        raise UsageError(f"{root}: {len(chosen)} asv configurations ({names}); say which with --config FILE")
    return chosen[0].relative_to(root).as_posix() if chosen else ""


def _benchmark_tests(root: Path) -> tuple[str, ...]:
    """Return the directories with tests that use the fixture.

    The workflow copies them away from the sources and runs them against each side's installed package, so none may be
    the package itself: from a copy of it both sides would import the candidate's code, and nothing would be slower.

    Raises
    ------
    UsageError
        Such tests lie among a package's modules.
    """
    found = set()
    for path in _files(root):
        name = path.name
        is_test = name.endswith(".py") and (name.startswith(("test_", "bench_")) or name.endswith("_test.py"))
        if is_test and path.stat().st_size <= _LARGEST_TEST and _USES_BENCHMARK.search(path.read_bytes()):
            if path.parent != root and not _holds_tests_alone(path.parent):
                raise UsageError(
                    f"{path.relative_to(root)}: lies among a package's modules, so that its copy would be measured in "
                    "place of what is installed; move the benchmarks to a directory of tests"
                )
            found.add(path.relative_to(root).as_posix() if path.parent == root else _top(path.parent, root))
    return tuple(sorted(one for one in found if not any(one.startswith(f"{other}/") for other in found)))


def _holds_tests_alone(directory: Path) -> bool:
    """Say whether a directory is one of tests: it is called so, or neither is nor holds a package, nor is for one."""
    if _TESTS_NAME.match(directory.name):
        return True
    packages = [directory, *(one for one in directory.iterdir() if not _TESTS_NAME.match(one.name))]
    return directory.name not in _SOURCES and not any((one / "__init__.py").is_file() for one in packages)


def _top(directory: Path, root: Path) -> str:
    """Return the outermost directory of tests around ``directory``, so that shared fixtures are copied with them."""
    parts = directory.relative_to(root).parts
    place = next((place for place, part in enumerate(parts, 1) if _TESTS_NAME.match(part)), len(parts))
    return "/".join(parts[:place])


def _files(root: Path) -> Iterator[Path]:
    """Give the files of the first levels of the tree, without what is hidden, installed or built."""
    for folder, names, files in os.walk(root):
        here = Path(folder)
        deep = len(here.relative_to(root).parts)
        names[:] = sorted(
            name
            for name in names
            if deep < _MOST_DEEP and name not in _NOT_OURS and not name.startswith((".", "__"))
            if not (here / name / "pyvenv.cfg").is_file()
        )
        yield from (here / name for name in sorted(files))


def _python(root: Path) -> str:
    """Return the project's least Python where it is newer than the default."""
    path = root / "pyproject.toml"
    try:
        match = _REQUIRES.search(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else None
    except OSError as error:
        raise unreadable(path, error) from error
    least = match.group(1) if match else DEFAULT_PYTHON
    return max(least, DEFAULT_PYTHON, key=lambda text: int(text.split(".")[1]))


def _existing(root: Path) -> frozenset[str]:
    from headgate.setup.files import POSSIBLE

    return frozenset(name for name in POSSIBLE if (root / name).exists() or (root / name).is_symlink())


def _policy(root: Path) -> str:
    found = find_policy_file(root)
    return "" if found is None else found.path.name
