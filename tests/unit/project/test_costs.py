"""A test that takes more of a processor than it may fails where costs are looked at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import costs

CONFTEST = """
from tests import costs
costs.LIMIT = 0.1
costs.CROWDED = 1.5
pytest_addoption, pytest_configure = costs.add_option, costs.register
"""
TESTS = """
import subprocess, sys, time
import pytest

def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass

@pytest.fixture
def dear():
    burn(0.2)

def test_quick(): pass
def test_asleep(): time.sleep(0.4)
def test_slow(): burn(0.2)
def test_asks(dear): pass
@pytest.mark.costs(10)
def test_may(): burn(0.2)
def test_starts_another():
    code = "import time\\nwhile time.process_time() < 0.2: pass"
    subprocess.run([sys.executable, "-c", code], check=True)
"""
ROOT = Path(costs.__file__).parents[1]


def run(folder: Path, *options: str, ci: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_few.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rf", *options]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("options", [[], ["-p", "xdist", "-n", "1"]], ids=["here", "xdist"])
def test_in_ci_what_takes_too_long_fails_and_is_named(options: list[str], tmp_path: Path):
    done = run(tmp_path, *options, ci="true")
    failed = {
        line.split()[1].partition("::")[2]
        for line in done.stdout.split("\n")
        if line[:7] == "FAILED "
    }
    assert failed == {"test_slow", "test_asks", "test_starts_another"}, done.stdout
    assert "s of a processor; 0.1 s is the most" in done.stdout
    head, files = done.stdout.split(" s of a processor, most of it in ")
    total = float(head.split()[-1])
    assert 0.8 < total < 20
    assert files.split("\n")[1].split()[1:] == ["s", "test_few.py"]
    assert done.returncode == 1


def test_elsewhere_nobody_looks(tmp_path: Path):
    done = run(tmp_path, "-k", "slow", ci="")
    assert done.returncode == 0, done.stdout
    assert "of a processor" not in done.stdout
