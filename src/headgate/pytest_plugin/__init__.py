"""``pytest --headgate-baseline FILE``: the run's own benchmarks, judged against saved results.

pytest loads this module at every start, so it imports nothing but pytest; the rest comes with the option.
docs/pytest.md is the guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["pytest_addoption", "pytest_configure"]

# Without a baseline these would do nothing, silently; the others may stand in addopts for the runs that have one.
_NEED_A_BASELINE = ("candidate", "json", "markdown", "html")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("headgate", "headgate: judge this run's benchmarks")

    def add(name: str, help_: str, metavar: str) -> None:
        group.addoption(f"--headgate-{name}", metavar=metavar, help=help_)

    group.addoption(
        "--headgate-baseline",
        metavar="FILE",
        action="append",
        default=[],
        help="judge this run's benchmarks against the results saved in FILE (--benchmark-json; also of asv, pyperf or "
        "headgate); a quoted glob, or the option repeated, gives several runs, which tell more",
    )
    group.addoption(
        "--headgate-candidate",
        metavar="FILE",
        action="append",
        default=[],
        help="results of earlier runs of this same code, to be judged together with this run; as --headgate-baseline",
    )
    add("margin", "the slowdown tolerated, as 3%% or 0.03 (default: 5%%)", "M")
    add("confidence", "1 - the error either claim may have (default: 0.99)", "C")
    add(
        "policy", "headgate.toml or pyproject.toml to take policy from (default: found from the root directory)", "FILE"
    )
    add("json", "write the verdict as JSON", "FILE")
    add("markdown", "write a summary fit for a pull-request comment", "FILE")
    add("html", "write a static page, DIR/index.html", "DIR")
    for name, help_ in (
        ("any-machine", "compare results of different machines, and warn"),
        ("any-session", "take results of different times for one session: the machine is known to be that steady"),
    ):
        group.addoption(f"--headgate-{name}", action="store_true", help=help_)


def pytest_configure(config: pytest.Config) -> None:
    """Register the gate, where a baseline was given, in the process that decides."""
    baseline: Sequence[str] = config.getoption("headgate_baseline")
    if not baseline:
        idle = [name for name in _NEED_A_BASELINE if config.getoption(f"headgate_{name}")]
        if idle:
            raise pytest.UsageError(
                f"headgate: --headgate-{idle[0]}: nothing to judge; give --headgate-baseline FILE too"
            )
        return
    if hasattr(config, "workerinput"):
        return  # a worker of pytest-xdist: its controller refuses, once, for all of them
    from headgate.pytest_plugin.gate import Gate

    config.pluginmanager.register(Gate(config), "headgate-gate")
