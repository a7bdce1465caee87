"""Builds the native kernels of ext/; everything else is in pyproject.toml."""

import sys

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


def extension(module: str, sources: list[str]) -> Extension:
    """One extension module: a .pyx of ext/ and the C files it wraps."""
    return Extension(
        module,
        [f"ext/{source}" for source in sources],
        include_dirs=["ext", np.get_include()],
        extra_compile_args=C_FLAGS,
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
    )


EXTENSIONS: list[Extension] = [
    extension("headgate.measure._ceilings", ["_ceilings.pyx", "ceilings.c"]),
]

setup(ext_modules=cythonize(EXTENSIONS, language_level=3) if EXTENSIONS else [])
