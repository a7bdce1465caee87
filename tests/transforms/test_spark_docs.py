"""The examples of docs/spark_transforms.md print what they say (as doctests they would start a JVM in every check)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from spark_session import local_session

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "spark_transforms.md"


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
def test_the_examples_on_spark_run_and_print_what_they_say(capsys):
    local_session()
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL))
    promised = re.findall(r"^# (.*)$", code, re.MULTILINE)
    exec(compile(code, str(DOCUMENT), "exec"), {})
    assert len(promised) > 5
    assert capsys.readouterr().out.splitlines() == promised
