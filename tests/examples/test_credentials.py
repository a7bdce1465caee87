"""The article's example does what it says, over s3a:// and a real S3 server, and shows no password."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from versity import versity_server

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "credentials" / "credentials.py"


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
def test_the_example_runs_on_s3_and_shows_no_password(tmp_path: Path) -> None:
    with versity_server(tmp_path) as server:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        settings = {
            "HEADGATE_SPARK_JARS": str(ROOT / ".tools" / "jars"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        done = subprocess.run(
            [sys.executable, SCRIPT, "--endpoint", server.endpoint, "--bucket", "devices"],
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
            env={**kept, **settings, **server.environment()},
        )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("SparkLoader('s3://devices/credentials/{key}.json', Credentials")
    assert lines[0].endswith(": 0 loaded")
    said = [line.partition(", DataFrame")[0].partition(": cannot load")[0] for line in lines]
    for expected in (
        "lamp switched on: loaded",
        "lamp switched off: already loaded",
        "kettle boils: loaded",
        "robot arrives: no such device",
        "toaster is hot: SchemaError",
        "  {'device': 'lamp', 'id': 'l-1', 'password': '***', 'hint': 'the fish'}",
        "3 hits, 4 loads (1 found nothing, 1 failed); kept: lamp, kettle",
    ):
        assert expected in said
    assert "swordfish" not in done.stdout + done.stderr
    assert server.secret_key not in done.stdout + done.stderr
