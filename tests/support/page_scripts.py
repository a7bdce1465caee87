"""The pages' own scripts, run without a browser: Node evaluates what needs no document."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import resources

# As much of a browser as the scripts touch while they are loaded.
_FRAME = """
globalThis.window = globalThis;
globalThis.document = { addEventListener() {}, getElementById() { return null; } };
"""


def node() -> str:
    """Return node's path; a machine without it fails the tests, and says how to get it."""
    found = shutil.which("node")
    assert found is not None, "no node: `make test-tools` installs it (Debian's package nodejs)"
    return found


def evaluated(expression: str, given: object, *names: str):
    """Return what ``expression`` of ``given`` is, once the assets ``names`` are loaded."""
    assets = resources.files("headgate.report") / "assets"
    scripts = [(assets / name).read_text(encoding="utf-8") for name in names]
    # Through JSON, in which nothing of the data can be code.
    data = json.dumps(json.dumps(given))
    source = "\n".join(
        [_FRAME, *scripts, f"const given = JSON.parse({data});", f"process.stdout.write(JSON.stringify({expression}));"]
    )
    done = subprocess.run([node(), "-"], input=source, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
