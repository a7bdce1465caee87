"""What identifies the files of a directory as they stand."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import unreadable
from headgate.store.git import tracked_and_other

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["content_digest"]

# What Python imports: sources and, whatever Python they were built for, extension modules.
_CODE = (".py", ".so", ".pyd")


def content_digest(directory: Path, *, exclude: tuple[Path, ...] = ()) -> str:
    """Return a digest of the files in ``directory`` as they stand, but for ignored and excluded ones.

    Of what git does not track only code counts: a suite may write data beside itself as it runs.
    """
    below = tuple(path.relative_to(directory).as_posix() for path in exclude if path.is_relative_to(directory))
    listed = tracked_and_other(directory, tuple(path for path in below if path != "."))
    # In no repository nothing is tracked, and nothing ignored.
    tracked, others = listed or ((), _files_below(directory, exclude))
    digest = hashlib.sha256()
    for name in sorted({*tracked, *(name for name in others if name.endswith(_CODE))}):
        if not (directory / name).is_file():
            continue
        try:
            with (directory / name).open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise unreadable(directory / name, error) from error
        digest.update(f"{name}\0{content}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def _files_below(directory: Path, exclude: tuple[Path, ...]) -> Iterator[str]:
    for here, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if name != "__pycache__" and Path(here, name) not in exclude]
        yield from (Path(here, name).relative_to(directory).as_posix() for name in files)
