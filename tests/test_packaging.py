"""What is published installs and works where nothing of the repository is."""

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SMOKE = ROOT / "tools" / "wheel_smoke.py"
RESULTS = ROOT / "tests" / "data" / "pytest_benchmark"
COMPILERS = re.compile(r"(.*-)?(gcc|cc|c99|c89|g\+\+|c\+\+|clang|clang\+\+|tcc|cpp|ld|as)(-[\d.]+)?")
SUITE = {
    "asv.conf.json": json.dumps(
        {
            "version": 1,
            "project": "tiny",
            "repo": ".",
            "branches": ["main"],
            "environment_type": "virtualenv",
            "benchmark_dir": "benchmarks",
            "install_command": [],
            "build_command": [],
            "uninstall_command": [],
        }
    ),
    "benchmarks/__init__.py": "",
    "benchmarks/sums.py": "def time_sum():\n    sum(range(1000))\n",
}


def tools_without_compilers(folder: Path) -> Path:
    """Return a directory with the system's programs and no compiler or linker among them."""
    folder.mkdir()
    for place in ("/usr/bin", "/bin", "/usr/local/bin"):
        for program in Path(place).iterdir():
            if not COMPILERS.fullmatch(program.name) and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program)
    return folder


def tiny_repository(folder: Path) -> Path:
    """Return a repository with a suite, and two commits between which nothing changed."""
    for name, text in SUITE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    for message in ("one", "two"):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", message], check=True)
    return folder


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
    assert {name.split("/")[1] for name in names if "/" in name} == {
        *("CHANGELOG.md", "LICENSE", "MANIFEST.in", "PKG-INFO", "README.md"),
        *("ext", "pyproject.toml", "setup.cfg", "setup.py", "src"),
    }
    packed = zipfile.ZipFile(wheel).namelist()
    assert {"headgate/py.typed", "headgate/report/assets/style.css", "headgate/report/templates/base.html.j2"} <= set(
        packed
    )
    assert any(name.endswith("licenses/LICENSE") for name in packed)
    assert {name.split("/")[0].partition("-")[0] for name in packed} == {"headgate"}
    assert not any(Path(name).name.startswith("test_") or "/tests/" in name for name in packed)
    entry_points = (
        zipfile.ZipFile(wheel).read(next(name for name in packed if name.endswith("entry_points.txt"))).decode()
    )
    assert "[pytest11]\nheadgate = headgate.pytest_plugin" in entry_points
    venv.create(tmp_path / "env", with_pip=True)
    scripts = tmp_path / "env" / "bin"
    bare = {"PATH": f"{scripts}:{tools_without_compilers(tmp_path / 'tools')}", "HOME": str(tmp_path)}
    # What the index or a proxy needs, and nothing else of this environment.
    bare |= {
        key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_")) or "proxy" in key.lower()
    }

    def do(*words: object, cwd: Path = tmp_path) -> str:
        done = subprocess.run(list(map(str, words)), cwd=cwd, env=bare, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    do(scripts / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    assert do(scripts / "headgate", "--version").startswith("headgate ")
    assert "variants agree" in do(scripts / "python", SMOKE, RESULTS)
    repository = tiny_repository(tmp_path / "tiny")
    wide = ("--margin", "90%", "--confidence", "0.9", "--budget", "60s")
    assert "\nPASS: " in do(scripts / "headgate", "compare", "HEAD~1", "HEAD", *wide, cwd=repository)
