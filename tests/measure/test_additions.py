"""When the older of two modules means the same in the newer."""

import pytest

from headgate.measure.additions import adds_only

BEFORE = """import os
from proj import f, h
N = 20000
class Suite:
    n = 1
    def time_it(self): f(self.n)
def time_f(): f(N)
"""


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        '"""What is measured."""\n' + BEFORE,
        BEFORE.replace("f, h", "f, g, h"),
        BEFORE.replace("import os", "import os, sys"),
        BEFORE.replace("N = ", "M: int = 7\nN = "),
        BEFORE + "def time_g(): g(M)\nclass Other:\n    n = 2\n",
        BEFORE.replace("    n = 1\n", "    n = 1  # of all\n"),
    ],
)
def test_what_comes_besides_is_an_addition(after):
    assert adds_only(BEFORE, after)


@pytest.mark.parametrize(
    "after",
    [
        BEFORE.replace("N = 20000", "N = 10000"),
        BEFORE.replace("n = 1", "n = 2"),
        BEFORE.replace("f(N)", "f(N // 2)"),
        BEFORE.replace("import f, h", "import g as f, h"),
        BEFORE.replace("f, h", "f"),
        BEFORE.replace("from proj", "from proj2"),
        BEFORE.replace("N = 20000\n", ""),
        BEFORE + "N = 10000\n",
        BEFORE + "from proj import g as f\n",
        BEFORE + "def f(n): pass\n",
        BEFORE.replace("import os", "import os\ndef N(): pass"),
        BEFORE + "Suite.n = 2\n",
        BEFORE + "if True:\n    N = 1\n",
        BEFORE + "from proj import *\n",
        BEFORE + "os.environ.clear()\n",
        BEFORE + "def broken(:\n",
        BEFORE + "\0",
        "",
    ],
)
def test_what_may_change_the_work_is_none(after):
    assert not adds_only(BEFORE, after)


def test_a_name_that_the_older_uses_is_not_to_be_bound_anew_even_a_built_in_one():
    assert not adds_only("def time_sum(): sum(range(9))\n", "def sum(x): pass\ndef time_sum(): sum(range(9))\n")


def test_beside_an_import_of_everything_nothing_is_an_addition():
    older = "from proj import *\ndef time_f(): f()\n"
    assert adds_only(older, older)
    assert not adds_only(older, older + "def f(): pass\n")
