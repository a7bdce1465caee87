"""What is published installs and works where nothing of the repository is."""

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHECK = """
import numpy as np
from headgate.transforms import sliding_polynomial, variants
x = np.arange(1000, dtype=np.int64)
expected = sliding_polynomial(x, 10, variant="map")
for name, missing in variants().items():
    if missing is None:
        assert (sliding_polynomial(x, 10, variant=name) == expected).all(), name
assert variants()["cython"] is None, variants()["cython"]
print("works")
"""


@pytest.mark.slow
def test_the_sdist_builds_the_wheel_and_the_wheel_works_in_a_clean_environment(tmp_path: Path) -> None:
    # From a clean checkout: a file that only the working tree has must not be what makes it build.
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(source)], check=True)
    # An sdist first, then the wheel from the sdist.
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(tmp_path / "dist"), str(source)], check=True)
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert any(name.endswith("ext/_ceilings.pyx") for name in names)
    assert any(name.endswith("ext/kernels.h") for name in names)
    assert not any(name.endswith("ext/_ceilings.c") for name in names)
    packed = zipfile.ZipFile(wheel).namelist()
    assert {"headgate/py.typed", "headgate/report/assets/style.css", "headgate/report/templates/base.html.j2"} <= set(
        packed
    )
    assert any(name.endswith("licenses/LICENSE") for name in packed)
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    subprocess.run(install, check=True)
    done = subprocess.run([str(python), "-c", CHECK], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "works"
    version = subprocess.run(
        [str(python.with_name("headgate")), "--version"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert version.stdout.startswith("headgate ")
