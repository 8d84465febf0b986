"""Wheels hold everything, and find their own modules, with the native library and without it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("lpuc", "dialects", "passes", "runtime")
pytestmark = pytest.mark.xdist_group("wheel")
"""It is built once, in one process."""


COMPILES = shutil.which("cc") is not None
NO_COMPILER = {"CC": "no-such-compiler", "LDSHARED": "no-such-compiler"}


def _in_a_hurry(folder: Path) -> dict[str, str]:
    """A compiler that leaves out what makes kernels fast: how fast they are is no matter here."""
    script = folder / "cc"
    script.write_text('#!/bin/sh\nexec cc "$@" -O0\n')
    script.chmod(0o755)
    return {"CC": str(script)}


def _wheel(folder: Path, environment: dict[str, str]) -> Path:
    """A wheel built from a copy of the sources, by the setuptools that the tests need anyway."""
    source = folder / "source"
    source.mkdir()
    for name in (*PACKAGES, "pyproject.toml", "setup.py", "README.md", "LICENSE"):
        os.symlink(ROOT / name, source / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    command = [*build, "--outdir", str(folder), str(source)]
    given = {name: value for name, value in os.environ.items() if name != "LPUC_NATIVE"}
    done = subprocess.run(
        command, env={**given, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def _unpacked(wheel: Path, folder: Path) -> Path:
    """The wheel unpacked, as `pip install --target` does."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return _wheel(folder, _in_a_hurry(folder) if COMPILES else {})


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a machine without a compiler."""
    return _wheel(tmp_path_factory.mktemp("pure"), NO_COMPILER)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _unpacked(wheel, tmp_path_factory.mktemp("site"))


def _lpuc(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    environment.pop("LPUC_NATIVE", None)
    command = [sys.executable, "-m", "lpuc", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_holds_every_module(wheel: Path):
    sources = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for pattern in ("*.py", "*.toml", "*.c", "*.h", "*.html", "py.typed")
        for path in (ROOT / package).rglob(pattern)
    }
    with zipfile.ZipFile(wheel) as archive:
        assert sources <= set(archive.namelist())


@pytest.mark.skipif(not COMPILES, reason="no C compiler")
def test_a_wheel_of_the_platform(wheel: Path, installed: Path, tmp_path: Path):
    """For every Python 3 of the platform, since its library knows nothing of Python."""
    tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert wheel.name.endswith(f"-py3-none-{tag}.whl")
    done = _lpuc(installed, tmp_path, "--version", "-v")
    assert "products: native, the kernel " in done.stdout, done.stderr


def test_a_wheel_without_a_compiler(pure: Path, tmp_path: Path):
    assert pure.name.endswith("-py3-none-any.whl")
    done = _lpuc(_unpacked(pure, tmp_path / "site"), tmp_path, "--version", "-v")
    assert "products: numpy, since no native library was built" in done.stdout, done.stderr


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
