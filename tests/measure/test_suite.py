"""What is compared, added, removed or broken."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from headgate.errors import MeasurementError, UsageError
from headgate.measure.environments import prepare_interpreters
from headgate.measure.measurement import Failure
from headgate.measure.process import launch_worker
from headgate.measure.session import Launch, start_pair
from headgate.measure.suite import compile_patterns, discover, select
from headgate.model import BenchmarkId, Side

COMMON = """
import os
SIDE = os.environ.get("HEADGATE_TEST_SIDE")
class Suite:
    params = [[1, 2], ["x"]]
    param_names = ["n", "s"]
    def time_it(self, n, s): pass
    time_it.timeout = 5
def track_free(): return 1
"""


@pytest.fixture
def make(tmp_path):
    def make(name="suite", **modules: str):
        root = tmp_path / name
        root.mkdir()
        (root / "__init__.py").touch()
        for module, text in modules.items():
            (root / f"{module}.py").write_text(text)
        one, two = prepare_interpreters(Path(sys.executable), Path(sys.executable), root)
        return one, replace(two, env_vars={**two.env_vars, "HEADGATE_TEST_SIDE": "candidate"})

    return make


def test_parameters_become_benchmarks_named_as_asv_names_them(make):
    suite = discover(*make(a=COMMON))
    assert [str(spec.id) for spec in suite.specs] == [
        "a.Suite.time_it(1, 'x')",
        "a.Suite.time_it(2, 'x')",
        "a.track_free",
    ]
    assert [spec.timeout for spec in suite.specs] == [5.0, 5.0, 60.0]
    assert suite.added == suite.removed == ()


IDS = [
    BenchmarkId("a.Suite.time_it", ("1", "'x'")),
    BenchmarkId("a.Suite.time_it", ("2", "'x'")),
    BenchmarkId("a.track_free"),
]


@pytest.mark.parametrize(
    ("regexes", "names"),
    [
        ([], [0, 1, 2]),
        ([r"time_it\(2"], [1]),
        (["track", r"\(1, 'x'\)"], [0, 2]),
        (["^a.*free$"], [2]),
    ],
)
def test_regexes_search_the_name_with_its_parameters_and_any_may_match(regexes, names):
    assert select(IDS, compile_patterns(regexes)) == {IDS[k] for k in names}


def test_a_regex_that_matches_nothing_names_what_is_near():
    with pytest.raises(UsageError, match=r"'a\.track_fre3' matches none.*a\.track_free"):
        select(IDS, compile_patterns(["a.track_fre3"]))


def test_a_malformed_regex_is_a_usage_error():
    with pytest.raises(UsageError, match="not a regular expression"):
        compile_patterns(["time_("])


ONLY = "import os\nif os.environ.get('HEADGATE_TEST_SIDE') {} 'candidate':\n    raise ImportError('no {} here')\n"
NEW = ONLY.format("!=", "feature") + "def time_new(): pass\n"


def test_benchmarks_that_one_side_cannot_import_have_failed_and_the_broken_module_says_why(make):
    one, two = make(a=COMMON, new=NEW, old=ONLY.format("==", "legacy") + "def time_old(): pass\n")
    suite = discover(one, two)
    assert suite.added == suite.removed == ()
    assert suite.broken[Side.BASELINE] == {"suite.new": "ImportError: no feature here"}
    assert suite.broken[Side.CANDIDATE] == {"suite.old": "ImportError: no legacy here"}
    assert len(suite.specs) == 5
    assert suite.unmeasured == {
        BenchmarkId("new.time_new"): Failure(
            Side.BASELINE,
            "the suite's module suite.new cannot be imported: ImportError: no feature here; import it within the "
            "benchmark",
        ),
        BenchmarkId("old.time_old"): Failure(
            Side.CANDIDATE,
            "the suite's module suite.old cannot be imported: ImportError: no legacy here; import it within the "
            "benchmark",
        ),
    }
    assert discover(one, two, regexes=["time_it"]).unmeasured == {}


def test_benchmarks_that_one_side_s_own_package_lacks_are_added_or_removed(make):
    has = "import os\nif os.environ.get('HEADGATE_TEST_SIDE') {} 'candidate':\n    def time_{}(): pass\n"
    suite = discover(*make(a=COMMON + has.format("==", "new") + has.format("!=", "old")))
    assert (suite.added, suite.removed, suite.unmeasured) == (("a.time_new",), ("a.time_old",), {})


@pytest.mark.slow
def test_an_import_that_fails_on_the_baseline_adds_only_what_its_own_suite_never_had(make, tmp_path):
    one, two = make(a=COMMON, new=NEW)
    (tmp_path / "then").mkdir()
    before, _ = make("then/suite", a=COMMON)
    suite = discover(replace(one, own_suite=before.benchmark_dir), two)
    assert (suite.added, suite.unmeasured) == (("new.time_new",), {})
    for text, runs in (
        ("def time_new(): return 'otherwise'\n", True),
        ("raise ImportError('not then either')\n", False),
    ):
        (before.benchmark_dir / "new.py").write_text(text)
        suite = discover(replace(one, own_suite=before.benchmark_dir), two)
        assert (suite.added, set(suite.unmeasured)) == ((), {BenchmarkId("new.time_new")})
        (failure,) = suite.unmeasured.values()
        assert failure.reason.endswith(", or compare with --suite baseline") is runs


KEPT = """
from suite.common import SIZE
class Kept:
    def setup(self): self.n = SIZE
    def track_it(self): return self.n
"""
BRINGS = "import brought\n"


@pytest.mark.slow
def test_a_module_that_only_adds_what_the_candidate_brings_is_the_baseline_s_own_there(make, tmp_path):
    one, two = make(b=KEPT + "def time_new(): brought.new()\n", common=BRINGS + "SIZE = 3\n")
    (tmp_path / "feature").mkdir()
    (tmp_path / "feature" / "brought.py").write_text("def new(): pass\n")
    two = replace(two, env_vars={**two.env_vars, "PYTHONPATH": str(tmp_path / "feature")})
    with (one.benchmark_dir / "b.py").open("a") as module:
        module.write(BRINGS)
    (tmp_path / "then").mkdir()
    before, _ = make("then/suite", b=KEPT, common="SIZE = 3\n")
    one = replace(one, own_suite=before.benchmark_dir)
    suite = discover(one, two)
    assert (suite.added, suite.removed, suite.unmeasured) == (("b.time_new",), (), {})
    assert suite.own_modules == {f"suite.{name}": before.benchmark_dir / f"{name}.py" for name in ("b", "common")}
    pair = start_pair((replace(one, own_modules=suite.own_modules), two), Launch(hash_seed=1), tmp_path, launch_worker)
    try:
        pair.both("load", dict.fromkeys(Side, 60.0), {side: {"name": "b.Kept.track_it", "params": []} for side in Side})
        measured = pair.both("measure", dict.fromkeys(Side, 60.0), {})
    finally:
        pair.close(force=True)
    assert {side: reply["value"] for side, reply in measured.items()} == dict.fromkeys(Side, 3.0)
    # A helper that is not the same any more would have the sides measure different work.
    (before.benchmark_dir / "common.py").write_text("SIZE = 6\n")
    suite = discover(one, two)
    assert suite.own_modules == {}
    assert BenchmarkId("b.Kept.track_it") in suite.unmeasured


@pytest.mark.slow
def test_a_benchmark_that_the_baseline_s_own_suite_had_is_removed(make):
    one, two = make(a="def time_kept(): pass\n")
    before, _ = make("before", a="def time_kept(): pass\ndef time_dropped(): pass\n")
    suite = discover(replace(one, own_suite=before.benchmark_dir), two)
    assert suite.removed == ("a.time_dropped",)


def test_a_suite_that_cannot_be_imported_at_all_shows_its_traceback(make):
    with pytest.raises(MeasurementError, match=r"(?s)suite.a cannot be imported.*ZeroDivisionError"):
        discover(*make(a="1 / 0\n"))


def test_a_directory_without_benchmarks_says_what_asv_looks_for(make):
    with pytest.raises(UsageError, match="time_"):
        discover(*make(a="def helper(): pass\n"))


@pytest.mark.slow
def test_the_digest_changes_with_a_benchmark_s_code_and_with_the_selection(make):
    one, two = make(a=COMMON)
    whole = discover(one, two).digest
    assert discover(one, two, regexes=["free"]).digest != whole
    (one.benchmark_dir / "a.py").write_text(COMMON.replace("return 1", "return 2"))
    assert discover(one, two).digest != whole


@pytest.mark.slow
@pytest.mark.parametrize("place", ["library", "site-packages"])
def test_what_an_interpreter_has_installed_is_told_apart_wherever_its_code_lies(make, tmp_path, monkeypatch, place):
    library = tmp_path / place
    (library / "loaded" / "deep").mkdir(parents=True)
    (library / "late").mkdir()
    (library / "worklib-1.0.dist-info").mkdir()
    record = library / "worklib-1.0.dist-info" / "RECORD"
    (library / "worklib-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: worklib\nVersion: 1.0\n")
    changing = [library / name for name in ("loaded/deep/x.py", "late/__init__.py", "single.py")]
    for path in (*changing, library / "loaded" / "__init__.py"):
        path.write_text("")
    record.write_text("late/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n")
    monkeypatch.setenv("ASV_PYTHONPATH", str(library))
    one, two = make(a="import loaded\ndef time_it(): pass\n")
    seen = [discover(one, two).installed]
    assert set(seen[0]) == set(Side)
    (one.benchmark_dir / "a.py").write_text("import loaded\ndef time_it(): return 1\n")
    (library / "notes.txt").write_text("no code")
    assert discover(one, two).installed == seen[0]
    built = [replace(side, info=replace(side.info, commit="c")) for side in (one, two)]
    seen_built = [discover(*built).installed]
    for path in (*changing, record):
        path.write_text("changed = 1\n")
        seen.append(discover(one, two).installed)
        seen_built.append(discover(*built).installed)
    assert len({found[Side.BASELINE] for found in seen}) == 5
    # What was built for a commit is edited by no one, but built anew: the same has other bytes, a dependency a version.
    assert len({found[Side.BASELINE] for found in seen_built}) == 1
    (record.parent / "METADATA").write_text("Metadata-Version: 2.1\nName: worklib\nVersion: 1.1\n")
    assert discover(*built).installed != seen_built[0]
