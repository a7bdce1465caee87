"""What there is to measure: the benchmarks that both sides have, and those that only one has.

Every benchmark on both sides comes from one suite, by default the current checkout's, as in asv. What the baseline's
own suite had and this one has no longer is *removed*; a module that only one side can import makes its benchmarks
*added* or *removed* too, with the import error as the reason.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.errors import MeasurementError, UsageError
from headgate.gates.selection import compile_patterns, matches_none
from headgate.measure.asv_plan import no_benchmarks
from headgate.measure.process import launch_worker
from headgate.measure.session import Launch, PairError, start_pair
from headgate.model import BenchmarkId, BenchmarkSpec, Direction, Side

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Mapping, Sequence

    from headgate.errors import HeadgateError
    from headgate.measure.session import Launcher, SideRuntime

__all__ = ["Suite", "discover"]

DISCOVERY_SECONDS = 300.0  # imports of the whole suite; some compile at import


@dataclass(frozen=True, slots=True)
class Suite:
    """The benchmarks to compare.

    ``specs`` are those of both sides; ``added`` and ``removed`` are names in asv's own form, ``name(p1, p2)``;
    ``broken`` maps a side to its modules that could not be imported and why. ``digest`` identifies the selection.
    """

    specs: tuple[BenchmarkSpec, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    broken: Mapping[Side, Mapping[str, str]] = field(default_factory=dict)
    plugins: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 over the selected benchmarks, their versions and units."""
        lines = sorted(f"{spec.id}\0{spec.kind}\0{spec.unit}\0{spec.version}" for spec in self.specs)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def discover(
    baseline: SideRuntime,
    candidate: SideRuntime,
    *,
    regexes: Sequence[str] = (),
    launcher: Launcher = launch_worker,
) -> Suite:
    """Import the suite on both sides and return what can be compared.

    ``regexes`` select as asv's ``--bench``: searched in ``name(p1, p2)``, any may match.

    Raises
    ------
    UsageError
        A regex is malformed or nothing matches (the message names near benchmarks); the suite is empty.
    MeasurementError
        The suite could not be imported at all on a side.
    """
    patterns = compile_patterns(regexes)
    replies = discover_sides((baseline, candidate), launcher)
    before, after = (expand(replies[side.side]["benchmarks"], side.default_timeout) for side in (baseline, candidate))
    gone = own_names(baseline, launcher) - set(after) - set(before)
    everything = {*before, *after, *gone}
    if not everything:
        raise nothing_found(candidate, replies)
    chosen = select(everything, patterns)
    broken = {side: dict(summaries(reply["errors"])) for side, reply in replies.items() if reply["errors"]}
    return Suite(
        specs=tuple(after[key] for key in after if key in before and key in chosen),
        added=tuple(sorted(str(key) for key in after if key not in before and key in chosen)),
        removed=tuple(sorted(str(key) for key in everything if key not in after and key in chosen)),
        broken=broken,
        plugins=any(reply["plugins"] for reply in replies.values()),
    )


def select(everything: Iterable[BenchmarkId], patterns: Sequence[re.Pattern[str]]) -> set[BenchmarkId]:
    """Return the benchmarks that any pattern matches (all, when there is no pattern)."""
    chosen = {key for key in everything if not patterns or any(pattern.search(str(key)) for pattern in patterns)}
    if not chosen:
        raise UsageError(matches_none([pattern.pattern for pattern in patterns], (key.name for key in everything)))
    return chosen


def discover_sides(runtimes: Sequence[SideRuntime], launcher: Launcher) -> dict[Side, dict[str, Any]]:
    """Return each side's reply to ``discover``."""
    directory = Path(tempfile.mkdtemp(prefix="headgate-"))
    try:
        pair = start_pair(runtimes, Launch(hash_seed=1), directory, launcher)
        try:
            return pair.both("discover", dict.fromkeys(pair.workers, DISCOVERY_SECONDS), {})
        except PairError as failure:
            side, reason = next(iter(failure.reasons.items()))
            raise MeasurementError(f"the suite cannot be discovered on the {side}'s side: {reason}") from failure
        finally:
            pair.close(force=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def own_names(baseline: SideRuntime, launcher: Launcher) -> set[BenchmarkId]:
    """Return the benchmarks of the baseline's own suite: what the candidate may have removed.

    Empty where the suite is not part of the baseline's commit, or where that suite no longer imports.
    """
    if baseline.own_suite is None or not baseline.own_suite.is_dir():
        return set()
    own = replace(baseline, benchmark_dir=baseline.own_suite)
    try:
        replies = discover_sides((own,), launcher)
    except MeasurementError:
        return set()
    return set(expand(replies[own.side]["benchmarks"], own.default_timeout))


def expand(entries: Iterable[Mapping[str, Any]], default_timeout: float) -> dict[BenchmarkId, BenchmarkSpec]:
    """Return one spec per benchmark and combination of parameters, in asv's order."""
    specs: dict[BenchmarkId, BenchmarkSpec] = {}
    for entry in entries:
        for index, params in enumerate(itertools.product(*entry["params"])):
            key = BenchmarkId(entry["name"], tuple(params), tuple(entry["param_names"]))
            specs[key] = BenchmarkSpec(
                id=key,
                kind=entry["type"],
                unit=entry["unit"],
                param_index=index,
                timeout=float(entry["timeout"] or default_timeout),
                setup_cache_key=entry["setup_cache_key"],
                setup_cache_timeout=entry["setup_cache_timeout"],
                version=str(entry["version"]),
                direction=Direction(entry["direction"]),
            )
    return specs


def summaries(errors: Mapping[str, Mapping[str, str]]) -> Iterable[tuple[str, str]]:
    """Yield each broken module with the last line of its traceback."""
    for module, error in errors.items():
        yield module, error["error"]


def nothing_found(candidate: SideRuntime, replies: Mapping[Side, Mapping[str, Any]]) -> HeadgateError:
    """Return the error for nothing to measure, with the traceback of an import error if there is one."""
    for side, reply in replies.items():
        for module, error in reply["errors"].items():
            return MeasurementError(
                f"the suite's module {module} cannot be imported on the {side}'s side:\n{error['traceback']}"
            )
    return UsageError(no_benchmarks(candidate.benchmark_dir))
