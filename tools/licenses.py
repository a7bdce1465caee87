"""The licences of what `pip install headgate` installs: writes docs/licenses.md, or with --check says what is wrong.

Read from the metadata of the installed packages; a licence that is not allowed, or that no metadata tells, is an error.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "licenses.md"
# May be installed beside an Apache-2.0 package without obligations for those who use it. MPL-2.0 is per file: unchanged
# files need nothing.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "PSF-2.0",
    "Unlicense",
    "Zlib",
}
# Metadata from before licence expressions: classifiers and free text, by the expression that is meant.
SPELLINGS = {
    "apache software license": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "mit": "MIT",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "mpl-2.0": "MPL-2.0",
    "isc license (iscl)": "ISC",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
}
HEAD = """# Licences of what is installed

Written by `python tools/licenses.py`; a test keeps it whole and allows only the licences named in that file. headgate
itself is Apache-2.0, and ships plotly.js-basic (MIT). These come with `pip install headgate`; what the extras bring
is in [dependencies](dependencies.md), and `make sbom` writes the full list of a release, with versions.

| package | licence |
|---|---|
"""


def normalized(name: str) -> str:
    """Return a distribution's name as the index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(root: str) -> dict[str, str]:
    """Return the licence of each package that ``root`` needs, without extras; '' where none is told."""
    found: dict[str, str] = {}
    waiting = [root]
    while waiting:
        name = normalized(waiting.pop())
        if name in found:
            continue
        distribution = metadata.distribution(name)
        found[name] = license_of(distribution.metadata)
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    del found[normalized(root)]
    return found


def license_of(about: metadata.PackageMetadata) -> str:
    """Return a licence as an expression of known names, or ''."""
    told = about.get_all("License-Expression") or []
    if told:
        return str(told[0])
    classifiers = [
        line.rsplit(" :: ", 1)[-1] for line in about.get_all("Classifier") or [] if line.startswith("License ::")
    ]
    for text in [*classifiers, *(about.get_all("License") or [])]:
        expression = SPELLINGS.get(str(text).strip().lower())
        if expression:
            return expression
    return ""


def problems(found: dict[str, str], document: str) -> list[str]:
    """Return what is wrong: a licence that is not allowed or not told, or a package that the document has not."""
    wrong = []
    for name, expression in sorted(found.items()):
        if not expression:
            wrong.append(f"{name}: its metadata tells no licence that SPELLINGS knows")
        # "A OR B" gives the choice, "A AND B" asks for both.
        elif not all(
            any(part.strip("() ") in ALLOWED for part in both.split(" OR ")) for both in expression.split(" AND ")
        ):
            wrong.append(f"{name}: {expression} is not allowed; look at it, then at ALLOWED")
        if row(name, expression) not in document:
            wrong.append(f"{name}: docs/licenses.md lacks it, or says otherwise; run python tools/licenses.py")
    return wrong


def row(name: str, expression: str) -> str:
    """Return a package's line of the table."""
    return f"| {name} | {expression} |\n"


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code."""
    found = installed("headgate")
    if "--check" not in arguments:
        DOCUMENT.write_text(HEAD + "".join(row(name, found[name]) for name in sorted(found)), encoding="utf-8")
    wrong = problems(found, DOCUMENT.read_text(encoding="utf-8"))
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
