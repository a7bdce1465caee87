"""No command writes over what it reads: refused with exit code 2, before anything else is done."""

import io
from pathlib import Path

import pytest

from headgate.cli import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Run where each file is that a command line here names; it holds nothing that any command could use."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in (
        "a.json",
        "b.json",
        "plan.toml",
        "headgate.toml",
        "rollout.sqlite",
        "bundle.json.gz",
        "calibration.json",
    ):
        Path(name).write_text("precious")
    Path("link.json").symlink_to("a.json")


def refused(line: str) -> str:
    before = {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    out, err = io.StringIO(), io.StringIO()
    assert main(line.split(), out, err) == 2
    assert {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()} == before
    return err.getvalue()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("check --baseline a.json --candidate b.json --json a.json", "--json: a.json is what --baseline reads"),
        ("check --baseline a.json --candidate b.json --markdown ./b.json", "--markdown: ./b.json is what --candidate"),
        ("check --baseline a.json --candidate b.json --junit link.json", "--junit: link.json is what --baseline reads"),
        ("check --baseline bundle.json.gz:baseline --candidate b.json --json bundle.json.gz", "what --baseline reads"),
        ("check --baseline a.json --candidate b.json --policy plan.toml --json plan.toml", "what --policy reads"),
        (
            "check --baseline a.json --candidate b.json --calibration calibration.json --json calibration.json",
            "what --calibration reads",
        ),
        ("compare main HEAD --json headgate.toml", "--json: headgate.toml is a configuration"),
        ("compare main HEAD --policy plan.toml --evidence plan.toml", "what --policy reads"),
        ("verify bundle.json.gz --markdown bundle.json.gz", "what FILE reads"),
        ("history --json headgate.toml", "is a configuration"),
        ("release decide --benchmarks a.json --canary c --json a.json", "what --benchmarks reads"),
        ("release decide --benchmarks a.json --canary c --json rollout.sqlite", "what this command reads"),
        ("rollout simulate plan.toml --json plan.toml", "what PLAN reads"),
        ("rollout status c --evidence rollout.sqlite", "--evidence: rollout.sqlite is what this command reads"),
        ("rollout status c --ledger a.json --json a.json", "what --ledger reads"),
        ("rollout record c --jsonl b.json --json b.json", "what --jsonl reads"),
        ("rollout start c --plan plan.toml --snapshot plan.toml", "--snapshot: plan.toml is what --plan reads"),
        ("rollout start c --snapshot headgate.toml", "--snapshot: headgate.toml is a configuration"),
        ("rollout lead c --snapshot rollout.sqlite", "--snapshot: rollout.sqlite is what this command reads"),
        ("rollout advance c --ledger a.json --snapshot link.json", "--snapshot: link.json is what --ledger reads"),
    ],
)
def test_an_output_that_is_an_input_is_refused(line, said):
    err = refused(line)
    assert said in err
    assert "would be overwritten; give another file" in err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rollout start c --snapshot s.json --json s.json", "--snapshot and --json both write to s.json"),
        ("rollout advance c --snapshot a.json --json link.json", "--snapshot and --json both write to a.json"),
        ("rollout advance c --json router-state-c.json", "--json both write to router-state-c.json"),
        ("rollout status c --json new.json --evidence ./new.json", "--evidence and --json both write to ./new.json"),
        ("rollout start c --plan plan.toml --ledger n.sqlite --snapshot n.sqlite", "--snapshot: n.sqlite is what"),
        ("rollout start c --ledger router-state-c.json", "router-state-c.json has the name of the file that tells"),
    ],
)
def test_two_files_of_one_name_are_refused_also_where_there_is_none_yet(line, said):
    assert said in refused(line)


def test_a_device_keeps_nothing_that_could_be_lost():
    err = io.StringIO()
    assert main(["verify", "/dev/null", "--json", "/dev/null"], io.StringIO(), err) == 2
    assert "overwritten" not in err.getvalue()
