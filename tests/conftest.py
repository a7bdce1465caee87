"""Fixtures that several rooms share (one S3 server a process), how hard Hypothesis looks, and Numba's cache."""

import os
from pathlib import Path

from hypothesis import settings
from moto_server import moto_server

__all__ = ["moto_server"]

# For `make check`, every day; everything else takes Hypothesis's own hundred examples.
settings.register_profile("everyday", max_examples=15)

# Numba numbers its cached files by an index that it reads and writes without a lock: two processes that compile at
# once may give two functions one file, and whoever loads it then aborts. Each of xdist's processes has a cache of its
# own, set before anything imports Numba.
if "PYTEST_XDIST_WORKER" in os.environ:
    cache = Path(__file__).parents[1] / ".pytest_cache" / "numba" / os.environ["PYTEST_XDIST_WORKER"]
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache))
