"""`headgate report` from end to end: verdicts, machines, hostile names, an interrupt, asv's own pages."""

from __future__ import annotations

import io
import json
import re
import subprocess

import pytest
from asv_trees import DAY, START, commit_of, write_benchmarks, write_run
from rollout_releases import release_plan
from sample_verdicts import sample_evidence
from verdict_pages import Page

from headgate.cli import main
from headgate.cli.report import write_report
from headgate.cli.report_input import Sources
from headgate.report.rounds_figures import HIGHER_IS_BETTER
from headgate.rollout.controller import Controller
from headgate.rollout.ledger import Ledger
from headgate.store.bundle import write_evidence
from headgate.store.seal import Seal
from headgate.store.verdict_json import write_verdict

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028\x1b[2J&amp;{{7*7}}"


def report(results, site, *argv):
    out, err = io.StringIO(), io.StringIO()
    code = main(["report", "--results", str(results), "-o", str(site), *map(str, argv)], out, err)
    return code, out.getvalue(), err.getvalue()


def tree(root, names=("suite.time_x",), commits=24, step=12, **where):
    write_benchmarks(root, names)
    for index in range(commits):
        values = dict.fromkeys(names, 1e-3 * (1 + index % 3 / 1000) * (2.0 if index >= step else 1.0))
        write_run(root, commit_of(index), START + index * DAY, values, **where)
    return root


def test_a_verdict_stands_first_with_its_plot_and_a_page_of_its_own(tmp_path):
    evidence = sample_evidence()
    write_verdict(tmp_path / "verdict.json", evidence.verdict)
    site = tmp_path / "site"
    code, _, err = report(tree(tmp_path / "results"), site, "--verdict", tmp_path / "verdict.json")
    assert (code, err) == (0, "")
    page = Page((site / "index.html").read_text())
    assert ("data-figure", "forest") in page.attributes
    assert ("href", "verdict.html") in page.attributes
    text = "".join(page.text)
    assert text.index("failed") < text.index("Every benchmark")
    assert "data-row" in (site / "verdict.html").read_text()


def test_results_are_taken_from_where_the_project_has_them(tmp_path, monkeypatch):
    tree(tmp_path / ".asv" / "results")
    (tmp_path / "asv.conf.json").write_text(
        json.dumps({"version": 1, "project": "p", "repo": ".", "results_dir": ".asv/results"})
    )
    monkeypatch.chdir(tmp_path)
    out, err = io.StringIO(), io.StringIO()
    assert main(["report"], out, err) == 0
    assert "suite.time_x" in (tmp_path / "report" / "index.html").read_text()


def test_the_evidence_of_a_verdict_is_drawn_on_its_benchmarks_pages(tmp_path):
    evidence = sample_evidence()
    write_evidence(tmp_path / "e.json.gz", evidence)
    site = tmp_path / "site"
    assert report(tree(tmp_path / "results"), site, "--verdict", tmp_path / "e.json.gz")[0] == 0
    compared = {benchmark.name for benchmark in evidence.rounds}
    drawn = [path for path in (site / "benchmarks").glob("*.html") if 'id="rounds-0"' in path.read_text()]
    assert len(drawn) == len(compared)
    for path in drawn:
        ids = [value for key, value in Page(path.read_text()).attributes if key == "id"]
        assert len(ids) == len(set(ids))
    turned = [path.name for path in drawn if HIGHER_IS_BETTER in path.read_text()]
    assert turned == ["suite.TrackModel.track_accuracy.html"]


def test_published_verdicts_are_found_and_are_no_machine(tmp_path):
    results = tree(tmp_path / "results")
    (results / "verdicts").mkdir()
    write_verdict(results / "verdicts" / "one.json", sample_evidence().verdict)
    (results / "verdicts" / "two.json").write_text("{")
    code, _, err = report(results, tmp_path / "site")
    assert code == 0
    assert err.count("two.json") == 1
    assert (tmp_path / "site" / "verdict.html").is_file()
    assert "two.json" in (tmp_path / "site" / "index.html").read_text()


def test_a_verdict_that_does_not_follow_from_its_samples_is_not_shown(tmp_path):
    path = tmp_path / "e.json"
    write_evidence(path, sample_evidence(only="parse_header"))
    statement = json.loads(path.read_bytes())
    parts, predicate = statement["predicate"]["parts"], statement["predicate"]
    parts["verdict"]["state"] = "pass"
    parts["verdict"]["comparisons"][0]["state"] = "pass"
    seal = Seal(statement["predicateType"], predicate["schema"], tuple(parts))
    path.write_bytes(seal.close(parts, statement["subject"]))
    code, _, err = report(tree(tmp_path / "results"), tmp_path / "site", "--verdict", path)
    assert code == 2
    assert "does not follow from its samples" in err
    assert not (tmp_path / "site").exists()


def test_a_hostile_name_commit_machine_and_environment_are_text_on_every_page(tmp_path):
    results = tmp_path / "results"
    names = (f"suite.time_{HOSTILE}", "../../../escape", "suite.time_x")
    tree(results, names, cpu=HOSTILE)
    for path in (results / "box").glob("*-virtualenv*.json"):
        data = json.loads(path.read_text())
        data["env_name"] = data["requirements"]["numpy"] = HOSTILE
        data["commit_hash"] = HOSTILE + data["commit_hash"]
        path.write_text(json.dumps(data))
    site = tmp_path / "site"
    code, _, _ = report(results, site, "--link", "https://x.invalid/{commit}")
    assert code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"results", "site"}
    pages = list(site.rglob("*.html"))
    assert len(pages) == 5
    for path in pages:
        page = Page(path.read_text())
        assert "img" not in page.tags
        assert not [key for key, _ in page.attributes if key.startswith("on")]
        assert not [
            value for key, value in page.attributes if key in {"href", "src"} and re.match(r"(?i)javascript", value)
        ]
        charts = [value for key, value in page.attributes if key == "data-figure"]
        sources = [value for key, value in page.attributes if key == "src"]
        assert page.tags.count("script") == len(charts) + len(sources)
        assert "alert(1)</script>" not in path.read_text()
        assert "\x1b" not in path.read_text()
        assert "49" not in [text.strip() for text in page.text]


def test_two_machines_share_a_benchmarks_page(tmp_path):
    results = tree(tmp_path / "results", machine="one")
    tree(results, machine="two")
    site = tmp_path / "site"
    assert report(results, site)[0] == 0
    (figure,) = re.findall(
        r'<script type="application/json" id="history">(.*?)</script>',
        (site / "benchmarks" / "suite.time_x.html").read_text(),
    )
    assert {trace["name"] for trace in json.loads(figure)["data"]} == {"one", "two", "worse"}


def test_an_interrupt_leaves_no_first_page_and_no_half_written_file(tmp_path):
    def stop(step, _done, _total):
        if step == "writing":
            raise KeyboardInterrupt

    site = tmp_path / "site"
    with pytest.raises(KeyboardInterrupt):
        write_report(Sources(tree(tmp_path / "results")), site, progress=stop)
    assert not (site / "index.html").exists()
    assert not list(site.rglob("*.tmp"))
    assert len(list((site / "benchmarks").glob("*.html"))) == 1


def test_pages_of_the_report_before_are_replaced(tmp_path):
    site = tmp_path / "site"
    results = tree(tmp_path / "results")
    assert report(results, site)[0] == 0
    before = (site / "benchmarks" / "suite.time_x.html").read_text()
    write_run(results, commit_of(99), START + 99 * DAY, {"suite.time_x": 1.0})
    assert report(results, site)[0] == 0
    assert (site / "benchmarks" / "suite.time_x.html").read_text() != before


def test_the_releases_of_a_ledger_are_pages_of_the_report_with_its_navigation(tmp_path):
    with Ledger(tmp_path / "rollout.sqlite", create=True) as ledger:
        for name in ("first", "second"):
            Controller(ledger, release_plan(), name, actor="ann").start("v1")
    site = tmp_path / "site"
    assert report(tree(tmp_path / "results"), site, "--rollout", str(tmp_path / "rollout.sqlite"))[0] == 0
    assert 'href="rollouts/index.html"' in (site / "index.html").read_text()
    pages = sorted(path.name for path in (site / "rollouts").iterdir())
    assert pages == ["index.html", "release-first.html", "release-second.html"]
    for page in pages:
        text = (site / "rollouts" / page).read_text()
        assert 'href="../index.html"' in text
        assert 'href="../assets/' in text
        assert 'href="../rollouts/index.html"' in text


def test_a_ledger_that_is_not_there_is_told_before_the_first_page_is_written(tmp_path):
    site = tmp_path / "site"
    code, _, err = report(tree(tmp_path / "results"), site, "--rollout", str(tmp_path / "absent.sqlite"))
    assert code in {2, 4}
    assert "absent.sqlite" in err
    assert not (site / "index.html").exists()


@pytest.mark.slow
def test_asvs_own_pages_are_published_and_linked(tmp_path, monkeypatch):
    def git(*words):
        done = subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=tmp_path, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    config = {"version": 1, "project": "p", "repo": ".", "environment_type": "existing", "pythons": ["same"]}
    (tmp_path / "asv.conf.json").write_text(json.dumps(config | {"branches": ["HEAD"]}))
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    write_benchmarks(tmp_path / "kept", ["suite.time_x"])
    write_run(tmp_path / "kept", git("rev-parse", "HEAD"), START, {"suite.time_x": 1e-3})
    monkeypatch.chdir(tmp_path)
    site = tmp_path / "site"
    code, _, err = report(tmp_path / "kept", site, "--asv")
    assert (code, err) == (0, "")
    assert "suite.time_x" in (site / "asv" / "index.json").read_text()
    assert ("href", "asv/index.html") in Page((site / "index.html").read_text()).attributes
    assert report(tmp_path / "kept", site, "--asv")[0] == 0
    precious = site / "asv" / "thesis.txt"
    precious.write_text("years of work")
    code, _, err = report(tmp_path / "kept", site, "--asv")
    assert code == 2
    assert "holds something else than the pages published there before (thesis.txt), which would be deleted" in err
    assert precious.read_text() == "years of work"
    assert (site / "asv" / "index.json").exists()


def test_a_failed_publication_says_what_asv_said(tmp_path, monkeypatch):
    config = {"version": 1, "project": "p", "repo": "./none", "branches": ["HEAD"]}
    (tmp_path / "asv.conf.json").write_text(json.dumps(config))
    monkeypatch.chdir(tmp_path)
    code, _, err = report(tree(tmp_path / "results"), tmp_path / "site", "--asv")
    assert code == 4
    assert "asv publish failed (exit code" in err
    assert "  | " in err
    assert list((tmp_path / "site").iterdir()) == []


@pytest.mark.parametrize("where", [".", "./", "assets", "Benchmarks/asv", "rollouts", "index.html", ""])
def test_asvs_pages_never_get_a_part_of_the_report_itself(tmp_path, monkeypatch, where):
    (tmp_path / "asv.conf.json").write_text(json.dumps({"version": 1, "project": "p", "repo": "."}))
    monkeypatch.chdir(tmp_path)
    code, _, err = report(tree(tmp_path / "results"), tmp_path / "site", f"--asv={where}")
    assert code == 2
    assert "expected a directory of its own within the report" in err
    assert not (tmp_path / "site").exists()


def test_a_directory_that_asv_would_delete_is_refused(tmp_path, monkeypatch):
    (tmp_path / "asv.conf.json").write_text(json.dumps({"version": 1, "project": "p", "repo": "."}))
    monkeypatch.chdir(tmp_path)
    precious = tmp_path / "site" / "asv" / "thesis.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("years of work")
    code, _, err = report(tree(tmp_path / "results"), tmp_path / "site", "--asv")
    assert code == 2
    assert "holds something else than the pages published there before" in err
    assert precious.read_text() == "years of work"


@pytest.mark.parametrize(
    "name", ["index.html", "history.html", "benchmarks/suite.time_x.html", "assets/style.css", "assets/theme.js"]
)
def test_a_page_or_style_of_someone_elses_is_never_overwritten(tmp_path, name):
    theirs = tmp_path / "site" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text("<!doctype html><title>My thesis</title>")
    code, _, err = report(tree(tmp_path / "results"), tmp_path / "site")
    assert code == 2
    assert f"{theirs}: is not a file of headgate's, and would be overwritten; give another directory" in err
    assert theirs.read_text() == "<!doctype html><title>My thesis</title>"
    assert [path for path in (tmp_path / "site").rglob("*") if path.is_file()] == [theirs]


@pytest.mark.parametrize("name", ["history.html", "rollouts/index.html"])
def test_a_page_of_someone_elses_is_refused_before_the_releases_pages_are_written(tmp_path, name):
    theirs = tmp_path / "site" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text("<title>My thesis</title>")
    with Ledger(tmp_path / "rollout.sqlite") as ledger:
        for release in ("r1", "r2"):
            Controller(ledger, release_plan(), release, snapshot=None).start()
    code, _, err = report(tree(tmp_path / "results"), tmp_path / "site", "--rollout", tmp_path / "rollout.sqlite")
    assert code == 2
    assert f"{theirs}: is not a file of headgate's" in err
    assert [path for path in (tmp_path / "site").rglob("*") if path.is_file()] == [theirs]


def test_a_report_replaces_its_own_pages_and_leaves_other_files_alone(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "notes.txt").write_text("mine")
    (site / "index.html").write_text("")
    results = tree(tmp_path / "results")
    assert [report(results, site)[0] for _ in range(2)] == [0, 0]
    assert (site / "notes.txt").read_text() == "mine"
