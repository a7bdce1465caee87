"""Statements in the shape of in-toto's (unsigned): named parts, the SHA-256 of each and of the whole, canonical bytes.

The hashes guard against accidents and careless edits, not against someone who makes new ones: that is what deriving the
verdict again, and a signature around the file, are for.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from headgate.errors import InputError
from headgate.store.files import require_schema

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

__all__ = ["AGAIN", "Seal", "canonical", "sha256"]

# What to do about a bundle that is damaged or was changed.
AGAIN = "get the file again from where it was written"

# Made once: a ledger writes and checks a hundred thousand small objects.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"  # in-toto attestation framework, Statement v1


@dataclass(frozen=True, slots=True)
class Seal:
    """One kind of statement: what its predicate is called, its schema, and the parts it has."""

    predicate_type: str
    schema: str
    parts: tuple[str, ...]

    def close(self, parts: Mapping[str, Any], subject: Sequence[Mapping[str, Any]]) -> bytes:
        """Return the statement's canonical bytes; equal parts give equal bytes."""
        if set(parts) != set(self.parts):
            raise ValueError(f"the parts are {self.parts}, got {sorted(parts)}")
        digests = {name: sha256(canonical(part)) for name, part in parts.items()}
        statement = {"_type": STATEMENT_TYPE, "subject": list(subject), "predicateType": self.predicate_type}
        predicate = {"schema": self.schema, "digests": digests, "parts": dict(parts)}
        digests["all"] = sha256(canonical(statement | {"predicate": predicate}))
        return canonical(statement | {"predicate": predicate}) + b"\n"

    def open(self, data: bytes, source: str | os.PathLike[str]) -> dict[str, Any]:
        """Return the parts, having checked every hash and that the bytes are canonical.

        Raises
        ------
        InputError
            Not such a statement, a newer one, truncated, nested too deeply, or changed since it was written.
        """
        if not data.strip():
            raise InputError(f"{source}: empty; {AGAIN}")
        try:
            statement = json.loads(data, parse_constant=_refuse_constant)
            self._check(statement, source)
            if canonical(statement) + b"\n" != data:
                raise InputError(f"{source}: changed since it was written; {AGAIN}")
        except RecursionError as error:
            raise InputError(f"{source}: not an evidence bundle (nested too deeply); {AGAIN}") from error
        except ValueError as error:
            raise InputError(f"{source}: truncated, or not an evidence bundle; {AGAIN}") from error
        parts: dict[str, Any] = statement["predicate"]["parts"]
        return parts

    def _check(self, statement: object, source: str | os.PathLike[str]) -> None:
        if (
            not isinstance(statement, dict)
            or statement.get("_type") != STATEMENT_TYPE
            or not isinstance(statement.get("predicate"), dict)
        ):
            raise InputError(f"{source}: not an evidence bundle; give the file that --evidence wrote")
        predicate = require_schema(statement["predicate"], self.schema, source)
        parts, digests = predicate.get("parts"), predicate.get("digests")
        if not isinstance(parts, dict) or set(parts) != set(self.parts):
            raise InputError(f"{source}: a part is missing or unknown, so it is not whole; {AGAIN}")
        if not isinstance(digests, dict) or set(digests) != {*self.parts, "all"}:
            raise InputError(f"{source}: a SHA-256 is missing or unknown, so it is not whole; {AGAIN}")
        for name in self.parts:
            if sha256(canonical(parts[name])) != digests[name]:
                raise InputError(f"{source}: its {name} changed since it was written (SHA-256 does not match); {AGAIN}")
        without = predicate | {"digests": {name: digests[name] for name in self.parts}}
        if sha256(canonical(statement | {"predicate": without})) != digests["all"]:
            raise InputError(f"{source}: changed since it was written (SHA-256 of the whole does not match); {AGAIN}")


def canonical(data: object) -> bytes:
    """Return the one way to write ``data``: JSON with sorted keys, no spaces, ASCII, shortest round-tripping floats.

    Raises
    ------
    ValueError
        ``data`` holds a number that is not finite.
    """
    return _ENCODER.encode(data).encode("ascii")


def sha256(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
