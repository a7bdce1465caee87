"""One side's process: runs benchmarks on command and answers in JSON lines.

A script, not a module of the package: each side's own interpreter runs it (Python 3.8 or newer, the standard library
and asv_runner alone). It reads requests from one pipe and answers on another, so that what benchmarks print (their
stdout and stderr are a log file) never mixes with the protocol.
"""

from __future__ import annotations

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would cost start-up time in every round
sys.path.insert(0, HERE)
import worker_suite  # type: ignore[import-not-found]  # noqa: E402 - found beside this script, not through the package

# This script's directory must not shadow the modules of the suite or of the project. asv does the same.
sys.path[:] = [path for path in sys.path if path != HERE]

import json  # noqa: E402 - not before sys.path is clean

TYPE_CHECKING = False  # typing would be one more import in every round
if TYPE_CHECKING:
    from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent ends, even inside a benchmark that hangs."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)


def import_asv_runner(fallback: str, plugins: bool, memory: bool) -> Any:
    """Import asv_runner; ``fallback`` (a directory holding it) goes at the end of ``sys.path`` where the side has none.

    Its import looks through all installed distributions for plugins and imports pympler, and with it NumPy, for the
    ``mem_`` kind. Both cost a process more than everything else it does, so each is left out where discovery found
    that nothing needs it.
    """
    import importlib.metadata

    if fallback:
        sys.path.append(fallback)
    if not memory:
        sys.modules["pympler"] = None  # type: ignore[assignment]  # documented: makes the import fail
    distributions = importlib.metadata.distributions
    if not plugins:
        importlib.metadata.distributions = lambda **_: ()
    try:
        import asv_runner.discovery
    finally:
        importlib.metadata.distributions = distributions
        if not memory:
            del sys.modules["pympler"]
    return asv_runner.discovery


def answer(worker: Any, request: dict[str, Any]) -> Any:
    """Carry out one request; whatever the suite raises becomes data."""
    command = request.pop("command")
    try:
        return getattr(worker, command)(**request)
    except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt of a benchmark are its failure too
        if type(error).__name__ == "SkipNotImplemented":
            return {"skipped": f"SkipNotImplemented: {error}"}
        return worker_suite.failure(error)


def start(options: dict[str, Any]) -> Any:
    """Prepare the process as the first request says; return the worker."""
    if options.get("cpus"):
        os.sched_setaffinity(0, options["cpus"])
    discovery = import_asv_runner(options["fallback"], options["plugins"], options["memory"])
    return worker_suite.Worker(discovery, options["root"], options["cwd"], options.get("own_modules"))


def main(read_fd: int, write_fd: int) -> None:
    """Serve requests until the pipe closes or ``quit`` comes."""
    die_with_parent()
    for fd in (read_fd, write_fd):
        os.set_inheritable(fd, False)  # a benchmark's own children must not hold the pipe open
    worker = None
    with open(read_fd, "rb") as requests, open(write_fd, "wb") as replies:
        for line in requests:
            request = json.loads(line)
            if request["command"] == "quit":
                break
            if worker is None:
                try:
                    worker, reply = start(request), {"version": sys.version.split()[0]}
                except Exception as error:  # noqa: BLE001 - the other end turns it into a clear message
                    reply = worker_suite.failure(error)
            else:
                reply = answer(worker, request)
            replies.write(json.dumps(reply).encode() + b"\n")
            replies.flush()
    sys.stdout.flush()
    os._exit(0)  # the suite's exit handlers have no evidence to add, and some hang


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
