"""The library, if it can be used: it lies beside its sources, was made from them, passes a trial.

    kernel, why = serving()         # kernel is None where numpy has to do, and why says so

The environment variable LPUC_NATIVE names the kernel that serves instead of the fastest one; 0
stands for none.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from runtime.native.sources import FOLDER, LIBRARY, digest

SWITCH = "LPUC_NATIVE"
OFF = "0"
THREADS = "OMP_NUM_THREADS"

Multiply = Callable[[int, Any, Any, int, int], None]
"""Kernel, panel, rows and scratch, by address or `byref`, and the number of threads."""
Passes = Callable[[int, bytes, int], None]
"""Kernel by address, records of passes, and their number."""


class Unusable(Exception):
    """The library cannot be used; the message completes "since"."""


@dataclass(frozen=True)
class Kernel:
    """One kernel of a library; `multiply` and `passes` take its address first."""

    name: str
    address: int
    multiply: Multiply
    passes: Passes
    library: ctypes.CDLL
    """What it is one of; calls of its functions let other threads go on."""


class Serving(NamedTuple):
    """The kernel that serves, or None, and in words what serves and why."""

    kernel: Kernel | None
    why: str


def load(path: Path, expected: str) -> list[Kernel]:
    """The kernels of a library that run on this machine, the fastest first.

    `expected` is the digest of its sources. Raises `Unusable`.
    """
    if not path.exists():
        raise Unusable("no native library was built")
    try:
        library, short = ctypes.CDLL(str(path)), ctypes.PyDLL(str(path))
    except OSError as error:
        raise Unusable(f"the native library does not load: {error}") from None
    try:
        return list(_kernels(library, short, expected))
    except AttributeError:
        raise Unusable(f"{path.name} is no library of products") from None


def _kernels(library: ctypes.CDLL, short: ctypes.PyDLL, expected: str) -> Iterator[Kernel]:
    """The kernels; `short` is the library for calls that are not worth letting other threads on."""
    library.lpuc_digest.restype = library.lpuc_name.restype = ctypes.c_char_p
    if library.lpuc_digest().decode() != expected:
        raise Unusable("the native library was built from other sources")
    library.lpuc_name.argtypes = [ctypes.c_void_p]
    library.lpuc_kernel.restype = ctypes.c_void_p
    multiply = library.lpuc_multiply
    multiply.restype = None
    multiply.argtypes = [*[ctypes.c_void_p] * 4, ctypes.c_int]
    passes = short.lpuc_passes
    passes.restype = None
    passes.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int64]
    index = 0
    while address := library.lpuc_kernel(index):
        name = library.lpuc_name(address).decode()
        yield Kernel(name, address, multiply, passes, library)
        index += 1


@cache
def serving() -> Serving:
    """What serves products in this process."""
    switch = os.environ.get(SWITCH, "")
    if switch == OFF:
        return Serving(None, f"numpy, since {SWITCH} is {OFF}")
    try:
        kernel = _chosen(load(FOLDER / LIBRARY, digest()), switch)
    except Unusable as reason:
        return Serving(None, f"numpy, since {reason}")
    return Serving(kernel, f"native, the kernel {kernel.name}")


def _chosen(kernels: list[Kernel], name: str) -> Kernel:
    from runtime.native.trial import fails

    found = [kernel for kernel in kernels if not name or kernel.name == name]
    if not found:
        names = ", ".join(kernel.name for kernel in kernels)
        raise Unusable(f"{SWITCH} is {name}, and the kernels here are {names}")
    if fails(found[0]):
        raise Unusable(f"the native kernel {found[0].name} gives wrong numbers")
    return found[0]


def threads() -> int:
    """How many threads multiply: as many as OMP_NUM_THREADS asks for, one where it does not."""
    asked = os.environ.get(THREADS, "")
    return max(1, int(asked)) if asked.isdecimal() else 1
