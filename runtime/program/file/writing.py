"""Writing a program file: beside its place, synced, renamed; parameters stream through.

Making, digesting, writing and flushing parameters overlap.
"""

import os
import tempfile
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from runtime.errors import Invalid
from runtime.isa.spec import ISA_VERSION
from runtime.native.sha256 import block_hashes
from runtime.program.file.container import (
    CRITICAL,
    NO_DIGEST,
    Kind,
    Section,
    check_length,
    digest,
    header_bytes,
    pack_header,
    placed,
)
from runtime.program.file.storing import Store
from runtime.weights.checksums import SUM_BYTES, BlockSums
from runtime.weights.image import BLOCK_BYTES, DIGEST_BYTES, block_count

Piece = tuple[int, Sequence[object]]
"""An address, and what lies there: a buffer for each device, all of one size."""

HELD_BYTES = 32 << 20
"""Bytes that wait to be digested, and to be written, at most."""


class _Signer:
    """Makes what tells damaged blocks: digests and checksums of bytes that come in order."""

    def __init__(self) -> None:
        self.hashes = block_hashes(BLOCK_BYTES)
        self.sums = BlockSums(BLOCK_BYTES)

    def update(self, data: memoryview) -> None:
        """The next bytes."""
        self.hashes.update(data)
        self.sums.update(data)

    def finish(self) -> dict[Kind, bytes]:
        """The sections of digests and checksums."""
        return {Kind.PARAMDIGEST: self.hashes.finish(), Kind.PARAMSUMS: self.sums.finish()}


class _ParamWriter:
    """Writes the parameters of all devices in order of address, each to a section of its own.

    The caller makes pieces, one thread digests them and one writes them. Both work outside of
    Python's lock, so three things happen at once; they hold at most `HELD_BYTES` and a piece.
    """

    def __init__(self, store: Store, starts: Sequence[int], size: int) -> None:
        self.store = store
        self.starts = starts
        self.size = size
        self.at = 0
        self.signers = [_Signer() for _ in starts]
        self.digesting, self.storing = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self.pending: deque[tuple[int, Future[None]]] = deque()
        self.held = 0

    def close(self) -> None:
        """End the threads; what they have not begun is dropped."""
        for pool in (self.digesting, self.storing):
            pool.shutdown(cancel_futures=True)

    def write(self, parts: Sequence[memoryview]) -> None:
        """Append equally many bytes of each device, which may not change until `finish` returns."""
        assert len(parts) == len(self.starts), f"a piece for {len(parts)} devices"
        sizes = set(map(len, parts))
        assert len(sizes) == 1, f"a piece of {sorted(sizes)} bytes"
        end = self.at + sizes.pop()
        if end > self.size:
            raise Invalid(f"parameters exceed the {self.size} bytes of the interface")
        for device, data in enumerate(parts):
            signed = self.digesting.submit(self.signers[device].update, data)
            self._submit(signed, len(data))
            stored = self.storing.submit(self.store.write, data, self.starts[device] + self.at)
            self._submit(stored, len(data))
        self.at = end

    def pad(self, end: int) -> None:
        """Append zeros up to `end`, which the file has there already."""
        if end < self.at:
            raise Invalid(f"parameter pieces overlap at {end}, {self.at} bytes are written")
        zeros = memoryview(bytes(min(BLOCK_BYTES, end - self.at)))
        while self.at < end:
            part = zeros[: end - self.at]
            for signer in self.signers:
                self._submit(self.digesting.submit(signer.update, part), len(part))
            self.at += len(part)

    def finish(self) -> list[dict[Kind, bytes]]:
        """Fill up, and give the sections of digests and checksums of each device."""
        self.pad(self.size)
        self._wait(0)
        return [signer.finish() for signer in self.signers]

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


def _as_bytes(piece: Any) -> memoryview:
    """The bytes of a buffer or of an array of any element type."""
    if isinstance(piece, np.ndarray):
        array = cast(np.ndarray[Any, Any], piece)
        flat: Any = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        return memoryview(flat)
    return memoryview(piece).cast("B")


def write_file(
    path: Path,
    small: dict[Kind, bytes],
    params_size: int,
    pieces: Iterable[Piece] | None,
    devices: int = 1,
) -> None:
    """Write sections `small` and streamed parameters, if any, to `path`, all or nothing."""
    for kind, data in small.items():
        check_length(kind, len(data))
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            _write_sections(file, name, small, params_size, pieces, devices)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _write_sections(
    file: BinaryIO,
    path: str,
    small: dict[Kind, bytes],
    params_size: int,
    pieces: Iterable[Piece] | None,
    devices: int,
) -> None:
    lengths = {(kind, 0): len(data) for kind, data in small.items()}
    contents = {(kind, 0): data for kind, data in small.items()}
    if pieces is not None:
        count = block_count(params_size)
        each = {Kind.PARAMDIGEST: DIGEST_BYTES * count, Kind.PARAMSUMS: SUM_BYTES * count}
        each |= {Kind.PARAMS: params_size}
        lengths |= {(kind, d): n for d in range(devices) for kind, n in each.items()}
    offsets: dict[tuple[Kind, int], int] = {}
    at = header_bytes(len(lengths))
    for (kind, device), length in lengths.items():
        offsets[kind, device] = placed(kind, length, at)
        at = offsets[kind, device] + length
    file.truncate(at)
    if pieces is not None:
        starts = [offsets[Kind.PARAMS, device] for device in range(devices)]
        with closing(Store(file.fileno(), path, params_size * devices)) as store:
            signed = _write_params(store, starts, params_size, pieces)
        contents |= {
            (kind, d): data for d, found in enumerate(signed) for kind, data in found.items()
        }
    sections = [
        Section(
            kind, CRITICAL, offsets[kind, device], length,
            digest(contents[kind, device]) if (kind, device) in contents else NO_DIGEST, device,
        )
        for (kind, device), length in lengths.items()
    ]  # fmt: skip
    for place, data in contents.items():
        file.seek(offsets[place])
        file.write(data)
    file.seek(0)
    file.write(pack_header(sections, ISA_VERSION, at, devices))


def _write_params(
    store: Store, starts: Sequence[int], size: int, pieces: Iterable[Piece]
) -> list[dict[Kind, bytes]]:
    """Write the pieces, and give the sections that tell whether they are as they were."""
    with closing(_ParamWriter(store, starts, size)) as writer:
        for offset, parts in pieces:
            writer.pad(offset)
            writer.write(list(map(_as_bytes, parts)))
            del parts  # the next ones are made in this memory once it is written
        return writer.finish()


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
