"""
Operations that several others were raised to: softmax, norm, rotary embedding, attention.

No lowering from ONNX makes them; the passes `lpu-raise-*` find them in what other operations
compute. Between operands and result everything is f32: rounding happens where a description says
so, and in the result. Floats of any width go in and come out.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import Float32Type, FloatAttr, StringAttr
from xdsl.irdl import (
    AttrSizedOperandSegments,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    var_operand_def,
)

from dialects.affine import Affine
from dialects.definition import op_definition
from dialects.lpu.facts import NONE, Facts, Form, Zeros
from dialects.lpu.tensors import LpuOp, UnaryOp, joined, tensor_of
from dialects.lpu.types import Tensor, TensorType
from runtime.numerics.elements import ElementType

EMPTY_ROWS = frozenset({"nan", "zero", "guarded"})
"""
What a softmax makes of a row of -inf alone: NaN, as in ONNX, or zeros. Where it is "guarded", all
rows that would be NaN are zeros, those that hold NaN or inf as well.
"""
NORMS = frozenset({"layer", "rms"})

F32Attr = FloatAttr[Float32Type]


def _require_floats(op: LpuOp, *tensors: Tensor) -> None:
    op.require(all(t.dtype.is_float for t in tensors), "operands and result are floats")


def _require_empty(op: LpuOp, empty: StringAttr) -> None:
    op.require(empty.data in EMPTY_ROWS, f"no result '{empty.data}' of empty rows")


def _require_spread(op: LpuOp, tensor: Tensor, shape: tuple[Affine, ...], what: str) -> None:
    """A tensor must broadcast to a shape without changing it."""
    fits = joined(op, tensor.shape, shape) == shape
    op.require(fits, f"{what} broadcasts to [{', '.join(map(str, shape))}]")


@op_definition
class SoftmaxOp(UnaryOp):
    """`exp(x - max) / sum` along the last axis."""

    name = "lpu.softmax"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.LOST, lines=False, weight=None, trunk=None)
    empty = prop_def(StringAttr)
    assembly_format = "$source `empty` $empty attr-dict `:` type($source) `->` type($result)"

    def verify_tensors(self) -> None:
        source, result = self.source_tensor(), self.result_tensor()
        _require_floats(self, source, result)
        self.require(
            source.rank >= 1 and source.shape == result.shape, "a softmax keeps the extents"
        )
        _require_empty(self, self.empty)


@op_definition
class NormOp(LpuOp):
    """
    `(x - mean) / sqrt(mean((x - mean)^2) + epsilon) * weight + bias` along the last axis.

    "rms" leaves the means of `x` out. Where there is a weight, what it is multiplied with is
    rounded to the type of the weight, and so are product and sum.
    """

    name = "lpu.norm"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=0)
    kind = prop_def(StringAttr)
    epsilon = prop_def(F32Attr)
    source = operand_def(TensorType)
    weight = opt_operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    result = result_def(TensorType)
    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    assembly_format = (
        "$kind $source (`weight` $weight^ `:` type($weight))? (`bias` $bias^ `:` type($bias))?"
        " `epsilon` $epsilon attr-dict `:` type($source) `->` type($result)"
    )

    def verify_tensors(self) -> None:
        source, *parameters = self.operand_tensors()
        result = self.result_tensor()
        self.require(self.kind.data in NORMS, f"no norm '{self.kind.data}'")
        _require_floats(self, source, result, *parameters)
        self.require(source.rank >= 1 and source.shape == result.shape, "a norm keeps the extents")
        dtypes = {t.dtype for t in parameters}
        rounded = dtypes <= {ElementType.F32} or dtypes == {result.dtype}
        self.require(rounded, "weight and bias are f32, or both of the type of the result")
        self.require(self.bias is None or self.weight is not None, "no bias without a weight")
        for tensor in parameters:
            _require_spread(self, tensor, source.shape, "a parameter")


@op_definition
class RotaryOp(LpuOp):
    """
    The halves `a` and `b` of the last axis become `a cos - b sin` and `b cos + a sin`.

    `cos` and `sin` broadcast to `x`, or to one half of it when both halves turn alike.
    """

    name = "lpu.rotary"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=0)
    source = operand_def(TensorType)
    cos = operand_def(TensorType)
    sin = operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = (
        "$source `,` $cos `,` $sin attr-dict `:` type($source) `,` type($cos) `,` type($sin)"
        " `->` type($result)"
    )

    def verify_tensors(self) -> None:
        source, cos, sin = self.operand_tensors()
        result = self.result_tensor()
        _require_floats(self, source, cos, sin, result)
        self.require(
            source.rank >= 1 and source.shape == result.shape, "a turned tensor keeps the extents"
        )
        width = source.shape[-1]
        self.require(width.is_const and width.const % 2 == 0, "the last axis has two halves")
        self.require(cos.rank >= 1 and cos.shape == sin.shape, "cos and sin have one shape")
        whole = cos.shape[-1] == width
        shape = source.shape if whole else (*source.shape[:-1], width // 2)
        self.require(whole or cos.shape[-1] == width // 2, "cos is as wide as x or half of it")
        _require_spread(self, cos, shape, "cos")


@op_definition
class AttentionOp(LpuOp):
    """
    `softmax(scale * q k^T + biases, where all of keeps hold) v`, with grouped heads.

    `q [B, H, S, D]`, `k [B, Hk, T, D]` and `v [B, Hk, T, E]` give `[B, H, S, E]`; query head `h`
    reads key head `h / (H / Hk)`. `softcap c` above 0 makes the scaled scores `c tanh(s / c)`.
    Scaled queries are rounded to the type of `k`, the softmax to the type of `v`. Without keys the
    result is zeros.
    """

    name = "lpu.attention"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=None)
    scale = prop_def(F32Attr)
    softcap = prop_def(F32Attr)
    empty = prop_def(StringAttr)
    query = operand_def(TensorType)
    key = operand_def(TensorType)
    value = operand_def(TensorType)
    biases = var_operand_def(TensorType)
    keeps = var_operand_def(TensorType)
    result = result_def(TensorType)
    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    assembly_format = (
        "$query `,` $key `,` $value (`biases` $biases^ `:` type($biases))?"
        " (`keeps` $keeps^ `:` type($keeps))? `scale` $scale `softcap` $softcap `empty` $empty"
        " attr-dict `:` type($query) `,` type($key) `,` type($value) `->` type($result)"
    )

    def verify_tensors(self) -> None:
        query, key, value = (tensor_of(v) for v in (self.query, self.key, self.value))
        result = self.result_tensor()
        self.require({t.rank for t in (query, key, value, result)} == {4}, "operands of rank 4")
        _require_floats(self, query, key, value, result)
        batch, heads, rows, depth = query.shape
        shared, columns = key.shape[1], key.shape[2]
        self.require(key.shape == (batch, shared, columns, depth), "q and k differ in shape")
        self.require(value.shape[:3] == key.shape[:3], "k and v differ in shape")
        expected = (batch, heads, rows, value.shape[3])
        self.require(result.shape == expected, f"attention gives [{', '.join(map(str, expected))}]")
        known = heads.is_const and shared.is_const and shared.const > 0
        grouped = known and heads.const % shared.const == 0
        self.require(grouped, "query heads are a multiple of key heads")
        _require_empty(self, self.empty)
        self._verify_masks((batch, heads, rows, columns))

    def _verify_masks(self, scores: tuple[Affine, ...]) -> None:
        for operand in self.biases:
            self.require(tensor_of(operand).dtype.is_float, "biases are floats")
            _require_spread(self, tensor_of(operand), scores, "a bias")
        for operand in self.keeps:
            self.require(tensor_of(operand).dtype is ElementType.BOOL, "keeps are bool")
            _require_spread(self, tensor_of(operand), scores, "a keep")


OPS: list[type[LpuOp]] = [SoftmaxOp, NormOp, RotaryOp, AttentionOp]
