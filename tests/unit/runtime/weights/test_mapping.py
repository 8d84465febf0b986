"""A program file may be cut or written while it runs: that is an error or without effect."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runtime.errors import Malformed
from runtime.weights import mapping
from runtime.weights.mapping import FileBytes

ROOT = Path(__file__).parents[4]
SIZE = 1 << 20

HEAD = f"""
import faulthandler, mmap, os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
import numpy as np
from runtime.errors import Malformed
from runtime.weights import mapping
mapping.COPIED_BYTES = 0
file = os.open("f", os.O_RDWR)
def opened(): return mapping.FileBytes(file, 100, {SIZE} - 100)
"""


def _python(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    np.ones(SIZE, np.uint8).tofile(folder / "f")
    command = [sys.executable, "-c", HEAD + code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


CUT = """
stored = opened()
before = stored.data.sum()
stored.require_unchanged("f")
os.truncate(file, 5000)
%s
print(before, stored.data[:4900].sum(), stored.data[-1])
try:
    stored.require_unchanged("f")
except Malformed as error:
    print(error)
"""
READS = {
    "a sum": "stored.data.sum()",
    "a product": "np.ones(99, np.float32) @ stored.data[4900:44500].view('f4').reshape(99, -1)",
    "a copy": "bytearray(stored.data)",
    "another thread": """
import threading
thread = threading.Thread(target=stored.data.sum)
thread.start()
thread.join()
""",
}


@pytest.mark.skipif(not mapping.IS_GUARDED, reason="elsewhere a bus error ends the process")
@pytest.mark.parametrize("read", READS)
def test_a_file_that_is_cut_reads_as_zeros_and_is_refused(tmp_path: Path, read: str):
    done = _python(tmp_path, CUT % READS[read])
    assert (done.returncode, done.stderr) == (0, "")
    *_, numbers, message = done.stdout.splitlines()
    assert numbers == f"{SIZE - 100} 4900 0"
    assert message == "f: was changed while it was in use; run it again"


FOREIGN = """
%s
other = mmap.mmap(file, 0, prot=mmap.PROT_READ)
os.truncate(file, 0)
other[8000]
"""


@pytest.mark.parametrize(
    "before",
    [
        "stored = opened()",
        "opened()",
        "stored = opened(); faulthandler.enable()",
        "faulthandler.enable(); stored = opened()",
    ],
)
def test_other_bus_errors_are_none_of_ours(tmp_path: Path, before: str):
    """They do what they did before: here, end the process."""
    done = _python(tmp_path, FOREIGN % before)
    assert done.returncode < 0
    assert "Bus error" in done.stderr or "faulthandler" not in before


def _file(folder: Path) -> Path:
    np.arange(SIZE, dtype=np.uint8).tofile(folder / "f")
    return folder / "f"


def test_small_sections_are_copied(tmp_path: Path):
    """What happens to the file afterwards has no effect."""
    path = _file(tmp_path)
    with path.open("r+b") as file:
        stored = FileBytes(file.fileno(), 3, 1000)
        file.write(bytes(SIZE))
        file.truncate(5)
    np.testing.assert_array_equal(stored.data, np.arange(3, 1003, dtype=np.int64).astype(np.uint8))
    stored.require_unchanged("f")


def test_large_sections_are_mapped_and_changes_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mapping, "COPIED_BYTES", 999)
    path = _file(tmp_path)
    with path.open("r+b") as file:
        stored = FileBytes(file.fileno(), 4097, 1000)
        np.testing.assert_array_equal(stored.data[:3], [1, 2, 3])
        path.rename(tmp_path / "g")
        stored.require_unchanged("f")
        file.write(b"x")
    with pytest.raises(Malformed, match="f: was changed while it was in use"):
        stored.require_unchanged("f")


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_a_file_that_is_too_short_already(
    tmp_path: Path, limit: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mapping, "COPIED_BYTES", limit)
    with _file(tmp_path).open("rb") as file, pytest.raises(Malformed, match="was cut while"):
        FileBytes(file.fileno(), SIZE - 5, 6)


def test_mappings_that_are_gone_hold_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mapping, "COPIED_BYTES", 0)
    gc.freeze()  # what other tests have left need not be searched
    others = len(mapping._guarded)  # pyright: ignore[reportPrivateUsage]
    descriptors = len(os.listdir("/proc/self/fd")) if mapping.IS_GUARDED else 0
    for _ in range(3):
        with _file(tmp_path).open("rb") as file:
            stored = FileBytes(file.fileno(), 0, SIZE)
        view = np.ndarray(10, np.uint8, stored.data.data, 5)
        del stored
        gc.collect()
        held = len(mapping._guarded) - others  # pyright: ignore[reportPrivateUsage]
        assert held == mapping.IS_GUARDED
        del view
        gc.collect()
    if mapping.IS_GUARDED:
        assert len(mapping._guarded) == others  # pyright: ignore[reportPrivateUsage]
        assert len(os.listdir("/proc/self/fd")) <= descriptors
