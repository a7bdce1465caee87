"""The pages' own scripts, run without a browser: Node evaluates what needs no document."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import resources

NODE = shutil.which("node")
# As much of a browser as the scripts touch while they are loaded.
_FRAME = """
globalThis.window = globalThis;
globalThis.document = { addEventListener() {}, getElementById() { return null; } };
"""


def evaluated(expression: str, given: object, *names: str):
    """Return what ``expression`` of ``given`` is, once the assets ``names`` are loaded."""
    assets = resources.files("headgate.report") / "assets"
    scripts = [(assets / name).read_text(encoding="utf-8") for name in names]
    # Through JSON, in which nothing of the data can be code.
    data = json.dumps(json.dumps(given))
    source = "\n".join(
        [_FRAME, *scripts, f"const given = JSON.parse({data});", f"process.stdout.write(JSON.stringify({expression}));"]
    )
    assert NODE is not None
    done = subprocess.run([NODE, "-"], input=source, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
