"""What every command that ends in a verdict writes, and what it exits with."""

import argparse
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sample_verdicts import sample_evidence

from headgate.cli.outputs import add_output_arguments, check_outputs, exit_code, publish
from headgate.errors import InputError, UsageError
from headgate.model import State
from headgate.store.verdict_json import read_verdict

EVIDENCE = sample_evidence(only="TimeRender")
VERDICT = EVIDENCE.verdict


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)


def parsed(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_output_arguments(parser)
    return parser.parse_args(argv)


def published(*argv: str, verdict=VERDICT, evidence=EVIDENCE) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = publish(verdict, parsed(*argv), out, err, evidence=evidence)
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    ("state", "on_inconclusive", "code"),
    [
        (State.PASS, "fail", 0),
        (State.REGRESSED, "pass", 1),
        (State.INCONCLUSIVE, "warn", 0),
        (State.INCONCLUSIVE, "pass", 0),
        (State.INCONCLUSIVE, "fail", 3),
        (State.FAILED, "pass", 4),
    ],
)
def test_the_exit_code_says_the_state_as_the_policy_has_it(state, on_inconclusive, code):
    verdict = replace(VERDICT, state=state, policy=VERDICT.policy | {"on_inconclusive": on_inconclusive})
    assert exit_code(verdict) == code
    got, _, err = published(verdict=verdict)
    assert got == code
    assert ("the policy lets that pass" in err) is (state is State.INCONCLUSIVE and on_inconclusive == "warn")


def test_every_output_asked_for_is_written(tmp_path):
    options = [
        "--json",
        "v/v.json",
        "--markdown",
        "v.md",
        "--junit",
        "v.xml",
        "--html",
        "page",
        "--evidence",
        "e.json.gz",
    ]
    code, out, err = published(*options)
    assert (code, err) == (0, "")
    assert "PASS: All 3 benchmarks pass" in out
    assert "\x1b" not in out
    assert read_verdict(tmp_path / "v/v.json") == VERDICT
    for name in ("v.md", "v.xml", "page/index.html", "page/assets/verdict.js", "e.json.gz"):
        assert (tmp_path / name).stat().st_size > 500
    assert "headgate verify e.json.gz" in (tmp_path / "v.md").read_text(encoding="utf-8")


def test_without_options_no_file_is_written(tmp_path):
    published()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--json", "--markdown", "--junit"])
def test_a_file_called_dash_goes_to_stdout_and_the_table_to_stderr(option):
    _, out, err = published(option, "-")
    assert "All 3 benchmarks pass" in err
    if option == "--json":
        assert json.loads(out)["state"] == "pass"
    assert out.startswith({"--json": "{", "--markdown": "### ", "--junit": "<?xml"}[option])


def test_the_job_summary_is_appended_to_where_github_names_one(tmp_path, monkeypatch):
    summary = tmp_path / "summary.md"
    summary.write_text("# before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    published()
    published("--quiet")
    assert summary.read_text(encoding="utf-8").startswith("# before\n### ✅ pass")
    assert summary.read_text(encoding="utf-8").count("### ") == 2


def test_a_job_summary_that_cannot_be_written_warns_and_changes_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none" / "summary.md"))
    code, out, err = published()
    assert code == 0
    assert "All 3" in out
    assert "GITHUB_STEP_SUMMARY" in err


def test_an_output_that_cannot_be_written_does_not_cost_the_others(tmp_path):
    Path("file").write_text("in the way")
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(InputError, match=r"file/v\.json"):
        publish(VERDICT, parsed("--json", "file/v.json", "--markdown", "file/v.md", "--junit", "v.xml"), out, err)
    assert "All 3" in out.getvalue()
    assert "file/v.md" in err.getvalue()
    assert (tmp_path / "v.xml").exists()


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--json", "a", "--junit", "./a"], "--junit and --json both write to ./a"),
        (["--json", "-", "--markdown", "-"], "both write to -"),
        (["--html", "-"], "--html: - will not do"),
        (["--evidence", "-"], "--evidence: - will not do"),
        (["--json", ""], "--json: an empty path"),
        (["--json", "folder"], "--json: folder is a directory"),
        (["--html", "file"], "--html: file is a file"),
    ],
)
def test_outputs_that_cannot_work_are_refused_before_anything_is_measured(argv, says):
    Path("folder").mkdir()
    Path("file").write_text("")
    with pytest.raises(UsageError) as caught:
        check_outputs(parsed(*argv))
    assert says in str(caught.value)


def test_a_terminal_that_cannot_show_a_sign_gets_one_it_can():
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    publish(VERDICT, parsed(), out, io.StringIO())
    out.flush()
    text = out.buffer.getvalue().decode("ascii")
    assert "?" not in text
    assert "-0." in text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("argv", "variable", "colored"), [([], None, True), (["--no-color"], None, False), ([], "NO_COLOR", False)]
)
def test_colour_is_for_terminals_that_want_it(argv, variable, colored, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    if variable:
        monkeypatch.setenv(variable, "1")
    out = Terminal()
    publish(VERDICT, parsed(*argv), out, io.StringIO())
    assert ("\x1b[" in out.getvalue()) is colored


def test_a_site_of_someone_elses_is_refused_before_anything_is_measured(tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<title>My thesis</title>")
    with pytest.raises(InputError, match=r"index.html: is not a file of headgate's, and would be overwritten"):
        check_outputs(parsed("--html", "page"))
