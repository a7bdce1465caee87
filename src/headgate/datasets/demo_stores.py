"""The two stores of the demonstration, S3 on loopback and a directory, behind one contract."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, Self

from headgate.datasets.demo_server import DemoServer
from headgate.datasets.lazy_values import Unchanged
from headgate.datasets.s3 import S3Loader
from headgate.datasets.schema import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Credentials", "DemoStore", "DirectoryStore", "LoopbackStore", "wrong_secret"]

BUCKET = "headgate-demo"
FOLDER = "credentials"
# The server's statuses in the words that are used of files, too.
_OUTCOMES = {200: "read", 304: "unchanged", 403: "refused", 404: "absent"}
# Nothing of the user's own: no profile, no role of the machine, no proxy for the loopback address.
_ALONE = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


@dataclass(frozen=True)
class Credentials:
    """The record of the demonstration."""

    device: str
    id: int
    password: Annotated[str, Secret]
    hint: str | None = None


class DemoStore(Protocol):
    """A store that keeps a log; ``checks`` tells whether it has checksums and credentials, ``says`` what it is."""

    checks: bool
    says: str
    location: str

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def put(self, name: str, content: bytes, *, damaged: bool = False) -> None:
        """Store an object; with ``checks`` it may arrive damaged."""

    def loader(self) -> S3Loader[list[Credentials]]:
        """Return a loader of it."""

    def log(self) -> list[tuple[str, str]]:
        """Return what reached it: name and outcome (read, unchanged, absent, refused)."""


class LoopbackStore:
    """`DemoServer` and the environment to use it in, that of this process."""

    checks = True

    def __init__(self) -> None:
        self._server = DemoServer(BUCKET)
        self.says = f"a small read-only S3 server in this process, {self._server.endpoint}; it checks signatures"
        self.location = f"s3://{BUCKET}/{FOLDER}/{{key}}.json"
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start the server and change the environment; both end with the block."""
        others = {name: None for name in os.environ if name.startswith("AWS_")}
        self._open.enter_context(self._server)
        self._open.enter_context(_environment({**others, **_ALONE, **self._server.environment}))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def put(self, name: str, content: bytes, *, damaged: bool = False) -> None:
        """Store an object."""
        self._server.put(f"{FOLDER}/{name}.json", content, damaged=damaged)

    def loader(self) -> S3Loader[list[Credentials]]:
        """Return a loader, with the credentials that are in the environment now."""
        return S3Loader(self.location, Credentials, missing="none", endpoint=self._server.endpoint)

    def log(self) -> list[tuple[str, str]]:
        """Return what the server saw."""
        return [
            (str(one.key).removeprefix(f"{FOLDER}/").removesuffix(".json"), _OUTCOMES.get(one.status, str(one.status)))
            for one in self._server.served
        ]


class DirectoryStore:
    """A directory; it keeps no log of its own, so its loader does."""

    checks = False

    def __init__(self, *, wanted: bool) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="headgate-demo-"))
        self._read: list[tuple[str, str]] = []
        why = "as asked" if wanted else "boto3 is not installed; with pip install 'headgate[s3]' it is S3"
        self.says = f"files in a temporary directory ({why})"
        self.location = str(self._directory / "{key}.json")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._directory)

    def put(self, name: str, content: bytes, *, damaged: bool = False) -> None:
        """Store an object, as a file replaced whole."""
        assert not damaged, "files have no checksum to be damaged against"  # noqa: S101 - a mistake in the demonstration
        new = self._directory / f".{name}.new"
        new.write_bytes(content)
        new.replace(self._directory / f"{name}.json")

    def loader(self) -> S3Loader[list[Credentials]]:
        """Return a loader that notes what it reads."""
        return _Noting(self.location, self._read)

    def log(self) -> list[tuple[str, str]]:
        """Return what was read."""
        return list(self._read)


class _Noting(S3Loader[list[Credentials]]):
    def __init__(self, location: str, read: list[tuple[str, str]]) -> None:
        super().__init__(location, Credentials, missing="none")
        self._notes = read

    def _load(self, key: object, unless: str | None) -> Any:
        outcome = "read"  # also of what turns out not to be what the type says
        try:
            found = super()._load(key, unless)
            if found is None or isinstance(found, Unchanged):
                outcome = "absent" if found is None else "unchanged"
        finally:
            self._notes.append((str(key), outcome))
        return found


def wrong_secret() -> contextlib.AbstractContextManager[None]:
    """Have the provider chain find a secret key that is not the server's."""
    return _environment({"AWS_SECRET_ACCESS_KEY": "not-the-secret"})


@contextlib.contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Have variables set, or (None) taken out, and as they were at the end."""
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
