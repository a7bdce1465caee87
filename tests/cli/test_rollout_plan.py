"""`headgate rollout plan` says what a plan needs, and refuses one that cannot pass."""

import json
import random
from pathlib import Path

import pytest
from rollout_releases import PLAN_TOML, headgate, release_plan

GIVEN = ("--stable", "errors=10%", "--stable", "seconds=0.4,scatter=0.5")


@pytest.fixture(autouse=True)
def plan_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "headgate.toml").write_text(PLAN_TOML)
    return tmp_path / "headgate.toml"


def test_the_plan_here_is_found_checked_and_hashed() -> None:
    said = headgate("rollout", "plan")
    assert (said.code, said.err) == (0, "")
    assert f"hash {release_plan().hash}" in said.out
    assert "say what stable is like" in said.out


def test_it_shows_units_and_time_of_each_stage_to_pass_and_to_halt() -> None:
    said = headgate("rollout", "plan", *GIVEN, "--traffic", "1000/min", "--for", "30d", "--worse", "100%")
    assert (said.code, said.err) == (0, "")
    assert "halts if 100 % worse" in said.out
    assert "Nine releases of ten that are like stable take at most" in said.out
    assert said.out.count("errors") == 4  # what it was told, a row for each stage that compares, and a warning


def test_a_stage_that_passes_too_soon_to_show_anything_is_warned_of_and_the_plan_stays_in_order(tmp_path: Path) -> None:
    said = headgate("rollout", "plan", *GIVEN)
    assert (said.code, said.err) == (0, "")
    warning = said.out.splitlines()[-1]
    assert warning.startswith("Warning: stage 2 may pass after 400 units, on what earlier stages showed; by itself")
    assert "give it minimum_units = " in warning
    assert headgate("rollout", "plan", *GIVEN, "--json", "-").json["warnings"] == [warning[len("Warning: ") : -1]]
    long = PLAN_TOML.replace("minimum_units", 'dwell = "7d"\nminimum_units')
    (tmp_path / "headgate.toml").write_text(long)
    assert "Warning" not in headgate("rollout", "plan", *GIVEN, "--traffic", "1000/min").out


def test_a_horizon_that_cannot_pass_is_refused_and_the_table_is_shown_all_the_same() -> None:
    said = headgate("rollout", "plan", *GIVEN, "--traffic", "1/h", "--for", "1h")
    assert said.code == 2
    assert "the plan cannot pass" in said.err
    assert "passes after" in said.out


def test_json_alone_is_on_standard_output_and_holds_its_schema() -> None:
    written = headgate("rollout", "plan", *GIVEN, "--traffic", "1000/min", "--json", "-").json
    assert written["stages"][0]["metrics"][0]["to_pass"] > 1_000
    assert written["units_per_second"] == pytest.approx(1_000 / 60)


def test_recorded_requests_describe_stable(tmp_path: Path) -> None:
    chance = random.Random(3)
    lines = [
        json.dumps({"unit": f"u{n}", "metrics": {"errors": n % 10 == 0, "seconds": chance.lognormvariate(-1.0, 0.5)}})
        for n in range(2_000)
    ]
    (tmp_path / "stable.jsonl").write_text("\n".join(lines))
    written = headgate("rollout", "plan", "--recorded", "stable.jsonl", "--json", "-").json
    assert written["assumptions"]["errors"]["value"] == 0.1
    assert written["assumptions"]["seconds"]["value"] == pytest.approx(0.417, rel=0.1)
    assert written["source"] == "recorded in stable.jsonl"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("--for", "1h"), "--for: needs --traffic"),
        (("--stable", "errors"), "--stable: 'errors' will not do"),
        (("--stable", "errors=10%"), "metric 'seconds': no assumption"),
        (("--stable", "nix=10%"), "'nix' is no metric of the plan"),
        ((*GIVEN, "--worse", "lots"), "--worse"),
        (("--traffic", "many"), "--traffic: 'many' will not do"),
        (("none.toml",), "none.toml"),
        (("--recorded", "none.jsonl"), "none.jsonl: no such file"),
    ],
)
def test_what_will_not_do_is_named_and_exits_2(argv: tuple[str, ...], says: str) -> None:
    said = headgate("rollout", "plan", *argv)
    assert (said.code, said.out) == (2, "")
    assert says in said.err


def test_a_directory_without_a_plan_says_where_one_is_looked_for(plan_file: Path) -> None:
    plan_file.unlink()
    said = headgate("rollout", "plan")
    assert said.code == 2
    assert "neither headgate.toml nor pyproject.toml here has a [rollout] table" in said.err
