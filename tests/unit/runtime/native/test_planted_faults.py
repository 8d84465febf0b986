"""What judges kernels notices what somebody might write wrongly in them.

Each fault is a change of one source, from which a library is made by the compiler of the machine.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path

import pytest

from runtime.native.library import Kernel, load
from runtime.native.operands import DOT, OUTER
from runtime.native.sources import FLAGS, FOLDER, HEADERS, LIBRARY, SOURCES
from runtime.numerics.elements import ElementType
from tests.unit.runtime.native import judging
from tests.unit.runtime.native.faults import FAULTS, Fault
from tests.unit.runtime.native.judging import Case
from tests.unit.runtime.native.judging_channels import wrong as wrong_channels
from tests.unit.runtime.native.judging_checksums import wrong as wrong_sums
from tests.unit.runtime.native.judging_passes import wrong as wrong_passes
from tests.unit.runtime.native.judging_requests import wrong as wrong_requests
from tests.unit.runtime.native.judging_sha256 import wrong as wrong_digests
from tests.unit.runtime.native.judging_timing import wrong as wrong_timing
from tests.unit.runtime.native.kernels import needs_library

E = ElementType
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
pytestmark = [
    needs_library,
    pytest.mark.skipif(COMPILER is None, reason="no C compiler"),
    pytest.mark.xdist_group("native faults"),
]
DIGEST = "planted"
PLANTED = ("avx512", "avx2")


INCLUDING = dict.fromkeys(HEADERS, ("avx2.c", "products.c")) | {
    "channels.h": ("channels.c", "following.c", "requests.c"),
    "engines.h": ("engines.c", "messages.c", "panels.c"),
    "granules.h": ("granules.c", "streams.c", "panels.c"),
    "places.h": ("following.c", "requests.c"),
}
"""Who includes a header, as far as what is judged needs it."""
FIRST = {fault.source: fault for fault in reversed(FAULTS)}
ALL = [pytest.param(f, marks=() if f is FIRST[f.source] else pytest.mark.slow) for f in FAULTS]
"""Each takes a compiler: the first of each source are no slow tests."""


def _compiled(source: Path, to: Path) -> Path:
    assert COMPILER is not None
    macro = f'-DDIGEST="{DIGEST}"'
    command = [COMPILER, *FLAGS, "-O0", macro, "-fPIC", "-c", str(source), "-o", str(to)]
    subprocess.run(command, check=True)
    return to


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the sources make as they are."""
    folder = tmp_path_factory.mktemp("objects")
    return {name: _compiled(FOLDER / name, folder / f"{name}.o") for name in SOURCES}


def _reads(source: str, header: str) -> bool:
    """Whether a source is or includes a file, or one of those that it includes does."""
    included = re.findall(r'^#include "(.*)"', (FOLDER / source).read_text("utf-8"), re.MULTILINE)
    return source == header or any(_reads(one, header) for one in included)


def _library(fault: Fault | None, objects: dict[str, Path], folder: Path) -> Path:
    """A library with a fault; of what includes a header, only what the AVX2 kernel needs is new."""
    made = dict(objects)
    if fault is not None:
        for name in (*SOURCES, *HEADERS):
            shutil.copy(FOLDER / name, folder / name)
        text = (FOLDER / fault.source).read_text("utf-8")
        assert text.count(fault.old) == 1, f"{fault.source} has not one {fault.old!r}"
        (folder / fault.source).write_text(text.replace(fault.old, fault.new), "utf-8")
        changed = (fault.source,) if fault.source in SOURCES else INCLUDING[fault.source]
        for name in changed:
            if not _reads(name, fault.source):
                continue
            made[name] = _compiled(folder / name, folder / f"{name}.o")
    path = folder / LIBRARY
    assert COMPILER is not None
    linked = [COMPILER, "-shared", "-pthread", *map(str, made.values()), "-o", str(path)]
    subprocess.run(linked, check=True)
    return path


def _cases() -> Iterator[Case]:
    """Blocks and what is left of them, in every way that operands lie and are filled."""
    for seed, kind in enumerate(judging.KINDS):
        between = 150 if seed % 2 else 2
        for form in (DOT, OUTER):
            for element, x_element in ((E.F32, E.F32), (E.F16, E.BF16), (E.BF16, E.F16)):
                for rows, depth, columns in ((1, 53, 13), (2, 300, 5), (7, 21, 50), (6, 530, 7)):
                    yield Case(
                        2, rows, depth, columns, form, element, x_element, (1, between, 0),
                        apart=bool(seed % 2), kind=kind, seed=seed,
                    )  # fmt: skip


SHARE = 5
"""Of the cases one in so many is asked where all would be right: of each kind and form some."""


Judge = Callable[[Kernel], str]
WHOLE: dict[Judge, tuple[str, ...]] = {
    wrong_passes: ("passes.h",),
    wrong_digests: ("sha256.c",),
    wrong_sums: ("checksums.c",),
    wrong_channels: ("channels.c", "channels.h", "following.c", "places.h"),
    wrong_requests: ("requests.c",),
    wrong_timing: (
        "engines.c",
        "engines.h",
        "granules.c",
        "granules.h",
        "messages.c",
        "panels.c",
        "streams.c",
        "streams.h",
        "times.h",
    ),
    judging.every_half: (),
    judging.misses_pieces: (),
}
"""Who judges all of something at once, and the sources of that."""


def _found(kernel: Kernel, source: str = "", share: int = 1) -> str:
    """The first thing that is wrong with a kernel; whose the faulty source is, is asked first."""
    own = [judge for judge, sources in WHOLE.items() if source in sources]
    checks = (judging.wrong, judging.depends, judging.rounds_badly)
    cases = islice(_cases(), 0, None, share)
    found = (check(kernel, case) for case in cases for check in checks)
    parts = (judge(kernel) for judge in own), found, (judge(kernel) for judge in WHOLE)
    return next(filter(None, chain(*parts)), "")


def test_nothing_is_wrong_without_a_fault(objects: dict[str, Path], tmp_path: Path) -> None:
    """Of the kernels that faults are planted into."""
    kernels = load(_library(None, objects, tmp_path), DIGEST)
    judged = [kernel for kernel in kernels if kernel.name in PLANTED]
    assert not any(_found(kernel, share=SHARE) for kernel in judged)
    if not judged:
        pytest.skip("none of them here")


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.what)
def test_a_planted_fault_is_noticed(fault: Fault, objects: dict[str, Path], tmp_path: Path) -> None:
    name = PLANTED[fault.source != "avx512.c"]
    kernels = {k.name: k for k in load(_library(fault, objects, tmp_path), DIGEST)}
    if name not in kernels:
        pytest.skip(f"no {name} here")
    assert _found(kernels[name], fault.source)
