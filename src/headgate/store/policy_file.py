"""Finding and reading the policy file: headgate.toml, or ``[tool.headgate]`` of pyproject.toml."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError, UsageError, unreadable
from headgate.gates.policy_input import COMMAND_LINE, gate_table, policy_from_layers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.gates.policy import Policy

__all__ = ["PolicyFile", "find_policy_file", "load_policy", "read_policy_file"]

HEADGATE_TOML = "headgate.toml"
PYPROJECT_TOML = "pyproject.toml"


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy file and the table in it that is headgate's, unchecked (other parts read their own of it)."""

    path: Path
    document: dict[str, Any]

    @property
    def source(self) -> str:
        """How messages name the place: the file, and the table within pyproject.toml."""
        return f"{self.path} [tool.headgate]" if self.path.name == PYPROJECT_TOML else str(self.path)


def find_policy_file(start: str | os.PathLike[str]) -> PolicyFile | None:
    """Return the nearest policy file at or above ``start``; None where there is none.

    In one directory headgate.toml wins; a pyproject.toml counts only if it has ``[tool.headgate]``. The search ends at
    the root of the repository (the directory with .git): a file of another project must not decide this one.

    Raises
    ------
    InputError
        A file on the way is not readable or not TOML.
    """
    directory = Path(os.path.realpath(start))
    for folder in (directory, *directory.parents):
        for name in (HEADGATE_TOML, PYPROJECT_TOML):
            if (folder / name).is_file():
                found = read_policy_file(folder / name)
                if name == HEADGATE_TOML or found.document:
                    return found
        if (folder / ".git").exists():
            return None
    return None


def read_policy_file(path: str | os.PathLike[str]) -> PolicyFile:
    """Read one policy file; any file not named pyproject.toml is read as a headgate.toml.

    Raises
    ------
    InputError
        No such file, not readable, not UTF-8 or not TOML (with line and column).
    UsageError
        ``[tool.headgate]`` is not a table.
    """
    target = Path(path)
    try:
        document = tomllib.loads(target.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}); TOML files are UTF-8") from error
    except ValueError as error:  # TOML's own error is one, and so is a number of more digits than Python reads
        raise InputError(f"{path}: not valid TOML ({error}); mend it there") from error
    except RecursionError:
        raise InputError(f"{path}: not valid TOML (nested too deeply); give another file") from None
    if target.name == PYPROJECT_TOML:
        document = _tool_table(document, path)
    return PolicyFile(target, document)


def load_policy(
    start: str | os.PathLike[str],
    *,
    config: str | os.PathLike[str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Policy:
    """Return the policy for a run in ``start``: the defaults, then the policy file, then the command line.

    Parameters
    ----------
    start
        Where the search for a policy file begins.
    config
        This file instead of a search (``--policy``).
    options
        The command line's values by policy key; None where an option was not given.

    Raises
    ------
    InputError, UsageError
        The file cannot be read; a key or value in it, or an option, is wrong.
    """
    found = find_policy_file(start) if config is None else read_policy_file(config)
    layers = [] if found is None else [(found.source, gate_table(found.document, found.source))]
    return policy_from_layers([*layers, (COMMAND_LINE, options or {})])


def _tool_table(document: dict[str, Any], path: str | os.PathLike[str]) -> dict[str, Any]:
    tool = document.get("tool", {})
    table = tool.get("headgate", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise UsageError(f"{path}: tool.headgate: expected a table ([tool.headgate]), got {table!r}")
    return table
