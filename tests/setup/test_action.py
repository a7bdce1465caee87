"""action.yml: its script run by bash, with inputs that try to become commands, and what it tells the workflow."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from headgate.cli import build_parser

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = ACTION["runs"]["steps"]
COMPARE = next(step for step in STEPS if step.get("id") == "compare")
# A stand-in that writes down its arguments, and a verdict where a state is given.
STAND_IN = """\
#!/usr/bin/env python3
import json, os, sys
words = sys.argv[1:]
with open(os.environ["SEEN"], "w") as file:
    json.dump(words, file)
if os.environ["STATE"]:
    with open(words[words.index("--json") + 1], "w") as file:
        json.dump({"state": os.environ["STATE"]}, file)
    os.mkdir(words[words.index("--html") + 1])
    open(words[words.index("--html") + 1] + "/index.html", "w").close()
sys.exit(int(os.environ["CODE"]))
"""
EMPTY = dict.fromkeys(("MARGIN", "BUDGET", "BENCH", "CONFIG", "POLICY"), "")


@pytest.fixture
def act(tmp_path):
    """Give a function that runs the comparing step and returns its exit code, its outputs and headgate's arguments."""
    program = tmp_path / "bin" / "headgate"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)

    def run(*, state="pass", code=0, **inputs):
        outputs = tmp_path / "outputs"
        outputs.write_text("")
        environment = {
            "BASE": "HEAD^1",
            "CANDIDATE": "HEAD",
            "PARENT": str(tmp_path),
            **EMPTY,
            **inputs,
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "GITHUB_OUTPUT": str(outputs),
            "SEEN": str(tmp_path / "seen.json"),
            "STATE": state,
            "CODE": str(code),
        }
        # As the runner starts a composite action's bash.
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", COMPARE["run"]],
            cwd=tmp_path,
            env=environment,
            check=False,
        )
        told = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
        return done.returncode, told, json.loads((tmp_path / "seen.json").read_text())

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "code"), [("pass", 0), ("regressed", 1), ("inconclusive", 0), ("inconclusive", 3), ("failed", 4), ("", 2)]
)
def test_the_exit_code_is_the_gates_and_the_outputs_say_the_same(act, state, code):
    returned, told, _ = act(state=state, code=code)
    assert returned == code
    assert (told["exit-code"], told["state"]) == (str(code), state)
    assert told["report"].endswith("/report/index.html") is bool(state)


@pytest.mark.slow
def test_a_use_without_a_verdict_does_not_tell_an_earlier_ones(act):
    first = act(state="pass", code=0)[1]
    returned, told, _ = act(state="", code=2)
    assert returned == 2
    assert (told["state"], told["report"], told["exit-code"]) == ("", "", "2")
    assert told["directory"] != first["directory"]


def test_what_is_left_out_is_left_to_the_policy_and_the_rest_is_what_the_command_takes(act):
    _, _, words = act()
    assert not [word for word in words if word.startswith(("--margin", "--budget", "--bench", "--config", "--policy"))]
    args = build_parser("compare").parse_args(words)
    assert (args.base, args.candidate) == ("HEAD^1", "HEAD")
    _, _, words = act(MARGIN="3%", BUDGET="2m", BENCH="time_x|y", CONFIG="b/asv.conf.json", POLICY="gate.toml")
    args = build_parser("compare").parse_args(words)
    assert (args.margin, args.budget, args.bench, str(args.policy)) == ("3%", "2m", ["time_x|y"], "gate.toml")


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["$(touch owned)", "`touch owned`", "x; touch owned", "'\"; touch owned", "--help", "a b"]
)
def test_no_input_becomes_a_command_or_an_option(act, tmp_path, text):
    _, _, words = act(BASE=text, CANDIDATE=text, BENCH=text, MARGIN=text)
    assert words[-3:] == ["--", text, text]
    assert f"--bench={text}" in words
    assert not (tmp_path / "owned").exists()


def test_inputs_reach_the_shell_through_the_environment_alone():
    for step in STEPS:
        assert "${{" not in step.get("run", "")
    used = re.findall(r"inputs\.([\w-]+)", json.dumps(STEPS))
    assert set(used) == set(ACTION["inputs"])
    assert set(re.findall(r"outputs\.([\w-]+)", json.dumps(ACTION["outputs"]))) == set(ACTION["outputs"])


def test_the_guide_names_every_input_and_output():
    guide = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    assert [name for name in (*ACTION["inputs"], *ACTION["outputs"]) if f"`{name}`" not in guide] == []


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_no_workflow_puts_foreign_text_into_a_script(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert "${{ github." not in step.get("run", ""), step
    assert workflow["permissions"] == {"contents": "read"}


def test_a_pull_request_is_compared_with_what_it_was_merged_into():
    """The tip of the base branch may be ahead of that: its own commits would count as this change's."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    (run,) = (step["run"] for step in workflow["jobs"]["gate"]["steps"] if "headgate compare" in step.get("run", ""))
    assert "headgate compare HEAD^1 HEAD " in run
    assert ACTION["inputs"]["base"]["default"] == "HEAD^1"
