"""`headgate verify` says whether a verdict follows from its evidence."""

import io
import json

import pytest
from sample_verdicts import sample_evidence

from headgate.cli import main
from headgate.report.rounds_figures import HIGHER_IS_BETTER
from headgate.store.bundle import write_evidence
from headgate.store.seal import Seal


def verify(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return main(["verify", *map(str, argv)], out, err), out.getvalue(), err.getvalue()


@pytest.mark.parametrize(("only", "state"), [("", "failed"), ("TimeRender", "pass"), ("parse_header", "regressed")])
def test_a_whole_bundle_is_verified_whatever_its_verdict_says(tmp_path, only, state):
    write_evidence(tmp_path / "e.json.gz", sample_evidence(only=only))
    code, out, err = verify(tmp_path / "e.json.gz")
    assert (code, err) == (0, "")
    assert f"Verified: {state}, derived again from" in out
    assert "Measured with headgate 0.1.0, numpy 2.1.0." in out


def test_a_bundle_renders_the_same_reports_and_leaves_the_job_summary_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    write_evidence(tmp_path / "e.json", sample_evidence())
    code, out, _ = verify(tmp_path / "e.json", "--html", tmp_path / "page", "--json", "-", "--quiet")
    assert code == 0
    assert json.loads(out)["state"] == "failed"
    pages = list((tmp_path / "page" / "benchmarks").glob("*.html"))
    assert len(pages) == len(sample_evidence().rounds)
    turned = [page.name for page in pages if HIGHER_IS_BETTER in page.read_text(encoding="utf-8")]
    assert len(turned) == 1
    assert "track_accuracy" in turned[0]
    assert not (tmp_path / "summary.md").exists()


def test_a_changed_byte_exits_2_and_prints_no_verdict(tmp_path):
    path = tmp_path / "e.json"
    write_evidence(path, sample_evidence(only="TimeRender"))
    data = bytearray(path.read_bytes())
    data[data.index(b'"candidate":[') + 16] ^= 1
    path.write_bytes(data)
    code, out, err = verify(path)
    assert (code, out) == (2, "")
    assert "its samples changed since it was written" in err


def test_a_verdict_that_does_not_follow_exits_2_and_says_how_it_differs(tmp_path):
    path = tmp_path / "e.json"
    write_evidence(path, sample_evidence(only="parse_header"))
    statement = json.loads(path.read_bytes())
    parts, predicate = statement["predicate"]["parts"], statement["predicate"]
    parts["verdict"]["state"] = "pass"
    parts["verdict"]["comparisons"][0]["state"] = "pass\x1b[2J"
    seal = Seal(statement["predicateType"], predicate["schema"], tuple(parts))
    path.write_bytes(seal.close(parts, statement["subject"]))
    assert verify(path)[0] == 2
    parts["verdict"]["comparisons"][0]["state"] = "pass"
    path.write_bytes(seal.close(parts, statement["subject"]))
    code, out, err = verify(path)
    assert (code, out) == (2, "")
    assert "does not follow from the samples" in err
    assert "state: recorded 'pass', derived 'regressed'" in err


def test_a_file_that_is_not_there_exits_2_by_name(tmp_path):
    code, _, err = verify(tmp_path / "none.json")
    assert code == 2
    assert "none.json: no such file" in err
