"""Recipes: streamed in any portions they are what `read` gives, each byte read about once."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.errors import Malformed
from runtime.numerics.elements import ElementType
from runtime.weights.recipe_json import recipe_from_json, recipe_to_json
from runtime.weights.recipes import (
    Cast,
    Concat,
    Decode,
    Dequantise,
    FileRange,
    Inline,
    Recipe,
    Reshape,
    Stack,
    Transpose,
    Unpack,
    read,
)
from runtime.weights.source_files import SourceFiles
from runtime.weights.streaming import leaves
from runtime.weights.streaming import pieces as streaming
from runtime.weights.streaming.pieces import pieces

F32, F16, I32 = ElementType.F32, ElementType.F16, ElementType.I32
I8, U8 = ElementType.I8, ElementType.U8
ANY_TYPE = st.sampled_from([F32, F16, ElementType.BF16, I32])
SIZE = 1 << 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two files of small integers, so that casts keep them apart."""
    made = tmp_path_factory.mktemp("weights")
    for seed, name in enumerate(("a.bin", "b.bin")):
        data = np.random.default_rng(seed).integers(0, 100, SIZE // 4).astype(np.float32)
        data.tofile(made / name)
    return made


def leaf(draw: st.DrawFn, shape: tuple[int, ...], dtype: ElementType) -> FileRange | Inline:
    """Elements of a file, or in place."""
    size = prod(shape) * dtype.itemsize
    if draw(st.booleans()):
        return Inline(bytes(i % 100 for i in range(size)), shape, dtype)
    return FileRange(draw(st.sampled_from(["a.bin", "b.bin"])), draw(st.integers(0, 64)) * 4,
                     shape, dtype)  # fmt: skip


def unpacks(draw: st.DrawFn, shape: tuple[int, ...], dtype: ElementType) -> Unpack:
    """Numbers that share a byte."""
    bits = draw(st.sampled_from([2, 4]))
    return Unpack(leaf(draw, (-(-prod(shape) * bits // 8),), U8), bits, shape, dtype)


def decodes(draw: st.DrawFn, shape: tuple[int, ...], dtype: ElementType) -> Decode:
    """Entries of a table of small numbers."""
    bits = draw(st.sampled_from([4, 8]))
    entries = (np.arange(1 << bits) % 100 - 7).astype(dtype.dtype)
    table = Inline(entries.tobytes(), entries.shape, dtype)
    packed = leaf(draw, (-(-prod(shape) * bits // 8),), U8)
    return Decode(packed, bits, shape, table, draw(st.booleans()))


@st.composite
def dequantised(draw: st.DrawFn, shape: tuple[int, ...], depth: int) -> Dequantise:
    """Numbers of any recipe on a scale, in blocks of any size along each axis."""
    blocks = tuple(draw(st.integers(1, n + 1)) for n in shape)
    counts = tuple(-(-n // b) for n, b in zip(shape, blocks, strict=True))
    numbers = draw(recipes(shape, draw(st.sampled_from([I8, U8, I32, F16])), depth))
    parts: list[Recipe] = []
    for types in ([F32, F16], [I8, U8, F16]):
        extents = tuple(draw(st.sampled_from([1, n])) for n in counts)
        parts.append(draw(recipes(extents, draw(st.sampled_from(types)), min(depth, 1))))
    return Dequantise(numbers, *parts, blocks)


@st.composite
def recipes(draw: st.DrawFn, shape: tuple[int, ...], dtype: ElementType, depth: int = 4) -> Recipe:
    """A recipe of a shape and an element type."""
    kinds = ["leaf", "reshape", "transpose", "cast"] + ["stack", "concat"] * bool(
        shape and shape[0]
    )
    kinds += ["unpack"] * (dtype in (I8, U8)) + ["dequantise"] * (dtype is F32)
    kinds += ["decode"] * (dtype in (F16, F32))
    kind = draw(st.sampled_from(kinds)) if depth else "leaf"
    match kind:
        case "reshape":
            return Reshape(draw(recipes(draw(regroupings(shape)), dtype, depth - 1)), shape)
        case "transpose":
            perm = tuple(draw(st.permutations(range(len(shape)))))
            inner = [0] * len(perm)
            for result, source in enumerate(perm):
                inner[source] = shape[result]
            return Transpose(draw(recipes(tuple(inner), dtype, depth - 1)), perm)
        case "cast":
            return Cast(draw(recipes(shape, draw(ANY_TYPE), depth - 1)), dtype)
        case "unpack":
            return unpacks(draw, shape, dtype)
        case "decode":
            return decodes(draw, shape, dtype)
        case "dequantise":
            return draw(dequantised(shape, depth - 1))
        case "stack":
            each = [draw(recipes(shape[1:], dtype, depth - 2)) if depth > 1
                    else leaf(draw, shape[1:], dtype) for _ in range(shape[0])]  # fmt: skip
            return Stack(tuple(each))
        case "concat":
            return draw(concats(shape, dtype, depth - 1))
        case _:
            return leaf(draw, shape, dtype)


@st.composite
def concats(draw: st.DrawFn, shape: tuple[int, ...], dtype: ElementType, depth: int) -> Recipe:
    """Two or one sources along any axis."""
    axis = draw(st.integers(0, len(shape) - 1))
    cut = draw(st.integers(0, shape[axis]))
    extents = [n for n in (cut, shape[axis] - cut) if n] or [0]
    parts = ((*shape[:axis], n, *shape[axis + 1 :]) for n in extents)
    return Concat(tuple(draw(recipes(part, dtype, depth)) for part in parts), axis)


@st.composite
def regroupings(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Another shape with as many elements."""
    left, dims = prod(shape), list[int]()
    while left > 1 and len(dims) < 4:
        dims.append(draw(st.sampled_from([d for d in range(1, left + 1) if left % d == 0])))
        left //= dims[-1]
    return (*dims, left)


def shrink(monkeypatch: pytest.MonkeyPatch, pieces: int, chunks: int, gaps: int) -> None:
    """Put so few bytes together at once, hold so few of a file besides, read such gaps too."""
    monkeypatch.setattr(leaves, "GAP_BYTES", gaps)
    for name in ("PIECE_BYTES", "TURNED_BYTES"):
        monkeypatch.setattr(streaming, name, pieces)
    for module in (streaming, leaves):
        monkeypatch.setattr(module, "CHUNK_BYTES", chunks)


SHAPES = st.lists(st.integers(1, 7), max_size=4).map(tuple)


def streamed(recipe: Recipe, folder: Path) -> bytes:
    """All pieces behind each other."""
    with SourceFiles(folder) as files:
        return b"".join(piece.tobytes() for (piece,) in pieces(recipe, files))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture],
          deadline=None)  # fmt: skip
@given(data=st.data(), shape=SHAPES, dtype=ANY_TYPE, portion=st.sampled_from([1, 40, 400]))
def test_pieces_are_the_recipe(
    folder: Path, monkeypatch: pytest.MonkeyPatch, data: st.DataObject,
    shape: tuple[int, ...], dtype: ElementType, portion: int,
):  # fmt: skip
    """Whatever is nested in what, and however small the portions are."""
    shrink(monkeypatch, portion, portion, portion)
    recipe = data.draw(recipes(shape, dtype))
    with np.errstate(all="ignore"):
        whole = read(recipe, folder)
    assert whole.shape == recipe.shape == shape
    assert whole.dtype == recipe.dtype.dtype
    assert streamed(recipe, folder) == whole.tobytes()


@given(data=st.data(), shape=SHAPES, dtype=ANY_TYPE)
def test_json_is_lossless(data: st.DataObject, shape: tuple[int, ...], dtype: ElementType):
    recipe = data.draw(recipes(shape, dtype))
    written = json.loads(json.dumps(recipe_to_json(recipe)))
    assert recipe_from_json(written) == recipe


GOOD = ["file", "w", 0, [2, 3], "f32"]
BYTES = ["file", "w", 0, [6], "u8"]
TABLE = ["inline", "0000803f" * 16, [16], "f32"]
SCALE = ["file", "w", 0, [2], "f32"]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"file": 1},
        ["blob", "w"],
        [["file"]],
        ["file", "w", 0, [2, 3]],
        ["file", 7, 0, [2], "f32"],
        ["file", "w", -1, [2], "f32"],
        ["file", "w", 1 << 60, [2], "f32"],
        ["file", "w", True, [2], "f32"],
        ["file", "w", 0, [2.0], "f32"],
        ["file", "w", 0, [1 << 40, 1 << 40], "f32"],
        ["file", "w", 0, [1] * 17, "f32"],
        ["file", "w", 0, [2], "f8"],
        ["inline", "00", [1], "f32"],
        ["inline", "zz", [1], "u8"],
        ["reshape", GOOD, [7]],
        ["transpose", GOOD, [0, 0]],
        ["transpose", GOOD, [1]],
        ["cast", GOOD, 3],
        ["stack", []],
        ["stack", [GOOD, ["file", "w", 0, [3, 2], "f32"]]],
        ["stack", [GOOD, ["file", "w", 0, [2, 3], "i32"]]],
        ["concat", [GOOD, GOOD], 2],
        ["concat", [GOOD, ["file", "w", 0, [3, 3], "f32"]], 1],
        ["concat", [GOOD, ["file", "w", 0, [2], "f32"]], 0],
        ["unpack", GOOD, 4, [12], "u8"],
        ["unpack", BYTES, 3, [12], "u8"],
        ["unpack", BYTES, 4, [13], "u8"],
        ["unpack", BYTES, 4, [10], "u8"],
        ["unpack", BYTES, 4, [12], "i32"],
        ["unpack", ["reshape", BYTES, [2, 3]], 4, [12], "u8"],
        ["decode", GOOD, 4, [12], TABLE, True],
        ["decode", BYTES, 2, [24], TABLE, True],
        ["decode", BYTES, 8, [6], TABLE, True],
        ["decode", BYTES, 4, [13], TABLE, True],
        ["decode", BYTES, 4, [12], ["cast", TABLE, "f16"], True],
        ["decode", BYTES, 4, [12], ["inline", "00" * 16, [16], "u8"], True],
        ["decode", BYTES, 4, [12], TABLE, 1],
        ["decode", ["reshape", BYTES, [2, 3]], 4, [12], TABLE, False],
        ["dequantise", ["file", "w", 0, [6], "bool"], SCALE, SCALE, [3]],
        ["dequantise", BYTES, BYTES, BYTES, [1]],
        ["dequantise", BYTES, SCALE, SCALE, [0]],
        ["dequantise", BYTES, SCALE, SCALE, [3, 1]],
        ["dequantise", BYTES, ["file", "w", 0, [3], "f32"], SCALE, [3]],
        ["dequantise", BYTES, SCALE, ["file", "w", 0, [1, 1], "u8"], [3]],
        ["dequantise", ["shard", BYTES, "2 x [[6/2]]"], SCALE, SCALE, [3]],
    ],
    ids=str,
)
def test_other_json_is_malformed(data: object):
    with pytest.raises(Malformed, match="recipe"):
        recipe_from_json(data)


def test_deep_nesting_is_malformed():
    data: object = GOOD
    for _ in range(100):
        data = ["cast", data, "f16"]
    with pytest.raises(Malformed, match="nested too deeply"):
        recipe_from_json(data)


class Counting(SourceFiles):
    """Counts what is read."""

    bytes = 0
    calls = 0

    def read_into(self, path: str, offset: int, out: np.ndarray) -> None:
        self.bytes += out.nbytes
        self.calls += 1
        super().read_into(path, offset, out)


@pytest.mark.parametrize("rows", [True, False], ids=["long runs", "whole rows"])
def test_a_transpose_reads_each_byte_about_once(
    rows: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """A stack of transposes, in pieces of a quarter of a matrix, and never more at once."""
    shrink(monkeypatch, 8192, 1024, 16 if rows else 1 << 20)
    matrices = [FileRange("a.bin", 32768 * i, (64, 128), F32) for i in range(2)]
    recipe = Stack(tuple(Transpose(m, (1, 0)) for m in matrices))
    with Counting(folder) as files:
        sizes = [piece.nbytes for (piece,) in pieces(recipe, files)]
    assert sizes == [8192] * 8
    assert files.bytes <= (65536 if rows else 4 * 65536)
    assert files.calls <= (512 if rows else 256)


def test_hashes_of_long_recipes_are_kept():
    """A module hashes its attributes often; a stack of many layers is hashed once."""
    recipe = Stack((FileRange("w", 0, (2,), F32),) * 2)
    first = hash(recipe)
    object.__setattr__(recipe, "sources", ())
    assert hash(recipe) == first
