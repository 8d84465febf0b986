"""The files that recipes name: opened once each, read without mapping them, summed up."""

import errno
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

import numpy as np

from runtime.errors import Malformed, Unlinked
from runtime.files import OPEN, fill_from, irregular, note
from runtime.weights.buffers import Buffers
from runtime.weights.checksums import SUM_BYTES, part_sums

Array = np.ndarray[Any, np.dtype[Any]]
Span = tuple[int, int]

OPEN_FILES = 64
"""Descriptors that are held at once; some models have a file for each tensor."""
BLOCK_BYTES = 4 << 20
"""Bytes of a block with a checksum."""
TASK_BYTES = 8 * BLOCK_BYTES
"""What a thread sums up before it asks what is next, which takes Python's lock."""
THREADS = 4


class Closing(ABC):
    """A context that closes itself."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()


class SourceFiles(Closing):
    """Files below a folder, and memory to read them into; a context, which closes them.

    `buffers` are for what is given out, `scratch` for what is read on the way.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.buffers = Buffers()
        self.scratch = Buffers()
        self._descriptors: dict[str, int] = {}

    def close(self) -> None:
        """Close all files."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()

    def read_into(self, path: str, offset: int, out: Array) -> None:
        """Fill a contiguous array with the bytes at an offset of a file."""
        descriptor = self._descriptors.get(path)
        if descriptor is None:
            descriptor = self._opened(path)
        flat: Any = out.reshape(-1).view(np.uint8)
        if not fill_from(descriptor, offset, flat):
            raise Malformed(f"{self.folder / path}: ends before the weight does")

    def _opened(self, path: str) -> int:
        if len(self._descriptors) >= OPEN_FILES:
            os.close(self._descriptors.pop(next(iter(self._descriptors))))
        descriptor = self.open(path)
        self._descriptors[path] = descriptor
        return descriptor

    def open(self, path: str) -> int:
        """A descriptor of a file whose path was checked before."""
        return self.regular(os.open(self.folder / path, OPEN), path)

    def regular(self, descriptor: int, path: str) -> int:
        """The descriptor; a pipe or a device is refused, and was never waited for."""
        if kind := irregular(os.fstat(descriptor)):
            os.close(descriptor)
            raise Unlinked(f"{path}: is {kind}, not a regular file")
        note(self.folder / path)
        return descriptor


class ContainedFiles(SourceFiles):
    """Files whose paths come from a program: relative to the folder and below it, or absolute.

    No link is followed on the way, and a file has one name only.
    """

    def open(self, path: str) -> int:
        """A descriptor of a file; Unlinked says why it cannot be used."""
        try:
            descriptor = self.regular(open_below(self.folder, path), path)
        except OSError as error:
            is_link = error.errno in (errno.ELOOP, errno.ENOTDIR)
            reason = "lies behind a link" if is_link else error.strerror
            place = "" if path.startswith("/") else f"; weights belong in {self.folder}"
            raise Unlinked(f"{path}: {reason}{place}") from None
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


def is_plain(path: str) -> bool:
    """Whether a path names a file without detours: below its start, or from the root."""
    parts = PurePosixPath(path).parts
    plain = str(PurePosixPath(path)) == path and "\0" not in path
    return plain and bool(parts) and ".." not in parts and path != "/"


def open_below(folder: Path, path: str) -> int:
    """Open a file under a folder, or from the root, following no link on the way."""
    start = "/" if path.startswith("/") else folder
    descriptor = os.open(start, OPEN | os.O_DIRECTORY)
    *folders, last = path.lstrip("/").split("/")
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


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch or overlap as one."""
    result: list[Span] = []
    for start, stop in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(stop, result[-1][1]))
        elif start < stop:
            result.append((start, stop))
    return result


def parts_of(spans: Iterable[Span]) -> list[Span]:
    """The bytes of some ranges of a file, cut into blocks where the file offset is a multiple."""
    cuts: list[Span] = []
    for start, stop in merged(spans):
        inner = range(start - start % BLOCK_BYTES + BLOCK_BYTES, stop, BLOCK_BYTES)
        cuts += zip((start, *inner), (*inner, stop), strict=True)
    return cuts


def part_count(spans: Iterable[Span]) -> int:
    """The number of those parts, which is not limited by what exists."""
    return sum(-(-stop // BLOCK_BYTES) - start // BLOCK_BYTES for start, stop in merged(spans))


class Sums(Closing):
    """Checksums of ranges of files, made by threads, as many as cores; a context, which ends them.

    The checksums of some ranges are those of their `parts_of`. `begin` makes some ahead of `of`,
    which makes only what is missing: a file that was written meanwhile has another time stamp, and
    counts as new.
    """

    def __init__(self, threads: int | None = None) -> None:
        cores = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(min(THREADS, threads or cores))
        self._files: dict[tuple[int, ...], int] = {}
        self._made: dict[tuple[int, ...], tuple[Future[bytes], int]] = {}
        """By file and part the checksums of a task, and where among them that of the part is."""

    def close(self) -> None:
        """Drop what is not begun."""
        self._pool.shutdown(cancel_futures=True)
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()

    def begin(self, path: Path, spans: Iterable[Span]) -> None:
        """Make the checksums of a file that may be wanted later; one that is none is no error."""
        try:
            descriptor = os.open(path, OPEN)
        except OSError:
            return
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                self._futures(descriptor, spans)
        finally:
            os.close(descriptor)

    def of(self, descriptor: int, spans: Iterable[Span]) -> bytes:
        """The checksums of some ranges of a file, one behind the other."""
        made = self._futures(descriptor, spans)
        return b"".join(future.result()[at : at + SUM_BYTES] for future, at in made)

    def _futures(
        self, descriptor: int, spans: Iterable[Span]
    ) -> Sequence[tuple[Future[bytes], int]]:
        status = os.fstat(descriptor)
        file = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if file not in self._files:
            self._files[file] = os.dup(descriptor)
        parts = parts_of(spans)
        for task in _tasks([part for part in parts if (*file, *part) not in self._made]):
            future = self._pool.submit(_sum_parts, self._files[file], task)
            places = range(0, len(task) * SUM_BYTES, SUM_BYTES)
            self._made.update(
                ((*file, *part), (future, at)) for part, at in zip(task, places, strict=True)
            )
        return [self._made[*file, *part] for part in parts]


def _tasks(parts: Iterable[Span]) -> Iterator[list[Span]]:
    """Parts that one thread sums up, one after the other."""
    task, left = list[Span](), TASK_BYTES
    for start, stop in parts:
        if task and stop - start > left:
            yield task
            task, left = [], TASK_BYTES
        task.append((start, stop))
        left -= stop - start
    if task:
        yield task


def _sum_parts(descriptor: int, parts: Sequence[Span]) -> bytes:
    """The checksums of parts of a file."""
    try:
        return part_sums(descriptor, parts)
    except EOFError:
        raise Malformed("a file of weights became shorter while it was read") from None
