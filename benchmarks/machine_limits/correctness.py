"""Whether a contender's result is right: against the oracle, at the start, at the end and at places between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headgate.transforms.definition import ERROR_BOUND_EPS, oracle, terms_magnitude

Array = np.ndarray[Any, Any]
PLACES, ENDS = 20, 5


@dataclass(frozen=True)
class Reference:
    """The oracle's values and, for floats, the magnitudes of their terms, at ``places``."""

    n: int
    eps: float | None
    places: Array
    values: list[float]
    magnitudes: list[float]


def reference(x: Array, w: int, *, weighted: bool, rng: np.random.Generator) -> Reference:
    """Compute what is right at some places; each window is cut out, its indices' offset put into p."""
    chosen = [np.arange(1, 1 + ENDS), rng.integers(1, x.size, PLACES), np.arange(x.size - ENDS, x.size)]
    places = np.unique(np.concatenate(chosen))
    floats = x.dtype.kind == "f"
    values, magnitudes = [], []
    for n in places.tolist():
        start = max(0, n - w)
        piece = np.append(x[start:n], x.dtype.type(0))
        p = (start, 1) if weighted else (1,)
        at = [n - start]
        values.append(oracle(piece, w, p, "absolute", at)[0].item())
        magnitudes.append(float(terms_magnitude(piece, w, p, "absolute", at)[0]) if floats else 0.0)
    return Reference(x.size, float(np.finfo(x.dtype).eps) if floats else None, places, values, magnitudes)


def verdict(result: Array, right: Reference) -> dict[str, Any]:
    """``correct``, and for floats ``error_eps``: the largest error in eps * sum|terms of the window|.

    Integers must have the definition's value, wrapped as it wraps, in whatever dtype; floats the contract's 8 eps. A
    result may leave out the first, empty sum.
    """
    got = np.asarray(result)[right.places - (right.n - result.size)].tolist()
    if right.eps is None:
        return {"correct": all(a == b for a, b in zip(got, right.values, strict=True)), "error_eps": None}
    pairs = zip(got, right.values, right.magnitudes, strict=True)
    worst = max(abs(a - b) / (right.eps * m) if m else abs(a - b) for a, b, m in pairs)
    return {"correct": bool(worst <= ERROR_BOUND_EPS), "error_eps": worst}
