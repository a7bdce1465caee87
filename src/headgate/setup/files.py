"""Which files `headgate init` writes, with which content. Pure, but for the templates, which are this package's own."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from headgate.errors import UsageError
from headgate.measure.asv_config import CONFIG_NAMES
from headgate.setup.repository import Suite

if TYPE_CHECKING:
    from headgate.setup.repository import Repository

__all__ = ["CI_CHOICES", "POSSIBLE", "PlannedFile", "next_steps", "plan_files"]

POLICY = "headgate.toml"
# By the service: where its file goes. GitLab's is included from .gitlab-ci.yml, which most have already.
WORKFLOWS = {"github": ".github/workflows/headgate.yml", "gitlab": ".gitlab/headgate.yml"}
CI_CHOICES = (*WORKFLOWS, "none")
_THERE = "it is there already"
# GitHub reads these in every script, before the shell does and whatever its quotes are.
_EXPRESSION = "${{"
_FACT = re.compile(r"@(PYTHON|CONFIG|TESTS|DIRECTORY)@")
POSSIBLE = (POLICY, *WORKFLOWS.values())
_TEMPLATES = {
    ("github", Suite.ASV): "github-asv.yml",
    ("github", Suite.PYTEST): "github-pytest.yml",
    ("gitlab", Suite.ASV): "gitlab-asv.yml",
    ("gitlab", Suite.PYTEST): "gitlab-pytest.yml",
}


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file: its path from the repository's root, its content, what it is for, and why it is left out, if it is."""

    path: str
    content: str
    purpose: str
    kept: str = ""


def plan_files(repository: Repository, service: str) -> tuple[PlannedFile, ...]:
    """Return the files for a repository and a service (one of `CI_CHOICES`); those that exist are ``kept``."""
    # Beside a policy in pyproject.toml a new headgate.toml would win, and switch that one off.
    elsewhere = f"{repository.policy} has the policy" if repository.policy else ""
    kept = _THERE if POLICY in repository.existing else elsewhere
    planned = [PlannedFile(POLICY, _template("headgate.toml"), "what the gate tolerates", kept)]
    if service in WORKFLOWS:
        path = WORKFLOWS[service]
        content = _filled(_template(_TEMPLATES[service, repository.suite]), repository)
        kept = _THERE if path in repository.existing else ""
        planned.append(PlannedFile(path, content, "gates every change", kept))
    return tuple(planned)


def next_steps(repository: Repository, planned: tuple[PlannedFile, ...], service: str) -> tuple[str, ...]:
    """Return what to do now, a line each."""
    written = " ".join(one.path for one in planned if not one.kept)
    steps = [f"git add {written} && git commit -m 'Gate performance with headgate'"] if written else []
    if service == "gitlab":
        steps.append(f"add to .gitlab-ci.yml:  include: [{{local: {WORKFLOWS['gitlab']}}}]")
    if repository.suite == Suite.ASV:
        option = _config_option(repository)
        steps.append(f"headgate calibrate{option} --budget 2m    # which slowdown can this machine resolve?")
        steps.append(f"headgate compare HEAD~1 HEAD{option}      # the first verdict, here")
    else:
        tests = _quoted_tests(repository)
        steps.append(f"pytest {tests} --benchmark-only --benchmark-json baseline.json    # the first baseline, here")
        steps.append("headgate check --baseline baseline.json --candidate candidate.json")
    steps.append("headgate doctor    # what on this machine disturbs measuring?")
    return tuple(steps)


def _filled(template: str, repository: Repository) -> str:
    """Put the repository's facts into a template, in one pass: what a name holds is not filled in again.

    They are quoted for the shell, so no name can end a word, and stand in YAML's block scalars: none can end a value.

    Raises
    ------
    UsageError
        A name holds what neither can quote.
    """
    directory = PurePosixPath(repository.config).parent.as_posix() if repository.config else "."
    for path in (repository.config, *repository.tests):
        if not path.isprintable() or _EXPRESSION in path:
            raise UsageError(
                f"{path!r}: a name with a control character or {_EXPRESSION} cannot be put into a workflow; rename it, "
                "or give --ci none and write the workflow yourself"
            )
    facts = {
        "PYTHON": repository.python,
        "CONFIG": _config_option(repository),
        "TESTS": _quoted_tests(repository),
        "DIRECTORY": _quoted(directory),
    }
    return _FACT.sub(lambda match: facts[match[1]], template)


def _config_option(repository: Repository) -> str:
    """Return `` --config PATH``; nothing where commands find that one at the root, and no other."""
    if not repository.config or (repository.config in CONFIG_NAMES and not repository.ambiguous):
        return ""
    return f" --config {_quoted(repository.config)}"


def _quoted_tests(repository: Repository) -> str:
    return " ".join(map(_quoted, repository.tests))


def _quoted(path: str) -> str:
    """Return a path as one word for the shell, which no command takes for an option."""
    return shlex.quote(f"./{path}" if path.startswith("-") else path)


@cache
def _template(name: str) -> str:
    return (resources.files("headgate.setup") / "templates" / name).read_text(encoding="utf-8")
