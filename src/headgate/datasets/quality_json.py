"""The quality report and the profile as JSON, and back.

``headgate.dataset-quality/1`` (docs/schemas/dataset-quality-1.schema.json) and ``headgate.dataset-profile/1``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headgate.datasets.quality import DatasetProfile, QualityReport
from headgate.datasets.schema import Schema
from headgate.errors import SchemaError

__all__ = [
    "PROFILE_SCHEMA",
    "QUALITY_SCHEMA",
    "profile_from_json",
    "profile_to_json",
    "quality_from_json",
    "quality_to_json",
]

QUALITY_SCHEMA = "headgate.dataset-quality/1"
PROFILE_SCHEMA = "headgate.dataset-profile/1"
# A later version 1 may have more fields.
_REPORT = Schema.of(QualityReport, allow_unknown=True)
_PROFILE = Schema.of(DatasetProfile, allow_unknown=True)


def quality_to_json(report: QualityReport) -> dict[str, Any]:
    """Return the report as plain JSON values."""
    return {"schema": QUALITY_SCHEMA, **_REPORT.to_json(report)}


def quality_from_json(data: object, where: str) -> QualityReport:
    """Return the report that `quality_to_json` made ``data`` of; ``where`` is the file, for messages.

    Raises
    ------
    SchemaError
        It is of another schema or a newer one, lacks a field, or its state is not what its findings say.
    """
    report = _REPORT.record(_of_schema(data, QUALITY_SCHEMA, where), where)
    sound = report.profile.rows > 0 and not report.findings
    if (report.state == "pass") != sound:
        raise SchemaError(f"{where}: its state is {report.state}, its findings and rows say otherwise; check it again")
    return report


def profile_to_json(profile: DatasetProfile) -> dict[str, Any]:
    """Return the profile as plain JSON values, digests of the keys included, so that profiles read back add up."""
    return {"schema": PROFILE_SCHEMA, **_PROFILE.to_json(profile)}


def profile_from_json(data: object, where: str) -> DatasetProfile:
    """Return the profile that `profile_to_json` made ``data`` of; ``where`` is the file, for messages.

    Raises
    ------
    SchemaError
        It is of another schema or a newer one, or lacks a field.
    """
    return _PROFILE.record(_of_schema(data, PROFILE_SCHEMA, where), where)


def _of_schema(data: object, schema: str, where: str) -> Mapping[str, Any]:
    named = data.get("schema") if isinstance(data, Mapping) else None
    name, _, version = named.partition("/") if isinstance(named, str) else ("", "", "")
    wanted, _, known = schema.partition("/")
    if not isinstance(data, Mapping) or name != wanted or not version.isdecimal():
        raise SchemaError(f"{where}: it is no {schema}; give a file that headgate wrote")
    if version != known:
        raise SchemaError(
            f"{where}: {name}/{version[:9]} is another version than {schema}; use the headgate that wrote it"
        )
    return data
