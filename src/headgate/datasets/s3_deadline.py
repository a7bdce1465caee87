"""A call with an end: what a timeout per read cannot promise, a deadline for all of it can.

A server that sends a byte now and then keeps every read of a socket within its timeout, for ever; so does one that
drips headers; and looking up a name takes the resolver's time. So the call runs in a thread of its own, and who asked
waits no longer than the deadline. Starting a thread takes about 50 µs; the smallest request takes milliseconds.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Attempt", "running_attempt", "within"]

R = TypeVar("R")
_running = threading.local()


class Attempt:
    """What a call under a deadline shares with who waits for it: whether anybody does, and the socket it reads from."""

    def __init__(self) -> None:
        self.abandoned = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def hold(self, read_from: socket.socket | None) -> None:
        """Have the socket that an answer is read from now shut down if the call is, or has been, abandoned."""
        with self._lock:
            self._socket = read_from
        if self.abandoned.is_set():
            self._shut_down()

    def let_go(self) -> None:
        """Leave the socket alone: another call may read from it next."""
        with self._lock:
            self._socket = None

    def abandon(self) -> None:
        """Have the call end, though its socket may be dripped at for ever."""
        self.abandoned.set()
        self._shut_down()

    def _shut_down(self) -> None:
        with self._lock, contextlib.suppress(OSError):  # it is closed already
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)


def running_attempt() -> Attempt | None:
    """Return the attempt that this thread runs."""
    return getattr(_running, "attempt", None)


class _Outcome(Generic[R]):
    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: R | None = None
        self.error: BaseException | None = None


def within(seconds: float, call: Callable[[Attempt], R]) -> R:
    """Return ``call(attempt)``, or raise what it raises.

    Raises
    ------
    TimeoutError
        It took longer. It may go on in its daemon thread until its socket, which is shut down, tells it: it should look
        at ``attempt.abandoned`` between steps.
    """
    outcome: _Outcome[R] = _Outcome()
    attempt = Attempt()

    def run() -> None:
        _running.attempt = attempt
        try:
            outcome.value = call(attempt)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            outcome.error = error
        finally:
            outcome.done.set()

    threading.Thread(target=run, name="headgate-s3", daemon=True).start()
    finished = False
    try:
        finished = outcome.done.wait(seconds)
    finally:
        if not finished:  # after a deadline, and after a KeyboardInterrupt of the wait
            attempt.abandon()
    if not finished:
        raise TimeoutError
    if outcome.error is not None:
        raise outcome.error
    return outcome.value  # type: ignore[return-value]  # set where there is no error
