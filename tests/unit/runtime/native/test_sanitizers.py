"""The sources of the library under sanitizers: no byte beside an operand, no race, no overflow."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from runtime.native.sources import FLAGS, FOLDER, SOURCES

DRIVER = Path(__file__).with_name("sanitized.c")
SANITIZERS = ("thread", "address,undefined")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler"),
]


def built(folder: Path, sanitizer: str) -> Path:
    """The driver with the library in it."""
    program = folder / "sanitized"
    words = [*FLAGS, "-O1", "-g", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"]
    words += ['-DDIGEST="none"', f"-I{FOLDER}", "-Wl,--wrap=pthread_attr_setstacksize"]
    sources = [DRIVER, *(FOLDER / name for name in SOURCES)]
    subprocess.run(["cc", *words, *sources, "-o", program, "-lm"], check=True)
    return program


@pytest.mark.parametrize("sanitizer", SANITIZERS)
def test_products_on_threads_under_a_sanitizer(sanitizer: str, tmp_path: Path) -> None:
    program = built(tmp_path, sanitizer)
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
