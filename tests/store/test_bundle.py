"""An evidence bundle proves itself: its verdict follows from its samples, and any changed byte is seen."""

import gzip
import json
import math
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_verdicts import POLICY, sample_evidence

from headgate.errors import InputError
from headgate.gates.commit import decide
from headgate.model import Round, State
from headgate.store import packing
from headgate.store.bundle import (
    evidence_from_bytes,
    evidence_to_bytes,
    read_evidence,
    rederive,
    write_evidence,
)
from headgate.store.packing import pack, unpack
from headgate.store.seal import Seal, canonical, sha256

SMALL = sample_evidence(count=5, only="TimeRender")
JSON = evidence_to_bytes(SMALL)
PACKED = pack(JSON, "x.gz")


@pytest.mark.parametrize("name", ["evidence.json", "evidence.json.gz"])
def test_evidence_written_reads_back_equal_and_in_equal_bytes(tmp_path, name):
    evidence = sample_evidence()
    write_evidence(tmp_path / name, evidence)
    read = read_evidence(tmp_path / name)
    assert read.verdict == evidence.verdict
    assert {key: tuple(value) for key, value in evidence.rounds.items()} == read.rounds
    assert (read.specs, read.policy, read.plan) == (evidence.specs, evidence.policy, evidence.plan)
    assert (read.failures, read.versions) == (evidence.failures, evidence.versions)
    write_evidence(tmp_path / f"again-{name}", read)
    assert (tmp_path / f"again-{name}").read_bytes() == (tmp_path / name).read_bytes()


def test_the_order_in_which_the_samples_are_held_does_not_change_the_bytes():
    backwards = replace(SMALL, rounds=dict(reversed(list(SMALL.rounds.items()))))
    assert evidence_to_bytes(backwards) == JSON


def test_a_sample_that_is_not_finite_survives():
    (benchmark, rounds), *_ = SMALL.rounds.items()
    odd = Round(9, (math.nan, math.inf), (-math.inf, 1.0), "bc")
    read = evidence_from_bytes(evidence_to_bytes(replace(SMALL, rounds={benchmark: [*rounds, odd]})), "f")
    assert repr(read.rounds[benchmark][-1]) == repr(odd)


def test_any_gzip_reads_a_packed_bundle():
    assert gzip.decompress(PACKED) == JSON


def test_the_bundle_is_an_in_toto_statement_about_the_verdict_and_the_commits():
    statement = json.loads(JSON)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicate"]["schema"] == "headgate.evidence/1"
    verdict, baseline, candidate = statement["subject"]
    assert verdict["digest"]["sha256"] == statement["predicate"]["digests"]["verdict"]
    assert baseline["digest"]["gitCommit"] == SMALL.verdict.baseline.commit
    assert candidate["name"] == "candidate"


@pytest.mark.parametrize("data", [JSON, PACKED], ids=["json", "gzip"])
@settings(max_examples=150)
@given(place=st.floats(0, 1, exclude_max=True), new=st.integers(1, 255))
def test_a_changed_byte_anywhere_is_refused(data, place, new):
    at = int(place * len(data))
    changed = data[:at] + bytes([data[at] ^ new]) + data[at + 1 :]
    with pytest.raises(InputError, match=r"^f\.json"):
        evidence_from_bytes(unpack(changed, "f.json"), "f.json")


@pytest.mark.parametrize("data", [JSON, PACKED], ids=["json", "gzip"])
@settings(max_examples=40)
@given(place=st.floats(0, 1, exclude_max=True))
def test_a_truncated_or_lengthened_file_is_refused(data, place):
    for changed in (data[: int(place * len(data))], data + b"\x00", data + b"\n", data + data):
        with pytest.raises(InputError, match=r"^f\.json"):
            evidence_from_bytes(unpack(changed, "f.json"), "f.json")


def test_the_verdict_derived_again_is_the_recorded_one():
    evidence = sample_evidence()
    derived, differences = rederive(evidence, decide)
    assert differences == ()
    assert derived == evidence.verdict
    assert derived.state is State.FAILED


def resealed(change) -> object:
    """Return the evidence of a bundle someone changed and gave new, matching hashes."""
    statement = json.loads(evidence_to_bytes(sample_evidence()))
    predicate = statement["predicate"]
    change(predicate["parts"])
    seal = Seal(statement["predicateType"], predicate["schema"], tuple(predicate["parts"]))
    return evidence_from_bytes(seal.close(predicate["parts"], statement["subject"]), "f.json")


def faster_candidate(parts):
    for record in parts["samples"]:
        for item in record["rounds"]:
            item["candidate"] = [value * 0.9 for value in item["candidate"]]


@pytest.mark.parametrize(
    ("change", "shows"),
    [
        (lambda parts: parts["verdict"].update(state="pass"), "state: recorded 'pass', derived 'failed'"),
        (lambda parts: parts["verdict"]["comparisons"][0].update(upper=1.01), "comparisons[suite.TimeParse"),
        (lambda parts: parts["verdict"].update(reasons=[]), "reasons: recorded 0 entries"),
        (lambda parts: parts["verdict"]["comparisons"].pop(), "comparisons: recorded 11 entries, derived 12 entries"),
        (lambda parts: parts["policy"].update(margin=0.5), "policy.margin: recorded 0.05, derived 0.5"),
        (lambda parts: parts["failures"].clear(), "reasons"),
        (faster_candidate, "ratio"),
    ],
)
def test_a_verdict_that_does_not_follow_from_the_samples_is_shown_even_with_matching_hashes(change, shows):
    _, differences = rederive(resealed(change), decide)
    assert any(shows in text for text in differences), differences


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda parts: parts.update(samples={}), "samples: expected a list"),
        (lambda parts: parts["samples"][0].update(rounds=[3]), r"samples\[0\]\.rounds\[0\]: expected an object"),
        (lambda parts: parts["samples"][0]["rounds"][0].update(baseline=["1"]), "expected a number, found '1'"),
        (lambda parts: parts["samples"][0]["rounds"][0].update(colour=1), "unknown key 'colour'"),
        (lambda parts: parts["samples"][0]["rounds"][0].pop("index"), "no 'index'"),
        (lambda parts: parts["plan"].update(alpha=None), r"plan\.alpha: expected a number"),
        (lambda parts: parts.update(policy=[]), "policy: expected an object"),
        (lambda parts: parts["policy"].update(margin=0), "policy: margin: 0 will not do"),
        (lambda parts: parts["verdict"].update(schema="headgate.verdict/2"), "which this headgate reads; upgrade"),
        (lambda parts: parts["facts"].update(partial="no"), "partial: expected true or false"),
    ],
)
def test_a_wrong_type_in_a_well_sealed_bundle_is_named_with_its_place(change, says):
    with pytest.raises(InputError, match=f"^f.json: .*{says}"):
        resealed(change)


def without_part(statement):
    del statement["predicate"]["parts"]["plan"]


def newer(statement):
    statement["predicate"]["schema"] = "headgate.evidence/2"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (without_part, "a part is missing"),
        (newer, "which this headgate reads; upgrade"),
        (lambda statement: statement.update(_type="x"), "not an evidence bundle"),
        (lambda statement: statement.update(predicate=[]), "not an evidence bundle"),
        (lambda statement: statement["predicate"].update(digests=None), "SHA-256 is missing"),
        (lambda statement: statement["predicate"]["parts"]["policy"].update(margin=0.9), "its policy changed"),
        (lambda statement: statement.update(extra=1), "SHA-256 of the whole"),
        (lambda statement: statement.update(subject=[]), "SHA-256 of the whole"),
    ],
)
def test_a_changed_statement_is_refused_with_what_changed(change, says):
    statement = json.loads(JSON)
    change(statement)
    with pytest.raises(InputError, match=f"^f.json: .*{says}"):
        evidence_from_bytes(canonical(statement) + b"\n", "f.json")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"1" * 10_000,
        b"[" * 1_000_000,
        b'{"a":' * 100_000,
        b"\xff\xfe\x00",
        b'{"_type": NaN}',
        b"\x1f\x8b",
        b"\x1f\x8b" + b"\x00" * 100,
        gzip.compress(JSON, mtime=0),
        JSON.replace(b'"wall_seconds":138.4', b'"wall_seconds":1e999'),
        json.dumps(json.loads(JSON), indent=1).encode(),
    ],
)
def test_a_file_that_is_no_bundle_is_refused_without_a_traceback(data):
    with pytest.raises(InputError, match=r"^x: "):
        evidence_from_bytes(unpack(data, "x"), "x")


def sealed_gzip(content: bytes) -> bytes:
    """Return what a hostile writer would: our header and a matching hash over any content."""
    return pack(content, "x.gz")


def test_what_unpacks_to_more_than_the_limit_is_refused_in_bounded_memory(monkeypatch):
    bomb = sealed_gzip(b"0" * 50_000_000)
    monkeypatch.setattr(packing, "MAX_BYTES", 2**20)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="when unpacked"):
            unpack(bomb, "x")
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_a_file_larger_than_the_limit_is_neither_read_nor_written(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match="more than a bundle may hold"):
        write_evidence(tmp_path / "x.json", SMALL)
    assert not list(tmp_path.iterdir())
    (tmp_path / "x.json").write_bytes(JSON)
    with pytest.raises(InputError, match=r"x\.json: more than"):
        read_evidence(tmp_path / "x.json")


@pytest.mark.parametrize("name", ["none.json", "."])
def test_a_path_that_cannot_be_read_is_refused_by_name(tmp_path, name):
    with pytest.raises(InputError, match=r"no such file|cannot be read"):
        read_evidence(tmp_path / name)


def test_a_run_that_was_partial_is_derived_as_partial():
    policy = replace(POLICY, required=("elsewhere.*",))
    evidence = replace(sample_evidence(policy=policy, only="TimeRender"), partial=True)
    derived, _ = rederive(evidence, decide)
    assert derived.state is State.PASS
    assert rederive(replace(evidence, partial=False), decide)[0].state is State.FAILED


def test_canonical_bytes_depend_on_content_alone():
    assert canonical({"b": 1, "a": [1.0, "é"]}) == b'{"a":[1.0,"\\u00e9"],"b":1}'
    assert (
        sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )  # FIPS 180-4's empty message


def test_a_plan_that_the_policy_does_not_make_is_shown_even_with_matching_hashes():
    changed = replace(SMALL, plan=replace(SMALL.plan, alpha=0.45))
    verdict, _ = rederive(changed, decide)
    _, differences = rederive(replace(changed, verdict=verdict), decide)
    assert len(differences) == 1
    assert differences[0].startswith("plan: recorded Plan(alpha=0.45")


def test_an_interrupted_runs_last_look_spends_no_more_than_another():
    evidence = sample_evidence(count=20)
    ended, stopped = ({one.benchmark: one for one in decide(*_terms(evidence), final=final)} for final in (True, False))
    wider = [key for key, one in stopped.items() if one.upper is None or one.upper > (ended[key].upper or 0.0)]
    assert wider
    interrupted = replace(evidence, interrupted=True)
    assert evidence_from_bytes(evidence_to_bytes(interrupted), "x").interrupted
    derived, _ = rederive(interrupted, decide)
    assert {one.benchmark: one for one in derived.comparisons} == stopped


def _terms(evidence):
    return evidence.rounds, evidence.specs, evidence.failures, evidence.policy, evidence.plan
