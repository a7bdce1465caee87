"""How to cite a page: title, commit, date and the headgate that made it. Pure; only facts, so no author is guessed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

from headgate import __version__
from headgate.report.wording import printable

__all__ = ["Citation", "citation"]

# BibTeX counts braces whether or not a backslash stands before them: a brace is a command, never itself.
_COMMANDS = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "@": r"\char64{}",
    **{character: f"\\{character}" for character in "&%$#_"},
    "\N{NO-BREAK SPACE}": "~",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MINUS SIGN}": "$-$",
    "\N{MICRO SIGN}": r"$\mu$",
    "\N{ALMOST EQUAL TO}": r"$\approx$",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
}
_COMMIT_DIGITS = 12
_KEY_WORDS = 4


@dataclass(frozen=True, slots=True)
class Citation:
    """``text`` in a sentence, for any reader; ``bibtex`` as an entry."""

    text: str
    bibtex: str


def citation(title: str, *, commit: str = "", date: str = "", url: str = "", machine: str = "") -> Citation:
    """Return how to cite a page.

    Parameters
    ----------
    title
        What the page says it is.
    commit
        The commit that was measured; of a verdict, the candidate.
    date
        When, beginning with year, month and day as in ISO 8601; "" where it is not known.
    url
        Where the page is published, where that is known.
    machine
        What it was measured on.
    """
    title, commit, machine = printable(title).rstrip("."), printable(commit), printable(machine)
    note = ", ".join(
        [f"commit {commit}"] * bool(commit) + [f"measured on {machine}"] * bool(machine) + [f"headgate {__version__}"]
    )
    dated = re.match(r"(\d{4})-(\d\d)-\d\d", date, re.ASCII)
    year = dated[1] if dated else ""
    address = quote(url, safe=":/?#=&;,+~@!*().-_%", errors="replace")
    fields = [("title", f"{{{_escaped(title)}}}")]
    if dated:
        fields += [("year", year), ("month", str(int(dated[2])))]
    fields += [("note", _escaped(note)), ("howpublished", "benchmark report")]
    fields += [("url", address)] if url else []
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields)
    day = f" ({dated[0]})" if dated else ""
    where = f" {address}" if url else ""
    return Citation(f"{title}{day}. {note}.{where}", f"@misc{{{_key(title, commit, year)},\n{lines}\n}}\n")


def _escaped(text: str) -> str:
    return "".join(_COMMANDS.get(character, character) for character in text)


def _key(title: str, commit: str, year: str) -> str:
    """Return a key of letters, digits and hyphens, the same for the same report."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)[:_KEY_WORDS]
    short = re.sub(r"[^0-9A-Za-z]", "", commit)[:_COMMIT_DIGITS]
    return "-".join(part for part in ("headgate", *words, short or year) if part)
