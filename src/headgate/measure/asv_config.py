"""The asv configuration: found as asv finds it, read by asv's own reader."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from headgate.errors import InputError, UsageError

__all__ = ["Selection", "SuiteConfig", "find_config", "find_results", "unusable"]

CONFIG_NAMES = ("asv.conf.json", "asv.conf.jsonc")
SUITES = ("current", "candidate", "baseline")


@dataclass(frozen=True, slots=True)
class SuiteConfig:
    """What headgate needs of an asv configuration; paths are absolute."""

    path: Path
    project: str
    repo: str
    benchmark_dir: Path
    env_dir: Path
    results_dir: Path
    default_timeout: float


@dataclass(frozen=True, slots=True)
class Selection:
    """Which environment of the matrix: asv's ``-E`` specifier or name, or a Python version; the first by default."""

    environment: str | None = None
    python: str | None = None
    suite: str = "current"

    def __post_init__(self) -> None:
        if self.suite not in SUITES:
            raise UsageError(f"suite: {self.suite!r} will not do: expected one of {', '.join(SUITES)}")


def find_config(directory: Path, config: Path | None = None) -> SuiteConfig:
    """Find and read the asv configuration as asv does: ``config``, or the one in ``directory``."""
    path = _only_config(config or directory) if config is None or config.is_dir() else config
    if not path.is_file():
        raise InputError(f"--config: {path}: no such file; check the path")
    from asv.config import Config
    from asv.util import UserError

    real = Path(os.path.realpath(path))
    here = real.parent
    try:
        conf = Config.load(str(path))
        return SuiteConfig(
            path=real,
            project=str(conf.project),
            repo=str(conf.repo),
            benchmark_dir=(here / conf.benchmark_dir).resolve(),
            env_dir=(here / conf.env_dir).resolve(),
            results_dir=(here / conf.results_dir).resolve(),
            default_timeout=float(conf.default_benchmark_timeout),
        )
    # TypeError, RuntimeError: a value of another type than asv's own, a directory that is a loop of links.
    except (UserError, ValueError, TypeError, OSError, RuntimeError) as error:
        raise unusable(path, error) from error


def unusable(path: Path, error: Exception) -> InputError:
    """Return the error for a configuration that asv, or a value in it, makes unusable; asv's words, made short."""
    text = str(error).removeprefix(f"{path} ").replace("<string>:", "line ")
    return InputError(f"{path}: not a usable asv configuration ({text}); mend it, or name another with --config")


def find_results(directory: Path) -> Path | None:
    """Return where asv keeps the results of the suite that ``directory`` is in; None where it is in none.

    The configuration is looked for upwards, to the root of the repository: one of another project must not decide.

    Raises
    ------
    InputError
        There are two configurations in one place, or asv cannot read it.
    """
    here = directory.absolute()
    for folder in (here, *here.parents):
        found = [folder / name for name in CONFIG_NAMES if (folder / name).is_file()]
        if len(found) > 1:
            raise InputError(f"{folder}: both {' and '.join(CONFIG_NAMES)}; asv allows one; give --results DIR")
        if found:
            return find_config(folder, found[0]).results_dir
        if (folder / ".git").exists():
            return None
    return None


def _only_config(directory: Path) -> Path:
    """Return the one configuration in ``directory``."""
    found = [directory / name for name in CONFIG_NAMES if (directory / name).is_file()]
    if len(found) > 1:
        raise InputError(f"{directory}: both {' and '.join(CONFIG_NAMES)}; say which one with --config")
    if found:
        return found[0]
    below = sorted(path for name in CONFIG_NAMES for path in directory.glob(f"*/{name}"))
    above = [up / name for up in directory.absolute().parents for name in CONFIG_NAMES if (up / name).is_file()]
    hint = "give one with --config FILE"
    if below:
        hint = f"try --config {below[0].relative_to(directory)}"
    elif above:
        hint = f"try --config {os.path.relpath(above[0], directory)}"
    raise InputError(f"{directory}: no asv.conf.json; {hint}")
