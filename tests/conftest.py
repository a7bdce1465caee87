"""Fixtures that several rooms share (one S3 server a process, whichever tests ask), and how hard Hypothesis looks."""

from hypothesis import settings
from moto_server import moto_server

__all__ = ["moto_server"]

# For `make check`, every day; everything else takes Hypothesis's own hundred examples.
settings.register_profile("everyday", max_examples=15)
