"""Numbers that share a byte, and numbers on a scale: by hand, in parts, in bounded memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from runtime.numerics.elements import ElementType
from runtime.sharding import Factor, Sharding
from runtime.weights.recipes import (
    Cast,
    Decode,
    Dequantise,
    FileRange,
    Inline,
    Recipe,
    Reshape,
    Shard,
    Slice,
    Transpose,
    Unpack,
    for_device,
    nbytes,
    read,
)
from runtime.weights.source_files import SourceFiles
from runtime.weights.streaming.blocks import reshaped_blocks
from runtime.weights.streaming.pieces import pieces
from tests.unit.runtime.weights.test_recipes import Counting, shrink

F16, F32, I8, U8 = ElementType.F16, ElementType.F32, ElementType.I8, ElementType.U8


def held(*values: float, dtype: ElementType, shape: tuple[int, ...] | None = None) -> Inline:
    array = np.array(values, dtype.dtype)
    return Inline(array.tobytes(), shape or array.shape, dtype)


@pytest.mark.parametrize(
    ("data", "bits", "dtype", "numbers"),
    [
        ([0x21, 0xF3], 4, U8, [1, 2, 3, 15]),
        ([0x21, 0xF8], 4, I8, [1, 2, -8, -1]),
        ([0x21, 0x03], 4, I8, [1, 2, 3]),
        ([0xE4], 2, U8, [0, 1, 2, 3]),
        ([0xE4, 0x02], 2, I8, [0, 1, -2, -1, -2]),
    ],
    ids=str,
)
def test_low_bits_come_first(data: list[int], bits: int, dtype: ElementType, numbers: list[int]):
    recipe = Unpack(held(*data, dtype=U8), bits, (len(numbers),), dtype)
    assert read(recipe, Path()).tolist() == numbers
    assert b"".join(p.tobytes() for (p,) in pieces(recipe, SourceFiles(Path()))) == bytes(
        number & 255 for number in numbers
    )


@pytest.mark.parametrize(
    ("data", "bits", "high_first", "entries"),
    [
        ([0x21, 0xF3], 4, False, [1, 2, 3, 15]),
        ([0x21, 0xF3], 4, True, [2, 1, 15, 3]),
        ([0x21, 0xF3, 0x80], 4, True, [2, 1, 15, 3, 8]),
        ([0x21, 0xF3], 8, False, [0x21, 0xF3]),
        ([0x21, 0xF3], 8, True, [0x21, 0xF3]),
    ],
    ids=str,
)
def test_codes_choose_entries(data: list[int], bits: int, high_first: bool, entries: list[int]):
    """Each entry of the table is a quarter of its code less one."""
    table = held(*(i / 4 - 1 for i in range(1 << bits)), dtype=F32)
    recipe = Decode(held(*data, dtype=U8), bits, (len(entries),), table, high_first)
    want = [entry / 4 - 1 for entry in entries]
    assert read(recipe, Path()).tolist() == want
    streamed_parts = [p for (p,) in pieces(recipe, SourceFiles(Path()))]
    assert np.concatenate(streamed_parts).tolist() == want


NUMBERS = held(1, 2, 3, 4, 5, 250, 7, 8, 9, 10, dtype=U8, shape=(2, 5))
BY_HAND = {
    "blocks of two columns": (
        held(0.5, 2, 4, 1, -1, 3, dtype=F16, shape=(2, 3)),
        held(1, 0, 5, 7, 8, 2, dtype=U8, shape=(2, 3)),
        (1, 2),
        [[0, 0.5, 6, 8, 0], [243, 0, 0, -1, 24]],
    ),
    "one scale for all, a point for each row": (
        held(2, dtype=F32, shape=(1, 1)),
        held(1.5, 3, dtype=F16, shape=(2, 1)),
        (1, 5),
        [[-1, 1, 3, 5, 7], [494, 8, 10, 12, 14]],
    ),
    "a scale for each column": (
        held(1, 10, 100, 1000, 0.25, dtype=F32, shape=(1, 5)),
        held(-1, dtype=I8, shape=(1, 1)),
        (2, 1),
        [[2, 30, 400, 5000, 1.5], [251, 80, 900, 10000, 2.75]],
    ),
    "the last block is not full": (
        held(1, 2, dtype=F32, shape=(1, 2)),
        held(0, dtype=F32, shape=(1, 1)),
        (7, 3),
        [[1, 2, 3, 8, 10], [250, 7, 8, 18, 20]],
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_each_number_less_its_point_times_its_scale(name: str):
    scales, points, blocks, want = BY_HAND[name]
    recipe = Dequantise(NUMBERS, scales, points, blocks)
    got = read(recipe, Path())
    assert got.dtype == np.float32 and got.tolist() == want
    for column in range(5):
        part = Slice(recipe, (0, column), (2, 1))
        (piece,), *more = pieces(part, SourceFiles(Path()))
        assert not more and piece[:, 0].tolist() == [row[column] for row in want]


def test_what_f32_does_not_hold_is_rounded_twice():
    """(2^24 + 1) is no f32; 1 less 2^-24 is, and its product with 3 is rounded."""
    recipe = Dequantise(
        held((1 << 24) + 1, 1, dtype=ElementType.I32),
        held(1, 3, dtype=F32),
        held(0, 2**-24, dtype=F32),
        (1,),
    )
    got = read(recipe, Path())
    assert got.tolist() == [1 << 24, float(np.float32(3) * np.float32(1 - 2**-24))]


ROWS, COLUMNS, BLOCK = 256, 1024, 32
PACKED = Unpack(FileRange("w", 0, (ROWS * COLUMNS // 2,), U8), 4, (ROWS, COLUMNS), U8)
AT = ROWS * COLUMNS // 2
SCALES = FileRange("w", AT, (ROWS, COLUMNS // BLOCK), F32)
POINTS = Unpack(
    FileRange("w", AT + nbytes(SCALES.shape, F32), (ROWS * COLUMNS // BLOCK // 2,), U8),
    4,
    (ROWS, COLUMNS // BLOCK),
    U8,
)
WEIGHT = Cast(Dequantise(PACKED, SCALES, POINTS, (1, BLOCK)), F16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of packed numbers, scales and zero points."""
    made, draw = tmp_path_factory.mktemp("packed"), np.random.default_rng(0)
    packed = draw.integers(0, 256, AT, np.uint8).tobytes()
    scales = draw.random(SCALES.shape, np.float32).tobytes()
    points = draw.integers(0, 256, ROWS * COLUMNS // BLOCK // 2, np.uint8).tobytes()
    (made / "w").write_bytes(packed + scales + points)
    return made


def streamed(recipe: Recipe, files: SourceFiles, devices: int = 1) -> list[bytes]:
    """What each device has of a recipe."""
    parts = zip(*pieces(recipe, files, devices), strict=True)
    return [b"".join(piece.tobytes() for piece in part) for part in parts]


CUTS = {
    "rows": Sharding(4, ((Factor(ROWS, 4),), ())),
    "columns, in the middle of blocks": Sharding(4, ((), (Factor(COLUMNS // 8, 4), Factor(8)))),
    "whole blocks": Sharding(8, ((), (Factor(COLUMNS, 8),))),
}


@pytest.mark.parametrize("turned", [False, True], ids=["as it lies", "turned"])
@pytest.mark.parametrize("name", CUTS)
def test_all_devices_read_each_byte_about_once(
    name: str, turned: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    cut = CUTS[name]
    recipe: Recipe = Shard(WEIGHT, cut)
    if turned:
        recipe = Shard(Transpose(WEIGHT, (1, 0)), Sharding(cut.devices, cut.axes[::-1]))
        shrink(monkeypatch, 1 << 17, 1 << 16, 64)
    with Counting(folder) as files:
        got = streamed(recipe, files, cut.devices)
    size = (folder / "w").stat().st_size
    assert files.bytes <= (3 if turned else 1.3) * size
    for device, part in enumerate(got):
        assert part == read(for_device(recipe, device), folder).tobytes()


def test_a_part_needs_its_own_rows_and_blocks(folder: Path):
    """Ten rows, and of them columns that begin and end within a byte and a block."""
    part = Slice(WEIGHT, (100, 33), (10, 200))
    with Counting(folder) as files:
        got = streamed(part, files)
    assert got == [read(part, folder).tobytes()]
    assert files.bytes < 10 * (COLUMNS // 2 + 4 * COLUMNS // BLOCK + COLUMNS // BLOCK)


def test_memory_does_not_grow_with_a_weight(folder: Path, monkeypatch: pytest.MonkeyPatch):
    shrink(monkeypatch, 1 << 16, 1 << 16, 64)
    with SourceFiles(folder) as files:
        streamed(WEIGHT, files)
        tracemalloc.start()
        for _ in pieces(WEIGHT, files):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 << 16 < nbytes(WEIGHT.shape, F32)


@pytest.mark.parametrize(
    ("shape", "blocks", "target", "expected"),
    [
        ((6, 64), (1, 32), (2, 3, 64), (1, 1, 32)),
        ((6, 64), (1, 32), (6, 2, 32), (1, 1, 32)),
        ((6, 64), (1, 32), (6, 4, 16), (1, 2, 16)),
        ((6, 64), (1, 32), (6, 8, 8), (1, 4, 8)),
        ((6, 80), (1, 32), (6, 5, 16), (1, 2, 16)),
        ((6, 96), (1, 32), (6, 2, 48), None),
        ((6, 64), (1, 32), (1, 6, 64), (1, 1, 32)),
        ((2, 3, 64), (1, 1, 32), (6, 64), (1, 32)),
        ((2, 4, 16), (1, 2, 16), (2, 64), (1, 32)),
        ((2, 5, 16), (1, 2, 16), (2, 80), (1, 32)),
        ((2, 4, 16), (1, 2, 32), (2, 64), (1, 32)),
        ((6, 80), (1, 32), (480,), None),
        ((6, 64), (1, 32), (384,), (32,)),
        ((6, 64), (2, 32), (384,), None),
        ((6, 64), (2, 64), (384,), (128,)),
        ((6, 64), (1, 32), (4, 96), None),
    ],
    ids=str,
)
def test_blocks_of_another_shape(
    shape: tuple[int, ...],
    blocks: tuple[int, ...],
    target: tuple[int, ...],
    expected: tuple[int, ...] | None,
):
    """Whatever they become, each element has the block that it had."""
    found = reshaped_blocks(shape, blocks, target)
    assert found == expected
    if found is None:
        return
    before, after = _numbers_of_blocks(shape, blocks), _numbers_of_blocks(target, found)
    np.testing.assert_array_equal(before.reshape(target), after)


def _numbers_of_blocks(shape: tuple[int, ...], blocks: tuple[int, ...]) -> np.ndarray:
    counts = [-(-extent // block) for extent, block in zip(shape, blocks, strict=True)]
    places = [index // block for index, block in zip(np.indices(shape), blocks, strict=True)]
    return np.ravel_multi_index(tuple(places), counts)


def test_rows_are_split_where_they_lie(folder: Path):
    """Heads of a weight: a reshape in front of a transpose."""
    heads = Transpose(Reshape(WEIGHT, (8, ROWS // 8, COLUMNS)), (0, 2, 1))
    with Counting(folder) as files:
        got = streamed(heads, files)
    assert got == [read(heads, folder).tobytes()]
    assert files.bytes < 2 * (folder / "w").stat().st_size
