"""Operations that make elements, or compute each on its own: constants, functions, choices."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import StringAttr
from xdsl.irdl import (
    operand_def,
    prop_def,
    result_def,
    var_operand_def,
)

from dialects.definition import op_definition
from dialects.lpu.attributes import AffineListAttr
from dialects.lpu.facts import ARMS, BY_FUNCTION, NONE, Facts, Form, Zeros
from dialects.lpu.tensors import LpuOp, UnaryOp, verify_broadcast
from dialects.lpu.types import TensorType
from dialects.lpu.weights import Cast, Weight, WeightAttr
from dialects.refusal import HEX_DIGITS
from runtime.numerics.elements import FUNCTIONS1, FUNCTIONS2, ElementType

COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "isnan"})


@op_definition
class ConstantOp(LpuOp):
    """A weight or another constant, by reference: `lpu.constant <file(...)>`."""

    name = "lpu.constant"
    FACTS: ClassVar = Facts(Form.CONSTANT, NONE, Zeros.SEEN, lines=True, weight=None, trunk=None)
    value = prop_def(WeightAttr)
    result = result_def(TensorType)
    assembly_format = "$value attr-dict `:` type($result)"

    def verify_tensors(self) -> None:
        weight, result = self.value.data, self.result_tensor()
        self.require(
            result.is_static
            and result.static_shape() == tuple(weight.shape)
            and result.dtype == weight.dtype,
            f"the weight has shape {list(weight.shape)} of {weight.dtype}",
        )


@op_definition
class FillOp(LpuOp):
    """Every element is `value` (stored bit-exactly, as the hex digits of one element)."""

    name = "lpu.fill"
    FACTS: ClassVar = Facts(Form.CONSTANT, NONE, Zeros.SEEN, lines=True, weight=None, trunk=None)
    value = prop_def(StringAttr)
    result = result_def(TensorType)
    assembly_format = "$value attr-dict `:` type($result)"

    def verify_tensors(self) -> None:
        size = self.result_tensor().dtype.itemsize
        self.require(len(self.value.data) == 2 * size, f"expected {2 * size} hex digits")
        self.require(set(self.value.data) <= HEX_DIGITS, "its value is not in hex digits")


@op_definition
class IotaOp(LpuOp):
    """
    Integers affine in the index: element `i` is `base + sum(coefficients[d] * i[d])`.

    `coefficients` holds the base first, then one coefficient for each axis; each may depend on
    symbols. A scalar known only at run time, such as `P + 1`, is an iota of rank 0.
    """

    name = "lpu.iota"
    FACTS: ClassVar = Facts(Form.INDEX, NONE, Zeros.SEEN, lines=True, weight=None, trunk=None)
    coefficients = prop_def(AffineListAttr)
    result = result_def(TensorType)
    assembly_format = "$coefficients attr-dict `:` type($result)"

    def verify_tensors(self) -> None:
        result = self.result_tensor()
        self.require(
            len(self.coefficients.data) == result.rank + 1, "a base and one coefficient per axis"
        )
        self.require(result.dtype in (ElementType.I64, ElementType.I32), "integers only")


@op_definition
class MapOp(LpuOp):
    """`fn` of one or two operands, element by element, with broadcasting."""

    name = "lpu.map"
    FACTS: ClassVar = Facts(
        Form.ELEMENTWISE, NONE, BY_FUNCTION, lines=True, weight=None, trunk=None
    )
    fn = prop_def(StringAttr)
    inputs = var_operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = "$fn $inputs attr-dict `:` type($inputs) `->` type($result)"

    def verify_tensors(self) -> None:
        fn, count = self.fn.data, len(self.operands)
        table = {1: FUNCTIONS1, 2: FUNCTIONS2}.get(count, {})
        self.require(fn in table, f"no function '{fn}' of {count} operands")
        operands, result = self.operand_tensors(), self.result_tensor()
        dtype = operands[0].dtype
        self.require(len({t.dtype for t in operands}) == 1, "operands of one element type")
        self.require(table[fn].accepts(dtype), f"'{fn}' does not take {dtype}")
        expected = ElementType.BOOL if fn in COMPARISONS else dtype
        self.require(result.dtype == expected, f"the result of '{fn}' is {expected}")
        verify_broadcast(self)


@op_definition
class SelectOp(LpuOp):
    """Where `condition` holds the element of `on_true`, elsewhere that of `on_false`."""

    name = "lpu.select"
    FACTS: ClassVar = Facts(Form.ELEMENTWISE, ARMS, Zeros.KEPT, lines=True, weight=None, trunk=None)
    condition = operand_def(TensorType)
    on_true = operand_def(TensorType)
    on_false = operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = (
        "$condition `,` $on_true `,` $on_false attr-dict `:` type($condition) `,` type($on_true)"
        " `,` type($on_false) `->` type($result)"
    )

    def verify_tensors(self) -> None:
        condition, on_true, on_false = self.operand_tensors()
        self.require(condition.dtype == ElementType.BOOL, "the condition is bool")
        dtypes = {on_true.dtype, on_false.dtype, self.result_tensor().dtype}
        self.require(len(dtypes) == 1, "both branches and the result share one element type")
        verify_broadcast(self)


def _cast(op: LpuOp, weight: Weight) -> Weight:
    return Cast(weight, op.result_tensor().dtype)


@op_definition
class CastOp(UnaryOp):
    """The same values in another element type; to bool: is not zero; to integer: truncated."""

    name = "lpu.cast"
    FACTS: ClassVar = Facts(Form.ELEMENTWISE, NONE, Zeros.KEPT, lines=True, weight=_cast, trunk=0)
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def verify_tensors(self) -> None:
        same = self.source_tensor().shape == self.result_tensor().shape
        self.require(same, "a cast keeps the shape")


OPS: list[type[LpuOp]] = [ConstantOp, FillOp, IotaOp, MapOp, SelectOp, CastOp]
