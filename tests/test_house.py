"""The house rules that a linter cannot keep: sizes, lazy imports, public names, documents that hold."""

import ast
import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import headgate
from headgate.cli import COMMANDS, build_parser, main

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
MOST_FILE_LINES = 300
MOST_FUNCTION_LINES = 60
MOST_PUBLIC_NAMES = 20
HEAVY = {"numba", "pyspark", "boto3", "obstore", "scipy", "asv", "asv_runner", "jinja2", "rich", "cpuinfo", "psutil"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MOST_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < MOST_FUNCTION_LINES, node.name


@pytest.mark.parametrize("module", ["headgate", "headgate.cli", "headgate.transforms", "headgate.gates.commit"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert not loaded & HEAVY


def test_public_names_fit_on_one_screen() -> None:
    assert len(headgate.__all__) <= MOST_PUBLIC_NAMES
    assert all(hasattr(headgate, name) for name in headgate.__all__)


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        assert main([command, "--help"]) == 0
        assert "examples:" in capsys.readouterr().out, command


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["comprae"]) == 2
    assert "'comprae' will not do" in capsys.readouterr().err


def test_the_exit_code_of_the_process_is_the_commands() -> None:
    assert subprocess.run([sys.executable, "-m", "headgate", "--version"], check=False).returncode == 0
    assert subprocess.run([sys.executable, "-m", "headgate", "nonsense"], check=False, stderr=-3).returncode == 2


def shell_lines(path: Path) -> list[str]:
    blocks = re.findall(r"^```(?:sh|console|bash)?\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [re.split(r"\s{3,}|\s#\s", line)[0] for line in lines if line.startswith("headgate ")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_in_a_document_parse(path: Path) -> None:
    for line in shell_lines(path):
        words = shlex.split(line)[1:]
        if any(word in {"[", "BASE", "REGEX"} or word.startswith("[") for word in words):
            continue  # a synopsis, not an example
        build_parser().parse_args(words)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_python_examples_in_a_document_run_and_print_what_they_say(path: Path) -> None:
    result = doctest.testfile(
        str(path), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    )
    assert result.failed == 0


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_files_a_document_links_to_exist(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z][a-z-]*)", (ROOT / "README.md").read_text())) <= targets


def test_the_project_gates_itself_with_a_policy_that_loads() -> None:
    from headgate.gates.policy import policy_for
    from headgate.store.policy_file import load_policy

    policy = load_policy(ROOT)
    assert policy_for(policy, "transforms_large.LargeOut.track_copy_share('cython')").direction == "higher"


def test_every_dependency_has_its_line() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *[one for extra in project["optional-dependencies"].values() for one in extra]]
    names = {re.split(r"[<>=\[ ]", one)[0] for one in wanted} - {"setuptools", "types-psutil"}
    document = (ROOT / "docs" / "dependencies.md").read_text()
    assert {name for name in names if name not in document} == set()
