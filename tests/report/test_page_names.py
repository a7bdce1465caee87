"""Page names: portable, unique, safe, and the same tomorrow."""

from __future__ import annotations

import doctest
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.report import page_names as module
from headgate.report.page_names import page_names

NAMES = st.text(max_size=150) | st.from_regex(r"(?i)(con|com1|\.\.|/|a|b|%2e|-){1,6}", fullmatch=True)


@given(st.lists(NAMES, max_size=30))
def test_every_name_has_a_page_of_its_own_below_the_directory_on_any_file_system(names):
    found = page_names(names)
    assert set(found) == set(names)
    assert len({path.lower() for path in found.values()}) == len(found)
    for path in found.values():
        assert re.fullmatch(r"benchmarks/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.html", path)
        assert len(path) <= 130
        assert not re.match(r"(?i)benchmarks/(con|prn|aux|nul|com\d|lpt\d)\.", path)


@given(st.lists(NAMES, max_size=10), st.randoms())
def test_the_order_of_the_names_decides_nothing(names, random):
    shuffled = list(names)
    random.shuffle(shuffled)
    assert page_names(names) == page_names(shuffled)


def test_another_benchmark_moves_no_page():
    few = page_names(["suite.time_x", "a b", "time_λ"])
    many = page_names(["suite.time_x", "a b", "time_λ", "a/b", "a-b", "z"])
    assert {name: many[name] for name in few} == few


def test_names_that_differ_in_case_alone_have_files_that_differ_in_more():
    found = page_names(["Suite.time_x", "suite.time_x"])
    assert len({path.lower() for path in found.values()}) == 2


def test_a_name_that_looks_like_the_digest_of_another_keeps_its_place():
    taken = page_names(["a b"])["a b"].removeprefix("benchmarks/").removesuffix(".html")
    found = page_names(["a b", taken])
    assert found[taken] == f"benchmarks/{taken}.html"
    assert found["a b"] != found[taken]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..", "C:\\x", "a\0b", "nul", "x" * 300, ""])
def test_no_name_leaves_the_directory(name):
    path = page_names([name])[name]
    assert re.fullmatch(r"benchmarks/[\w-]+\.html", path)


def test_the_examples_are_true():
    assert doctest.testmod(module).failed == 0
