"""Bytes of a file that may be cut or written while they are in use.

    section = FileBytes(descriptor, offset, length)
    section.data
    section.require_unchanged("model.lpu")

Up to `COPIED_BYTES` they are read at once, and what happens to the file is of no interest any more.
More are mapped: copying would take a third of the time of a first token, and twice the memory of a
large model. A mapping shows what is written to the file, and reading behind the end of one that was
cut is a bus error, which ends a process. On Linux, `_on_bus_error` puts zeros there instead, and
whoever used the bytes asks `require_unchanged` before anything that follows from them is believed.
Elsewhere there is no such safety, for files of that size.
"""

import ctypes
import os
import signal
import sys
import weakref
from functools import cache
from mmap import ALLOCATIONGRANULARITY, MAP_PRIVATE, PAGESIZE, PROT_READ, mmap
from typing import Any

import numpy as np

from runtime.errors import Malformed
from runtime.files import fill_from

Array = np.ndarray[Any, np.dtype[Any]]

COPIED_BYTES = 64 << 20
IS_GUARDED = sys.platform == "linux" and sys.maxsize > 1 << 32
_MAP_FIXED, _MAP_ANONYMOUS = 0x10, 0x20
_SA_SIGINFO = 4


class FileBytes:
    """The bytes from an offset of an open file, as they are or were."""

    def __init__(self, descriptor: int, offset: int, length: int) -> None:
        self._descriptor: int | None = None
        if length <= COPIED_BYTES:
            self.data = _copied(descriptor, offset, length)
            return
        self.data = _mapped(descriptor, offset, length)
        self._descriptor = os.dup(descriptor)
        self._stamp = _stamp(descriptor)
        weakref.finalize(self, os.close, self._descriptor)

    def require_unchanged(self, name: str) -> None:
        """Malformed if the file was cut or written since, and its bytes are not copied."""
        if self._descriptor is not None and _stamp(self._descriptor) != self._stamp:
            raise Malformed(f"{name}: was changed while it was in use; run it again")


def _stamp(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return (status.st_size, status.st_mtime_ns)


def _copied(descriptor: int, offset: int, length: int) -> Array:
    data = np.empty(length, np.uint8)
    if not fill_from(descriptor, offset, data):
        raise Malformed("was cut while it was read")
    data.flags.writeable = False
    return data


def _mapped(descriptor: int, offset: int, length: int) -> Array:
    before = offset % ALLOCATIONGRANULARITY
    try:
        pages = mmap(
            descriptor, before + length, flags=MAP_PRIVATE, prot=PROT_READ, offset=offset - before
        )
    except ValueError:
        raise Malformed("was cut while it was read") from None
    data = np.frombuffer(pages, np.uint8)
    if IS_GUARDED:
        _guard(data)
    return data[before:]


_guarded: dict[int, int] = {}
"""Where guarded mappings end, by their address."""


def _guard(data: Array) -> None:
    """From now on, pages of a mapping that its file lacks hold zeros."""
    _install()
    start = data.ctypes.data
    _guarded[start] = start + data.size
    # Views keep alive the array that lies on the mapping, and that the mapping.
    weakref.finalize(data, _guarded.pop, start).atexit = False


class _Action(ctypes.Structure):
    """`struct sigaction`, the same for 64-bit processors in glibc and musl."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ulong * 16),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


class _Info(ctypes.Structure):
    """The beginning of `siginfo_t` of a fault."""

    _fields_ = (("numbers", ctypes.c_int * 4), ("address", ctypes.c_size_t))


_previous = _Action()
_library = ctypes.CDLL(None) if IS_GUARDED else None


def _on_bus_error(number: int, info: Any, _context: Any) -> None:
    """Put zeros where a guarded mapping has lost its file; leave others to whom they belong.

    The signal comes from the very instruction that reads, in a loop of numpy or BLAS, never from
    within Python or its memory, so that Python code can run here. The instruction is repeated then.
    """
    assert _library is not None
    address: int = info.contents.address
    page = address - address % PAGESIZE
    for start, end in _guarded.items():
        if start <= address < end:
            flags = MAP_PRIVATE | _MAP_FIXED | _MAP_ANONYMOUS
            where, size = ctypes.c_void_p(page), ctypes.c_size_t(end - page)
            _library.mmap(where, size, PROT_READ, flags, -1, ctypes.c_size_t(0))
            return
    _library.sigaction(number, ctypes.byref(_previous), None)


_handler = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.POINTER(_Info), ctypes.c_void_p)(
    _on_bus_error
)


@cache
def _install() -> None:
    assert _library is not None
    action = _Action(ctypes.cast(_handler, ctypes.c_void_p), flags=_SA_SIGINFO)
    _library.sigaction(signal.SIGBUS, ctypes.byref(action), ctypes.byref(_previous))
