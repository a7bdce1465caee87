"""Every error headgate raises on purpose.

::

    HeadgateError                  the root: its message is fit to be shown to a user as it is
    ├── UsageError                 the command line, a policy or an argument is wrong           (exit 2)
    │   └── PlanError              a release's plan is wrong, or changed after it was registered
    ├── InputError                 a file or directory cannot be used as given                  (exit 2)
    ├── EnvironmentBuildError      a side could not be checked out, built or installed          (exit 4)
    ├── MeasurementError           the benchmarks could not be measured at all                  (exit 4)
    ├── VariantUnavailableError    a transform variant whose extra is not installed             (exit 2)
    ├── LedgerError                a release's ledger could not be read or written, or refused  (exit 4)
    │   ├── ConflictError          somebody else was first: read the release's state again
    │   ├── LedgerTamperedError    a row was edited, removed or reordered since it was written
    │   └── UnknownReleaseError    the ledger has no release of that name                       (exit 2)
    ├── NotReadyError              a release may not advance on the evidence there is           (exit 3)
    ├── ImmutableMapError          an attempt to put something into a lazy map                  (exit 2; a TypeError)
    └── DatasetError               a dataset could not be had as asked for                      (exit 2)
        ├── LoadError              a lazy map's loader failed; it names the key, its cause says why
        │   └── CircularLoadError  loading a key needs, by way of others, that key itself
        ├── ObjectMissingError     no such object or bucket
        ├── AccessDeniedError      the store refused the credentials, or there are none
        ├── StoreUnavailableError  the store did not answer properly in the time it was given
        ├── CorruptObjectError     what arrived is not what was stored: truncated, or of another checksum
        ├── SchemaError            the content is not what the declared type says
        └── DatasetSetupError      an extra, Java or a connector is missing, or of the wrong version

A message names the file or argument, what is wrong with it, and what to do next.
"""

from __future__ import annotations

__all__ = [
    "AccessDeniedError",
    "CircularLoadError",
    "ConflictError",
    "CorruptObjectError",
    "DatasetError",
    "DatasetSetupError",
    "EnvironmentBuildError",
    "HeadgateError",
    "ImmutableMapError",
    "InputError",
    "LedgerError",
    "LedgerTamperedError",
    "LoadError",
    "MeasurementError",
    "NotReadyError",
    "ObjectMissingError",
    "PlanError",
    "SchemaError",
    "StoreUnavailableError",
    "UnknownReleaseError",
    "UsageError",
    "VariantUnavailableError",
    "brief",
    "unreadable",
]

_LONGEST_SHOWN = 80


def brief(value: object) -> str:
    """Return ``value`` as a message quotes it; a text of more than 80 characters is cut, and the quotes closed."""
    if isinstance(value, str) and len(value) > _LONGEST_SHOWN:
        return f"{value[: _LONGEST_SHOWN - 1]!r}…"
    shown = repr(value)
    return shown if isinstance(value, str) or len(shown) <= _LONGEST_SHOWN else f"{shown[: _LONGEST_SHOWN - 1]}…"


def unreadable(path: object, error: OSError | ValueError) -> InputError:
    """Return the error for a file that cannot be read; ValueError is what Python makes of a NUL in its name."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such file; check the path")
    reason = getattr(error, "strerror", None) or error
    return InputError(f"{path}: cannot be read ({reason}); check the path and its permissions")


class HeadgateError(Exception):
    """Root of headgate's errors; ``exit_code`` is what the command line exits with."""

    exit_code = 4


class UsageError(HeadgateError):
    """An argument, option or policy value is wrong."""

    exit_code = 2


class PlanError(UsageError):
    """A release's plan is wrong, or is not the one that was registered; the message names the file and the key."""


class InputError(HeadgateError):
    """A file or directory given by the user cannot be read or used."""

    exit_code = 2


class EnvironmentBuildError(HeadgateError):
    """One side's environment could not be made; the message carries the tail of the build log."""


class MeasurementError(HeadgateError):
    """Nothing could be measured: no evidence, hence no verdict."""


class VariantUnavailableError(HeadgateError, ImportError):
    """A transform variant needs an extra that is not installed; the message names it."""

    exit_code = 2


class LedgerError(HeadgateError):
    """A release's ledger could not be read or written, or does not take this event; nothing was recorded."""


class ConflictError(LedgerError):
    """Another writer was first, or holds the lease: nothing was recorded; read the state again and decide anew."""


class LedgerTamperedError(LedgerError):
    """The chain of hashes is broken: what the ledger says of this release is no evidence."""


class UnknownReleaseError(LedgerError):
    """The ledger has no release of that name: the name is wrong, or the release is yet to be started."""

    exit_code = 2


class NotReadyError(HeadgateError):
    """A release may not advance: the gate has not passed, or a person said to hold; the message says why."""

    exit_code = 3


class ImmutableMapError(HeadgateError, TypeError):
    """A lazy map takes its values from its loader alone."""

    exit_code = 2


class DatasetError(HeadgateError):
    """A dataset could not be had as asked for; the message names bucket and key, or the path, never a secret."""

    exit_code = 2


class LoadError(DatasetError):
    """A lazy map's loader failed for ``key``; ``__cause__`` is what it raised."""

    def __init__(self, message: str, key: object = None) -> None:
        super().__init__(message)
        self.key = key


class CircularLoadError(LoadError):
    """Loading ``key`` needs ``key`` itself, by way of others: waiting would never end."""


class ObjectMissingError(DatasetError):
    """No such object or bucket."""


class AccessDeniedError(DatasetError):
    """The store refused the credentials, or none were found."""


class StoreUnavailableError(DatasetError):
    """The store did not answer, or not properly, in the time and attempts it was given."""


class CorruptObjectError(DatasetError):
    """What arrived is not what was stored: it is truncated, or its checksum is another."""


class SchemaError(DatasetError):
    """The content is not what the declared type says; the message names the record and the field."""


class DatasetSetupError(DatasetError):
    """An extra, Java or a connector is missing, or its version does not fit."""
