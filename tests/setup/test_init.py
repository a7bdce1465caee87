"""`headgate init`: what it finds, what it writes, that it overwrites nothing, and that what it writes works."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

import headgate
from headgate.cli import build_parser, main
from headgate.errors import UsageError
from headgate.setup.files import POSSIBLE, next_steps, plan_files
from headgate.setup.repository import DEFAULT_PYTHON, Repository, Suite, look_at
from headgate.store.policy_file import load_policy

USES = "def test_speed(benchmark):\n    benchmark(sum, range(100))\n"
WORKFLOW = ".github/workflows/headgate.yml"


def init(*words: object) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(["init", *map(str, words)], out, err)
    return code, out.getvalue(), err.getvalue()


def repository(root: Path, files: dict[str, str]) -> Path:
    root.mkdir(exist_ok=True)
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(root)], check=True)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def written(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_an_asv_suite_gets_a_policy_that_loads_and_a_workflow_that_is_yaml(tmp_path, service):
    root = repository(tmp_path, {"asv.conf.json": "{}"})
    code, out, err = init(root, "--ci", service)
    assert (code, err) == (0, "")
    policy = load_policy(root)
    assert (policy.margin, policy.budget) == (0.05, 600.0)
    workflow = root / (WORKFLOW if service == "github" else ".gitlab/headgate.yml")
    text = workflow.read_text()
    assert "headgate compare" in text
    assert "@" not in text.replace("actions/checkout@v4", "").replace("setup-python@v5", "").replace("artifact@v4", "")
    yaml.safe_load(text)
    assert "asv suite (asv.conf.json)" in out
    assert "git add headgate.toml" in out


def test_benchmarks_under_pytest_are_found_where_they_use_the_fixture(tmp_path):
    files = {
        "checks/test_speed.py": USES,
        "checks/deep/test_more.py": USES,
        "tests/test_other.py": "def test_a(): pass\n",
    }
    found = look_at(repository(tmp_path, files))
    assert (found.suite, found.tests) == (Suite.PYTEST, ("checks",))


@pytest.mark.parametrize(
    ("path", "tests"),
    [
        ("pkg/tests/test_speed.py", ("pkg/tests",)),
        ("src/pkg/tests/test_speed.py", ("src/pkg/tests",)),
        ("benchmarks/test_speed.py", ("benchmarks",)),
        ("test_speed.py", ("test_speed.py",)),
    ],
)
def test_of_a_package_only_its_tests_are_copied_away(tmp_path, path, tests):
    package = {
        "pkg/__init__.py": "",
        "pkg/tests/__init__.py": "",
        "src/pkg/__init__.py": "",
        "benchmarks/__init__.py": "",
    }
    assert look_at(repository(tmp_path, {**package, path: USES})).tests == tests


@pytest.mark.parametrize("path", ["pkg/test_speed.py", "src/test_speed.py", "code/test_speed.py"])
def test_benchmarks_among_a_packages_modules_would_measure_their_own_copy(tmp_path, path):
    files = {"pkg/__init__.py": "", "code/pkg/__init__.py": "", "src/module.py": "", path: USES}
    code, out, err = init(repository(tmp_path, files))
    assert (code, out) == (2, "")
    assert f"{path}: lies among a package's modules" in err
    assert not (tmp_path / WORKFLOW).exists()


def test_a_policy_in_pyproject_is_not_switched_off_by_another_beside_it(tmp_path):
    pyproject = '[tool.headgate]\nmargin = "1%"\non_inconclusive = "fail"\n'
    root = repository(tmp_path, {"asv.conf.json": "{}", "pyproject.toml": pyproject})
    code, out, _ = init(root)
    assert code == 0
    assert "kept         headgate.toml  (pyproject.toml has the policy)" in out
    assert not (root / "headgate.toml").exists()
    assert load_policy(root).margin == 0.01
    assert (root / WORKFLOW).is_file()


def test_an_asv_suite_goes_before_pytest_and_the_roots_before_a_nested_one(tmp_path):
    files = {"sub/asv.conf.json": "{}", "test_speed.py": USES}
    assert look_at(repository(tmp_path, files)).config == "sub/asv.conf.json"
    (tmp_path / "asv.conf.json").write_text("{}")
    assert look_at(tmp_path).config == "asv.conf.json"


def test_a_nested_configuration_is_given_to_every_command(tmp_path):
    files = {"my bench/asv.conf.json": "{}"}
    code, out, _ = init(repository(tmp_path, files))
    assert code == 0
    text = (tmp_path / WORKFLOW).read_text()
    assert "headgate compare HEAD^1 HEAD --config 'my bench/asv.conf.json' \\" in text
    assert "headgate doctor 'my bench'" in text
    assert "headgate calibrate --config 'my bench/asv.conf.json'" in out


@pytest.mark.parametrize(
    ("there", "given", "option"),
    [
        (("asv.conf.json",), None, ""),
        (("asv.conf.jsonc",), "asv.conf.jsonc", ""),
        (("asv.conf.json", "other.json"), "asv.conf.json", ""),
        (("asv.conf.json", "other.json"), "other.json", " --config other.json"),
        (("asv.conf.json", "asv.conf.jsonc"), "asv.conf.jsonc", " --config asv.conf.jsonc"),
    ],
)
def test_a_configuration_that_commands_would_not_find_by_themselves_is_given_to_them(tmp_path, there, given, option):
    root = repository(tmp_path, dict.fromkeys(there, "{}"))
    code, out, err = init(root, *(["--config", root / given] if given else []))
    assert (code, err) == (0, "")
    assert f"headgate compare HEAD^1 HEAD{option} \\" in (root / WORKFLOW).read_text()
    assert f"headgate calibrate{option} --budget" in out


def test_what_is_installed_or_hidden_is_not_the_projects_own(tmp_path):
    files = {
        "node_modules/x/asv.conf.json": "{}",
        ".tox/test_a.py": USES,
        "own/pyvenv.cfg": "",
        "own/test_b.py": USES,
    }
    code, _, err = init(repository(tmp_path, files))
    assert code == 2
    assert "no asv.conf.json, and no test that takes" in err


def test_a_newer_python_is_taken_from_the_project_and_never_an_older_one(tmp_path):
    root = repository(tmp_path, {"asv.conf.json": "{}", "pyproject.toml": '[project]\nrequires-python = ">=3.14"\n'})
    assert look_at(root).python == "3.14"
    (root / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.8"\n')
    assert look_at(root).python == DEFAULT_PYTHON


def test_nothing_is_overwritten_and_it_says_what_it_kept(tmp_path):
    root = repository(tmp_path, {"asv.conf.json": "{}", "headgate.toml": 'margin = "9%"\n'})
    code, out, _ = init(root)
    assert code == 0
    assert (root / "headgate.toml").read_text() == 'margin = "9%"\n'
    assert "kept         headgate.toml" in out
    before = written(root)
    code, out, _ = init(root)
    assert code == 0
    assert written(root) == before
    assert "git add" not in out


def test_a_dangling_link_is_somethings_place_too(tmp_path):
    root = repository(tmp_path, {"asv.conf.json": "{}"})
    (root / "headgate.toml").symlink_to(root / "absent.toml")
    assert init(root)[0] == 0
    assert not (root / "absent.toml").exists()


def test_a_dry_run_shows_the_files_and_writes_none(tmp_path):
    root = repository(tmp_path, {"asv.conf.json": "{}"})
    before = written(root)
    code, out, _ = init(root, "--dry-run")
    assert code == 0
    assert written(root) == before
    assert '    | margin = "5%"' in out
    assert "would write  .github/workflows/headgate.yml" in out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "not in a git repository"),
        (("absent",), "no such directory"),
        (("repo", "--config", "absent.json"), "absent.json: no such file"),
        (("two",), "2 asv configurations (a/asv.conf.json, b/asv.conf.json); say which with --config FILE"),
    ],
)
def test_what_cannot_be_set_up_is_told_and_nothing_is_written(tmp_path, monkeypatch, words, problem):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    repository(tmp_path / "repo", {"asv.conf.json": "{}"})
    repository(tmp_path / "two", {"a/asv.conf.json": "{}", "b/asv.conf.json": "{}"})
    (tmp_path / "plain").mkdir()
    monkeypatch.chdir(tmp_path if words else tmp_path / "plain")
    before = written(tmp_path)
    code, _, err = init(*words)
    assert code == 2
    assert problem in err
    assert written(tmp_path) == before


HOSTILE = "-x: #y; touch $(id) `id` '\" @CONFIG@ | & {z} %w !v"


@pytest.mark.parametrize("service", ["github", "gitlab"])
@pytest.mark.parametrize("fact", [{"config": f"{HOSTILE}/asv.conf.json"}, {"tests": (HOSTILE, "tests")}], ids=str)
def test_a_directorys_name_is_one_word_of_its_command_and_nothing_else(tmp_path, service, fact):
    suite = Suite.ASV if "config" in fact else Suite.PYTEST
    harmless = {"config": "x/asv.conf.json"} if "config" in fact else {"tests": ("x", "tests")}
    told = []
    for facts in (fact, harmless):
        one = plan_files(Repository(tmp_path, suite, **facts), service)[1]
        told.append([shell_words(script) for script in scripts(one.content)])
    hostile, expected = told
    assert [[word.replace(f"./{HOSTILE}", "x") for word in words] for words in hostile] == expected
    assert sum(f"./{HOSTILE}" in word for words in hostile for word in words) == 2


def shell_words(script: str) -> list[str]:
    """Return the words of a script as the shell takes them, its quotes undone."""
    subprocess.run(["bash", "-n", "-c", script], check=True)
    return shlex.split(script)


@pytest.mark.parametrize("name", ["a${{ secrets.TOKEN }}", "two\nlines", "bell\a", "\ud800"])
def test_a_name_that_a_workflow_would_read_otherwise_is_refused_unless_none_is_written(tmp_path, name):
    for fact in (
        {"suite": Suite.ASV, "config": f"{name}/asv.conf.json"},
        {"suite": Suite.ASV, "config": f"bench/{name}.json"},
        {"suite": Suite.PYTEST, "tests": (name,)},
    ):
        repository = Repository(tmp_path, **fact)
        for service in ("github", "gitlab"):
            with pytest.raises(UsageError, match="cannot be put into a workflow; rename it"):
                plan_files(repository, service)
        assert next_steps(repository, plan_files(repository, "none"), "none")


@pytest.mark.parametrize("suite", [Suite.ASV, Suite.PYTEST])
def test_an_earlier_jobs_files_are_not_found_by_the_next(tmp_path, suite):
    """GitHub's runner empties RUNNER_TEMP before each job; GitLab's job deletes its own directory first."""
    repository = Repository(tmp_path, suite, config="asv.conf.json", tests=("tests",))
    text = plan_files(repository, "github")[1].content
    steps = yaml.safe_load(text)["jobs"]["gate"]["steps"]
    (upload,) = (step["with"]["path"] for step in steps if "upload-artifact" in step.get("uses", ""))
    assert upload == "${{ runner.temp }}/headgate"
    outputs = re.findall(r"--(?:json|markdown|junit|evidence|html|benchmark-json) (\S+)", text)
    assert len(outputs) >= 5
    assert all(path.startswith('"$out/') for path in outputs)
    assert text.count('out="$RUNNER_TEMP/headgate"\n') == (1 if suite == Suite.ASV else 2)
    assert "../" not in text
    job = yaml.safe_load(plan_files(repository, "gitlab")[1].content)["headgate"]
    script = "\n".join(job["script"])
    outputs = re.findall(r"--(?:json|markdown|junit|evidence|html|benchmark-json) (\S+)", script)
    assert len(outputs) >= 5
    assert all(path.strip('"').removeprefix("$here/").startswith("headgate-verdict/") for path in outputs)
    assert script.index("rm -rf headgate-verdict") < script.index("headgate doctor" if suite == Suite.ASV else "pytest")
    assert job["artifacts"]["paths"] == ["headgate-verdict"]
    assert "../" not in script


def scripts(text: str) -> list[str]:
    """Return what the shell gets, of a workflow of either service."""
    workflow = yaml.safe_load(text)
    if "jobs" in workflow:
        return [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    return workflow["headgate"]["script"]


def test_every_path_that_may_be_written_is_looked_at_first(tmp_path):
    for service in ("github", "gitlab", "none"):
        planned = plan_files(Repository(tmp_path, Suite.ASV, config="asv.conf.json"), service)
        assert {one.path for one in planned} <= set(POSSIBLE)


def test_the_commands_it_names_are_commands_of_this_program(tmp_path):
    _, out, _ = init(repository(tmp_path, {"asv.conf.json": "{}"}))
    lines = [line.split("#")[0].split() for line in out.splitlines() if line.startswith("  headgate ")]
    assert len(lines) == 3
    for words in lines:
        build_parser().parse_args(words[1:])


@pytest.mark.slow
def test_the_steps_of_the_pytest_workflow_judge_a_slower_branch_by_its_own_code(tmp_path):
    """The real steps, on a real repository with a merge, but for installing from an index."""
    root = repository(
        tmp_path / "work",
        {
            "pyproject.toml": '[build-system]\nrequires = ["setuptools>=61"]\nbuild-backend = "setuptools.build_meta"\n'
            '[project]\nname = "counted"\nversion = "1"\n[tool.setuptools]\npackages = ["counted"]\n',
            "counted/__init__.py": "def work():\n    return sum(range(10))\n",
            "tests/__init__.py": "",
            "tests/test_speed.py": "from counted import work\n\n\ndef test_work(benchmark):\n    benchmark(work)\n",
        },
    )
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "base")
    git(root, "checkout", "-q", "-b", "change")
    (root / "counted" / "__init__.py").write_text("def work():\n    return sum(range(300_000))\n")
    git(root, "commit", "-q", "-am", "slower")
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "--no-ff", "-m", "merged", "change")
    assert init(root)[0] == 0
    steps = scripts((root / WORKFLOW).read_text())
    measure, decide = (next(one for one in steps if word in one) for word in ("--benchmark-only", "headgate check"))
    temporary = tmp_path / "runner"
    temporary.mkdir()
    git(root, "worktree", "add", "-q", str(temporary / "headgate-base"), "HEAD^1")
    # What installing would do, without an index: an environment that sees this one's pytest and one side's package.
    for side, source in (("base", temporary / "headgate-base"), ("candidate", root)):
        environment = temporary / f"env-{side}"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
        packages = environment / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
        target = tmp_path / f"installed-{side}"
        (target / "counted").mkdir(parents=True)
        (target / "counted" / "__init__.py").write_bytes((source / "counted" / "__init__.py").read_bytes())
        seen = (target, sysconfig.get_paths()["purelib"], Path(headgate.__file__).parents[1])
        (packages / "seen.pth").write_text("".join(f"{path}\n" for path in seen))
    environment = {
        **os.environ,
        "RUNNER_TEMP": str(temporary),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    environment.pop("GITHUB_STEP_SUMMARY", None)
    # A worker of pytest-xdist says so to its children, and pytest-benchmark would not measure.
    environment = {name: value for name, value in environment.items() if not name.startswith("PYTEST_")}
    told = {"cwd": root, "env": environment, "capture_output": True, "text": True}
    measured = subprocess.run(["bash", "-e", "-c", measure], check=False, **told)
    assert measured.returncode == 0, measured.stdout + measured.stderr
    decided = subprocess.run(["bash", "-e", "-c", decide], check=False, **told)
    assert decided.returncode == 1, decided.stdout + decided.stderr
    verdict = json.loads((temporary / "headgate" / "verdict.json").read_text())
    assert verdict["comparisons"][0]["ratio"] > 100, "each side ran its own code"


def git(root: Path, *words: str) -> None:
    identity = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)
