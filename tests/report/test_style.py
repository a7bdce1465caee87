"""The style: colours that can be read in either theme, and a page that stays still where the reader asks for it."""

import re
from importlib import resources

import pytest

CSS = (resources.files("headgate.report") / "assets" / "style.css").read_text(encoding="utf-8")
# WCAG 2.2: 1.4.3 (text) and 1.4.11 (what a drawing is made of), level AA.
TEXT, GRAPHIC = 4.5, 3.0
PAIRS = [
    *((name, ground, TEXT) for name in ("text", "muted", "link") for ground in ("bg", "panel")),
    *((state, f"{state}-bg", TEXT) for state in ("pass", "fail", "unsure")),
    *((name, "bg", GRAPHIC) for name in ("blue", "orange", "green", "purple", "black", "grey", "focus")),
    *((state, "bg", GRAPHIC) for state in ("pass", "fail", "unsure")),
]


def colours(pattern: str) -> dict[str, str]:
    """Return the variables of the rule whose selector matches ``pattern``."""
    (body,) = re.findall(pattern + r"\s*\{([^}]*)\}", CSS)
    return dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{3,6})\b", body))


THEMES = {
    "light": colours(r"(?m)^:root, \.on-paper"),
    "dark": colours(r"(?m)^:root\[data-theme=\"dark\"\]"),
    "system": colours(r"(?m)^  :root:not\(\[data-theme=\"light\"\]\)"),
    "print": colours(r":root, :root:not\(\[data-theme=\"light\"\]\), :root\[data-theme=\"dark\"\]"),
}


def luminance(colour: str) -> float:
    """Return the relative luminance as WCAG 2.2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_the_standard_has_it():
    assert contrast("#000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("name", "ground", "least"), PAIRS)
def test_every_colour_can_be_read_on_what_it_stands_on(theme, name, ground, least):
    of = THEMES["light"] | THEMES[theme]
    assert contrast(of[name], of[ground]) >= least


def test_the_dark_theme_is_the_same_by_choice_and_by_system():
    assert THEMES["dark"] == THEMES["system"]
    assert THEMES["dark"].keys() == THEMES["light"].keys()


def test_nothing_moves_where_the_reader_asks_for_that_and_nothing_is_fetched():
    assert "@media (prefers-reduced-motion: reduce)" in CSS
    assert "url(" not in CSS
    assert "@import" not in CSS


def test_every_colour_that_is_used_is_defined():
    used = set(re.findall(r"var\(--([a-z-]+)\)", CSS))
    assert used <= THEMES["light"].keys()
