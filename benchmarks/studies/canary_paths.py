"""Many releases at once: the canary's e-values after every event or unit, vectorised over replicates.

Each function returns the log e-values of all replicates at all looks, or the first look at which a threshold was
reached. The statistics are those of `headgate.stats`, written again for arrays; tests hold that the two agree.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from headgate.stats import capped, means, quantiles
from headgate.stats.sample_ratio import CONCENTRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from headgate.stats.mixtures import Ladder
    from headgate.stats.quantiles import Grid

    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

NEVER = np.iinfo(np.int64).max


def first_at(log_e: FloatArray, threshold: float) -> IntArray:
    """First look (counted from 1) at which each row reaches the threshold; NEVER where none does."""
    hit = log_e >= threshold
    return np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, NEVER)


def split(ratio: float | FloatArray, share: float | FloatArray) -> FloatArray:
    """Probability that an event is the canary's."""
    return np.asarray(share * ratio / (1.0 - share + share * ratio))


def rate_paths(ours: npt.NDArray[np.bool_], share: FloatArray, log_ratio: float, ladder: Ladder) -> FloatArray:
    """Log e-values against "ratio at most exp(log_ratio)" after each event; ``ours``: is it the canary's?"""
    null = split(math.exp(log_ratio), share)
    total = None
    for step, log_weight in zip(ladder.steps, ladder.log_weights, strict=True):
        alternative = split(math.exp(log_ratio + step), share)
        gain = np.where(ours, np.log(alternative / null), np.log((1.0 - alternative) / (1.0 - null)))
        path = np.cumsum(gain, axis=1) + log_weight
        total = path if total is None else np.logaddexp(total, path)
    assert total is not None
    return total


def naive_z(ours: npt.NDArray[np.bool_], share: FloatArray, alpha: float, start: int = 20) -> IntArray:
    """First event from the ``start``-th on at which a one-sided z-test of the split, repeated, is significant."""
    surplus = np.cumsum(ours - share, axis=1)
    deviation = np.sqrt(np.cumsum(share * (1.0 - share) * np.ones_like(surplus), axis=1))
    z = surplus / deviation
    z[:, : start - 1] = -np.inf
    return first_at(z, float(special.ndtri(1.0 - alpha)))


def mean_paths(
    values: FloatArray, ours: npt.NDArray[np.bool_], log_ratio: float, *, separate: bool = False
) -> FloatArray:
    """Log e-values of the asymptotic test after each unit, in one stage; 0 before 100 units per arm.

    ``separate``: each arm's own variance, as is usual, instead of the larger for both.
    """
    ratio = math.exp(log_ratio)
    arm = {}
    for name, mine in (("canary", ours), ("stable", ~ours)):
        count = np.cumsum(mine, axis=1)
        safe = np.maximum(count, 2)
        total = np.cumsum(np.where(mine, values, 0.0), axis=1)
        squares = np.cumsum(np.where(mine, values * values, 0.0), axis=1)
        variance = np.maximum(0.0, squares - total * total / safe) / (safe - 1)
        arm[name] = count, total / safe, variance
    (n, mean, var), (m, base, base_var) = arm["canary"], arm["stable"]
    widest = np.maximum(var, ratio * ratio * base_var)
    due = np.minimum(n, m) >= means.LEAST_UNITS
    time = n * m / np.maximum(n + m, 1.0)
    score = (mean - ratio * base) * time / np.sqrt(np.maximum(widest, 1e-300))
    if separate:
        variance = np.where(due, var / np.maximum(n, 1) + ratio * ratio * base_var / np.maximum(m, 1), 1.0)
        score = (mean - ratio * base) * np.sqrt(time / variance)
    tuning = 2.0 * math.log(0.5 / means.BEST_LEVEL)
    prior = means.BEST_UNITS / (tuning + math.log1p(tuning))
    log_e = 0.5 * np.log(4.0 * prior / (time + prior)) + 0.5 * score**2 / (time + prior)
    return np.where(due, log_e + special.log_ndtr(score / np.sqrt(time + prior)), 0.0)


def capped_first(
    values: FloatArray, ours: npt.NDArray[np.bool_], share: float, log_ratio: float, threshold: float
) -> IntArray:
    """First unit at which the betting test reaches the threshold; ``values`` as fractions of the cap."""
    ratio = math.exp(log_ratio)
    level = np.linspace(0.0, 1.0, capped.LEVELS)
    centres = np.array(capped.CENTRES)[:, None, None] * max(1.0, ratio)
    worst = np.maximum(centres / share, (ratio - centres) / (1.0 - share))
    bet = np.array(capped.FRACTIONS)[None, :, None] / worst
    tables = [
        np.log1p(-bet * (ratio * level - centres) / (1.0 - share)).reshape(-1, capped.LEVELS).T.copy(),
        np.log1p(bet * (level - centres) / share).reshape(-1, capped.LEVELS).T.copy(),
    ]
    table = np.stack(tables)
    position = np.minimum(values, 1.0) * (capped.LEVELS - 1)
    left = np.minimum(position.astype(np.int64), capped.LEVELS - 2)
    part = position - left
    which = ours.astype(np.int64)
    total = np.zeros((values.shape[0], table.shape[2]))
    first = np.full(values.shape[0], NEVER)
    for look in range(values.shape[1]):
        low, high = table[which[:, look], left[:, look]], table[which[:, look], left[:, look] + 1]
        total += low + part[:, look, None] * (high - low)
        log_e = special.logsumexp(total, axis=1) - math.log(total.shape[1])
        first[(first == NEVER) & (log_e >= threshold)] = look + 1
    return first


def quantile_first(
    stages: Sequence[tuple[FloatArray, npt.NDArray[np.bool_]]],
    grid: Grid,
    quantile: float,
    steps: int,
    threshold: float,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> IntArray:
    """First unit, over all stages, at which the quantile test reaches the threshold; values and arms per stage."""
    most = max(values.shape[1] for values, _ in stages)
    # The log e-value of an arm depends on its units and those below alone: one table of each.
    below, units = np.arange(most + 1)[None, :], np.arange(most + 1)
    more, less = (
        np.stack([quantiles.log_e_counts(below[0], int(n), quantile, more=side) for n in units])
        for side in (True, False)
    )
    replicates = stages[0][0].shape[0]
    first = np.full(replicates, NEVER)
    tails: list[FloatArray] = []  # log products from each start on, of the stages so far
    seen = 0
    for values, ours in stages:
        cells = np.searchsorted(grid.thresholds(), values, side="left")
        edges = grid.cells - 1
        canary, stable = np.zeros((replicates, edges), np.int64), np.zeros((replicates, edges), np.int64)
        n, m = np.zeros(replicates, np.int64), np.zeros(replicates, np.int64)
        reach = np.clip(np.arange(edges + 1) + steps, 0, edges)
        stage = np.zeros(replicates)
        for look in range(values.shape[1]):
            reached = np.arange(edges)[None, :] >= cells[:, look, None]
            mine = ours[:, look]
            canary += reached & mine[:, None]
            stable += reached & ~mine[:, None]
            n += mine
            m += ~mine
            low = np.concatenate([np.zeros((replicates, 1), np.int64), stable], axis=1)
            high = np.concatenate([canary, n[:, None]], axis=1)[:, reach]
            stage = (more[m[:, None], low] + less[n[:, None], high]).min(axis=1)
            parts = [tail + stage for tail in tails] + [stage] + [np.zeros(replicates)] * (len(stages) - len(tails) - 1)
            log_e = special.logsumexp(np.stack(parts), axis=0) - math.log(len(stages))
            seen += 1
            first[(first == NEVER) & (log_e >= threshold)] = seen
            progress(seen)
        tails = [tail + stage for tail in tails] + [stage]
    return first


def sample_ratio_paths(ours: npt.NDArray[np.bool_], share: float) -> FloatArray:
    """Log e-values against the intended split after each unit."""
    n = np.cumsum(ours, axis=1).astype(np.float64)
    total = np.arange(1.0, ours.shape[1] + 1.0)[None, :]
    m = total - n
    paths = []
    for concentration in CONCENTRATIONS:
        a, b = concentration * share, concentration * (1.0 - share)
        value = special.betaln(a + n, b + m) - special.betaln(a, b)
        paths.append(value - n * math.log(share) - m * math.log1p(-share))
    return np.asarray(special.logsumexp(paths, axis=0) - math.log(len(paths)))


def sticky_errors(
    rng: np.random.Generator, replicates: int, users: int, errors: int, shape: float
) -> tuple[npt.NDArray[np.bool_], list[npt.NDArray[np.bool_]]]:
    """Errors of users who keep their arm and err unequally (Gamma-distributed): all of them, and each user's first."""
    everything = np.empty((replicates, errors), bool)
    firsts = []
    for row in range(replicates):
        arms = rng.random(users) < 0.5
        weight = rng.gamma(shape, size=users)
        who = rng.choice(users, size=errors, p=weight / weight.sum())
        everything[row] = arms[who]
        firsts.append(arms[who][np.sort(np.unique(who, return_index=True)[1])])
    return everything, firsts
