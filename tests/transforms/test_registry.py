"""Loading: nothing heavy before it is used, and a clear word about what is missing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import headgate.transforms
from headgate.errors import HeadgateError, VariantUnavailableError
from headgate.transforms import get, registry, sliding_polynomial, variants
from headgate.transforms.registry import VARIANTS


def forget(monkeypatch, *missing):
    """Make `missing` impossible to import, and forget what was imported of the variants."""
    for name in [name for name in sys.modules if name.startswith("headgate.transforms.")]:
        if "numba" in name or name.rpartition(".")[2] in {"native", "cython_forms", "spark_variant"}:
            monkeypatch.delitem(sys.modules, name)
            monkeypatch.delattr(headgate.transforms, name.rpartition(".")[2], raising=False)
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    get.cache_clear()
    headgate.transforms._best.cache_clear()


@pytest.fixture(autouse=True)
def _cleared():
    yield
    get.cache_clear()
    headgate.transforms._best.cache_clear()


def test_the_table_names_every_form_on_every_compiled_and_interpreted_engine():
    forms = {(variant.form, variant.engine) for variant in VARIANTS.values()}
    assert {
        (form, engine) for form in ("recursion", "scan", "map") for engine in ("python", "numba", "cython")
    } <= forms
    assert {("vector", engine) for engine in ("numpy", "numba", "cython", "spark")} <= forms


def test_every_variant_is_available_where_the_tests_run():
    assert variants() == dict.fromkeys(VARIANTS)


def test_importing_the_package_loads_no_variant_s_engine():
    program = (
        "import sys, headgate.transforms as t; t.sliding_polynomial([1, 2], 1)\n"
        "print(*{'numba', 'scipy', 'pyspark', 'pandas', 'concurrent.futures'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", [name for name, variant in VARIANTS.items() if variant.extra])
def test_a_variant_whose_extra_is_missing_names_it(name, monkeypatch):
    extra = VARIANTS[name].extra
    forget(monkeypatch, {"numba": "numba", "spark": "pyspark"}[extra])
    with pytest.raises(
        VariantUnavailableError, match=rf"variant '{name}' is not available .*headgate\[{extra}\]"
    ) as caught:
        sliding_polynomial([1, 2, 3], 1, variant=name)
    assert isinstance(caught.value, HeadgateError)
    assert isinstance(caught.value, ImportError)
    assert f"headgate[{extra}]" in (variants()[name] or "")


def test_without_java_spark_says_so_and_not_to_install_what_is_there(monkeypatch, tmp_path):
    forget(monkeypatch)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VariantUnavailableError, match="no Java here; install version 17") as caught:
        get("spark")
    assert "pip" not in str(caught.value)


def test_without_the_native_extension_numpy_takes_its_place(monkeypatch):
    forget(monkeypatch, "headgate.transforms._native")
    monkeypatch.delattr("headgate.transforms._native")
    monkeypatch.setattr("headgate.transforms._fast", lambda *_: None)
    with pytest.raises(VariantUnavailableError, match="native extension is not built"):
        get("cython")
    assert sliding_polynomial(np.array([5, 6, 7, 8]), 2).tolist() == [0, 0, 6, 20]


def test_a_transform_says_what_it_is():
    transform = get("numpy")
    assert transform.__name__ == "numpy"
    assert VARIANTS["numpy"].summary in transform.__doc__
    assert get("numpy") is transform


@pytest.mark.parametrize("call", [sliding_polynomial, get("cython")], ids=["public", "cython"])
def test_the_native_short_cut_is_tried_with_the_default_arguments_and_no_others(call, monkeypatch):
    tried = []
    x, out = np.arange(3.0), np.empty(3)
    answer = np.zeros(3)
    monkeypatch.setattr("headgate.transforms._fast", lambda *given: tried.append(given) or answer)
    assert call(x, 2) is answer
    assert call(x, 2, out=out) is answer
    assert [given[1] for given in tried] == [2, 2]
    assert tried[1][2] is out
    for named in ({"threads": 2}, {"anchor": "lag"}, {"coefficients": (1,)}, {"axis": 0}):
        assert call(x, 2, **named) is not answer
    assert len(tried) == 2


def test_no_other_variant_is_answered_by_the_native_kernel(monkeypatch):
    monkeypatch.setattr("headgate.transforms._fast", lambda *_: pytest.fail("the native kernel was called"))
    for name in set(VARIANTS) - {"cython", "spark"}:  # whose blocks are the native kernel's
        assert get(name)(np.array([5, 6, 7, 8]), 2).tolist() == [0, 0, 6, 20]


def test_every_variant_s_file_is_in_the_table_s_place():
    assert all(variant.module.startswith("headgate.transforms.") for variant in VARIANTS.values())
    assert [variant.name for variant in VARIANTS.values()] == list(VARIANTS)
    assert all(callable(registry.load(name)) for name in VARIANTS)


@pytest.mark.slow
def test_numba_works_where_nothing_can_be_cached():
    program = (
        "import numba.core.caching as c\n"
        "for locator in c.CacheImpl._locator_classes: locator.from_function = classmethod(lambda *_: None)\n"
        "from headgate.transforms import get; print(get('numba')([1, 2, 3], 2).tolist())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[0, 0, 2]"), done.stderr
