"""docs/rollout.md, followed: its plan loads, its command prints what it shows, its commands lead a release."""

import json
import random
import re
import shlex
from pathlib import Path

import pytest
from rollout_releases import headgate

from headgate.rollout import Plan, Router, RouterState
from headgate.rollout.router_state import Status

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "rollout.md"
RELEASE = "checkout-42"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("headgate.toml").write_text(found(r"```toml\n(.*?)```"))


def found(pattern: str) -> str:
    match = re.search(pattern, GUIDE.read_text(), re.DOTALL)
    assert match is not None
    return match[1]


def commands() -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    lines = [re.split(r"\s+#\s", line)[0] for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines]


def write_requests(count: int) -> None:
    """Requests as a service would log them, of a canary like stable."""
    plan, rng = Plan.from_file("headgate.toml"), random.Random(1)
    router = Router(plan, RELEASE, RouterState(RELEASE, plan.hash, Status.RUNNING, 0, 0.0, 1.0))
    with Path("requests.jsonl").open("w") as file:
        for number in range(count):
            route, served = router.route(f"user-{number}", now=0.0), rng.random() < 0.995
            metrics = {"served": float(served), "latency": 0.5 * rng.lognormvariate(0.0, 0.6), "errors": not served}
            record = {"unit": f"user-{number}", "version": route.version.value, "stage": 0, "metrics": metrics}
            file.write(json.dumps(record) + "\n")


def test_the_plan_loads_and_names_every_destination_and_the_metrics_of_the_text() -> None:
    plan = Plan.from_file("headgate.toml")
    assert {segment.destination for segment in plan.segments} == {"exclude", "sandbox", "percent"}
    assert [metric.name for metric in plan.metrics if metric.required] == ["served", "latency"]


def test_the_needs_that_it_shows_are_those_of_its_plan() -> None:
    shown = found(r"```\n\$ (headgate rollout plan .*?)```").splitlines()
    said = headgate(*shlex.split(shown[0])[1:])
    assert said.code == 0
    assert [line.rstrip() for line in said.out.splitlines() if line.strip()] == shown[1:]


def test_its_commands_in_their_order_lead_a_release_to_what_it_says() -> None:
    write_requests(3_000)
    codes = {}
    for words in commands():
        if words[:2] != ["rollout", "lead"]:  # runs until it is ended; tests/cli/test_rollout_lead.py
            said = headgate(*words)
            codes[" ".join(words[:2]) + (f" {words[3]}" if words[1] == "override" else "")] = said.code
            assert said.code in {0, 1, 3}, (words, said.err)
    assert codes == {
        "rollout start": 0,
        "rollout record": 0,
        "rollout status": 1,  # the second one, after the halt
        "rollout report": 0,
        "rollout halt": 0,
        "rollout override hold": 0,
        "rollout override advance": 0,
        "rollout verify": 0,
        "verify canary.json.gz": 0,  # the evidence says what was recorded
        "release decide": 1,
    }
