"""Completion in real shells, and colours that can be switched off everywhere."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from headgate.cli import COMMANDS, main
from headgate.cli.completion import SHELLS

# What is typed so far, and what must be offered.
TYPED = [
    (["headgate", "com"], {"compare", "completion"}),
    (["headgate", "rollout", "sta"], {"start", "status"}),
    (["headgate", "check", "--base"], {"--baseline"}),
    (["headgate", "compare", "--suite", ""], {"current", "candidate", "baseline"}),
    (["headgate", "check", "--baseline", "res"], {"result.json"}),
]


def script(shell: str) -> str:
    out = io.StringIO()
    assert main(["completion", shell], out) == 0
    return out.getvalue()


def offered(shell: str, words: list[str], folder) -> set[str]:
    """Return what a shell offers after ``words``."""
    (folder / "completion").write_text(script(shell))
    (folder / "result.json").touch()
    if shell == "bash":
        typed = " ".join(f"'{word}'" for word in words)
        ask = f"source completion; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _shtab_headgate"
        ask += '; printf "%s\n" "${COMPREPLY[@]}"'
        command = ["bash", "--norc", "-c", ask]
    else:
        command = ["fish", "--no-config", "-c", f'source completion; complete -C "{" ".join(words)}"']
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | {"HOME": str(folder)}
    )
    assert done.returncode == 0, done.stderr
    return {line.partition("\t")[0].strip() for line in done.stdout.splitlines() if line.strip()}


@pytest.mark.parametrize(
    ("words", "wanted"), TYPED, ids=lambda value: "-".join(value) if isinstance(value, list) else ""
)
def test_bash_completes_commands_options_choices_and_files(tmp_path, words, wanted) -> None:
    assert offered("bash", words, tmp_path) == wanted


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "wanted"), TYPED, ids=lambda value: "-".join(value) if isinstance(value, list) else ""
)
def test_fish_completes_commands_options_choices_and_files(tmp_path, words, wanted) -> None:
    assert wanted <= offered("fish", words, tmp_path)


@pytest.mark.slow
def test_zsh_takes_the_script_and_knows_every_command_from_it(tmp_path) -> None:
    (tmp_path / "_headgate").write_text(script("zsh"))
    load = "autoload -Uz compinit; fpath=($PWD $fpath); compinit -u -d dump"
    load += "; autoload +X -U _headgate; print -r -- ${_comps[headgate]}"
    done = subprocess.run(
        ["zsh", "-f", "-c", load], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout.strip()) == (0, "_headgate"), done.stderr
    text = script("zsh")
    assert [name for name in COMMANDS if f"    {name}:'" not in text] == []


@pytest.mark.parametrize("shell", SHELLS)
def test_every_option_of_every_command_is_in_the_script(shell: str) -> None:
    text = script(shell)
    for word in ("webhook-secret-file", "any-session", "fail-on-new", "no-ceilings", "dry-run"):
        assert word in text


def test_an_unknown_shell_is_a_usage_error_and_a_missing_shtab_says_what_to_do(monkeypatch, capsys) -> None:
    assert main(["completion", "tcsh"]) == 2
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "pip install shtab" in capsys.readouterr().err


def test_help_loads_neither_shtab_nor_a_command() -> None:
    code = "import sys; from headgate.cli import main; main(['--help']); "
    code += "print([name for name in sys.modules if name == 'shtab' or name.startswith('headgate.cli.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("words", "environment", "colored"),
    [
        ([], {}, True),
        (["--no-color"], {}, False),
        ([], {"NO_COLOR": "1"}, False),
        (["--no-color"], {"NO_COLOR": "1"}, False),
        ([], {"NO_COLOR": ""}, True),
    ],
)
def test_colors_are_off_for_every_command_where_that_is_asked_for(monkeypatch, words, environment, colored) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(args, out, err) -> int:
        from rich.console import Console

        Console(file=out).print("[red]red[/red]")
        return 0

    fake = SimpleNamespace(HELP="", EPILOG="", add_arguments=id, run=run)
    monkeypatch.setitem(sys.modules, "a_command", fake)
    monkeypatch.setitem(COMMANDS, "profile", ("a_command", ""))
    out = Terminal()
    before = dict(os.environ)
    assert main([*words, "profile"], out) == 0
    assert ("\x1b[31m" in out.getvalue()) == colored
    assert dict(os.environ) == before
