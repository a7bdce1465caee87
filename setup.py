"""Builds the native kernels of ext/; everything else is in pyproject.toml."""

import shutil
import sys
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Portable flags only: a wheel must run on every CPU of its platform, so vector code is chosen at run time and never by
# -march. No debug information: it would be five sixths of the native kernels' size.
C_FLAGS = ["-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wno-unused-function"]
# The error-free transformations of the float kernels count every rounding: no multiply-add may be made of two steps.
EXACT_FLAGS = ["-ffp-contract=off", "-Wextra", "-pthread"]

NO_COMPILER = """
headgate's native kernels need a C compiler, and there is no {0!r} here.
  Debian, Ubuntu   apt-get install gcc
  Fedora           dnf install gcc
  Alpine           apk add gcc musl-dev
  macOS            xcode-select --install
Or take a wheel, which needs none:  pip install --only-binary headgate headgate
"""


def extension(module: str, sources: list[str], flags: list[str] | None = None) -> Extension:
    """One extension module: a .pyx of ext/ and the C files it wraps, or C files alone."""
    return Extension(
        module,
        [f"ext/{source}" for source in sources],
        depends=sorted(str(header) for header in Path("ext").glob("*.h")),
        include_dirs=["ext", np.get_include()],
        extra_compile_args=[*C_FLAGS, *(flags or [])],
        extra_link_args=["-pthread"],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
    )


class Build(build_ext):
    """Says what to install where no compiler is, instead of a traceback."""

    def build_extensions(self) -> None:
        command = getattr(self.compiler, "compiler_so", None)
        if command and shutil.which(command[0]) is None:
            raise SystemExit(NO_COMPILER.format(command[0]))
        super().build_extensions()


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

# The kernels are written in GCC's and Clang's vector extensions and use POSIX threads. On Windows none of it is built:
# what has a fall-back in Python takes it, and a transform variant that is missing says so.
if sys.platform == "win32":
    EXTENSIONS = []

setup(ext_modules=cythonize(EXTENSIONS, language_level=3) if EXTENSIONS else [], cmdclass={"build_ext": Build})
