"""Records from Python and as JSON Lines: each unit once, whatever comes twice, late, in pieces or in another order."""

import json
import math
import random
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rollout_plans import NOW
from rollout_records import RELEASE, begun, lines, requests, sums

from headgate.errors import InputError, LedgerError, UsageError
from headgate.gates.canary import CanaryState
from headgate.rollout import Ledger, Plan, events
from headgate.rollout.batches import record_invalid
from headgate.rollout.controller import Controller
from headgate.rollout.metrics import RequestRecord
from headgate.rollout.providers import PROVIDERS, jsonl, provider
from headgate.rollout.providers.records import cut
from headgate.rollout.providers.store import Report, ask, record, record_steps

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "rollout-record-1.schema.json").read_text())


def from_file(controller: Controller, path: Path, **how: Any) -> Report:
    report = Report(RELEASE)
    record_steps(controller, jsonl.steps(str(path), ask(controller, **how)), report)
    return report


def in_pieces(controller: Controller, records: list[dict[str, Any]], size: int) -> None:
    report = Report(RELEASE)
    read = ((f"record {n}", one) for n, one in enumerate(records))
    record_steps(controller, cut(read, ask(controller), size=size), report)


def test_records_become_the_units_of_the_arms_they_were_routed_to(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    sent = requests(controller.plan, 500)
    report = record(controller, sent)
    arms = controller.state().evidence.stages[200_000]
    canary = [one for one in sent if one["version"] == "canary"]
    assert arms["canary"].units == len(canary) > 60
    assert arms["stable"].units == 500 - len(canary)
    assert arms["canary"].metrics["errors"].events == sum(one["metrics"]["errors"] for one in canary)  # type: ignore[union-attr]
    assert (report.batches, report.units, report.refused, report.failed) == (1, 500, {}, False)


def test_python_mappings_request_records_and_json_lines_give_the_same_batch(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    sent = requests(controller.plan, 50)
    (tmp_path / "sent.jsonl").write_text(lines(sent))
    assert record(controller, sent).batches == 1
    assert (
        record(controller, [RequestRecord(**one) for one in sent]).known,
        from_file(controller, tmp_path / "sent.jsonl").known,
    ) == (1, 1)
    assert controller.state().batches == 1


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(st.integers(1, 60), st.integers(1, 70), st.integers(1, 70), st.randoms(use_true_random=False))
def test_split_reordered_and_duplicated_records_give_the_same_state(
    count: int, size: int, other_size: int, shuffle: random.Random
) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        first, second = (
            begun(Path(one), sandbox=10, stages=[20, 50, 80]),
            begun(Path(two), sandbox=10, stages=[20, 50, 80]),
        )
        sent = requests(first.plan, count)
        in_pieces(first, sent, size)
        again = sent + shuffle.choices(sent, k=count)
        shuffle.shuffle(again)
        in_pieces(second, again, other_size)
        assert sums(second.state()) == sums(first.state())
        in_pieces(first, again, other_size)
        assert sums(second.state()) == sums(first.state())


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40), st.booleans()), min_size=1),
    st.randoms(use_true_random=False),
)
def test_with_times_a_units_first_request_counts_however_the_file_is_ordered(
    visits: list[tuple[int, int, bool]], shuffle: random.Random
) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        first, second = begun(Path(one)), begun(Path(two))
        units = requests(first.plan, 6)
        sent = [
            units[unit] | {"time": NOW + moment, "metrics": {"errors": failed, "seconds": moment / 8}}
            for unit, moment, failed in visits
        ]
        record(first, sent)
        shuffle.shuffle(sent)
        record(second, sent)
        assert sums(second.state()) == sums(first.state())


def test_without_times_the_first_request_that_was_sent_counts(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    (one,) = requests(controller.plan, 1)
    record(controller, [one | {"metrics": {"seconds": 4.0}}, one | {"metrics": {"seconds": 1.0}}])
    assert controller.state().evidence.arm(200_000, one["version"]).metrics["seconds"].y == 4.0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "rule", "says"),
    [
        ({"release": "r2"}, "other release", "of release 'r2', not 'r1'"),
        ({"version": "blue"}, "unknown version", "expected canary, sandbox, stable"),
        ({"version": ["canary"]}, "unknown version", "expected canary"),
        ({"reason": "whim"}, "unknown reason", "expected one of assigned"),
        ({"stage": 3}, "unknown stage", "the plan's are 0 to 2"),
        ({"stage": None}, "unknown stage", "the plan's are 0 to 2"),
        ({"stage": True}, "unknown stage", "the plan's are 0 to 2"),
        ({"stage": 1}, "stage not reached", "has not come to it yet"),
        ({"metrics": {"eror": True}}, "unknown metric", "the plan has errors, seconds"),
        ({"metrics": 5}, "not a record", "by the plan's names"),
        ({"unit": ""}, "not a record", "a text with something in it"),
        ({"unit": 1.5}, "not a record", "a text with something in it"),
        ({"unit": "\ud800"}, "not a record", "no valid text"),
        ({"resaon": "pinned"}, "not a record", "'resaon'"),
        ({"time": NOW + 3600}, "in the future", "3600 s after now"),
        ({"time": NOW - 3600}, "stale", "3600 s before its stage began"),
        ({"time": "2026-01-01T10:00:00"}, "not a record", "2026-01-01T10:00:00Z"),
        ({"time": math.nan}, "not a record", "seconds since the epoch"),
    ],
)
def test_what_is_no_record_of_this_release_is_left_out_named_and_counted(
    tmp_path: Path, change: dict[str, Any], rule: str, says: str
) -> None:
    controller = begun(tmp_path)
    good = requests(controller.plan, 20)
    report = record(controller, [good[0] | change, *good[1:]])
    assert report.refused == {rule: 1}
    assert report.examples[0].where == "record 1"
    assert says in report.examples[0].message
    assert (report.units, report.failed) == (19, True)
    decision = controller.evaluate()
    assert decision.state is CanaryState.INCONCLUSIVE
    assert any(f"could not be used (1 {rule})" in reason for reason in decision.reasons)


@pytest.mark.parametrize("value", [math.nan, -math.inf, "0.4", True, [1], 10**400])
def test_a_value_that_is_no_number_is_refused_and_its_arm_passes_nothing(tmp_path: Path, value: Any) -> None:
    controller = begun(tmp_path)
    sent = requests(controller.plan, 40)
    sent[0]["metrics"]["seconds"] = value
    assert record(controller, sent).values == {"seconds": 1}
    assert any("seconds: 1 of" in reason for reason in controller.evaluate().reasons)


def test_a_negative_time_is_no_value_of_a_quantile(tmp_path: Path) -> None:
    quantile = {"name": "seconds", "kind": "quantile", "quantile": 0.9, "low": 0.1, "high": 10, "margin": "50%"}
    controller = begun(tmp_path, metrics=[quantile])
    sent = [one | {"metrics": {"seconds": -1.0}} for one in requests(controller.plan, 5)]
    assert record(controller, sent).values == {"seconds": 5}


def test_a_canary_that_was_not_routed_so_is_no_evidence(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    sent = requests(controller.plan, 200)
    stolen = [
        one | {"version": "canary"} if one["version"] == "stable" and n % 3 == 0 else one for n, one in enumerate(sent)
    ]
    report = record(controller, stolen)
    assert report.refused == {"misrouted": sum(a != b for a, b in zip(sent, stolen, strict=True))}
    assert "belongs to stable in stage 0, the record says canary" in report.examples[0].message
    assert controller.evaluate().state is CanaryState.INCONCLUSIVE


def test_of_another_router_the_shares_alone_are_held(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    sent = [one | {"metrics": {}} for one in requests(controller.plan, 2_000)]
    for number, one in enumerate(sent):
        one["version"] = ("canary", "stable")[number % 2]
    assert record(controller, sent, routed_elsewhere=True).refused == {}
    decision = controller.evaluate()
    assert decision.state is CanaryState.INVALID
    assert "50.0000% of 2000 where 20.0000% are due" in decision.reasons[0]


def test_requests_that_no_stages_share_put_there_are_not_counted_and_no_fault(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    (one, *rest) = requests(controller.plan, 30)
    report = record(
        controller, [one | {"reason": "pinned", "version": "canary"}, one | {"reason": "halted", "stage": None}, *rest]
    )
    assert (report.unassigned, report.units, report.refused) == (2, 29, {})


def test_nothing_and_a_wrong_file_are_errors_that_name_the_line_and_leave_no_trace(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    with pytest.raises(InputError, match="no records, and nothing is no evidence"):
        record(controller, [])
    path = tmp_path / "wrong.jsonl"
    path.write_text("\n\nhello\n" * 3)
    with pytest.raises(InputError, match=r"wrong.jsonl:3: 'hello' is no JSON .* none of 3 is a record"):
        from_file(controller, path)
    with pytest.raises(InputError, match=r"nowhere\.jsonl: no such file"):
        from_file(controller, tmp_path / "nowhere.jsonl")
    with pytest.raises(InputError, match="cannot be read"):
        from_file(controller, tmp_path)
    assert controller.state().batches == 0


def test_broken_lines_among_good_ones_are_named_by_their_number(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    good = [json.dumps(one).encode() for one in requests(controller.plan, 4)]
    broken = [b"{", b"\xff\xfe", b"[" * 100_000, b'"' + b"x" * 1_000_001 + b'"', b"[1]"]
    path = tmp_path / "some.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join([good[0], *broken, *good[1:]]))
    report = from_file(controller, path)
    assert (report.units, report.refused) == (4, {"not JSON": 4, "not a record": 1})
    assert [one.where.rpartition(":")[2] for one in report.examples] == ["2", "3", "4", "5", "6"]


@pytest.mark.slow
def test_a_file_of_any_length_is_read_with_a_batch_in_memory(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    sent = lines([one | {"attributes": "x" * 10_000} for one in requests(controller.plan, 100)])
    path = tmp_path / "long.jsonl"
    path.write_text(sent * 22)
    told: list[tuple[str, int, int]] = []
    asked = ask(controller, progress=lambda *what: told.append(what))
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            read = jsonl._lines(file, "long", asked, path.stat().st_size)
            count = sum(len(step.batch.records) for step in cut(read, asked, size=100))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 2_200
    assert peak < path.stat().st_size / 5
    assert told == [("bytes", len(sent) * 20, len(sent) * 22)]


def test_before_the_start_nothing_is_evidence_and_an_unknown_release_is_an_error(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    with pytest.raises(LedgerError, match="no release 'r9'"):
        record(Controller(controller.ledger, None, "r9"), [])
    controller.ledger.append("r2", events.registered(controller.plan, actor="a", time=NOW))
    with pytest.raises(UsageError, match="not started"):
        record(Controller(controller.ledger, None, "r2"), [])


def test_an_interruption_leaves_whole_batches_and_a_second_run_adds_the_rest(tmp_path: Path) -> None:
    controller, whole = begun(tmp_path), tmp_path / "whole"
    whole.mkdir()
    sent = requests(controller.plan, 90)

    def cut_short() -> Any:
        for number, one in enumerate(sent):
            if number == 70:
                raise KeyboardInterrupt
            yield f"record {number}", one

    report = Report(RELEASE)
    with pytest.raises(KeyboardInterrupt):
        record_steps(controller, cut(cut_short(), ask(controller), size=30), report)
    assert (report.batches, report.units, controller.state().batches) == (2, 60, 2)
    in_pieces(controller, sent, 30)
    other = begun(whole)
    in_pieces(other, sent, 30)
    assert sums(controller.state()) == sums(other.state())


def test_evidence_that_was_declared_invalid_stays_so(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    record(controller, requests(controller.plan, 3_000))
    assert controller.evaluate().state is CanaryState.PASS
    for _ in range(2):
        what = ("quality", "w1"), "the data is of 2025"
        record_invalid(controller.ledger, controller.plan, RELEASE, *what, actor="ann", now=NOW)
    decision = controller.evaluate()
    assert decision.state is CanaryState.INVALID
    assert [reason.partition(": ")[2] for reason in decision.reasons] == [
        "source 'quality', window 'w1': the data is of 2025"
    ]


def test_the_example_is_what_the_schema_says_and_is_recorded_whole(tmp_path: Path) -> None:
    folder = ROOT / "examples" / "records"
    for line in (folder / "requests.jsonl").read_text().splitlines():
        jsonschema.validate(json.loads(line), SCHEMA)
    with Ledger(tmp_path / "rollout.sqlite") as ledger:
        controller = Controller(ledger, Plan.from_file(folder / "headgate.toml"), "checkout-42")
        controller.start()
        report = Report("checkout-42")
        record_steps(controller, provider("jsonl").steps(str(folder / "requests.jsonl"), ask(controller)), report)
    assert (report.units, report.again, report.refused, report.values) == (60, 20, {}, {})


def test_every_provider_of_the_table_is_a_module_that_gives_steps() -> None:
    for name in PROVIDERS:
        assert callable(provider(name).steps)
