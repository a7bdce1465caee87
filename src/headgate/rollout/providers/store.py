"""What providers gave, recorded step by step, and told of: each step is in the ledger whole, or not at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from headgate.errors import UsageError
from headgate.rollout.controller_track import MOST_REFUSED
from headgate.rollout.providers.contract import Asked, RecordStep
from headgate.store.seal import canonical, sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headgate.datasets import QualityReport
    from headgate.rollout.batches import Recorded
    from headgate.rollout.controller import Controller
    from headgate.rollout.metrics import RequestRecord, Tally
    from headgate.rollout.providers.contract import Refused
    from headgate.rollout.providers.prometheus_counts import Scrape

__all__ = ["RECORDED_SCHEMA", "Report", "ask", "record", "record_quality", "record_steps"]

RECORDED_SCHEMA = "headgate.rollout-recorded/1"
_EXAMPLES = 5


@dataclass(slots=True)
class Report:
    """What was recorded.

    Attributes
    ----------
    release
        Of which release.
    batches, known
        Batches recorded; and those that the ledger had already.
    records, units, again, moved, unassigned
        Of the batches recorded: as of `headgate.rollout.metrics.Tally`.
    refused
        Records that were left out, by rule.
    values
        Values that were no numbers, by metric.
    examples
        The first records that were left out.
    notes
        What else is to be known, as that an interval was not counted, and why.
    invalid
        Why the release's evidence was made invalid; '' where it was not.
    """

    release: str
    batches: int = 0
    known: int = 0
    records: int = 0
    units: int = 0
    again: int = 0
    moved: int = 0
    unassigned: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    examples: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    invalid: str = ""

    @property
    def failed(self) -> bool:
        """Whether it was made invalid, or more was left out than a release may pass with."""
        left_out = sum(self.refused.values())
        return bool(self.invalid) or left_out > MOST_REFUSED * (self.records + left_out)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values (docs/schemas/rollout-recorded-1.schema.json)."""
        examples = [one._asdict() for one in self.examples]
        return {"schema": RECORDED_SCHEMA, **asdict(self), "examples": examples, "failed": self.failed}


def ask(controller: Controller, **how: Any) -> Asked:
    """Return what evidence is asked for, of the controller's release as it stands; ``how`` as of `Asked`.

    Raises
    ------
    UsageError
        The release was not started: before that nothing is evidence.
    LedgerError
        There is no such release, or its ledger cannot be read.
    """
    state, now = controller.moment()
    if state.stage is None:
        raise UsageError(f"release {controller.release!r}: it was not started, so nothing is evidence yet; start it")
    return Asked(controller.plan, controller.release, state, now, again=lambda: ask(controller, **how), **how)


def record(
    controller: Controller, records: Iterable[Mapping[str, Any] | RequestRecord], *, source: str = "", **how: Any
) -> Report:
    """Record requests from Python, each once however often it comes.

    Parameters
    ----------
    controller
        Of a release that was started.
    records
        Mappings as docs/schemas/rollout-record-1.schema.json has them, or `headgate.rollout.metrics.RequestRecord`;
        read as they come, with no more than a batch in memory.
    source
        Whose they are, for the record.
    **how
        As of `headgate.rollout.providers.contract.Asked`.

    Raises
    ------
    InputError
        Not one of them is a record of this release; nothing was recorded.
    UsageError, LedgerError
        The release was not started; or the ledger cannot be written: what was recorded before stands.
    """
    from headgate.rollout.providers.records import steps

    report = Report(controller.release)
    record_steps(controller, steps(records, ask(controller, source=source, **how)), report)
    return report


def record_quality(controller: Controller, quality: QualityReport, where: str, report: Report) -> None:
    """Make the release's evidence invalid if the quality of its data failed; add to ``report``.

    Raises
    ------
    LedgerError
        It cannot be written; nothing was recorded.
    """
    asked = ask(controller)
    if quality.state == "pass":
        report.notes.append(f"{where}: the data's quality holds, over {quality.profile.rows} rows")
        return
    from headgate.datasets.quality_json import quality_to_json
    from headgate.rollout.batches import record_invalid

    first = next((f"{one.column or 'the dataset'}: {one.message}" for one in quality.findings), "no rows")
    reason = f"the data's quality failed ({len(quality.findings)} findings, the first of {first})"
    name = ("dataset quality", sha256(canonical(quality_to_json(quality))))
    recorded = record_invalid(
        controller.ledger, controller.plan, controller.release, name, reason, actor=controller.actor, now=asked.now
    )
    report.batches += recorded.new
    report.known += not recorded.new
    report.invalid = reason


def record_steps(controller: Controller, steps: Iterable[RecordStep | Scrape], report: Report) -> None:
    """Record each step, and add to ``report``, which is true of what is recorded even if this is interrupted."""
    for step in steps:
        if isinstance(step, RecordStep):
            _add(report, controller.record(step.batch), step)
        else:
            from headgate.rollout.providers.prometheus_record import record_scrape

            record_scrape(controller, step, report)


def _add(report: Report, recorded: Recorded, step: RecordStep) -> None:
    for rule, count in step.batch.faults.items():
        report.refused[rule] = report.refused.get(rule, 0) + count
    report.examples += step.refused[: max(0, _EXAMPLES - len(report.examples))]
    report.records += len(step.batch.records)
    if not recorded.new:
        report.known += 1
        return
    report.batches += 1
    if recorded.tally is not None:
        _add_tally(report, recorded.tally)


def _add_tally(report: Report, tally: Tally) -> None:
    report.units += tally.units
    report.again += tally.again
    report.moved += tally.moved
    report.unassigned += tally.unassigned
    for metric, versions in tally.refused.items():
        report.values[metric] = report.values.get(metric, 0) + sum(versions.values())
