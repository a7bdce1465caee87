"""What `headgate doctor` looks at: one reading of the machine, the tools, the repository. Judges nothing.

Nothing raises: what cannot be learnt is None. Nothing touches the network, and no value of a secret is read beyond
whether it is there.
"""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import HeadgateError
from headgate.measure import hardware_linux as linux

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.model import Cpu, Memory, Platform

__all__ = ["Facts", "RepositoryFacts", "gather"]

_ROOT = Path("/")
_STEAL_SECONDS = 0.3
_TIMEOUT = 10.0
COMPILERS = ("cc", "gcc", "clang", "cl")
PACKAGES = ("asv", "asv_runner", "virtualenv", "numba", "pyspark", "boto3", "obstore", "pytest_benchmark")
# File systems that live in memory.
_MEMORY_SYSTEMS = {"tmpfs", "ramfs"}


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """The repository around the directory; ``suite`` and ``problem``: what `headgate init` would find, or why not."""

    root: str
    suite: str = ""
    problem: str = ""
    suite_problem: str = ""
    suite_modules: int | None = None
    dirty: int = 0
    shallow: bool = False
    commits: bool = True
    policy: str = ""
    policy_problem: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is judged. Sizes in bytes, shares in [0, 1]; None is "not known here"."""

    python: tuple[int, int] = (0, 0)
    python_debug: bool = False
    compiler: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    git: str | None = None
    repository: RepositoryFacts | None = None
    repository_refused: str = ""
    cpu: Cpu | None = None
    memory: Memory | None = None
    platform: Platform | None = None
    load: float | None = None
    steal: float | None = None
    memory_available: int | None = None
    perf_paranoid: int | None = None
    disk_free: int | None = None
    temporary_free: int | None = None
    temporary_in_memory: bool | None = None
    java: str | None = None
    s3_sources: tuple[str, ...] = ()
    webhook: tuple[bool, bool] = (False, False)  # address, secret: there or not


def gather(directory: Path, environment: Mapping[str, str] | None = None) -> Facts:
    """Return the facts for ``directory``; takes about half a second, most of it watching the hypervisor."""
    from headgate.measure.hardware import describe
    from headgate.measure.hardware_live import live_facts, read_cpuinfo

    given = os.environ if environment is None else environment
    before = linux.cpu_times(_ROOT)
    started = time.monotonic()
    live = live_facts()
    cpu, memory, platform, _ = describe(_ROOT, live, read_cpuinfo)
    temporary = Path(tempfile.gettempdir())
    facts = Facts(
        python=sys.version_info[:2],
        python_debug=hasattr(sys, "gettotalrefcount"),
        compiler=next(filter(None, map(shutil.which, COMPILERS)), None),
        packages=_packages(),
        git=_first_line("git", "--version"),
        repository=_repository(directory),
        repository_refused=_refused(directory),
        cpu=cpu,
        memory=memory,
        platform=platform,
        load=live.load_1min,
        memory_available=live.memory_available,
        perf_paranoid=_perf_paranoid(),
        disk_free=_free(directory),
        temporary_free=_free(temporary),
        temporary_in_memory=_in_memory(temporary),
        java=_first_line("java", "-version"),
        s3_sources=s3_sources(given),
        webhook=("HEADGATE_WEBHOOK_URL" in given, "HEADGATE_WEBHOOK_SECRET" in given),
    )
    if before is not None:
        time.sleep(max(0.0, _STEAL_SECONDS - (time.monotonic() - started)))
    return replace(facts, steal=linux.steal_share(before, linux.cpu_times(_ROOT)))


def s3_sources(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return where S3 credentials would come from, by the places of the usual chain; never their values."""
    found = []
    if environment.get("AWS_ACCESS_KEY_ID") and environment.get("AWS_SECRET_ACCESS_KEY"):
        found.append("environment")
    if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        found.append("web identity token")
    if environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or environment.get(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    ):
        found.append("container role")
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or "~").expanduser()
    for variable, name in (("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")):
        path = Path(environment.get(variable) or home / ".aws" / name)
        profiles = _profiles(path)
        if profiles:
            found.append(f"{name} file ({', '.join(profiles[:3])})")
    return tuple(found)


def _profiles(path: Path) -> list[str]:
    """Return the names of a file's profiles that can give credentials."""
    parser = configparser.RawConfigParser()
    try:
        if not path.is_file():
            return []
        parser.read(path, encoding="utf-8")
    except (OSError, configparser.Error, UnicodeDecodeError):
        return []
    keys = {"aws_access_key_id", "role_arn", "sso_session", "sso_start_url", "credential_process"}
    return [name.removeprefix("profile ") for name in parser.sections() if keys & set(parser.options(name))]


def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        if util.find_spec(name) is not None:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                found[name] = "?"
    return found


def _refused(directory: Path) -> str:
    """Return why git refuses the repository around ``directory`` as another user's; "" where it does not."""
    from headgate.store import git

    try:
        git.find_repository(directory)
    except HeadgateError as error:
        return str(error) if git.DUBIOUS in str(error) else ""
    return ""


def _repository(directory: Path) -> RepositoryFacts | None:
    from headgate.setup.repository import look_at
    from headgate.store import git
    from headgate.store.policy_file import find_policy_file, load_policy

    try:
        root = git.find_repository(directory)
    except HeadgateError:
        return None
    suite, problem, unusable, modules = "", "", "", None
    try:
        found = look_at(directory)
        suite = f"{found.suite}: {found.config or ', '.join(found.tests)}"
        modules, unusable = _modules(root / found.config) if found.config else (None, "")
    except HeadgateError as error:
        problem = str(error)
    policy, policy_problem = "", ""
    try:
        file = find_policy_file(directory)
        policy = "" if file is None else str(file.source)
        load_policy(directory)
    except HeadgateError as error:
        policy_problem = str(error)
    try:
        git.head(root)
        commits = True
    except HeadgateError:
        commits = False
    try:
        dirty = len(git.dirty_files(root))
    except HeadgateError:
        dirty = 0
    shallow = (root / ".git" / "shallow").is_file()
    return RepositoryFacts(
        str(root), suite, problem, unusable, modules, dirty, shallow, commits, policy, policy_problem
    )


def _modules(config: Path) -> tuple[int | None, str]:
    """Return how many Python files the suite has, and why asv cannot use its configuration, "" where it can."""
    from headgate.measure.asv_config import find_config

    try:
        suite = find_config(config.parent, config).benchmark_dir
    except HeadgateError as error:
        return None, str(error)
    return (sum(1 for _ in suite.rglob("*.py")) if suite.is_dir() else 0), ""


def _first_line(*command: str) -> str | None:
    """Return the first line a program prints of its version; None where there is none, or it does not run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else None


def _perf_paranoid() -> int | None:
    text = linux.read_text(_ROOT / "proc/sys/kernel/perf_event_paranoid")
    try:
        return int(text) if text else None
    except ValueError:
        return None


def _free(path: Path) -> int | None:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def _in_memory(path: Path) -> bool | None:
    """Return whether ``path`` lies on a file system in memory, as /proc/mounts tells; None where there is none."""
    mounts = linux.read_text(_ROOT / "proc/mounts")
    if not mounts:
        return None
    real, best, kind = os.path.realpath(path), "", ""
    for line in mounts.splitlines():
        words = line.split()
        if len(words) > 2 and len(words[1]) >= len(best) and (real + "/").startswith(words[1].rstrip("/") + "/"):
            best, kind = words[1], words[2]
    return kind in _MEMORY_SYSTEMS
