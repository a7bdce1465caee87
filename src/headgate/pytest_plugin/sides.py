"""The two sides of a pytest run: the baseline's files, and what pytest-benchmark measured just now."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import sysconfig
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy
import pytest

from headgate.errors import InputError, UsageError
from headgate.formats import pytest_benchmark
from headgate.formats.fields import expect
from headgate.formats.pooled import pool_runs
from headgate.gates.saved import SESSION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from headgate.cli.saved_sides import SavedSide
    from headgate.formats.saved import SavedResult, SavedRun

__all__ = [
    "NOTHING_MEASURED",
    "THIS_RUN",
    "HookError",
    "asked_for",
    "benchmark_session",
    "found_files",
    "node_id",
    "pooled_side",
    "telling_hooks",
    "this_run",
    "wanted",
]

THIS_RUN = "this run"
NOTHING_MEASURED = (
    "this run measured no benchmark, so there is nothing to judge; is the `benchmark` fixture used, and was every "
    "benchmark collected (-k, -m, --collect-only, skips)?"
)
# Whose frames are not where a project's own code failed.
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_PACKAGES = {"site-packages", "dist-packages"}


def benchmark_session(config: pytest.Config) -> Any:
    """Return pytest-benchmark's session, if it is going to measure.

    Raises
    ------
    UsageError
        The plugin is not there or is not going to measure anything.
    """
    session = getattr(config, "_benchmarksession", None)
    if session is None:
        blocked = config.pluginmanager.is_blocked("benchmark")
        why = "is switched off (-p no:benchmark)" if blocked else "is not loaded; pip install pytest-benchmark"
        raise UsageError(f"--headgate-baseline judges what pytest-benchmark measures, and pytest-benchmark {why}")
    if session.skip:
        raise UsageError("--benchmark-skip skips all benchmarks: --headgate-baseline would have nothing to judge")
    if session.xdist_warning:
        raise UsageError(
            "pytest-benchmark measures nothing under pytest-xdist: run the benchmarks with -n 0, in a run of their own"
        )
    if session.disabled:
        raise UsageError(
            "the benchmarks are disabled (--benchmark-disable): --headgate-baseline would have nothing to judge; "
            "--benchmark-enable overrides it"
        )
    return session


class HookError(UsageError):
    """A hook of the project's, or of another plugin's, failed on pytest-benchmark's results."""


@contextlib.contextmanager
def telling_hooks() -> Iterator[None]:
    """Tell a failure of pytest-benchmark's hooks, of which a project has its own, by its place.

    Raises
    ------
    HookError
        One failed, with whatever error, or skipped what is no test: the code is not ours.
    pytest.exit.Exception
        One ended the run: that is its to say.
    """
    try:
        yield
    except pytest.exit.Exception:
        raise
    # A hook may raise anything, and pytest would tell it as a fault of its own; a skip is none of its exceptions.
    except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:
        place = _place(traceback.extract_tb(error.__traceback__))
        raise HookError(
            f"{place.filename}:{place.lineno}, in {place.name}: a hook of pytest-benchmark's failed "
            f"({type(error).__name__}: {error}), and without it this run's results are not what the baseline's are; "
            "mend the hook"
        ) from error


def _place(frames: Sequence[traceback.FrameSummary]) -> traceback.FrameSummary:
    """Return where a hook failed: the project's innermost line below pluggy's call, else the hook's, of a plugin."""
    calls = [index for index, frame in enumerate(frames) if _is_pluggy(frame)]
    if not calls:
        return frames[-1]
    below = [frame for frame in frames[calls[0] :] if not _is_pluggy(frame)] or frames[-1:]
    return next((frame for frame in reversed(below) if not _is_library(frame.filename)), below[0])


def _is_pluggy(frame: traceback.FrameSummary) -> bool:
    return Path(frame.filename).parent == Path(pluggy.__file__).parent


def _is_library(name: str) -> bool:
    return name.startswith(("<", *_LIBRARIES)) or not _PACKAGES.isdisjoint(Path(name).parts)


def found_files(given: Sequence[str], option: str) -> list[str]:
    """Return the files meant, each once: one of that very name, else what the glob matches, in order.

    Raises
    ------
    InputError
        A glob matches nothing.
    """
    found: list[str] = []
    for one in given:
        if glob.has_magic(one) and not Path(one).exists():
            matches = sorted(glob.glob(one, recursive=True))  # noqa: PTH207 - pathlib refuses absolute patterns
            if not matches:
                raise InputError(f"{option}: {one!r} matches no file; check the pattern, and that results were saved")
            found += matches
        else:
            found.append(one)
    once: dict[str, str] = {}
    for name in found:
        once.setdefault(os.path.realpath(name), name)
    return list(once.values())


def pooled_side(given: Sequence[str], option: str) -> SavedSide:
    """Return the runs meant as one side, each file a process of it at least.

    Raises
    ------
    UsageError
        A result of several machines or environments, or files of different machines.
    InputError
        A file cannot be read, or two hold the same measurement.
    """
    from headgate.cli.saved_cases import machine_difference
    from headgate.cli.saved_sides import SavedSide, find_sides

    sides: list[SavedSide] = []
    for name in found_files(given, option):
        found = find_sides(name, option)
        if len(found) > 1:
            raise UsageError(f"{option} {name}: {len(found)} results fit ({found[0]}, {found[1]}); give the file meant")
        difference = machine_difference(sides[0].run, found[0].run) if sides else ""
        if difference:
            raise UsageError(f"{option}: files of different machines: {difference}; give runs of one machine")
        sides += found
    run = pool_runs([side.run for side in sides], within=SESSION_SECONDS)
    requested = (
        sides[0].requested if len(sides) == 1 else f"{len(sides)} files, {sides[0].requested} to {sides[-1].requested}"
    )
    return SavedSide(requested, sides[0].path, run)


def this_run(config: pytest.Config, machine: Any, *, measured: bool = True) -> SavedRun:
    """Return what pytest-benchmark would save of this run, read as a saved file is; nothing of it unless ``measured``.

    The project's own hooks see it as they see a file, so that a baseline they changed finds its like.

    Raises
    ------
    HookError
        One of them failed.
    InputError
        Nothing was measured that could be judged, or what the hooks made is no result of pytest-benchmark's.
    """
    from pytest_benchmark.utils import safe_dumps

    session, hook = config._benchmarksession, config.hook  # type: ignore[attr-defined]  # noqa: SLF001 - where the plugin keeps it
    benchmarks = session.benchmarks if measured else []
    if measured and not benchmarks:
        raise InputError(NOTHING_MEASURED)  # told as what it is, before a hook stumbles over it
    with telling_hooks():
        commit = hook.pytest_benchmark_generate_commit_info(config=config)
        hook.pytest_benchmark_update_commit_info(config=config, commit_info=commit)
        document = hook.pytest_benchmark_generate_json(
            config=config, benchmarks=benchmarks, include_data=True, machine_info=machine, commit_info=commit
        )
        hook.pytest_benchmark_update_json(config=config, benchmarks=benchmarks, output_json=document)
        written: str = safe_dumps(document)  # type: ignore[no-untyped-call]  # as the plugin writes a file
    try:
        found = expect(json.loads(written), dict, Path(THIS_RUN), "what pytest-benchmark would save")
        return pytest_benchmark.read(found, Path(THIS_RUN))
    except InputError as error:
        problem = str(error).partition("; ")[0]
        raise InputError(
            f"{problem}: a hook (pytest_benchmark_generate_json, pytest_benchmark_update_json or one of the machine or "
            "the commit) made of the results what pytest-benchmark never writes; mend the hook"
        ) from error


def wanted(config: pytest.Config, baseline: SavedSide, deselected: Collection[str]) -> tuple[SavedSide, int]:
    """Return the baseline without what this run was not asked for, and how many that were."""
    prefixes = _prefixes(config)
    kept = tuple(
        result
        for result in baseline.run.results
        if asked_for(node_id(result), prefixes) and node_id(result) not in deselected
    )
    return replace(baseline, run=replace(baseline.run, results=kept)), len(baseline.run.results) - len(kept)


def asked_for(node_id: str, prefixes: Sequence[str] | None) -> bool:
    """Say whether a test lies within the files, directories and tests given; None means everything."""
    if prefixes is None:
        return True
    return any(
        not prefix or (node_id.startswith(prefix) and node_id[len(prefix) : len(prefix) + 1] in {"", "/", ":", "["})
        for prefix in prefixes
    )


def _prefixes(config: pytest.Config) -> list[str] | None:
    """Return what the command line asks for as beginnings of node ids; None where that is everything, or not clear."""
    if config.args_source is config.ArgsSource.TESTPATHS:
        return None
    prefixes = []
    for argument in config.args:
        name, colons, test = str(argument).partition("::")
        path = (config.invocation_params.dir / name).resolve()
        if not path.exists() or not path.is_relative_to(config.rootpath.resolve()):
            return None
        relative = path.relative_to(config.rootpath.resolve()).as_posix()
        prefixes.append(f"{'' if relative == '.' else relative}{colons}{test}")
    return prefixes


def node_id(result: SavedResult) -> str:
    """Return the id under which pytest knows a benchmark of pytest-benchmark's."""
    params = result.benchmark.params
    return f"{result.benchmark.name}[{params[0]}]" if params else result.benchmark.name
