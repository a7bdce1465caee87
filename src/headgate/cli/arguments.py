"""Values of options that argparse's own types would refuse in words of Python's."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["time_argument", "whole_number"]


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
