"""The evidence of a release: counts per stage and arm, that add up; what goes with them through files and the ledger.

Each randomisation unit (user, session, request) is counted once per release, in the stage and arm it first came to,
with one value per metric; a unit that another rule than the stage's share sent to an arm (a segment pinned to it) is no
evidence. Batches of counts merge in any order to the same counts (sums of floats to the last bits). The one thing that
depends on the order is `Evidence.maxima`, the largest halting e-values *at the folds made*:
`headgate.gates.canary.fold` sets it, so whoever folds does so in one canonical order, the ledger's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError
from headgate.stats.capped import CappedMasses, masses_of
from headgate.stats.means import Sums, sums_of, sums_of_pairs
from headgate.stats.quantiles import Grid, Histogram
from headgate.stats.rates import RateCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from headgate.gates.canary_policy import Metric

__all__ = [
    "CANARY",
    "LIVE",
    "MOST_COUNTED",
    "SANDBOX",
    "STABLE",
    "ArmEvidence",
    "Counts",
    "Evidence",
    "counts_of",
    "evidence_from_json",
    "grid_of",
]

CANARY, STABLE = "canary", "stable"
LIVE, SANDBOX = "live", "sandbox"

# Beyond this a float no longer tells a count from the next; nobody counts as many.
MOST_COUNTED = 2**53

Counts = RateCounts | Histogram | Sums | CappedMasses


@dataclass(frozen=True, slots=True)
class ArmEvidence:
    """One arm of one stage: the units that came to it, and each metric's counts."""

    units: int = 0
    metrics: Mapping[str, Counts] = field(default_factory=dict)

    def __add__(self, other: ArmEvidence) -> ArmEvidence:
        """Return both together.

        Raises
        ------
        InputError
            A metric is of one kind here and of another there.
        """
        metrics = dict(self.metrics)
        for name, counts in other.metrics.items():
            metrics[name] = _added(name, metrics[name], counts) if name in metrics else counts
        return ArmEvidence(self.units + other.units, dict(sorted(metrics.items())))


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a release's decision rests on, or one batch of it.

    Attributes
    ----------
    stages
        By the canary's share in parts per million: the arms by name, ``canary`` and ``stable``.
    origin
        ``live`` or ``sandbox``; the two are never pooled.
    maxima
        By metric: the largest log e-value for halting that a fold has found; see the module.
    """

    stages: Mapping[int, Mapping[str, ArmEvidence]] = field(default_factory=dict)
    origin: str = LIVE
    maxima: Mapping[str, float] = field(default_factory=dict)

    def add(self, other: Evidence) -> Evidence:
        """Return both together; the larger of each maximum, none recomputed.

        Raises
        ------
        InputError
            One is live and the other is from the sandbox, or a metric's kinds differ.
        """
        if self.origin != other.origin:
            raise InputError(f"evidence: {other.origin} evidence is never pooled with {self.origin}; keep them apart")
        stages = {ppm: dict(arms) for ppm, arms in self.stages.items()}
        for ppm, arms in other.stages.items():
            mine = stages.setdefault(ppm, {})
            for arm, counts in arms.items():
                mine[arm] = mine[arm] + counts if arm in mine else counts
        maxima = dict(self.maxima)
        for name, value in other.maxima.items():
            maxima[name] = max(value, maxima.get(name, value))
        return Evidence(dict(sorted(stages.items())), self.origin, maxima)

    def arm(self, ppm: int, arm: str) -> ArmEvidence:
        """Return one arm's evidence in one stage; empty if there is none."""
        return self.stages.get(ppm, {}).get(arm, ArmEvidence())

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, keys sorted; `evidence_from_json` reads them back."""
        return {
            "origin": self.origin,
            "stages": {
                str(ppm): {
                    arm: {
                        "units": one.units,
                        "metrics": {name: _counts_to_json(counts) for name, counts in sorted(one.metrics.items())},
                    }
                    for arm, one in sorted(arms.items())
                }
                for ppm, arms in sorted(self.stages.items())
            },
            "maxima": dict(sorted(self.maxima.items())),
        }


def grid_of(metric: Metric) -> Grid:
    """Return the thresholds of a quantile metric."""
    return Grid(metric.low or 0.0, metric.high or 0.0, metric.margin, metric.resolution)


def counts_of(metric: Metric, values: Iterable[Any]) -> Counts:
    """Return one arm's counts for a metric from its values, one per unit.

    Parameters
    ----------
    metric : Metric
        Of kind rate the values are truths; of kind ratio they are pairs (y, x); else numbers.
    values : iterable
        One value per unit.

    Raises
    ------
    InputError
        A value that the metric's kind cannot take, such as NaN; the message names the metric.
    """
    try:
        if metric.kind == "rate":
            flags = [_flag(value) for value in values]
            return RateCounts(len(flags), sum(flags))
        if metric.kind == "quantile":
            return grid_of(metric).histogram(values)
        if metric.cap is not None:
            return masses_of(values, metric.cap)
        counts = sums_of_pairs(values) if metric.kind == "ratio" else sums_of(values)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"metric {metric.name!r}: {error}; leave such units out, and count them") from error
    if counts.problem():
        raise InputError(f"metric {metric.name!r}: {counts.problem()}; leave such units out, and count them")
    return counts


def evidence_from_json(data: object, source: str) -> Evidence:
    """Return the evidence written by `Evidence.to_json`; ``source`` is the file or batch, for messages.

    Raises
    ------
    InputError
        A key is missing or unknown, or a value of the wrong type. Counts that are impossible are read as they are: the
        gate calls them invalid.
    """
    try:
        table = _only(data, {"origin", "stages", "maxima"})
        stages = {
            int(ppm): {_one_of(arm, (CANARY, STABLE)): _arm_from_json(one) for arm, one in dict(arms).items()}
            for ppm, arms in dict(table["stages"]).items()
        }
        maxima = {str(name): _real(value) for name, value in dict(table.get("maxima", {})).items()}
        origin = _one_of(table.get("origin", LIVE), (LIVE, SANDBOX))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{source}: not evidence as headgate writes it: {error}") from error
    return Evidence(stages, origin, maxima)


_KINDS: dict[str, type[Counts]] = {"rate": RateCounts, "histogram": Histogram, "sums": Sums, "capped": CappedMasses}


def _counts_to_json(counts: Counts) -> dict[str, Any]:
    kind = next(name for name, one in _KINDS.items() if isinstance(counts, one))
    if isinstance(counts, RateCounts):
        return {"kind": kind, "units": counts.units, "events": counts.events}
    if isinstance(counts, Histogram):
        cells = {str(cell): count for cell, count in sorted(counts.cells.items())}
        return {"kind": kind, "units": counts.units, "cells": cells}
    if isinstance(counts, CappedMasses):
        return {"kind": kind, "units": counts.units, "masses": list(counts.masses)}
    sums = {key: getattr(counts, key) for key in ("y", "yy", "x", "xx", "xy")}
    return {"kind": kind, "units": counts.units} | sums


def _arm_from_json(data: object) -> ArmEvidence:
    table = _only(data, {"units", "metrics"})
    metrics = {str(name): _counts_from_json(one) for name, one in dict(table["metrics"]).items()}
    return ArmEvidence(_whole(table["units"]), metrics)


def _counts_from_json(data: object) -> Counts:
    table = _only(data, {"kind", "units", "events", "cells", "masses", "y", "yy", "x", "xx", "xy"})
    kind, units = table.pop("kind"), _whole(table.pop("units"))
    if kind == "rate":
        return RateCounts(units, _whole(_only(table, {"events"})["events"]))
    if kind == "histogram":
        cells = dict(_only(table, {"cells"})["cells"])
        return Histogram(units, dict(zip(map(int, cells), _all(_whole, {int}, cells.values()), strict=True)))
    if kind == "capped":
        masses = _all(_real, {int, float}, list(_only(table, {"masses"})["masses"]))
        return CappedMasses(units, tuple(map(float, masses)))
    if kind == "sums":
        sums = _only(table, {"y", "yy", "x", "xx", "xy"})
        return Sums(units, *(_real(sums[key]) for key in ("y", "yy", "x", "xx", "xy")))
    raise ValueError(f"kind {kind!r} is none of {', '.join(_KINDS)}")


def _added(name: str, mine: Counts, theirs: Counts) -> Counts:
    if type(mine) is not type(theirs):
        raise InputError(f"evidence: metric {name!r} is of two kinds; a change of the policy starts a new release")
    try:
        added: Counts = mine + theirs  # type: ignore[operator]  # both are of one type, as just checked
    except ValueError as error:
        raise InputError(f"evidence: metric {name!r}: its counts do not add up ({error})") from error
    return added


def _only(data: object, keys: set[str]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise TypeError(f"expected a table, got {type(data).__name__}")
    unknown = sorted(set(data) - keys)
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}")
    return dict(data)


def _all(check: Callable[[object], float], kinds: set[type], values: Collection[Any]) -> Collection[Any]:
    """Return the values, each checked; together where that can be seen, for a ledger has millions of them."""
    if not set(map(type, values)) <= kinds or max(map(abs, values), default=0) > MOST_COUNTED:
        return [check(value) for value in values]
    return values


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"expected a whole number, got {value!r}")
    if abs(value) > MOST_COUNTED:
        raise ValueError(f"{value!r:.40} is more than can be counted")
    return value


def _real(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, got {value!r}")
    return float(value)


def _flag(value: object) -> int:
    if value not in (0, 1):
        raise ValueError(f"{value!r} is neither true nor false")
    return int(bool(value))


def _one_of(name: object, known: tuple[str, ...]) -> str:
    if name not in known:
        raise ValueError(f"{name!r} is neither {' nor '.join(known)}")
    return str(name)
