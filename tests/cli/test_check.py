"""`headgate check` as a user runs it: files of every kind in, a verdict and its exit code out."""

import io
import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
from sample_verdicts import sample_evidence

from headgate import __version__
from headgate.cli import main
from headgate.gates.resolution import BenchmarkNoise, Calibration
from headgate.store.bundle import write_evidence
from headgate.store.calibration import save_calibration

DATA = Path(__file__).parents[1] / "data"
GOLDEN = Path(__file__).parents[1] / "golden" / "check"
SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "verdict-1.schema.json"
START = 1_700_000_000_000
COLUMNS = ["result", "params", "version", "started_at", "duration", "samples"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Run where no policy file is, and without a job summary."""
    (tmp_path / "cwd" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def check(baseline, candidate, *options) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    arguments = ["check", "--baseline", baseline, "--candidate", candidate, *options]
    return main([str(word) for word in arguments], out, err), out.getvalue(), err.getvalue()


def samples(centre: float) -> list[float]:
    return [centre * (1.0 + 0.005 * step) for step in (-2, -1, -1, 0, 0, 0, 0, 1, 1, 2)]


def asv_run(path: Path, centres: dict[str, float | None], **changes) -> Path:
    """Write an asv result file; a centre of None is a failure, NaN a skip."""
    version, minutes = changes.pop("benchmark_version", "v1"), changes.pop("minutes", 0)
    rows = {
        name: [
            [centre],
            [],
            version,
            START + 60_000 * minutes,
            1.0,
            None if centre is None or centre != centre else [samples(centre)],  # noqa: PLR0124 - NaN
        ]
        for name, centre in centres.items()
    }
    document = {
        "commit_hash": "a" * 40,
        "env_name": "virtualenv-py3.11",
        "date": START,
        "params": {"machine": "ci", "cpu": "Xeon", "arch": "x86_64"},
        "python": "3.11",
        "requirements": {},
        "env_vars": {},
        "result_columns": COLUMNS,
        "results": rows,
        "durations": {},
        "version": 2,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document | changes))
    return path


@pytest.fixture
def two(tmp_path):
    """Return a maker of the two sides: centres of each, and changes to the candidate's file."""

    def make(baseline: dict[str, float | None], candidate: dict[str, float | None], **changes) -> tuple[Path, Path]:
        return (
            asv_run(tmp_path / "a.json", baseline),
            asv_run(tmp_path / "b.json", candidate, **({"commit_hash": "b" * 40, "minutes": 5} | changes)),
        )

    return make


@pytest.mark.parametrize(
    ("ratio", "options", "code", "state"),
    [
        (0.8, (), 0, "pass"),
        (1.0, ("--margin", "10%"), 0, "pass"),
        (1.0, (), 0, "inconclusive"),
        (2.0, (), 1, "regressed"),
        (2.0, ("--margin", "99%", "--confidence", "0.9"), 0, "inconclusive"),
    ],
)
def test_the_exit_code_is_the_verdicts(two, ratio, options, code, state):
    found, out, _ = check(*two({"suite.time_x": 1.0}, {"suite.time_x": ratio}), *options, "--json", "-")
    assert (found, json.loads(out)["state"]) == (code, state)


def test_an_undecided_run_exits_3_where_the_policy_says_so(two, tmp_path):
    policy = tmp_path / "headgate.toml"
    policy.write_text('on_inconclusive = "fail"\n')
    assert check(*two({"suite.time_x": 1.0}, {"suite.time_x": 1.0}), "--policy", policy)[0] == 3


def test_the_table_is_as_the_golden_file_shows_it(two):
    """Set HEADGATE_UPDATE_GOLDEN=1 to write the file anew, then read the difference before committing it."""
    common = {"suite.time_slower": 1e-3, "suite.time_faster": 2e-3, "suite.time_alike": 3e-3, "suite.time_broken": 1.0}
    baseline, candidate = two(
        {**common, "suite.time_gone": 1.0, "suite.time_skipped": float("nan")},
        {
            "suite.time_slower": 2e-3,
            "suite.time_faster": 1e-3,
            "suite.time_alike": 3.01e-3,
            "suite.time_broken": None,
            "suite.time_new": 1.0,
            "suite.time_skipped": float("nan"),
        },
    )
    os.chdir(baseline.parent)
    code, out, _ = check(baseline.name, candidate.name)
    text = out.replace(__version__, "VERSION")
    if os.environ.get("HEADGATE_UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / "table.txt").write_text(text, encoding="utf-8", newline="\n")
    assert text == (GOLDEN / "table.txt").read_text(encoding="utf-8")
    assert code == 4


def test_every_output_can_be_asked_for(two, tmp_path):
    outputs = [word for kind in ("json", "markdown", "junit") for word in (f"--{kind}", tmp_path / f"v.{kind}")]
    code, _, _ = check(*two({"suite.time_x": 1.0}, {"suite.time_x": 2.0}), *outputs, "--html", tmp_path / "page")
    assert code == 1
    assert "headgate check --baseline" in (tmp_path / "v.markdown").read_text()
    assert (tmp_path / "page" / "index.html").is_file()
    verdict = json.loads((tmp_path / "v.json").read_text())
    assert verdict["hardware"] == {"machine": "ci", "cpu": {"model": "Xeon"}}
    assert "budget" not in verdict["policy"]
    jsonschema.validate(verdict, json.loads(SCHEMA.read_text()))


def test_a_benchmark_that_vanished_fails_the_run_and_a_new_one_does_not(two):
    code, _, _ = check(*two({"suite.time_x": 1.0, "suite.time_y": 1.0}, {"suite.time_x": 0.5}))
    assert code == 4
    code, out, _ = check(*two({"suite.time_x": 1.0}, {"suite.time_x": 0.5, "suite.time_y": 1.0}))
    assert code == 0
    assert "suite.time_y: added" in out


@pytest.mark.parametrize("gone", [None, float("nan")])
def test_what_failed_or_is_skipped_on_one_side_never_passes(two, gone):
    baseline, candidate = two({"suite.time_x": 1.0, "suite.time_y": 1.0}, {"suite.time_x": 0.5, "suite.time_y": gone})
    assert check(baseline, candidate)[0] == 4


def test_what_cannot_be_compared_fails_with_its_reason(two):
    code, out, _ = check(*two({"suite.time_x": 1.0}, {"suite.time_x": 0.5}, benchmark_version="v2"))
    assert code == 4
    assert "the benchmark itself changed" in re.sub(r"\s+", " ", out)


def test_units_that_differ_are_a_failure(tmp_path):
    source = json.loads((DATA / "pyperf" / "2.10.0-suite.json").read_text())
    for benchmark in source["benchmarks"]:
        for where in (benchmark.get("metadata", {}), source.get("metadata", {})):
            where.pop("unit", None)
        benchmark.setdefault("metadata", {})["unit"] = "byte"
    changed = tmp_path / "bytes.json"
    changed.write_text(json.dumps(source))
    code, out, _ = check(DATA / "pyperf" / "2.10.0-suite.json", changed)
    assert code == 4
    assert "the units differ: seconds and bytes" in re.sub(r"\s+", " ", out)


DECLARED = {"time": ("time", "seconds"), "timeraw": ("time", "seconds"), "mem": ("memory", "bytes"),
            "peakmem": ("peakmemory", "bytes"), "track": ("track", "ms")}  # fmt: skip


@pytest.mark.parametrize("described", [("tree",), ("tree", "lone"), ("lone", "tree"), ("lone",)])
def test_a_file_of_a_tree_and_one_alone_have_the_same_kinds_and_units(tmp_path, described):
    entries = {
        f"suite.{prefix}_x": {"name": f"suite.{prefix}_x", "type": kind, "unit": unit, "params": [], "param_names": []}
        for prefix, (kind, unit) in DECLARED.items()
    }
    (tmp_path / "tree" / "ci").mkdir(parents=True)
    (tmp_path / "lone").mkdir()
    (tmp_path / "tree" / "benchmarks.json").write_text(json.dumps({**entries, "version": 2}))
    places = {"tree": tmp_path / "tree" / "ci" / "a.json", "lone": tmp_path / "lone" / "a.json"}
    sides = [asv_run(places[name], dict.fromkeys(entries, 1.0)) for name in described]
    code, out, _ = check(sides[0], sides[-1], "--json", tmp_path / "v.json")
    assert code == 0, out
    units = {one["benchmark"]: one["unit"] for one in json.loads((tmp_path / "v.json").read_text())["comparisons"]}
    assert units["suite.track_x"] == ("ms" if "tree" in described else "unit")
    assert units["suite.peakmem_x"] == "bytes"


def test_a_different_machine_is_refused_unless_asked_for(two):
    sides = two({"suite.time_x": 1.0}, {"suite.time_x": 0.5}, params={"machine": "ci", "cpu": "EPYC"})
    code, out, err = check(*sides)
    assert (code, out) == (2, "")
    assert "different machines: cpu is Xeon in" in err
    code, out, _ = check(*sides, "--any-machine", "--json", "-")
    assert code == 0
    assert any("different machines" in text for text in json.loads(out)["warnings"])


def test_another_python_is_a_warning_that_travels(two):
    _, out, _ = check(*two({"suite.time_x": 1.0}, {"suite.time_x": 0.5}, python="3.12"), "--json", "-")
    assert any(text.startswith("Python differs: 3.11 and 3.12") for text in json.loads(out)["warnings"])


def test_results_of_another_day_decide_only_what_is_glaring(two):
    day = {"minutes": 24 * 60}
    assert check(*two({"suite.time_x": 1.0}, {"suite.time_x": 1.5}, **day))[0] == 0
    code, out, _ = check(*two({"suite.time_x": 1.0}, {"suite.time_x": 1.5}, **day), "--any-session", "--json", "-")
    assert code == 1
    assert any(text.startswith("--any-session") for text in json.loads(out)["warnings"])
    assert check(*two({"suite.time_x": 1.0}, {"suite.time_x": 4.0}, **day))[0] == 1


def tree(tmp_path: Path, **environments) -> Path:
    """Write a results directory with two commits of ``suite.time_x`` in each environment of machine ci."""
    results = tmp_path / "results"
    for environment, ratio in environments.items():
        for commit, centre in (("aaaa1111" * 5, 1.0), ("bbbb2222" * 5, ratio)):
            path = results / "ci" / f"{commit[:8]}-{environment}.json"
            asv_run(path, {"suite.time_x": centre}, commit_hash=commit, env_name=environment)
    return results


def test_commits_of_a_results_directory_are_found_by_their_first_digits(tmp_path):
    results = tree(tmp_path, py311=2.0)
    assert check(f"{results}:aaaa1111", f"{results}:bbbb")[0] == 1
    assert check(f"{results}:bbbb2222", results / "ci" / "aaaa1111-py311.json")[0] == 0


def test_of_several_environments_one_must_be_chosen(tmp_path):
    results = tree(tmp_path, py311=2.0, py312=0.5)
    sides = f"{results}:aaaa1111", f"{results}:bbbb2222"
    code, _, err = check(*sides)
    assert code == 2
    assert "--machine ci --environment py311 or --machine ci --environment py312" in err
    assert [check(*sides, "--environment", name)[0] for name in ("py311", "py312")] == [1, 0]
    assert check(*sides, "--environment", "py313")[0] == 2


def test_values_no_ratio_can_hold_are_decided_and_told_in_every_output(two, tmp_path):
    sides = two({"suite.time_x": 1e-312, "suite.time_y": 1e-3}, {"suite.time_x": 1e-3, "suite.time_y": 1e-312})
    outputs = [word for name in ("json", "markdown", "junit", "html") for word in (f"--{name}", tmp_path / name)]
    code, out, err = check(*sides, *outputs)
    assert (code, err) == (1, "")
    verdict = json.loads((tmp_path / "json").read_text(), parse_constant=pytest.fail)
    assert [(one["state"], one["change"]) for one in verdict["comparisons"]] == [
        ("regressed", "slower"),
        ("pass", "faster"),
    ]
    assert "inf" not in out


def calibrate(results: Path, machine: str, rounds: int = 7) -> Path:
    noise = BenchmarkNoise("suite.time_x", "time", 0.05, 0.002, 0.0, "pass", (0.0,) * rounds)
    return save_calibration(
        Calibration(machine, "f", "2026-01-01", "c", 0.05, 0.99, 600.0, 1.0, 2, 0, (noise,)), results
    )


def test_the_calibration_beside_the_results_decides_what_a_default_cannot(tmp_path):
    results = tree(tmp_path, py311=1.0)
    sides = f"{results}:aaaa", f"{results}:bbbb", "--json", "-"
    assert json.loads(check(*sides)[1])["state"] == "inconclusive"
    calibrate(results, "ci")
    assert json.loads(check(*sides)[1])["state"] == "pass"


def test_a_calibration_of_fewer_rounds_than_tell_noise_is_left_out_with_a_warning(tmp_path):
    results = tree(tmp_path, py311=1.0)
    sides = f"{results}:aaaa", f"{results}:bbbb", "--json", "-"
    without = json.loads(check(*sides)[1])
    calibrate(results, "ci", rounds=6)
    verdict = json.loads(check(*sides)[1])
    assert verdict["comparisons"] == without["comparisons"]
    (told,) = set(verdict["warnings"]) - set(without["warnings"])
    assert "left out for 1 benchmark: it has as few as 6 rounds, and 7 are the fewest" in told


def test_a_calibration_given_must_be_of_the_machine(two, tmp_path):
    sides = two({"suite.time_x": 1.0}, {"suite.time_x": 1.0})
    right, wrong = (calibrate(tmp_path / "results", name) for name in ("ci", "laptop"))
    assert json.loads(check(*sides, "--calibration", right, "--json", "-")[1])["state"] == "pass"
    assert check(*sides, "--calibration", wrong)[0] == 2
    assert check(*sides, "--calibration", wrong, "--any-machine")[0] == 0
    assert check(*sides, "--calibration", tmp_path / "none.json")[0] == 2


def test_the_sides_of_an_evidence_bundle_are_one_session_of_many_processes(tmp_path):
    bundle = tmp_path / "evidence.json.gz"
    write_evidence(bundle, sample_evidence(only="parse_header"))
    code, out, _ = check(f"{bundle}:baseline", f"{bundle}:candidate", "--json", "-")
    (comparison,) = json.loads(out)["comparisons"]
    assert (code, comparison["state"], comparison["rounds"]) == (1, "regressed", 20)
    assert 1.05 < comparison["lower"] < 1.124 < comparison["upper"]


@pytest.mark.parametrize(
    ("tool", "baseline", "candidate", "rounds"),
    [
        ("pyperf", "2.10.0-suite.json", "2.10.0-suite-again.json.gz", {3}),
        ("pytest_benchmark", "5.3.1.json", "5.3.1-summary.json", {1}),
    ],
)
def test_files_of_other_tools_are_compared_by_the_processes_they_know_of(tool, baseline, candidate, rounds):
    code, out, _ = check(DATA / tool / baseline, DATA / tool / candidate, "--json", "-")
    assert code == 0
    verdict = json.loads(out)
    assert verdict["state"] == "inconclusive"
    assert {comparison["rounds"] for comparison in verdict["comparisons"]} == rounds


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("", "empty; have its tool save it again"),
        ('{"commit_hash": "a", ', "not valid JSON"),
        ("[]", "expected a JSON object"),
        ('{"fish": 1}', "not a result file of any known format"),
    ],
)
def test_a_file_that_is_no_result_is_an_input_error_that_names_it(two, tmp_path, content, message):
    bad = tmp_path / "bad.json"
    if content is not None:
        bad.write_text(content)
    good = two({"suite.time_x": 1.0}, {"suite.time_x": 1.0})[0]
    for sides in ((bad, good), (good, bad)):
        code, out, err = check(*sides)
        assert (code, out) == (2, "")
        assert str(bad) in err
        assert message in err


@pytest.mark.parametrize(
    ("candidate", "options", "message"),
    [
        ({}, (), "holds no results"),
        ({"suite.time_y": 1.0}, (), "no benchmark in common; only the baseline has suite.time_x,"),
        (
            {"suite.time_x": 1.0},
            ("--bench", "nothing"),
            "--bench: 'nothing' matches none of 1 benchmark; near names: suite.time_x",
        ),
        ({"suite.time_x": 1.0}, ("--bench", "("), "not a regular expression"),
        ({"suite.time_x": 1.0}, ("--margin", "0"), "cannot be passed by any evidence"),
    ],
)
def test_what_leaves_nothing_to_compare_exits_2(two, candidate, options, message):
    code, out, err = check(*two({"suite.time_x": 1.0}, candidate), *options)
    assert (code, out) == (2, "")
    assert message in err


def test_where_everything_failed_the_run_failed(two):
    assert check(*two({"suite.time_x": None}, {"suite.time_x": None}))[0] == 4


@pytest.mark.parametrize("commit", ["", "zzzz", "aaa", "aaaa9"])
def test_a_directory_needs_a_commit_it_has(tmp_path, commit):
    results = tree(tmp_path, py311=1.0)
    code, _, err = check(f"{results}:{commit}" if commit else results, f"{results}:bbbb")
    assert code == 2
    assert str(results) in err


def test_a_result_that_its_commit_finds_is_not_written_over(tmp_path):
    results = tmp_path / "results"
    path = asv_run(results / "ci" / "aaaaaaaa-virtualenv-py3.11.json", {"suite.time_x": 1.0})
    before = path.read_bytes()
    code, _, err = check(f"{results}:aaaaaaaa", f"{results}:aaaaaaaa", "--json", path)
    assert code == 2
    assert f"--json: {path} is what --baseline reads and would be overwritten; give another file" in err
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["benchmarks.json", "ci/machine.json", "ci/bbbb2222-py311.json", "x/bbbb2222-y.json"])
def test_no_file_of_a_results_tree_is_written_over_but_its_verdicts(tmp_path, name):
    results = tree(tmp_path, py311=2.0)
    sides = f"{results}:aaaa1111", f"{results}:aaaa1111"
    for path in (results / name, results / "verdicts" / "aaaa1111-one.json", results / "mine.json"):
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_text('{"version": 2}')
    before = (results / name).read_bytes()
    code, _, err = check(*sides, "--json", results / name)
    assert code == 2
    assert f"--json: {results / name} is what --baseline reads and would be overwritten" in err
    assert (results / name).read_bytes() == before
    for fine in ("verdicts/aaaa1111-one.json", "mine.json", "ci/new.md", "reports/check.md", "reports/check.json"):
        (results / fine).parent.mkdir(exist_ok=True)
        for _ in range(2):
            assert check(*sides, "--markdown", results / fine)[0] == 0


def test_what_describes_the_benchmarks_of_a_result_is_not_written_over(tmp_path):
    results = tree(tmp_path, py311=1.0)
    (results / "benchmarks.json").write_text('{"version": 2}')
    sides = [results / "ci" / f"{commit}-py311.json" for commit in ("aaaa1111", "bbbb2222")]
    code, _, err = check(*sides, "--json", results / "benchmarks.json")
    assert code == 2
    assert "benchmarks.json is what --baseline reads" in err
