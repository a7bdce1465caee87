"""`pytest --headgate-baseline` as a project runs it: verdict in the summary, exit status of the process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from headgate.pytest_plugin.gate import EXIT_CODES, own_words

pytestmark = pytest.mark.slow
USAGE = 4


def test_loading_the_plugin_loads_nothing_of_headgate_but_itself() -> None:
    code = "import sys, pytest; old = set(sys.modules); import headgate.pytest_plugin; print(*set(sys.modules) - old)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) == {"headgate", "headgate.pytest_plugin"}


def test_without_the_option_nothing_is_said_and_nothing_changes(run) -> None:
    done = run()
    assert done.returncode == 0
    assert "headgate" not in done.stdout.replace("headgate.toml", "").partition("collected")[2]


def test_the_plugin_is_found_by_its_entry_point(run) -> None:
    assert "--headgate-baseline=FILE" in run("--help", plugins=("benchmark", "headgate")).stdout


@pytest.mark.parametrize(
    ("factor", "code", "state"),
    [("1", 0, "INCONCLUSIVE"), ("3", EXIT_CODES[1], "REGRESSED"), ("0.3", 0, "INCONCLUSIVE")],
)
def test_the_exit_status_is_the_verdicts(run, saved, factor, code, state) -> None:
    done = run("--headgate-baseline", saved, FACTOR=factor)
    assert done.returncode == code, done.stdout
    assert f"\n{state}: " in done.stdout
    assert "a pytest run is one process" in " ".join(done.stdout.split())
    assert ("exit status 11" in done.stdout) == (code == 11)


def test_an_undecided_run_fails_where_the_policy_says_so_and_passes_at_a_wide_margin(run, saved, project) -> None:
    policy = project / "strict.toml"
    policy.write_text('on_inconclusive = "fail"\n')
    strict = ("--headgate-baseline", saved, "--headgate-policy", policy)
    done = run(*strict)
    assert done.returncode == EXIT_CODES[3], done.stdout
    done = run(*strict, "--headgate-margin", "60%", "--headgate-confidence", "0.95")
    assert done.returncode == 0, done.stdout
    assert "\nPASS: " in done.stdout


def test_several_files_a_side_are_processes_that_speak_for_themselves(run, launches) -> None:
    launches("base", 7)
    launches("new", 6, factor=1.1, commit="b" * 40)
    several = ("--headgate-baseline", "base-*.json", "--headgate-candidate", "new-*.json")
    done = run(*several, FACTOR="1.1", COMMIT="b" * 40)
    assert done.returncode == EXIT_CODES[1], done.stdout
    assert "REGRESSED: 2 of 3 benchmarks" in done.stdout
    assert "one process" not in done.stdout
    # With a process a side the same change is not to be told from none.
    assert run("--headgate-baseline", "base-0.json", FACTOR="1.1").returncode == 0
    done = run(*several, FACTOR="1.1", COMMIT="c" * 40)
    assert done.returncode == USAGE
    assert "is of commit bbbbbbbb, this run of cccccccc" in done.stdout


def test_earlier_runs_are_no_evidence_of_code_that_was_never_committed(run, launches) -> None:
    launches("base", 5)
    launches("new", 4)
    several = ("--headgate-baseline", "base-*.json", "--headgate-candidate", "new-*.json")
    done = run(*several, FACTOR="2", DIRTY="1", COMMIT="a" * 40)
    assert done.returncode == USAGE
    assert "this run is of uncommitted code, which cannot be told from other code" in done.stdout + done.stderr
    # By itself it is judged as it stands.
    assert run("--headgate-baseline", "base-0.json", FACTOR="2", DIRTY="1").returncode == EXIT_CODES[1]


def test_failed_tests_keep_pytests_own_status_and_the_verdict_is_shown(run, saved) -> None:
    done = run("--headgate-baseline", saved, FACTOR="3", BREAK="1")
    assert done.returncode == 1
    assert "REGRESSED: " in done.stdout
    assert "exit status 1: pytest's own" in done.stdout


def test_a_benchmark_that_this_run_skipped_fails_the_verdict_and_says_why(run, saved) -> None:
    done = run("--headgate-baseline", saved, SKIP="1")
    assert done.returncode == EXIT_CODES[4], done.stdout
    assert "skipped by this run, hence missing: bench/test_work.py::test_work(20)" in " ".join(done.stdout.split())


def test_what_was_not_asked_for_is_left_out_and_told(run, saved, project) -> None:
    done = run("--headgate-baseline", saved, "-k", "other")
    assert done.returncode == 0, done.stdout
    assert "2 benchmarks of the baseline were not asked for" in " ".join(done.stdout.split())
    done = run("--headgate-baseline", saved, "bench/test_work.py::test_work")
    assert done.returncode == 0, done.stdout
    assert "1 benchmark of the baseline were not asked for" in " ".join(done.stdout.split())
    # Gone from a file that was asked for is gone.
    suite = project / "bench" / "test_work.py"
    suite.write_text(suite.read_text().replace("def test_other", "def tested_other"))
    done = run("--headgate-baseline", saved, "bench")
    assert done.returncode == EXIT_CODES[4]


def test_the_outputs_are_written(run, saved, project) -> None:
    files = ["--headgate-json=v.json", "--headgate-markdown=v.md", "--headgate-html=page"]
    done = run("--headgate-baseline", saved, *files, FACTOR="3", GITHUB_STEP_SUMMARY=str(project / "job.md"))
    assert done.returncode == EXIT_CODES[1]
    verdict = json.loads((project / "v.json").read_text())
    assert (verdict["state"], len(verdict["comparisons"])) == ("regressed", 3)
    assert "pytest --headgate-baseline" in (project / "v.md").read_text()
    assert (project / "job.md").read_text() == (project / "v.md").read_text() + "\n"
    assert "test_work" in (project / "page" / "index.html").read_text()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--headgate-baseline", "gone.json"], "gone.json: no such file"),
        (["--headgate-baseline", "gone-*.json"], "--headgate-baseline: 'gone-*.json' matches no file"),
        (["--headgate-baseline", "~nosuchuser/x"], "~nosuchuser/x: no such file"),
        (["--headgate-baseline", "n" * 300], "cannot be used (File name too long); check the path"),
        (["--headgate-baseline", "base.json", "--headgate-json", "n" * 300], "cannot be used (File name too long)"),
        (["--headgate-baseline", "base.json", "--benchmark-disable"], "the benchmarks are disabled"),
        (["--headgate-baseline", "base.json", "--benchmark-skip"], "--benchmark-skip"),
        (["--headgate-baseline", "base.json", "--headgate-margin", "much"], "--headgate-margin"),
        (["--headgate-baseline", "base.json", "--headgate-json", "-"], "--headgate-json: - will not do"),
        (
            ["--headgate-baseline", "base.*n", "--headgate-json", "base.json"],
            "headgate: --headgate-json: base.json is what --headgate-baseline reads and would be overwritten",
        ),
        (["--headgate-json", "v.json"], "headgate: --headgate-json: nothing to judge; give --headgate-baseline FILE"),
    ],
)
def test_what_cannot_end_in_a_verdict_is_refused_before_anything_runs(run, saved, options, told) -> None:
    done = run(*options)
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert told in done.stderr
    assert "passed" not in done.stdout


def test_a_run_without_pytest_benchmark_is_refused_with_the_reason(run, saved) -> None:
    absent = run("--headgate-baseline", saved, plugins=("headgate",))
    assert (absent.returncode, "pip install pytest-benchmark" in absent.stderr) == (USAGE, True)
    blocked = run("--headgate-baseline", saved, "-p", "no:benchmark", plugins=("headgate",))
    assert (blocked.returncode, "-p no:benchmark" in blocked.stderr) == (USAGE, True)
    assert run(plugins=("headgate",), PYTEST_ADDOPTS="test_plain.py").returncode == 0


def test_under_xdist_nothing_is_measured_and_that_is_said(run, saved) -> None:
    plugins = ("xdist", "benchmark", "headgate")
    done = run("--headgate-baseline", saved, "-n", "1", plugins=plugins)
    assert done.returncode == USAGE, done.stdout
    assert "measures nothing under pytest-xdist: run the benchmarks with -n 0" in done.stderr
    assert run("--headgate-baseline", saved, "-n", "0", plugins=plugins).returncode == 0


@pytest.mark.parametrize("options", [["--collect-only"], ["test_plain.py"], ["-k", "plain"]])
def test_a_run_that_measured_nothing_is_never_green(run, saved, options) -> None:
    done = run("--headgate-baseline", saved, *options)
    assert done.returncode == USAGE
    assert "this run measured no benchmark" in done.stdout


def test_another_machine_is_refused_at_the_start_unless_asked_for(run, saved) -> None:
    done = run("--headgate-baseline", saved, NODE="elsewhere")
    assert done.returncode == USAGE
    assert "--headgate-any-machine compares them all the same" in done.stderr
    done = run("--headgate-baseline", saved, "--headgate-any-machine", NODE="elsewhere")
    assert done.returncode == 0
    assert "results of different machines" in done.stdout


FIRST = """
@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config, benchmarks, output_json):
    output_json["first"] = benchmarks[0].name
"""
BROKEN = """
@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config, benchmarks, output_json):
    output_json["first"] = benchmarks[0].no_such_thing
"""
FIRST_OF_COMMIT = """
@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_commit_info(config, commit_info):
    commit_info["first"] = config._benchmarksession.benchmarks[0].name
"""
NO_MACHINE = """
@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(config, machine_info):
    raise KeyError("cpu")
"""


NO_COMMIT = """
@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_commit_info(config, commit_info):
    import json
    json.loads("{")
"""
SKIPS = """
@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config, benchmarks, output_json):
    if benchmarks:
        pytest.skip("not today")
"""
SPOILS = """
@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config, benchmarks, output_json):
    del output_json["benchmarks"]
"""
EXITS = """
@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config, benchmarks, output_json):
    if len(benchmarks) >= {least}:
        pytest.exit("enough"{code})
"""


def with_hook(project, hook: str) -> None:
    with (project / "conftest.py").open("a") as stream:
        stream.write(hook)


@pytest.mark.parametrize("hook", [FIRST, FIRST_OF_COMMIT])
def test_a_projects_hook_that_takes_the_first_benchmark_has_one_to_take(run, saved, project, hook) -> None:
    with_hook(project, hook)
    done = run("--headgate-baseline", saved, FACTOR="3")
    assert done.returncode == EXIT_CODES[1], done.stdout + done.stderr
    assert "\nREGRESSED: " in done.stdout
    done = run("--headgate-baseline", saved, "test_plain.py")
    assert done.returncode == USAGE
    assert "this run measured no benchmark" in done.stdout
    # What is not known at the start is refused at the end.
    done = run("--headgate-baseline", saved, NODE="elsewhere")
    assert done.returncode == USAGE
    assert "--headgate-any-machine compares them all the same" in done.stdout


@pytest.mark.parametrize(
    ("hook", "told", "tests"),
    [
        (BROKEN, "in pytest_benchmark_update_json: a hook of pytest-benchmark's failed (AttributeError: ", 4),
        (
            NO_MACHINE,
            "in pytest_benchmark_update_machine_info: a hook of pytest-benchmark's failed (KeyError: 'cpu')",
            0,
        ),
        (
            NO_COMMIT,
            "in pytest_benchmark_update_commit_info: a hook of pytest-benchmark's failed (JSONDecodeError: ",
            4,
        ),
        (SKIPS, "in pytest_benchmark_update_json: a hook of pytest-benchmark's failed (Skipped: not today)", 4),
    ],
)
def test_a_hook_that_fails_is_named_and_nothing_is_green(run, saved, project, hook, told, tests) -> None:
    with_hook(project, hook)
    done = run("--headgate-baseline", saved, "-q")
    assert done.returncode == USAGE, done.stdout + done.stderr
    shown = " ".join((done.stdout + done.stderr).split())
    assert "conftest.py:" in shown
    assert told in shown
    assert "INTERNALERROR" not in shown
    assert (f"{tests} passed" in shown) is bool(tests)


def test_results_that_a_hook_spoiled_are_refused_before_anything_runs(run, saved, project) -> None:
    with_hook(project, SPOILS)
    done = run("--headgate-baseline", saved)
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert "this run: benchmarks is a NoneType, expected a list: a hook (" in done.stderr
    assert "mend the hook" in done.stderr
    assert "passed" not in done.stdout


@pytest.mark.parametrize(
    ("least", "code", "status", "ran"), [(0, "", 2, False), (1, "", 2, True), (1, ", returncode=7", 7, True)]
)
def test_a_hook_may_end_the_run_and_that_is_never_green(run, saved, project, least, code, status, ran) -> None:
    with_hook(project, EXITS.format(least=least, code=code))
    done = run("--headgate-baseline", saved, "-v")
    assert done.returncode == status, done.stdout + done.stderr
    assert "Exit: enough" in done.stdout + done.stderr
    assert ("PASSED" in done.stdout) is ran
    assert "a hook of pytest-benchmark's failed" not in done.stdout + done.stderr


@pytest.mark.parametrize("option", ["--benchmark-json", "--junit-xml"])
def test_a_file_that_pytest_writes_too_is_refused_before_anything_runs(run, saved, project, option) -> None:
    done = run("--headgate-baseline", saved, f"{option}=new.json", "--headgate-json", "./new.json")
    assert done.returncode == USAGE
    assert f"--headgate-json and {option} both write to ./new.json; give each its own" in done.stderr
    assert not (project / "new.json").exists()


def test_an_interrupted_run_has_no_verdict(run, saved, project) -> None:
    (project / "test_stop.py").write_text("def test_stop():\n    raise KeyboardInterrupt\n")
    done = run("--headgate-baseline", saved)
    assert done.returncode == 2
    assert "no verdict: the run did not come to its end" in done.stdout


def test_messages_name_the_options_as_they_are_called_here() -> None:
    text = "give --margin 3%, --any-machine or --headgate-json; --marginal and x--json stay"
    assert own_words(text) == (
        "give --headgate-margin 3%, --headgate-any-machine or --headgate-json; --marginal and x--json stay"
    )
