"""A policy is what its layers say, or a clear refusal."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import InputError, UsageError
from headgate.gates.policy import Action, BenchmarkPolicy, Override, Policy, policy_for
from headgate.gates.policy_input import COMMAND_LINE, gate_table, policy_from_json, policy_from_layers
from headgate.model import BenchmarkId, Direction
from headgate.store.policy_file import find_policy_file, load_policy, read_policy_file

FILE = "headgate.toml"


@pytest.mark.parametrize(
    ("raw", "margin"), [(0.03, 0.03), ("3%", 0.03), (" 3.5 % ", 0.035), ("0.1", 0.1), ("150e-3", 0.15)]
)
def test_a_margin_may_be_a_fraction_or_a_percentage(raw, margin):
    assert policy_from_layers([(FILE, {"margin": raw})]).margin == pytest.approx(margin)


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        (140, 140),
        (0.5, 0.5),
        ("140s", 140),
        ("140", 140),
        ("10m", 600),
        ("1h30m", 5400),
        ("2 min", 120),
        ("2d", 172_800),
        ("1d12h", 129_600),
    ],
)
def test_a_budget_may_be_seconds_or_a_duration(raw, seconds):
    assert policy_from_layers([(FILE, {"budget": raw})]).budget == seconds


@pytest.mark.parametrize(
    ("key", "raw", "says"),
    [
        ("margin", 0, "cannot be passed by any evidence"),
        ("margin", "0%", "cannot be passed by any evidence"),
        ("margin", -0.1, "more than 0 and less than 1"),
        ("margin", "-3%", "more than 0 and less than 1"),
        ("margin", 3, 'did you mean "3%"?'),
        ("margin", 1, "more than 0 and less than 1"),
        ("margin", "100%", "more than 0 and less than 1"),
        ("margin", True, "expected a number"),
        ("margin", "lots", "expected a number"),
        ("margin", "1.2.3%", "expected a number"),
        ("margin", float("nan"), "finite"),
        ("margin", [0.1], "expected a number"),
        ("margin", 10**400, "expected a number"),
        ("confidence", 0.5, "more than 0.5 and less than 1"),
        ("confidence", 1, "more than 0.5 and less than 1"),
        ("confidence", 99, 'did you mean "99%"?'),
        ("budget", 0, "above 0"),
        ("budget", "", "above 0"),
        ("budget", "ten minutes", "above 0"),
        ("budget", "10m 5", "above 0"),
        ("budget", "10 parsecs", "above 0"),
        ("budget", False, "expected a number"),
        ("budget", float("inf"), "finite"),
        ("on_inconclusive", "ignore", '"fail" or "warn" or "pass"'),
        ("on_removed", "pass", '"fail" or "warn"'),
        ("on_added", True, '"fail" or "warn" or "pass"'),
        ("required", 3, "a glob or a list of globs"),
        ("required", [""], "a glob or a list of globs"),
        ("overrides", {"match": "x"}, "expected tables"),
        ("overrides", [{"margin": 0.1}], "no match"),
        ("overrides", [{"match": []}], "no match"),
        ("overrides", [{"match": "x", "direction": "up"}], '"lower" or "higher"'),
        ("overrides", [{"match": "x", "skip": "yes"}], "true or false"),
        ("overrides", [{"match": "x", "confidence": 0.9}], "overrides[0].confidence: unknown key"),
        ("overrides", [{"match": "x", "magin": 0.9}], "did you mean 'margin'?"),
        ("marign", 0.1, "did you mean 'margin'?"),
        ("zzz", 0.1, "the keys are: "),
    ],
)
def test_a_wrong_value_is_refused_with_its_file_its_key_and_what_is_allowed(key, raw, says):
    with pytest.raises(UsageError) as caught:
        policy_from_layers([(FILE, {key: raw})])
    message = str(caught.value)
    assert FILE in message
    assert key in message
    assert says in message
    assert len(message) < 400


def test_an_option_is_named_as_it_was_typed():
    with pytest.raises(UsageError, match=r"^--on-inconclusive: 'maybe' will not do"):
        policy_from_layers([(COMMAND_LINE, {"on_inconclusive": "maybe"})])


def test_the_command_line_wins_over_the_file_and_the_file_over_the_defaults():
    policy = policy_from_layers(
        [(FILE, {"margin": 0.1, "confidence": 0.95}), (COMMAND_LINE, {"margin": "3%", "confidence": None})]
    )
    assert policy == Policy(margin=0.03, confidence=0.95)
    assert policy_from_layers([]) == Policy()


def test_the_later_override_wins_key_by_key():
    policy = Policy(
        overrides=(
            Override(match=("s.*",), margin=0.1, required=False),
            Override(match=("s.A.*", "t.*"), margin=0.2),
            Override(match=("*.track_*",), direction=Direction.HIGHER, skip=True),
        )
    )
    assert policy_for(policy, BenchmarkId("s.B.time_x")) == BenchmarkPolicy(0.1, required=False)
    assert policy_for(policy, BenchmarkId("s.A.time_x", ("1",), ("n",))) == BenchmarkPolicy(0.2, required=False)
    assert policy_for(policy, BenchmarkId("t.track_x")) == BenchmarkPolicy(0.2, Direction.HIGHER, skip=True)
    assert policy_for(policy, BenchmarkId("u.time_x")) == BenchmarkPolicy(policy.margin)


@pytest.mark.parametrize(
    ("glob", "hit"),
    [
        ("s.A.time_x", True),
        ("s.A.time_x(10, 'a')", True),
        ("s.A.time_x(1*", True),
        ("*(10*", True),
        ("S.a.time_x", False),
        ("s.A.time_x(1)", False),
        ("time_x", False),
    ],
)
def test_a_glob_matches_the_name_or_the_name_with_its_parameters(glob, hit):
    policy = Policy(overrides=(Override(match=(glob,), skip=True),))
    assert policy_for(policy, BenchmarkId("s.A.time_x", ("10", "'a'"), ("n", "c"))).skip is hit


fractions = st.floats(0.001, 0.999)
overrides = st.builds(
    Override,
    match=st.lists(st.text(min_size=1), min_size=1, max_size=2).map(tuple),
    margin=st.none() | fractions,
    direction=st.none() | st.sampled_from(Direction),
    required=st.none() | st.booleans(),
    skip=st.none() | st.booleans(),
)
policies = st.builds(
    Policy,
    margin=fractions,
    confidence=st.floats(0.501, 0.9999),
    budget=st.floats(0.1, 1e6),
    on_inconclusive=st.sampled_from(Action),
    on_removed=st.sampled_from([Action.FAIL, Action.WARN]),
    on_added=st.sampled_from(Action),
    required=st.lists(st.text(min_size=1), max_size=2).map(tuple),
    overrides=st.lists(overrides, max_size=3).map(tuple),
)


@given(policies)
def test_a_policy_written_as_json_reads_back_equal(policy):
    assert policy_from_json(policy.to_json(), FILE) == policy


def test_the_gate_may_stand_at_the_top_or_in_its_table_but_not_twice():
    assert gate_table({"margin": 0.1, "gate": {"budget": 5}, "rollout": {}}, FILE) == {"margin": 0.1, "budget": 5}
    with pytest.raises(UsageError, match=r"headgate.toml: margin: given at the top and again in \[gate\]"):
        gate_table({"margin": 0.1, "gate": {"margin": 0.2}}, FILE)
    with pytest.raises(UsageError, match="gate: expected a table"):
        gate_table({"gate": 3}, FILE)


def test_the_nearest_policy_file_is_found_and_the_search_ends_at_the_repository(tmp_path):
    repository = tmp_path / "repository"
    inner = repository / "a" / "b"
    inner.mkdir(parents=True)
    (repository / ".git").mkdir()
    (tmp_path / "headgate.toml").write_text("margin = 0.5")
    assert find_policy_file(inner) is None
    (repository / "pyproject.toml").write_text('[tool.headgate]\nmargin = "4%"\n')
    assert load_policy(inner).margin == 0.04
    (repository / "a" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert load_policy(inner).margin == 0.04, "a pyproject.toml without our table is none of ours"
    (repository / "headgate.toml").write_text('[gate]\nmargin = "2%"\n[rollout]\nstages = [1]\n')
    assert load_policy(inner, options={"budget": "5s"}) == Policy(margin=0.02, budget=5)


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"margin = \nx = 1", InputError, "not valid TOML.*line 1"),
        (b"margin = '\xff'", InputError, "not UTF-8"),
        (b"[tool]\nheadgate = 3", UsageError, "tool.headgate: expected a table"),
        (b"a = " + b"[" * 100_000, InputError, "not valid TOML"),
    ],
)
def test_a_bad_policy_file_is_refused_by_name(tmp_path, content, error, says):
    path = tmp_path / "pyproject.toml"
    path.write_bytes(content)
    with pytest.raises(error, match=f"pyproject.toml.*{says}"):
        read_policy_file(path)


def test_a_policy_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: no such file"):
        read_policy_file(tmp_path / "none.toml")


def test_the_example_of_the_guide_is_a_valid_policy_with_the_defaults_it_states():
    guide = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
    document = tomllib.loads(guide.split("```toml\n")[1].split("```")[0])
    policy = policy_from_layers([("docs/policy.md", gate_table(document, "docs/policy.md"))])
    assert policy.overrides
    assert policy == Policy(required=policy.required, overrides=policy.overrides)
