"""Passes of the vector engine on every kernel of this machine."""

import numpy as np
import pytest

from runtime.native.library import Kernel
from runtime.native.passes import Function, prepare
from tests.unit.runtime.native.judging_passes import wrong
from tests.unit.runtime.native.kernels import KERNELS, needs_library

pytestmark = needs_library


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
@pytest.mark.parametrize("seed", range(3))
def test_passes_give_what_numpy_gives(kernel: Kernel, seed: int) -> None:
    assert not wrong(kernel, seed)


def test_a_result_that_lies_across_an_operand_is_not_taken() -> None:
    """numpy copies such operands; in place is right, element by element."""
    x = np.arange(40, dtype=np.float32)
    assert prepare(KERNELS[0], Function.ADD, (x[1:], x[:-1], x[1:]), (0, 0, 0)) is None
    assert prepare(KERNELS[0], Function.ADD, (x, x[:1], x), (0, 0, 0)) is None
    assert prepare(KERNELS[0], Function.ADD, (x, x, x), (0, 0, 0)) is not None
