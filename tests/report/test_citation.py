"""How a page is cited: the facts, and an entry that stays one entry."""

import re

import pytest
from hostile_texts import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate import __version__
from headgate.report.citation import citation


def test_a_citation_says_what_when_and_of_which_commit():
    found = citation(
        "Benchmarks of 100 % {real} things",
        commit="3f1c0de9a7b2",
        date="2026-03-04 10:00 UTC",
        url="https://example.org/a b",
        machine="box_1",
    )
    assert found.bibtex == (
        "@misc{headgate-benchmarks-of-100-real-3f1c0de9a7b2,\n"
        "  title = {{Benchmarks of 100 \\% \\textbraceleft{}real\\textbraceright{} things}},\n"
        "  year = {2026},\n"
        "  month = {3},\n"
        f"  note = {{commit 3f1c0de9a7b2, measured on box\\_1, headgate {__version__}}},\n"
        "  howpublished = {benchmark report},\n"
        "  url = {https://example.org/a%20b}\n"
        "}\n"
    )
    assert found.text == (
        "Benchmarks of 100 % {real} things (2026-03-04). "
        f"commit 3f1c0de9a7b2, measured on box_1, headgate {__version__}. https://example.org/a%20b"
    )


@pytest.mark.parametrize("date", ["", "yesterday", "20260304", "2026-xx-01"])
def test_what_is_not_known_is_not_said(date):
    found = citation("Title", date=date)
    assert "year" not in found.bibtex
    assert "()" not in found.text
    assert "commit" not in found.text


def fields(entry: str) -> list[str]:
    """Return the names of the fields of the one entry in ``entry``; braces are counted as BibTeX does."""
    depth, names, line = 0, [], ""
    for place, character in enumerate(entry):
        line = "" if character == "\n" else line + character
        if depth == 1 and character == "=":
            names.append(line.strip("= "))
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
        assert depth > 0 or place < entry.index("{") or place >= len(entry) - 2, "the entry ends where it should"
    assert depth == 0
    return names


def check(text: str) -> None:
    found = citation(text, commit=text, date=text, url=text, machine=text).bibtex
    assert fields(found) == [
        name for name in ("title", "note", "howpublished", "url") if name != "url" or text
    ] or re.match(r"\d{4}-\d\d-\d\d", text)
    assert re.match(r"@misc\{headgate[-A-Za-z0-9]*,\n", found)
    assert not re.search(r"(?<!\\)[%#&]", found.partition("url = ")[0]), "nothing is a comment or a command"
    found.encode("utf-8")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_title_adds_a_field_or_an_entry(text):
    check(text)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_any_text_can_be_cited(text):
    check(text)
