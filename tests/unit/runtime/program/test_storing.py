"""Parameters go around the cache of the system where they can, and are whole wherever they go."""

from __future__ import annotations

import dataclasses
import errno
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.errors import Malformed
from runtime.isa import Halt
from runtime.isa.spec import ISA_VERSION
from runtime.program.file import storing
from runtime.program.file.container import (
    PAGED_BYTES,
    Kind,
    align,
    pack_header,
    unpack_header,
)
from runtime.program.file.storing import Store
from runtime.program.program import Program
from runtime.weights.buffers import PAGE_BYTES, Buffers
from tests.unit.runtime.program.programs import program

U8 = np.dtype(np.uint8)
SIZE = 300_000


class Watched:
    """The bytes that went by each descriptor; `fail` is what those around the cache raise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fail: int = 0, at_most: int = 1 << 30):
        self.bytes: dict[int, int] = {}
        self._write, self._fail, self._at_most = os.pwrite, fail, at_most
        monkeypatch.setattr("os.pwrite", self)

    def __call__(self, descriptor: int, data: memoryview, at: int) -> int:
        if self._fail and self.bytes and descriptor not in self.bytes:
            raise OSError(self._fail, os.strerror(self._fail))
        count = self._write(descriptor, data[: self._at_most], at)
        self.bytes[descriptor] = self.bytes.get(descriptor, 0) + count
        return count


@pytest.fixture
def direct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few bytes are many."""
    monkeypatch.setattr(storing, "DIRECT_BYTES", 1)
    monkeypatch.setattr(storing, "LEAST_BYTES", PAGE_BYTES)
    monkeypatch.setattr(storing, "MOST_BYTES", 16 * PAGE_BYTES)
    with closing(_store(tmp_path / "probe", 1)[1]) as store:
        if store._direct is None:  # pyright: ignore[reportPrivateUsage]
            pytest.skip("this file system has no way around the cache")


def _store(path: Path, size: int) -> tuple[int, Store]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    return descriptor, Store(descriptor, str(path), size)


def _written(path: Path, at: int, shift: int = 0) -> np.ndarray[Any, np.dtype[Any]]:
    """Write random bytes at a place, `shift` bytes off in memory, and give them."""
    data = Buffers().empty((SIZE,), U8, at + shift)
    data[...] = np.random.default_rng(at).integers(0, 256, SIZE, np.uint8)
    descriptor, store = _store(path, SIZE)
    with closing(store):
        store.write(memoryview(data.data), at)
    os.close(descriptor)
    return data


PLACES = [0, PAGE_BYTES, 64, PAGE_BYTES - 64, 5 * PAGE_BYTES + 192]


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.usefixtures("direct")
def test_all_but_the_edges_goes_around_the_cache(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    data = _written(tmp_path / "p", at)
    assert (tmp_path / "p").read_bytes()[at:] == data.tobytes()
    around = max(watched.bytes.values())
    assert around % PAGE_BYTES == 0
    assert SIZE - around < 2 * PAGE_BYTES


@pytest.mark.usefixtures("direct")
def test_what_lies_otherwise_in_memory_takes_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    data = _written(tmp_path / "p", 64, shift=8)
    assert (tmp_path / "p").read_bytes()[64:] == data.tobytes()
    assert list(watched.bytes.values()) == [SIZE]


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.usefixtures("direct")
def test_a_file_that_wants_more_than_pages_takes_the_cache(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if at % PAGE_BYTES == 0:
        at += 64  # the cache is used first, so that the one around it is told apart
    watched = Watched(monkeypatch, errno.EINVAL)
    data = _written(tmp_path / "p", at)
    assert (tmp_path / "p").read_bytes()[at:] == data.tobytes()
    assert list(watched.bytes.values()) == [SIZE]


@pytest.mark.usefixtures("direct")
def test_a_full_disk_is_no_such_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Watched(monkeypatch, errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"):
        _written(tmp_path / "p", 64)


@pytest.mark.usefixtures("direct")
def test_short_writes_are_continued_around_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch, at_most=2 * PAGE_BYTES)
    data = _written(tmp_path / "p", 64)
    assert (tmp_path / "p").read_bytes()[64:] == data.tobytes()
    assert len(watched.bytes) == 2


def test_a_file_without_such_a_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "DIRECT_BYTES", 1)
    monkeypatch.delattr("os.O_DIRECT", raising=False)
    watched = Watched(monkeypatch)
    data = _written(tmp_path / "p", 0)
    assert (tmp_path / "p").read_bytes() == data.tobytes()
    assert list(watched.bytes.values()) == [SIZE]


def _holding(size: int) -> Program:
    """A program that does nothing, with so many bytes of parameters."""
    made = program([Halt()], params=np.ones(size, np.uint8))
    interface = dataclasses.replace(made.interface, arena_base=align(size))
    return dataclasses.replace(made, interface=interface)


@pytest.mark.usefixtures("direct")
def test_programs_are_the_same_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of odd sizes, gaps between them, and more than one block."""
    made = _holding(PAGED_BYTES + 100)
    random, pieces, at = np.random.default_rng(0), list[Any](), 0
    for size in (100, PAGE_BYTES, 5, 9 * PAGE_BYTES + 64, 400_001, 300_007):
        data = Buffers().empty((size,), U8, at)
        data[...] = random.integers(0, 256, size, np.uint8)
        pieces.append((at, [data]))
        at += -(-size // 64) * 64 + 64
    for name, limit in (("direct", 1), ("cached", 1 << 40)):
        monkeypatch.setattr(storing, "DIRECT_BYTES", limit)
        made.write(tmp_path / name, pieces)
    assert (tmp_path / "direct").read_bytes() == (tmp_path / "cached").read_bytes()
    held = Program.load(tmp_path / "direct", check="all").params_of().whole()
    for start, (data,) in pieces:
        assert held[start : start + data.size].tobytes() == data.tobytes()


def test_many_parameters_begin_at_a_page(tmp_path: Path) -> None:
    """And nowhere else, though all else begins at multiples of 64."""
    path = tmp_path / "p.lpu"
    _holding(PAGED_BYTES).write(path)
    data = path.read_bytes()
    *others, params = unpack_header(data[:4096], len(data), ISA_VERSION).sections.values()
    assert params.kind == Kind.PARAMS
    assert params.offset % PAGE_BYTES == 0
    before = align(others[-1].end)
    assert before < params.offset
    moved = params._replace(offset=before)
    head = pack_header([*others, moved], ISA_VERSION, moved.end)
    path.write_bytes(head + data[len(head) : before] + data[params.offset :])
    with pytest.raises(Malformed, match=f"section 6 at {before} with 1048576 bytes is misplaced"):
        Program.load(path)
