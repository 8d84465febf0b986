"""The wheel holds everything, and finds its own modules."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("lpuc", "dialects", "passes", "runtime")
pytestmark = pytest.mark.xdist_group("wheel")
"""It is built once, in one process."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources, by the setuptools that the tests need anyway."""
    source = tmp_path_factory.mktemp("source")
    for name in (*PACKAGES, "pyproject.toml", "setup.py", "README.md", "LICENSE"):
        os.symlink(ROOT / name, source / name)
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    command = [*build, "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel unpacked, as `pip install --target` does."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def _lpuc(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "lpuc", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_holds_every_module(wheel: Path):
    sources = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for pattern in ("*.py", "*.toml", "*.c", "*.h", "py.typed")
        for path in (ROOT / package).rglob(pattern)
    }
    with zipfile.ZipFile(wheel) as archive:
        assert sources <= set(archive.namelist())


def test_the_installed_command_runs(installed: Path, tmp_path: Path):
    done = _lpuc(installed, tmp_path, "targets")
    assert done.returncode == 0, done.stderr
    assert "lpu-4nm" in done.stdout


def test_a_stray_module_is_named(installed: Path, tmp_path: Path):
    (tmp_path / "runtime.py").write_text("")
    done = _lpuc(installed, tmp_path, "targets")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "runtime.py, which hides lpuc's own" in done.stderr


def test_a_stray_module_is_an_import_error_for_a_library(installed: Path, tmp_path: Path):
    (tmp_path / "passes.py").write_text("")
    program = "try:\n import lpuc\nexcept ImportError as e:\n print(type(e).__name__)"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "ForeignModuleError"
