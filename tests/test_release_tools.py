"""What a release relies on: an audit that is never green by accident, allowed licences, a bounded workflow."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import audit
import licenses
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]

GOOD = {"dependencies": [{"name": "one", "version": "1", "vulns": []}]}
BAD = {"dependencies": [{"name": "jinja2", "version": "2.10", "vulns": [{"id": "CVE-1", "fix_versions": ["2.11"]}]}]}
SKIPPED = {"dependencies": [{"name": "one", "skip_reason": "not found"}]}


@pytest.mark.parametrize(
    ("report", "known_bad", "code", "says"),
    [
        (GOOD, BAD, 0, "no known vulnerability in 1 packages"),
        (BAD, BAD, 1, "jinja2 2.10: CVE-1, fixed in 2.11"),
        (SKIPPED, BAD, 4, "not audited: one"),
        ({"dependencies": []}, BAD, 4, "nothing to audit"),
        (GOOD, GOOD, 4, "knows nothing of jinja2==2.10"),
        (GOOD, SKIPPED, 4, "knows nothing of jinja2==2.10"),
        (None, None, 4, "could not be reached (no route)"),
        (None, BAD, 4, "could not be reached (no route)"),
    ],
)
def test_an_audit_without_an_answer_for_every_package_is_none(report, known_bad, code, says) -> None:
    finding = audit.decide(report, known_bad, "no route")
    assert finding.code == code
    assert says in " ".join(finding.lines)


def test_an_auditor_that_breaks_is_told_by_its_last_line(tmp_path: Path) -> None:
    program = tmp_path / "auditor"
    program.write_text("#!/bin/sh\necho Traceback >&2\necho 'ConnectionError: no such host' >&2\nexit 1\n")
    program.chmod(0o755)
    assert audit.audit(str(program), tmp_path / "x.txt") == (None, "ConnectionError: no such host")


def test_every_licence_of_what_is_installed_is_told_allowed_and_in_the_document() -> None:
    found = licenses.installed("headgate")
    assert {"asv", "numpy", "rich", "markupsafe"} <= set(found)
    assert licenses.problems(found, (ROOT / "docs" / "licenses.md").read_text()) == []


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("MIT", False),
        ("GPL-3.0-only", True),
        ("GPL-3.0-only OR MIT", False),
        ("MIT AND GPL-3.0-only", True),
        ("(Apache-2.0 OR GPL-2.0-only) AND MIT", False),
        ("", True),
    ],
)
def test_a_licence_is_allowed_only_where_each_part_or_a_choice_is(expression: str, wrong: bool) -> None:
    document = licenses.row("one", expression)
    assert bool(licenses.problems({"one": expression}, document)) == wrong
    assert licenses.problems({"one": "MIT"}, "") != []


def test_what_is_published_was_tested_comes_from_a_tag_and_needs_no_secret() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    jobs = yaml.safe_load(text)["jobs"]
    assert "make test" in str(jobs["test"]["steps"])
    assert set(jobs["publish"]["needs"]) == set(jobs) - {"publish"}
    assert jobs["publish"]["if"] == "github.event_name == 'push' && startsWith(github.ref, 'refs/tags/v')"
    assert "secrets." not in text
    assert [name for name, job in jobs.items() if "id-token" in str(job.get("permissions"))] == ["publish"]


def test_the_wheels_are_of_the_pythons_that_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = {line.rsplit(" :: ", 1)[1] for line in project["project"]["classifiers"] if ":: Python :: 3." in line}
    built = {f"3.{word[3:5]}" for word in project["tool"]["cibuildwheel"]["build"].split()}
    assert built == named


@pytest.mark.slow
def test_without_a_compiler_the_build_says_what_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "setup.py", "build_ext", "--build-lib", str(tmp_path), "--build-temp", str(tmp_path / "temp")],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "CC": "no-such-cc"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "need a C compiler, and there is no 'no-such-cc' here" in done.stderr
    assert "Traceback" not in done.stderr
