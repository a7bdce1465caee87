"""The verdict as Markdown: fit for a pull-request comment and for a job summary on GitHub."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headgate.report.verdict_view import Row, VerdictView

from headgate.report.plain import bounded_table, utf8_size
from headgate.report.wording import count, shortened

__all__ = ["MAX_BYTES", "escaped", "literal", "verdict_markdown"]

# GitHub refuses a longer comment ("body is too long (maximum is 65536 characters)"); bytes are the safer count.
MAX_BYTES = 65_536
_ICONS = {"pass": "✅", "regressed": "🔴", "inconclusive": "🟡", "failed": "❌"}
_MAX_NAME, _MAX_NOTE, _MAX_VALUE, _MAX_LIST = 160, 300, 40, 20
# What stands around the rows may take half of all the room, whatever it holds: there are four lists, seven facts, two
# commands and their fences.
_MAX_LIST_BYTES = 4_000
_MAX_COMMAND_BYTES = 2_000
# Text of letters and signs stays below this many bytes a character; where all of it is escaped, less of it is shown.
_BYTES_A_CHARACTER = 3
# Everything that Markdown, HTML or GitHub (mentions, references) gives a meaning; underscores only beside a non-letter.
_SPECIAL = re.compile(r"[\\`*{}\[\]<>&#|!~@$]|(?<![^\W_])_++|_++(?![^\W_])")
_MENTION = re.compile(r"&#(?:64|35);")


def verdict_markdown(view: VerdictView) -> str:
    """Return the verdict in at most `MAX_BYTES`; what does not fit is counted ("n more"), passes first."""
    head = _head(view)
    tail = "\n".join([*_details("Where and how", _where(view)), ""])
    room = MAX_BYTES - utf8_size(head) - utf8_size(tail)
    # What must be read may take all the room, the passes what is left.
    read, passed = view.to_read, view.passed
    least = utf8_size(_details_table(passed, 0)) if passed else 0
    main = _table(read, room - least) if read else ""
    rest = _details_table(passed, room - utf8_size(main)) if passed else ""
    return head + main + rest + tail


def _head(view: VerdictView) -> str:
    lines = [f"### {_ICONS[view.state]} {view.state}: {literal(view.sentence, _MAX_NOTE)}", ""]
    listed = [f"{label}: {text}" for label, text in view.missing if not text.startswith("skipped")]
    lines += _bullets(listed, "benchmarks on one side only")
    reasons, warnings = view.of_the_run
    lines += [*_bullets(reasons, "reasons"), *_bullets(warnings, "warnings")]
    return "\n".join(lines) + "\n"


def _bullets(texts: Sequence[str], what: str) -> list[str]:
    lines: list[str] = []
    left = _MAX_LIST_BYTES
    for text in texts[:_MAX_LIST]:
        line = f"- {literal(text, _MAX_NOTE)}"
        left -= utf8_size(line) + 1
        if left < 0:
            break
        lines.append(line)
    if len(texts) > len(lines):
        lines.append(f"- … and {len(texts) - len(lines):,} more {what}")
    return [*lines, ""] if lines else []


def _table(rows: Sequence[Row], room: int) -> str:
    head = [
        "| | benchmark | change | interval | margin | baseline | candidate | rounds | |",
        "|:-|:-|-:|:-:|-:|-:|-:|-:|:-|",
    ]
    return bounded_table(head, [_line(row) for row in rows], room, "\n… and {} more: see the HTML or JSON report.\n")


def _line(row: Row) -> str:
    change = f"**{row.change}**" if row.matters and row.change else row.change
    # In a code element GitHub makes neither mentions nor references of a name.
    name = f"<code>{literal(row.name, _MAX_NAME)}</code>"
    note = literal(row.note, _MAX_NOTE)
    baseline, candidate = literal(row.baseline, _MAX_VALUE), literal(row.candidate, _MAX_VALUE)
    cells = (f"{_ICONS[row.state]} {row.state}", name, change, row.interval, row.margin)
    return "| " + " | ".join((*cells, baseline, candidate, str(row.rounds), note)) + " |"


def _details(title: str, lines: Sequence[str]) -> list[str]:
    return [f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def _details_table(rows: Sequence[Row], room: int) -> str:
    frame = "\n".join(_details(f"{count(len(rows), 'benchmark')} within the margin", ["{table}"])) + "\n\n"
    table = _table(rows, room - utf8_size(frame))
    return frame.replace("{table}", table.rstrip("\n"))


def _where(view: VerdictView) -> list[str]:
    lines = [f"- **{label}**: {literal(text, _MAX_NOTE)}" for label, text in view.facts]
    skipped = [f"{label}: {text}" for label, text in view.missing if text.startswith("skipped")]
    lines += _bullets(skipped, "skipped")
    if view.reproduce:
        commands = [_fitting(command, _MAX_COMMAND_BYTES, _MAX_COMMAND_BYTES, str) for command in view.reproduce]
        # More backticks than any in the commands: nothing in them ends the block.
        longest = max((len(run) for run in re.findall("`+", "\n".join(commands))), default=0)
        fence = "`" * max(3, longest + 1)
        lines += ["", "To reproduce:", "", f"{fence}sh", *commands, fence]
    lines += [
        "",
        "The change is the candidate's against the baseline's, + is worse; the interval holds at the confidence above.",
    ]
    return lines


def literal(text: str, width: int) -> str:
    """Return at most ``width`` characters of ``text``, `escaped`, and fewer where escaping makes them many bytes."""
    return _fitting(text, width, width * _BYTES_A_CHARACTER, escaped)


def _fitting(text: str, width: int, most: int, made: Callable[[str], str]) -> str:
    """Return what is ``made`` of at most ``width`` characters of ``text``, in at most ``most`` bytes."""
    while utf8_size(found := made(shortened(text, width))) > most:
        width = min(width, len(text)) * 2 // 3
    return found


def escaped(text: str) -> str:
    """Return ``text`` as Markdown that shows it literally, and that notifies nobody and links to nothing."""
    encoded = _SPECIAL.sub(lambda match: "".join(f"&#{ord(character)};" for character in match[0]), text)
    # GitHub looks for @name and #1 after decoding: a word joiner (no width) keeps them from being either.
    return (
        _MENTION.sub(lambda match: match[0] + "&#8288;", encoded)
        .replace("://", ":&#8288;//")
        .replace("www.", "www&#46;&#8288;")
    )
