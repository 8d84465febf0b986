"""Weight expressions in the IR: the model's files they name, and text that is refused."""

from __future__ import annotations

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
from passes.lpu_mem.layouts.transposing import transposed as turned
from runtime.numerics.elements import ElementType
from runtime.weights.recipes import file_ranges


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


@pytest.mark.parametrize(
    "text",
    [
        'slice(file("w", 0, [4, 2], f32), [1, 0], [2, 2])',
        'pad(file("w", 0, [4, 2], f32), [5, 2])',
        'shard(file("w", 0, [5, 12], f16), 4 x [[5/2:2], [3/2, 4]])',
        'transpose(shard(file("w", 0, [4, 2], f32), 1 x [[], []]), [1, 0])',
    ],
)
def test_parts_of_weights_are_read_as_they_are_printed(text: str):
    weight = _parsed(text)
    assert isinstance(weight, WeightAttr)
    assert str(weight.data) == text


FILE = 'file("w", 0, [2, 3], f32)'


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
    ],
)
def test_text_that_is_no_weight(text: str, message: str):
    with pytest.raises(ParseError, match=message):
        _parsed(text)


CUBE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
ORDERS = list(permutations(range(3)))


@pytest.mark.parametrize(("first", "second"), list(product(ORDERS, ORDERS)))
def test_transposes_in_a_row_are_one(first: tuple[int, ...], second: tuple[int, ...]):
    weight = transposed(transposed(inline(CUBE), first), second)
    np.testing.assert_array_equal(read(weight, Path()), CUBE.transpose(first).transpose(second))
    assert not isinstance(weight, Transpose) or weight.source == inline(CUBE)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("form", ["alone", "cast", "stack", "concat"])
def test_columns_that_stream_are_rows_of_what_is_stored(order: tuple[int, ...], form: str):
    """Whatever the weight is made of, the last two axes change places, and no others."""
    inner: Weight = Transpose(inline(CUBE), order)
    forms: dict[str, Weight] = {
        "alone": inner,
        "cast": Cast(inner, ElementType.F16),
        "stack": Stack((inner, inner)),
        "concat": Concat((inner, inner), 2),
    }
    weight = forms[form]
    np.testing.assert_array_equal(
        read(turned(weight), Path()), read(weight, Path()).swapaxes(-1, -2)
    )
