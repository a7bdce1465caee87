"""Both sides made ready to run: two commits, two directories, or two interpreters.

Commits are built with asv's own environment machinery, each side in a directory of its own of equal path length
(``<env_dir>/headgate-a`` and ``-b``): a longer path moves memory and with it timings. asv's build cache and install
status make a second comparison of the same commits start at once.

The suite both sides run is, as in asv, the current checkout's; ``suite="candidate"`` or ``"baseline"`` takes that of a
commit.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError
from headgate.measure.asv_config import Selection, SuiteConfig, find_config
from headgate.measure.builds import Job, start_job
from headgate.measure.session import SideRuntime
from headgate.model import Side, SideInfo
from headgate.store import git
from headgate.store.addresses import names_project, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Selection", "SuiteConfig", "find_config", "prepare_commits", "prepare_directories", "prepare_interpreters"]

SIDE_DIRECTORIES = {Side.BASELINE: "headgate-a", Side.CANDIDATE: "headgate-b"}
VERSION_SECONDS = 60.0


def prepare_commits(
    config: SuiteConfig,
    baseline: str,
    candidate: str,
    selection: Selection | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[SideRuntime, SideRuntime]:
    """Build both commits side by side and return how to run them.

    Raises
    ------
    UsageError
        A revision is unknown, or the environment asked for cannot hold commits.
    EnvironmentBuildError
        A build failed; the message ends with the tail of its log and says where the whole log lies.
    """
    local = (config.path.parent / config.repo).resolve()
    if local.is_dir():
        repository = git.find_repository(local, bare=True)
    elif ":" not in config.repo:
        raise InputError(
            f"{config.path}: repo is {config.repo!r}, and there is no directory {str(local)!r}; give the project's "
            "repository there"
        )
    else:
        progress(f"fetching {shown(config.repo)}")
        mirrored = start_job(
            config, "mirror", config.env_dir / SIDE_DIRECTORIES[Side.BASELINE], f"a mirror of {shown(config.repo)}"
        ).finish()
        repository = Path(mirrored["repository"])
        checkout = _checkout_of(config, repository, (baseline, candidate))
        if checkout is not None:
            named = {Side.BASELINE: baseline, Side.CANDIDATE: candidate}
            revisions = {side: git.fetch_from(checkout, repository, name) for side, name in named.items()}
            return _build_sides(config, repository, revisions, selection or Selection(), config.benchmark_dir, progress)
    revisions = {
        Side.BASELINE: git.resolve(repository, baseline),
        Side.CANDIDATE: git.resolve(repository, candidate),
    }
    return _build_sides(config, repository, revisions, selection or Selection(), config.benchmark_dir, progress)


def _checkout_of(config: SuiteConfig, mirror: Path, names: Sequence[str]) -> Path | None:
    """Return the checkout around asv's configuration, if it is one of the project that ``mirror`` is of.

    Then it is where names mean what who types them sees: HEAD is what is checked out, a pull request's merge perhaps,
    and not the remote's default branch. A suite kept in a repository of its own names the project's commits. Which of
    the two a shallow checkout is that shares no commit, its remotes tell; where they do not, ``names`` that mean
    something in it are refused.
    """
    try:
        checkout = git.find_repository(config.path.parent)
    except InputError:
        return None
    if git.share_history(checkout, mirror):
        return checkout
    unclear = [name for name in names if git.means_its_own(checkout, mirror, name)]
    if not unclear or not git.is_shallow(checkout):
        return None
    of_project = names_project(git.remotes(checkout), (config.repo, git.rewritten(checkout, config.repo)))
    if of_project is None:
        raise InputError(
            f"{checkout}: a shallow clone that shares no commit with {shown(config.repo)}: whose {unclear[0]} is meant "
            f"cannot be told; {git.FETCH_ALL}"
        )
    return checkout if of_project else None


def prepare_directories(
    config: SuiteConfig,
    baseline: Path,
    candidate: Path,
    selection: Selection | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[SideRuntime, SideRuntime]:
    """Build two project directories as they stand, uncommitted changes included.

    Each is made a commit of a private repository under ``env_dir`` and then built as any commit is; the directories
    themselves are only read. ``config`` is the candidate's.
    """
    store = config.env_dir / "headgate-snapshots.git"
    revisions = {}
    for side, directory in ((Side.BASELINE, baseline), (Side.CANDIDATE, candidate)):
        progress(f"reading {directory}")
        inside = [config.env_dir] if config.env_dir.is_relative_to(directory.resolve()) else []
        exclude = tuple(str(path.relative_to(directory.resolve())) for path in inside)
        revisions[side] = git.snapshot(directory, store, exclude=exclude)
    # A snapshot's top is the directory, which may be no repository's, or lie below one's top.
    return _build_sides(
        config, store, revisions, selection or Selection(), config.benchmark_dir, progress, top=candidate.resolve()
    )


def prepare_interpreters(
    baseline_python: Path, candidate_python: Path, benchmark_dir: Path, *, default_timeout: float = 60.0
) -> tuple[SideRuntime, SideRuntime]:
    """Return both sides run by interpreters that already have the project installed; no git, no build.

    ``PYTHONPATH`` is dropped: one path for both sides would have them measure the same code. ``ASV_PYTHONPATH`` takes
    its place, as in asv.
    """
    if not benchmark_dir.is_dir():
        raise InputError(f"{benchmark_dir}: no such directory; mend benchmark_dir, or give --config FILE")
    runtimes = []
    for side, python in ((Side.BASELINE, baseline_python), (Side.CANDIDATE, candidate_python)):
        version = _python_version(side, python)
        info = SideInfo(str(python), title=f"Python {version}", python=str(python), environment="existing")
        environment = _side_environment({"ASV": "true", "ASV_ENV_TYPE": "existing"})
        # absolute, not resolved: a virtual environment's python is a link whose own place matters
        runtimes.append(
            SideRuntime(
                side, python.absolute(), environment, benchmark_dir.resolve(), info, default_timeout=default_timeout
            )
        )
    return runtimes[0], runtimes[1]


def _python_version(side: Side, python: Path) -> str:
    """Return an interpreter's version; refuse what does not run or is too old."""
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3]); sys.exit(sys.version_info < (3, 8))"
    try:
        done = subprocess.run(
            [str(python), "-c", code], capture_output=True, text=True, check=False, timeout=VERSION_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = (error.strerror or error) if isinstance(error, OSError) else "no answer"
        raise InputError(f"--{side}-python: {python} cannot be run ({reason}); give a Python interpreter") from error
    if done.returncode or not done.stdout.strip():
        found = (done.stdout or done.stderr).strip() or "none"
        raise InputError(
            f"--{side}-python: {python}: Python 3.8 or newer is needed, found {found}; give another interpreter"
        )
    return done.stdout.strip()


def _build_sides(
    config: SuiteConfig,
    repository: Path,
    revisions: Mapping[Side, git.Revision],
    selection: Selection,
    current_suite: Path,
    progress: Callable[[str], None],
    *,
    top: Path | None = None,
) -> tuple[SideRuntime, SideRuntime]:
    """Build both sides at once; ``top`` is the directory that the revisions' trees are of, else git knows."""
    built = _build_all(config, repository, revisions, selection, progress)
    own = {side: _own_suite(config, repository, revisions[side], side, top) for side in revisions}
    suite = current_suite
    if selection.suite != "current":
        chosen = own[Side(selection.suite)]
        if chosen is None:
            raise InputError(f"the {selection.suite}'s commit has no {current_suite.name}/; use the current suite")
        suite = chosen
    if not suite.is_dir():
        raise InputError(f"{suite}: no such directory; mend benchmark_dir in {config.path}")
    unchanged = selection.suite == "current" and _suite_unchanged(repository, revisions[Side.BASELINE], suite)
    runtimes = [
        _runtime(config, side, revision, built[side], suite, None if unchanged else own[side])
        for side, revision in revisions.items()
    ]
    return runtimes[0], runtimes[1]


def _build_all(
    config: SuiteConfig,
    repository: Path,
    revisions: Mapping[Side, git.Revision],
    selection: Selection,
    progress: Callable[[str], None],
) -> dict[Side, dict[str, Any]]:
    """Run the builds side by side; when one fails, or at Ctrl-C, the other is stopped."""
    jobs: dict[Side, Job] = {}
    try:
        for side, revision in revisions.items():
            progress(f"building {side} {revision.commit[:8]} {revision.title}")
            what = f"the {side} ({revision.commit[:8]})"
            side_dir = config.env_dir / SIDE_DIRECTORIES[side]
            jobs[side] = start_job(config, "build", side_dir, what, repository, revision, selection)
        return {side: job.finish() for side, job in jobs.items()}
    finally:
        for job in jobs.values():
            job.stop()


def _suite_unchanged(repository: Path, revision: git.Revision, suite: Path) -> bool:
    """Say whether ``suite`` is a working tree's copy of exactly what ``revision`` has."""
    if not suite.is_relative_to(repository.resolve()):
        return False
    return git.same_content(repository, revision.commit, suite)


def _own_suite(
    config: SuiteConfig, repository: Path, revision: git.Revision, side: Side, top: Path | None
) -> Path | None:
    """Return the suite as the side's commit has it, where the suite is part of the repository."""
    try:
        top = top or git.find_repository(config.path.parent).resolve()
        relative = config.benchmark_dir.relative_to(top)
    except (InputError, ValueError):
        return None
    destination = config.env_dir / SIDE_DIRECTORIES[side] / "suites" / revision.commit[:16]
    return git.extract(repository, revision.commit, relative.as_posix(), destination)


def _runtime(
    config: SuiteConfig, side: Side, revision: git.Revision, built: Mapping[str, Any], suite: Path, own: Path | None
) -> SideRuntime:
    shown = _seen_from(config.path.parent, Path(built["python"]))
    info = SideInfo(revision.name, revision.commit, revision.title, shown, built["environment"])
    return SideRuntime(
        side,
        Path(built["python"]),
        _side_environment(built["variables"]),
        suite,
        info,
        own_suite=own,
        default_timeout=config.default_timeout,
        of_matrix=built["of_matrix"],
    )


def _seen_from(directory: Path, path: Path) -> str:
    """Return ``path`` relative to ``directory`` where it lies below: a published verdict tells no one's directories."""
    return path.relative_to(directory).as_posix() if path.is_relative_to(directory) else str(path)


def _side_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a side's processes, as asv makes it."""
    environment = {**os.environ, **variables}
    python_path = environment.pop("ASV_PYTHONPATH", None)
    environment.pop("PYTHONPATH", None)
    if python_path:
        environment["PYTHONPATH"] = python_path
    return environment
