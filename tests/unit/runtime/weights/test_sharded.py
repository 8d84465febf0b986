"""Shards of recipes: what the devices hold is the whole, whatever is nested in what."""

from __future__ import annotations

import json
import tracemalloc
from math import prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.numerics.elements import ElementType
from runtime.sharding import Factor, Sharding
from runtime.weights.recipe_json import recipe_from_json, recipe_to_json
from runtime.weights.recipes import (
    Cast,
    Concat,
    FileRange,
    Inline,
    Pad,
    Recipe,
    Reshape,
    Shard,
    Slice,
    Stack,
    Transpose,
    file_ranges,
    for_device,
    nbytes,
    read,
)
from runtime.weights.source_files import SourceFiles
from runtime.weights.streaming import leaves
from runtime.weights.streaming import pieces as streaming
from runtime.weights.streaming.pieces import pieces
from tests.unit.runtime.weights.test_recipes import F32, Counting, recipes, regroupings, shrink

ROWS = np.arange(1, 11, dtype=np.float32).reshape(2, 5)
TABLE = Inline(ROWS.tobytes(), (2, 5), F32)


@st.composite
def shardings(draw: st.DrawFn, devices: int) -> Sharding:
    """A sharding of at most three axes of at most two factors, whole axes among them."""
    free = devices.bit_length() - 1
    axes: list[tuple[Factor, ...]] = []
    for _ in range(draw(st.integers(0, 3))):
        factors: list[Factor] = []
        for _ in range(draw(st.integers(0, 2))):
            bits = draw(st.integers(0, free))
            free -= bits
            stride = 1 << free if bits else 1
            factors.append(Factor(draw(st.integers(1, 5)), 1 << bits, stride))
        axes.append(tuple(factors))
    return Sharding(devices, tuple(axes))


@st.composite
def shards(draw: st.DrawFn) -> Shard:
    """A recipe of any shape and a sharding that fits it."""
    sharding = draw(shardings(draw(st.sampled_from([1, 2, 4, 8]))))
    shape = sharding.whole([draw(st.integers(1, 4)) for _ in sharding.axes])
    match draw(st.sampled_from(["plain", "slice", "pad"])):
        case "slice":
            ends = [(draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in shape]
            larger = tuple(a + n + b for n, (a, b) in zip(shape, ends, strict=True))
            source = draw(recipes(larger, F32, 3))
            return Shard(Slice(source, tuple(a for a, _ in ends), shape), sharding)
        case "pad":
            smaller = tuple(draw(st.integers(1, n)) for n in shape)
            return Shard(Pad(draw(recipes(smaller, F32, 3)), shape), sharding)
        case _:
            return Shard(draw(recipes(shape, F32, 3)), sharding)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that recipes name."""
    made = tmp_path_factory.mktemp("sharded")
    for seed, name in enumerate(("a.bin", "b.bin")):
        np.random.default_rng(seed).integers(1, 100, 1 << 14).astype(np.float32).tofile(made / name)
    return made


def test_a_slice_is_a_box():
    part = Slice(TABLE, (1, 1), (1, 3))
    assert read(part, Path()).tolist() == [[7, 8, 9]]


def test_a_padding_is_zeros_at_the_ends():
    padded = Pad(TABLE, (3, 6))
    assert read(padded, Path()).tolist() == [
        [1, 2, 3, 4, 5, 0], [6, 7, 8, 9, 10, 0], [0, 0, 0, 0, 0, 0],
    ]  # fmt: skip


def test_a_device_that_holds_padding_only_reads_zeros():
    shard = Shard(TABLE, Sharding(4, ((), (Factor(5, 4),))))
    assert [read(for_device(shard, d), Path())[0].tolist() for d in range(4)] == [
        [1, 2], [3, 4], [5, 0], [0, 0],
    ]  # fmt: skip


def test_a_tensor_without_elements_has_parts_without_elements():
    shard = Shard(FileRange("w", 0, (4, 0), F32), Sharding(2, ((Factor(4, 2),), ())))
    assert read(for_device(shard, 1), Path()).shape == (2, 0)


@settings(max_examples=30, deadline=None)
@given(shard=shards())
def test_the_parts_of_all_devices_are_the_whole(folder: Path, shard: Shard):
    """Each read as the recipe of its device; numpy cuts the whole for comparison."""
    with np.errstate(all="ignore"):
        whole = read(shard.source, folder)
    parts: list[np.ndarray] = []
    for device in range(shard.sharding.devices):
        recipe = for_device(shard, device)
        assert recipe.shape == shard.shape
        parts.append(read(recipe, folder))
        np.testing.assert_array_equal(parts[-1], shard.sharding.part(whole, device))
    np.testing.assert_array_equal(shard.sharding.assemble(parts), whole)
    assert sum(map(np.count_nonzero, parts)) == np.count_nonzero(whole) * shard.sharding.copies


@st.composite
def around_shards(draw: st.DrawFn) -> tuple[Recipe, int]:
    """Shards, joined, turned and regrouped, as merging and layouts do it."""
    shard = draw(shards())
    recipe: Recipe = shard
    if shard.shape and draw(st.booleans()):
        recipe = Concat((shard, shard), draw(st.integers(0, len(shard.shape) - 1)))
    if draw(st.booleans()):
        recipe = Stack((recipe, recipe))
    if draw(st.booleans()):
        recipe = Transpose(recipe, tuple(draw(st.permutations(range(len(recipe.shape))))))
    if draw(st.booleans()):
        recipe = Reshape(recipe, draw(regroupings(recipe.shape)))
    return recipe, shard.sharding.devices


@settings(max_examples=40, deadline=None)
@given(data=st.data(), portion=st.sampled_from([1, 40, 400, 1 << 20]))
def test_pieces_of_all_devices_are_what_each_reads(folder: Path, data: st.DataObject, portion: int):
    """Whatever is nested in what, and however small the portions are."""
    recipe, devices = data.draw(around_shards())
    with pytest.MonkeyPatch.context() as patch, SourceFiles(folder) as files:
        shrink(patch, portion, portion, portion)
        found = [[part.tobytes() for part in parts] for parts in pieces(recipe, files, devices)]
        for device in range(devices):
            own = for_device(recipe, device)
            expected = read(own, folder).tobytes()
            assert b"".join(parts[device] for parts in found) == expected
            assert b"".join(piece.tobytes() for (piece,) in pieces(own, files)) == expected


@given(shard=shards(), device=st.integers(0, 7))
def test_json_of_parts_is_lossless(shard: Shard, device: int):
    for recipe in (shard, for_device(shard, device % shard.sharding.devices)):
        written = json.loads(json.dumps(recipe_to_json(recipe)))
        assert recipe_from_json(written) == recipe
        assert prod(recipe.shape) == prod(shard.shape)
        assert recipe.dtype is ElementType.F32


ROWS_CUT, COLUMNS_CUT = "8 x [[1024/8], []]", "8 x [[], [3, 8/8, 32]]"
BIG = FileRange("big.bin", 0, (1024, 768), F32)
TURNED = Transpose(BIG, (1, 0))


def _cut(recipe: Recipe, text: str) -> Shard:
    return Shard(recipe, Sharding.parse(text))


READ_ONCE = {
    "rows": _cut(BIG, ROWS_CUT),
    "columns": _cut(BIG, COLUMNS_CUT),
    "columns of a transpose": _cut(TURNED, "8 x [[], [1024/8]]"),
    "transposed columns": Transpose(_cut(BIG, COLUMNS_CUT), (1, 0)),
    "halves": _cut(Cast(BIG, ElementType.F16), COLUMNS_CUT),
    "columns of slices": Concat(
        tuple(_cut(Slice(BIG, (0, at), (1024, 256)), "8 x [[], [256/8]]") for at in (0, 256, 512)),
        1,
    ),
    "layers": _cut(Stack((TURNED, TURNED)), "8 x [[], [768/8], []]"),
    "copies": _cut(BIG, "8 x [[1024/2], []]"),
}


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of 3 MiB."""
    made = tmp_path_factory.mktemp("big")
    np.random.default_rng(5).standard_normal(1024 * 768).astype(np.float32).tofile(made / "big.bin")
    return made


def _streamed(recipe: Recipe, devices: int, folder: Path) -> tuple[int, int]:
    """Bytes that are read, and the most that is held at once."""
    tracemalloc.start()
    with Counting(folder) as files:
        for _ in pieces(recipe, files, devices):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return files.bytes, peak


SLOW = ("layers", "copies")
"""Of which others are: transposed, cut by rows."""


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in READ_ONCE]
)
def test_eight_devices_read_and_hold_what_one_would(
    name: str, big: Path, monkeypatch: pytest.MonkeyPatch
):
    """Each byte of a source is read about once, in memory that does not grow with the devices."""
    shrink(monkeypatch, 1 << 17, 1 << 17, 32)
    monkeypatch.setattr(streaming, "TURNED_BYTES", 1 << 19)
    recipe = READ_ONCE[name]
    source = sum(nbytes(part.shape, part.dtype) for part in file_ranges(recipe))
    source //= 3 if name == "columns of slices" else 1
    read_bytes, peak = _streamed(recipe, 8, big)
    assert source <= read_bytes <= 1.05 * source
    whole = recipe.source if isinstance(recipe, Shard) else TURNED
    assert peak <= 1.25 * _streamed(whole, 1, big)[1] + (1 << 18)


def test_columns_of_all_devices_are_read_by_whole_rows(big: Path, monkeypatch: pytest.MonkeyPatch):
    shrink(monkeypatch, 1 << 17, 1 << 17, leaves.GAP_BYTES)
    calls: list[int] = []
    for recipe, devices in ((_cut(BIG, COLUMNS_CUT), 8), (BIG, 1)):
        with Counting(big) as files:
            for _ in pieces(recipe, files, devices):
                pass
            calls.append(files.calls)
    assert calls[0] == calls[1]
