"""The example of per-customer model parameters does what it says, on files and on S3."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from moto_server import MotoServer

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "model_parameters" / "model_parameters.py"


def printed(*options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", SCRIPT, *options], check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    return done.stdout


def check(text: str) -> None:
    lines = text.splitlines()
    assert lines[0].startswith("500 customers' parameters lie in ")
    assert lines[0].endswith(", 0 are loaded")
    how = [re.split(r"\s{2,}", line.strip())[:2] for line in lines[1:13]]
    loaded = [customer for customer, what in how if what == "loaded"]
    assert loaded == ["customer-0003", "customer-0017", "customer-0240"]
    assert [what for customer, what in how if customer == "customer-0500"] == ["none: defaults"] * 2
    # The parameters in force are the new ones: with window 1 and weight 1 each value is the one before it.
    assert "  customer-0003  [0. 0. 1. 2.]" in lines
    assert "customer-0240  SchemaError: " in text
    assert lines[-1] == (
        "15 requests: 4 loads (1 found nothing), 3 looks at an ETag (1 unchanged); 2 of 500 customers in memory"
    )


def test_the_example_runs_on_files() -> None:
    check(printed())


@pytest.mark.slow
def test_the_example_runs_on_s3(moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in moto_server.environment.items():
        monkeypatch.setenv(name, value)
    text = printed("--endpoint", moto_server.endpoint, "--bucket", "parameters-of-customers")
    check(text)
    assert "s3://parameters-of-customers/customers/{key}.json" in text
    assert moto_server.secret_key not in text
