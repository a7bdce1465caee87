"""What the terminal and Markdown renderers share: a console that writes to memory, a table that keeps to a length."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

__all__ = ["bounded_table", "memory_console", "utf8_size"]


def memory_console(width: int, *, color: bool) -> Console:
    """Return a rich console that writes to memory (``console.file``): no markup, emoji or highlighting."""
    from rich.console import Console

    return Console(
        file=io.StringIO(),
        width=max(width, 40),
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def bounded_table(head: Sequence[str], rows: Sequence[str], room: int, more: str) -> str:
    """Return a Markdown table of at most ``room`` bytes and the blank line that ends it.

    ``more`` says how many rows were left out, as "… and {} more", where not all of ``rows`` fit.
    """
    lines = list(head)
    left = room - utf8_size("\n".join(lines)) - utf8_size(more.format("1,000,000")) - 3
    for shown, row in enumerate(rows):
        left -= utf8_size(row) + 1
        if left < 0:
            return "\n".join(lines) + "\n" + more.format(f"{len(rows) - shown:,}") + "\n"
        lines.append(row)
    return "\n".join(lines) + "\n\n"


def utf8_size(text: str) -> int:
    """Return the bytes of ``text`` in UTF-8."""
    return len(text.encode("utf-8"))
