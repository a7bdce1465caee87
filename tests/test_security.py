"""What may come from anyone stays text: the ways in which text becomes code, looked for in the sources and tried."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from headgate.rollout.controller import Controller
from headgate.rollout.ledger import Ledger

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
CALLS = [
    (path, node) for path in SOURCES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
]
# A suite's own setup_cache, written by the process that reads it: asv's way, on the suite's own code.
UNPICKLES = {"measure/worker_suite.py"}


def name_of(call: ast.Call) -> str:
    """Return the dotted name of what is called, as far as it is one."""
    parts, node = [], call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id if isinstance(node, ast.Name) else "?", *reversed(parts)])


def calls(*names: str) -> set[str]:
    """Return the files, below the package, that call one of ``names``."""
    return {path.relative_to(ROOT / "src" / "headgate").as_posix() for path, call in CALLS if name_of(call) in names}


def test_no_text_is_evaluated_as_python():
    assert calls("eval", "exec", "compile", "builtins.eval", "builtins.exec", "code.interact") == set()


def test_nothing_is_unpickled_but_what_the_same_process_wrote():
    assert (
        calls("pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.loads", "shelve.open", "joblib.load")
        <= UNPICKLES
    )
    for path, call in CALLS:
        if name_of(call) in {"np.load", "numpy.load"}:
            allowed = [one.value for one in call.keywords if one.arg == "allow_pickle"]
            assert [isinstance(one, ast.Constant) and one.value is False for one in allowed] == [True], path


def test_no_yaml_or_xml_of_anyones_is_read():
    assert calls("yaml.load", "yaml.unsafe_load", "etree.parse", "ElementTree.parse", "minidom.parse") == set()


def test_no_program_is_started_through_a_shell():
    assert calls("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput") == set()
    for path, call in CALLS:
        started = name_of(call).startswith(("subprocess.", "Popen", "asyncio."))
        shell = [one.value for one in call.keywords if one.arg == "shell" and started]
        assert all(isinstance(one, ast.Constant) and one.value is False for one in shell), path


def test_no_value_is_put_into_the_text_of_a_query():
    """A query is a text as it stands, or joined from constants of the module, which are written in capitals."""
    for path, call in CALLS:
        if not name_of(call).endswith((".execute", ".executemany", ".executescript")) or not call.args:
            continue
        query = call.args[0]
        if isinstance(query, ast.JoinedStr | ast.BinOp | ast.Call):
            names = [node.id for node in ast.walk(query) if isinstance(node, ast.Name)]
            assert [name for name in names if not name.isupper()] == [], f"{path}:{call.lineno}"


@pytest.mark.parametrize("text", ["x'; DROP TABLE event; --", '"; DELETE FROM event', "%", "_", "a\nb", "\u202eevil"])
def test_a_release_an_actor_and_a_reason_are_values_in_the_ledger(tmp_path, text):
    from rollout_releases import release_plan

    printable = "".join(one for one in text if one.isprintable())
    with Ledger(tmp_path / "rollout.sqlite", create=True) as ledger:
        other = Controller(ledger, release_plan(), "other", actor="ann")
        other.start("v1")
        one = Controller(ledger, release_plan(), printable, actor=printable)
        one.start(printable)
        one.halt(printable)
        assert set(ledger.releases()) == {"other", printable}
        assert [event.actor for event in ledger.events(printable)] == [printable] * 3
        assert ledger.verify() == []
        assert other.state().status.value == "running"


def test_no_temporary_file_has_a_name_that_can_be_foreseen():
    assert calls("tempfile.mktemp", "os.tempnam", "os.tmpnam") == set()


def test_no_certificate_goes_unchecked():
    assert calls("ssl._create_unverified_context") == set()
    for path, call in CALLS:
        for one in call.keywords:
            if one.arg in {"verify", "check_hostname"} and isinstance(one.value, ast.Constant):
                assert one.value.value is not False, path


def test_the_page_on_security_names_tests_that_are_there():
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/.]+\.py)`", page)
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).is_file()] == []
