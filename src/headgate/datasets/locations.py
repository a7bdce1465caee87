"""Where a dataset's objects lie: ``s3://bucket/path/{key}.json``, ``file:///directory/{key}.parquet`` or a plain path.

A key comes from data, so it is held to what cannot lead elsewhere: no ``..``, no leading ``/``, no control characters.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from headgate.errors import UsageError

__all__ = ["PLACE", "Location", "check_key"]

PLACE = "{key}"
# S3's own limit.
_MOST_KEY_BYTES = 1024
_LONGEST_SHOWN = 80
# Rules of S3 for buckets; underscores and capitals are in old ones, and in other servers.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Location:
    """A template of objects' names: ``bucket`` (a directory, for files) and the path in it, which holds ``{key}``."""

    scheme: str
    bucket: str
    path: str

    @classmethod
    def parse(cls, template: str | os.PathLike[str]) -> Location:
        """Return the location that ``template`` names; ``s3a://`` is S3 too.

        Raises
        ------
        UsageError
            It has another scheme, no bucket, no ``{key}``, or ``{key}`` in its bucket.
        """
        text = os.fspath(template)
        if PLACE not in text:
            raise UsageError(f"{_shown(text)}: the location must say where the key goes: write {PLACE} in it")
        scheme, separator, rest = text.partition("://")
        if not separator:
            return cls._of_path(text, text)
        if scheme == "file":
            parts = urlsplit(text)
            if parts.netloc not in {"", "localhost"}:
                raise UsageError(
                    f"{_shown(text)}: a file:// location has three slashes: file:///directory/{PLACE}.json"
                )
            return cls._of_path(unquote(rest.removeprefix("localhost")), text)
        if scheme not in {"s3", "s3a"}:
            raise UsageError(f"{_shown(text)}: give s3://bucket/path/{PLACE}, file:///directory/{PLACE} or a path")
        bucket, _, path = rest.partition("/")
        if not _BUCKET.fullmatch(bucket) or ".." in bucket or PLACE not in path:
            raise UsageError(f"{_shown(text)}: give it as s3://bucket/path/{PLACE}; the bucket is named in full")
        return cls("s3", bucket, path)

    @classmethod
    def _of_path(cls, path: str, text: str) -> Location:
        directory, _, rest = path.partition(PLACE)
        head, slash, tail = directory.rpartition("/")
        # A key may hold slashes, so the directory it must stay in ends before the segment with the first place.
        root = head or ("/" if slash else ".")
        if "\0" in path:
            raise UsageError(f"{_shown(text)}: a path holds no NUL")
        return cls("file", os.path.abspath(root), tail + PLACE + rest)  # noqa: PTH100 - text, links left alone

    def key(self, key: object) -> str:
        """Return the name, within the bucket, of the object for ``key``, text or an integer.

        Raises
        ------
        UsageError
            The key is of another type or could lead elsewhere.
        """
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise UsageError(
                f"a key of type {type(key).__name__}: keys of a location are text or integers; give to_key"
            )
        text = str(key)
        check_key(text)
        name = self.path.replace(PLACE, text)
        check_key(name)
        return name

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.path}" if self.scheme == "s3" else f"{self.bucket.rstrip('/')}/{self.path}"


def check_key(key: str) -> None:
    """Refuse a key that could name something elsewhere, or nothing.

    Raises
    ------
    UsageError
        It is empty, begins with a slash, has an empty, ``.`` or ``..`` segment, holds control characters or half a
        surrogate pair, or is longer than 1024 bytes.
    """
    problem = _problem(key)
    if problem:
        raise UsageError(f"key {_shown(key)} {problem}; a key names an object below the location, and no other")


def _problem(key: str) -> str | None:
    segments = key.split("/")
    if not key or key.startswith("/"):
        return "is empty" if not key else "begins with a slash"
    if ".." in segments or "." in segments or "" in segments:
        return "has an empty, . or .. segment"
    if any(character < " " or "\x7f" <= character <= "\x9f" for character in key):
        return "holds control characters"
    if any("\ud800" <= character <= "\udfff" for character in key):
        return "is no valid text"
    return f"is longer than {_MOST_KEY_BYTES} bytes" if len(key.encode()) > _MOST_KEY_BYTES else None


def _shown(text: str) -> str:
    """Return ``text`` fit for a message: escaped, short, without a user or password before an ``@``."""
    clean = re.sub(r"://[^/@]*@", "://", text)
    return ascii(clean if len(clean) <= _LONGEST_SHOWN else f"{clean[:_LONGEST_SHOWN]}…")
