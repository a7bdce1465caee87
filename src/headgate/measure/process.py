"""A side's real process: started with its own interpreter, watched, and ended with everything it started."""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.errors import MeasurementError
from headgate.measure.platforms import require_process_groups
from headgate.measure.session import WorkerError, process_environment

if TYPE_CHECKING:
    from headgate.measure.session import Launch, SideRuntime

__all__ = ["ProcessWorker", "launch_worker"]

WORKER_SCRIPT = Path(__file__).with_name("worker.py")
QUIT_SECONDS = 2.0
LOG_TAIL_LINES = 10
# What asv_runner needs beyond the standard library, lent to interpreters that have no asv_runner of their own.
LENT_PACKAGES = ("asv_runner", "pympler")


class ProcessWorker:
    """A real process running ``worker.py`` under the side's interpreter, in a session of its own."""

    def __init__(self, runtime: SideRuntime, launch: Launch, directory: Path) -> None:
        require_process_groups("measuring")
        self.runtime = runtime
        self.directory = directory
        self.log = directory / "log"
        self.buffer = b""
        cwd = runtime.cwd or directory / "cwd"
        cwd.mkdir(parents=True, exist_ok=True)
        request_fd, self.requests = os.pipe()
        self.replies, reply_fd = os.pipe()
        try:
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    [str(runtime.python), str(WORKER_SCRIPT), str(request_fd), str(reply_fd)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=cwd,
                    env=process_environment(runtime.env_vars, launch),
                    pass_fds=(request_fd, reply_fd),
                    start_new_session=True,  # Ctrl-C is the scheduler's to handle; and one kill reaches all children
                )
        except OSError as error:
            os.close(self.requests)
            os.close(self.replies)
            raise MeasurementError(
                f"the {runtime.side}'s interpreter {runtime.python}: cannot be started ({error.strerror}); "
                "check the path, or rebuild the environment"
            ) from error
        finally:
            os.close(request_fd)
            os.close(reply_fd)
        self.post(
            "start",
            root=str(runtime.benchmark_dir),
            cwd=str(cwd),
            fallback=str(lent_packages()),
            cpus=list(launch.cpus.get(runtime.side, ())),
            memory=launch.memory,
            plugins=launch.plugins,
            own_modules={name: str(file) for name, file in runtime.own_modules.items()},
        )

    def post(self, command: str, **arguments: Any) -> None:
        """Send a request; a process that is gone is noticed by the following ``take``."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.requests, json.dumps({"command": command, **arguments}).encode() + b"\n")

    def take(self, timeout: float) -> dict[str, Any]:
        """Return the next reply as a mapping (see :class:`Worker`)."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.replies], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise WorkerError(f"timed out after {timeout:g} s{self.log_tail()}", fatal=True)
            chunk = os.read(self.replies, 1 << 16)
            if not chunk:
                raise WorkerError(f"{self.exit_reason()}{self.log_tail()}", fatal=True)
            self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\n")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            traceback = str(reply.get("traceback", ""))
            more = "" if traceback.strip() == reply["error"] else f"\n{traceback}"
            raise WorkerError(f"{reply['error']}{more}".rstrip(), fatal=False)
        return reply

    def exit_reason(self) -> str:
        """Say how the process ended."""
        try:
            status = self.process.wait(QUIT_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed its pipe without ending"
        if status >= 0:
            return f"the process exited with status {status}"
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return f"the process was killed by {name}"

    def log_tail(self) -> str:
        """Return the last lines of what the process printed, introduced, or nothing."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - 4096))
            lines = log.read().decode(errors="replace").splitlines()
        return "\nlast output:\n" + "\n".join(lines[-LOG_TAIL_LINES:]) if lines else ""

    def close(self, *, force: bool = False) -> None:
        """Ask the process to end (unless ``force``), then kill its whole group and remove its directory."""
        if self.requests < 0:
            return
        if not force:
            self.post("quit")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(QUIT_SECONDS)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.requests)
        os.close(self.replies)
        self.requests = self.replies = -1
        shutil.rmtree(self.directory, ignore_errors=True)


def launch_worker(runtime: SideRuntime, launch: Launch, directory: Path) -> ProcessWorker:
    """Start a process for ``runtime``; its log and working directory are made under ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    return ProcessWorker(runtime, launch, directory)


@functools.cache
def lent_packages() -> Path:
    """Return a directory with links to asv_runner and nothing else of our own environment.

    Lending our whole site-packages would let a side import, say, our NumPy where it has none.
    """
    directory = Path(tempfile.mkdtemp(prefix="headgate-lent-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    for name in LENT_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            (directory / name).symlink_to(Path(spec.origin).parent, target_is_directory=True)
    return directory
