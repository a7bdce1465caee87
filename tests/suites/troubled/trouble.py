"""Benchmarks that go wrong on the side whose environment sets HEADGATE_TEST_TROUBLE (both, when it says so)."""

import os
import time

TROUBLE = os.environ.get("HEADGATE_TEST_TROUBLE") == "1"


def time_fine():
    sum(range(100))


def time_crash():
    if TROUBLE:
        print("about to crash")
        os.write(2, b"last words\n")
        os._exit(7)


def time_raises():
    if TROUBLE:
        raise ValueError("wrong answer")


class Hang:
    timeout = 1

    def setup(self):
        if TROUBLE:
            time.sleep(60)

    def time_never_starts(self):
        pass


def track_nan():
    return float("nan") if TROUBLE else 1.0


def track_text():
    return "text"


class SkipsHere:
    def setup(self):
        if TROUBLE:
            raise NotImplementedError("not on this side")

    def time_skipped_on_one_side(self):
        pass


class BrokenCache:
    def setup_cache(self):
        if TROUBLE:
            raise RuntimeError("no cache today")
        return 1

    def time_uses_cache(self, cache):
        pass

    def time_uses_it_too(self, cache):
        pass


def time_exits():
    if TROUBLE:
        raise SystemExit(3)
