"""Publishing asv's pages deletes nothing that was not published from here; asv itself is replaced."""

import json

import pytest

from headgate.errors import UsageError
from headgate.measure import asv_publish


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "asv.conf.json").write_text(json.dumps({"version": 1, "project": "p", "repo": "."}))
    monkeypatch.setattr(asv_publish, "_run_asv", run_asv)
    return tmp_path


def run_asv(_root, _results, pages):
    pages.mkdir()
    (pages / "index.html").write_text("asv's")


def test_pages_are_replaced_by_those_of_the_next_publication(project):
    for _ in range(2):
        asv_publish.publish(project / "results", project / "asv", project)
    assert {path.name for path in (project / "asv").iterdir()} == {"index.html", asv_publish.MANIFEST}


@pytest.mark.parametrize("files", [[{}], [["index.html"], 1, None], {"index.html": 1}, None])
def test_a_damaged_list_of_what_was_published_deletes_nothing(project, files):
    asv_publish.publish(project / "results", project / "asv", project)
    manifest = project / "asv" / asv_publish.MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"files": files}))
    with pytest.raises(UsageError, match=r"published there before \(index.html\), which would be deleted"):
        asv_publish.publish(project / "results", project / "asv", project)
    assert (project / "asv" / "index.html").is_file()


def test_what_came_while_asv_ran_is_not_deleted_either(project, monkeypatch):
    asv_publish.publish(project / "results", project / "asv", project)
    precious = project / "asv" / "thesis.txt"

    def slowly(root, results, pages):
        precious.write_text("years of work")
        run_asv(root, results, pages)

    monkeypatch.setattr(asv_publish, "_run_asv", slowly)
    with pytest.raises(UsageError, match=r"published there before \(thesis.txt\)"):
        asv_publish.publish(project / "results", project / "asv", project)
    assert precious.read_text() == "years of work"
    assert {path.name for path in project.iterdir()} == {"asv", "asv.conf.json"}
