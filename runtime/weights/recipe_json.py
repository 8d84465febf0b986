"""Recipes as JSON: lists that begin with the name of their node, read strictly.

["transpose", ["file", "model.onnx", 128, [4, 2], "f16"], [1, 0]]
["stack", [["inline", "0000803f", [1], "f32"], ["file", "w.bin", 0, [1], "f32"]]]
"""

from collections.abc import Callable
from math import prod
from typing import Any, cast

from runtime.errors import Malformed
from runtime.numerics.elements import ElementType
from runtime.sharding import Sharding
from runtime.weights.recipes import (
    Cast,
    Concat,
    Decode,
    Dequantise,
    FileRange,
    Inline,
    Pad,
    Rearranged,
    Recipe,
    Reshape,
    Shard,
    Slice,
    Stack,
    Transpose,
    Unpack,
    nbytes,
    sources_of,
)

MAX_NESTING = 64
MAX_RANK = 16
MAX_BYTES = 1 << 48
"""Above the memory of any target; keeps sums of offsets far from overflow."""


def recipe_to_json(recipe: Recipe) -> list[Any]:
    """JSON-able form of a recipe."""
    match recipe:
        case FileRange():
            shape = list(recipe.shape)
            return ["file", recipe.path, recipe.offset, shape, recipe.dtype.value]
        case Inline():
            return ["inline", recipe.data.hex(), list(recipe.shape), recipe.dtype.value]
        case Rearranged():
            kind = type(recipe).__name__.lower()
            return [kind, recipe_to_json(recipe.source), *_places(recipe)]
        case Cast():
            return ["cast", recipe_to_json(recipe.source), recipe.dtype.value]
        case Unpack():
            cells = [recipe.bits, list(recipe.shape), recipe.dtype.value]
            return ["unpack", recipe_to_json(recipe.source), *cells]
        case Decode():
            cells = [recipe.bits, list(recipe.shape), recipe_to_json(recipe.table)]
            return ["decode", recipe_to_json(recipe.source), *cells, recipe.high_first]
        case Dequantise():
            return ["dequantise", *map(recipe_to_json, sources_of(recipe)), list(recipe.blocks)]
        case Stack():
            return ["stack", list(map(recipe_to_json, recipe.sources))]
        case Concat():
            return ["concat", list(map(recipe_to_json, recipe.sources)), recipe.axis]


def _places(recipe: Rearranged) -> list[Any]:
    """Where a recipe puts the elements of its source."""
    match recipe:
        case Transpose():
            return [list(recipe.perm)]
        case Slice():
            return [list(recipe.offsets), list(recipe.shape)]
        case Shard():
            return [str(recipe.sharding)]
        case Reshape() | Pad():
            return [list(recipe.shape)]
        case _:
            raise AssertionError(f"no such recipe: {recipe}")


def recipe_from_json(data: object, depth: int = 0) -> Recipe:
    """The recipe of `recipe_to_json`; Malformed for anything else."""
    kind, *cells = _list(data)
    read = _NODES.get(kind) if isinstance(kind, str) else None
    if read is None or depth > MAX_NESTING:
        raise Malformed("a recipe has an unknown node or is nested too deeply")
    arity, make = read
    if len(cells) != arity:
        raise Malformed(f"a recipe's {kind} has {len(cells)} fields, not {arity}")
    try:
        recipe = make(cells, depth + 1)
    except ValueError as error:
        raise Malformed(f"a recipe's {kind} is wrong: {error}") from None
    if len(recipe.shape) > MAX_RANK or nbytes(recipe.shape, recipe.dtype) > MAX_BYTES:
        raise Malformed(f"a recipe's {kind} is too large")
    return recipe


def _file(cells: list[Any], _depth: int) -> Recipe:
    path, offset = cells[0], _natural(cells[1])
    if not isinstance(path, str) or offset > MAX_BYTES:
        raise ValueError("no path or no offset")
    return FileRange(path, offset, _naturals(cells[2]), ElementType(cells[3]))


def _inline(cells: list[Any], _depth: int) -> Recipe:
    shape, dtype = _naturals(cells[1]), ElementType(cells[2])
    data = bytes.fromhex(cells[0]) if isinstance(cells[0], str) else b""
    if len(data) != nbytes(shape, dtype):
        raise ValueError(f"{len(data)} bytes do not fill {list(shape)} of {dtype}")
    return Inline(data, shape, dtype)


def _reshape(cells: list[Any], depth: int) -> Recipe:
    source, shape = recipe_from_json(cells[0], depth), _naturals(cells[1])
    if prod(source.shape) != prod(shape):
        raise ValueError(f"{list(source.shape)} cannot become {list(shape)}")
    return Reshape(source, shape)


def _transpose(cells: list[Any], depth: int) -> Recipe:
    source, perm = recipe_from_json(cells[0], depth), _naturals(cells[1])
    if sorted(perm) != list(range(len(source.shape))):
        raise ValueError(f"{list(perm)} does not order the axes of {list(source.shape)}")
    return Transpose(source, perm)


def _slice(cells: list[Any], depth: int) -> Recipe:
    return Slice(recipe_from_json(cells[0], depth), _naturals(cells[1]), _naturals(cells[2]))


def _pad(cells: list[Any], depth: int) -> Recipe:
    return Pad(recipe_from_json(cells[0], depth), _naturals(cells[1]))


def _shard(cells: list[Any], depth: int) -> Recipe:
    if not isinstance(cells[1], str):
        raise ValueError("no sharding")
    return Shard(recipe_from_json(cells[0], depth), Sharding.parse(cells[1]))


def _cast(cells: list[Any], depth: int) -> Recipe:
    return Cast(recipe_from_json(cells[0], depth), ElementType(cells[1]))


def _bytes(data: object, depth: int) -> FileRange | Inline:
    source = recipe_from_json(data, depth)
    if not isinstance(source, FileRange | Inline):
        raise ValueError("it takes bytes as they lie")
    return source


def _unpack(cells: list[Any], depth: int) -> Recipe:
    bits, shape = _natural(cells[1]), _naturals(cells[2])
    return Unpack(_bytes(cells[0], depth), bits, shape, ElementType(cells[3]))


def _decode(cells: list[Any], depth: int) -> Recipe:
    bits, shape, table = _natural(cells[1]), _naturals(cells[2]), recipe_from_json(cells[3], depth)
    if not isinstance(table, Inline) or not isinstance(cells[4], bool):
        raise ValueError("no table, or no order of the halves of a byte")
    return Decode(_bytes(cells[0], depth), bits, shape, table, cells[4])


def _dequantise(cells: list[Any], depth: int) -> Recipe:
    numbers, scales, points = (recipe_from_json(cell, depth) for cell in cells[:3])
    return Dequantise(numbers, scales, points, _naturals(cells[3]))


def _stack(cells: list[Any], depth: int) -> Recipe:
    return Stack(_recipes(cells[0], depth))


def _concat(cells: list[Any], depth: int) -> Recipe:
    return Concat(_recipes(cells[0], depth), _natural(cells[1]))


_NODES: dict[str, tuple[int, Callable[[list[Any], int], Recipe]]] = {
    "file": (4, _file),
    "inline": (3, _inline),
    "reshape": (2, _reshape),
    "transpose": (2, _transpose),
    "slice": (3, _slice),
    "pad": (2, _pad),
    "shard": (2, _shard),
    "cast": (2, _cast),
    "unpack": (4, _unpack),
    "decode": (5, _decode),
    "dequantise": (4, _dequantise),
    "stack": (1, _stack),
    "concat": (2, _concat),
}


def _recipes(data: object, depth: int) -> tuple[Recipe, ...]:
    return tuple(recipe_from_json(item, depth) for item in _list(data))


def _list(data: object) -> list[Any]:
    if not isinstance(data, list) or not data:
        raise Malformed("a recipe is no list")
    return cast(list[Any], data)


def _natural(data: object) -> int:
    if not isinstance(data, int) or isinstance(data, bool) or data < 0:
        raise ValueError(f"{data!r} is no natural number")
    return data


def _naturals(data: object) -> tuple[int, ...]:
    if not isinstance(data, list):
        raise ValueError("no list of numbers")
    return tuple(map(_natural, cast(list[object], data)))
