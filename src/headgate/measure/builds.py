"""asv's part of a build, in a process of its own, with its output in a log."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.errors import EnvironmentBuildError, InputError
from headgate.measure.asv_config import Selection
from headgate.measure.platforms import require_process_groups

if TYPE_CHECKING:
    from headgate.measure.asv_config import SuiteConfig
    from headgate.store import git

__all__ = ["Job", "start_job"]

LOG_TAIL_LINES = 25
ENVIRONMENT_TYPES = frozenset({"virtualenv", "conda", "mamba", "rattler", "uv", "existing"})


@dataclass(slots=True)
class Job:
    """A running asv job and where its output goes."""

    process: subprocess.Popen[bytes]
    log: Path
    result: Path
    what: str

    def finish(self) -> dict[str, Any]:
        """Wait for the job; return its result, or raise with the tail of its log."""
        self.process.wait()
        if self.process.returncode == 0 and self.result.is_file():
            outcome: dict[str, Any] = json.loads(self.result.read_text(encoding="utf-8"))
            self.result.unlink()
            return outcome
        tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
        raise EnvironmentBuildError(
            f"{self.what}: cannot be built; mend what its log says, or remove {self.log.parent} to build anew; "
            f"the end of {self.log}:\n" + "\n".join(f"  {line}" for line in tail)
        )

    def stop(self) -> None:
        """End the job, with the compilers and installers it started, if it still runs."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()


def start_job(
    config: SuiteConfig,
    action: str,
    side_dir: Path,
    what: str,
    repository: Path | None = None,
    revision: git.Revision | None = None,
    selection: Selection | None = None,
) -> Job:
    """Start asv's part in a process of its own; its output goes to ``build.log`` in the side's directory."""
    require_process_groups("building two sides")
    try:
        side_dir.mkdir(parents=True, exist_ok=True)
        handle, result = tempfile.mkstemp(prefix="result-", dir=side_dir)
    except OSError as error:
        raise InputError(f"{side_dir}: cannot be written ({error.strerror}); set env_dir in {config.path}") from error
    os.close(handle)
    Path(result).unlink()
    selection = selection or Selection()
    environment = selection.environment
    plain_type = environment is not None and environment in {
        "virtualenv",
        "conda",
        "mamba",
        "rattler",
        "uv",
        "existing",
    }
    job = {
        "action": action,
        "config": str(config.path),
        "env_dir": str(side_dir),
        "repo": None if repository is None else str(repository),
        "commit": None if revision is None else revision.commit,
        "environment": None if plain_type else environment,
        "environment_type": environment if plain_type else None,
        "python": selection.python,
        "result": result,
    }
    log = side_dir / "build.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "headgate.measure.asv_build"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=config.path.parent,
            start_new_session=True,  # so that `stop` reaches what the build starts
        )
    assert process.stdin is not None  # noqa: S101 - PIPE was asked for; this tells the type checker
    with process.stdin as stdin:
        stdin.write(json.dumps(job).encode())
    return Job(process, log, Path(result), what)
