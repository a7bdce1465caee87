"""One run at a time: a lock that ends with the process that holds it, however that ends."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from headgate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["held", "lock"]

# What flock says on a file system that has no locks, as some network ones: there nothing keeps two runs apart. The last
# two are one number on Linux, and two on macOS.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})


@contextmanager
def held(path: Path, what: str, config: Path) -> Iterator[None]:
    """Hold the lock ``path``, in a directory made if need be that asv's ``config`` says.

    Raises
    ------
    InputError
        ``what`` (a run) holds it already, or it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = lock(path, what)
    except OSError as error:
        raise InputError(f"{path.parent}: cannot be written ({error.strerror}); set env_dir in {config}") from error
    with file:
        yield


def lock(path: Path, what: str) -> IO[bytes]:
    """Return the open lock file ``path``, ours until it is closed or the process ends; it stays where it is.

    Not inherited by the processes started meanwhile. Windows has no such lock; nothing is measured there.

    Raises
    ------
    InputError
        ``what`` (a run) holds it already.
    OSError
        The file cannot be made.
    """
    file = path.open("ab")
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        pass
    except BlockingIOError:
        file.close()
        raise InputError(f"{path}: {what} is at work; let it end, or stop it, then start this again") from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            file.close()
            raise
    return file
