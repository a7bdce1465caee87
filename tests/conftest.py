"""Fixtures that several rooms share: one S3 server a process, whichever tests ask."""

from moto_server import moto_server

__all__ = ["moto_server"]
