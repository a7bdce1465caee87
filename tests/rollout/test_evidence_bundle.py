"""A canary's evidence bundle: the decision follows from its events, byte for byte; what was changed is refused."""

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest
from rollout_releases import SCHEMAS, release_plan, units

from headgate.errors import InputError
from headgate.rollout import Ledger
from headgate.rollout.controller import Controller
from headgate.rollout.evidence_bundle import (
    CANARY_EVIDENCE_SCHEMA,
    PREDICATE_TYPE,
    CanaryEvidence,
    bundle_of,
    code_hash,
    evidence_from_bytes,
    evidence_to_bytes,
    read_bundle,
    rederive,
    write_bundle,
)
from headgate.store.seal import Seal

PLAN = release_plan()
SCHEMA = json.loads((SCHEMAS / "canary-evidence-1.schema.json").read_text())


@pytest.fixture
def controller(tmp_path: Path):
    with Ledger(tmp_path / "rollout.sqlite") as ledger:
        one = Controller(ledger, PLAN, "r1", clock=lambda: 1_800_000_000.25)
        one.start("abc")
        yield one


def bundle(controller: Controller) -> CanaryEvidence:
    return bundle_of(controller.status(), list(controller.ledger.events("r1")))


@pytest.mark.parametrize(
    ("worse", "state"), [(0.0, "inconclusive"), (1.0, "pass"), (3.0, "halt"), (-1.0, "invalid"), (-2.0, "halt")]
)
def test_the_decision_follows_from_the_events_byte_for_byte(controller: Controller, worse: float, state: str) -> None:
    if worse == -2.0:
        controller.halt("by hand")
    elif worse:
        controller.record(units(PLAN, 0, 6_000, worse=abs(worse), window="w"))
        if worse < 0.0:
            controller.record(units(PLAN, 0, 6_000, seed=1, window="w"))
    data = evidence_to_bytes(bundle(controller))
    found = evidence_from_bytes(data, "b")
    derived = rederive(found, "b")
    assert (derived.differences, derived.same_code, derived.decision.state) == ((), True, state)
    again = dataclasses.replace(found, decision=json.loads(json.dumps(found.decision)))
    assert evidence_to_bytes(again) == data
    jsonschema.validate(json.loads(data), SCHEMA)


def test_the_halting_e_values_are_those_of_the_ledgers_order(controller: Controller) -> None:
    for number, worse in enumerate([3.0, 1.0, 1.0, 0.5]):
        controller.record(units(PLAN, 0, 500, worse=worse, seed=number))
    recorded = bundle(controller)
    assert rederive(recorded, "b").differences == ()
    rows = {row["name"]: row for row in recorded.decision["metrics"]}
    assert rows["errors"]["log_e_halt"] > rows["errors"]["log_e_now"]


@pytest.mark.parametrize("name", ["canary.json", "canary.json.gz"])
def test_a_file_reads_as_it_was_written(tmp_path: Path, controller: Controller, name: str) -> None:
    controller.record(units(PLAN, 0, 4_000))
    one = bundle(controller)
    write_bundle(tmp_path / name, one)
    assert read_bundle(tmp_path / name) == one
    assert one.release == "r1"
    write_bundle(tmp_path / "again.json", one)
    write_bundle(tmp_path / "twice.json", one)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "twice.json").read_bytes()


def test_every_changed_byte_is_refused(controller: Controller) -> None:
    controller.record(units(PLAN, 0, 4_000))
    data = evidence_to_bytes(bundle(controller))
    for place in range(0, len(data), 97):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(InputError):
            evidence_from_bytes(changed, "b")
    for end in (0, 1, len(data) // 2, len(data) - 1):
        with pytest.raises(InputError):
            evidence_from_bytes(data[:end], "b")


def sealed(controller: Controller, **changes: object) -> bytes:
    """A bundle whose seal is right, and whose parts are not."""
    statement = json.loads(evidence_to_bytes(bundle(controller)))
    parts = statement["predicate"]["parts"] | changes
    return Seal(PREDICATE_TYPE, CANARY_EVIDENCE_SCHEMA, tuple(parts)).close(parts, statement["subject"])


def test_a_decision_that_does_not_follow_is_found_although_the_seal_is_right(controller: Controller) -> None:
    controller.record(units(PLAN, 0, 6_000, worse=3.0))
    recorded = bundle(controller).decision
    forged = sealed(controller, decision=recorded | {"state": "pass", "reasons": []})
    differences = rederive(evidence_from_bytes(forged, "b"), "b").differences
    assert any(line == "state: recorded 'pass', derived 'halt'" for line in differences)
    late = sealed(controller, decision=recorded | {"log_e_sample_ratio": recorded["log_e_sample_ratio"] + 1e-12})
    assert any("log_e_sample_ratio" in one for one in rederive(evidence_from_bytes(late, "b"), "b").differences)


def test_events_that_were_edited_removed_or_reordered_are_refused_although_the_seal_is_right(
    controller: Controller,
) -> None:
    for seed in range(3):
        controller.record(units(PLAN, 0, 500, seed=seed))
    whole = [event.to_json() for event in controller.ledger.events("r1")]
    edited = json.loads(json.dumps(whole))
    edited[3]["payload"]["data"]["stages"]["200000"]["canary"]["units"] += 1
    for events in (edited, whole[:2] + whole[3:], whole[1:], [*whole[:3], whole[4], whole[3]]):
        with pytest.raises(InputError, match="is not the one that was recorded"):
            evidence_from_bytes(sealed(controller, events=events), "b")


def test_a_bundle_that_is_not_whole_is_refused(controller: Controller) -> None:
    for changes in ({"events": []}, {"facts": {}}, {"facts": {"now": "then"}}, {"decision": []}, {"events": [{}]}):
        with pytest.raises(InputError):
            evidence_from_bytes(sealed(controller, **changes), "b")
    with pytest.raises(InputError):
        rederive(evidence_from_bytes(sealed(controller, decision={"schema": "x/1"}), "b"), "b")


def test_a_bundle_of_other_code_says_so_and_is_verified_all_the_same(controller: Controller) -> None:
    facts = bundle(controller).facts | {"code": "0" * 64, "headgate": "0.0.1"}
    derived = rederive(evidence_from_bytes(sealed(controller, facts=facts), "b"), "b")
    assert (derived.differences, derived.same_code) == ((), False)


def test_the_codes_hash_is_of_the_sources_that_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_hash()
    assert code_hash() == before
    monkeypatch.setattr("headgate.rollout.evidence_bundle._DECIDING", ("headgate.gates",))
    assert code_hash() != before


def test_events_after_the_state_are_left_out(controller: Controller) -> None:
    status = controller.status()
    controller.record(units(PLAN, 0, 500))
    one = bundle_of(status, list(controller.ledger.events("r1")))
    assert one.events[-1].seq == status.state.seq
    assert rederive(one, "b").differences == ()
