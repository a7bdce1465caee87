"""`headgate doctor`: each check's judgement as data, and the command on this machine."""

from __future__ import annotations

import io
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from headgate.cli import main
from headgate.model import Cpu, Memory, Platform
from headgate.setup.doctor import CHECKS, diagnose, report_to_json
from headgate.setup.doctor_facts import Facts, RepositoryFacts, gather, s3_sources
from headgate.setup.doctor_outcome import GIB, Level

ROOT = Path(__file__).resolve().parents[2]
CPU = Cpu("x86_64", logical_cores=4, usable_cores=4, governor="performance")
WELL = Facts(
    python=(3, 12),
    compiler="/usr/bin/cc",
    packages={"asv": "0.6.6", "asv_runner": "0.3", "virtualenv": "20"},
    git="git version 2.39",
    repository=RepositoryFacts("/repo", suite="asv: asv.conf.json", suite_modules=2),
    cpu=CPU,
    memory=Memory(total=16 * GIB, transparent_hugepages="madvise"),
    platform=Platform(os="Debian", aslr="full"),
    load=0.1,
    steal=0.0,
    memory_available=8 * GIB,
    perf_paranoid=2,
    disk_free=50 * GIB,
    temporary_free=50 * GIB,
    temporary_in_memory=False,
)
REPOSITORY = WELL.repository


def found(facts: Facts, check: str):
    return next(one for one in diagnose(facts) if one.check == check)


def test_nothing_is_wrong_where_nothing_is_wrong():
    assert [one for one in diagnose(WELL) if one.level is not Level.OK] == []


def test_a_system_that_tells_nothing_has_no_problem_for_it():
    silent = Facts(python=(3, 12), packages=WELL.packages, git=WELL.git, compiler="cl")
    levels = {one.check: one.level for one in diagnose(silent)}
    assert Level.PROBLEM not in levels.values()
    assert levels["governor"] is levels["steal"] is levels["load"] is levels["disk"] is Level.UNKNOWN


@pytest.mark.parametrize(
    ("check", "changes", "level", "said"),
    [
        ("python", {"python": (3, 10)}, "problem", "3.11 or newer"),
        ("python", {"python_debug": True}, "warning", "release build"),
        ("compiler", {"compiler": None}, "warning", "install gcc or clang"),
        ("asv", {"packages": {"asv": "1"}}, "problem", "pip install asv_runner virtualenv"),
        ("git", {"git": None}, "problem", "install git"),
        ("repository", {"repository": None}, "warning", "give DIR"),
        ("repository", {"repository": replace(REPOSITORY, commits=False)}, "problem", "make a commit"),
        ("repository", {"repository": replace(REPOSITORY, shallow=True)}, "warning", "fetch-depth: 0"),
        ("repository", {"repository": replace(REPOSITORY, dirty=3)}, "warning", "3 file"),
        ("suite", {"repository": replace(REPOSITORY, suite="", problem="no suite")}, "warning", "nothing to gate"),
        ("suite", {"repository": replace(REPOSITORY, suite_modules=0)}, "problem", "benchmark_dir"),
        ("policy", {"repository": replace(REPOSITORY, policy_problem="margin: no")}, "problem", "margin: no"),
        ("cores", {"cpu": replace(CPU, usable_cores=1)}, "warning", "second core"),
        ("cores", {"cpu": replace(CPU, quota=0.5)}, "warning", "stands still"),
        ("governor", {"cpu": replace(CPU, governor="powersave", turbo=True)}, "warning", "turbo on"),
        ("load", {"load": 2.1}, "warning", "larger --budget"),
        ("steal", {"steal": 0.02}, "warning", "neighbours"),
        ("memory", {"memory_available": GIB}, "warning", "exit 4"),
        ("memory", {"memory": Memory(limit=GIB)}, "warning", "a limit of 1.0 GiB"),
        ("huge pages", {"memory": Memory(transparent_hugepages="always")}, "warning", "madvise"),
        ("address randomisation", {"platform": Platform(aslr="off")}, "warning", "randomize_va_space=2"),
        ("disk", {"disk_free": GIB // 2}, "problem", "free some"),
        ("disk", {"disk_free": 2 * GIB}, "warning", "may not fit"),
        ("temporary files", {"temporary_free": GIB // 2, "temporary_in_memory": True}, "warning", "TMPDIR"),
        ("java", {"packages": {**WELL.packages, "pyspark": "4"}}, "warning", "default-jre-headless"),
        ("webhook", {"webhook": (True, False)}, "warning", "HEADGATE_WEBHOOK_SECRET"),
    ],
)
def test_what_is_wrong_is_told_with_its_remedy_and_nothing_else_is(check, changes, level, said):
    facts = replace(WELL, **changes)
    one = found(facts, check)
    assert one.level == level
    assert said in f"{one.text} {one.remedy}"
    assert one.remedy
    others = [other for other in diagnose(facts) if other.check != check and other.level not in {"ok", "unknown"}]
    assert [other.check for other in others if other.check not in {"suite", "asv"}] == []


def test_busy_means_busy_for_the_cores_there_are():
    assert found(replace(WELL, load=1.9), "load").level is Level.OK
    assert found(replace(WELL, load=1.9, cpu=replace(CPU, usable_cores=2)), "load").level is Level.WARNING


@pytest.mark.parametrize(
    ("environment", "places"),
    [
        ({}, ()),
        ({"AWS_ACCESS_KEY_ID": "AKIAFIRST"}, ()),
        ({"AWS_ACCESS_KEY_ID": "AKIAFIRST", "AWS_SECRET_ACCESS_KEY": "s3cr3t"}, ("environment",)),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/x"}, ("web identity token",)),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x"}, ("container role",)),
    ],
)
def test_the_places_of_credentials_are_told_never_their_values(tmp_path, environment, places):
    assert s3_sources({"HOME": str(tmp_path), **environment}) == places


def test_profiles_that_give_credentials_are_named_and_damaged_files_are_none(tmp_path):
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text("[work]\naws_access_key_id = AKIAFIRST\naws_secret_access_key = s3cr3t\n")
    (folder / "config").write_text("[profile sso]\nsso_session = x\n[default]\nregion = us-east-1\n")
    assert s3_sources({"HOME": str(tmp_path)}) == ("credentials file (work)", "config file (sso)")
    (folder / "credentials").write_bytes(b"\xff\xfe no ini")
    assert s3_sources({"HOME": str(tmp_path)}) == ("config file (sso)",)


def doctor(*words):
    out, err = io.StringIO(), io.StringIO()
    code = main(["doctor", *map(str, words)], out, err)
    return code, out.getvalue(), err.getvalue()


def test_on_this_machine_it_looks_at_everything_and_says_no_secret(tmp_path, monkeypatch):
    secrets = {"AWS_ACCESS_KEY_ID": "AKIAPLANTED", "AWS_SECRET_ACCESS_KEY": "planted-secret"}
    secrets |= {"HEADGATE_WEBHOOK_URL": "https://x/?token=planted", "HEADGATE_WEBHOOK_SECRET": "planted-hook"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    code, out, err = doctor(tmp_path)
    assert (code, err) == (0, "")
    assert out.count("\n") >= len(CHECKS) + 1
    assert "warning  repository" in out
    code, text, _ = doctor(tmp_path, "--json", "-")
    schema = json.loads((ROOT / "docs" / "schemas" / "doctor-1.schema.json").read_text())
    jsonschema.validate(json.loads(text), schema)
    assert not [value for value in ("PLANTED", "planted") if value in out + text]


def test_a_problem_is_exit_code_two_and_quiet_leaves_what_is_well_out(tmp_path):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "headgate.toml").write_text("margin = 0\n")
    code, out, _ = doctor(tmp_path, "--quiet")
    assert code == 2
    assert re.search(r"^problem  repository +.*no commit yet", out, re.MULTILINE)
    assert re.search(r"^problem  policy ", out, re.MULTILINE)
    assert "ok  " not in out
    assert "2 problems" in out


def test_a_directory_that_is_not_there_is_told(tmp_path):
    code, _, err = doctor(tmp_path / "absent")
    assert code == 2
    assert "no such directory" in err


def test_what_is_gathered_can_be_judged(tmp_path):
    findings = diagnose(gather(tmp_path, {}))
    assert [one.check for one in findings] == list(CHECKS)
    assert all(one.text for one in findings)
    assert report_to_json(findings)["checks"]


def test_the_guide_has_every_check_and_no_other():
    rows = re.findall(r"^\| ([a-z0-9 ]+) \|", (ROOT / "docs" / "doctor.md").read_text(), re.MULTILINE)
    assert rows[1:] == list(CHECKS)
