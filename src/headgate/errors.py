"""Every error headgate raises on purpose.

::

    HeadgateError                  the root: its message is fit to be shown to a user as it is
    ├── UsageError                 the command line, a policy or an argument is wrong           (exit 2)
    ├── InputError                 a file or directory cannot be used as given                  (exit 2)
    ├── EnvironmentBuildError      a side could not be checked out, built or installed          (exit 4)
    ├── MeasurementError           the benchmarks could not be measured at all                  (exit 4)
    └── VariantUnavailableError    a transform variant whose extra is not installed             (exit 2)

A message names the file or argument, what is wrong with it, and what to do next.
"""

from __future__ import annotations

__all__ = [
    "EnvironmentBuildError",
    "HeadgateError",
    "InputError",
    "MeasurementError",
    "UsageError",
    "VariantUnavailableError",
]


class HeadgateError(Exception):
    """Root of headgate's errors; ``exit_code`` is what the command line exits with."""

    exit_code = 4


class UsageError(HeadgateError):
    """An argument, option or policy value is wrong."""

    exit_code = 2


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
