"""All machines of a report side by side, and what was measured on them in units of their own ceilings. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.formats.saved import Outcome
from headgate.report import hardware_view
from headgate.report.study_data import ITEM_BYTES, points
from headgate.report.study_figures import copy_limit
from headgate.report.study_tables import NOT_MEASURED, Cell, Table
from headgate.report.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.model import BenchmarkId, Ceiling, HardwareProfile
    from headgate.report.study_view import StudyInput

__all__ = ["MOST_ROWS", "HardwarePage", "hardware_page"]

# Benchmarks in the comparison of machines: those that differ most once the machines' speeds are taken out.
MOST_ROWS = 100
# The unit in which interpreted code is compared between machines.
CALL = "call_function"


@dataclass(frozen=True, slots=True)
class HardwarePage:
    """The page: ``sections`` what the machines are, ``ceilings`` what they can, ``normalised`` results against that."""

    lede: str
    sections: tuple[Table, ...]
    ceilings: tuple[Table, ...]
    normalised: tuple[Table, ...]
    notes: tuple[str, ...]


def hardware_page(machines: Sequence[StudyInput]) -> HardwarePage | None:
    """Return the page; None where no machine has a profile."""
    known = [item for item in machines if item.hardware is not None]
    if not known:
        return None
    without = [item.machine for item in machines if item.hardware is None]
    notes = [f"{printable(name)}: no hardware profile was saved with its results" for name in without]
    notes += [f"{printable(item.machine)}: {printable(note)}" for item in known for note in _profile(item).notes]
    normalised = (_limit_table(known), _call_table(known))
    return HardwarePage(
        lede=_lede(known),
        sections=_sections(known),
        ceilings=tuple(_ceilings(known, kinds, unit) for kinds, unit in _GROUPS if _kinds(known, kinds)),
        normalised=tuple(table for table in normalised if table is not None),
        notes=tuple(notes),
    )


# (ceiling's kind -> what it is, what its numbers are), a table each.
_GROUPS: tuple[tuple[dict[str, str], str], ...] = (
    ({"copy": "copy", "copy_streaming": "streaming copy", "read": "read"}, "GB/s"),
    (
        {
            "call_empty_array": "numpy.empty(10)",
            "call_function": "an empty Python function",
            "call_clock": "time.perf_counter()",
        },
        "ns",
    ),
)


def _profile(item: StudyInput) -> HardwareProfile:
    if item.hardware is None:
        raise ValueError(f"{item.machine} has no profile")
    return item.hardware


def _lede(known: Sequence[StudyInput]) -> str:
    prints = {_profile(item).fingerprint for item in known}
    if len(known) == 1:
        return "One machine has a profile; with a second, its results stand beside these, in units of its own ceilings."
    same = "the same hardware by its fingerprint" if len(prints) == 1 else f"{len(prints)} different kinds of hardware"
    return f"{len(known)} machines, {same}."


def _sections(known: Sequence[StudyInput]) -> tuple[Table, ...]:
    """Return a table a section of the profile, a column a machine."""
    every = [hardware_view.sections(_profile(item)) for item in known]
    tables = []
    for parts in zip(*every, strict=True):
        rows = [
            (Cell(row[0][0]), *(Cell(printable(text.replace("\n", "; ")), mark="wrap") for _, text in row))
            for row in zip(*(part.rows for part in parts), strict=True)
        ]
        tables.append(Table(parts[0].title, ("property", *_names(known)), tuple(rows)))
    return tuple(tables)


def _names(known: Sequence[StudyInput]) -> tuple[str, ...]:
    return tuple(printable(item.machine) for item in known)


def _kinds(known: Sequence[StudyInput], kinds: dict[str, str]) -> list[tuple[str, int, int]]:
    """Return (kind, threads, payload) of every ceiling that some machine has, in order."""
    found = {
        (ceiling.kind, ceiling.threads, ceiling.nbytes or 0)
        for item in known
        for ceiling in _profile(item).ceilings
        if ceiling.kind in kinds
    }
    return sorted(found, key=lambda key: (list(kinds).index(key[0]), key[2], key[1]))


def _ceilings(known: Sequence[StudyInput], kinds: dict[str, str], unit: str) -> Table:
    rows = []
    for kind, threads, nbytes in _kinds(known, kinds):
        found = [_ceiling(_profile(item), kind, threads, nbytes) for item in known]
        payload = f", {nbytes / 1e6:g} MB" if nbytes else ""
        many = f", {threads} threads" if threads > 1 else ""
        cells = [_ceiling_cell(one, found[0], unit) for one in found]
        rows.append((Cell(f"{kinds[kind]}{payload}{many}"), *cells))
    beside = "; below, the multiple of the first machine's" if len(known) > 1 else ""
    what = "bandwidth of payload, GB/s (a copy of n bytes counts n)" if unit == "GB/s" else "cost of a call, ns"
    caption = f"Ceilings: {what}; median and half the interquartile range{beside}"
    return Table(caption, ("ceiling", *_names(known)), tuple(rows))


def _ceiling(profile: HardwareProfile, kind: str, threads: int, nbytes: int) -> Ceiling | None:
    for one in profile.ceilings:
        if (one.kind, one.threads, one.nbytes or 0) == (kind, threads, nbytes) and one.median > 0:
            return one
    return None


def _ceiling_cell(one: Ceiling | None, first: Ceiling | None, unit: str) -> Cell:
    if one is None:
        return Cell(NOT_MEASURED, mark="none")
    scale = 1e-9 if unit == "GB/s" else 1e9
    half = (one.upper_quartile - one.lower_quartile) / 2 / one.median
    note = "" if first is None or first is one else f"{one.median / first.median:.2f}×"
    return Cell(f"{one.median * scale:#.3g}".rstrip(".") + f" ±{half * 100:.0f} %", note)


def _limit_table(known: Sequence[StudyInput]) -> Table | None:
    """Return each machine's fastest variant as a share of its own copy ceiling, by type and size."""
    best: dict[tuple[str, int, int], dict[str, tuple[float, str]]] = {}
    for item in known:
        for point in points(item.runs):
            if point.kind != "out" or point.threads != "1" or point.dtype not in ITEM_BYTES or point.value <= 0:
                continue
            limit = copy_limit(item.hardware, point.dtype, [point.n])
            if limit:
                own = best.setdefault((point.dtype, point.window, point.n), {})
                share = limit[0][1] / point.value
                own[item.machine] = max(own.get(item.machine, (0.0, "")), (share, point.variant))
    if not best:
        return None
    rows = []
    for (dtype, window, n), own in sorted(best.items()):
        cells = [
            Cell(f"{own[item.machine][0] * 100:.0f} %", printable(own[item.machine][1]))
            if item.machine in own
            else Cell(NOT_MEASURED, mark="none")
            for item in known
        ]
        rows.append((Cell(f"{dtype}, window {window}, {n:,} elements"), *cells))
    caption = (
        "The fastest variant's speed as a share of the machine's own fastest copy of as many bytes (one thread, result "
        "array given; the two were measured apart, and on a shared machine hours differ)"
    )
    return Table(caption, ("array", *_names(known)), tuple(rows))


def _call_table(known: Sequence[StudyInput]) -> Table | None:
    """Return times in units of each machine's empty call, where two machines or more have both."""
    units = {item.machine: _ceiling(_profile(item), CALL, 1, 0) for item in known}
    able = [item for item in known if units[item.machine] is not None]
    if len(able) < 2:
        return None
    costs: dict[BenchmarkId, dict[str, float]] = {}
    for item in able:
        unit = units[item.machine]
        for run in item.runs if unit is not None else ():
            for result in run.results:
                timed = result.unit == "seconds" and result.outcome is Outcome.MEASURED and result.value
                if timed and unit is not None and item.machine not in costs.setdefault(result.benchmark, {}):
                    costs[result.benchmark][item.machine] = timed / unit.median
    both = [(name, own) for name, own in costs.items() if len(own) > 1]
    if not both:
        return None
    both.sort(key=lambda pair: (-max(pair[1].values()) / min(pair[1].values()), pair[0]))
    rows = []
    for name, own in both[:MOST_ROWS]:
        first = own.get(able[0].machine)
        cells = [_cost_cell(own.get(item.machine), first, is_first=item is able[0]) for item in able]
        rows.append((Cell(printable(str(name))), *cells))
    left_out = f"; the {MOST_ROWS} of {len(both):,} that differ most" if len(both) > MOST_ROWS else ""
    caption = (
        "Times in units of the machine's own empty Python call; below, the multiple of the first machine's: what is "
        f"far from 1.00× is not explained by the speed of interpreted code{left_out}"
    )
    return Table(caption, ("benchmark", *_names(able)), tuple(rows))


def _cost_cell(value: float | None, first: float | None, *, is_first: bool) -> Cell:
    if value is None:
        return Cell(NOT_MEASURED, mark="none")
    return Cell(f"{value:,.4g}", "" if is_first or not first else f"{value / first:.2f}×")
