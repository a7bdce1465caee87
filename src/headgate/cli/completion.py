"""``headgate completion SHELL``: a script that lets a shell complete headgate's commands, options and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from headgate.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

__all__ = ["EPILOG", "HELP", "SHELLS", "add_arguments", "run"]

HELP = """Print a script for a shell that completes commands, options, choices and files. The script is made once and
stands alone: completing starts no Python."""

EPILOG = """examples:
  headgate completion bash > ~/.local/share/bash-completion/completions/headgate
  headgate completion zsh > ~/.zfunc/_headgate     # with fpath+=~/.zfunc before compinit in .zshrc
  headgate completion fish > ~/.config/fish/completions/headgate.fish

Make it again after an upgrade.

exit codes: 0 done, 2 usage error"""

SHELLS = ("bash", "zsh", "fish")
# What an option or argument is called says whether it names a file; sides A and B are files, too.
_FILES = {"FILE", "PATH", "A", "B", "PLAN"}
_DIRECTORIES = {"DIR"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 - every command's signature
    """Print the script; return the exit code."""
    from headgate.cli import ExitCode, build_parser

    out.write(script(build_parser(), args.shell))
    return ExitCode.PASS


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the completion script of a parser and its subcommands.

    Raises
    ------
    UsageError
        shtab is not installed.
    """
    try:
        import shtab
    except ImportError as error:
        raise UsageError("shtab is not installed, which writes the script; pip install shtab") from error
    for action in _actions(parser):
        if action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # shtab's way to be told
        elif action.metavar in _DIRECTORIES:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    text: str = shtab.complete(parser, shell=shell)
    return text if text.endswith("\n") else f"{text}\n"


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield every option and argument of a parser and of its subcommands."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list of them; shtab reads it, too
        if isinstance(action.choices, dict):
            for sub in action.choices.values():
                yield from _actions(sub)
        else:
            yield action
