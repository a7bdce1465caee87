"""The reference is whole: every command and option, schema, key of policy and plan, and every figure as drawn."""

from __future__ import annotations

import argparse
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import command_reference
import concept_figures
import pytest

from headgate.cli import build_parser
from headgate.gates import policy_input
from headgate.gates.policy import Policy
from headgate.rollout import plan_input

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def test_the_reference_has_every_command_with_every_option_and_its_help() -> None:
    parser = build_parser()
    text = command_reference.reference(parser)
    found = dict(command_reference.commands(parser))
    assert {"headgate compare", "headgate rollout start"} <= set(found)
    sections = {
        part.partition("\n")[0].lstrip("# "): part for part in re.split(r"^(?=###? )", text, flags=re.MULTILINE)
    }
    for name, command in found.items():
        section = sections[name]
        for action in command._actions:
            if action.help is not argparse.SUPPRESS and "--help" not in action.option_strings:
                assert all(f"`{option}" in section for option in action.option_strings), (name, action)
        assert not command.epilog or command.epilog.strip() in section, name


def test_what_a_help_text_says_is_not_taken_for_markdown() -> None:
    parser = argparse.ArgumentParser(prog="top")
    sub = parser.add_subparsers().add_parser("one", description="a_b_c <i> *x* of `--y`")
    sub.add_argument(
        "--many", nargs="+", metavar="N", default=3, help="100%% of [it](x), see --other (default: %(default)s)"
    )
    text = command_reference.reference(parser)
    assert r"a\_b\_c \<i\> \*x\* of `--y`" in text
    assert "`--many N [N ...]`\n: 100% of \\[it\\](x), see `--other` (default: 3)" in text


def test_every_schema_is_listed_with_what_writes_it() -> None:
    page = (DOCS / "reference" / "schemas.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"\]\(\.\./schemas/([\w.-]+)\)", page))
    assert listed == {path.name for path in (DOCS / "schemas").glob("*.json")}
    # By the name that stands in the files themselves, so that it is found.
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    assert set(re.findall(r"`(headgate\.[a-z-]+/\d+)`", page)) == set(re.findall(r"headgate\.[a-z-]+/\d+", sources))


def test_the_policy_page_shows_every_key_with_its_default() -> None:
    (text,) = re.findall(
        r"^```toml\n(.*?)^```", (DOCS / "policy.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    document = tomllib.loads(text)
    assert set(document) == set(policy_input._PARSERS)
    assert {key for table in document["overrides"] for key in table} == set(policy_input._OVERRIDE_PARSERS)
    shown = policy_input.policy_from_layers([("docs/policy.md", document)])
    assert all(
        getattr(shown, field.name) == field.default
        for field in fields(Policy)
        if field.name not in {"required", "overrides"}
    )


def test_the_guide_to_releases_lists_every_key_of_a_plan_with_its_default() -> None:
    page = (DOCS / "rollout.md").read_text(encoding="utf-8")
    shown: dict[str, dict[str, str]] = {}
    for title, keys in (("`[rollout]`", plan_input._KEYS), ("a metric", plan_input._METRIC_KEYS)):
        (rows,) = re.findall(rf"^\| key of {re.escape(title)} .*\n\|.*\n((?:\|.*\n)+)", page, re.MULTILINE)
        cells = [row.split("|")[1:3] for row in rows.splitlines()]
        shown[title] = {key: default.strip(" `") for names, default in cells for key in re.findall(r"`(\w+)`", names)}
        assert set(shown[title]) == set(keys)
    table = {"name": "x", "stages": [5, 100], "metrics": [{"name": "m", "kind": "rate", "margin": "10%"}]}
    plan = plan_input.plan_from_table(table, "docs/rollout.md")
    (metric,) = plan.metrics
    made = {
        **{key: getattr(plan, key) for key in ("alpha", "sample_ratio_alpha", "ledger")},
        "sandbox": plan.sandbox_ppm,
    }
    made |= {"minimum_units": plan.stages[0].minimum_units, "dwell": plan.stages[0].dwell_seconds}
    assert {key: str(value).removesuffix(".0") for key, value in made.items()} == {
        key: default for key, default in shown["`[rollout]`"].items() if default
    }
    assert {key: default.strip('"') for key, default in shown["a metric"].items() if default} == {
        key: str(getattr(metric, key)).removesuffix(".0").lower()
        for key in ("direction", "required", "tolerance", "weight", "resolution")
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", concept_figures.FIGURES)
def test_a_figure_is_as_its_program_draws_it(name: str) -> None:
    drawn = concept_figures.FIGURES[name]().svg()
    assert drawn == (DOCS / "images" / f"{name}.svg").read_text(encoding="utf-8"), "python tools/concept_figures.py"
    assert "prefers-color-scheme:dark" in drawn
    assert "<title>" in drawn
