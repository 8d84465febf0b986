"""A library that cannot be used is left alone, and why is said; one that can serves."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.native import library, sources
from runtime.native.library import OFF, SWITCH, Unusable, load, serving
from runtime.native.sources import FOLDER, LIBRARY, digest
from tests.unit.runtime.native.kernels import KERNELS, needs_library

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test asks anew."""
    monkeypatch.delenv(SWITCH, raising=False)
    serving.cache_clear()
    yield
    serving.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sources, and of the library, where it is looked for."""
    copy = tmp_path / "native"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(library, "FOLDER", copy)
    monkeypatch.setattr(library, "digest", lambda: digest(copy))
    return copy


def _why() -> str:
    kernel, why = serving()
    assert kernel is None
    return why


@needs_library
def test_the_fastest_kernel_serves() -> None:
    kernel, why = serving()
    assert kernel is not None
    assert why == f"native, the kernel {KERNELS[0].name}"


@needs_library
def test_a_kernel_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "portable")
    assert serving().why == "native, the kernel portable"


@needs_library
def test_a_kernel_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "altivec")
    assert _why().startswith("numpy, since LPUC_NATIVE is altivec, and the kernels here are ")


def test_numpy_serves_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, OFF)
    assert _why() == "numpy, since LPUC_NATIVE is 0"


def test_no_library(folder: Path) -> None:
    (folder / LIBRARY).unlink(missing_ok=True)
    assert _why() == "numpy, since no native library was built"


@needs_library
@pytest.mark.parametrize("name", [*sources.SOURCES, *sources.HEADERS])
def test_a_library_of_other_sources(folder: Path, name: str) -> None:
    with (folder / name).open("a") as file:
        file.write("\n")
    assert _why() == "numpy, since the native library was built from other sources"


def test_every_source_counts() -> None:
    found = {path.name for pattern in ("*.c", "*.h") for path in FOLDER.glob(pattern)}
    assert found == {*sources.SOURCES, *sources.HEADERS}


def test_a_file_that_is_no_library(folder: Path) -> None:
    (folder / LIBRARY).write_text("not a library")
    assert _why().startswith("numpy, since the native library does not load: ")


def test_a_library_of_something_else() -> None:
    with pytest.raises(Unusable, match="is no library of products"):
        load(Path(_of_numpy()), digest())


def _of_numpy() -> str:
    from numpy.linalg import _umath_linalg

    return str(_umath_linalg.__file__)


@needs_library
def test_a_kernel_that_gives_wrong_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.native.trial.multiply", lambda *_: None)
    assert _why() == f"numpy, since the native kernel {KERNELS[0].name} gives wrong numbers"


@pytest.mark.parametrize(("asked", "count"), [("3", 3), ("0", 1), ("", 1), ("2,1", 1)])
def test_threads_are_those_of_the_environment(
    asked: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert library.threads() == count


FORKING = """
import os, signal
import numpy as np
from runtime.native.library import serving
from runtime.native.trial import multiply
kernel = serving().kernel
x, panel = np.ones((1, 1, 900), np.float32), np.ones((1, 900, 900), np.float32)
out = np.zeros((1, 1, 900), np.float32)
def right(threads):
    out[...] = 0
    multiply(kernel, x, panel, out, threads=threads)
    return bool((out == 900).all())
assert right(4)
child = os.fork()
if not child:
    signal.alarm(20)
    os._exit(0 if right(4) and right(2) else 1)
assert os.waitpid(child, 0)[1] == 0 and right(4)
"""


@needs_library
def test_a_fork_multiplies_on_threads_of_its_own() -> None:
    _run(FORKING)


TOGETHER = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from runtime.native.library import serving
from runtime.native.trial import multiply
kernel = serving().kernel
random = np.random.default_rng(0)
def right(number):
    x = random.integers(-3, 4, (1, 2, 257)).astype(np.float32)
    panel = np.full((1, 257, 500), number, np.float32)
    out = np.zeros((1, 2, 500), np.float32)
    return all(
        multiply(kernel, x, panel, out, threads=3) or (out == number * x.sum(2)[:, :, None]).all()
        for _ in range(100)
    )
with ThreadPoolExecutor(4) as pool:
    assert all(pool.map(right, range(1, 9)))
"""


@needs_library
def test_callers_may_multiply_at_the_same_time() -> None:
    _run(TOGETHER)


def _run(program: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop(SWITCH, None)
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
