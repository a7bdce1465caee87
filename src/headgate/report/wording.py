"""Numbers and foreign text made fit for display; used last, when all sorting and computing is done."""

from __future__ import annotations

import math
import unicodedata

__all__ = ["count", "duration", "percent", "plain_percent", "printable", "quantity", "short_name", "shortened"]

MINUS = "−"  # noqa: RUF001 - the minus sign, as wide as the plus
# Format controls (bidirectional overrides among them) change how *other* text looks; the rest cannot be shown at all.
_UNSHOWABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_MOST_DECIMALS = 4
# Beyond these, decimals of a percentage are the rounding of binary fractions.
_NOISE_DECIMALS = 10
# From here on a percentage is written with an exponent: its digits would push all else out of a table.
_LARGEST_PLAIN = 1e9
_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_SIZES = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))


def printable(text: str) -> str:
    r"""Return ``text`` on one line, with what cannot be shown or would change other text written as ``\x1b``."""
    return "".join(
        character
        if unicodedata.category(character) not in _UNSHOWABLE
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


def shortened(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` characters, the middle left out: both ends of a name tell most."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def short_name(name: str, width: int) -> str:
    """Return a benchmark's name in at most ``width`` characters: the function's own name and parameters tell most."""
    if len(name) <= width:
        return name
    function, bracket, params = name.partition("(")
    own = min(len(function.rpartition(".")[2]) + 1, width * 2 // 3)
    room = width if not bracket else max(own, width - len(params) - 1)
    if len(function) > room:
        function = "…" + function[len(function) - room + 1 :].lstrip(".")
    text = function + bracket + params
    return text if len(text) <= width else text[: width - 1] + "…"


def percent(ratio: float | None, margin: float | None = None, *, least: int = 1) -> str:
    """Return a ratio as a signed change: 1.052 is "+5.2 %".

    ``least`` decimals, one more for small changes. With a ``margin``, as many decimals (up to four) as it takes to stay
    on the ratio's side of it: a bound of 4.98 % is not shown as "+5.0 %" beside a margin of 5 %.
    """
    if ratio is None or not math.isfinite(ratio):
        return "?"
    value = round((ratio - 1.0) * 100.0, _NOISE_DECIMALS)
    if value >= _LARGEST_PLAIN:
        return f"{value:+.2e} %"
    decimals = least if abs(value) >= 0.95 else max(least, 2)
    if margin is not None:
        limit = round(margin * 100.0, _NOISE_DECIMALS)
        while decimals < _MOST_DECIMALS and (round(value, decimals) > limit) != (value > limit):
            decimals += 1
        while decimals < _MOST_DECIMALS and (round(value, decimals) < limit) != (value < limit):
            decimals += 1
    rounded = round(value, decimals)
    sign = "+" if rounded > 0 else MINUS if rounded < 0 else "±"
    return f"{sign}{abs(rounded):.{decimals}f} %"


def plain_percent(fraction: float) -> str:
    """Return a fraction as it would be said: 0.05 is "5 %", 0.995 is "99.5 %"."""
    return f"{fraction * 100:.6g} %"


def quantity(value: float | None, unit: str) -> str:
    """Return a measured value in three or four digits and a unit of fitting size."""
    if value is None or not math.isfinite(value):
        return "?"
    scales = {"seconds": _TIMES, "s": _TIMES, "bytes": _SIZES}.get(unit)
    if scales is None or value == 0:
        return f"{value:.4g} {printable(unit)}".strip()
    for scale, name in scales:
        if abs(value) >= scale:
            return f"{_digits(value / scale)} {name}"
    return f"{_digits(value / 1e-9)} ns" if scales is _TIMES else f"{value:.4g} B"


def duration(seconds: float) -> str:
    """Return a time span as people say it: "41 s", "9 min 30 s", "2 h 5 min", "3 d 4 h"."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    # A day or two are still hours to people: "36 h".
    days, hours = divmod(hours, 24) if hours >= 48 else (0, hours)
    parts = [(days, "d"), (hours, "h"), (0 if days else minutes, "min"), (0 if days or hours else rest, "s")]
    return " ".join(f"{amount} {name}" for amount, name in parts if amount)


def count(amount: int, one: str, many: str = "") -> str:
    """Return "1 benchmark", "3 benchmarks"."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def _digits(value: float) -> str:
    """Return three significant digits without an exponent; 999.9 is "1000"."""
    decimals = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{decimals}f}"
