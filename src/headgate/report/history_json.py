"""A history's changes as plain JSON values (schema headgate.history/1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgate.report.history_view import ChangeRow, HistoryView
    from headgate.store.history import History

__all__ = ["SCHEMA", "history_to_json"]

SCHEMA = "headgate.history/1"


def history_to_json(history: History, view: HistoryView) -> dict[str, Any]:
    """Return the document: on what terms, from what, and every change, the newest worsening first."""
    order = history.order
    return {
        "schema": SCHEMA,
        "terms": {
            "false_alarms": view.terms.level,
            "margin": view.terms.margin,
            "accepted_p": view.terms.accepted,
            "new": view.terms.since,
        },
        "files": history.files,
        "commits": len(history.commits),
        "order": "date" if order.repository is None else "topology",
        "commits_not_in_repository": order.unknown,
        "series": len(history.series),
        "series_too_short": view.terms.too_short,
        "problems": list(view.problems),
        "changes": [_change(row) for row in view.rows],
    }


def _change(row: ChangeRow) -> dict[str, Any]:
    key, point = row.series.key, row.point
    names = key.benchmark.param_names or tuple(str(index) for index in range(len(key.benchmark.params)))
    return {
        "benchmark": key.benchmark.name,
        "params": dict(zip(names, key.benchmark.params, strict=False)),
        "machine": key.machine,
        "hardware": key.hardware,
        "environment": key.environment,
        "version": key.version,
        "unit": row.series.unit,
        "direction": "worse" if row.worse else "better",
        "new": row.new,
        "last_good": row.last_good,
        "first_bad": row.first_bad,
        "likely": row.likely,
        "commits_in_range": row.commits,
        "date": row.date,
        "before": point.before,
        "after": point.after,
        "ratio": point.ratio,
        "lower": point.lower,
        "upper": point.upper,
        "p": point.p,
        "link": row.link or None,
    }
