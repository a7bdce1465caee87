"""`headgate compare`, `calibrate` and `verify` as a user runs them, on a project whose truth is known."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from headgate.cli import main
from headgate.measure.lock import lock

MAKER = Path(__file__).parents[1] / "suites" / "make_known_truth.py"
TWO = ["--bench", r"pure\.time_(integers|calls)$"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A repository whose candidate does twice the work, and two interpreters that have its two commits."""
    directory = tmp_path_factory.mktemp("truth")
    command = [sys.executable, str(MAKER), str(directory / "project"), "--extra", "1.0", "--no-numpy"]
    done = subprocess.run(
        [*command, "--environments", str(directory / "environments")], check=True, capture_output=True, text=True
    )
    return directory / "project", done.stdout.split()


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(list(arguments), out, err)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def inside(project: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> tuple[Path, dict[str, str]]:
    repository, words = project
    monkeypatch.chdir(repository)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return repository, {"baseline": words[1], "candidate": words[3]}


def sides(baseline: str, candidate: str) -> list[str]:
    return ["-E", "existing", "--baseline-python", baseline, "--candidate-python", candidate]


@pytest.mark.slow
def test_twice_the_work_is_red_and_every_output_says_so(
    inside: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, python = inside
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    outputs = {name: str(tmp_path / f"v.{name}") for name in ("json", "markdown", "junit")}
    options = [word for name, path in outputs.items() for word in (f"--{name}", path)]
    bundle = tmp_path / "evidence.json.gz"
    code, out, err = run(
        "compare",
        *sides(**python),
        *TWO,
        "--budget",
        "60s",
        *options,
        "--evidence",
        str(bundle),
        "--html",
        str(tmp_path / "html"),
    )
    assert code == 1, err
    verdict = json.loads(Path(outputs["json"]).read_text())
    assert verdict["state"] == "regressed"
    assert {one["state"] for one in verdict["comparisons"]} == {"regressed"}
    assert all(1.8 < one["ratio"] < 2.2 for one in verdict["comparisons"])
    assert "REGRESSED" in out
    assert "in benchmarked code" in err
    for path in (outputs["markdown"], outputs["junit"], tmp_path / "summary.md", tmp_path / "html" / "index.html"):
        assert "time_calls" in Path(path).read_text()
    assert run("verify", str(bundle))[0] == 0
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(bytes(data))
    assert run("verify", str(bundle))[0] == 2


@pytest.mark.slow
def test_a_module_that_only_the_candidate_can_import_is_no_pass_and_is_verified_so(
    inside: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    repository, python = inside
    module = repository / "benchmarks" / "feature.py"
    module.write_text(
        "from worklib.units import UNITS\nif UNITS == 1000:\n    raise ImportError('no feature')\n"
        "def time_feature(): pass\n"
    )
    verdict, bundle = tmp_path / "verdict.json", tmp_path / "evidence.json.gz"
    outputs = ["--json", str(verdict), "--evidence", str(bundle)]
    try:
        for names in ("time_(feature|calls)$", "time_feature$"):
            options = ["--bench", names, "--margin", "99%", "--budget", "20s"]
            code, out, err = run("compare", *sides(**python), *options, *outputs)
            assert code == 4, err
            assert "time_feature failed on the baseline's side: the suite's module benchmarks.feature cannot" in err
            assert "ImportError: no feature" in out
            found = json.loads(verdict.read_text())
            assert (found["state"], found["added"]) == ("failed", [])
            assert run("verify", str(bundle))[0] == 0
    finally:
        module.unlink()


@pytest.mark.slow
def test_the_same_code_on_both_sides_passes(inside: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    _, python = inside
    same = sides(python["baseline"], python["baseline"])
    verdict = tmp_path / "verdict.json"
    # A margin wide enough for any machine the tests run on: the claim here is the path, not the precision.
    code, _, err = run("compare", *same, *TWO, "--budget", "60s", "--margin", "40%", "--json", str(verdict), "-q")
    assert code == 0, err
    assert json.loads(verdict.read_text())["state"] == "pass"
    assert err == ""


@pytest.mark.slow
def test_a_budget_too_small_says_the_least_that_could_do(inside: tuple[Path, dict[str, str]]) -> None:
    _, python = inside
    code, _, err = run("compare", *sides(**python), *TWO, "--budget", "1s")
    assert code == 2
    assert "too small to decide anything" in err
    assert "give at least" in err


@pytest.mark.slow
def test_a_small_run_can_be_resumed_but_not_as_another_comparison(inside: tuple[Path, dict[str, str]]) -> None:
    _, python = inside
    assert run("compare", *sides(**python), *TWO, "--budget", "1s")[0] == 2
    code, _, err = run("compare", *sides(**python), *TWO, "--budget", "60s", "--resume")
    assert code == 1, err
    code, _, err = run("compare", *sides(**python), "--bench", "time_floats$", "--budget", "60s", "--resume")
    assert code == 2
    assert "another comparison" in err


@pytest.mark.slow
def test_rounds_of_code_that_was_changed_in_place_since_are_not_gone_on_with(
    inside: tuple[Path, dict[str, str]],
) -> None:
    repository, python = inside
    arguments = ["compare", *sides(**python), *TWO, "--budget"]
    assert run(*arguments, "1s")[0] == 2
    code = repository.parent / "environments" / "checkout-b" / "worklib" / "units.py"
    before = code.read_text()
    try:
        code.write_text(before + "UNITS = MANY = 500\n")
        status, _, err = run(*arguments, "60s", "--resume")
        assert (status, "another comparison: installed code was" in err) == (2, True), err
    finally:
        code.write_text(before)
    status, _, err = run(*arguments, "60s", "--resume")
    assert status == 1, err


@pytest.mark.slow
def test_calibration_reports_noise_and_is_kept_for_compare(
    inside: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, python = inside
    code, out, err = run(
        "calibrate", "-E", "existing", "--baseline-python", python["baseline"], *TWO, "--budget", "12s"
    )
    assert code == 0, err
    assert "Recommended margin" in out
    (kept,) = (repository / "results").glob("*/calibration.json")
    noise = json.loads(kept.read_text())["benchmarks"]
    assert {one["benchmark"] for one in noise} == {"pure.time_integers", "pure.time_calls"}
    assert all(len(one["log_ratios"]) >= 2 and one["between"] >= 0 for one in noise)
    code, out, err = run("compare", *sides(**python), *TWO, "--budget", "12s", "--margin", "0.01%")
    assert "noisier on this machine" in out
    kept.unlink()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["HEAD"], "BASE and CANDIDATE"),
        (["no-such-revision", "HEAD"], "'no-such-revision': no such revision in"),
        (["baseline", "candidate", "--margin", "0"], "margin of 0"),
        (["baseline", "candidate", "--margin", "200%"], "--margin"),
        (["baseline", "candidate", "--confidence", "2"], "--confidence"),
        (["baseline", "candidate", "--budget", "soon"], "--budget"),
        (["baseline", "candidate", "--config", "missing.json"], "missing.json"),
        (["baseline", "candidate", "--policy", "missing.toml"], "missing.toml"),
        (["./worklib", "candidate"], "two of a kind"),
        (["-E", "existing"], "--candidate-python"),
        (["baseline", "candidate", "--json", "x", "--markdown", "x"], "each its own"),
    ],
)
def test_a_wrong_argument_gets_a_clear_answer_and_exit_2(
    inside: tuple[Path, dict[str, str]], arguments: list[str], message: str
) -> None:
    code, _, err = run("compare", *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_no_match_names_near_benchmarks(inside: tuple[Path, dict[str, str]]) -> None:
    _, python = inside
    code, _, err = run("compare", *sides(**python), "--bench", "time_intgers")
    assert code == 2
    assert "time_integers" in err


@pytest.mark.parametrize("command", [["compare", "HEAD~1", "HEAD"], ["calibrate"]])
def test_a_run_keeps_the_suites_environments_to_itself(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asv.conf.json").write_text('{"version": 1, "project": "p", "repo": "."}')
    monkeypatch.chdir(tmp_path)
    (tmp_path / "env").mkdir()
    with lock(tmp_path / "env" / "headgate.lock", "the test"):
        code, _, err = run(*command)
    assert code == 2
    assert "another compare or calibrate of this suite is at work" in err
    code, _, err = run(*command)
    assert "at work" not in err  # free again; what is wrong now is that this is no repository


@pytest.mark.parametrize(
    "words",
    [
        ["compare"],
        ["compare", "HEAD~1"],
        ["compare", "HEAD~1", "HEAD", "--bench", "("],
        ["compare", "HEAD~1", "./"],
        ["compare", "./nowhere", "./"],
        ["calibrate", "--bench", "("],
    ],
)
def test_a_mistaken_command_leaves_nothing_behind(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asv.conf.json").write_text('{"version": 1, "project": "p", "repo": "."}')
    monkeypatch.chdir(tmp_path)
    assert run(*words)[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["asv.conf.json"]


def test_outside_a_suite_the_error_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run("compare", "HEAD~1", "HEAD")
    assert code == 2
    assert "asv.conf.json" in err


@pytest.mark.slow
def test_a_change_that_brings_a_function_and_its_benchmark_is_compared_in_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "brings"
    subprocess.run([sys.executable, str(MAKER), str(repository), "--no-numpy"], check=True, capture_output=True)
    suite = repository / "benchmarks" / "pure.py"
    package = next(path for path in repository.glob("**/__init__.py") if path.parent != suite.parent)
    package.write_text(package.read_text() + "\n\ndef brought():\n    return 1\n")
    new = f"from {package.parent.name} import brought\n\n\ndef track_brought():\n    return brought()\n"
    suite.write_text(suite.read_text() + "\n\n" + new)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qam", "a function and its benchmark"]
    subprocess.run(git, cwd=repository, check=True)
    monkeypatch.chdir(repository)
    code, out, err = run("compare", "HEAD~1", "HEAD", "--bench", "time_integers|track_brought", "--margin", "50%")
    assert code == 0, out + err
    assert "pure.track_brought: added" in out
    assert "there the baseline's own copy takes its place, to which this one only adds" in " ".join(out.split())
    assert "PASS: The benchmark passes" in out


@pytest.mark.slow
def test_a_build_that_fails_shows_the_end_of_its_log_and_exits_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "broken"
    subprocess.run([sys.executable, str(MAKER), str(repository), "--no-numpy"], check=True, capture_output=True)
    (repository / "pyproject.toml").write_text("[build-system]\nrequires = []\nbuild-backend = 'no_such_backend'\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qam", "broken build"]
    subprocess.run(git, cwd=repository, check=True)
    monkeypatch.chdir(repository)
    code, _, err = run("compare", "HEAD", "HEAD")
    assert code == 4
    assert "cannot be built" in err
    assert "no_such_backend" in err
