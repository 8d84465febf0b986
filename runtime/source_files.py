"""The files that recipes name: opened once each, read without mapping them, digested."""

import errno
import hashlib
import os
import stat
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

import numpy as np

from runtime.buffers import Buffers
from runtime.errors import Malformed, Unlinked

Array = np.ndarray[Any, np.dtype[Any]]
Span = tuple[int, int]

OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
OPEN_FILES = 64
"""Descriptors that are held at once; some models have a file for each tensor."""
BLOCK_BYTES = 1 << 20
BLOCKS_AT_ONCE = 8
DIGEST_THREADS = 4


class SourceFiles:
    """Files below a folder, and memory to read them into; a context, which closes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.buffers = Buffers()
        self._descriptors: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()

    def read_into(self, path: str, offset: int, out: Array) -> None:
        """Fill a contiguous array with the bytes at an offset of a file."""
        descriptor = self._descriptors.get(path)
        if descriptor is None:
            descriptor = self._opened(path)
        flat: Any = out.reshape(-1).view(np.uint8)
        view = memoryview(flat)
        while len(view):
            count = os.preadv(descriptor, [view], offset)
            if not count:
                raise Malformed(f"{self.folder / path}: ends before the weight does")
            view, offset = view[count:], offset + count

    def _opened(self, path: str) -> int:
        if len(self._descriptors) >= OPEN_FILES:
            os.close(self._descriptors.pop(next(iter(self._descriptors))))
        descriptor = self.open(path)
        self._descriptors[path] = descriptor
        return descriptor

    def open(self, path: str) -> int:
        """A descriptor of a file whose path was checked before."""
        return _regular(os.open(self.folder / path, OPEN), path)


class ContainedFiles(SourceFiles):
    """Files whose paths come from a program: below the folder, no links on the way, one name."""

    def open(self, path: str) -> int:
        """A descriptor of a file; Unlinked says why it cannot be used."""
        try:
            descriptor = _regular(_open_below(self.folder, path), path)
        except OSError as error:
            is_link = error.errno in (errno.ELOOP, errno.ENOTDIR)
            reason = "lies behind a link" if is_link else error.strerror
            raise Unlinked(f"{path}: {reason}; weights belong in {self.folder}") from None
        if os.fstat(descriptor).st_nlink > 1:
            os.close(descriptor)
            raise Unlinked(f"{path}: has several hard links; copy it")
        return descriptor

    @contextmanager
    def opened(self, path: str) -> Generator[int]:
        """The descriptor of a file, for as long as the context lasts."""
        descriptor = self.open(path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def is_contained(path: str) -> bool:
    """Whether a path is relative, plain, and leads to what lies below its start."""
    parts = PurePosixPath(path).parts
    plain = str(PurePosixPath(path)) == path and "\0" not in path
    return plain and bool(parts) and not path.startswith("/") and ".." not in parts


def _open_below(folder: Path, path: str) -> int:
    """Open a file under a folder, following no link on the way."""
    descriptor = os.open(folder, OPEN | os.O_DIRECTORY)
    *folders, last = path.split("/")
    for part in folders:
        parent = descriptor
        try:
            descriptor = os.open(part, OPEN | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        finally:
            os.close(parent)
    try:
        return os.open(last, OPEN | os.O_NOFOLLOW, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def _regular(descriptor: int, path: str) -> int:
    """The descriptor; a pipe or a device is refused, and was never waited for."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unlinked(f"{path}: is not a regular file")
    return descriptor


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch or overlap as one."""
    result: list[Span] = []
    for start, stop in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(stop, result[-1][1]))
        elif start < stop:
            result.append((start, stop))
    return result


def digest_of(descriptor: int, spans: Iterable[Span]) -> str:
    """SHA-256, as hex digits, over the SHA-256 of each block of the merged spans of a file."""
    step = BLOCK_BYTES * BLOCKS_AT_ONCE
    parts: list[Span] = [
        (at, min(at + step, stop))
        for start, stop in merged(spans)
        for at in range(start, stop, step)
    ]
    whole = hashlib.sha256()
    with ThreadPoolExecutor(min(DIGEST_THREADS, os.cpu_count() or 1)) as pool:
        for digests in pool.map(partial(_block_digests, descriptor), parts):
            whole.update(digests)
    return whole.hexdigest()


def _block_digests(descriptor: int, span: Span) -> bytes:
    start, stop = span
    digests: list[bytes] = []
    block = memoryview(bytearray(BLOCK_BYTES))
    for at in range(start, stop, BLOCK_BYTES):
        size = min(BLOCK_BYTES, stop - at)
        if os.preadv(descriptor, [block[:size]], at) != size:
            raise Malformed("a file of weights became shorter while it was read")
        digests.append(hashlib.sha256(block[:size]).digest())
    return b"".join(digests)
