"""What a run will measure: selection, chunks, estimate."""

from __future__ import annotations

import re

import pytest

from headgate.errors import UsageError
from headgate.formats.asv import BenchmarkInfo
from headgate.measure.asv_plan import CHUNK_SECONDS, Timings, chunks, cost_key, select

BENCHMARKS = {
    "s.time_x": BenchmarkInfo("s.time_x", "time", "seconds", ("v", "n"), (("'a.b'", "'c'"), ("1", "10"))),
    "s.time_plain": BenchmarkInfo("s.time_plain", "time", "seconds"),
}


def names(items):
    return [str(item) for item in items]


def test_a_regex_is_searched_in_the_name_with_its_parameters():
    assert names(select(BENCHMARKS, [r"'c', 1\)"])) == ["s.time_x('c', 1)"]
    assert len(select(BENCHMARKS, [])) == 5
    assert names(select(BENCHMARKS, ["time_x"], within=["10"], without=["'c'"])) == ["s.time_x('a.b', 10)"]


def test_nothing_selected_names_what_is_near():
    with pytest.raises(UsageError, match=r"near names: .*s\.time_plain"):
        select(BENCHMARKS, ["time_plian"])
    with pytest.raises(UsageError, match="--full"):
        select(BENCHMARKS, ["time_x"], within=["plain"])
    with pytest.raises(UsageError, match="regular expression"):
        select(BENCHMARKS, ["("])
    with pytest.raises(UsageError, match="no benchmarks"):
        select({}, [])


def test_a_chunks_regexes_select_its_benchmarks_and_no_others():
    everything = select(BENCHMARKS, [])
    for size in range(1, len(everything) + 1):
        wanted = everything[:size]
        (chunk,) = chunks(wanted, Timings({cost_key(item): 0.0 for item in everything}), 1)
        found = [item for item in everything if any(re.search(regex, str(item)) for regex in chunk.regexes())]
        assert found == wanted


def test_chunks_keep_the_order_and_none_is_longer_than_it_need_be():
    everything = select(BENCHMARKS, [])
    timings = Timings(stated=((".", CHUNK_SECONDS * 0.4),))
    planned = chunks(everything, timings, 1)
    assert [item for chunk in planned for item in chunk.benchmarks] == everything
    assert [len(chunk.benchmarks) for chunk in planned] == [2, 2, 1]
    assert [len(chunk.benchmarks) for chunk in chunks(everything, timings, 10)] == [1] * 5


def test_what_was_stated_comes_before_what_was_measured_and_both_before_the_guess():
    item = select(BENCHMARKS, ["plain"])[0]
    assert Timings({"s.time_plain": 3.0}, (("plain", 7.0),), 0.5).of(item) == 3.5
    assert Timings({"s.time_plain": 3.0}).of(item) == 3.0
    assert Timings().of(item) == 1.0
