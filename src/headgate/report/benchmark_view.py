"""One benchmark's page, as data: every renderer of it is given this and nothing else. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.report.figure import Figure
    from headgate.report.study_tables import Table

__all__ = ["BenchmarkPage"]


@dataclass(frozen=True, slots=True)
class BenchmarkPage:
    """What the page of one benchmark shows; ``name`` is the benchmark's own and unique on a site.

    ``lede`` is one sentence, ``facts`` are (label, text), ``reproduce`` is commands, ``problems`` is what could not be
    read, ``commit`` the newest one shown. Texts are as they came: the page escapes them.
    """

    name: str
    lede: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    reproduce: tuple[str, ...] = ()
    commit: str = ""
