"""Options that several commands have, and values that argparse's own types would refuse in words of Python's."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["add_bench_argument", "time_argument", "whole_number"]


def add_bench_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--bench``, which chooses benchmarks by name and parameters."""
    parser.add_argument(
        "--bench",
        metavar="REGEX",
        action="append",
        default=[],
        help="only benchmarks whose name(params) the regular expression is found in (repeatable)",
    )


def whole_number(text: str) -> int:
    """Return a whole number; argparse's ``type``."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} will not do: expected a whole number, as 7") from None


def time_argument(unit: float, example: str) -> Callable[[str], float]:
    """Return argparse's ``type`` for a time, as "5s" or "7d"; a bare number is one of ``unit`` seconds."""

    def parse(text: str) -> float:
        from headgate.gates.policy_input import text_seconds

        seconds: float | None
        try:
            seconds = float(text) * unit
        except ValueError:
            seconds = text_seconds(text)
        if seconds is None or not 0.0 < seconds < math.inf:
            raise argparse.ArgumentTypeError(f"{text!r} will not do: expected a time, as {example}")
        return seconds

    return parse
