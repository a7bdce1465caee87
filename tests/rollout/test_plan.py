"""What a user writes in [rollout] becomes a plan, exactly, or a message that names the file and the key."""

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollout_plans import METRICS, plan

from headgate.errors import InputError, PlanError, UsageError
from headgate.rollout import Plan
from headgate.rollout.plan_numbers import percent_text, ppm_from_percent

ROOT = Path(__file__).resolve().parents[2]
TOML = """
[rollout]
name = "checkout"
stages = [1, "5%", { percent = 25, minimum_units = 500, dwell = "2h" }, 50, 100]
minimum_units = 200
dwell = "30m"
sandbox = 0.1

[rollout.attributes]
country = "string"
app = "version"

[[rollout.metrics]]
name = "errors"
kind = "rate"
margin = "10%"

[[rollout.metrics]]
name = "latency"
kind = "quantile"
quantile = 0.99
margin = 0.1
low = 0.001
high = 10
unit = "s"

[[rollout.segments]]
name = "old apps"
where = { app = { semver = "<2.1" } }
exclude = true

[[rollout.segments]]
name = "home"
where = { any = [{ country = { in = ["DE", "AT"] } }, { not = { country = { exists = true } } }] }
percent = 2.5
"""


def write(folder: Path, text: str, name: str = "headgate.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_whole_plan_is_read_from_headgate_toml(tmp_path: Path) -> None:
    one = Plan.from_file(write(tmp_path, TOML))
    assert [stage.ppm for stage in one.stages] == [10_000, 50_000, 250_000, 500_000, 1_000_000]
    assert [stage.minimum_units for stage in one.stages] == [200, 200, 500, 200, 200]
    assert [stage.dwell_seconds for stage in one.stages] == [1800.0, 1800.0, 7200.0, 1800.0, 1800.0]
    assert one.sandbox_ppm == 1000
    assert [metric.kind for metric in one.metrics] == ["rate", "quantile"]
    assert [(segment.destination, segment.ppm) for segment in one.segments] == [("exclude", None), ("percent", 25_000)]


def test_the_same_plan_is_read_from_pyproject_toml(tmp_path: Path) -> None:
    moved = TOML.replace("[rollout", "[tool.headgate.rollout")
    assert Plan.from_file(write(tmp_path, moved, "pyproject.toml")) == Plan.from_file(write(tmp_path, TOML))


def test_a_file_without_a_plan_says_so(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"headgate\.toml: has no \[rollout\] table"):
        Plan.from_file(write(tmp_path, "margin = 0.05\n"))
    with pytest.raises(InputError, match="no such file"):
        Plan.from_file(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stagse": [1]}, "rollout.stagse: unknown key; did you mean 'stages'?"),
        ({"name": ""}, "rollout.name"),
        ({"stages": []}, "rollout.stages"),
        ({"stages": [5, 1]}, "each stage must be larger"),
        ({"stages": [0]}, "rollout.stages[0].percent: 0 will not do"),
        ({"stages": [1, 101]}, "rollout.stages[1].percent: 101"),
        ({"stages": [True]}, "rollout.stages[0].percent: True"),
        ({"stages": ["a lot"]}, "rollout.stages[0].percent: 'a lot'"),
        ({"stages": [0.00001]}, "a multiple of 0.0001 percent"),
        ({"stages": [1.00005]}, "a multiple of 0.0001 percent"),
        ({"stages": [float("nan")]}, "expected percent"),
        ({"stages": [{"percent": 1, "minimum_unit": 3}]}, "rollout.stages[0].minimum_unit: unknown key; did you mean"),
        ({"stages": [{"percent": 1, "dwell": "soon"}]}, "rollout.stages[0].dwell: 'soon'"),
        ({"dwell": -1}, "rollout.dwell: -1"),
        ({"minimum_units": 0}, "rollout.minimum_units: 0"),
        ({"sandbox": 100}, "the sandbox would take all units"),
        ({"sandbox": 60, "stages": [1, 50, 100]}, "leaves none on stable"),
        ({"metrics": []}, "rollout.metrics"),
        ({"metrics": [{"name": "errors", "kind": "rate"}]}, "rollout.metrics[0].margin: missing"),
        ({"metrics": [METRICS[0] | {"margn": 1}]}, "rollout.metrics[0].margn: unknown key; did you mean 'margin'?"),
        ({"metrics": [METRICS[0] | {"margin": "ten"}]}, "rollout.metrics[0].margin: 'ten'"),
        ({"metrics": [METRICS[0] | {"margin": 5}]}, 'write "5%" or "500%"'),
        ({"metrics": [METRICS[0] | {"tolerance": -1}]}, "rollout.metrics[0].tolerance: -1 will not do"),
        ({"metrics": [METRICS[0] | {"required": "no"}]}, "rollout.metrics[0].required"),
        ({"metrics": [METRICS[0] | {"quantile": 0.5}]}, "rollout.metrics[0].quantile"),
        ({"alpha": 0.7}, "alpha: 0.7 will not do"),
        ({"attributes": {"country": "text"}}, "rollout.attributes.country: 'text'"),
        ({"ledger": ""}, "rollout.ledger"),
    ],
)
def test_a_wrong_key_is_refused_with_the_file_and_the_keys_path(changes: dict, message: str) -> None:
    table = {"name": "checkout", "stages": [1, 100], "metrics": METRICS} | changes
    with pytest.raises(PlanError) as caught:
        Plan.from_dict(table, "headgate.toml")
    assert str(caught.value).startswith("headgate.toml: ")
    assert message in str(caught.value)
    assert isinstance(caught.value, UsageError)
    assert caught.value.exit_code == 2


@given(st.integers(1, 1_000_000))
def test_every_part_per_million_is_exact_as_a_number_and_as_a_text(ppm: int) -> None:
    exact = Decimal(ppm) / 10_000
    assert ppm_from_percent(float(exact), "x") == ppm
    assert ppm_from_percent(str(exact), "x") == ppm
    assert ppm_from_percent(f"{exact} %", "x") == ppm
    assert ppm_from_percent(percent_text(ppm), "x") == ppm


def test_hostile_numbers_are_refused_quickly() -> None:
    for raw in ("1e999999999", "9" * 5000, 10**5000, Decimal("1e-999999999"), Decimal("1E+999999999"), float("inf")):
        with pytest.raises(PlanError):
            ppm_from_percent(raw, "x")


def test_a_plan_survives_its_json_and_keeps_its_hash(tmp_path: Path) -> None:
    one = Plan.from_file(write(tmp_path, TOML))
    again = Plan.from_json(json.loads(json.dumps(one.to_json())), "ledger")
    assert again == one
    assert again.hash == one.hash


def test_the_json_of_a_plan_is_what_its_schema_says(tmp_path: Path) -> None:
    schema = json.loads((ROOT / "docs" / "schemas" / "rollout-plan-1.schema.json").read_text())
    jsonschema.validate(Plan.from_file(write(tmp_path, TOML)).to_json(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(plan().to_json() | {"sandbox_ppm": 0.5}, schema)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "search"},
        {"stages": [1, 5, 25, 50]},
        {"minimum_units": 101},
        {"dwell": 1},
        {"sandbox": 0.0001},
        {"alpha": 0.04},
        {"sample_ratio_alpha": 0.002},
        {"attributes": {"country": "string"}},
        {"metrics": METRICS[:1]},
        {"segments": [{"name": "a", "where": {"country": "DE"}, "exclude": True}]},
    ],
)
def test_any_change_of_what_decides_changes_the_hash(changes: dict) -> None:
    assert plan(**changes).hash != plan().hash


def test_how_a_value_is_written_and_where_the_ledger_is_do_not_change_the_hash() -> None:
    same = plan(stages=["1%", 5.0, "25.00", {"percent": 50}, 100], ledger="elsewhere.sqlite", dwell=0)
    assert same.hash == plan().hash


@pytest.mark.parametrize("damage", [{"schema": "headgate.rollout-plan/2"}, {"stages": None}, {"segments": [{"x": 1}]}])
def test_json_that_is_no_plan_is_refused(damage: dict) -> None:
    with pytest.raises(PlanError, match="ledger"):
        Plan.from_json(plan().to_json() | damage, "ledger")


def test_the_gate_is_told_shares_of_the_live_units() -> None:
    one = plan(stages=[1, 50, 100], sandbox=20)
    assert [stage.ppm for stage in one.policy.stages] == [12_500, 625_000, 1_000_000]
    assert plan().policy.stages == plan().stages


@pytest.mark.parametrize(("written", "margin"), [("10%", 0.1), (0.1, 0.1), ("100%", 1.0), ("250 %", 2.5), ("0.3", 0.3)])
def test_a_margin_of_more_than_a_hundred_percent_is_written_in_percent(written: object, margin: float) -> None:
    assert plan(metrics=[METRICS[0] | {"margin": written, "tolerance": "0%"}]).metrics[0].margin == margin


def with_margins(margins: object, **changes: object) -> dict[str, object]:
    return {"metrics": [METRICS[0] | {"margin": "20%", "margins": margins}], **changes}


@pytest.mark.parametrize(
    ("margins", "early"),
    [
        ({"1": "100%", "5": "50%"}, (1.0, 0.5)),
        ({1: 0.9, "5": "0.5"}, (0.9, 0.5)),
        ({"5 %": "50%", "1": "50%"}, (0.5, 0.5)),
        ({"1": "100%", "5": "20%"}, (1.0,)),
        ({"1": "20%"}, ()),
    ],
)
def test_margins_by_stage_are_those_of_the_first_stages(margins: object, early: tuple[float, ...]) -> None:
    one = plan(**with_margins(margins))
    assert one.metrics[0].early_margins == early
    assert Plan.from_json(one.to_json(), "x").hash == one.hash
    schema = json.loads((ROOT / "docs" / "schemas" / "rollout-plan-1.schema.json").read_text())
    jsonschema.validate(one.to_json(), schema)
    assert (one.hash == plan(metrics=[METRICS[0] | {"margin": "20%"}]).hash) is (not early)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (with_margins("50%"), "rollout.metrics[0].margins: '50%' will not do: expected margins by stage"),
        (with_margins({}), "rollout.metrics[0].margins: {} will not do"),
        (with_margins({"2": "50%"}), "margins.2: no stage of 2 %; the stages are 1 %, 5 %, 25 %, 50 %, 100 %"),
        (with_margins({"one": "50%"}), "margins.one: 'one' will not do"),
        (with_margins({"1": "wide"}), "margins.1: 'wide' will not do"),
        (with_margins({"1": 50}), 'margins.1: 50 will not do: expected less than 1; write "50%"'),
        (with_margins({"1": "50%", "5": "60%"}), "0.5 at 1 %, 0.6 at 5 %: margins only shrink as the stages grow"),
        (with_margins({"5": "50%"}), "0.2 at 1 %, 0.5 at 5 %: margins only shrink as the stages grow"),
        (with_margins({"1": "10%"}), "0.1 at 1 %, 0.2 at 5 %: margins only shrink as the stages grow"),
        (
            with_margins({"1": "90%", "5": "80%", "25": "70%", "50": "60%"}),
            "the last stage that compares, of 50 %, holds the metric's margin (0.2)",
        ),
        (with_margins({"1": "50%", "5": "40%"}, stages=[1, 5]), "the last stage that compares, of 5 %"),
        (with_margins({"1": "50%", "5": "10%"}, stages=[1, 5]), "the last stage that compares, of 5 %"),
    ],
)
def test_margins_by_stage_that_will_not_do_are_named(changes: dict[str, object], says: str) -> None:
    with pytest.raises(PlanError) as refused:
        plan(**changes)
    assert says in str(refused.value)


def test_margins_by_stage_are_written_in_toml_as_a_table(tmp_path: Path) -> None:
    text = TOML.replace('margin = "10%"', 'margin = "10%"\nmargins = {1 = "100%", 5 = "50%"}', 1)
    assert Plan.from_file(write(tmp_path, text)).metrics[0].early_margins == (1.0, 0.5)


def test_the_unit_is_part_of_the_plan_where_it_is_said_and_leaves_other_plans_hashes_alone() -> None:
    said = plan(unit="request")
    assert "unit" not in plan().to_json()
    assert (plan(unit="").hash, said.hash == plan().hash) == (plan().hash, False)
    assert Plan.from_json(said.to_json(), "a ledger") == said
    for wrong in (5, "x" * 65, "a\nb"):
        with pytest.raises(PlanError, match=r'unit: .* expected what is routed, as "user" or "request"'):
            plan(unit=wrong)
