"""What there is to measure: the benchmarks that both sides have, and those that only one has.

Every benchmark on both sides comes from one suite, by default the current checkout's, as in asv. What the baseline's
own suite had and this one has no longer is *removed*; what only the candidate has is *added*. A module that the
baseline cannot import, as one that imports what the candidate brings, is taken there from its own suite where the
current one only adds to that. Else the benchmarks of a module that one side cannot import have failed, unless they are
shown to be new.
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
from headgate.measure.additions import adds_only
from headgate.measure.asv_plan import no_benchmarks
from headgate.measure.measurement import Failure
from headgate.measure.process import launch_worker
from headgate.measure.session import Launch, PairError, start_pair
from headgate.model import BenchmarkId, BenchmarkSpec, Direction, Side

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from headgate.errors import HeadgateError
    from headgate.measure.session import Launcher, SideRuntime

__all__ = ["Suite", "discover"]

DISCOVERY_SECONDS = 300.0  # imports of the whole suite; some compile at import


@dataclass(frozen=True, slots=True)
class Suite:
    """The benchmarks to compare.

    ``specs`` are those of both sides, ``unmeasured`` those of them that one side cannot import, and why; ``added`` and
    ``removed`` are names in asv's own form, ``name(p1, p2)``; ``broken`` maps a side to its modules that could not be
    imported and why, ``own_modules`` the files of those that the baseline's own suite stands in for (for its
    `SideRuntime`). ``installed`` identifies the code that each side has installed, ``digest`` the selection.
    """

    specs: tuple[BenchmarkSpec, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    broken: Mapping[Side, Mapping[str, str]] = field(default_factory=dict)
    unmeasured: Mapping[BenchmarkId, Failure] = field(default_factory=dict)
    own_modules: Mapping[str, Path] = field(default_factory=dict)
    plugins: bool = False
    installed: Mapping[Side, str] = field(default_factory=dict)

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
    own = own_reply(baseline, launcher)
    files = own_files(baseline, replies[Side.BASELINE]["errors"], own)
    stood_in, files = unchanged(replace(baseline, own_modules=files), replies[Side.CANDIDATE], launcher)
    replies[Side.BASELINE]["benchmarks"] += stood_in
    before, after = (expand(replies[side.side]["benchmarks"], side.default_timeout) for side in (baseline, candidate))
    earlier = {} if own is None else expand(own["benchmarks"], baseline.default_timeout)
    everything = {**after, **before, **earlier} | before | after  # in the candidate's order, and as it has them
    if not everything:
        raise nothing_found(candidate, replies)
    chosen = select(everything, patterns)
    lost = unmeasured(chosen, before, after, replies, own)
    compared = lost.keys() | (chosen & before.keys() & after.keys())
    return Suite(
        specs=tuple(spec for key, spec in everything.items() if key in compared),
        added=tuple(sorted(str(key) for key in after if key not in before and key in chosen - lost.keys())),
        removed=tuple(sorted(str(key) for key in everything if key not in after and key in chosen - lost.keys())),
        broken={side: dict(summaries(reply["errors"])) for side, reply in replies.items() if reply["errors"]},
        unmeasured=lost,
        own_modules=files,
        plugins=any(reply["plugins"] for reply in replies.values()),
        installed={side: reply["installed"] for side, reply in replies.items()},
    )


def own_files(baseline: SideRuntime, errors: Collection[str], own: Mapping[str, Any] | None) -> dict[str, Path]:
    """Return the files of the baseline's own suite for the modules in ``errors`` that the current ones only add to.

    asv's digest of a benchmark is of its function and setups alone, and none where it states a ``version``: a constant,
    or a helper, that differs would have each side measure other work.
    """
    if own is None or baseline.own_suite is None or baseline.own_suite.name != baseline.benchmark_dir.name:
        return {}
    files = {}
    for module in errors:
        path = module.replace(".", "/").partition("/")[2] + ".py"
        file, current = baseline.own_suite / path, baseline.benchmark_dir / path
        if broken_module(module, own["errors"]) is None and file.is_file() and current.is_file():
            text = (one.read_text(encoding="utf-8", errors="replace") for one in (file, current))
            if adds_only(*text):
                files[module] = file
    return files


def unchanged(
    baseline: SideRuntime, after: Mapping[str, Any], launcher: Launcher
) -> tuple[list[dict[str, Any]], dict[str, Path]]:
    """Return the benchmarks in the baseline's ``own_modules`` that are the candidate's, by asv's digest too.

    And those of the modules' files that import there, where any has such a benchmark.
    """
    if not baseline.own_modules:
        return [], {}
    versions = {entry["name"]: entry["version"] for entry in after["benchmarks"]}
    try:
        reply = discover_sides((baseline,), launcher)[baseline.side]
    except MeasurementError:
        return [], {}
    own = [entry for entry in reply["benchmarks"] if entry["module"] in baseline.own_modules]
    same = [entry for entry in own if versions.get(entry["name"]) == entry["version"]]
    files = {module: file for module, file in baseline.own_modules.items() if module not in reply["errors"]}
    return same, files if same else {}


def unmeasured(
    chosen: Iterable[BenchmarkId],
    before: Collection[BenchmarkId],
    after: Collection[BenchmarkId],
    replies: Mapping[Side, Mapping[str, Any]],
    own: Mapping[str, Any] | None,
) -> dict[BenchmarkId, Failure]:
    """Return those of ``chosen`` that a side lacks because it cannot import their module: no evidence, hence failed.

    ``own`` is the reply of the baseline's own suite. What that was read to have no trace of is new whatever the import
    says, as where a module of benchmarks comes with the feature that it measures.
    """
    known = [*([own] if own is not None else []), *replies.values()]
    modules = {entry["name"]: entry["module"] for reply in known for entry in reply["benchmarks"]}
    had = {entry["name"] for entry in own["benchmarks"]} if own is not None else set()
    lost: dict[BenchmarkId, Failure] = {}
    for key in chosen:
        if key in before and key in after:
            continue
        side = Side.BASELINE if key in after else Side.CANDIDATE
        module = broken_module(modules[key.name], replies[side]["errors"])
        if module is None:
            continue
        new = own is not None and key.name not in had and broken_module(modules[key.name], own["errors"]) is None
        if side is Side.CANDIDATE or not new:
            error = replies[side]["errors"][module]["error"]
            # With that suite both sides run what the baseline had.
            runs = side is Side.BASELINE and own is not None and module not in own["errors"]
            remedy = "import it within the benchmark" + (", or compare with --suite baseline" if runs else "")
            lost[key] = Failure(side, f"the suite's module {module} cannot be imported: {error}; {remedy}")
    return lost


def broken_module(module: str, errors: Collection[str]) -> str | None:
    """Return which of ``errors`` is ``module`` or a package around it."""
    parts = module.split(".")
    return next((name for end in range(1, len(parts) + 1) if (name := ".".join(parts[:end])) in errors), None)


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
            # A commit does not say which versions its dependencies had when it was built.
            asked = {one.side: {"built": one.info.commit is not None} for one in runtimes}
            return pair.both("discover", dict.fromkeys(pair.workers, DISCOVERY_SECONDS), asked)
        except PairError as failure:
            side, reason = next(iter(failure.reasons.items()))
            raise MeasurementError(f"the suite cannot be discovered on the {side}'s side: {reason}") from failure
        finally:
            pair.close(force=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def own_reply(baseline: SideRuntime, launcher: Launcher) -> dict[str, Any] | None:
    """Return what ``discover`` says of the baseline's own suite, which tells what the candidate removed or added.

    None where the suite is not part of the baseline's commit, or where that suite no longer imports.
    """
    if baseline.own_suite is None or not baseline.own_suite.is_dir():
        return None
    own = replace(baseline, benchmark_dir=baseline.own_suite)
    try:
        return discover_sides((own,), launcher)[own.side]
    except MeasurementError:
        return None


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
