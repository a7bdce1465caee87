"""Builds one side's environment with asv's own machinery; run as a module in a process of its own.

asv works relative to the current directory, prints as it goes and keeps global state: a process of its own holds all
of that, and its output is the build log. It reads a job (JSON) from stdin and writes its result to the file the job
names.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

__all__ = ["main"]

# asv's variables for the benchmarks themselves; the others describe a build in progress.
RUN_VARIABLES = ("ASV", "ASV_PROJECT", "ASV_CONF_DIR", "ASV_ENV_NAME", "ASV_ENV_DIR", "ASV_ENV_TYPE", "ASV_COMMIT")
DEFAULT_ENVIRONMENT_TYPE = "virtualenv"  # asv's default before it asked suites to say


def load(job: dict[str, Any]) -> Any:
    """Return asv's configuration with the job's changes, plugins loaded, in the directory asv expects to be in."""
    from asv import commands, environment, plugins  # noqa: F401 - asv registers its environments at import
    from asv.config import Config
    from asv.console import log
    from asv.plugin_manager import plugin_manager

    log.enable()
    os.chdir(Path(job["config"]).parent)
    conf = Config.load(job["config"])
    conf.environment_type = job["environment_type"] or conf.environment_type or DEFAULT_ENVIRONMENT_TYPE
    conf.repo = job["repo"] or conf.repo
    conf.env_dir = job["env_dir"]
    for plugin in conf.plugins:
        plugin_manager.import_plugin(plugin)
    return conf


def choose(conf: Any, job: dict[str, Any]) -> tuple[Any, int]:
    """Return the environment asked for, the first of the matrix unless the job says otherwise, and of how many."""
    from asv.environment import get_environments

    specifier = job["environment"]
    if specifier is None and job["python"] is not None:
        specifier = f"{conf.environment_type}:{job['python']}"
    environments = list(get_environments(conf, [specifier] if specifier else None))
    if not environments:
        wanted = specifier or f"{conf.environment_type} with Python {', '.join(map(str, conf.pythons))}"
        # asv's last line has no end.
        sys.exit(f"\nno environment: asv can make none of {wanted} on this machine; choose another with --python")
    chosen = environments[0]
    if not chosen.can_install_project():
        sys.exit(
            "existing environments cannot hold two commits; give both interpreters with --baseline-python and "
            "--candidate-python, or --environment virtualenv"
        )
    return chosen, len(environments)


def build(job: dict[str, Any]) -> dict[str, Any]:
    """Create the environment, install the commit into it, and say how to run in it."""
    from asv.repo import get_repo

    conf = load(job)
    repo = get_repo(conf)
    chosen, count = choose(conf, job)
    chosen.create()
    chosen.install_project(conf, repo, job["commit"])
    python = chosen.find_executable("python")
    own = chosen._global_env_vars  # noqa: SLF001 - asv offers no public way to what it runs benchmarks with
    variables = {**chosen.env_vars, **{key: own[key] for key in RUN_VARIABLES if key in own}}
    variables["PATH"] = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", os.defpath)])
    return {"python": python, "variables": variables, "environment": chosen.name, "of_matrix": count}


def mirror(job: dict[str, Any]) -> dict[str, Any]:
    """Clone or update the project's repository where it is remote; return where it lies."""
    from asv.repo import get_repo

    repo = get_repo(load(job))
    repo.pull()
    if repo.dvcs != "git":
        sys.exit(f"the project's repository is kept in {repo.dvcs}; headgate compares commits of git repositories only")
    return {"repository": repo._path}  # noqa: SLF001 - asv keeps its mirror's path to itself


def main() -> None:
    """Do the job on stdin; a command that fails ends it without our own traceback, which would hide its output."""
    from asv.util import ProcessError, UserError

    job = json.load(sys.stdin)
    try:
        result = {"build": build, "mirror": mirror}[job["action"]](job)
    except (ProcessError, UserError) as error:
        sys.exit(str(error))
    Path(job["result"]).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
