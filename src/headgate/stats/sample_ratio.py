"""Whether units came to the arms in the shares they should: a sequential test of a multinomial's probabilities.

A Bayes factor of a Dirichlet prior around the intended shares against the shares themselves: a test martingale at every
unit, so it may be looked at after each (Lindon & Malek 2022, section 2).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CONCENTRATIONS", "log_e_mismatch"]

# Weights of the priors in units; their e-values are averaged. 10,000, the default of the authors' own package, looks
# for deviations of about a hundredth of even shares; 100 sees an arm that is lost altogether soon.
CONCENTRATIONS = (100.0, 10_000.0)


def log_e_mismatch(
    counts: Sequence[int], shares: Sequence[float], concentrations: Sequence[float] = CONCENTRATIONS
) -> float:
    """Return the log e-value against "each unit came to arm i with probability ``shares[i]``".

    Parameters
    ----------
    counts : sequence of int
        Units of each arm, not negative.
    shares : sequence of float
        Intended probabilities, each above 0, summing to 1.
    concentrations : sequence of float
        Sums of the Dirichlet priors' parameters.
    """
    values = [_log_e(counts, shares, one) for one in concentrations]
    most = max(values)
    return most + math.log(math.fsum(math.exp(value - most) for value in values) / len(values))


def _log_e(counts: Sequence[int], shares: Sequence[float], concentration: float) -> float:
    total = sum(counts)
    value = math.lgamma(concentration) - math.lgamma(concentration + total)
    for count, share in zip(counts, shares, strict=True):
        prior = concentration * share
        value += math.lgamma(prior + count) - math.lgamma(prior) - count * math.log(share)
    return value
