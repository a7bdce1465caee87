"""`headgate rollout simulate`, from the command line to its JSON and its page."""

from __future__ import annotations

import pytest
from rollout_releases import PLAN_TOML, headgate

STABLE = ("--stable", "errors=10%", "--stable", "seconds=0.4,scatter=0.5")
QUICK = ("--seeds", "40", "--traffic", "1500/min", "--quiet")


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "headgate.toml"
    path.write_text(PLAN_TOML)
    return path


def test_the_json_is_all_of_standard_output_and_as_its_schema_says(plan):
    said = headgate("rollout", "simulate", plan, *STABLE, *QUICK, "--json", "-")
    assert (said.code, said.err) == (0, "")
    found = {one["name"]: one for one in said.json["scenarios"]}
    assert found["no effect"]["error"] == "false halt"
    assert found["errors twice as bad"]["shares"]["halted"]["share"] > 0.9
    assert found["no effect"]["shares"]["passed"]["share"] > 0.9
    assert sum(one["count"] for one in found["no effect"]["shares"].values()) == 40


def test_a_manager_reads_how_often_the_plan_errs_and_how_soon_it_halts(plan):
    said = headgate("rollout", "simulate", plan, *STABLE, *QUICK, "--effect", "errors=x3")
    assert said.code == 0
    assert "40 simulated releases, 40 of each scenario; seed 0" in said.out
    assert "wrong passes, errors=x3:" in said.out
    assert "the plan promises at most 5 %" in said.out


def test_the_page_has_its_figures_and_the_command_that_gives_it_again(plan, tmp_path):
    said = headgate("rollout", "simulate", plan, *STABLE, *QUICK, "--html", tmp_path / "page")
    assert said.out.rstrip().endswith(str(tmp_path / "page" / "index.html"))
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert f"headgate rollout simulate {plan} --stable=errors=10%" in page
    assert "--seeds=40 --seed=0" in page
    assert page.count('class="chart') >= 4


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "nothing says what stable's 'errors' is like; give --stable errors=VALUE"),
        ((*STABLE, "--seed", "-1"), "--seed: -1 will not do"),
        ((*STABLE, "--stable", "latency=2"), "latency"),
        ((*STABLE, "--effect", "errors=much"), "errors=much"),
        ((*STABLE, "--traffic", "many"), "many"),
        (("--recorded", "absent.jsonl"), "absent.jsonl"),
    ],
)
def test_what_makes_no_sense_is_told_and_nothing_is_written(plan, tmp_path, words, problem):
    said = headgate("rollout", "simulate", plan, *words, "--json", tmp_path / "out.json", "--quiet")
    assert said.code == 2
    assert problem in said.err
    assert not (tmp_path / "out.json").exists()
