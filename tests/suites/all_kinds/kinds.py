"""One benchmark of each kind and hook that asv knows; pure Python."""

import os
import sys
import tempfile
import time
from pathlib import Path


def time_plain():
    sum(range(200))


def timeraw_import():
    return "import json"


timeraw_import.number = 1


def mem_list():
    return [0] * 1000


def peakmem_bytes():
    return len(bytearray(40_000_000))


def track_answer():
    return 42


track_answer.unit = "answers"
track_answer.direction = "higher"


def time_noisy():
    print("this is no protocol line")
    sys.stderr.write('{"value": 1}\n')


def time_explicit_number():
    sum(range(50))


time_explicit_number.number = 7


class Params:
    params = ([10, 20], ["a", "b"])
    param_names = ["n", "letter"]

    def setup(self, n, letter):
        if (n, letter) == (20, "b"):
            raise NotImplementedError
        self.data = [letter] * n
        self.ready = True

    def time_consume(self, n, letter):
        assert self.ready, "setup must run before each timed call"
        self.ready = False
        assert len(self.data) == n

    def teardown(self, n, letter):
        assert self.data, "teardown runs after setup"


class Cached:
    def setup_cache(self):
        Path("beside.txt").write_text("left by setup_cache")
        counter = os.environ.get("HEADGATE_TEST_COUNTER")
        if counter:
            with open(counter, "a") as file:
                file.write("x")
        return {"value": 5}

    def time_cached(self, cache):
        assert cache["value"] == 5
        assert Path("beside.txt").exists()

    def track_cached(self, cache):
        return cache["value"]


class Hooks:
    """Leaves a mark in a file so that a test can count teardowns."""

    def setup(self):
        self.file = tempfile.TemporaryFile()

    def teardown(self):
        self.file.close()

    def time_write(self):
        self.file.write(b"x")


def time_slow_once():
    time.sleep(0.002)
