"""Builds the native kernels of ext/; everything else is in pyproject.toml."""

import sys
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup

# Portable flags only: a wheel must run on every CPU of its platform, so vector code is chosen at run time and never by
# -march.
C_FLAGS = (
    ["/O2"]
    if sys.platform == "win32"
    else ["-O3", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wno-unused-function"]
)


# The error-free transformations of the float kernels count every rounding: no multiply-add may be made of two steps.
EXACT_FLAGS = [] if sys.platform == "win32" else ["-ffp-contract=off", "-Wextra", "-pthread"]


def extension(module: str, sources: list[str], flags: list[str] | None = None) -> Extension:
    """One extension module: a .pyx of ext/ and the C files it wraps, or C files alone."""
    return Extension(
        module,
        [f"ext/{source}" for source in sources],
        depends=sorted(str(header) for header in Path("ext").glob("*.h")),
        include_dirs=["ext", np.get_include()],
        extra_compile_args=[*C_FLAGS, *(flags or [])],
        extra_link_args=[] if sys.platform == "win32" else ["-pthread"],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
    )


EXTENSIONS: list[Extension] = [
    extension("headgate.measure._ceilings", ["_ceilings.pyx", "ceilings.c"]),
    extension(
        "headgate.transforms._native",
        ["native.c", "dispatch.c", "parallel.c", "isa_avx512.c", "isa_avx2.c", "isa_baseline.c"],
        EXACT_FLAGS,
    ),
    extension("headgate.transforms._forms", ["_forms.pyx"]),
    extension("headgate.datasets._lazy_table", ["_lazy_table.pyx"]),
]

setup(ext_modules=cythonize(EXTENSIONS, language_level=3) if EXTENSIONS else [])
