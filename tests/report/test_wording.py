"""Numbers are shown in few digits, and never on the wrong side of a margin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.report.wording import MINUS, duration, percent, printable, quantity, short_name, shortened


@pytest.mark.parametrize(
    ("ratio", "margin", "text"),
    [
        (1.052, None, "+5.2 %"),
        (0.9, None, f"{MINUS}10.0 %"),
        (1.0, None, "±0.00 %"),
        (1.0041, None, "+0.41 %"),
        (12.0, None, "+1100.0 %"),
        (4.6e299, 0.05, "+4.60e+301 %"),
        (1.0498, 0.05, "+4.98 %"),
        (1.05004, 0.05, "+5.004 %"),
        (1.05, 0.05, "+5.0 %"),
        (None, None, "?"),
        (float("nan"), None, "?"),
    ],
)
def test_a_ratio_is_shown_as_a_signed_change(ratio, margin, text):
    assert percent(ratio, margin) == text


@given(st.floats(0.5, 2.0), st.sampled_from([0.01, 0.05, 0.15]))
def test_a_change_is_shown_on_its_side_of_the_margin(ratio, margin):
    shown = float(percent(ratio, margin).removesuffix(" %").replace(MINUS, "-").replace("±", ""))
    value = (ratio - 1) * 100
    if abs(value - margin * 100) > 1e-4:
        assert (shown > margin * 100) == (value > margin * 100)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.234, "seconds", "1.23 s"),
        (123.4, "seconds", "123 s"),
        (9.996e-3, "seconds", "10.00 ms"),
        (1.5e-6, "seconds", "1.50 µs"),
        (2e-10, "seconds", "0.200 ns"),
        (0.0, "seconds", "0 seconds"),
        (1024.0, "bytes", "1.00 KiB"),
        (100.0, "bytes", "100 B"),
        (3.5 * 2**30, "bytes", "3.50 GiB"),
        (93.21, "%", "93.21 %"),
        (7.0, "", "7"),
        (None, "seconds", "?"),
        (float("inf"), "seconds", "?"),
    ],
)
def test_a_quantity_is_shown_in_a_unit_of_fitting_size(value, unit, text):
    assert quantity(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "0.25 s"),
        (41, "41 s"),
        (60, "1 min"),
        (570, "9 min 30 s"),
        (7500, "2 h 5 min"),
        (3600, "1 h"),
        (129_600, "36 h"),
        (172_800, "2 d"),
        (277_260, "3 d 5 h"),
    ],
)
def test_a_duration_is_shown_as_people_say_it(seconds, text):
    assert duration(seconds) == text


@given(st.text(), st.integers(1, 30))
def test_a_shortened_text_fits_and_keeps_both_ends(text, width):
    short = shortened(text, width)
    assert len(short) <= width
    assert short == text if len(text) <= width else "…" in short


def test_what_would_change_other_text_is_spelled_out():
    assert printable("a\nb\x1b[0m\u202e\ud800é漢") == r"a\nb\x1b[0m\u202e\ud800é漢"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.time_a(1)", "s.time_a(1)"),
        ("package.module.Class.time_something_1", "…s.time_something_1"),
        ("package.module.time_b(1000, 2000, 3000)", "…time_b(1000, 2000…"),
        ("s.time_b(1000, 2000, 3000, 4000)", "…time_b(1000, 2000…"),
        ("module.Class.time_long_name_indeed(10)", "…ng_name_indeed(10)"),
    ],
)
def test_a_short_name_keeps_the_function_and_the_first_parameters(name, text):
    assert short_name(name, 19) == text
