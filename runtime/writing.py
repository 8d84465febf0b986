"""Writing a program file: beside its place, synced, renamed; parameters stream through."""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from runtime.container import (
    BLOCK_BYTES,
    CRITICAL,
    NO_DIGEST,
    Kind,
    Section,
    align,
    digest,
    header_bytes,
    pack_header,
)
from runtime.errors import Invalid
from runtime.isa.spec import ISA_VERSION

Piece = tuple[int, object]


class _ParamWriter:
    """Writes parameter bytes in order and keeps the digests of their blocks."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file
        self.size = size
        self.at = 0
        self.digests: list[bytes] = []
        self.block = hashlib.sha256()

    def write(self, data: memoryview) -> None:
        """Append bytes."""
        if self.at + len(data) > self.size:
            raise Invalid(f"parameters exceed the {self.size} bytes of the interface")
        while len(data):
            room = BLOCK_BYTES - self.at % BLOCK_BYTES
            part = data[:room]
            self.file.write(part)
            self.block.update(part)
            self.at += len(part)
            data = data[room:]
            if self.at % BLOCK_BYTES == 0:
                self._close_block()

    def pad(self, end: int) -> None:
        """Append zeros up to `end`."""
        if end < self.at:
            raise Invalid(f"parameter pieces overlap at {end}, {self.at} bytes are written")
        zeros = memoryview(bytes(BLOCK_BYTES))
        while self.at < end:
            self.write(zeros[: min(BLOCK_BYTES, end - self.at)])

    def finish(self) -> bytes:
        """Fill up, and give the digests of all blocks."""
        self.pad(self.size)
        if self.at % BLOCK_BYTES:
            self._close_block()
        return b"".join(self.digests)

    def _close_block(self) -> None:
        self.digests.append(self.block.digest())
        self.block = hashlib.sha256()


def _as_bytes(piece: Any) -> memoryview:
    """The bytes of a buffer or of an array of any element type."""
    if isinstance(piece, np.ndarray):
        array = cast(np.ndarray[Any, Any], piece)
        flat: Any = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        return memoryview(flat)
    return memoryview(piece).cast("B")


def digest_count(params_size: int) -> int:
    """Number of blocks of a parameter section."""
    return -(-params_size // BLOCK_BYTES)


def write_file(
    path: Path, small: dict[Kind, bytes], params_size: int, pieces: Iterable[Piece]
) -> None:
    """Write sections `small` and streamed parameters to `path`, all or nothing."""
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
    file: BinaryIO, small: dict[Kind, bytes], params_size: int, pieces: Iterable[Piece]
) -> None:
    lengths = {kind: len(data) for kind, data in small.items()}
    lengths |= {Kind.PARAMDIGEST: 32 * digest_count(params_size), Kind.PARAMS: params_size}
    offsets: dict[Kind, int] = {}
    at = header_bytes(len(lengths))
    for kind, length in lengths.items():
        offsets[kind] = align(at)
        at = offsets[kind] + length
    file.truncate(at)
    file.seek(offsets[Kind.PARAMS])
    writer = _ParamWriter(file, params_size)
    for offset, piece in pieces:
        writer.pad(offset)
        writer.write(_as_bytes(piece))
    contents = small | {Kind.PARAMDIGEST: writer.finish()}
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


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
