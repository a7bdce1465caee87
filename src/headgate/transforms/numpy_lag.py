"""The lag anchor of variant ``numpy``: weights that move with the window."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.transforms.numpy_pieces import Piece, horner, pieces, window_sums
from headgate.transforms.polynomial import lag_parts, weights, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["compute_floats", "compute_integers"]

SHIFTED_WINDOW = 64
"""Longest window summed by one multiply-add per lag: in groups of 8 it errs by at most (8 + 8 + 1) * eps/2."""

GROUP = 8


def compute_integers(x: NDArray[Any], out: NDArray[Any], window: int, coefficients: tuple[int, ...]) -> None:
    """Compute wrapping integers: p(n - i) in powers of i, hence d + 1 sums anchored at the piece's own first element.

    ``(n - i)^j = sum over l of C(j, l) * n^(j-l) * (-i)^l``; an identity of integers, so it holds modulo 2^bits.
    """
    for piece in pieces(x, out, window, buffers=6):
        _integer_piece(piece, coefficients)


def _integer_piece(piece: Piece, coefficients: tuple[int, ...]) -> None:
    """Add the sums of i^l * X_i, each times its own polynomial in n."""
    powers, sums = piece.buffers[4], piece.buffers[5][:, : piece.length]
    powers[:] = piece.terms((1,))
    places = piece.base[: piece.length] + piece.base.dtype.type(piece.window)
    for power in range(len(coefficients)):
        if power:
            np.multiply(powers, piece.base[: powers.shape[1]], out=powers)
        piece.buffers[0][:] = powers
        window_sums(piece, sums)
        in_n = [(-1) ** power * c * math.comb(j, power) for j, c in enumerate(coefficients) if j >= power]
        wrapped = tuple(wrap(value, piece.base.dtype) for value in in_n)
        np.multiply(sums, horner(wrapped, places, piece.vectors[0, : piece.length]), out=sums)
        if power:
            np.add(piece.out, sums, out=piece.out)
        else:
            piece.out[:] = sums


def compute_floats(x: NDArray[Any], out: NDArray[Any], window: int, coefficients: tuple[float, ...]) -> None:
    """Compute floats: one multiply-add per lag for short windows, doubled moments for long ones."""
    degree = len(coefficients) - 1
    bits, levels = window.bit_count(), window.bit_length() - 1
    passes_of_moments = levels * (degree + 1) ** 2 + bits * 2 * (degree + 1)
    if window <= SHIFTED_WINDOW and 2 * window <= passes_of_moments:
        lags = weights(coefficients, range(window, 0, -1), x.dtype)
        compute, buffers = partial(_shifted_piece, lags), 4
    else:
        compute, buffers = partial(_moments_piece, lag_parts(coefficients, window)), 2 * degree + 5
    for piece in pieces(x, out, window, buffers):
        compute(piece)
    if compute.func is _moments_piece:
        for row in np.flatnonzero(~np.isfinite(x).all(axis=1)):
            restore_nonfinite(x[row], out[row], window, coefficients)


def _shifted_piece(lags: Sequence[float], piece: Piece) -> None:
    """Oldest element first: multiply by its lag's weight and add, group by group."""
    terms = piece.terms((1.0,))
    product, group, total = (buffer[:, : piece.length] for buffer in piece.buffers[1:4])
    for first in range(0, len(lags), GROUP):
        for shift in range(first, min(first + GROUP, len(lags))):
            target = group if shift == first else product
            np.multiply(terms[:, shift : shift + piece.length], lags[shift], out=target)
            if shift > first:
                np.add(group, product, out=group)
        if first == 0:
            group, total = total, group
        else:
            np.add(total, group, out=total)
    np.copyto(piece.out, total, casting="same_kind")


def _moments_piece(parts: list[tuple[int, int, list[float]]], piece: Piece) -> None:
    """Double the moments sum of k^j * X_{n-k} together, and weigh each part of the window with its own polynomial."""
    count = len(parts[0][2])
    product, total, *rooms = piece.buffers[1:]
    moments = [piece.terms((1.0,))] * count  # one element: k = 1, every power of which is 1
    spare, other = rooms[:count], rooms[count : 2 * count]
    size, started = 1, False
    for offset, length, q in parts:
        while size < length:
            _double_moments(moments, size, spare, product)
            moments, spare, other, size = spare, other, spare, 2 * size
        for coefficient, moment in zip(q, moments, strict=True):
            target = product if started else total
            np.multiply(moment[:, offset : offset + piece.length], coefficient, out=target[:, : piece.length])
            if started:
                np.add(total[:, : piece.length], product[:, : piece.length], out=total[:, : piece.length])
            started = True
    np.copyto(piece.out, total[:, : piece.length], casting="same_kind")


def _double_moments(moments: list[NDArray[Any]], size: int, out: list[NDArray[Any]], product: NDArray[Any]) -> None:
    """From the moments of `size` elements those of twice as many; the older half's lags grow by `size`."""
    width = moments[0].shape[1] - size
    for j, target in enumerate(out):
        np.add(moments[j][:, size:], moments[j][:, :width], out=target[:, :width])
        for i in range(j):
            scale = float(math.comb(j, i) * size ** (j - i))
            np.multiply(moments[i][:, :width], scale, out=product[:, :width])
            np.add(target[:, :width], product[:, :width], out=target[:, :width])


def restore_nonfinite(row: NDArray[Any], out: NDArray[Any], window: int, coefficients: tuple[float, ...]) -> None:
    """Give the windows that hold NaN or infinities what IEEE says of their terms.

    Moments cannot: p(k) * inf has the sign of p(k), while c_0 * inf + c_1 * inf may be NaN. Within a run of lags whose
    weights have one sign, how many infinities a window holds is a difference of counts.
    """
    counts = [np.concatenate(([0], np.cumsum(mask))) for mask in (np.isnan(row), row == np.inf, row == -np.inf)]
    signs = np.sign(weights(coefficients, range(1, window + 1), row.dtype))
    edges = [0, *(np.flatnonzero(np.diff(signs)) + 1).tolist(), window]
    places = np.arange(row.size)
    nan, plus, minus = (np.zeros(row.size, bool) for _ in range(3))
    for nearest, farthest in pairwise(edges):  # lags nearest + 1 .. farthest
        stop, start = (np.maximum(places - lag, 0) for lag in (nearest, farthest))
        has_nan, has_plus, has_minus = (count[stop] > count[start] for count in counts)
        sign = signs[nearest]
        nan |= has_nan | ((has_plus | has_minus) & (sign == 0))
        plus |= has_plus if sign > 0 else has_minus & (sign < 0)
        minus |= has_minus if sign > 0 else has_plus & (sign < 0)
    out[plus] = np.inf
    out[minus] = -np.inf
    out[nan | (plus & minus)] = np.nan
