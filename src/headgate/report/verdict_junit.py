"""The verdict as JUnit XML, which every continuous-integration service reads."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from headgate.model import State

if TYPE_CHECKING:
    from headgate.report.verdict_view import Row, VerdictView

__all__ = ["verdict_junit"]

_RUN = "headgate.run"


def verdict_junit(view: VerdictView) -> bytes:
    """Return the verdict as one test suite, a test case per benchmark.

    regressed is a failure, failed an error; inconclusive is skipped, or a failure where the policy fails the run for
    it. Benchmarks that decide nothing never fail. Something fails here if and only if the run does: what is wrong
    with the run and with no benchmark (one was removed) is a test case of its own.
    """
    suite = Element("testsuite", name="headgate", time=f"{view.verdict.wall_seconds:.3f}")
    strict = view.verdict.policy.get("on_inconclusive") == "fail"
    for row in view.rows:
        case = SubElement(suite, "testcase", classname=_classname(row), name=_casename(row))
        _outcome(case, row, strict=strict)
        SubElement(case, "system-out").text = _details(row)
    _run_case(suite, view)
    kinds = {
        "tests": "testcase",
        "failures": "testcase/failure",
        "errors": "testcase/error",
        "skipped": "testcase/skipped",
    }
    totals = {key: str(len(suite.findall(path))) for key, path in kinds.items()}
    suite.attrib.update(totals)
    properties = Element("properties")
    for label, text in view.facts:
        SubElement(properties, "property", name=label, value=text)
    suite.insert(0, properties)
    root = Element("testsuites", {"name": "headgate"} | totals)
    root.append(suite)
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _classname(row: Row) -> str:
    module = row.comparison.benchmark.name.rpartition(".")[0]
    return row.name[: len(module)] if module and row.name.startswith(module) else "headgate"


def _casename(row: Row) -> str:
    classname = _classname(row)
    return row.name.removeprefix(f"{classname}.")


def _outcome(case: Element, row: Row, *, strict: bool) -> None:
    state, message = row.comparison.state, _message(row)
    if state is State.PASS:
        return
    if not row.comparison.required:
        kind = "skipped"
    elif state is State.INCONCLUSIVE:
        kind = "failure" if strict else "skipped"
    else:
        kind = "error" if state is State.FAILED else "failure"
    outcome = SubElement(case, kind, message=message)
    if kind != "skipped":
        outcome.set("type", f"headgate.{row.state}")


def _run_case(suite: Element, view: VerdictView) -> None:
    """Add the case of the run itself, where the run failed for a reason that is no benchmark's."""
    told = any(row.comparison.state is State.FAILED and row.comparison.required for row in view.rows)
    names = tuple(f"{row.name} " for row in view.rows)
    reasons = [text for text in view.reasons if not text.startswith(names)]
    if view.verdict.state is not State.FAILED or (told and not reasons):
        return
    case = SubElement(suite, "testcase", classname="headgate", name=_RUN)
    failure = SubElement(case, "error", message=view.sentence, type="headgate.failed")
    failure.text = "\n".join(reasons)


def _message(row: Row) -> str:
    parts = [f"{row.state}:", row.change, f"({row.interval}; margin {row.margin})" if row.interval else "", row.note]
    return " ".join(part for part in parts if part)


def _details(row: Row) -> str:
    sides = f", {row.baseline} -> {row.candidate}" if row.baseline else ""
    return "\n".join((f"{_message(row)}{sides}, {row.rounds} rounds", *row.detail))
