"""Many batches added at once, a column of equal places at a time: the same sums as `fold_sums.add` one by one, faster.

A ledger of 100,000 batches has millions of numbers; visited one by one, they are most of what reading it takes. What
has not the same shape in all batches is left to `add`: nothing is changed before all is seen to fit.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from headgate.rollout.fold_sums import Real, first

__all__ = ["Irregular", "add_columns"]

_NUMBERS = {int, float}


class Irregular(Exception):  # noqa: N818 -- caught by the fold, which adds one by one; no user sees it raised
    """The batches have not all the shape of the total, or their sum is one that `add` must judge."""


def add_columns(total: Any, terms: list[dict[str, Any]]) -> dict[str, Any]:
    """Return ``total`` + all ``terms``; ``total`` (None for nothing yet) is used up, unless this raises.

    Raises
    ------
    Irregular
        Not all have one shape; nothing was changed.
    """
    if total is None:
        total, terms = first(terms[0]), terms[1:]
    if not isinstance(total, dict):
        raise Irregular
    found: list[tuple[Any, Any, Any]] = []
    if terms:
        _objects(total, terms, found)
    for place, key, value in found:
        if isinstance(place, Real):
            place.whole += key
            place.extend(value)
        else:
            place[key] = value
    return total


def _objects(total: dict[str, Any], terms: list[dict[str, Any]], found: list[tuple[Any, Any, Any]]) -> None:
    """Add to ``found`` what is to be put where: (place, key, value), or (sum, whole, floats)."""
    keys = terms[0]
    try:
        # As many keys as the first one, and all of the first one's: the same keys.
        columns = [list(map(itemgetter(key), terms)) for key in keys] if len(set(map(len, terms))) == 1 else None
    except KeyError:
        columns = None
    if columns is None:
        _counts(total, terms, found)
        return
    for key, column in zip(keys, columns, strict=True):
        if key not in total:
            raise Irregular
        _column(total, key, column, found)


def _column(place: Any, key: Any, values: list[Any], found: list[tuple[Any, Any, Any]]) -> None:
    have = place[key]
    kinds = set(map(type, values))
    if kinds == {dict} and type(have) is dict:
        _objects(have, values, found)
    elif kinds == {int} and type(have) is int:
        found.append((place, key, have + sum(values)))
    elif kinds <= _NUMBERS and type(have) is Real:
        floats = values if kinds == {float} else [one for one in values if type(one) is float]
        found.append((have, sum(one for one in values if type(one) is int) if int in kinds else 0, floats))
    elif kinds == {list} and type(have) is list and set(map(len, values)) == {len(have)}:
        for index, column in enumerate(zip(*values, strict=True)):
            _column(have, index, list(column), found)
    elif kinds != {str} or values.count(have) != len(values):
        raise Irregular


def _counts(total: dict[str, Any], terms: list[dict[str, Any]], found: list[tuple[Any, Any, Any]]) -> None:
    """Add objects of whole numbers with keys of their own, such as the cells of a histogram."""
    sums: dict[str, int] = {}
    for term in terms:
        if not set(map(type, term.values())) <= {int}:
            raise Irregular
        for key, value in term.items():
            sums[key] = sums.get(key, 0) + value
    for key, value in sums.items():
        have = total.get(key, 0)
        if type(have) is not int:
            raise Irregular
        found.append((total, key, have + value))
