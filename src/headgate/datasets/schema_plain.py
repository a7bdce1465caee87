"""A record as a mapping again: native values, values as JSON has them, or what may be shown."""

from __future__ import annotations

import base64
import enum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from headgate.datasets.schema_types import FieldType

__all__ = ["HIDDEN", "Form", "plain"]

HIDDEN = "***"
# native: dates stay dates; json: text for what JSON has no type for; shown: native, and secrets hidden.
Form = Literal["native", "json", "shown"]


def plain(value: Any, declared: FieldType, form: Form) -> Any:
    """Return ``value``, which fits ``declared``, as dicts, lists and scalars."""
    if form == "shown" and declared.secret:
        return HIDDEN
    if value is None:
        return None
    if declared.kind == "record":
        return {field.name: plain(getattr(value, field.name), field.type, form) for field in declared.fields}
    if declared.item is not None:
        item = declared.item
        if declared.kind == "map":
            return {key: plain(one, item, form) for key, one in value.items()}
        return [plain(one, item, form) for one in value]
    raw = value.value if isinstance(value, enum.Enum) else value
    return _text(raw, declared) if form == "json" else raw


def _text(value: Any, declared: FieldType) -> Any:
    if declared.kind == "bytes":
        return base64.b64encode(value).decode("ascii")
    if declared.kind in {"date", "timestamp"}:
        return value.isoformat()
    return str(value) if declared.kind == "decimal" else value
