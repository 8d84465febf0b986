"""Writing a program file: beside its place, synced, renamed; parameters stream through.

Making, digesting, writing and flushing parameters overlap.
"""

import hashlib
import os
import tempfile
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from runtime.errors import Invalid
from runtime.isa.spec import ISA_VERSION
from runtime.program.container import (
    CRITICAL,
    NO_DIGEST,
    Kind,
    Section,
    align,
    check_length,
    digest,
    header_bytes,
    pack_header,
)
from runtime.weights.checksums import SUM_BYTES, BlockSums
from runtime.weights.image import BLOCK_BYTES, DIGEST_BYTES, block_count

Piece = tuple[int, object]

HELD_BYTES = 32 << 20
"""Bytes that wait to be digested, and to be written, at most."""
FLUSH_BYTES = 64 << 20
"""After so many bytes the disk begins with them, so that the last flush has little left to do."""


class _ParamWriter:
    """Writes parameter bytes in order and keeps what tells damaged blocks: digests and checksums.

    The caller makes pieces, one thread digests them and one writes them. Both work outside of
    Python's lock, so three things happen at once; they hold at most `HELD_BYTES` and a piece.
    """

    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self.descriptor = descriptor
        self.start = start
        self.size = size
        self.at = 0
        self.digests: list[bytes] = []
        self.sums = BlockSums(BLOCK_BYTES)
        self.block = hashlib.sha256()
        self.filled = 0
        self.flushed = start
        self.digesting, self.storing = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self.pending: deque[tuple[int, Future[None]]] = deque()
        self.held = 0

    def close(self) -> None:
        """End the threads; what they have not begun is dropped."""
        for pool in (self.digesting, self.storing):
            pool.shutdown(cancel_futures=True)

    def write(self, data: memoryview) -> None:
        """Append bytes, which may not change until `finish` returns."""
        if self.at + len(data) > self.size:
            raise Invalid(f"parameters exceed the {self.size} bytes of the interface")
        self._submit(self.digesting.submit(self._digest, data), len(data))
        self._submit(self.storing.submit(self._store, data, self.start + self.at), len(data))
        self.at += len(data)

    def pad(self, end: int) -> None:
        """Append zeros up to `end`, which the file has there already."""
        if end < self.at:
            raise Invalid(f"parameter pieces overlap at {end}, {self.at} bytes are written")
        zeros = memoryview(bytes(min(BLOCK_BYTES, end - self.at)))
        while self.at < end:
            part = zeros[: end - self.at]
            self._submit(self.digesting.submit(self._digest, part), len(part))
            self.at += len(part)

    def finish(self) -> dict[Kind, bytes]:
        """Fill up, and give the sections of digests and checksums."""
        self.pad(self.size)
        self._wait(0)
        if self.filled:
            self._close_block()
        return {Kind.PARAMDIGEST: b"".join(self.digests), Kind.PARAMSUMS: self.sums.finish()}

    def _submit(self, work: Future[None], size: int) -> None:
        self.pending.append((size, work))
        self.held += size
        self._wait(2 * HELD_BYTES)

    def _wait(self, limit: int) -> None:
        """Until at most `limit` bytes are waiting to be digested or written."""
        while self.pending and self.held > limit:
            size, work = self.pending.popleft()
            work.result()
            self.held -= size

    def _store(self, data: memoryview, at: int) -> None:
        while len(data):
            count = os.pwrite(self.descriptor, data[:FLUSH_BYTES], at)
            data, at = data[count:], at + count
            if at - self.flushed >= FLUSH_BYTES:
                _start_writing(self.descriptor, self.flushed, at)
                self.flushed = at

    def _digest(self, data: memoryview) -> None:
        self.sums.update(data)
        while len(data):
            part = data[: BLOCK_BYTES - self.filled]
            self.block.update(part)
            self.filled += len(part)
            data = data[len(part) :]
            if self.filled == BLOCK_BYTES:
                self._close_block()

    def _close_block(self) -> None:
        self.digests.append(self.block.digest())
        self.block = hashlib.sha256()
        self.filled = 0


def _start_writing(descriptor: int, start: int, stop: int) -> None:
    """Have the disk begin with a range; pages that are not on it yet stay in memory."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, start, stop - start, os.POSIX_FADV_DONTNEED)


def _as_bytes(piece: Any) -> memoryview:
    """The bytes of a buffer or of an array of any element type."""
    if isinstance(piece, np.ndarray):
        array = cast(np.ndarray[Any, Any], piece)
        flat: Any = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        return memoryview(flat)
    return memoryview(piece).cast("B")


def write_file(
    path: Path, small: dict[Kind, bytes], params_size: int, pieces: Iterable[Piece] | None
) -> None:
    """Write sections `small` and streamed parameters, if any, to `path`, all or nothing."""
    for kind, data in small.items():
        check_length(kind, len(data))
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            _write_sections(file, small, params_size, pieces)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _write_sections(
    file: BinaryIO, small: dict[Kind, bytes], params_size: int, pieces: Iterable[Piece] | None
) -> None:
    lengths = {kind: len(data) for kind, data in small.items()}
    if pieces is not None:
        count = block_count(params_size)
        lengths |= {Kind.PARAMDIGEST: DIGEST_BYTES * count, Kind.PARAMSUMS: SUM_BYTES * count}
        lengths |= {Kind.PARAMS: params_size}
    offsets: dict[Kind, int] = {}
    at = header_bytes(len(lengths))
    for kind, length in lengths.items():
        offsets[kind] = align(at)
        at = offsets[kind] + length
    file.truncate(at)
    contents = dict(small)
    if pieces is not None:
        start = offsets[Kind.PARAMS]
        contents |= _write_params(file.fileno(), start, params_size, pieces)
    sections = [
        Section(
            kind, CRITICAL, offsets[kind], length,
            digest(contents[kind]) if kind in contents else NO_DIGEST,
        )
        for kind, length in lengths.items()
    ]  # fmt: skip
    for kind, data in contents.items():
        file.seek(offsets[kind])
        file.write(data)
    file.seek(0)
    file.write(pack_header(sections, ISA_VERSION, at))


def _write_params(
    descriptor: int, start: int, size: int, pieces: Iterable[Piece]
) -> dict[Kind, bytes]:
    """Write the pieces, and give the sections that tell whether they are as they were."""
    with closing(_ParamWriter(descriptor, start, size)) as writer:
        for offset, piece in pieces:
            writer.pad(offset)
            writer.write(_as_bytes(piece))
        return writer.finish()


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
