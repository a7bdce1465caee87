"""The ledger's file: SQLite in WAL mode with full syncing, for its owner alone; its errors in this project's words."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import HeadgateError, InputError, LedgerError, LedgerTamperedError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LEDGER_VERSION", "LedgerFile"]

# The schema's version; a file with a newer one is refused.
LEDGER_VERSION = 1
# "hdgt" in ASCII: SQLite's application_id says whose file it is.
_APPLICATION_ID = 0x68646774
# How long a writer waits for another one, which holds the file for some milliseconds, before it gives up.
BUSY_SECONDS = 10.0
_MODE = 0o600
# How a transaction begins, ends and is undone.
_OUTER = ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
_NESTED = ("SAVEPOINT part", "RELEASE part", "ROLLBACK TO part")

_SCHEMA = """
CREATE TABLE event (
  release TEXT NOT NULL, seq INTEGER NOT NULL, prev_hash TEXT NOT NULL, hash TEXT NOT NULL,
  time REAL NOT NULL, actor TEXT NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL,
  UNIQUE (release, seq)
) STRICT;
CREATE TABLE head (release TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TABLE lease (
  release TEXT PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL, granted REAL NOT NULL, seconds REAL NOT NULL
) STRICT;
CREATE INDEX window ON event (release, json_extract(payload, '$.source'), json_extract(payload, '$.window'))
  WHERE kind = 'evidence';
CREATE INDEX decision ON event (release, seq) WHERE kind <> 'evidence';
"""


class LedgerFile:
    """One connection to the file; threads take turns, other processes wait. Close it after use.

    Parameters
    ----------
    path
        The file; made, for its owner alone, if ``create`` and if it is not there.
    create
        Whether it may be made.
    busy_seconds
        How long to wait for another writer.

    Raises
    ------
    InputError
        No such file or directory, not readable, not a ledger, or a newer headgate's.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, create: bool = True, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        self.path, self.absolute, self._busy = Path(path), Path(path).absolute(), busy_seconds
        self._turn = threading.RLock()
        _touch(self.path, create=create)
        with self.errors():
            # isolation_level None: transactions begin where this module says, not where the sqlite3 module guesses.
            self.connection = sqlite3.connect(
                self.path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
            )
        try:
            with self.errors():
                self._prepare(create=create)
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        with self._turn:
            self.connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the file's only write lock: the block is recorded and synced whole, or not at all. Blocks may nest."""
        with self._turn, self.errors():
            nested = self.connection.in_transaction
            begin, end, undo = _NESTED if nested else _OUTER
            self.connection.execute(begin)
            try:
                yield self.connection
                self.connection.execute(end)
            except BaseException:
                # After a full disk SQLite may have rolled back by itself.
                if self.connection.in_transaction:
                    self.connection.execute(undo)
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read one moment's state of the file; writers are not held up."""
        with self._turn, self.errors():
            nested = self.connection.in_transaction
            if not nested:
                self.connection.execute("BEGIN")
            try:
                yield self.connection
            finally:
                if not nested and self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Give SQLite's errors the words and classes of `headgate.errors`."""
        try:
            yield
        except sqlite3.Error as error:
            raise _translated(self.path, error, self._busy) from error

    def _prepare(self, *, create: bool) -> None:
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute("PRAGMA fullfsync = ON")  # macOS's fsync leaves the disk's own cache to chance
        self._refuse_foreign()
        self._use_wal()
        with self.transaction() as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if not tables and not application:
                if not create:
                    raise _empty(self.path)
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {LEDGER_VERSION}")
            elif application != _APPLICATION_ID:
                raise _foreign(self.path)
            elif version > LEDGER_VERSION:
                raise InputError(
                    f"{self.path}: its schema {version} is newer than {LEDGER_VERSION}, which this headgate reads; "
                    "upgrade headgate"
                )

    def _refuse_foreign(self) -> None:
        """Refuse another program's database before anything in it is changed: WAL mode would be."""
        (application,) = self.connection.execute("PRAGMA application_id").fetchone()
        (tables,) = self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != _APPLICATION_ID and (tables or application):
            raise _foreign(self.path)

    def _use_wal(self) -> None:
        # Two processes that open a new file at once: SQLite refuses one of them at once here, without its usual wait.
        for attempt in range(100):
            try:
                if self.connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    self.connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if attempt == 99 or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                time.sleep(BUSY_SECONDS / 100)
            else:
                return


def _foreign(path: Path) -> InputError:
    return InputError(f"{path}: a database, but not a release's ledger; give another file")


def _empty(path: Path) -> InputError:
    return InputError(f"{path}: empty, and no ledger; check the path, or restore the file")


def _touch(path: Path, *, create: bool) -> None:
    """Make the file with its mode before SQLite does with another; SQLite gives -wal and -shm the same mode."""
    try:
        if path.is_dir():
            raise InputError(f"{path}: a directory; give the ledger's file")
        if not path.exists() and not create:
            raise InputError(f"{path}: no such ledger; check the path, or start a release first")
        if not create and not path.stat().st_size:
            raise _empty(path)  # before SQLite writes its header into it
        flags = os.O_RDWR | (os.O_CREAT if create else 0) | getattr(os, "O_CLOEXEC", 0)
        os.close(os.open(path, flags, _MODE))
    except FileNotFoundError:
        raise InputError(f"{path}: its directory does not exist; make it, or give another file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else error
        raise InputError(f"{path}: cannot be used ({reason}); check the path and its permissions") from error


def _translated(path: Path, error: sqlite3.Error, busy_seconds: float) -> HeadgateError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return LedgerError(f"{path}: the disk is full: nothing was recorded; make room and try again")
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return LedgerError(
            f"{path}: another process has held it for {busy_seconds:g} s: nothing was recorded; try again"
        )
    if code == sqlite3.SQLITE_NOTADB:
        return InputError(f"{path}: not a ledger (not an SQLite file); give another file")
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return InputError(
            f"{path}: cannot be written ({error}); check the permissions of the file and of its directory"
        )
    if code == sqlite3.SQLITE_CORRUPT:
        return LedgerTamperedError(f"{path}: damaged ({error}): it proves nothing; keep it for the record, start anew")
    return LedgerError(f"{path}: {error}; nothing was recorded")
