"""A results tree of the transform study with made-up, known times, for tests of the report and of `headgate bench`."""

from __future__ import annotations

import itertools
import json

VARIANTS = ("recursion", "scan", "map", "numpy", "numba", "cython", "numba_recursion", "numba_scan", "numba_map")
SIZES = (10, 50)
LARGE = (1_000_000, 9_000_000)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
COLUMNS = ["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b", "stats_q_25",
           "stats_q_75", "stats_number", "stats_repeat", "samples", "profile"]  # fmt: skip
SMALL_NAME = "transforms_small.Small.time_transform"
LARGE_NAME = "transforms_large.Large.time_transform"
SHARE_NAME = "transforms_large.LargeOut.track_copy_share"


def seconds(variant, n):
    """The known time: one more nanosecond an element for each place in VARIANTS."""
    return 1e-9 * n * (1 + VARIANTS.index(variant))


def benchmarks(variants=VARIANTS):
    quoted = [repr(name) for name in variants]
    small = [quoted, ["10"], [str(n) for n in SIZES]]
    large = [quoted, ["'int32'"], ["10"], [str(n) for n in LARGE]]

    def entry(name, kind, unit, names, params):
        return {
            "name": name,
            "type": kind,
            "unit": unit,
            "param_names": names,
            "params": params,
            "version": "1",
            "rounds": 1,
        }

    names = ["variant", "dtype", "window", "n"]
    return {
        SMALL_NAME: entry(SMALL_NAME, "time", "seconds", ["variant", "window", "n"], small),
        LARGE_NAME: entry(LARGE_NAME, "time", "seconds", names, large),
        SHARE_NAME: entry(SHARE_NAME, "track", "fraction of copy bandwidth", names, large),
    }


def row(params, values):
    """A row of asv's with an interval of 1 % either way where there is a value."""
    known = [value if isinstance(value, float) else None for value in values]
    low = [None if value is None else value * 0.99 for value in known]
    high = [None if value is None else value * 1.01 for value in known]
    samples = [None if value is None else [value] * 10 for value in known]
    return [values, params, "1", 1_700_000_000_000, 1.0, low, high, None, None, None, None, samples]


def run_document(rows, threads="1", commit=COMMIT):
    base = {
        "commit_hash": commit,
        "env_name": f"virtualenv-py3.11-HEADGATE_THREADS{threads}",
        "date": 1_600_000_000_000,
    }
    base |= {"params": {"machine": "box", "cpu": "A <b>CPU</b>"}, "python": "3.11", "requirements": {"numba": ""}}
    base |= {"env_vars": {"HEADGATE_THREADS": threads}, "result_columns": COLUMNS, "results": rows}
    return base | {"durations": {}, "version": 2}


def rows_of(entries):
    """Every benchmark's row with its known values; the largest size of `recursion` is missing (NaN) in large arrays."""
    rows = {}
    for name, entry in entries.items():
        values = []
        for chosen in itertools.product(*entry["params"]):
            variant, n = chosen[0][1:-1], int(chosen[-1])
            known = seconds(variant, n) if variant in VARIANTS else 1e-3
            skipped = name == LARGE_NAME and variant == "recursion" and n > 1_000_000
            values.append(float("nan") if skipped else 0.25 if name == SHARE_NAME else known)
        rows[name] = row(entry["params"], values)
    return rows


def write_tree(root, machine="box", variants=VARIANTS):
    """Write benchmarks.json and one run of `machine` under `root`."""
    entries = benchmarks(variants)
    directory = root / machine
    directory.mkdir(parents=True, exist_ok=True)
    (root / "benchmarks.json").write_text(json.dumps({**entries, "version": 2}))
    (directory / "machine.json").write_text(json.dumps({"machine": machine, "version": 1}))
    document = run_document(rows_of(entries))
    (directory / f"{COMMIT[:8]}-virtualenv-py3.11-HEADGATE_THREADS1.json").write_text(json.dumps(document))
    return root
