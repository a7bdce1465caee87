"""The reference is whole: every command and option, every schema, every key of the policy, every figure as drawn."""

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


@pytest.mark.slow
@pytest.mark.parametrize("name", concept_figures.FIGURES)
def test_a_figure_is_as_its_program_draws_it(name: str) -> None:
    drawn = concept_figures.FIGURES[name]().svg()
    assert drawn == (DOCS / "images" / f"{name}.svg").read_text(encoding="utf-8"), "python tools/concept_figures.py"
    assert "prefers-color-scheme:dark" in drawn
    assert "<title>" in drawn
