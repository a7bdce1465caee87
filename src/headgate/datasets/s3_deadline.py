"""A call with an end: what a timeout per read cannot promise, a deadline for all of it can.

A server that sends a byte now and then keeps every read of a socket within its timeout, for ever; so does one that
drips headers; and looking up a name takes the resolver's time. So the call runs in a thread of its own, and who asked
waits no longer than the deadline. Starting a thread takes about 50 µs; the smallest request takes milliseconds.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Attempt", "within"]

R = TypeVar("R")


class Attempt:
    """What a call under a deadline shares with who waits for it."""

    def __init__(self) -> None:
        self.abandoned = threading.Event()


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
        It took longer. It may go on in its daemon thread: it should look at ``attempt.abandoned`` between steps.
    """
    outcome: _Outcome[R] = _Outcome()
    attempt = Attempt()

    def run() -> None:
        try:
            outcome.value = call(attempt)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            outcome.error = error
        finally:
            outcome.done.set()

    threading.Thread(target=run, name="headgate-s3", daemon=True).start()
    try:
        finished = outcome.done.wait(seconds)
    finally:
        # After a deadline, and after a KeyboardInterrupt of the wait.
        attempt.abandoned.set()
    if not finished:
        raise TimeoutError
    if outcome.error is not None:
        raise outcome.error
    return outcome.value  # type: ignore[return-value]  # set where there is no error
