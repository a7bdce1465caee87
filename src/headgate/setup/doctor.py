"""What is wrong with a machine or a setup, from its facts. Pure: one check is one function and one line of `CHECKS`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.setup import doctor_machine as machine
from headgate.setup.doctor_outcome import Level, Outcome, ok

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.setup.doctor_facts import Facts

__all__ = ["CHECKS", "DOCTOR_SCHEMA", "Finding", "Level", "diagnose", "report_to_json"]

DOCTOR_SCHEMA = "headgate.doctor/1"
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's outcome: what was found, and for a warning or a problem what to do."""

    check: str
    level: Level
    text: str
    remedy: str = ""


def diagnose(facts: Facts) -> tuple[Finding, ...]:
    """Return every check's finding, in the order of `CHECKS`."""
    return tuple(Finding(name, *check(facts)) for name, check in CHECKS.items())


def report_to_json(findings: tuple[Finding, ...]) -> dict[str, object]:
    """Return the findings as plain JSON values (docs/schemas/doctor-1.schema.json)."""
    levels = [one.level for one in findings]
    rows = [
        {"check": one.check, "level": one.level.value, "text": one.text, "remedy": one.remedy or None}
        for one in findings
    ]
    return {
        "schema": DOCTOR_SCHEMA,
        "problems": levels.count(Level.PROBLEM),
        "warnings": levels.count(Level.WARNING),
        "checks": rows,
    }


def _python(facts: Facts) -> Outcome:
    text = ".".join(map(str, facts.python))
    if facts.python < OLDEST_PYTHON:
        return Level.PROBLEM, text, "headgate needs Python 3.11 or newer"
    if facts.python_debug:
        return Level.WARNING, f"{text}, a debug build", "measure with a release build: this one is several times slower"
    return ok(text)


def _compiler(facts: Facts) -> Outcome:
    if facts.compiler is None:
        remedy = "needed to build headgate from source, or a suite's compiled project: install gcc or clang"
        return Level.WARNING, "no C compiler", remedy
    return ok(facts.compiler)


def _asv(facts: Facts) -> Outcome:
    missing = [name for name in ("asv", "asv_runner", "virtualenv") if name not in facts.packages]
    if missing:
        return Level.PROBLEM, f"missing: {', '.join(missing)}", f"python -m pip install {' '.join(missing)}"
    return ok(f"asv {facts.packages['asv']}, asv_runner {facts.packages['asv_runner']}")


def _git(facts: Facts) -> Outcome:
    if facts.git is None:
        return Level.PROBLEM, "no git", "install git; commits are what is compared"
    return ok(facts.git)


def _repository(facts: Facts) -> Outcome:
    found = facts.repository
    if found is None and facts.repository_refused:
        text, _, remedy = facts.repository_refused.partition("; ")
        return Level.PROBLEM, text, remedy
    if found is None:
        return Level.WARNING, "not in a git repository", "run it in the repository, or give DIR"
    if not found.commits:
        return Level.PROBLEM, f"{found.root}: no commit yet", "make a commit; commits are what is compared"
    if found.shallow:
        remedy = "git fetch --unshallow; in GitHub's checkout action `fetch-depth: 0`, in GitLab GIT_DEPTH: 0"
        return Level.WARNING, f"{found.root}: a shallow clone, older commits cannot be built", remedy
    if found.dirty:
        remedy = "what is uncommitted is not measured by `compare BASE HEAD`; compare with . to measure it"
        return Level.WARNING, f"{found.root}: uncommitted changes in {found.dirty} file(s)", remedy
    return ok(found.root)


def _suite(facts: Facts) -> Outcome:
    found = facts.repository
    if found is None:
        return Level.UNKNOWN, "no repository, no suite", ""
    if found.problem:
        return Level.WARNING, found.problem, "without benchmarks there is nothing to gate"
    if found.suite_problem:
        text, _, remedy = found.suite_problem.rpartition("; ")
        return Level.PROBLEM, text, remedy
    if found.suite_modules == 0:
        return Level.PROBLEM, f"{found.suite}: its benchmark_dir has no Python file", "check `benchmark_dir` in it"
    return ok(found.suite)


def _policy(facts: Facts) -> Outcome:
    found = facts.repository
    if found is not None and found.policy_problem:
        return Level.PROBLEM, found.policy_problem, "mend the file; nothing is measured under a policy that is wrong"
    if found is None or not found.policy:
        return ok("none; the defaults hold (margin 5 %), `headgate init` writes one")
    return ok(found.policy)


def _optional(package: str, what: str, extra: str) -> Callable[[Facts], Outcome]:
    def check(facts: Facts) -> Outcome:
        if package in facts.packages:
            return ok(f"{package} {facts.packages[package]}")
        return ok(f"not installed; {what} need it: pip install 'headgate[{extra}]'")

    return check


def _java(facts: Facts) -> Outcome:
    if facts.java is not None:
        return ok(facts.java)
    if "pyspark" in facts.packages:
        remedy = "Spark needs Java 17 or newer; on Debian: apt-get install default-jre-headless"
        return Level.WARNING, "pyspark is installed, Java is not", remedy
    return ok("none; only Spark needs it")


def _credentials(facts: Facts) -> Outcome:
    if facts.s3_sources:
        return ok("from " + ", ".join(facts.s3_sources))
    return ok("none found; only datasets on S3 need them (a role of the machine itself is not looked for)")


def _webhook(facts: Facts) -> Outcome:
    address, secret = facts.webhook
    if address and not secret:
        remedy = "set HEADGATE_WEBHOOK_SECRET, or give --webhook-secret-file: messages are signed"
        return Level.WARNING, "an address without a secret", remedy
    return ok("set" if address else "none; `headgate rollout` would notify nobody")


# name -> check, in the order shown; what stops a comparison first.
CHECKS: dict[str, Callable[[Facts], Outcome]] = {
    "python": _python,
    "compiler": _compiler,
    "asv": _asv,
    "git": _git,
    "repository": _repository,
    "suite": _suite,
    "policy": _policy,
    "platform": machine.platform,
    "cores": machine.cores,
    "governor": machine.governor,
    "load": machine.load,
    "steal": machine.steal,
    "memory": machine.memory,
    "huge pages": machine.hugepages,
    "address randomisation": machine.aslr,
    "performance counters": machine.counters,
    "disk": machine.disk,
    "temporary files": machine.temporary,
    "numba": _optional("numba", "compiled variants", "numba"),
    "java": _java,
    "s3 credentials": _credentials,
    "webhook": _webhook,
}
