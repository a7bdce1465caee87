"""The reference of the command line: every command, argument and option, read from the parser itself.

Written at each build where a page has `MARK`, so it cannot be out of date; run as a program, this prints it.
"""

# ruff: noqa: SLF001 - argparse has no public way to walk a parser

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

MARK = "<!-- the commands: written at each build -->"
WIDTH = 92  # of a synopsis, in characters
# A help text is plain text, in which `x` is code; these would say something in Markdown.
_MARKS = re.compile(r"(`[^`]+`)|(?<![\w-])(--[a-z][a-z-]+)|([\\`*_{}\[\]<>#|$])")


def reference(parser: argparse.ArgumentParser) -> str:
    """Return the reference of ``parser`` and its commands, in Markdown."""
    return "\n".join(line for _, command in commands(parser) for line in _command(command))


def commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield the parser and each command of it, by their full names; those of a group after it."""
    yield parser.prog, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from commands(sub)


def _command(parser: argparse.ArgumentParser) -> Iterator[str]:
    level = "##" if parser.prog.count(" ") <= 1 else "###"
    yield f"{level} {parser.prog}\n"
    yield f"{_plain(parser.description or '')}\n"
    synopsis = re.sub(r"\s+", " ", parser.format_usage().removeprefix("usage: ")).strip()
    yield f"```text\n{_wrapped(synopsis, parser.prog)}\n```\n"
    for group in parser._action_groups:
        yield from _group(parser, group)
    if parser.epilog:
        yield f"```text\n{parser.epilog.strip()}\n```\n"


def _group(parser: argparse.ArgumentParser, group: argparse._ArgumentGroup) -> Iterator[str]:
    shown = [
        action
        for action in group._group_actions
        if action.help is not argparse.SUPPRESS and not isinstance(action, argparse._HelpAction)
    ]
    if not shown:
        return
    title = {"options": "Options", "positional arguments": "Arguments"}.get(group.title or "", group.title or "")
    if any(isinstance(action, argparse._SubParsersAction) for action in shown):
        title = "Commands"
    yield f"**{_plain(title)}**\n"
    if group.description:
        yield f"{_plain(group.description)}\n"
    for action in shown:
        yield from _action(parser, action)


def _action(parser: argparse.ArgumentParser, action: argparse.Action) -> Iterator[str]:
    if isinstance(action, argparse._SubParsersAction):
        for choice in action._choices_actions:
            place = f"{parser.prog} {choice.dest}".replace(" ", "-")
            yield f"[`{choice.dest}`](#{place})\n: {_plain(choice.help or '')}\n"
        return
    formatter = parser._get_formatter()
    if action.option_strings:
        value = "" if action.nargs == 0 else " " + formatter._format_args(action, action.dest.upper())
        name = ", ".join(f"`{option}{value}`" for option in action.option_strings)
    else:
        name = f"`{formatter._format_args(action, action.dest)}`"
    yield f"{name}\n: {_plain(_help(parser, action))}\n"


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return parser._get_formatter()._expand_help(action) if action.help else ""


def _wrapped(synopsis: str, prog: str) -> str:
    """Break a synopsis between its arguments, never within one."""
    pieces = re.findall(r"\[[^\]]*\](?: \.\.\.\])?|\([^)]*\)|\S+", synopsis.removeprefix(prog))
    lines = [prog]
    for piece in pieces:
        if len(lines[-1]) + len(piece) >= WIDTH:
            lines.append(" " * 4)
        lines[-1] += piece if lines[-1].isspace() else f" {piece}"
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return text as Markdown that reads the same; options become code."""

    def marked(found: re.Match[str]) -> str:
        return found[1] or (f"`{found[2]}`" if found[2] else "\\" + found[3])

    return _MARKS.sub(marked, re.sub(r"\s+", " ", text).strip())


def fill(_: object, __: str, source: list[str]) -> None:
    """Put the reference where a page has the mark (Sphinx's event `source-read`)."""
    if MARK in source[0]:
        from headgate.cli import build_parser

        source[0] = source[0].replace(MARK, reference(build_parser()))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    from headgate.cli import build_parser

    print(reference(build_parser()))  # noqa: T201 - what this program is for
