"""Audits constraints.txt for known vulnerabilities with pip-audit; never green without an answer for every package.

Run by `make audit`: python tools/audit.py PIP-AUDIT. pip-audit leaves out what its service does not know and exits
0 all the same; here that is no audit. Exit codes: 0 nothing known, 1 vulnerable, 4 not audited.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# A release with advisories since 2019: a service that knows none of it does not answer as it should.
KNOWN_BAD = "jinja2==2.10"
SECONDS = 600


@dataclass(frozen=True, slots=True)
class Finding:
    """What an audit came to: an exit code and the lines that say why."""

    code: int
    lines: tuple[str, ...]


def decide(report: dict[str, Any] | None, known_bad: dict[str, Any] | None, error: str = "") -> Finding:
    """Return what two reports of pip-audit mean: of the constraints, and of a package known to be vulnerable."""
    if report is None or known_bad is None:
        return Finding(4, (f"not audited: the vulnerability service could not be reached ({error})",))
    if not any(entry.get("vulns") for entry in known_bad["dependencies"]):
        return Finding(4, (f"not audited: the service knows nothing of {KNOWN_BAD}, which has advisories",))
    skipped = sorted(entry["name"] for entry in report["dependencies"] if "skip_reason" in entry)
    found = tuple(
        f"{entry['name']} {entry['version']}: {vulnerability['id']}, fixed in "
        f"{', '.join(vulnerability.get('fix_versions') or ['no release yet'])}"
        for entry in report["dependencies"]
        for vulnerability in entry.get("vulns", ())
    )
    if found:
        return Finding(1, found)
    if skipped or not report["dependencies"]:
        return Finding(4, (f"not audited: {', '.join(skipped) or 'there was nothing to audit'}",))
    return Finding(0, (f"no known vulnerability in {len(report['dependencies'])} packages",))


def audit(program: str, requirements: Path) -> tuple[dict[str, Any] | None, str]:
    """Return pip-audit's report of a requirements file, or None and the last line of what it said."""
    options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    try:
        done = subprocess.run(
            [program, "-r", str(requirements), *options], capture_output=True, text=True, check=False, timeout=SECONDS
        )
        report: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return None, f"no answer in {SECONDS} s"
    except json.JSONDecodeError:
        return None, (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return report, ""


def main(program: str) -> int:
    """Audit, print, return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder) / "known-bad.txt"
        canary.write_text(KNOWN_BAD + "\n")
        known_bad, error = audit(program, canary)
        report, later = audit(program, ROOT / "constraints.txt") if known_bad is not None else (None, error)
    finding = decide(report, known_bad, error or later)
    print(*finding.lines, sep="\n", file=sys.stdout if finding.code == 0 else sys.stderr)
    return finding.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
