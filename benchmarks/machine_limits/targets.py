"""The figures the kernels are held to, each with what was measured for it; one that was not measured is not reached."""

from __future__ import annotations

from typing import Any

Rows = list[dict[str, Any]]
COPY_SHARE = {"int32": 0.90, "int64": 0.90, "float64": 0.80}
LARGE, WINDOWS, PEER_SIZE = (4_000_000, 9_000_000), (10, 4096), 9_000_000
WINDOW_COST, PEER_FACTOR, EMPTY_FACTOR, PUBLIC_FACTOR = 1.3, 5.0, 1.3, 5.0
FLOAT_ERROR = 4.0
OURS = ("headgate", "variant numba", "variant numpy")


def targets(measured: dict[str, Rows]) -> Rows:
    """Give every figure as ``name``, ``wanted``, ``worst`` (a ratio with interval, or None), ``where``, ``verdict``."""
    return [*_copy_targets(measured["copies"]), *_peer_targets(measured["peers"]), *_small_targets(measured["small"])]


def judge(ratio: dict[str, float], wanted: float, *, at_least: bool) -> str:
    """Reached or not where the whole interval lies on one side; not decided where it holds the figure."""
    near, far = (ratio["low"], ratio["high"]) if at_least else (-ratio["high"], -ratio["low"])
    wanted = wanted if at_least else -wanted
    return "reached" if near >= wanted else "not reached" if far < wanted else "not decided"


def _figure(name: str, wanted: float, found: list[tuple[str, dict[str, float]]], *, at_least: bool) -> dict[str, Any]:
    pick = min if at_least else max
    where, worst = pick(found, key=lambda item: item[1]["ratio"]) if found else ("", None)
    verdicts = {judge(ratio, wanted, at_least=at_least) for _, ratio in found}
    verdict = next((v for v in ("not reached", "not decided", "reached") if v in verdicts), "not measured")
    return {
        "name": name,
        "wanted": wanted,
        "at_least": at_least,
        "worst": worst,
        "where": where,
        "verdict": verdict,
    }


def _where(row: dict[str, Any]) -> str:
    return f"{row['dtype']}, {row['n']:,}, w={row['window']}"


def _copy_targets(rows: Rows) -> Rows:
    large = [r for r in rows if r["n"] in LARGE and WINDOWS[0] <= r["window"] <= WINDOWS[1]]
    figures = []
    for dtype, share in COPY_SHARE.items():
        found = [(_where(r), r["of_copy"]) for r in large if r["dtype"] == dtype]
        name = f"{dtype}: share of the streaming copy's speed, 4 to 9 million elements, windows 10 to 4096"
        figures.append(_figure(name, share, found, at_least=True))
    cost = [(_where(r), r["over_window_10"]) for r in large if r["window"] == WINDOWS[1]]
    name = "time at window 4096 over time at window 10, 4 to 9 million elements"
    return [*figures, _figure(name, WINDOW_COST, cost, at_least=False)]


def _peer_targets(rows: Rows) -> Rows:
    figures = []
    for weighted in (True, False):
        found = [
            (f"{_where(r)}: {r['name']}", r["times_slower"])
            for r in rows
            if r["name"] not in OURS and r["correct"] and r["n"] == PEER_SIZE and r["weighted"] is weighted
        ]
        what = "coefficients (0, 1)" if weighted else "plain moving sum"
        name = f"fastest correct peer's time over the kernel's, {PEER_SIZE:,} elements, fresh results, {what}"
        figures.append(_figure(name, PEER_FACTOR, found, at_least=True))
    errors = [
        (_where(r), dict.fromkeys(("ratio", "low", "high"), r["error_eps"]))
        for r in rows
        if r["name"] == OURS[0] and r["error_eps"] is not None
    ]
    return [*figures, _figure("float64: largest error in eps * sum|terms|", FLOAT_ERROR, errors, at_least=False)]


def _small_targets(rows: Rows) -> Rows:
    wanted = {"native, fresh result": EMPTY_FACTOR, "sliding_polynomial": PUBLIC_FACTOR}
    return [
        _figure(
            f"10 elements: {name} over np.empty(10)",
            limit,
            [(r["dtype"], r["over_empty"]) for r in rows if r["name"] == name],
            at_least=False,
        )
        for name, limit in wanted.items()
    ]
