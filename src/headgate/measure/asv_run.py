"""Running asv: its configuration, its machine file, one start of it, and what it said when it failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from headgate.errors import InputError, UsageError
from headgate.measure.asv_config import CONFIG_NAMES, unusable
from headgate.measure.platforms import require_process_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
    "AsvProject",
    "AsvRunner",
    "RunAsv",
    "environments",
    "find_project",
    "log_tail",
    "machine_entry",
    "require_environment_type",
    "run_arguments",
]

TAIL_LINES = 25
# A second Ctrl-C, or a suite that ignores the first, must not leave the user waiting.
INTERRUPT_GRACE = 20.0


@dataclass(frozen=True, slots=True)
class AsvProject:
    """A repository with an asv suite. ``existing`` says that the suite runs in an interpreter that is already there."""

    root: Path
    config: Path
    results: Path
    work: Path
    existing: bool


class RunAsv(Protocol):
    """Run asv once, telling ``on_event`` of each combination measured; return asv's exit code."""

    def __call__(
        self,
        arguments: Sequence[str],
        on_event: Callable[[Mapping[str, Any]], None],
        env: Mapping[str, str],
    ) -> int:
        """Return asv's exit code; ``env`` is added to the process's own environment."""


def find_project(directory: Path, results: Path | None = None) -> AsvProject:
    """Return the suite configured in ``directory``, as asv finds it.

    Raises
    ------
    UsageError
        No asv.conf.json, or two.
    InputError
        asv cannot read it.
    """
    found = [directory / name for name in CONFIG_NAMES if (directory / name).is_file()]
    if not found:
        raise UsageError(f"{directory}: no asv.conf.json; run this in the directory that has one, or `asv quickstart`")
    if len(found) > 1:
        raise UsageError(f"{directory}: both {' and '.join(CONFIG_NAMES)}; asv allows one, remove the other")
    config = _load_config(found[0])
    try:
        env_dir = (directory / config.env_dir).resolve()
        return AsvProject(
            root=directory,
            config=found[0],
            results=results or (directory / config.results_dir).resolve(),
            work=env_dir.parent if env_dir.parent != directory.resolve() else env_dir,
            existing=config.environment_type == "existing" or "same" in config.pythons,
        )
    except (TypeError, OSError, RuntimeError) as error:  # a value of another type, a loop of links
        raise unusable(found[0], error) from error


def require_environment_type(project: AsvProject) -> None:
    """Refuse a configuration that does not say in what kind of environment the suite runs; asv fails far later.

    Raises
    ------
    InputError
        It does not.
    """
    if not project.existing and not _load_config(project.config).environment_type:
        raise InputError(f'{project.config}: has no environment_type; write one, as "virtualenv"')


def environments(project: AsvProject) -> int:
    """Return how many environments the suite's matrix has (at least 1)."""
    from asv import environment

    if project.existing:
        return 1
    config = _load_config(project.config)
    combinations = list(environment.iter_matrix(config.environment_type or "virtualenv", config.pythons, config))
    return max(1, len(combinations))


def run_arguments(
    project: AsvProject, commit: str, machine: str, regexes: Sequence[str], extra: Sequence[str] = ()
) -> list[str]:
    """Return the arguments of one ``asv run`` of ``commit`` that keeps its raw samples."""
    where = ["--set-commit-hash", commit] if project.existing else [f"{commit}^!"]
    selection = [f"--bench={regex}" for regex in regexes]
    options = ["--record-samples", "--show-stderr", "--no-pull", f"--machine={machine}"]
    return ["run", *where, *options, *selection, *extra]


def machine_entry(project: AsvProject, name: str | None) -> dict[str, str]:
    """Return asv's description of this machine under ``name`` (default: as asv would name it).

    What the user told asv (``~/.asv-machine.json``) is respected, but never written.

    Raises
    ------
    UsageError
        ``name`` cannot be a directory's name.
    """
    from asv.machine import Machine

    known = _json_object(Path("~/.asv-machine.json").expanduser())
    known.pop("version", None)
    defaults: dict[str, str] = Machine.get_defaults()
    if name is None:
        name = next(iter(known)) if len(known) == 1 else defaults["machine"]
    if not name or name in {".", ".."} or any(character in name for character in "/\\\0"):
        raise UsageError(f"--machine: {name!r} will not do: expected letters, digits, - and _")
    saved = _json_object(project.results / name / "machine.json")
    entry = {**defaults, **saved, **dict(known.get(name) or {}), "machine": name}
    return {key: value for key, value in entry.items() if key != "version"}


class AsvRunner:
    """Starts asv in ``project`` as ``machine``; what it prints goes to ``log``."""

    def __init__(self, project: AsvProject, machine: Mapping[str, str], log: Path) -> None:
        self.project = project
        self.machine = machine
        self.log = log

    def __call__(
        self, arguments: Sequence[str], on_event: Callable[[Mapping[str, Any]], None], env: Mapping[str, str]
    ) -> int:
        """Run asv; on Ctrl-C stop it, wait for its clean-up and raise KeyboardInterrupt."""
        require_process_groups("headgate bench")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch, self.log.open("ab") as log:
            machine_file = Path(scratch) / "machine.json"
            machine_file.write_text(json.dumps({self.machine["machine"]: dict(self.machine), "version": 1}))
            read_end, write_end = os.pipe()
            with os.fdopen(read_end, "r", encoding="utf-8") as events:
                own = [str(machine_file), str(self.project.results), str(write_end)]
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "headgate.measure.asv_entry", *own, *arguments],
                    cwd=self.project.root,
                    env={**os.environ, **env},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(write_end,),
                    start_new_session=True,  # Ctrl-C reaches us alone; we stop asv in its own time
                )
                os.close(write_end)
                return _attend(process, events, on_event)


def log_tail(log: Path, start: int = 0) -> str:
    """Return the last lines that asv printed after byte ``start`` of its log."""
    try:
        with log.open("rb") as stream:
            stream.seek(start)
            lines = stream.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        return f"({log} cannot be read: {error.strerror})"
    return "\n".join(f"  | {line}" for line in lines[-TAIL_LINES:])


def _attend(process: subprocess.Popen[bytes], events: IO[str], on_event: Callable[[Mapping[str, Any]], None]) -> int:
    try:
        for line in _lines(events):
            on_event(line)
        return process.wait()
    except BaseException:
        _stop(process)
        raise


def _lines(events: IO[str]) -> Iterator[dict[str, Any]]:
    for line in events:
        data = json.loads(line)
        if isinstance(data, dict):
            yield data


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt asv and its benchmarks (one session), then insist."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(INTERRUPT_GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _load_config(path: Path) -> Any:
    from asv import util
    from asv.config import Config

    try:
        return Config.load(str(path))
    except (util.UserError, ValueError) as error:
        raise unusable(path, error) from error


def _json_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in ``path``; none where the file is missing or not one, since asv would make it anew."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
