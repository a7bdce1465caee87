"""What the process that runs asv adds to it."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from headgate.measure.asv_entry import event, install_events, redirect_results
from headgate.measure.asv_session import merge_rounds


class Result(NamedTuple):
    """As asv's BenchmarkResult, as far as it is looked at."""

    result: list
    errcode: int
    stderr: str


BENCHMARK = {"name": "suite.time_x"}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Result([True], 0, ""), {"outcome": "measured"}),
        (Result([True], 0, "a warning"), {"outcome": "measured"}),
        (
            Result([float("nan")], 0, "asv: skipped: NotImplementedError('slow') \nmore"),
            {"outcome": "skipped", "reason": "NotImplementedError('slow')"},
        ),
        (Result([None], 1, "Traceback\nValueError: boom"), {"outcome": "failed", "reason": "ValueError: boom"}),
        (Result([None], -9, ""), {"outcome": "failed", "reason": "no output"}),
    ],
)
def test_an_event_says_what_became_of_a_combination_and_why(result, expected):
    told = event(BENCHMARK, 3, "env", result, 1.25)
    assert told == {"benchmark": "suite.time_x", "index": 3, "environment": "env", "seconds": 1.25} | expected


def test_each_combination_is_told_of_on_the_pipe_and_its_result_passed_on():
    read_end, write_end = os.pipe()
    wanted = Result([True], 0, "")
    runner = SimpleNamespace(_run_benchmark_single_param=lambda *_args, **_kwargs: wanted)
    assert install_events(runner, write_end)
    spawner = SimpleNamespace(env=SimpleNamespace(name="env"))
    assert runner._run_benchmark_single_param(BENCHMARK, spawner, 7, extra_params={}) is wanted
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        (line,) = [json.loads(text) for text in stream]
    assert (line["index"], line["environment"], line["outcome"]) == (7, "env", "measured")


def test_an_asv_without_that_function_still_runs():
    assert not install_events(SimpleNamespace(), 1)


def test_the_asv_installed_has_what_is_hooked():
    from asv import runner
    from asv.config import Config

    assert callable(runner._run_benchmark_single_param)
    assert callable(Config.load)


def test_results_are_redirected_whatever_the_configuration_says():
    config = SimpleNamespace(load=lambda path: SimpleNamespace(results_dir="results", path=path))
    redirect_results(config, "/elsewhere")
    assert vars(config.load("f")) == {"results_dir": "/elsewhere", "path": "f"}


def test_the_rounds_of_a_combination_are_one_event_and_a_failure_stays_one():
    key = {"environment": "e", "benchmark": "b", "index": 0}
    failed, measured = (
        {**key, "outcome": "failed", "reason": "x", "seconds": 1.0},
        {**key, "outcome": "measured", "seconds": 2.0},
    )
    for events in ([failed, measured], [measured, failed]):
        (merged,) = merge_rounds(events)
        assert merged["outcome"] == "failed"
        assert merged["seconds"] == 3.0
