"""Weight expressions in the IR: the model's files they name, and text that is refused."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from xdsl.parser import Parser
from xdsl.utils.exceptions import ParseError

from dialects.lpu.weights import (
    Cast,
    Concat,
    FileRange,
    Stack,
    Transpose,
    Weight,
    WeightAttr,
    inline,
    read,
    transposed,
)
from lpuc.compiler.pipeline import make_context
from runtime.numerics.elements import ElementType
from runtime.sharding import Factor, Sharding
from runtime.weights.recipes import Pad, Shard, Slice, file_ranges, for_device, sources_of


def _parsed(text: str) -> object:
    return Parser(make_context(), f"#lpu.weight<{text}>").parse_attribute()


def test_stacks_and_concatenations():
    first = FileRange("w", 0, (2, 3), ElementType.F16)
    second = FileRange("v", 64, (2, 3), ElementType.F16)
    stack, concat = (
        Stack((first, Transpose(Transpose(second, (1, 0)), (1, 0)))),
        Concat((first, second, first), 1),
    )
    assert stack.shape == (2, 2, 3)
    assert concat.shape == (2, 9)
    assert stack.dtype == concat.dtype == ElementType.F16
    assert [part.path for part in file_ranges(stack)] == ["w", "v"]
    for weight in (stack, concat):
        assert _parsed(str(weight)) == WeightAttr(weight)


TABLE = f'inline("{"0000803f" * 16}", [16], f32)'


@pytest.mark.parametrize(
    "text",
    [
        'slice(file("w", 0, [4, 2], f32), [1, 0], [2, 2])',
        'pad(file("w", 0, [4, 2], f32), [5, 2])',
        'shard(file("w", 0, [5, 12], f16), 4 x [[5/2:2], [3/2, 4]])',
        'transpose(shard(file("w", 0, [4, 2], f32), 1 x [[], []]), [1, 0])',
        'unpack(file("w", 0, [9], u8), 4, [2, 9], i8)',
        'unpack(inline("e4", [1], u8), 2, [4], u8)',
        f'decode(file("w", 0, [9], u8), 4, [2, 9], {TABLE}, high)',
        f'decode(file("w", 0, [9], u8), 4, [18], {TABLE}, low)',
        'dequantise(file("w", 0, [4, 64], i8), file("s", 0, [4, 2], f16), '
        'inline("00", [1, 1], i8), [1, 32])',
    ],
)
def test_parts_of_weights_are_read_as_they_are_printed(text: str):
    weight = _parsed(text)
    assert isinstance(weight, WeightAttr)
    assert str(weight.data) == text


FILE = 'file("w", 0, [2, 3], f32)'
BYTES = 'file("w", 0, [6], u8)'
SCALE = 'file("w", 0, [2], f32)'
ONE = 'file("w", 0, [1], f32)'
FLAGS = 'file("w", 0, [6], bool)'
ENTRIES = f'inline("{"01" * 16}", [16], u8)'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stack([])", "stack of nothing"),
        (f'stack([{FILE}, file("w", 0, [3, 2], f32)])', "differ in shape or element type"),
        (f'stack([{FILE}, file("w", 0, [2, 3], f16)])', "differ in shape or element type"),
        ("concat([], 0)", "concat of nothing"),
        (f"concat([{FILE}], 2)", "no axis 2"),
        (f'concat([{FILE}, file("w", 0, [3, 2], f32)], 0)', "differ in shape or element type"),
        (f'concat([{FILE}, file("w", 0, [2], f32)], 1)', "differ in rank"),
        ('inline("00", [1], f32)', "do not fill"),
        ('inline("zz", [1], u8)', "hexadecimal"),
        ("gather(1)", "unknown weight expression 'gather'"),
        (f"slice({FILE}, [0, 2], [2, 2])", "does not lie in"),
        (f"slice({FILE}, [0], [2])", "a number for each axis"),
        (f"pad({FILE}, [2, 2])", "does not hold"),
        (f"pad({FILE}, [3])", "does not hold"),
        (f"shard({FILE}, 2 x [[], [4/2]])", "axis 1 has 3 elements, its factors 4"),
        (f"shard({FILE}, 2 x [[]])", "1 axes are sharded"),
        (f"shard({FILE}, 3 x [[], []])", "no power of two"),
        (f"shard({FILE}, 2 x [[2/2], [3/2]])", "uses an axis of the mesh"),
        (f"unpack({FILE}, 4, [12], u8)", "takes bytes, not f32"),
        (f"unpack(reshape({BYTES}, [2, 3]), 4, [12], u8)", "takes bytes as they lie"),
        (f"unpack({BYTES}, 3, [16], u8)", "gives no u8 of 3 bits"),
        (f"unpack({BYTES}, 4, [12], i32)", "gives no i32 of 4 bits"),
        (f"unpack({BYTES}, 4, [13], u8)", r"of \[13\] takes 7 bytes, not 6"),
        (f"unpack({BYTES}, 4, [10], u8)", r"of \[10\] takes 5 bytes, not 6"),
        (f"decode({FILE}, 4, [12], {TABLE}, low)", "takes bytes, not f32"),
        (f"decode(reshape({BYTES}, [2, 3]), 4, [12], {TABLE}, low)", "takes bytes as they lie"),
        (f"decode({BYTES}, 4, [13], {TABLE}, low)", r"of \[13\] takes 7 bytes, not 6"),
        (f"decode({BYTES}, 2, [24], {TABLE}, low)", "gives no f32 of 2 bits"),
        (f"decode({BYTES}, 8, [6], {TABLE}, low)", r"has \[16\] entries for f32 of 8 bits"),
        (f"decode({BYTES}, 4, [12], {ENTRIES}, low)", "gives no u8 of 4 bits"),
        (f"decode({BYTES}, 4, [12], cast({TABLE}, f16), low)", "takes a table in place"),
        (f"decode({BYTES}, 4, [12], {TABLE}, up)", "the high or the low half"),
        (f"dequantise({FLAGS}, {SCALE}, {SCALE}, [3])", "takes numbers"),
        (f"dequantise({BYTES}, {BYTES}, {SCALE}, [3])", "scales that are no integers"),
        (f"dequantise({BYTES}, {SCALE}, {SCALE}, [3, 1])", "a block for each axis"),
        (f"dequantise({BYTES}, {SCALE}, {SCALE}, [0])", "a block for each axis"),
        (f"dequantise({BYTES}, {SCALE}, {SCALE}, [2])", r"scales of \[2\], not \[3\]"),
        (f"dequantise({BYTES}, {SCALE}, {FILE}, [3])", r"points of \[2, 3\], not \[2\]"),
        (f"dequantise(shard({BYTES}, 2 x [[6/2]]), {ONE}, {ONE}, [3])", "takes no shards"),
    ],
)
def test_text_that_is_no_weight(text: str, message: str):
    with pytest.raises(ParseError, match=message):
        _parsed(text)


CUBE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
ORDERS = list(permutations(range(3)))


def test_transposes_in_a_row_are_one():
    for first, second in product(ORDERS, ORDERS):
        weight = transposed(transposed(inline(CUBE), first), second)
        turned = CUBE.transpose(first).transpose(second)
        np.testing.assert_array_equal(read(weight, Path()), turned, f"{first}, {second}")
        assert not isinstance(weight, Transpose) or weight.source == inline(CUBE)


FORMS = ("alone", "cast", "stack", "concat", "slice", "pad", "shard")


@pytest.mark.parametrize("form", FORMS)
def test_transposes_sink_and_vanish(form: str):
    """Whatever a weight is made of: its elements, and no transpose above what is transposed."""
    for order, perm in product(ORDERS, ORDERS):
        _sinks_and_vanishes(order, perm, form)


def _sinks_and_vanishes(order: tuple[int, ...], perm: tuple[int, ...], form: str) -> None:
    inner: Weight = Transpose(inline(CUBE), order)
    extents = list(inner.shape)
    cut = Sharding(2, ((), (), (Factor(extents[2], 2),)))
    forms: dict[str, Weight] = {
        "alone": inner,
        "cast": Cast(inner, ElementType.F16),
        "stack": Stack((inner, inner)),
        "concat": Concat((inner, inner), 2),
        "slice": Slice(inner, (0, 1, 1), (extents[0], extents[1] - 1, extents[2] - 1)),
        "pad": Pad(inner, (extents[0], extents[1] + 1, extents[2] + 2)),
        "shard": Shard(inner, cut),
    }
    weight = forms[form]
    axes = (0, *(p + 1 for p in perm)) if form == "stack" else perm
    turned = transposed(weight, axes)
    for device in range(2):
        expected = read(for_device(weight, device), Path()).transpose(axes)
        np.testing.assert_array_equal(read(for_device(turned, device), Path()), expected)
    assert all(found.source == inline(CUBE) for found in _transposes(turned))


def _transposes(weight: Weight) -> Iterator[Transpose]:
    if isinstance(weight, Transpose):
        yield weight
    for source in sources_of(weight):
        yield from _transposes(source)


def test_the_parts_of_a_tied_table_are_one_weight():
    """The head has the columns of the transpose that the embedding has the rows of."""
    table = FileRange("w", 0, (50, 8), ElementType.F32)
    rows = Shard(Cast(table, ElementType.F16), Sharding(4, ((Factor(50, 4),), ())))
    head = Cast(Transpose(table, (1, 0)), ElementType.F16)
    columns = Shard(head, Sharding(4, ((), (Factor(50, 4),))))
    assert transposed(columns, (1, 0)) == rows
