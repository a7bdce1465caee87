"""What is compared: the native kernel, copies of the same bytes, and how one computes the same with other packages.

The transform is the default one, out[n] = sum of i * x[i] over the w elements before n, or with ``weighted=False`` the
moving sum alone (p = 1), where a peer runs nothing but its own rolling sum.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.errors import VariantUnavailableError
from headgate.measure import _ceilings
from headgate.transforms import _native, get

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray[Any, Any]
# Peers that cost time with the window are measured up to this one.
DIRECT_WINDOW = 100


@dataclass(frozen=True)
class Peer:
    """Another package's way: ``sums(terms, w)`` gives the inclusive rolling sums of w terms, freshly allocated."""

    name: str
    package: str
    sums: Callable[[Any, Array, int], Array]
    largest_window: int | None = None


def _cumsum(_: Any, terms: Array, w: int) -> Array:
    total = np.cumsum(terms, dtype=terms.dtype)
    out = total.copy()
    out[w:] -= total[:-w]
    return out


def _bottleneck(bn: Any, terms: Array, w: int) -> Array:
    return bn.move_sum(terms, w, min_count=1)


def _pandas(pd: Any, terms: Array, w: int) -> Array:
    return pd.Series(terms).rolling(w, min_periods=1).sum().to_numpy()


def _polars(pl: Any, terms: Array, w: int) -> Array:
    return pl.Series(terms).rolling_sum(w, min_samples=1).to_numpy()


def _scipy(ndimage: Any, terms: Array, w: int) -> Array:
    out = ndimage.uniform_filter1d(terms, w, origin=(w - 1) // 2, mode="constant")
    return out * out.dtype.type(w)


def _convolve(_: Any, terms: Array, w: int) -> Array:
    return np.convolve(terms, np.ones(w, terms.dtype))[: terms.size]


PEERS = (
    Peer("NumPy cumsum difference", "numpy", _cumsum),
    Peer("np.convolve", "numpy", _convolve, DIRECT_WINDOW),
    Peer("bottleneck.move_sum", "bottleneck", _bottleneck),
    Peer("pandas rolling.sum", "pandas", _pandas),
    Peer("polars rolling_sum", "polars", _polars),
    Peer("scipy uniform_filter1d", "scipy.ndimage", _scipy),
)
NUMBA = "numba running sum"


def _shifted(sums: Array) -> Array:
    """Sums that end before n, from sums that end at n: a view, one element fewer."""
    return sums[:-1]


def numba_running_sum() -> Callable[[Array, int, bool], Array] | None:
    """The loop everyone writes: add the newest term, subtract the oldest. None where numba is not installed."""
    try:
        numba = importlib.import_module("numba")
    except ImportError:
        return None

    def running_sum(x: Array, w: int, weighted: bool) -> Array:
        out = np.empty_like(x)
        total = x[0] - x[0]
        for n in range(x.size):
            out[n] = total
            total += x[n] * x.dtype.type(n) if weighted else x[n]
            if n >= w:
                total -= x[n - w] * x.dtype.type(n - w) if weighted else x[n - w]
        return out

    return numba.njit(running_sum)


def missing_packages() -> list[str]:
    """Return the optional packages that are not installed here."""
    return [name for name in ("numba", *{peer.package for peer in PEERS}) if not _installed(name)]


def _installed(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def copies(x: Array, out: Array) -> dict[str, Callable[[], Any]]:
    """Copies of the same bytes into memory that has been touched: with ordinary and with streaming stores."""
    source, target = x.view(np.uint8), out.view(np.uint8)
    return {
        "memcpy": lambda: np.copyto(out, x),
        "streaming copy": lambda: _ceilings.copy(target, source, True, 1),
    }


def kernel(x: Array, w: int, out: Array | None, *, weighted: bool = True, threads: int = 1) -> Callable[[], Any]:
    """The native kernel into `out`, or into a fresh array."""
    if weighted and threads == 1:
        return lambda: _native.fast(x, w, out)
    coefficients = (0, 1) if weighted else (1,)

    def call() -> Array:
        result = np.empty_like(x) if out is None else out
        _native.transform(x[np.newaxis], result[np.newaxis], w, coefficients, False, threads)
        return result

    return call


def variants(x: Array, w: int, *, weighted: bool) -> dict[str, Callable[[], Array]]:
    """This package's own variants beside the native one, into fresh arrays."""
    coefficients = (0, 1) if weighted else (1,)
    calls: dict[str, Callable[[], Array]] = {}
    for name in ("numba", "numpy"):
        try:
            transform = get(name)
        except VariantUnavailableError:
            continue
        calls[f"variant {name}"] = partial(transform, x, w, coefficients=coefficients)
    return calls


def peers(x: Array, w: int, running_sum: Any, *, weighted: bool) -> dict[str, Callable[[], Array]]:
    """Every peer that is installed and takes this window, as a call that gives the same result, freshly allocated."""
    index = np.arange(x.size).astype(x.dtype) if weighted else None
    calls: dict[str, Callable[[], Array]] = {}
    for peer in PEERS:
        if not _installed(peer.package) or (peer.largest_window is not None and w > peer.largest_window):
            continue
        module = importlib.import_module(peer.package)
        calls[peer.name] = _peer_call(peer, module, x, w, index)
    if running_sum is not None:
        running_sum(x[:16], w, weighted)  # compiles
        calls[NUMBA] = lambda: running_sum(x, w, weighted)
    return calls


def _peer_call(peer: Peer, module: Any, x: Array, w: int, index: Array | None) -> Callable[[], Array]:
    # The last term belongs to no window; the first result, an empty sum, is not a peer's work.
    if index is None:
        return lambda: _shifted(peer.sums(module, x, w))
    return lambda: _shifted(peer.sums(module, x * index, w))
