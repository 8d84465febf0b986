"""The kernel for 64-bit ARM, where a cross compiler and an emulator are: `apt-get install
gcc-aarch64-linux-gnu qemu-user`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from runtime.native.sources import FLAGS, FOLDER, HEADERS, SOURCES

DRIVER = Path(__file__).with_name("agreeing.c")
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, (COMPILER, EMULATOR))), reason="no cross compiler, or no emulator"
)
FAULTS = (
    ("vbslq_f32(vorrq_u32(vcltq_f32(a, b), vmvnq_u32(vceqq_f32(a, a))), a, b)",
     "vbslq_f32(vcltq_f32(a, b), a, b)"),
    ("vshll_n_u16(vld1_u16(at), 16)", "vshll_n_u16(vld1_u16(at), 15)"),
    ("vget_lane_f32(two, 0) + ", ""),
)  # fmt: skip
"""In `neon.c`, what becomes what."""


def ran(folder: Path, sources: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    """The driver with the library in it, on the emulator."""
    program = folder / "agreeing"
    words = [*FLAGS, "-static", "-Wall", "-Wextra", "-Werror", '-DDIGEST="none"', f"-I{sources}"]
    files = [DRIVER, *(sources / name for name in SOURCES)]
    subprocess.run([COMPILER, *words, *files, "-o", program, "-lm"], check=True)
    return subprocess.run([EMULATOR, program], capture_output=True, text=True, check=False)


def test_products_and_passes_are_those_of_the_portable_kernel(tmp_path: Path) -> None:
    done = ran(tmp_path)
    assert (done.returncode, done.stdout) == (0, "neon portable\n"), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), FAULTS)
def test_a_planted_fault_is_noticed(old: str, new: str, tmp_path: Path) -> None:
    for name in (*SOURCES, *HEADERS):
        shutil.copy(FOLDER / name, tmp_path / name)
    text = (FOLDER / "neon.c").read_text("utf-8")
    assert text.count(old) == 1
    (tmp_path / "neon.c").write_text(text.replace(old, new), "utf-8")
    assert "differs" in ran(tmp_path, tmp_path).stdout
