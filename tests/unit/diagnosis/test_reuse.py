"""What another run computed is taken where it must be the same, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation

from dialects.lpu.attributes import IntsAttr
from dialects.lpu.elementwise import MapOp
from dialects.lpu.movement import TransposeOp
from dialects.observing import OnDevices
from lpuc.diagnosis.judging.reuse import Reuse

NEG = StringAttr("neg")
X = np.arange(3, dtype=np.float32)
SYMBOLS = [{"P": 4}]


@dataclass
class Counted:
    """Asks for results, and counts what is computed for them."""

    memo: Reuse = field(default_factory=Reuse)
    computed: int = 0

    def __call__(
        self, op: Operation, given: np.ndarray = X, symbols: list[dict[str, int]] = SYMBOLS
    ) -> np.ndarray:
        def compute() -> list[OnDevices]:
            self.computed += 1
            return [[-given]]

        return self.memo.results(op, [[given]], symbols, compute)[0][0]


def _op(**properties: StringAttr | IntsAttr) -> MapOp:
    return MapOp.create(properties=properties)


@pytest.fixture
def asked() -> Counted:
    found = Counted()
    found(_op(fn=NEG))
    return found


def test_an_equal_operation_on_the_same_array_is_known(asked: Counted):
    np.testing.assert_array_equal(asked(_op(fn=NEG)), -X)
    assert asked.computed == 1


def test_others_are_computed(asked: Counted):
    asked(_op(fn=StringAttr("exp")))
    asked(_op(fn=NEG, axes=IntsAttr((0,))))
    asked(TransposeOp.create(properties={"fn": NEG}))
    asked(_op(fn=NEG), X + 1)
    asked(_op(fn=NEG), symbols=[{"P": 5}])
    assert asked.computed == 6


def test_equal_results_are_one_array():
    memo = Reuse()
    (first,) = memo.kept([X.copy()])
    assert memo.kept([X.copy()])[0] is first
    assert memo.kept([X.astype(np.float64)])[0] is not first
    assert memo.kept([X.reshape(3, 1)])[0] is not first
    assert (
        memo.kept([np.array([-0.0], np.float32)])[0]
        is not memo.kept([np.array([0.0], np.float32)])[0]
    )


def test_it_is_known_for_another_pass_and_no_longer(asked: Counted):
    for one in ("a", "b"):
        asked.memo.look_at(one)
        asked(_op(fn=NEG))
    assert asked.computed == 1
    for one in ("c", "d"):
        asked.memo.look_at(one)
    asked(_op(fn=NEG))
    assert asked.computed == 2
