"""Every real asv file parses: a committed sample always, and the whole collection where it lies beside the checkout."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asv.results import Results

from headgate.formats import read_run
from headgate.formats.saved import Outcome

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "data" / "asv"
COLLECTION = ROOT.parent / "shared" / "data" / "asv_results"
NOT_RESULTS = {"machine.json", "benchmarks.json", "asv.conf.json"}
# What is in each: files, and results by what became of them and by what asv kept of them.
COUNTS = {
    SAMPLE: {"files": 20, "measured": 768, "failed": 139, "skipped": 1, "samples": 487, "interval": 755},
    COLLECTION: {"files": 1129, "measured": 48280, "failed": 5317, "skipped": 0, "samples": 26891, "interval": 45904},
}
TREES = [SAMPLE, *([pytest.param(COLLECTION, marks=pytest.mark.slow)] if COLLECTION.is_dir() else [])]


def files(tree: Path) -> list[Path]:
    return sorted(path for path in tree.rglob("*.json") if path.name not in NOT_RESULTS)


@pytest.mark.parametrize("tree", TREES, ids=lambda path: path.name)
def test_every_file_parses_and_the_counts_are_these(tree: Path) -> None:
    counts = Counter(dict.fromkeys(COUNTS[tree], 0))
    for path in files(tree):
        run = read_run(path)
        assert run.tool == "asv"
        assert run.commit is not None
        counts["files"] += 1
        for item in run.results:
            counts[item.outcome.value] += 1
            counts["samples"] += bool(item.samples)
            counts["interval"] += item.lower is not None
            assert (item.value is not None) == (item.outcome is Outcome.MEASURED)
    assert counts == COUNTS[tree]


@pytest.mark.parametrize(
    "path", [path for path in files(SAMPLE) if path.name != "version-1.json"], ids=lambda p: p.name
)
def test_every_file_says_what_asvs_own_reader_says(path: Path) -> None:
    theirs = Results.load(str(path))
    ours: dict[str, list[Any]] = {}
    for item in read_run(path).results:
        ours.setdefault(item.benchmark.name, []).append(item)
    assert set(ours) == set(theirs.get_all_result_keys())
    for name, items in ours.items():
        params = theirs.get_result_params(name)
        assert [item.value for item in items] == theirs.get_result_value(name, params)
        assert [list(item.samples) or None for item in items] == theirs.get_result_samples(name, params)
        stats = [entry or {} for entry in theirs.get_result_stats(name, params)]
        assert [item.lower for item in items] == [entry.get("ci_99_a") for entry in stats]
        assert [item.number for item in items] == [entry.get("number") for entry in stats]


def test_what_asv_writes_again_reads_the_same(tmp_path: Path) -> None:
    for path in files(SAMPLE):
        if path.name == "version-1.json":
            continue
        again = Results.load(str(path))
        again.save(str(tmp_path))
        written = tmp_path / path.parent.name / path.name
        first, second = read_run(path), read_run(written)
        # asv writes benchmarks in its own order, and five digits of what is neither a result nor a sample.
        assert {item.benchmark: (item.outcome, item.value, item.samples) for item in first.results} == {
            item.benchmark: (item.outcome, item.value, item.samples) for item in second.results
        }
        blank = {"source": "", "results": (), "durations": {}}
        assert replace(first, **blank) == replace(second, **blank)
